"""Where the streams of a Matroska or WebM file end and can be cut. Runs in worker processes only.

Its header may say how long it lasts, and may be wrong: so the packets from the last Cue on are read, or, of a
recording without Cues, the last blocks are looked for. Some frames in between tell whether the rate varies.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import av

from tornado_media.engines.timing import Look, Timing, bytes_between, glance, look, spread, stated_rate
from tornado_media.formats import matroska
from tornado_media.formats.frame_rates import frame_rate, lengths

_MOST_HEAD = 8 * 2**20
"""Bytes of an element before the first cluster that are read."""

_MOST_ELEMENTS = 256
"""Elements before the first cluster that are passed over."""

_GLANCES = 4
"""Places between beginning and end where some frames are looked at."""

_TAILS = (2**20, 8 * 2**20, 32 * 2**20)
"""Bytes at the end of a file in which the last blocks are looked for: a cluster has 5 MiB, mostly."""


@dataclass(slots=True)
class _Layout:
    """What is before the first cluster.

    Args:
        cues: there is an index.
        tracks: in their order, which is that of libav's streams.
    """

    cues: bool = False
    tracks: list[matroska.Track] = field(default_factory=list)


def by_cues(
    container: av.container.InputContainer, streams: Sequence[av.stream.Stream], descriptor: int
) -> dict[int, Timing]:
    """What index, first and last packets tell of each stream.

    Args:
        container: of libav, not read yet; its position is anywhere afterwards.
        streams: pictures and sounds.
        descriptor: of the same file; its position stays.
    """
    size = os.fstat(descriptor).st_size
    layout = _layout(descriptor, size)
    tracks = _tracks_of(streams, layout.tracks)
    found = {stream.index: Timing() for stream in streams}
    for index, track in tracks.items():
        found[index].rotation, found[index].dolby_vision = track.rotation, track.dolby_vision
    video = next((stream for stream in streams if isinstance(stream, av.VideoStream)), None)
    lasting = Counter[int]()
    if video is not None:
        lasting += lengths(glance(container, streams, video).times[video.index])
    if layout.cues and streams:
        lasting += _by_index(container, streams, video, size, found)
    if streams and all(timing.end is None for timing in found.values()):
        lasting += _by_last_blocks(descriptor, size, streams, video, tracks, found)
    if video is not None and video.time_base:
        timing = found[video.index]
        timing.rate, timing.variable = frame_rate(lasting, video.time_base, stated_rate(video))
    return found


def _layout(descriptor: int, size: int) -> _Layout:
    layout = _Layout()
    place = segment = 0
    for _ in range(_MOST_ELEMENTS):
        begins = matroska.header(os.pread(descriptor, 12, place)) if place < size else None
        if begins is None or begins.id == matroska.CLUSTER:
            break
        place += begins.length
        if begins.id == matroska.SEGMENT:
            segment = place
            continue  # it holds all the rest
        if begins.size is None:
            break
        content = b""
        if begins.id in (matroska.SEEK_HEAD, matroska.TRACKS) and begins.size <= _MOST_HEAD:
            content = os.pread(descriptor, begins.size, place)
        if begins.id == matroska.TRACKS:
            layout.tracks = matroska.tracks(content)
        cues = matroska.cues_place(content) if begins.id == matroska.SEEK_HEAD else None
        layout.cues |= begins.id == matroska.CUES or _is_cues(descriptor, size, segment, cues)
        place += begins.size
    return layout


def _is_cues(descriptor: int, size: int, segment: int, place: int | None) -> bool:
    """Whether Cues are where a SeekHead has them, and not in a part that is cut off."""
    if place is None or segment + place >= size:
        return False
    begins = matroska.header(os.pread(descriptor, 12, segment + place))
    if begins is None or begins.id != matroska.CUES or begins.size is None:
        return False
    return segment + place + begins.length + begins.size <= size


def _tracks_of(
    streams: Sequence[av.stream.Stream], tracks: Sequence[matroska.Track]
) -> Mapping[int, matroska.Track]:
    """The track of each stream by its index; nothing if they are not the same."""
    known = dict(enumerate(tracks))
    same = all(stream.index in known and known[stream.index].type == stream.type for stream in streams)
    return {stream.index: known[stream.index] for stream in streams} if same else {}


def _by_index(
    container: av.container.InputContainer,
    streams: Sequence[av.stream.Stream],
    video: av.VideoStream | None,
    size: int,
    found: dict[int, Timing],
) -> Counter[int]:
    """Read the index and the packets from its last entry on; how long frames of the picture last."""
    lasting = Counter[int]()
    seeks = video or streams[0]
    with suppress(av.FFmpegError):
        container.seek(0)  # libav reads the Cues (RFC 9559 section 5.1.5) before its first seek
    # What it reads later adds entries, too. A file that was cut off has an index of what is not there.
    cues = [(entry.timestamp, entry.pos) for entry in seeks.index_entries if entry.pos < size]
    if not cues:
        return lasting
    right = True
    for number in range(_GLANCES if video is not None else 0):
        time = cues[(number + 1) * len(cues) // (_GLANCES + 1)][0]
        seen = _from(container, streams, seeks, time, video)
        right = right and seen.first.get(seeks.index) == (time, True)
        lasting += lengths(seen.times[seeks.index])
    seen = _from(container, streams, seeks, cues[-1][0], None)
    right = right and seen.first.get(seeks.index) == (cues[-1][0], True)
    seen.end(found, streams)
    lasting += lengths(seen.times[video.index]) if video is not None else Counter()
    if video is not None and video.time_base and right:
        told = spread(cues)
        sizes = bytes_between([place for _, place in told], size)
        found[video.index].cut_at([time for time, _ in told], video.time_base, sizes)
    return lasting


def _from(
    container: av.container.InputContainer,
    streams: Sequence[av.stream.Stream],
    seeks: av.stream.Stream,
    time: int,
    video: av.VideoStream | None,
) -> Look:
    """Look at what is from a time on: some frames of a picture, or all to the end."""
    with suppress(av.FFmpegError):
        container.seek(time, stream=seeks)
        return look(container, streams) if video is None else glance(container, streams, video)
    return Look({stream.index: [] for stream in streams})


def _by_last_blocks(
    descriptor: int,
    size: int,
    streams: Sequence[av.stream.Stream],
    video: av.VideoStream | None,
    tracks: Mapping[int, matroska.Track],
    found: dict[int, Timing],
) -> Counter[int]:
    """Look for the last blocks of a file; how long frames of the picture last there."""
    wanted = next((track.number for n, track in tracks.items() if video is None or n == video.index), None)
    blocks: dict[int, list[tuple[int, int | None]]] = {}
    for most in _TAILS:
        blocks = matroska.last_times(os.pread(descriptor, most, max(0, size - most)))
        if len(blocks.get(wanted or 0, [])) > 1 or most >= size:
            break
    for stream in streams:
        known = blocks.get(tracks[stream.index].number, []) if stream.index in tracks else []
        if not known or stream.time_base is None:
            continue
        last, lasts = max(known, key=lambda block: block[0])
        if lasts is None:  # frames before it may be cut off, which are shown later
            apart = lengths(time for time, _ in known)
            lasts = apart.most_common(1)[0][0] if apart else 0
        found[stream.index].end = float((last + lasts) * stream.time_base)
    if video is None or video.index not in tracks:
        return Counter()
    return lengths(time for time, _ in blocks.get(tracks[video.index].number, []))
