"""WebVTT as it is written: times, cues, and text that no parser can misread. Pure.

The syntax is that of WebVTT, https://www.w3.org/TR/webvtt1/ section 4, which is narrower than what browsers
read: cues in the order of their beginnings, tags that are closed, `&`, `<` and `>` escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MEDIA_TYPE = "text/vtt"

PLAIN_TAGS = frozenset({"b", "i", "u"})
"""Tags that all kinds of subtitles have."""

TAGS = PLAIN_TAGS | {"c", "v", "lang", "ruby", "rt"}
"""Tags of WebVTT."""

_NAMED = frozenset({"v", "lang"})
"""Tags that must have an annotation: a speaker, a language."""

_SHOWN_FOR = 2.0
"""Seconds that a cue is shown which ends before it begins."""

_LONGEST = 359_999_999.0
"""Seconds: the largest time that is written, with eight digits of hours at most."""

_DEEPEST = 16
"""Tags in each other: more of them mean nothing."""

_token = re.compile(r"<(/?)([A-Za-z]+)((?:\.[^\s<>.&]+)*)(?:[ \t\n]+([^<>]*))?/?>|<[/A-Za-z0-9!][^<>]*>")
_class = re.compile(r"\.[\w-]+")
_reference = re.compile(r"&(?:amp|lt|gt|nbsp|lrm|rlm|quot|apos|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});")
# Nothing that is no character: NUL and other controls, halves of surrogates, what Unicode will never have.
_unwritable = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Cue:
    """A text and when it is shown.

    Args:
        begin: seconds from the film's beginning.
        end: likewise.
        text: cue text of WebVTT, made by `clean` or free of markup.
        settings: where it stands, such as `line:0 align:left`.
    """

    begin: float
    end: float
    text: str
    settings: str = ""


def write(cues: Iterable[Cue]) -> str:
    """A WebVTT file; cues without text are left out.

    Args:
        cues: in any order. One that does not end after its beginning is shown for two seconds.
    """
    blocks = ["WEBVTT\n"]
    for cue in sorted(cues, key=lambda each: each.begin):
        lines = [line for line in cue.text.split("\n") if line.strip()]
        if lines:
            blocks.append("\n".join([_timing(cue), *lines, ""]))
    return "\n".join(blocks)


def timestamp(seconds: float) -> str:
    """A time as `01:23:45.678`; hours have as many digits as they need."""
    thousandths = round(min(max(seconds, 0.0), _LONGEST) * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}.{rest % 1000:03}"


def clean(text: str, tags: frozenset[str] = PLAIN_TAGS) -> str:
    """Cue text of WebVTT: known tags, closed where they were not, and everything else as text.

    Args:
        text: lines with tags in angle brackets. Character references of WebVTT stay what they are.
        tags: which ones are kept; of the others only what they enclose.
    """
    text = _unwritable.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    made, opened, place = [], _Opened(), 0
    for found in _token.finditer(text):
        made += [_escaped(text[place : found.start()]), opened.take(found, tags)]
        place = found.end()
    made += [_escaped(text[place:]), opened.close(0)]
    return "\n".join(line for each in "".join(made).split("\n") if (line := each.strip()))


class _Opened:
    """The tags that wait for their end."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def take(self, found: re.Match[str], tags: frozenset[str]) -> str:
        """What is written for a tag."""
        slash, name, classes, annotation = found.groups(default="")
        name = name.lower()
        if name not in tags or (len(self._names) >= _DEEPEST and not slash):
            return ""
        if slash:
            if name not in self._names:
                return ""
            return self.close(len(self._names) - 1 - self._names[::-1].index(name))
        annotation = " ".join(_escaped(annotation).split())
        if (name in _NAMED) != bool(annotation):
            annotation = ""
            if name in _NAMED:
                return ""
        self._names.append(name)
        return f"<{name}{''.join(_class.findall(classes))}{f' {annotation}' if annotation else ''}>"

    def close(self, down_to: int) -> str:
        """The ends of all tags from the innermost one to that of a depth."""
        closed = [f"</{name}>" for name in reversed(self._names[down_to:])]
        del self._names[down_to:]
        return "".join(closed)


def _escaped(text: str) -> str:
    made, place = [], 0
    for found in _reference.finditer(text):
        made += [_plain(text[place : found.start()]), found[0]]
        place = found.end()
    return "".join([*made, _plain(text[place:])])


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _timing(cue: Cue) -> str:
    first = min(max(cue.begin, 0.0), _LONGEST - _SHOWN_FOR)
    begin, end = timestamp(first), timestamp(cue.end)
    if round(cue.end * 1000) <= round(first * 1000):
        end = timestamp(first + _SHOWN_FOR)
    return f"{begin} --> {end} {cue.settings}".rstrip()


def references(text: str, changed: Callable[[str], str]) -> str:
    """A WebVTT file of `tiles.cues` with each of its references changed, to be signed for example.

    Args:
        text: of the file.
        changed: from a reference without its fragment to another one.
    """
    return re.sub(r"^\?[^\s#]*(?=#xywh=)", lambda found: changed(found[0]), text, flags=re.MULTILINE)
