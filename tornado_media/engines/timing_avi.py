"""Where the streams of an AVI file end and can be cut, by its index. Runs in worker processes only.

The index has frames in the order in which they are decoded, and no times at which they are seen: so it tells
where a picture can be cut only if no frame is reordered.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress

import av

from tornado_media.engines.timing import BYTES, Timing, bytes_between, look, spread, stated_rate

_ENTRY, _BEHIND = 24, 2**16
"""Bytes of an entry of the index, and of other things after the last frame."""

_MOST_SYNC = 2_000_000
"""Sync samples that are looked at: nine hours in which every frame is one."""


def by_list(
    container: av.container.InputContainer, streams: Sequence[av.stream.Stream], descriptor: int
) -> dict[int, Timing]:
    """What the index and the last packets tell of each stream.

    Args:
        container: of libav; its position is anywhere afterwards.
        streams: pictures and sounds.
        descriptor: of the same file; its position stays.
    """
    size = os.fstat(descriptor).st_size
    found = {stream.index: Timing() for stream in streams}
    video = next((stream for stream in streams if isinstance(stream, av.VideoStream)), None)
    seeks = video or next(iter(streams), None)
    if seeks is None:
        return found
    if video is not None:
        found[video.index].rate = stated_rate(video)
    whole = _is_whole(streams, size)
    if not whole and size > BYTES:
        return found
    sync = _sync(seeks.index_entries, size) if whole else []
    with suppress(av.FFmpegError):
        container.seek(sync[-1][0] if sync else 0, stream=seeks)
        seen = look(container, streams)
        seen.end(found, streams)
        agrees = bool(sync) and seen.first.get(seeks.index) == (sync[-1][0], True)
        # a codec that libav does not know has no context, whatever the stubs say
        codec: av.VideoCodecContext | None = None if video is None else video.codec_context
        if agrees and video is not None and codec is not None and not codec.has_b_frames:
            _cut(video, sync, size, found[video.index])
    return found


def _is_whole(streams: Sequence[av.stream.Stream], size: int) -> bool:
    """Whether the index leads to the end of the file, where it is itself; one that is cut off has none."""
    indexes = [stream.index_entries for stream in streams if len(stream.index_entries)]
    reaches = max((index[len(index) - 1].pos + index[len(index) - 1].size for index in indexes), default=0)
    return reaches + _ENTRY * sum(len(index) for index in indexes) + _BEHIND >= size


def _sync(index: av.index.IndexEntries, size: int) -> list[tuple[int, int]]:
    """Time and place of the sync samples in an index, as far as they are in the file."""
    found: list[tuple[int, int]] = []
    count = len(index)
    there = bisect_left(range(count), True, key=lambda n: index[n].pos + index[n].size > size)
    number = index.search_timestamp(index[0].timestamp, backward=False) if there else -1
    while 0 <= number < there and len(found) < _MOST_SYNC:
        entry = index[number]
        found.append((entry.timestamp, entry.pos))
        number = index.search_timestamp(entry.timestamp + 1, backward=False)
    return found


def _cut(video: av.VideoStream, sync: Sequence[tuple[int, int]], size: int, found: Timing) -> None:
    told = spread(sync)
    if video.time_base is not None:
        sizes = bytes_between([place for _, place in told], size)
        found.cut_at([time for time, _ in told], video.time_base, sizes)
