"""Segments that we write: what a strict reader finds in them."""

from __future__ import annotations

import runpy
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.isobmff_boxes import BrokenStream, boxes, inside, only
from tornado_media.formats.isobmff_tracks import coding, tracks
from tornado_media.formats.isobmff_write import Coding, Sample, initialization_segment, media_segment

checker = runpy.run_path(str(Path(__file__).parents[1] / "hls_checker.py"))
check, check_init = checker["check"], checker["check_init"]

ENTRY = bytes.fromhex("00000020 73747364 00000000 00000001 00000010 61766331") + bytes(8)
"""An `stsd` with an empty `avc1`."""

samples = st.builds(
    Sample,
    st.binary(max_size=30),
    st.integers(0, 2**32 - 1),
    st.integers(-(2**31), 2**31 - 1),
    st.booleans(),
)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**63), st.lists(samples, max_size=8), st.integers(1, 10**9))
def test_a_segment_has_what_it_was_given(number, time, given_samples, timescale):
    init = initialization_segment(Coding(ENTRY, 320 << 16, 180 << 16), timescale, None)
    if given_samples:
        given_samples[0] = Sample(given_samples[0].content, given_samples[0].duration)
    (found,) = check(init, [media_segment(number, time, given_samples)], distinct=False)
    assert found.numbers == [number]
    assert found.samples == [sample.content for sample in given_samples]
    assert found.sync == [sample.sync for sample in given_samples]
    assert found.begin == Fraction(time, timescale)
    assert found.end == Fraction(time + sum(sample.duration for sample in given_samples), timescale)
    for when, seen, sample in zip(found.decoded, found.shown, given_samples, strict=True):
        assert (seen - when) * timescale == sample.offset


def test_nothing_is_said_that_need_not_be():
    alike = Sample(b"abc", 1024)
    least = len(media_segment(1, 0, [alike] * 94))
    assert least == 94 * 3 + 94 * 4 + 104
    for other in (Sample(b"abc", 1023), Sample(b"abc", 1024, offset=1), Sample(b"abc", 1024, sync=False)):
        assert least + 92 * 4 <= len(media_segment(1, 0, [*[alike] * 93, other])) <= least + 94 * 4


@given(st.integers(1, 2**32 - 1), st.none() | st.fractions(0, 10**9))
def test_an_initialization_segment(timescale, seconds):
    picture = Coding(ENTRY, 320 << 16, 180 << 16)
    init = initialization_segment(picture, timescale, seconds)
    assert check_init(init)[0] == timescale
    assert coding(init) == picture
    (track,) = tracks(init)
    assert (track.number, track.handler, track.coding, track.timescale) == (1, "vide", "avc1", timescale)
    moov = only(boxes(init), b"moov")
    lengths = [box for box in inside(init, only(inside(init, moov), b"mvex")) if box.kind == b"mehd"]
    assert [int.from_bytes(init[box.body + 4 : box.end]) for box in lengths] == (
        [] if seconds is None else [int(seconds * 1000)]
    )


def test_a_sound_is_one():
    (track,) = tracks(initialization_segment(Coding(ENTRY), 48_000, 1.5))
    assert track.handler == "soun"


@pytest.mark.parametrize(
    "make",
    [
        lambda: media_segment(-1, 0, []),
        lambda: media_segment(2**32, 0, []),
        lambda: media_segment(0, -1, []),
        lambda: media_segment(0, 2**64, []),
        lambda: media_segment(0, 0, [Sample(b"", -1)]),
        lambda: media_segment(0, 0, [Sample(b"", 2**32)]),
        lambda: media_segment(0, 0, [Sample(b"", 0, 2**31)]),
        lambda: media_segment(0, 0, [Sample(b"", 0, -(2**31) - 1)]),
        lambda: initialization_segment(Coding(ENTRY), -1, None),
        lambda: initialization_segment(Coding(ENTRY), 2**32, None),
        lambda: initialization_segment(Coding(ENTRY), 1, -1),
    ],
)
def test_numbers_that_do_not_fit(make):
    with pytest.raises(BrokenStream):
        make()
