"""Subtitles in files of their own, as people find them: SubRip, WebVTT, SubStation Alpha. Pure.

Nobody has written down what SubRip is. What is read here is what is around: any end of line, times with
commas or points, numbers and empty lines that are missing, tags of HTML and of SubStation Alpha.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from tornado_media.errors import SourceUnusable
from tornado_media.formats.webvtt import TAGS, Cue, clean, write

_TIME = r"(?:(\d{1,6})[ \t]*:[ \t]*)?(\d{1,3})[ \t]*:[ \t]*(\d{1,2})(?:[ \t]*[,.:;][ \t]*(\d{1,9}))?"
_timing = re.compile(rf"^[ \t]*{_TIME}[ \t]*-{{1,2}}>[ \t]*{_TIME}(?![\d,.:])(.*)$")
_head = re.compile(rf"(?:\d+[ \t]*(?:\r\n|\n|\r))?[ \t]*{_TIME}[ \t]*-{{1,2}}>[ \t]*{_TIME}(?![\d,.:])")
_number = re.compile(r"[ \t]*\d+[ \t]*")
_override = re.compile(r"\{(\\[^{}]*|[YyCcFfSsPp]:[^{}]*)\}")
_place = re.compile(r"\\an([1-9])")
_italic = re.compile(r"\\([ibu])([01])(?![\w.])")
# Bounds, since without them a hostile text would take the square of its length.
_drawing = re.compile(
    r"\{[^{}]{0,200}\\p[1-9][^{}]{0,200}\}.*?(?:\{[^{}]{0,200}\\p0[^{}]{0,200}\}|$)", re.DOTALL
)
_dialogue = re.compile(r"^Dialogue[ \t]*:[ \t]*(.*)$", re.IGNORECASE)
_format = re.compile(r"^Format[ \t]*:[ \t]*(.*)$", re.IGNORECASE)
_settings = {
    "vertical": re.compile(r"rl|lr"),
    "line": re.compile(r"(?:-?\d{1,4}|(?:100|\d{1,2})(?:\.\d+)?%)(?:,(?:start|center|end))?"),
    "position": re.compile(r"(?:100|\d{1,2})(?:\.\d+)?%(?:,(?:line-left|center|line-right))?"),
    "size": re.compile(r"(?:100|\d{1,2})(?:\.\d+)?%"),
    "align": re.compile(r"start|center|end|left|right"),
}  # fmt: skip
_ASS_FIELDS = ("layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def to_webvtt(content: bytes, charset: str | None = None) -> str:
    """A file of subtitles as WebVTT.

    Args:
        content: of the file: SubRip, WebVTT or SubStation Alpha.
        charset: a name that Python knows; None: found out by `decoded`.

    Raises:
        SourceUnusable: there are no subtitles in it.
    """
    text = decoded(content, charset)
    if text.startswith("WEBVTT"):
        cues = list(read_webvtt(text))
    elif _is_ass(text):
        cues = list(read_ass(text))
    else:
        cues = list(read_subrip(text))
        if not cues:
            raise SourceUnusable("There are no subtitles in this source: no line has two times and an arrow.")
    return write(cues)


def decoded(content: bytes, charset: str | None = None) -> str:
    """The text of a file.

    A byte order mark decides, then zero bytes, which only UTF-16 has, then whether it is UTF-8. Anything else
    is windows-1252; or windows-1251, where most of the letters are none of ASCII, which no western language
    has.

    Args:
        content: of the file; what is no text in its charset becomes U+FFFD.
        charset: a name that Python knows, for what has no byte order mark.
    """
    name = next((name for mark, name in _MARKS if content.startswith(mark)), charset)
    name = name or _without_mark(content)
    return content.decode(name, errors="replace").removeprefix("\ufeff")


def subtitle_type(head: bytes) -> str | None:
    """The media type of a file of subtitles, or None: to be asked after what is dangerous was looked for.

    Args:
        head: the first bytes of a file.

    Returns:
        `text/vtt`, `text/x-ssa` (both only for UTF-8, and the latter for UTF-16 with a mark), or
        `application/x-subrip`, in any charset.
    """
    text = decoded(head)
    if "\x00" in text:
        return None
    if _head.match(text.lstrip()):
        return "application/x-subrip"
    if text.startswith("[Script Info]"):
        return "text/x-ssa" if _is_unicode(head) else None
    vtt = re.match(r"WEBVTT(?:[ \t\r\n]|$)", text) and not head.startswith((b"\xff\xfe", b"\xfe\xff"))
    return "text/vtt" if vtt and _is_unicode(head) else None


def read_subrip(text: str) -> Iterator[Cue]:
    """The cues of SubRip, in their order."""
    for begin, end, lines, _ in _timed(_lines(text)):
        body = "\n".join(lines)
        place = _place.search(body)
        body = (
            _override.sub(_tags_of, body).replace("\\N", "\n").replace("\\n", "\n").replace("\\h", "&nbsp;")
        )
        yield Cue(begin, end, clean(body), _standing(place))


def read_webvtt(text: str) -> Iterator[Cue]:
    """The cues of WebVTT, without what is around them: notes, styles, regions, identifiers, karaoke."""
    for begin, end, lines, rest in _timed(_lines(text)):
        # A block ends with an empty line: what is then before the next times is its name, or a note.
        body = lines[: next((n for n, line in enumerate(lines) if not line.strip()), len(lines))]
        given = (part.partition(":") for part in rest.split())
        kept = {
            name: value for name, _, value in given if name in _settings and _settings[name].fullmatch(value)
        }
        settings = " ".join(f"{name}:{value}" for name, value in kept.items())
        yield Cue(begin, end, clean("\n".join(body), TAGS), settings)


def read_ass(text: str) -> Iterator[Cue]:
    """The cues of SubStation Alpha, with its lines, italics and places, but no other styles."""
    fields: tuple[str, ...] = _ASS_FIELDS
    section = ""
    for line in _lines(text):
        if line.startswith("["):
            section = line.strip().lower()
        elif section == "[events]" and (found := _format.match(line)):
            fields = tuple(name.strip().lower() for name in found[1].split(","))
        elif section == "[events]" and (found := _dialogue.match(line)):
            values = dict(zip(fields, found[1].split(",", len(fields) - 1), strict=False))
            if (cue := _ass_cue(values)) is not None:
                yield cue


def _ass_cue(values: dict[str, str]) -> Cue | None:
    timing = _timing.match(f"{values.get('start', '')} --> {values.get('end', '')}")
    if timing is None:
        return None
    body = _drawing.sub("", values.get("text", ""))
    place = _place.search(body)
    body = body.replace("&", "&amp;").replace("<", "&lt;")
    body = _override.sub(_tags_of, body).replace("\\N", "\n").replace("\\n", " ").replace("\\h", "&nbsp;")
    return Cue(*_times(timing), clean(body), _standing(place))


def _timed(lines: list[str]) -> Iterator[tuple[float, float, list[str], str]]:
    """Begin, end, the lines up to the next cue without its number, and what stood beside the times."""
    found = [(number, match) for number, line in enumerate(lines) if (match := _timing.match(line))]
    # One more than there are cues where there is none.
    nexts = [number for number, _ in found[1:]] + [len(lines)]
    for (number, match), following in zip(found, nexts, strict=False):
        body = lines[number + 1 : following]
        if following < len(lines) and body and _number.fullmatch(body[-1]):
            body.pop()
        yield *_times(match), body, match[9]


def _times(match: re.Match[str]) -> tuple[float, float]:
    first, second = match.groups()[:4], match.groups()[4:8]
    begin, end = (
        int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{part or 0}")
        for hours, minutes, seconds, part in (first, second)
    )
    return begin, end


def _tags_of(found: re.Match[str]) -> str:
    """`{\\i1}` and `{\\i0}` as tags; everything else in braces says how something looks, or moves."""
    marks = (f"<{'' if on == '1' else '/'}{name}>" for name, on in _italic.findall(found[1]))
    return "".join(marks) if not found[1].startswith(("Y", "y")) else ""


def _standing(place: re.Match[str] | None) -> str:
    """Settings for a place as on the keypad of a keyboard: 8 is above, in the middle."""
    if place is None:
        return ""
    row, column = divmod(int(place[1]) - 1, 3)
    settings = [("", "line:50%", "line:0")[row], ("align:left", "", "align:right")[column]]
    return " ".join(each for each in settings if each)


def _is_ass(text: str) -> bool:
    return re.match(r"\s*\[Script Info\]|(?s:.{0,20000})^\[Events\]", text, re.MULTILINE) is not None


def _is_unicode(content: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content)
    except UnicodeDecodeError:
        return content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return True


def _lines(text: str) -> list[str]:
    return re.split(r"\r\n|\n|\r", text)


def _without_mark(content: bytes) -> str:
    first = content[:200]
    if 0 < first.count(0) < len(first):  # times and digits have a zero byte each in UTF-16
        return "utf-16-le" if first[1::2].count(0) > first[::2].count(0) else "utf-16-be"
    try:
        content.decode()
    except UnicodeDecodeError:
        return _guess(content)
    return "utf-8"


def _guess(content: bytes) -> str:
    letters = sum(1 for byte in content if 0x41 <= byte <= 0x5A or 0x61 <= byte <= 0x7A)
    others = sum(1 for byte in content if byte >= 0xC0)
    return "cp1251" if others > 2 * letters else "cp1252"
