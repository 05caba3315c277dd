"""Boxes in bytes that are all there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.isobmff_boxes import (
    Box,
    BrokenStream,
    boxes,
    fields,
    full,
    inside,
    number_at,
    only,
)


def box(kind, content=b""):
    return (8 + len(content)).to_bytes(4) + kind + content


@given(st.lists(st.tuples(st.binary(min_size=4, max_size=4), st.binary(max_size=20)), max_size=6))
def test_boxes_one_after_the_other(parts):
    data = b"".join(box(kind, content) for kind, content in parts)
    found = list(boxes(data))
    assert [(each.kind, data[each.body : each.end]) for each in found] == parts
    assert [each.start for each in found] == [0, *(each.end for each in found)][: len(found)]


def test_sizes():
    large = b"\0\0\0\1free" + (20).to_bytes(8) + b"1234"
    rest = b"\0\0\0\0mdat12345"
    assert list(boxes(large + rest)) == [Box(b"free", 0, 16, 20), Box(b"mdat", 20, 28, 33)]


def test_boxes_inside():
    data = box(b"moof", box(b"mfhd", b"1") + box(b"traf"))
    (moof,) = boxes(data)
    assert [each.kind for each in inside(data, moof)] == [b"mfhd", b"traf"]


@given(st.binary(max_size=80))
def test_any_bytes_are_boxes_or_broken(data):
    try:
        found = list(boxes(data))
    except BrokenStream:
        return
    assert sum(each.end - each.start for each in found) == len(data)


@pytest.mark.parametrize(
    "data",
    [b"\0", b"\0\0\0\7free", b"\0\0\0\x09free", b"\0\0\0\1free\0\0", b"\0\0\0\1free" + (15).to_bytes(8)],
)
def test_a_size_that_cannot_be(data):
    with pytest.raises(BrokenStream):
        list(boxes(data))


def test_fields():
    data = b"\1\0\0\5" + (7).to_bytes(4) + b"ab"
    assert full(data, Box(b"tfdt", 0, 0, 10)) == (1, 5)
    assert fields(data, ">I2s", 4, 10) == (7, b"ab")
    assert (number_at(data, 4, 8), number_at(data, 4, 6, ">H")) == (7, 0)
    for broken in (
        lambda: fields(data, ">I", 7, 10),
        lambda: number_at(data, 4, 7),
        lambda: full(data[:3], Box(b"", 0, 0, 3)),
    ):
        with pytest.raises(BrokenStream):
            broken()


def test_only():
    data = box(b"moof") + box(b"mdat") + box(b"mdat")
    assert only(boxes(data), b"moof").start == 0
    for kind in (b"mdat", b"moov"):
        with pytest.raises(BrokenStream, match="where there is to be one"):
            only(boxes(data), kind)
