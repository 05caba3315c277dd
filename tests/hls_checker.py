"""Checks segments of fragmented MP4 as a strict player would, with a reader of boxes of its own.

    check(init, segments, start=0, seconds=[2, 2, 2]) -> [Found, ...]

It is for `runpy.run_path`. What is wrong is an AssertionError that names the segment.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

NOT_SYNC = 0x10000


@dataclass(frozen=True)
class Found:
    """What a segment has.

    Args:
        begin: when its first sample is decoded, seconds.
        end: when its last sample ends.
        decoded: when each sample is decoded.
        shown: when each sample is shown, in the order of decoding.
        samples: their bytes.
        sync: which of them are sync samples.
        numbers: sequence_number of each fragment.
    """

    begin: Fraction
    end: Fraction
    decoded: list[Fraction]
    shown: list[Fraction]
    samples: list[bytes]
    sync: list[bool]
    numbers: list[int]


def check(
    init: bytes | Sequence[bytes],
    segments: Sequence[bytes],
    *,
    start: Fraction | float | None = None,
    seconds: Sequence[Fraction | float] | None = None,
    distinct: bool = True,
) -> list[Found]:
    """Whether segments follow one another without a gap, and each can be decoded by itself.

    Args:
        init: the initialization segment; or one of each run, which must be equal.
        segments: in their order.
        start: when the first one begins.
        seconds: how long each of them lasts, exactly.
        distinct: no two samples are shown at one time; what is copied from a damaged film may be.
    """
    inits = [init] if isinstance(init, bytes) else list(init)
    assert len(set(inits)) == 1, "initialization segments of different runs differ"
    timescale, defaults = check_init(inits[0])
    found = []
    for place, segment in enumerate(segments):
        try:
            found.append(_segment(segment, timescale, defaults))
        except AssertionError as error:
            raise AssertionError(f"segment at place {place}: {error}") from error
    _check_chain(found, start, seconds)
    shown = [time for each in found for time in each.shown]
    assert not distinct or len(set(shown)) == len(shown), "two samples are shown at one time"
    return found


def check_init(init: bytes) -> tuple[int, dict[str, int]]:
    """An initialization segment with one track, without samples and without an edit list.

    Returns:
        Ticks a second, and defaults of samples.
    """
    kinds = [kind for kind, _, _ in boxes(init)]
    assert kinds == ["ftyp", "moov"], kinds
    moov = only(init, "moov")
    tracks = [each for each in boxes(init, *moov) if each[0] == "trak"]
    assert len(tracks) == 1, f"{len(tracks)} tracks"
    trak = tracks[0][1:]
    assert not [kind for kind, _, _ in boxes(init, *trak) if kind == "edts"], "an edit list shifts times"
    mdhd, stbl = only(init, "mdia", "mdhd", within=trak), only(init, "mdia", "minf", "stbl", within=trak)
    (timescale,) = struct.unpack_from(">I", init, mdhd[0] + (20 if init[mdhd[0]] else 12))
    for kind, begin, _ in boxes(init, *stbl):
        if kind in ("stts", "stsc", "stco"):
            assert init[begin + 4 : begin + 8] == bytes(4), f"{kind} has entries"
    _, _, duration, size, flags = struct.unpack_from(">5I", init, only(init, "moov", "mvex", "trex")[0] + 4)
    return timescale, {"duration": duration, "size": size, "flags": flags}


def boxes(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[tuple[str, int, int]]:
    """Kind, begin and end of the content of each box."""
    end = len(data) if end is None else end
    while begin < end:
        size, kind = struct.unpack_from(">I4s", data, begin)
        header = 8
        if size == 1:
            (size,), header = struct.unpack_from(">Q", data, begin + 8), 16
        assert header <= size <= end - begin, f"box {kind!r} has {size} bytes, {end - begin} are there"
        yield kind.decode("latin-1"), begin + header, begin + size
        begin += size


def only(data: bytes, *path: str, within: tuple[int, int] | None = None) -> tuple[int, int]:
    """Begin and end of the content of a box, by the kinds on the way to it; each must be there once."""
    begin, end = within or (0, len(data))
    for kind in path:
        those = [each for each in boxes(data, begin, end) if each[0] == kind]
        assert len(those) == 1, f"{len(those)} boxes {kind}"
        _, begin, end = those[0]
    return begin, end


def _segment(data: bytes, timescale: int, defaults: dict[str, int]) -> Found:
    parts = list(boxes(data))
    start = parts.pop(0)[2] if parts and parts[0][0] == "styp" else 0
    kinds = [kind for kind, _, _ in parts]
    assert kinds and kinds == ["moof", "mdat"] * (len(kinds) // 2), f"boxes {kinds}"
    begin: int | None = None
    now = 0
    found = Found(Fraction(0), Fraction(0), [], [], [], [], [])
    for (_, *moof), (_, *mdat) in zip(parts[::2], parts[1::2], strict=True):
        at, decoded = _fragment(data, start, (moof[0], moof[1]), (mdat[0], mdat[1]), defaults, found.numbers)
        start = mdat[1]
        assert begin is None or at == now, f"tfdt {at} follows {now}"
        begin, now = at if begin is None else begin, at
        for duration, flags, offset, content in decoded:
            found.decoded.append(Fraction(now, timescale))
            found.shown.append(Fraction(now + offset, timescale))
            found.samples.append(content)
            found.sync.append(not flags & NOT_SYNC)
            now += duration
    assert not found.sync or found.sync[0], "it does not begin with a sync sample"
    return replace(found, begin=Fraction(begin or 0, timescale), end=Fraction(now, timescale))


def _fragment(
    data: bytes,
    start: int,
    moof: tuple[int, int],
    mdat: tuple[int, int],
    defaults: dict[str, int],
    numbers: list[int],
) -> tuple[int, list[tuple[int, int, int, bytes]]]:
    """When it begins in ticks; and duration, flags, offset and bytes of each sample."""
    numbers.append(struct.unpack_from(">I", data, only(data, "mfhd", within=moof)[0] + 4)[0])
    traf = only(data, "traf", within=moof)
    head, time = only(data, "tfhd", within=traf)[0], only(data, "tfdt", within=traf)[0]
    (flags,) = struct.unpack_from(">I", data, head)
    assert flags & 0x20000 and not flags & 1, "offsets are not relative to moof"
    place, known = head + 8 + 4 * bool(flags & 2), dict(defaults)
    for bit, name in ((8, "duration"), (0x10, "size"), (0x20, "flags")):
        if flags & bit:
            (known[name],) = struct.unpack_from(">I", data, place)
            place += 4
    (begin,) = struct.unpack_from(">Q" if data[time] else ">I", data, time + 4)
    found: list[tuple[int, int, int, bytes]] = []
    expected = mdat[0]
    for kind, *run in boxes(data, *traf):
        if kind == "trun":
            samples, expected = _run(data, (run[0], run[1]), start, expected, known)
            found += samples
    assert expected == mdat[1], f"mdat has {mdat[1] - mdat[0]} bytes, samples {expected - mdat[0]}"
    return begin, found


def _run(
    data: bytes, box: tuple[int, int], moof: int, place: int, known: dict[str, int]
) -> tuple[list[tuple[int, int, int, bytes]], int]:
    word, count = struct.unpack_from(">2I", data, box[0])
    version, flags, field = word >> 24, word & 0xFFFFFF, box[0] + 8
    if flags & 1:
        (offset,) = struct.unpack_from(">i", data, field)
        assert moof + offset == place, "the samples are elsewhere"
        field += 4
    first = struct.unpack_from(">I", data, field)[0] if flags & 4 else None
    field += 4 * bool(flags & 4)
    found = []
    for number in range(count):
        values = {**known, "offset": 0}
        if number == 0 and first is not None:
            values["flags"] = first
        for bit, name in ((0x100, "duration"), (0x200, "size"), (0x400, "flags"), (0x800, "offset")):
            if flags & bit:
                signed = name == "offset" and version == 1
                (values[name],) = struct.unpack_from(">i" if signed else ">I", data, field)
                field += 4
        content = data[place : place + values["size"]]
        place += values["size"]
        found.append((values["duration"], values["flags"], values["offset"], content))
    assert field == box[1], "trun has more than its samples"
    return found, place


def _check_chain(
    found: list[Found], start: Fraction | float | None, seconds: Sequence[Fraction | float] | None
) -> None:
    for place, (before, after) in enumerate(pairwise(found)):
        assert before.end == after.begin, f"segment at place {place} ends at {before.end}, not {after.begin}"
    if start is not None:
        assert found[0].begin == start, f"it begins at {found[0].begin}, not {start}"
    if seconds is not None:
        lengths = [each.end - each.begin for each in found]
        assert lengths == list(map(Fraction, seconds)), f"segments last {lengths}"
