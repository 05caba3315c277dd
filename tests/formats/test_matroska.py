"""Matroska files that are put together by hand, and any bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats import matroska
from tornado_media.formats.matroska import Header, Track


def element(number, *contents, size=None):
    content = b"".join(contents)
    length = len(content) if size is None else size
    return (
        number.to_bytes((number.bit_length() + 7) // 8, "big")
        + (length | 1 << 28).to_bytes(4, "big")
        + content
    )


def uint(number, value):
    return element(number, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def double(number, value):
    return element(number, struct.pack(">d", value))


def block(track, offset, content=b"abc"):
    return bytes([0x80 | track]) + offset.to_bytes(2, "big", signed=True) + b"\x80" + content


def cluster(time, *blocks, size=None):
    return element(matroska.CLUSTER, uint(0xE7, time), *blocks, size=size)


UNKNOWN = 0x0FFFFFFF
"""All bits of a size are set: nobody knew it."""


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\xa3\x85", Header(0xA3, 5, 2)),
        (b"\x42\x86\x81\x01", Header(0x4286, 1, 3)),
        (b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff", Header(matroska.CLUSTER, None, 12)),
        (b"\x1f\x43\xb6\x75\xff", Header(matroska.CLUSTER, None, 5)),
        (b"\xa3\x40\x02", Header(0xA3, 2, 3)),
        (b"", None),
        (b"\xa3", None),
        (b"\xa3\x40", None),
        (b"\x00\x85", None),
        (b"\x0f\x85", None),
        (b"\xa3\x00", None),
    ],
)
def test_headers(data, found):
    assert matroska.header(data) == found


def test_elements_end_where_one_is_not_all_there():
    content = uint(0xD7, 3) + element(0xE0, b"ab") + element(0xAE, b"abc")[:-1]
    assert [(kind, bytes(inner)) for kind, inner in matroska.elements(memoryview(content))] == [
        (0xD7, b"\3"),
        (0xE0, b"ab"),
    ]


def test_where_cues_are():
    def seek(number, place):
        return element(0x4DBB, element(0x53AB, number.to_bytes(4, "big")), uint(0x53AC, place))

    head = seek(matroska.TRACKS, 100) + seek(matroska.CUES, 70_000) + seek(matroska.CUES, 1)
    assert matroska.cues_place(head) == 70_000
    assert matroska.cues_place(seek(matroska.TRACKS, 100)) is None
    assert matroska.cues_place(element(0x4DBB, element(0x53AB, b"\x1c\x53\xbb\x6b"))) is None
    assert matroska.cues_place(b"") is None


def test_tracks_in_their_order():
    content = b"".join(
        element(0xAE, uint(0xD7, n), uint(0x83, kind)) for n, kind in ((3, 1), (1, 2), (9, 17), (4, 33))
    )
    assert matroska.tracks(content) == [
        Track(3, "video"),
        Track(1, "audio"),
        Track(9, "subtitle"),
        Track(4, ""),
    ]


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll", "rotation"),
    [
        (0, 0, 0, 0),
        (0, 0, -90, 90),
        (0, 0, 90, 270),
        (0, 0, 180, 180),
        (0, 0, -180, 180),
        (180, 0, 0, 180),
        (180, 0, -90, 270),
        (0, 90, 90, 0),
        (45, 0, 90, 0),
        (0, 0, float("nan"), 0),
        (float("nan"), 0, 90, 0),
        (0, 0, float("inf"), 0),
    ],
)
def test_rotation(yaw, pitch, roll, rotation):
    """As libav has it; real files are in the tests of the probe."""
    projection = element(0x7670, double(0x7673, yaw), double(0x7674, pitch), double(0x7675, roll))
    (track,) = matroska.tracks(element(0xAE, uint(0xD7, 1), uint(0x83, 1), element(0xE0, projection)))
    assert track.rotation == rotation


@pytest.mark.parametrize(
    ("name", "compatible", "alone"), [(b"dvcC", 0, True), (b"dvvC", 1, False), (b"hvcE", 0, False)]
)
def test_dolby_vision(name, compatible, alone):
    config = element(0x41ED, bytes([1, 0, 10, 77, compatible << 4, 0]))
    mapping = element(0x41E4, uint(0x41F0, 1), element(0x41E7, name), config)
    (track,) = matroska.tracks(element(0xAE, uint(0xD7, 1), uint(0x83, 1), mapping))
    assert track.dolby_vision is alone


def test_blocks_of_clusters():
    group = element(0xA0, element(0xA1, block(2, 40)), uint(0x9B, 25))
    data = cluster(1000, element(0xA3, block(1, 0)), element(0xA3, block(1, -40)), group)
    data += cluster(70_000, element(0xA3, block(1, 5)), size=UNKNOWN) + cluster(
        80_000, element(0xA3, block(2, 0))
    )
    assert matroska.last_times(data) == {
        1: [(1000, None), (960, None), (70_005, None)],
        2: [(1040, 25), (80_000, None)],
    }


def test_bytes_that_begin_and_end_anywhere():
    data = cluster(0, element(0xA3, block(1, 7, bytes(100)))) + cluster(
        50, *[element(0xA3, block(1, n)) for n in (0, 9)]
    )
    assert matroska.last_times(data[20:-1]) == {1: [(50, None)]}
    assert matroska.last_times(data[20:]) == {1: [(50, None), (59, None)]}


def test_the_id_of_a_cluster_in_a_picture():
    picture = b"\x1f\x43\xb6\x75\x84abcd"
    data = cluster(10, element(0xA3, block(1, 0, picture)), element(0xA3, block(1, 20)))
    assert matroska.last_times(data) == {1: [(10, None), (30, None)]}
    assert matroska.last_times(picture + data) == {1: [(10, None), (30, None)]}


def test_blocks_before_the_time_of_their_cluster_have_none():
    assert matroska.last_times(element(matroska.CLUSTER, element(0xA3, block(1, 0)), uint(0xE7, 5))) == {}


@pytest.mark.parametrize(
    "data",
    [
        b"\x1f\x43\xb6\x75" * 2**18,
        (b"\x1f\x43\xb6\x75\xff" + b"\xe7\x81\x00" * 100) * 3000,
        cluster(0, element(0xA0, b"\xec\x80" * 2**19)),
    ],
    ids=["clusters", "times", "a group"],
)
def test_hostile_bytes_are_not_all_looked_at(data, monkeypatch):
    looked = []
    header = matroska.header
    monkeypatch.setattr(matroska, "header", lambda data: looked.append(1) or header(data))
    assert matroska.last_times(data) in ({}, {0: []})
    assert len(looked) <= 2 * matroska._MOST_STEPS


@given(st.binary(max_size=300))
def test_any_bytes(data):
    matroska.header(data)
    for track in matroska.tracks(data):
        assert track.rotation in (0, 90, 180, 270)
    matroska.cues_place(data)
    assert list(matroska.elements(memoryview(data))) is not None
    matroska.last_times(data)


@given(st.data())
def test_a_film_with_some_bytes_changed(data):
    projection = element(0x7670, double(0x7675, 90.0))
    entry = element(0xAE, uint(0xD7, 1), uint(0x83, 1), element(0xE0, projection))
    group = element(0xA0, element(0xA1, block(2, 40)), uint(0x9B, 25))
    content = bytearray(entry + cluster(1000, element(0xA3, block(1, 0)), group) + cluster(2000, group))
    places = st.integers(0, len(content) - 1)
    for place, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
        content[place] = byte
    for times in matroska.last_times(bytes(content)).values():
        assert all(isinstance(time, int) for time, _ in times)
    for track in matroska.tracks(bytes(content)):
        assert track.rotation in (0, 90, 180, 270)
