"""Sample tables that are put together by hand, and any bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.sample_tables import Runs, Track, boxes, is_fragmented, tracks, without_base

PLAIN = (0x10000, 0, 0, 0x10000)
QUARTER = (0, 0x10000, -0x10000, 0)


def box(kind, *contents):
    content = b"".join(contents)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def long_box(kind, content):
    return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content


def table(kind, *numbers, layout=">I"):
    return box(kind, bytes(4), *(struct.pack(layout, number) for number in numbers))


def matrix(a, b, c, d):
    return struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)


def tkhd(number, turned=PLAIN, version=0):
    times = bytes(8) if version == 0 else bytes(16)
    after = bytes(8) if version == 0 else bytes(12)
    head = bytes([version, 0, 0, 0]) + times + struct.pack(">I", number) + after
    return box(b"tkhd", head, bytes(16), matrix(*turned), bytes(8))


def mvhd(turned=PLAIN, version=0):
    head = bytes([version, 0, 0, 0]) + bytes(16 if version == 0 else 28) + bytes(16)
    return box(b"mvhd", head, matrix(*turned), bytes(28))


def trak(header, *tables):
    return box(b"trak", header, box(b"mdia", box(b"minf", box(b"stbl", *tables))))


STTS = table(b"stts", 2, 3, 512, 1, 256)
CTTS = table(b"ctts", 3, 1, 1024, 2, -512, 1, 0, layout=">i")
STSS = table(b"stss", 2, 1, 3)
STSZ = table(b"stsz", 0, 4, 100, 10, 50, 20)


def test_a_whole_track():
    (track,) = tracks(trak(tkhd(7), STTS, CTTS, STSS, STSZ)).values()
    assert [track.durations.at(sample) for sample in range(5)] == [512, 512, 512, 256, 0]
    assert [track.offsets.at(sample) for sample in range(5)] == [1024, -512, -512, 0, 0]
    assert (list(track.sync), track.count) == ([0, 2], 4)
    assert [track.size(sample) for sample in range(-1, 5)] == [0, 100, 10, 50, 20, 0]
    assert track.bytes_between([0, 2], 4) == [110, 70]
    assert track.bytes_between([0, 2], 3) == [110, 50]
    assert (track.rotation, track.dolby_vision) == (0, False)


def test_tracks_by_their_numbers():
    found = tracks(mvhd() + trak(tkhd(2), STSZ) + box(b"free", b"abc") + trak(tkhd(9, version=1), STTS))
    assert set(found) == {2, 9}
    assert (found[2].count, found[9].count) == (4, 0)


def test_without_a_table_of_sync_samples_all_are():
    (track,) = tracks(trak(tkhd(1), table(b"stsz", 40, 1000))).values()
    assert track.sync is None
    assert (track.size(999), track.bytes_between([0, 10], 1000)) == (40, [400, 39_600])


def test_sync_samples_that_are_none_are_left_out():
    (track,) = tracks(trak(tkhd(1), STSZ, table(b"stss", 5, 3, 0, 99, 1, 3))).values()
    assert track.sync == [0, 2]


def test_a_table_that_is_shorter_than_it_says():
    (track,) = tracks(trak(tkhd(1), table(b"stts", 9, 3, 512), table(b"stsz", 0, 9, 1, 2))).values()
    assert list(track.durations) == [(3, 512)]
    assert track.count == 2


def test_sizes_of_millions_of_samples_are_not_believed():
    assert tracks(trak(tkhd(1), table(b"stsz", 0, 2**31))) == {}
    # but PCM has so many, which are all alike
    assert tracks(trak(tkhd(1), table(b"stsz", 4, 2**31)))[1].count == 2**31


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize(
    ("track", "movie", "rotation"),
    [
        (PLAIN, PLAIN, 0),
        (QUARTER, PLAIN, 90),
        (PLAIN, QUARTER, 90),
        (QUARTER, QUARTER, 180),
        ((-0x10000, 0, 0, -0x10000), PLAIN, 180),
        ((0, -0x10000, 0x10000, 0), PLAIN, 270),
        ((0x20000, 0, 0, 0x10000), PLAIN, 0),  # wide pixels
        ((0, 0x20000, -0x10000, 0), PLAIN, 90),
        ((0, 0, 0, 0), PLAIN, 0),
    ],
)
def test_rotation(track, movie, rotation, version):
    found = tracks(mvhd(movie, version) + trak(tkhd(1, track, version), STSZ))
    assert found[1].rotation == rotation


@pytest.mark.parametrize(
    ("kind", "compatible", "alone"),
    [(b"dvcC", 0, True), (b"dvcC", 1, False), (b"dvvC", 4, False), (b"dvwC", 0, True), (b"colr", 0, False)],
)
def test_dolby_vision(kind, compatible, alone):
    config = box(kind, bytes([1, 0, 10, 77, compatible << 4]), bytes(19))
    entry = box(b"hvc1", bytes(78), box(b"hvcC", bytes(20)), config)
    (track,) = tracks(trak(tkhd(1), box(b"stsd", bytes(4), struct.pack(">I", 1), entry))).values()
    assert track.dolby_vision is alone
    assert without_base(bytes([1, 0, 10, 77, compatible << 4])) is (compatible == 0)


def test_fragments():
    assert not is_fragmented(mvhd() + trak(tkhd(1), STSZ))
    assert is_fragmented(mvhd() + trak(tkhd(1), STSZ) + box(b"mvex"))


def test_boxes():
    content = box(b"aaaa", b"12") + long_box(b"bbbb", b"345") + struct.pack(">I4s", 0, b"cccc") + b"6789"
    assert [(kind, bytes(inner)) for kind, inner in boxes(memoryview(content))] == [
        (b"aaaa", b"12"),
        (b"bbbb", b"345"),
        (b"cccc", b"6789"),
    ]


@pytest.mark.parametrize("content", [b"", b"\0\0\0\7free", b"\0\0\0\1free\0", b"\0\0\0\x08fre"])
def test_what_is_no_box_ends_them(content):
    assert list(boxes(memoryview(content))) == []


def test_nothing_is_known_of_a_sample_that_is_not_there():
    assert (Runs().at(3), Runs([1], [2]).at(-1), bool(Runs()), bool(Runs([1], [0]))) == (0, 0, False, True)
    assert Track().bytes_between([], 0) == []


KINDS = [b"trak", b"tkhd", b"mvhd", b"mdia", b"minf", b"stbl", b"stts", b"ctts", b"stss", b"stsz", b"stsd"]
SOMETHING = st.recursive(
    st.builds(box, st.sampled_from(KINDS), st.binary(max_size=120)) | st.binary(max_size=40),
    lambda inner: st.builds(
        lambda kind, parts: box(kind, *parts), st.sampled_from(KINDS), st.lists(inner, max_size=4)
    ),
    max_leaves=20,
)


def _is_sound(found):
    for number, track in found.items():
        assert 0 <= number < 2**32
        assert track.rotation in (0, 90, 180, 270)
        sync = list(track.sync or ())
        assert sync == sorted(set(sync))
        assert all(0 <= sample < track.count for sample in sync)
        sizes = track.bytes_between(sync, track.count)
        assert len(sizes) == (len(sync) or 0)
        assert all(size >= 0 for size in sizes)
        for sample in (-1, 0, 1, 2**40):
            track.durations.at(sample), track.offsets.at(sample), track.size(sample)


@given(st.binary(max_size=400))
def test_any_bytes(content):
    _is_sound(tracks(content))
    is_fragmented(content)


@given(st.lists(SOMETHING, max_size=4))
def test_any_boxes(parts):
    _is_sound(tracks(b"".join(parts)))


@given(st.data())
def test_any_tables_in_a_track(data):
    tables = [box(kind, data.draw(st.binary(max_size=80))) for kind in KINDS[6:]]
    _is_sound(tracks(mvhd() + trak(tkhd(1), *tables)))


@given(st.data())
def test_a_whole_track_with_some_bytes_changed(data):
    content = bytearray(mvhd() + trak(tkhd(7), STTS, CTTS, STSS, STSZ))
    places = st.integers(0, len(content) - 1)
    for place, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
        content[place] = byte
    _is_sound(tracks(bytes(content[: data.draw(places) + 1])))
