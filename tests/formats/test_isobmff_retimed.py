"""Segments with other times: everything else stays, and the offsets stay right."""

from __future__ import annotations

import runpy
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.isobmff_boxes import BrokenStream
from tornado_media.formats.isobmff_fragments import decode_times, durations
from tornado_media.formats.isobmff_retimed import joined, retimed
from tornado_media.formats.isobmff_write import Coding, Sample, initialization_segment, media_segment

check = runpy.run_path(str(Path(__file__).parents[1] / "hls_checker.py"))["check"]

INIT = initialization_segment(
    Coding(bytes.fromhex("00000020 73747364 00000000 00000001 00000010 61766331") + bytes(8), 1 << 16, 1),
    1,
    None,
)


def box(kind, *parts):
    content = b"".join(parts)
    return (8 + len(content)).to_bytes(4) + kind + content


def words(*numbers):
    return struct.pack(f">{len(numbers)}I", *numbers)


def narrow(time, *contents, number=1, tracks=1, large=False):
    """A segment whose `tfdt` has 32 bits, with samples of 10 ticks in each track."""
    sizes = [len(content) for content in contents]

    def made(offset):
        trafs = [
            box(
                b"traf",
                box(b"tfhd", words(0x20008, 1 + n, 10)),
                box(b"tfdt", words(0, time)),
                box(b"trun", words(0x201, len(sizes), offset + n * sum(sizes), *sizes)),
            )
            for n in range(tracks)
        ]
        inner = b"".join([box(b"mfhd", words(0, number)), *trafs])
        if large:
            return words(1) + b"moof" + struct.pack(">Q", 16 + len(inner)) + inner
        return box(b"moof", inner)

    return made(len(made(0)) + 8) + box(b"mdat", *contents * tracks)


times = st.integers(0, 2**32 - 1) | st.integers(2**32, 2**64 - 1)


@given(times, st.lists(st.binary(max_size=9), max_size=4), st.integers(0, 2**32 - 1), st.booleans())
def test_another_time(time, contents, number, large):
    segment = narrow(77, *contents, large=large)
    other = retimed(segment, number, {1: time})
    assert decode_times(other) == {1: time}
    (found,) = check(INIT, [other], distinct=False)
    assert found.samples == contents and found.numbers == [number]
    assert len(other) == len(segment) + 4 * (time >= 2**32)


def test_a_time_that_fits_changes_nothing_else():
    segment = media_segment(1, 5, [Sample(b"abc", 10)])
    assert retimed(segment, 1, {1: 5}) == segment
    assert retimed(segment, 9, {}) == media_segment(9, 5, [Sample(b"abc", 10)])
    assert retimed(segment, 1, {2: 77}) == segment
    assert retimed(segment, 1, {1: 2**40}) == media_segment(1, 2**40, [Sample(b"abc", 10)])


def test_what_comes_later_keeps_its_distance():
    both = narrow(100, b"a") + narrow(2**32 - 1, b"b")
    moved = retimed(both, 2**32 - 1, {1: 101})
    first, second = check(INIT, [moved[: len(narrow(0, b"a"))], moved[len(narrow(0, b"a")) :]][:1]), moved
    assert first[0].begin == 101
    assert decode_times(second[len(narrow(0, b"a")) :]) == {1: 2**32}
    assert durations(moved) == {1: 20}
    assert moved.count((2**32 - 1).to_bytes(4)) == 1  # numbers go on from 0


def test_two_tracks_of_which_one_grows():
    moved = retimed(narrow(1, b"abc", tracks=2), 1, {1: 5, 2: 2**33})
    assert decode_times(moved) == {1: 5, 2: 2**33}
    moof = moved[: moved.index(b"mdat") - 4]
    assert len(moof) == int.from_bytes(moof[:4])
    offsets = [int.from_bytes(moof[at + 12 : at + 16]) for at in places(moof, b"trun")]
    assert offsets == [len(moof) + 8, len(moof) + 11]


def places(data, kind):
    found = [data.find(kind)]
    while found[-1] >= 0:
        found.append(data.find(kind, found[-1] + 4))
    return found[:-1]


@pytest.mark.parametrize(
    ("segment", "wanted"),
    [
        (narrow(5, b"a"), {1: -1}),
        (narrow(5, b"a"), {1: 2**64}),
        (narrow(5, b"a") + narrow(0, b"b"), {1: 1}),
        (b"", {}),
        (box(b"moof", box(b"mfhd", words(0, 1))), {1: 1}),
        (box(b"moof", box(b"traf", box(b"tfhd", words(1, 1, 0, 0)), box(b"tfdt", words(0, 1)))), {1: 1}),
        (narrow(5, b"a").replace(b"\0\2\0\x08", b"\0\0\0\x01"), {1: 1}),
    ],
)
def test_what_cannot_be(segment, wanted):
    with pytest.raises(BrokenStream):
        retimed(segment, 1, wanted)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6), times)
def test_damaged_segments(changes, time):
    damaged = bytearray(narrow(7, b"abc", b"d", tracks=2))
    for place, value in changes:
        damaged[place % len(damaged)] = value
    try:
        other = retimed(bytes(damaged), 1, {1: time, 2: time})
    except BrokenStream:
        return
    assert decode_times(other).keys() == decode_times(bytes(damaged)).keys()


def test_joined():
    styp = box(b"styp", b"msdh")
    one, two = narrow(0, b"a"), narrow(10, b"b", b"c")
    assert joined([styp + one, styp + two]) == styp + one + two
    assert joined([one, two]) == one + two
    assert joined([]) == b""
    (found,) = check(INIT, [joined([styp + one, styp + two])])
    assert found.samples == [b"a", b"b", b"c"]
    for broken in (b"", styp, one + two, one[:-1]):
        with pytest.raises(BrokenStream):
            joined([broken])
