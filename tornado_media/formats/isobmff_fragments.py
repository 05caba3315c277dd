"""What lies in the segments of a fragmented MP4: tracks, times, durations. Pure.

ISO/IEC 14496-12: an initialization segment has a `moov` (section 8.2) with a `trak` for each track and the
defaults of its fragments in `trex` (8.8.3); a media segment has pairs of `moof` (8.8.4) and `mdat`. A `traf`
(8.8.6) says with `tfdt` (8.8.12) when its first sample is decoded, and with `trun` (8.8.8) how long each is.

Every function raises `BrokenStream` for bytes that are not that, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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
from tornado_media.formats.isobmff_write import Coding

Bytes = bytes | bytearray

_BASE_OFFSET, _DESCRIPTION, _DURATION, _SIZE, _FLAGS = 0x1, 0x2, 0x8, 0x10, 0x20
"""Flags of `tfhd`: which fields are there."""

RUN_OFFSET, _RUN_FIRST, _RUN_DURATION = 0x1, 0x4, 0x100
_RUN_SIZE, _RUN_FLAGS, _RUN_COMPOSITION = 0x200, 0x400, 0x800
"""Flags of `trun`, likewise."""

_NOT_SYNC = 0x10000
"""sample_is_non_sync_sample of the flags of a sample (section 8.8.3.1)."""

_MOST_SAMPLES = 1 << 20
"""A run of more samples than that, without a byte for each of them, is a trap and no film."""


@dataclass(frozen=True, slots=True)
class Track:
    """A track of an initialization segment.

    Args:
        number: its track_ID.
        handler: what it is: `vide`, `soun`, ...
        coding: four characters of its first sample entry: `avc1`, `mp4a`, ...
        timescale: its ticks a second.
        duration: default duration of a sample in its fragments, in ticks (`trex`); 0 where there is none.
        flags: default flags of a sample, likewise.
    """

    number: int
    handler: str
    coding: str
    timescale: int
    duration: int = 0
    flags: int = 0


def tracks(init: Bytes) -> tuple[Track, ...]:
    """The tracks of an initialization segment, in its order.

    Args:
        init: the initialization segment.

    Raises:
        BrokenStream: it is none.
    """
    moov = only(boxes(init), b"moov")
    defaults = dict(_defaults(init, moov))
    return tuple(_track(init, trak, defaults) for trak in inside(init, moov) if trak.kind == b"trak")


def timescales(init: Bytes) -> dict[int, int]:
    """Ticks a second of each track, by its number.

    Raises:
        BrokenStream: not an initialization segment.
    """
    return {track.number: track.timescale for track in tracks(init)}


def coding(init: Bytes) -> Coding:
    """How the samples of a file with one track are coded, for an initialization segment of our own.

    Raises:
        BrokenStream: it is not such a file.
    """
    moov = only(boxes(init), b"moov")
    trak = only(inside(init, moov), b"trak")
    head = only(inside(init, trak), b"tkhd")
    width, height = fields(init, ">2I", head.end - 8, head.end)
    table = _descriptions(init, only(inside(init, trak), b"mdia"))
    # Parameter sets are in the entry; of the two names Apple's players take the one that says so.
    entry = bytes(init[table.start : table.end]).replace(b"hev1", b"hvc1", 1)
    return Coding(entry, width, height)


def decode_times(segment: Bytes) -> dict[int, int]:
    """When the first sample of each track is decoded, in ticks of the track, by its number.

    Args:
        segment: one or more pairs of `moof` and `mdat`; the first time of a track counts.

    Raises:
        BrokenStream: not a segment, or a fragment without a time.
    """
    times: dict[int, int] = {}
    for fragment in fragments(segment):
        times.setdefault(fragment.track, ticks_of(segment, fragment.time))
    return times


def durations(segment: Bytes, init: Bytes | None = None) -> dict[int, int]:
    """How long the samples of each track last together, in ticks of the track, by its number.

    Args:
        segment: one or more pairs of `moof` and `mdat`.
        init: its initialization segment, for durations that are said there alone.

    Raises:
        BrokenStream: not a segment.
    """
    known = {} if init is None else {track.number: track.duration for track in tracks(init)}
    totals: dict[int, int] = {}
    for fragment in fragments(segment):
        default = known.get(fragment.track, 0) if fragment.duration is None else fragment.duration
        lasts = sum(_lasts(segment, run, default) for run in fragment.runs)
        totals[fragment.track] = totals.get(fragment.track, 0) + lasts
    return totals


def first_is_sync(segment: Bytes, init: Bytes | None = None) -> bool:
    """The first sample of a segment can be decoded without others.

    Args:
        segment: of one track; of several, the first one counts.
        init: its initialization segment, for flags that are said there alone.

    Raises:
        BrokenStream: not a segment, or one without samples.
    """
    known = {} if init is None else {track.number: track.flags for track in tracks(init)}
    for fragment in fragments(segment):
        for run in fragment.runs:
            flags = _first_flags(segment, run)
            if flags is None:
                flags = fragment.flags
            return not (known.get(fragment.track, 0) if flags is None else flags) & _NOT_SYNC
    raise BrokenStream("a segment without samples")


@dataclass(frozen=True, slots=True)
class Fragment:
    """A `traf`: its boxes, and the defaults that its `tfhd` (section 8.8.7) says.

    Args:
        track: its track_ID.
        based: it says where it lies in a file.
        duration: of a sample in ticks; None where it says none.
        flags: of a sample, likewise.
        time: its `tfdt`.
        runs: its `trun`.
    """

    track: int
    based: bool
    duration: int | None
    flags: int | None
    time: Box
    runs: tuple[Box, ...]


def fragments(segment: Bytes) -> Iterator[Fragment]:
    """Each `traf` of a segment.

    Raises:
        BrokenStream: there is none.
    """
    found = False
    for moof in boxes(segment):
        if moof.kind == b"moof":
            for traf in inside(segment, moof):
                if traf.kind == b"traf":
                    found = True
                    yield fragment_of(segment, traf)
    if not found:
        raise BrokenStream("a segment without moof and traf")


def fragment_of(data: Bytes, traf: Box) -> Fragment:
    """What a `traf` says.

    Raises:
        BrokenStream: it lacks what it must have.
    """
    head = only(inside(data, traf), b"tfhd")
    _, flags = full(data, head)
    offset, end = head.body + 4, head.end
    (track,) = fields(data, ">I", offset, end)
    offset += 4 + 8 * bool(flags & _BASE_OFFSET) + 4 * bool(flags & _DESCRIPTION)
    duration, offset = _optional(data, offset, end, flags & _DURATION)
    _, offset = _optional(data, offset, end, flags & _SIZE)
    sample, _ = _optional(data, offset, end, flags & _FLAGS)
    time = only(inside(data, traf), b"tfdt")
    runs = tuple(box for box in inside(data, traf) if box.kind == b"trun")
    return Fragment(track, bool(flags & _BASE_OFFSET), duration, sample, time, runs)


def _optional(data: Bytes, offset: int, end: int, there: int) -> tuple[int | None, int]:
    return (fields(data, ">I", offset, end)[0], offset + 4) if there else (None, offset)


def _lasts(data: Bytes, run: Box, default: int) -> int:
    _, flags = full(data, run)
    count, samples, width = _samples(data, run, flags)
    if not flags & _RUN_DURATION:
        return count * default
    if count * width > run.end - samples:
        raise BrokenStream("trun is too short for its samples")
    return sum(fields(data, ">I", samples + index * width, run.end)[0] for index in range(count))


def _first_flags(data: Bytes, run: Box) -> int | None:
    _, flags = full(data, run)
    _, samples, _ = _samples(data, run, flags)
    if flags & _RUN_FIRST:
        return number_at(data, samples - 4, run.end)
    if flags & _RUN_FLAGS:
        before = 4 * bool(flags & _RUN_DURATION) + 4 * bool(flags & _RUN_SIZE)
        return number_at(data, samples + before, run.end)
    return None


def _samples(data: Bytes, run: Box, flags: int) -> tuple[int, int, int]:
    """How many samples a `trun` has, where their fields begin, and how many bytes each has there."""
    offset, end = run.body + 4, run.end
    count = number_at(data, offset, end)
    samples = offset + 4 + 4 * bool(flags & RUN_OFFSET) + 4 * bool(flags & _RUN_FIRST)
    bits = (_RUN_DURATION, _RUN_SIZE, _RUN_FLAGS, _RUN_COMPOSITION)
    if count > _MOST_SAMPLES:
        raise BrokenStream(f"trun says that it has {count} samples")
    return count, samples, 4 * sum(bool(flags & bit) for bit in bits)


def ticks_of(data: Bytes, time: Box) -> int:
    """The time of a `tfdt`, in ticks.

    Raises:
        BrokenStream: it is too short, or of a version that nobody knows.
    """
    version, _ = full(data, time)
    if version > 1:
        raise BrokenStream(f"version {version} of tfdt")
    return number_at(data, time.body + 4, time.end, ">Q" if version else ">I")


def _track(init: Bytes, trak: Box, defaults: Mapping[int, tuple[int, int]]) -> Track:
    head = only(inside(init, trak), b"tkhd")
    mdia = only(inside(init, trak), b"mdia")
    times = only(inside(init, mdia), b"mdhd")
    handler = only(inside(init, mdia), b"hdlr")
    # Two times in front of the field, of 32 or 64 bits (sections 8.3.2 and 8.4.2).
    number = number_at(init, head.body + (20 if full(init, head)[0] else 12), head.end)
    timescale = number_at(init, times.body + (20 if full(init, times)[0] else 12), times.end)
    entries = _descriptions(init, mdia)
    _, entry = fields(init, ">I4s", entries.body + 8, entries.end)
    (kind,) = fields(init, ">4s", handler.body + 8, handler.end)
    duration, flags = defaults.get(number, (0, 0))
    return Track(number, kind.decode("latin-1"), entry.decode("latin-1"), timescale, duration, flags)


def _descriptions(init: Bytes, mdia: Box) -> Box:
    """The `stsd` of a track (section 8.5.2)."""
    minf = only(inside(init, mdia), b"minf")
    return only(inside(init, only(inside(init, minf), b"stbl")), b"stsd")


def _defaults(init: Bytes, moov: Box) -> Iterator[tuple[int, tuple[int, int]]]:
    """Duration and flags of samples, by track (`trex`, section 8.8.3)."""
    for mvex in inside(init, moov):
        if mvex.kind == b"mvex":
            for trex in inside(init, mvex):
                if trex.kind == b"trex":
                    number, _, duration, _, flags = fields(init, ">5I", trex.body + 4, trex.end)
                    yield number, (duration, flags)
