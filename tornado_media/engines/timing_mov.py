"""Where the streams of an MP4 or QuickTime file end and can be cut. Runs in worker processes only.

libav's index has decode times, after edit lists; the sample tables have what is between those and the times
at which frames are seen. Nothing of the media is read but a few sync samples, to see that both agree, and the
end where samples come in fragments.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import islice, pairwise

import av

from tornado_media.engines.timing import BYTES, Timing, look, spread, stated_rate
from tornado_media.formats.frame_rates import frame_rate
from tornado_media.formats.sample_tables import Track, is_fragmented, tracks

_MOST_MOOV = 96 * 2**20
"""Bytes of `moov` that are read: a day of film has 50 MiB."""

_MOST_BOXES = 256
"""Boxes before `moov` that are passed over: films have three."""

_REORDERED = 32
"""The last frame that is seen is at most so many before the last one of the file (H.264: 16)."""

_RUNS, _RUN = 8, 64
"""Places of an index that are looked at for the rate, and entries there."""


def by_tables(
    container: av.container.InputContainer, streams: Sequence[av.stream.Stream], descriptor: int
) -> dict[int, Timing]:
    """What the index tells of each stream.

    Args:
        container: of libav; its position is anywhere afterwards.
        streams: pictures and sounds.
        descriptor: of the same file; its position stays.
    """
    size = os.fstat(descriptor).st_size
    moov = _moov(descriptor, size)
    known = tracks(moov)
    found = {}
    for stream in streams:
        track = known.get(stream.id, Track())
        found[stream.index] = Timing(rotation=track.rotation, dolby_vision=track.dolby_vision)
    if is_fragmented(moov):
        _by_fragments(container, streams, found)
        return found
    for stream in streams:
        if stream.id in known and len(stream.index_entries):
            _by_table(container, stream, known[stream.id], size, found[stream.index])
    return found


def _moov(descriptor: int, size: int) -> bytes:
    """The content of `moov`; empty where there is none, or one that is too large."""
    place = 0
    for _ in range(_MOST_BOXES):
        head = os.pread(descriptor, 16, place)
        if len(head) < 8:
            break
        length, header = int.from_bytes(head[:4], "big"), 8
        if length == 1:
            length, header = int.from_bytes(head[8:], "big"), 16
        elif length == 0:
            length = size - place
        if length < header:
            break
        if head[4:8] == b"moov":
            return os.pread(descriptor, length - header, place + header) if length <= _MOST_MOOV else b""
        place += length
        if place >= size:
            break
    return b""


def _by_table(
    container: av.container.InputContainer, stream: av.stream.Stream, track: Track, size: int, found: Timing
) -> None:
    index, base = stream.index_entries, stream.time_base
    if base is None:
        return
    there = _readable(index, size)
    first = _first_sample(index, track)
    if first is None:
        # edits have put the samples into another order, or chunks are the entries: only a cut is seen
        found.end = None if there == len(index) else float(index[there].timestamp * base)
        return
    if isinstance(stream, av.VideoStream):
        lasting = Counter[int]()
        for number, length in track.durations:
            lasting[length] += number
        # the last frame has no next one to tell how long it is
        lasting[track.durations.at(track.count - 1)] -= 1
        found.rate, found.variable = frame_rate(+lasting, base, stated_rate(stream))
    shift = _shift(container, stream, track, first)
    if shift is None:
        return
    last = [(n, entry) for n, entry in _last(index, there) if not entry.is_discard]
    if last:
        ticks = max(entry.timestamp + track.offsets.at(first + n) for n, entry in last) + shift
        found.end = float((ticks + track.durations.at(first + last[-1][0])) * base)
    (found.size,) = track.bytes_between([first], first + there)
    if stream.type == "video":
        _cut(container, stream, track, (first, there, shift), found)


def _cut(
    container: av.container.InputContainer,
    stream: av.stream.Stream,
    track: Track,
    span: tuple[int, int, int],
    found: Timing,
) -> None:
    """Take the sync samples, if the tables and libav agree on them."""
    first, there, shift = span
    index, base = stream.index_entries, stream.time_base or Fraction(1)
    numbers = range(track.count) if track.sync is None else track.sync
    begin, end = bisect_left(numbers, first), bisect_left(numbers, first + there)
    samples = spread(numbers[begin:end])
    entries = [(sample, index[sample - first]) for sample in samples]
    shown = [(sample, entry) for sample, entry in entries if not entry.is_discard]
    if not all(entry.is_keyframe and entry.size == track.size(sample) for sample, entry in shown):
        return
    times = [entry.timestamp + track.offsets.at(sample) + shift for sample, entry in shown]
    few = sorted({len(shown) // 2, len(shown) - 1}) if shown else []
    # libav seeks by composition times, which it takes to be as far from decode times as the first one
    apart = track.offsets.at(first) + shift
    if all(_agrees(container, stream, shown[n][1], times[n], apart) for n in few):
        sizes = track.bytes_between([sample for sample, _ in shown], first + there)
        found.cut_at(times, base, sizes)


def _agrees(
    container: av.container.InputContainer,
    stream: av.stream.Stream,
    entry: av.index.IndexEntry,
    time: int,
    apart: int,
) -> bool:
    """Whether libav finds this sync sample at this composition time."""
    if entry.size > BYTES:
        return False
    with suppress(av.FFmpegError, OverflowError):
        # before its own time there is no way to one that begins an open group
        for place in (entry.timestamp + apart, time):
            container.seek(place, stream=stream)
            packet = next(container.demux(stream))
            if packet.pts == time and packet.is_keyframe:
                return True
    return False


def _last(index: av.index.IndexEntries, there: int) -> list[tuple[int, av.index.IndexEntry]]:
    """The last entries that may hold the last frame, with their numbers."""
    begin = max(0, there - _REORDERED)
    return list(enumerate(index[begin:there], begin))


def _first_sample(index: av.index.IndexEntries, track: Track) -> int | None:
    """Which sample the index begins with: an edit list may leave some out (section 8.6.6)."""
    count = len(index)
    if count == track.count:
        return 0
    if count > track.count or isinstance(track.sizes, int):
        return None
    sizes = [entry.size for entry in index[: min(count, 8)]]
    for sample in track.sync or ():
        begins = list(track.sizes[sample : sample + len(sizes)]) == sizes
        if (
            begins
            and sample + count <= track.count
            and track.sizes[sample + count - 1] == index[count - 1].size
        ):
            return sample
    return None


def _readable(index: av.index.IndexEntries, size: int) -> int:
    """How many of the samples lie in the file, which may be cut off."""
    count = len(index)
    if index[count - 1].pos + index[count - 1].size <= size:
        return count
    return bisect_left(range(count), True, key=lambda n: index[n].pos + index[n].size > size)


def _shift(
    container: av.container.InputContainer, stream: av.stream.Stream, track: Track, first: int
) -> int | None:
    """What libav adds to the times of its index, seen in the first packet; None if it cannot be read."""
    if not track.offsets:
        return 0
    index = stream.index_entries
    with suppress(av.FFmpegError):
        container.seek(index[0].timestamp, stream=stream)
        for packet in islice(container.demux(stream), 1):
            if packet.pts is None or packet.dts is None:
                break
            number = index.search_timestamp(packet.dts, any_frame=True)
            if number >= 0 and index[number].timestamp == packet.dts:
                return packet.pts - packet.dts - track.offsets.at(first + number)
    return None


# -- fragments --------------------------------------------------------------------------------------------


def _by_fragments(
    container: av.container.InputContainer, streams: Sequence[av.stream.Stream], found: dict[int, Timing]
) -> None:
    """Samples in fragments have no offsets in any table: the end is read, and nothing can be cut."""
    for stream in streams:
        if isinstance(stream, av.VideoStream) and stream.time_base is not None:
            timing = found[stream.index]
            timing.rate, timing.variable = frame_rate(
                _lengths(stream.index_entries), stream.time_base, stated_rate(stream)
            )
    with suppress(av.FFmpegError):
        container.seek((container.start_time or 0) + (container.duration or 0))
        look(container, streams).end(found, streams)


def _lengths(index: av.index.IndexEntries) -> Counter[int]:
    """How long frames last at some places of an index."""
    found = Counter[int]()
    for run in range(_RUNS):
        begin = run * max(0, len(index) - _RUN) // _RUNS
        times = [entry.timestamp for entry in index[begin : begin + _RUN]]
        found += Counter(later - earlier for earlier, later in pairwise(times))
    return found
