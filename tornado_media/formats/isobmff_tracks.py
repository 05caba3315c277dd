"""The tracks of an initialization segment, and how their samples are coded. Pure.

ISO/IEC 14496-12: it has a `moov` (section 8.2) with a `trak` for each track and the defaults of its fragments
in `trex` (8.8.3).

Every function raises `BrokenStream` for bytes that are not that, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tornado_media.formats.isobmff_boxes import (
    Box,
    boxes,
    fields,
    full,
    inside,
    number_at,
    only,
)
from tornado_media.formats.isobmff_write import Coding

Bytes = bytes | bytearray


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
