"""What libav does not tell of a Matroska file: how pictures are turned, and when the last blocks are. Pure.

EBML (RFC 8794) is a tree of elements: an ID, a size, content. Numbers of elements are those of RFC 9559.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from tornado_media.formats.sample_tables import without_base

SEGMENT, SEEK_HEAD, TRACKS, CLUSTER, CUES = 0x18538067, 0x114D9B74, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B

_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_TRACK, _NUMBER, _TYPE = 0xAE, 0xD7, 0x83
_VIDEO, _PROJECTION, _YAW, _PITCH, _ROLL = 0xE0, 0x7670, 0x7673, 0x7674, 0x7675
_ADDITION, _ADDITION_TYPE, _ADDITION_CONFIG = 0x41E4, 0x41E7, 0x41ED
_TIMESTAMP, _SIMPLE_BLOCK, _GROUP, _BLOCK, _LASTS = 0xE7, 0xA3, 0xA0, 0xA1, 0x9B

_DOLBY_VISION = frozenset(int.from_bytes(name, "big") for name in (b"dvcC", b"dvvC", b"dvwC"))

_TYPES = {1: "video", 2: "audio", 17: "subtitle"}

_MOST_ELEMENTS = 4096
"""In one container: more is a trap."""

_MOST_TRACKS = 256

_MOST_IN_GROUP = 16
"""Elements of a block group."""

_MOST_STEPS = 100_000
"""Elements and clusters that are looked at for the last blocks: an hour of film has as many."""


class Header(NamedTuple):
    """How an element begins.

    Args:
        id: with its marker.
        size: bytes of its content; None: nobody knew when it was written.
        length: bytes of the header.
    """

    id: int
    size: int | None
    length: int


@dataclass(frozen=True, slots=True)
class Track:
    """What a track says of itself.

    Args:
        number: that its blocks have.
        type: `video`, `audio`, `subtitle`, or empty for others.
        rotation: degrees clockwise that the picture is turned by to be seen: 0, 90, 180 or 270.
        dolby_vision: its colours are those of Dolby Vision, without a picture below that others can show.
    """

    number: int
    type: str
    rotation: int = 0
    dolby_vision: bool = False


def header(data: bytes | memoryview) -> Header | None:
    """The header that bytes begin with (RFC 8794 sections 5 and 6); None where there is none."""
    if not data or not (first := data[0]) >> 4:
        return None
    length = 9 - first.bit_length()
    if len(data) <= length or not (second := data[length]):
        return None
    number = int.from_bytes(data[:length], "big")
    more = 9 - second.bit_length()
    if len(data) < length + more:
        return None
    bits = 7 * more
    size = int.from_bytes(data[length : length + more], "big") & ((1 << bits) - 1)
    return Header(number, None if size == (1 << bits) - 1 else size, length + more)


def elements(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The elements in a container that are all there: ID and content of each. Ends where there is none."""
    place = 0
    for _ in range(_MOST_ELEMENTS):
        found = header(content[place : place + 12])
        if found is None or found.size is None or place + found.length + found.size > len(content):
            return
        begin = place + found.length
        place = begin + found.size
        yield found.id, content[begin:place]


def cues_place(seek_head: bytes) -> int | None:
    """Where Cues are by a SeekHead (RFC 9559 section 5.1.1): bytes from the beginning of a segment's content.

    Args:
        seek_head: its content.
    """
    for kind, seek in elements(memoryview(seek_head)):
        parts = dict(elements(seek)) if kind == _SEEK else {}
        if _SEEK_POSITION in parts and _uint(parts.get(_SEEK_ID, seek[:0])) == CUES:
            return _uint(parts[_SEEK_POSITION])
    return None


def tracks(content: bytes) -> list[Track]:
    """The tracks of a file, in its order (RFC 9559 section 5.1.4).

    Args:
        content: of the element Tracks.
    """
    entries = [entry for kind, entry in elements(memoryview(content)) if kind == _TRACK]
    return [_track(entry) for entry in entries[:_MOST_TRACKS]]


def last_times(data: bytes) -> dict[int, list[tuple[int, int | None]]]:
    """Times of blocks in the clusters that some bytes of a file have.

    Args:
        data: they may begin and end anywhere.

    Returns:
        For each track, by its number: time and duration of each of its blocks that is all there, in ticks of
        the file, as they come; None where a block does not say how long it lasts.
    """
    found: dict[int, list[tuple[int, int | None]]] = {}
    view, mark, steps = memoryview(data), CLUSTER.to_bytes(4, "big"), _MOST_STEPS
    place = data.find(mark)
    while place >= 0 and steps > 0:
        begins = header(view[place : place + 12])
        read = 4
        if begins is not None:
            end = len(data) if begins.size is None else place + begins.length + begins.size
            length, steps = _cluster(view[place + begins.length : end], found, steps - 1)
            # an ID may be in a picture by chance: then nothing was read
            read = max(4, length)
        steps -= 1
        place = data.find(mark, place + read)
    return found


def _cluster(
    content: memoryview, found: dict[int, list[tuple[int, int | None]]], steps: int
) -> tuple[int, int]:
    """Read the blocks of a cluster, which has its time before them; bytes that were read, and steps left."""
    time: int | None = None
    place = 0
    while steps > 0:
        begins = header(content[place : place + 12])
        if begins is None or begins.size is None or begins.id == CLUSTER:
            break
        end = place + begins.length + begins.size
        inner = content[place + begins.length : end]
        if end > len(content) or (time is None and begins.id in (_SIMPLE_BLOCK, _GROUP)):
            break
        if begins.id == _TIMESTAMP:
            time = _uint(inner)
        elif begins.id == _SIMPLE_BLOCK and time is not None:
            _block(inner, time, None, found)
        elif begins.id == _GROUP and time is not None:
            parts = dict(islice(elements(inner), _MOST_IN_GROUP))
            lasts = _uint(parts[_LASTS]) if _LASTS in parts else None
            _block(parts.get(_BLOCK, memoryview(b"")), time, lasts, found)
        place, steps = end, steps - 1
    return place, steps


def _block(
    content: memoryview, time: int, lasts: int | None, found: dict[int, list[tuple[int, int | None]]]
) -> None:
    """The number of a track, as sizes are written, and a time after that of the cluster (section 10.1)."""
    if not content or not content[0]:
        return
    length = 9 - content[0].bit_length()
    if len(content) < length + 3:
        return
    number = int.from_bytes(content[:length], "big") & ((1 << 7 * length) - 1)
    offset = int.from_bytes(content[length : length + 2], "big", signed=True)
    found.setdefault(number, []).append((time + offset, lasts))


def _track(entry: memoryview) -> Track:
    number, kind, rotation, dolby_vision = 0, 0, 0, False
    for inner, value in elements(entry):
        if inner == _NUMBER:
            number = _uint(value)
        elif inner == _TYPE:
            kind = _uint(value)
        elif inner == _VIDEO:
            projection = next((part for name, part in elements(value) if name == _PROJECTION), None)
            rotation = 0 if projection is None else _rotation(projection)
        elif inner == _ADDITION:
            parts = dict(elements(value))
            if _ADDITION_CONFIG in parts and _uint(parts.get(_ADDITION_TYPE, value[:0])) in _DOLBY_VISION:
                dolby_vision = without_base(bytes(parts[_ADDITION_CONFIG][:5]))
    return Track(number, _TYPES.get(kind, ""), rotation, dolby_vision)


def _rotation(projection: memoryview) -> int:
    """Quarter turns of a flat picture, which roll counterclockwise; a yaw of 180 degrees mirrors it."""
    angles = {_YAW: 0.0, _PITCH: 0.0, _ROLL: 0.0}
    angles |= {kind: _float(value) for kind, value in elements(projection) if kind in angles}
    yaw, pitch, roll = angles.values()
    if pitch != 0.0 or abs(yaw) not in (0.0, 180.0) or not abs(roll) <= 360.0:
        return 0
    # libav's angle of a mirrored picture, too
    return round(((180 - roll) if yaw else -roll) / 90) * 90 % 360


def _uint(value: memoryview) -> int:
    return int.from_bytes(value[:8], "big")


def _float(value: memoryview) -> float:
    layout = {4: ">f", 8: ">d"}.get(len(value))
    return 0.0 if layout is None else float(struct.unpack(layout, value)[0])
