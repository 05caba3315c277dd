"""Where the samples of an MP4 or QuickTime file are in time: its sample tables, read by ourselves. Pure.

libav has an index of decode times; which composition time a sync sample has is in `ctts`, which it does not
show. All numbers are in the units of the track's own timescale. ISO/IEC 14496-12 section 8.6.
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from math import atan2, degrees, hypot

_IDENTITY = (1.0, 0.0, 0.0, 1.0)

_TABLES = frozenset({b"stts", b"ctts", b"stss", b"stsz", b"stsd"})

_DOLBY_VISION = frozenset({b"dvcC", b"dvvC", b"dvwC"})
"""Boxes with the configuration of Dolby Vision (Dolby Vision Streams Within the ISO Base Media File Format,
section 3.1)."""

_SAMPLE_ENTRY = 78
"""Bytes of a VisualSampleEntry before its boxes (section 12.1.3)."""

_MOST_BOXES = 4096
"""In one container: no file has so many, and each costs time."""

_MOST_TRACKS = 256
_MOST_ENTRIES = 16
"""Likewise."""

_MOST_SAMPLES = 20_000_000
"""More sizes cannot be, in what is given to us; a table may say anything."""


class Runs:
    """A number for each sample, told in runs of equal ones.

    Args:
        counts: how many samples each run has.
        values: the number of all of them.
    """

    __slots__ = ("_counts", "_ends", "_values")

    def __init__(self, counts: Sequence[int] = (), values: Sequence[int] = ()) -> None:
        self._counts, self._values = counts, values
        # arrays: the tables of a long film have millions of runs
        self._ends: Sequence[int] = array("Q", accumulate(counts))

    def __bool__(self) -> bool:
        return bool(self._values)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The runs: how many, and their number."""
        return zip(self._counts, self._values, strict=False)

    def at(self, sample: int) -> int:
        """The number of a sample; 0 where the table does not say."""
        if sample < 0:
            return 0
        run = bisect_right(self._ends, sample)
        return self._values[run] if run < len(self._values) else 0


@dataclass(frozen=True, slots=True)
class Track:
    """The tables of one track.

    Args:
        durations: how long samples are.
        offsets: composition time less decode time; nothing where it is 0 for all.
        sync: numbers of the sync samples from 0, ascending; None: all samples are.
        sizes: bytes of each sample; or one number that all have.
        count: how many samples.
        rotation: degrees clockwise that the picture is turned by to be seen: 0, 90, 180 or 270.
        dolby_vision: its colours are those of Dolby Vision, without a picture below that others can show.
    """

    durations: Runs = field(default_factory=Runs)
    offsets: Runs = field(default_factory=Runs)
    sync: Sequence[int] | None = None
    sizes: Sequence[int] | int = 0
    count: int = 0
    rotation: int = 0
    dolby_vision: bool = False

    def size(self, sample: int) -> int:
        """Bytes of a sample; 0 where there is none."""
        if isinstance(self.sizes, int):
            return self.sizes
        return self.sizes[sample] if 0 <= sample < len(self.sizes) else 0

    def bytes_between(self, samples: Sequence[int], end: int) -> list[int]:
        """Bytes from each of some samples to the next of them.

        Args:
            samples: numbers, ascending.
            end: the first sample that no longer belongs to the last of them.
        """
        edges = [*samples, end]
        if isinstance(self.sizes, int):
            return [(after - before) * self.sizes for before, after in pairwise(edges)]
        return [sum(self.sizes[before:after]) for before, after in pairwise(edges)]


def tracks(moov: bytes) -> dict[int, Track]:
    """The tracks of a movie by their identifiers; what is damaged is left out.

    Args:
        moov: what is inside of the box.
    """
    found: dict[int, Track] = {}
    view = memoryview(moov)
    movie = _matrix(_child(view, b"mvhd"), 36, 12)
    traks = [content for kind, content in boxes(view) if kind == b"trak"]
    for content in traks[:_MOST_TRACKS]:
        try:
            number, track = _track(content, movie)
        except (struct.error, ValueError):
            continue
        found[number] = track
    return found


def is_fragmented(moov: bytes) -> bool:
    """Whether samples come in fragments (section 8.8.1), of which the tables know nothing.

    Args:
        moov: what is inside of the box.
    """
    return any(kind == b"mvex" for kind, _ in boxes(memoryview(moov)))


def without_base(config: bytes) -> bool:
    """Whether a picture in Dolby Vision can be shown by nothing else: there is no compatible base layer.

    Args:
        config: DOVIDecoderConfigurationRecord (Dolby Vision Streams Within the ISO Base Media File Format,
            section 3.2); its fifth byte begins with dv_bl_signal_compatibility_id.
    """
    return len(config) > 4 and config[4] >> 4 == 0


def boxes(content: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The boxes in a container: type and content of each. Ends where there is no box."""
    place = 0
    for _ in range(_MOST_BOXES):
        if place + 8 > len(content):
            return
        size, kind = struct.unpack_from(">I4s", content, place)
        header = 8
        if size == 1 and place + 16 <= len(content):
            size, header = struct.unpack_from(">Q", content, place + 8)[0], 16
        elif size == 0:
            size = len(content) - place
        if size < header:
            return
        yield kind, content[place + header : place + size]
        place += size


def _child(content: memoryview, wanted: bytes) -> memoryview:
    """What is in the first box of a type; nothing where there is none."""
    return next((inner for kind, inner in boxes(content) if kind == wanted), memoryview(b""))


def _track(content: memoryview, movie: tuple[float, ...]) -> tuple[int, Track]:
    header = _child(content, b"tkhd")
    longer = 8 if header and header[0] == 1 else 0
    number = struct.unpack_from(">I", header, 12 + longer)[0]
    inner = _child(_child(_child(content, b"mdia"), b"minf"), b"stbl")
    tables: dict[bytes, memoryview] = {}
    for kind, table in boxes(inner):
        if kind in _TABLES:
            tables.setdefault(kind, table)
    sizes, count = _sizes(tables.get(b"stsz"))
    return number, Track(
        durations=_runs(tables.get(b"stts"), signed=False),
        offsets=_runs(tables.get(b"ctts"), signed=True),
        sync=_sync(tables.get(b"stss"), count),
        sizes=sizes,
        count=count,
        rotation=_rotation(_matrix(header, 40, 12), movie),
        dolby_vision=_is_dolby_vision(tables.get(b"stsd", memoryview(b""))),
    )


def _matrix(header: memoryview, place: int, longer: int) -> tuple[float, ...]:
    """a, b, c and d of the matrix of a header (section 6.2.2), which is further behind in version 1."""
    place += longer if header and header[0] == 1 else 0
    if len(header) < place + 20:
        return _IDENTITY
    a, b, _, c, d = struct.unpack_from(">5i", header, place)
    return a / 0x10000, b / 0x10000, c / 0x10000, d / 0x10000


def _rotation(track: tuple[float, ...], movie: tuple[float, ...]) -> int:
    """Quarter turns of both matrices together, as libav counts them: from the first row."""
    a, b, c, d = (
        track[row] * movie[column] + track[row + 1] * movie[column + 2] for row in (0, 2) for column in (0, 1)
    )
    across, down = hypot(a, c), hypot(b, d)
    if not across or not down:
        return 0
    return round(degrees(atan2(b / down, a / across)) / 90) * 90 % 360


def _is_dolby_vision(table: memoryview) -> bool:
    """Whether a sample description says so; boxes of entries are behind the fields of a picture."""
    for _, (_, entry) in zip(range(_MOST_ENTRIES), boxes(table[8:]), strict=False):
        for kind, config in boxes(entry[_SAMPLE_ENTRY:]):
            if kind in _DOLBY_VISION:
                return without_base(bytes(config[:5]))
    return False


def _numbers(table: memoryview, place: int, count: int, code: str) -> array[int]:
    """Numbers of four bytes, at most as many as there are."""
    numbers: array[int] = array(code)
    numbers.frombytes(table[place : place + 4 * count][: (len(table) - place) // 4 * 4])
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _runs(table: memoryview | None, *, signed: bool) -> Runs:
    if table is None:
        return Runs()
    entries = struct.unpack_from(">I", table, 4)[0]
    counts = _numbers(table, 8, 2 * entries, "I")[::2]
    # Offsets of version 0 are unsigned by the standard, and signed in the files of some writers, as libav has
    # it: none is longer than half of what 32 bits can say.
    values = _numbers(table, 8, 2 * entries, "i" if signed else "I")[1::2]
    return Runs(counts[: len(values)], values)


def _sync(table: memoryview | None, count: int) -> Sequence[int] | None:
    if table is None:
        return None
    entries = struct.unpack_from(">I", table, 4)[0]
    numbers = sorted(set(_numbers(table, 8, entries, "I")))
    return [number - 1 for number in numbers if 0 < number <= count]


def _sizes(table: memoryview | None) -> tuple[Sequence[int] | int, int]:
    if table is None:
        return 0, 0
    size, count = struct.unpack_from(">II", table, 4)
    if size:
        return size, count
    if count > _MOST_SAMPLES:
        raise ValueError("too many samples")
    sizes = _numbers(table, 12, count, "I")
    return sizes, len(sizes)
