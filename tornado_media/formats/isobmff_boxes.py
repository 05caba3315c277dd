"""Boxes of ISO-BMFF in bytes that are all there: where they begin and end (ISO/IEC 14496-12 section 4.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


class BrokenStream(ValueError):
    """Not the fragmented MP4 that it should be. The text is for the log."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where a box lies.

    Args:
        kind: four characters.
        start: of its header.
        body: of what is after the header.
        end: first byte after it.
    """

    kind: bytes
    start: int
    body: int
    end: int


def boxes(data: bytes | bytearray, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes of a range, one after the other.

    Args:
        data: of a segment.
        start: offset of the first header.
        end: where the range ends; the end of the data where None.

    Raises:
        BrokenStream: a size reaches out of the range.
    """
    end = len(data) if end is None else end
    while start < end:
        header = 8
        size, kind = fields(data, ">I4s", start, end)
        if size == 1:
            header, (size,) = 16, fields(data, ">Q", start + 8, end)
        elif size == 0:
            size = end - start
        if not header <= size <= end - start:
            raise BrokenStream(f"box {kind!r} says that it has {size} bytes, {end - start} are there")
        yield Box(kind, start, start + header, start + size)
        start += size


def inside(data: bytes | bytearray, box: Box) -> Iterator[Box]:
    """The boxes inside of a box that has nothing else."""
    return boxes(data, box.body, box.end)


def fields(data: bytes | bytearray, layout: str, offset: int, end: int) -> tuple[Any, ...]:
    """Numbers at an offset, by a layout of `struct`.

    Raises:
        BrokenStream: they reach past `end`.
    """
    if offset + struct.calcsize(layout) > end:
        raise BrokenStream("a box is too short for its fields")
    return struct.unpack_from(layout, data, offset)


def full(data: bytes | bytearray, box: Box) -> tuple[int, int]:
    """Version and flags of a full box (section 4.2.2); its fields begin 4 bytes after `body`."""
    (word,) = fields(data, ">I", box.body, box.end)
    return word >> 24, word & 0xFFFFFF


def number_at(data: bytes | bytearray, offset: int, end: int, layout: str = ">I") -> int:
    """One number at an offset.

    Raises:
        BrokenStream: it reaches past `end`.
    """
    number: int = fields(data, layout, offset, end)[0]
    return number


def only(found: Iterator[Box], kind: bytes) -> Box:
    """The one box of a kind among others.

    Raises:
        BrokenStream: there is none, or there are several.
    """
    those = [box for box in found if box.kind == kind]
    if len(those) != 1:
        raise BrokenStream(f"{len(those)} boxes {kind!r}, where there is to be one")
    return those[0]
