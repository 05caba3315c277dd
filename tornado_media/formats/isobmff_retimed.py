"""Segments of fragmented MP4 with other times, and several as one. Pure.

What `isobmff_fragments` reads is changed in place: no sample is moved or copied more than once.
"""

from __future__ import annotations

from collections.abc import Mapping

from tornado_media.formats.isobmff_boxes import Box, BrokenStream, boxes, full, inside, number_at, only
from tornado_media.formats.isobmff_fragments import (
    RUN_OFFSET,
    Bytes,
    Fragment,
    decode_times,
    fragment_of,
    ticks_of,
)


def retimed(segment: Bytes, number: int, times: Mapping[int, int]) -> bytes:
    """A segment with another number and other times.

    Where a time does not fit into 32 bits its `tfdt` becomes one of version 1; the sizes of the boxes around
    it and the offsets of the samples are made right.

    Args:
        segment: one or more pairs of `moof` and `mdat`, whose offsets are relative to the `moof`.
        number: for the sequence_number of `mfhd` (section 8.8.5), counted on from fragment to fragment.
        times: when the first sample of a track is decoded, in ticks, by the track's number. What comes later
            in the segment keeps its distance. Tracks that are not named keep their times.

    Raises:
        BrokenStream: not such a segment, or a time outside of 64 bits.
    """
    first = decode_times(segment)
    shifts = {track: ticks - first[track] for track, ticks in times.items() if track in first}
    parts = list[bytes]()
    for box in boxes(segment):
        if box.kind == b"moof":
            parts.append(_moof(segment, box, number, shifts))
            number += 1
        else:
            parts.append(bytes(segment[box.start : box.end]))
    return b"".join(parts)


def joined(fragments: list[bytes]) -> bytes:
    """One segment out of fragments that follow one another: all their bytes, but one `styp`.

    Args:
        fragments: one `moof` and `mdat` each, in their order.

    Raises:
        BrokenStream: one of them is no fragment.
    """
    parts = list[bytes]()
    for place, fragment in enumerate(fragments):
        found = list(boxes(fragment))
        only(iter(found), b"moof")
        parts += [fragment[b.start : b.end] for b in found if place == 0 or b.kind != b"styp"]
    return b"".join(parts)


def _moof(data: Bytes, moof: Box, number: int, shifts: Mapping[int, int]) -> bytes:
    out = bytearray(data[moof.start : moof.end])
    (whole,) = boxes(out)
    head = only(inside(out, whole), b"mfhd")
    _put(out, number & 0xFFFFFFFF, head.body + 4, 4, head.end)
    trafs = [(box, fragment_of(out, box)) for box in inside(out, whole) if box.kind == b"traf"]
    if any(fragment.based for _, fragment in trafs):
        raise BrokenStream("a fragment says where it lies in a file")
    wider = list[tuple[Box, int]]()
    for traf, fragment in trafs:
        ticks = ticks_of(out, fragment.time) + shifts.get(fragment.track, 0)
        if not 0 <= ticks < 1 << 64:
            raise BrokenStream(f"{ticks} is no decode time")
        wide = full(out, fragment.time)[0] == 1
        if wide or ticks < 1 << 32:
            _put(out, ticks, fragment.time.body + 4, 8 if wide else 4, fragment.time.end)
        else:
            wider.append((fragment.time, ticks))
            _grow(out, traf, 4)
            _grow(out, fragment.time, 4)
    if wider:
        _grow(out, whole, 4 * len(wider))
        for _, fragment in trafs:
            _move_data(out, fragment, 4 * len(wider))
    for time, ticks in reversed(wider):
        out[time.body : time.body + 8] = b"\1" + out[time.body + 1 : time.body + 4] + ticks.to_bytes(8)
    return bytes(out)


def _move_data(out: bytearray, fragment: Fragment, more: int) -> None:
    """The samples of a fragment are further behind their `moof` now."""
    for run in fragment.runs:
        if full(out, run)[1] & RUN_OFFSET:
            offset = number_at(out, run.body + 8, run.end) + more
            _put(out, offset & 0xFFFFFFFF, run.body + 8, 4, run.end)


def _grow(out: bytearray, box: Box, more: int) -> None:
    place, width = (box.start + 8, 8) if box.body - box.start == 16 else (box.start, 4)
    size = int.from_bytes(out[place : place + width])
    if size:
        _put(out, size + more, place, width, box.body)


def _put(out: bytearray, number: int, place: int, width: int, end: int) -> None:
    if place + width > end or number >> 8 * width:
        raise BrokenStream("a box is too short for its fields")
    out[place : place + width] = number.to_bytes(width)
