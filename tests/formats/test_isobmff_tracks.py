"""What is read out of initialization segments: those of ffmpeg, our own, damaged ones, and any bytes."""

from __future__ import annotations

import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.isobmff import Fragmenter
from tornado_media.formats.isobmff_boxes import BrokenStream
from tornado_media.formats.isobmff_tracks import coding, tracks
from tornado_media.formats.isobmff_write import Coding, Sample, initialization_segment, media_segment


def box(kind, *parts):
    content = b"".join(parts)
    return (8 + len(content)).to_bytes(4) + kind + content


def words(*numbers):
    return struct.pack(f">{len(numbers)}I", *numbers)


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
    assert len(segments) == 4


def test_coding_of_one_track():
    assert coding(INIT).width == 320 << 16
    renamed = INIT.replace(b"avc1", b"hev1")
    assert coding(renamed).entry == coding(INIT).entry.replace(b"avc1", b"hvc1")


READERS = [tracks, coding]


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
