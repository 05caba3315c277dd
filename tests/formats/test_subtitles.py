"""Files of subtitles as they are around, and bytes that are none."""

from __future__ import annotations

import contextlib
import runpy
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.errors import SourceUnusable
from tornado_media.formats.subtitles import decoded, subtitle_type, to_webvtt

parse = runpy.run_path(str(Path(__file__).with_name("webvtt_reader.py")))["parse"]

TWO = "1\n00:00:01,000 --> 00:00:02,500\nOne\n\n2\n00:00:03,000 --> 00:00:04,000\nTwo\nlines\n"
OF_TWO = [(1.0, 2.5, "One", ""), (3.0, 4.0, "Two\nlines", "")]


def cues(content):
    return parse(to_webvtt(content.encode() if isinstance(content, str) else content))


@pytest.mark.parametrize(
    "content",
    [
        TWO,
        "\ufeff" + TWO,
        TWO.replace("\n", "\r\n"),
        TWO.replace("\n", "\r"),
        TWO.replace(",", "."),
        TWO.replace("1\n00", "00").replace("2\n00", "00"),
        TWO.replace("\n\n", "\n"),
        TWO.replace("\n\n", "\n \n\n\n"),
        TWO.replace("One\n", "One\n\n"),
        TWO.replace("00:00:0", "0:0:"),
        TWO.replace("00:00:0", "00:0"),
        TWO.replace("00:00:", " 00 : 00 : "),
        TWO.replace(",000", ""),
        TWO.replace(" --> ", "-->"),
        TWO.replace(" --> ", " -> "),
        TWO.replace("00,000\n", "00,000  X1:40 X2:600 Y1:20 Y2:50\n"),
        TWO.replace("Two", "{\\fad(200,200)}Two"),
        TWO.replace("One", "{y:b}One"),
        "\n\n" + TWO.rstrip(),
        TWO.encode("utf-16"),
        "\ufeff".encode("utf-16-be") + TWO.encode("utf-16-be"),
        TWO.encode("utf-16-le"),
        TWO.encode("utf-16-be"),
        TWO.encode("utf-32"),
    ],
)
def test_all_that_calls_itself_subrip(content):
    assert cues(content) == OF_TWO


@pytest.mark.parametrize(
    ("body", "text", "settings"),
    [
        ("<i>a</i> <b>b</b> <u>c</u>", "<i>a</i> <b>b</b> <u>c</u>", ""),
        ('<font color="#fff">white</font>', "white", ""),
        ("{\\an8}above", "above", "line:0"),
        ("{\\an7}left", "left", "line:0 align:left"),
        ("{\\an3}right", "right", "align:right"),
        ("{\\an5}middle", "middle", "line:50%"),
        ("{\\i1}slanted{\\i0} or not", "<i>slanted</i> or not", ""),
        ("one\\Ntwo", "one\ntwo", ""),
        ("1984", "1984", ""),
        ("1 --> 2", "1 --&gt; 2", ""),
        ("{braces} stay", "{braces} stay", ""),
        ("Müller & Söhne", "Müller &amp; Söhne", ""),
    ],
)
def test_text_of_subrip(body, text, settings):
    assert cues(f"1\n00:00:01,000 --> 00:00:02,000\n{body}\n") == [(1, 2, text, settings)]


def test_a_text_that_is_a_number_is_no_number_of_a_cue():
    found = cues("00:00:01,000 --> 00:00:02,000\n42\n\n00:00:03,000 --> 00:00:04,000\nx\n")
    assert [text for _, _, text, _ in found] == ["42", "x"]


def test_long_and_wrong_and_overlapping_times():
    found = cues(
        "1\n123:00:01,000 --> 123:00:02,000\nlate\n\n"
        "2\n00:00:05,000 --> 00:00:09,000\nlong\n\n"
        "3\n00:00:06,000 --> 00:00:07,000\nover it\n\n"
        "4\n00:00:08,000 --> 00:00:08,000\nno time\n"
    )
    late = 123 * 3600 + 1
    assert found == [
        (5, 9, "long", ""),
        (6, 7, "over it", ""),
        (8, 10, "no time", ""),
        (late, late + 1, "late", ""),
    ]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Größe — “so”".encode("cp1252"), "Größe — “so”"),
        ("naïve".encode("cp1252"), "naïve"),
        ("Привет, как дела?".encode("cp1251"), "Привет, как дела?"),
        ("Größe".encode(), "Größe"),
        ("漢字".encode("utf-16"), "漢字"),
        (b"\x81", "\ufffd"),
    ],
)
def test_charsets(content, text):
    assert decoded(content) == text


def test_a_charset_that_is_said():
    content = "1\n00:00:01,000 --> 00:00:02,000\nΚαλημέρα\n".encode("cp1253")
    assert parse(to_webvtt(content, "cp1253"))[0][2] == "Καλημέρα"
    assert parse(to_webvtt(b"\xef\xbb\xbf" + TWO.encode(), "cp1253")) == OF_TWO


WEBVTT = """WEBVTT - a title

STYLE
::cue { color: red }

REGION
id:fred

NOTE
00:00:00.500 is no cue

first
00:01.000 --> 00:02.500 align:start line:0 region:fred nonsense:1 line:5
<v Bob>Hi <00:00:01.500><c.yellow>there</c>

00:00:03.000 --> 00:00:04.000 position:10%,line-left size:50%
It's 5 < 6 &amp; more

NOTE the end
"""


def test_webvtt_is_cleaned():
    assert cues(WEBVTT) == [
        (1.0, 2.5, "<v Bob>Hi <c.yellow>there</c></v>", "align:start line:5"),
        (3.0, 4.0, "It's 5 &lt; 6 &amp; more", "position:10%,line-left size:50%"),
    ]


def test_what_was_made_stays_the_same():
    made = to_webvtt(WEBVTT.encode())
    assert to_webvtt(made.encode()) == made


ASS = """[Script Info]
Title: x

[V4+ Styles]
Format: Name, Fontname
Style: Default,Arial

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,never
Dialogue: 0,0:00:03.00,0:00:04.50,Default,,0,0,0,,{\\an8\\b1}Above{\\b0}, & <so>\\Non
Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\i1}slanted
Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100{\\p0}
Dialogue: broken
"""


def test_substation_alpha():
    assert cues(ASS) == [
        (1.0, 2.0, "<i>slanted</i>", ""),
        (3.0, 4.5, "<b>Above</b>, &amp; &lt;so&gt;\non", "line:0"),
    ]


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x00" * 50, b"\x89PNG\r\n", b"1\n2\n3\n", b"00:00:01,000 -->"]
)
def test_no_subtitles(content):
    with pytest.raises(SourceUnusable, match="no subtitles"):
        to_webvtt(content)


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (TWO.encode(), "application/x-subrip"),
        (b"\xef\xbb\xbf" + TWO.replace("\n", "\r\n").encode(), "application/x-subrip"),
        (TWO.encode("utf-16"), "application/x-subrip"),
        (TWO.replace("One", "Größe").encode("cp1252"), "application/x-subrip"),
        (TWO.partition("\n")[2].encode(), "application/x-subrip"),
        (b"\n\n" + TWO.encode()[:40], "application/x-subrip"),
        (WEBVTT.encode(), "text/vtt"),
        (b"WEBVTT", "text/vtt"),
        (b"\xef\xbb\xbfWEBVTT\n", "text/vtt"),
        (b"WEBVTTX", None),
        (b"WEBVTT\n\xff", None),
        ("WEBVTT\n".encode("utf-16"), None),
        (ASS.encode(), "text/x-ssa"),
        (b"[Script Info]\n\xff", None),
        (b"", None),
        (b"1\n", None),
        (b"#EXTM3U\n1\n00:00:01,000 --> 00:00:02,000\n", None),
        (b"<html>\n00:00:01,000 --> 00:00:02,000\n", None),
        (b"00:00:01,000 --> 00:00:02,000\n\x00", None),
        (b"At 10:00 --> 11:00 we meet", None),
    ],
)
def test_files_of_subtitles_by_their_content(head, media_type):
    assert subtitle_type(head) == media_type


PIECES = st.sampled_from(
    [b"\n", b"\r\n", b"1", b"00:00:01,000", b" --> ", b"00:00:0", b"2.5", b"WEBVTT", b"[Script Info]\n",
     b"<i>", b"[Events]\n", b"Dialogue: 0,0:00:01.00,0:00:02.00,,,,,,,", b"{\\an8}", b"{\\i1}", b"&", b"\xff",
     b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3\xa4", b"\x00", b"text", b" line:0", b"STYLE\n"]
)  # fmt: skip


@given(st.one_of(st.binary(), st.lists(PIECES, max_size=40).map(b"".join)))
def test_any_bytes_are_subtitles_or_refused(content):
    subtitle_type(content)
    try:
        made = to_webvtt(content)
    except SourceUnusable:
        return
    parse(made)
    made.encode()


LONG = (
    b"{",
    b"<",
    b"{\\p1}",
    b"{\\",
    b"1 ",
    b"0:",
    b"\n",
    b" ",
    b"&",
    b"<i>",
    b"</b>",
    b"<v ",
    b"<i></i>",
    b"[Events]\n",
)


@pytest.mark.parametrize("piece", [*LONG, b"00:00:01,0 --> 00:00:02\n", b"{\\an8}<i>&"])
def test_no_text_takes_long(piece):
    for beginning in (b"", b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n", ASS.encode()):
        began = time.process_time()
        with contextlib.suppress(SourceUnusable):
            to_webvtt(beginning + piece * (300_000 // len(piece)))
        assert time.process_time() - began < 5
