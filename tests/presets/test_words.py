"""Words and tracks: one canonical form, and nothing of a URL that is not one of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tornado_media.presets.words import Track, Words

PLAY = Words(type="words", values=["h264", "hevc", "aac"], default="h264,aac")
TRACK = Track(type="track", default="on")


@pytest.mark.parametrize(
    ("text", "value"),
    [("h264,aac", "aac,h264"), ("aac,h264,aac", "aac,h264"), ("", ""), ("hevc", "hevc"), ("h264,", "h264")],
)
def test_words_have_one_form(text, value):
    assert PLAY.parse(text) == value == PLAY.canonical(PLAY.parse(text))


@pytest.mark.parametrize("text", ["H264", "h264 aac", "vp9", "h264;aac", "h264,-i", " "])
def test_other_words_are_refused(text):
    with pytest.raises(ValueError, match="out of h264, hevc, aac"):
        PLAY.parse(text)


def test_a_default_is_in_canonical_form():
    assert PLAY.default == "aac,h264"
    with pytest.raises(ValidationError):
        Words(type="words", values=["a"], default="b")
    with pytest.raises(ValidationError):
        Words(type="words", values=["-a"])


@pytest.mark.parametrize(
    ("text", "value"),
    [("on", "on"), ("yes", "on"), ("off", "off"), ("no", "off"), ("false", "off"), ("0", "0"), ("12", "12"),
     ("de", "de"), ("deu", "deu")],
)  # fmt: skip
def test_a_track(text, value):
    assert TRACK.parse(text) == value


@given(st.text(max_size=8))
def test_a_track_is_never_more_than_a_word_or_a_number(text):
    try:
        value = TRACK.parse(text)
    except ValueError:
        return
    assert value.isascii() and (value.isalpha() or value.isdecimal())


@pytest.mark.parametrize("text", ["", "-1", "01", "DE", "de-AT", "english", "1.5", "99999"])
def test_what_is_no_track(text):
    with pytest.raises(ValueError, match="index of a stream"):
        TRACK.parse(text)
