"""Segments of fragmented MP4 as bytes: one track each, every time and size as it is given. Pure.

ISO/IEC 14496-12: an initialization segment is `ftyp` and `moov` without samples, a media segment `moof` and
`mdat`. There is no edit list, so the times of a segment are those of the film. A sample may be shown before
it is decoded, as the numbers have it (`trun` of version 1, section 8.8.8): so a sync sample is decoded when
it is shown, and no track begins later because its pictures are reordered.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tornado_media.formats.isobmff_boxes import BrokenStream

TRACK = 1
"""The track_ID of the only track."""

_MOVIE_TIMESCALE = 1000
_IDENTITY = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_UNDETERMINED = 0x55C4
"""`und`, as three times five bits (section 8.4.2)."""

_SYNC, _NOT_SYNC = 0x0200_0000, 0x0101_0000
"""Flags of a sample (section 8.8.3.1): it depends on no other; it depends on others and is no sync sample."""

_BASE_IS_MOOF, _NO_DURATION, _DEFAULT_DURATION, _DEFAULT_FLAGS = 0x02_0000, 0x01_0000, 0x8, 0x20
"""Flags of `tfhd` (section 8.8.7)."""

_OFFSET, _DURATIONS, _SIZES, _FLAGS, _COMPOSITION = 0x1, 0x100, 0x200, 0x400, 0x800
"""Flags of `trun` (section 8.8.8)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What is decoded at once.

    Args:
        content: its bytes.
        duration: until the next one is decoded, in ticks.
        offset: when it is shown, less when it is decoded, in ticks.
        sync: it is decoded without others.
    """

    content: bytes
    duration: int
    offset: int = 0
    sync: bool = True


@dataclass(frozen=True, slots=True)
class Coding:
    """What a decoder must know before the first sample.

    Args:
        entry: the whole `stsd` box (section 8.5.2), with one entry.
        width: of a picture as it is shown, pixels as a 16.16 number (section 8.3.2); 0 for a sound.
        height: likewise.
    """

    entry: bytes
    width: int = 0
    height: int = 0


def initialization_segment(coding: Coding, timescale: int, seconds: Fraction | float | None) -> bytes:
    """`ftyp` and `moov` for segments of one track.

    Args:
        coding: of all samples.
        timescale: ticks a second.
        seconds: how long all segments last together, roughly; None when unknown. Chromium takes a film of
            unknown duration for a live one, and then tries to be quick rather than smooth.

    Raises:
        BrokenStream: a number does not fit into its field.
    """
    brands = _box(b"ftyp", b"iso6", bytes(4), b"iso6", b"cmfc", b"mp41")
    length = [] if seconds is None else [_full(b"mehd", 1, 0, _number(int(seconds * _MOVIE_TIMESCALE), 8))]
    defaults = _full(b"trex", 0, 0, struct.pack(">5I", TRACK, 1, 0, 0, 0))
    return brands + _box(
        b"moov",
        _full(b"mvhd", 0, 0, *_movie()),
        _box(b"trak", _track_header(coding), _media(coding, timescale)),
        _box(b"mvex", *length, defaults),
    )


def media_segment(number: int, time: int, samples: Sequence[Sample]) -> bytes:
    """`moof` and `mdat` with some samples, or with none, where a track has a hole.

    Args:
        number: for sequence_number (section 8.8.5).
        time: when the first sample is decoded, in ticks.
        samples: in the order in which they are decoded.

    Raises:
        BrokenStream: a number does not fit into its field.
    """
    header = _full(b"mfhd", 0, 0, _number(number))
    begin = _full(b"tfdt", 1, 0, _number(time, 8))
    lasting = {sample.duration for sample in samples}
    usual = _number(lasting.pop()) if len(lasting) == 1 else b""
    flags = _BASE_IS_MOOF | _DEFAULT_FLAGS | bool(usual) * _DEFAULT_DURATION | (not samples) * _NO_DURATION
    track = _full(b"tfhd", 0, flags, _number(TRACK), usual, _number(_SYNC))
    run = _run(samples, 0) if samples else b""
    moof = _box(b"moof", header, _box(b"traf", track, begin, run))
    if samples:
        # The samples begin after this box and the header of the next one.
        moof = moof[: len(moof) - len(run)] + _run(samples, len(moof) + 8)
    return b"".join((moof, *_large(b"mdat", [sample.content for sample in samples])))


def _run(samples: Sequence[Sample], offset: int) -> bytes:
    reordered = any(sample.offset for sample in samples)
    mixed = not all(sample.sync for sample in samples)
    varying = len({sample.duration for sample in samples}) > 1
    flags = _OFFSET | varying * _DURATIONS | _SIZES | mixed * _FLAGS | reordered * _COMPOSITION
    fields = [len(samples), offset]
    for sample in samples:
        if varying:
            fields.append(sample.duration)
        fields.append(len(sample.content))
        if mixed:
            fields.append(_SYNC if sample.sync else _NOT_SYNC)
        if reordered:
            if not -(1 << 31) <= sample.offset < 1 << 31:
                raise BrokenStream(f"{sample.offset} ticks are between decoding and showing a sample")
            fields.append(sample.offset & 0xFFFF_FFFF)
    try:
        return _full(b"trun", 1, flags, struct.pack(f">{len(fields)}I", *fields))
    except struct.error as error:
        raise BrokenStream(f"a number of a sample does not fit: {error}") from error


def _movie() -> tuple[bytes, ...]:
    # creation, modification, timescale, duration; rate and volume; the next track (section 8.2.2)
    times = struct.pack(">4I", 0, 0, _MOVIE_TIMESCALE, 0)
    return times, struct.pack(">IH10x", 0x10000, 0x100), _IDENTITY, struct.pack(">24xI", TRACK + 1)


def _track_header(coding: Coding) -> bytes:
    sound = not coding.width
    # creation, modification, track, duration; layer, group, volume (section 8.3.2)
    head = struct.pack(">3I4xI8x", 0, 0, TRACK, 0) + struct.pack(">3H2x", 0, sound, 0x100 * sound)
    return _full(b"tkhd", 0, 3, head, _IDENTITY, _number(coding.width), _number(coding.height))


def _media(coding: Coding, timescale: int) -> bytes:
    kind, name = (b"vide", b"picture\0") if coding.width else (b"soun", b"sound\0")
    shown = _full(b"vmhd", 0, 1, bytes(8)) if coding.width else _full(b"smhd", 0, 0, bytes(4))
    references = _full(b"dref", 0, 0, _number(1), _full(b"url ", 0, 1))  # in this file
    empty = [_full(table, 0, 0, bytes(4)) for table in (b"stts", b"stsc")]
    empty += [_full(b"stsz", 0, 0, bytes(8)), _full(b"stco", 0, 0, bytes(4))]
    times = struct.pack(">2I", 0, 0) + _number(timescale) + struct.pack(">IHH", 0, _UNDETERMINED, 0)
    return _box(
        b"mdia",
        _full(b"mdhd", 0, 0, times),
        _full(b"hdlr", 0, 0, bytes(4), kind, bytes(12), name),
        _box(b"minf", shown, _box(b"dinf", references), _box(b"stbl", coding.entry, *empty)),
    )


def _number(value: int, width: int = 4) -> bytes:
    if not 0 <= value < 1 << 8 * width:
        raise BrokenStream(f"{value} does not fit into {8 * width} bits")
    return value.to_bytes(width)


def _full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A full box (section 4.2.2)."""
    return _box(kind, (version << 24 | flags).to_bytes(4), *parts)


def _box(kind: bytes, *parts: bytes) -> bytes:
    return b"".join(_large(kind, parts))


def _large(kind: bytes, parts: Sequence[bytes]) -> list[bytes]:
    """A box in parts, which are not copied yet."""
    return [_number(8 + sum(map(len, parts))), kind, *parts]
