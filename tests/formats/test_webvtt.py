"""WebVTT: whatever goes in, what comes out is read as it was meant by a parser that forgives nothing."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.webvtt import TAGS, Cue, clean, references, timestamp, write

reader = runpy.run_path(str(Path(__file__).with_name("webvtt_reader.py")))
parse, check_text = reader["parse"], reader["check_text"]


@pytest.mark.parametrize(
    ("given_", "made"),
    [
        ("plain", "plain"),
        ("two\nlines", "two\nlines"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("one\n\n \ntwo", "one\ntwo"),
        ("<i>slanted</i>", "<i>slanted</i>"),
        ("<I>slanted</I>", "<i>slanted</i>"),
        ("<i>never closed", "<i>never closed</i>"),
        ("never opened</i>", "never opened"),
        ("<b><i>crossed</b></i>", "<b><i>crossed</i></b>"),
        ('<font color="#ff0000">red</font>', "red"),
        ("<font color=red>red", "red"),
        ("<v Bob>hi", "hi"),
        ("2 < 3 > 1", "2 &lt; 3 &gt; 1"),
        ("I <3 you", "I &lt;3 you"),
        ("this --> that", "this --&gt; that"),
        ("Tom & Jerry", "Tom &amp; Jerry"),
        ("Tom &amp; Jerry &lt;3&nbsp;", "Tom &amp; Jerry &lt;3&nbsp;"),
        ("&copy; &madeup;", "&amp;copy; &amp;madeup;"),
        ("nul\0l\x1b", "null"),
        ("<script>alert(1)</script>", "alert(1)"),
        ("<", "&lt;"),
        ("", ""),
        ("<i></i>", "<i></i>"),
    ],
)
def test_text_of_other_formats(given_, made):
    assert clean(given_) == made
    check_text(made)


@pytest.mark.parametrize(
    ("given_", "made"),
    [
        ("<v Bob>hi</v>", "<v Bob>hi</v>"),
        ("<v.loud.first Bob & Al>hi", "<v.loud.first Bob &amp; Al>hi</v>"),
        ("<v>hi</v>", "hi"),
        ("<c.yellow.bg_blue>hi</c>", "<c.yellow.bg_blue>hi</c>"),
        ("<c.a what>hi</c>", "<c.a>hi</c>"),
        ("<ruby>漢<rt>kan</rt></ruby>", "<ruby>漢<rt>kan</rt></ruby>"),
        ("<lang en>hi</lang>", "<lang en>hi</lang>"),
        ("ka<00:00:01.500>ra", "kara"),
    ],
)
def test_text_of_webvtt(given_, made):
    assert clean(given_, TAGS) == made
    check_text(made)


@pytest.mark.parametrize(
    ("given_", "made"),
    [
        (0, "00:00:00.000"),
        (1.5, "00:00:01.500"),
        (59.9996, "00:01:00.000"),
        (3661.001, "01:01:01.001"),
        (360_000, "100:00:00.000"),
        (-3, "00:00:00.000"),
    ],
)
def test_times(given_, made):
    assert timestamp(given_) == made


def test_cues_are_in_order_and_none_is_empty_or_ends_before_it_begins():
    cues = [Cue(5, 6, "b"), Cue(1, 9, "a", "line:0"), Cue(2, 3, " \n"), Cue(7, 7, "c"), Cue(8, 4, "d")]
    assert parse(write(cues)) == [(1, 9, "a", "line:0"), (5, 6, "b", ""), (7, 9, "c", ""), (8, 10, "d", "")]


def test_a_file_without_cues_is_one():
    assert parse(write([])) == []


@given(st.text(), st.sampled_from([frozenset({"b", "i", "u"}), TAGS]))
def test_any_text_is_written_so_that_it_can_be_read(text, tags):
    made = clean(text, tags)
    check_text(made)
    assert clean(made, tags) == made
    parse(write([Cue(0, 1, made)]))


PIECES = ["<i>", "</i>", "<b>", "</b>", "<v A>", "</v>", "<", ">", "&", "-->", "\n", "x", " "]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_markup_is_closed(text):
    parse(write([Cue(0, 1, clean(text, TAGS))]))


times = st.floats(min_value=-1e9, max_value=1e9)


@given(st.lists(st.tuples(times, times)))
def test_any_times(pairs):
    assert len(parse(write([Cue(begin, end, "x") for begin, end in pairs]))) == len(pairs)


def test_references_are_changed():
    text = write([Cue(0, 1, "?preset=storyboard&width=160#xywh=0,0,1,1"), Cue(1, 2, "?no")])
    changed = references(text, lambda uri: f"{uri}&key=1")
    assert "?preset=storyboard&width=160&key=1#xywh=0,0,1,1\n" in changed
    assert "?no\n" in changed
