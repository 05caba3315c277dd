"""What is read out of segments: those of ffmpeg, our own, damaged ones, and any bytes."""

from __future__ import annotations

import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.isobmff import Fragmenter
from tornado_media.formats.isobmff_boxes import BrokenStream
from tornado_media.formats.isobmff_fragments import (
    coding,
    decode_times,
    durations,
    first_is_sync,
    fragments,
    timescales,
    tracks,
)
from tornado_media.formats.isobmff_write import Coding, Sample, initialization_segment, media_segment


def box(kind, *parts):
    content = b"".join(parts)
    return (8 + len(content)).to_bytes(4) + kind + content


def words(*numbers):
    return struct.pack(f">{len(numbers)}I", *numbers)


def traf(track, *runs, flags=0x20000, fields=(), time=(0, 5)):
    head = box(b"tfhd", words(flags, track, *fields))
    return box(b"traf", head, box(b"tfdt", words(*time)), *(box(b"trun", words(*run)) for run in runs))


def moof(*trafs):
    return box(b"moof", box(b"mfhd", words(0, 1)), *trafs) + box(b"mdat")


INIT = initialization_segment(
    Coding(box(b"stsd", words(0, 1), box(b"avc1", bytes(8))), 320 << 16, 180 << 16), 90_000, 12
)
SEGMENT = media_segment(3, 900, [Sample(b"abc", 3000), Sample(b"d", 3100, 50, False)])


@pytest.fixture(scope="module")
def film(ffmpeg):
    """Pieces of what ffmpeg makes: 4 s, a picture with a sync sample each second, and a sound."""
    command = [ffmpeg, "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc=s=64x64:r=25:d=4"]
    command += ["-f", "lavfi", "-i", "sine=sample_rate=48000:d=4", "-c:v", "libx264", "-preset", "ultrafast"]
    command += ["-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", "-use_editlist", "0", "-f", "mp4"]
    command += ["-movflags", "frag_keyframe+empty_moov+default_base_moof", "pipe:1"]
    made = subprocess.run(command, capture_output=True, check=True).stdout
    fragmenter = Fragmenter(1 << 24)
    return fragmenter.feed(made) + fragmenter.end()


def test_a_film_of_ffmpeg(film):
    init, *segments = film
    assert [(t.number, t.handler, t.coding, t.timescale) for t in tracks(init)] == [
        (1, "vide", "avc1", 12_800),
        (2, "soun", "mp4a", 48_000),
    ]
    assert timescales(init) == {1: 12_800, 2: 48_000}
    assert len(segments) == 4
    at = {1: 0, 2: 0}
    for segment in segments:
        assert first_is_sync(segment, init)
        assert decode_times(segment) == at
        lasts = durations(segment, init)
        assert lasts[1] == 12_800 + 274 * (at[1] == 0)  # the priming of AAC, as ffmpeg rounds it
        at = {track: at[track] + lasts[track] for track in at}
    assert at[2] == pytest.approx(4 * 48_000, abs=2048)


def test_segments_of_our_own():
    assert decode_times(SEGMENT) == {1: 900}
    assert durations(SEGMENT) == {1: 6100}
    assert first_is_sync(SEGMENT)
    assert not first_is_sync(media_segment(1, 0, [Sample(b"", 1, sync=False)]))
    empty = media_segment(1, 7, [])
    assert (decode_times(empty), durations(empty)) == ({1: 7}, {1: 0})
    with pytest.raises(BrokenStream, match="without samples"):
        first_is_sync(empty)


def test_coding_of_one_track():
    assert coding(INIT).width == 320 << 16
    renamed = INIT.replace(b"avc1", b"hev1")
    assert coding(renamed).entry == coding(INIT).entry.replace(b"avc1", b"hvc1")


def test_where_a_duration_may_be_said():
    trex = INIT.index(b"trex")
    said = INIT[: trex + 16] + (40).to_bytes(4) + INIT[trex + 20 :]
    run = (0, 3)
    assert durations(moof(traf(1, run)), said) == {1: 120}
    assert durations(moof(traf(1, run))) == {1: 0}
    assert durations(moof(traf(1, run, flags=0x20008, fields=(7,))), said) == {1: 21}
    every = {
        "flags": 0x2000B | 0x30,
        "fields": (0, 0, 1, 7, 9, 0),
    }  # with offset, description, size and flags
    assert durations(moof(traf(1, run, **every)), said) == {1: 21}
    assert durations(moof(traf(1, (0x100, 2, 5, 6), run, flags=0x20008, fields=(7,)))) == {1: 32}
    several = moof(traf(1, run, flags=0x20008, fields=(7,)), traf(2, run, flags=0x20008, fields=(1,)))
    assert durations(several + several) == {1: 42, 2: 6}


def test_where_the_flags_of_a_sample_may_be_said():
    no = 0x10000
    trex = INIT.index(b"trex")
    said = INIT[: trex + 24] + no.to_bytes(4) + INIT[trex + 28 :]
    assert first_is_sync(moof(traf(1, (0, 1))))
    assert not first_is_sync(moof(traf(1, (0, 1))), said)
    assert not first_is_sync(moof(traf(1, (0, 1), flags=0x20020, fields=(no,))))
    assert first_is_sync(moof(traf(1, (4, 1, 0), flags=0x20020, fields=(no,))), said)
    assert first_is_sync(moof(traf(1, (0x701, 1, 80, 40, 3, 0), flags=0x20020, fields=(no,))))
    assert not first_is_sync(moof(traf(1, (0x701, 1, 80, 40, 3, no))))


def test_the_first_time_of_a_track_counts():
    early, late = traf(1, time=(0, 5)), traf(1, time=(1 << 24, 1, 0))
    assert decode_times(moof(early) + moof(late)) == {1: 5}
    assert decode_times(moof(late)) == {1: 1 << 32}


@pytest.mark.parametrize(
    "segment",
    [
        b"",
        box(b"mdat"),
        box(b"moof"),
        moof(box(b"traf")),
        moof(box(b"traf", box(b"tfhd", words(0, 1)))),
        moof(traf(1, time=(2 << 24, 1, 1))),
        moof(traf(1, time=(0,))),
        moof(traf(1, flags=0x20008)),
        SEGMENT[:-1],
        SEGMENT[:60],
    ],
)
def test_what_is_no_segment(segment):
    with pytest.raises(BrokenStream):
        decode_times(segment)


@pytest.mark.parametrize("run", [(0x100, 2, 5), (0x100, 1 << 21), (0, 1 << 31), (0x100,)])
def test_a_run_that_lies(run):
    with pytest.raises(BrokenStream):
        durations(moof(traf(1, run)))


READERS = [
    tracks,
    timescales,
    coding,
    decode_times,
    durations,
    first_is_sync,
    lambda data: list(fragments(data)),
]


@given(st.binary(max_size=200))
def test_any_bytes(data):
    for read in READERS:
        try:
            read(data)
        except BrokenStream as error:
            assert str(error)


@given(
    st.sampled_from([INIT, SEGMENT]),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=9),
)
def test_damaged_bytes(data, changes):
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(data)] = value
    for read in READERS:
        try:
            read(bytes(damaged))
        except BrokenStream as error:
            assert str(error)
