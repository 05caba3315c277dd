"""When the frames of a stream are, by a look at some of its packets. Runs in worker processes only.

A header may be wrong, and often says nothing: so the end is looked for where it is, in the last entries of an
index and the last packets. Nothing here decodes, and each look is bounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import TypeVar

import av

from tornado_media.formats.frame_rates import frame_rate, lengths

_MOST_SYNC = 20_000
"""Sync samples that are told: eleven hours with one every 2 s. Of more, some are left out."""

PACKETS, BYTES = 50_000, 32 * 2**20
"""What is looked at from the last sync sample to the end, or of a small file without an index."""

_GLANCE_FRAMES, _GLANCE_PACKETS, _GLANCE_BYTES = 48, 2000, 8 * 2**20
"""What is looked at of the beginning, and of each place in between, for the rate."""

_ENDING = 3 * av.time_base
"""Where the last packets of an MPEG-TS begin: those of a sound may have a quarter of a second each."""

_SKEW = Fraction(1, 20)
"""How far the average rate may be from the guessed one for the guess to be the rate that was meant."""

_T = TypeVar("_T")


@dataclass(slots=True)
class Timing:
    """What is found of one stream.

    Args:
        end: raw timestamp of its end, in seconds; None where nothing tells.
        sync: times of sync samples, raw, in seconds; None where nothing tells.
        sizes: bytes from each of them to the next one.
        rate: frames a second, the mean where it varies; None when unknown.
        variable: frames last unequally long.
        size: bytes of the whole stream; None when unknown.
        rotation: degrees clockwise that the picture is turned by to be seen.
        dolby_vision: its colours are those of Dolby Vision, without a picture below that others can show.
    """

    end: float | None = None
    sync: list[float] | None = None
    sizes: list[int] = field(default_factory=list)
    rate: Fraction | None = None
    variable: bool = False
    size: int | None = None
    rotation: int = 0
    dolby_vision: bool = False

    def cut_at(self, times: Sequence[int], base: Fraction, sizes: Sequence[int]) -> None:
        """Take the sync samples.

        Args:
            times: raw, in ticks; what does not ascend belongs to the one before.
            base: seconds of a tick.
            sizes: bytes from each to the next.
        """
        self.sync, self.sizes = [], []
        for ticks, size in zip(times, sizes, strict=True):
            time = ticks * base.numerator / base.denominator
            if not self.sync or time > self.sync[-1]:
                self.sync.append(time)
                self.sizes.append(size)
            else:
                self.sizes[-1] += size


@dataclass(slots=True)
class Look:
    """Packets that were read in a row.

    Args:
        times: composition times of each stream by its index, in its ticks, as they come.
        first: of each stream, composition time of the first packet, and whether it is a sync sample.
        ticks: latest end in each stream.
        lasts: how long packets last that do not say it, likewise.
        whole: the end of the file was reached.
        timeless: packets without a time.
    """

    times: dict[int, list[int]] = field(default_factory=dict)
    first: dict[int, tuple[int | None, bool]] = field(default_factory=dict)
    ticks: dict[int, int] = field(default_factory=dict)
    lasts: dict[int, int] = field(default_factory=dict)
    whole: bool = False
    timeless: int = 0

    def end(self, found: Mapping[int, Timing], streams: Sequence[av.stream.Stream]) -> None:
        """Tell when the streams end, if the end of the file was reached."""
        for stream in streams if self.whole else ():
            if stream.index in self.ticks and stream.time_base is not None:
                found[stream.index].end = float(self.ticks[stream.index] * stream.time_base)


def look(container: av.container.InputContainer, streams: Sequence[av.stream.Stream]) -> Look:
    """Read packets from here to the end, if that is not too far.

    Args:
        container: of libav, at any position.
        streams: those that matter.
    """
    return _look(container, streams, PACKETS, BYTES)


def by_packets(
    container: av.container.InputContainer, streams: Sequence[av.stream.Stream], *, sure: bool
) -> dict[int, Timing]:
    """What the packets of a file without an index tell of each stream.

    Args:
        container: of libav, not read yet; its position is anywhere afterwards.
        streams: pictures and sounds.
        sure: its duration is right, within a second: only the end is read. Else all is, of a small file.
    """
    found = {stream.index: Timing() for stream in streams}
    video = next((stream for stream in streams if isinstance(stream, av.VideoStream)), None)
    if video is not None and video.time_base:
        timing, seen = found[video.index], glance(container, streams, video)
        # a frame whose time is not told would look like one that lasts long
        lasting = Counter[int]() if seen.timeless else lengths(seen.times[video.index])
        timing.rate, timing.variable = frame_rate(lasting, video.time_base, stated_rate(video))
    if not sure and container.size > BYTES:
        return found
    with suppress(av.FFmpegError):
        zero = container.start_time or 0
        container.seek(max(zero, zero + (container.duration or 0) - _ENDING) if sure else zero)
        look(container, streams).end(found, streams)
    return found


def glance(
    container: av.container.InputContainer, streams: Sequence[av.stream.Stream], video: av.stream.Stream
) -> Look:
    """Read some frames of a picture from here on.

    Args:
        container: of libav, at any position.
        streams: those that matter, the picture among them.
        video: the picture.
    """
    return _look(container, streams, _GLANCE_PACKETS, _GLANCE_BYTES, video.index)


def _look(
    container: av.container.InputContainer,
    streams: Sequence[av.stream.Stream],
    packets: int,
    most: int,
    video: int | None = None,
) -> Look:
    seen = Look({s.index: [] for s in streams}, lasts={s.index: _lasts(s) for s in streams})
    if not streams:
        return seen  # PyAV would take none for all
    read = 0
    with suppress(av.FFmpegError):  # damaged from here on
        for number, packet in enumerate(container.demux(list(streams))):
            enough = video is not None and len(seen.times[video]) >= _GLANCE_FRAMES
            if enough or number >= packets or read > most:
                return seen
            if not packet.size and packet.pts is None and packet.dts is None:
                # the end: PyAV has nothing more to give, and fails if streams have come up on the way
                break
            read += packet.size
            _note(packet, seen)
        seen.whole = True
    return seen


def _note(packet: av.Packet[av.stream.Stream], seen: Look) -> None:
    index = packet.stream_index
    seen.first.setdefault(index, (packet.pts, packet.is_keyframe))
    if packet.pts is None:
        seen.timeless += 1
    elif not packet.is_discard and not packet.is_corrupt:  # by an edit list; where a file is cut off
        seen.times[index].append(packet.pts)
        end = packet.pts + (packet.duration or seen.lasts[index])
        if end > seen.ticks.get(index, end - 1):
            seen.ticks[index] = end


def _lasts(stream: av.stream.Stream) -> int:
    """How long a packet lasts that does not say it, in ticks."""
    rate = stream.average_rate if isinstance(stream, av.VideoStream) else None
    return round(1 / (rate * stream.time_base)) if rate and stream.time_base else 0


def stated_rate(stream: av.VideoStream) -> Fraction | None:
    """The rate that a container states, or that libav takes for it; None when unknown."""
    # The average of a file that was cut or joined is skewed (24.85 for 25); the guess is the rate that most
    # frames keep. Where the two are far apart the rate varies, and the guess may be the time base itself.
    average, guessed = stream.average_rate, stream.guessed_rate
    if average and guessed and abs(guessed - average) <= average * _SKEW:
        return guessed
    rate = average or guessed
    return rate if rate and rate > 0 else None


def spread(samples: Sequence[_T]) -> Sequence[_T]:
    """All samples, or as many of them as may be told, evenly."""
    return samples[:: 1 + (len(samples) - 1) // _MOST_SYNC] if len(samples) > _MOST_SYNC else samples


def bytes_between(places: Sequence[int], size: int) -> list[int]:
    """Bytes from each place of a file to the next, shared among those that have the same place.

    Args:
        places: offsets of sync samples, or of the clusters that they are in.
        size: of the file.
    """
    found: list[int] = []
    starts = [n for n in range(len(places)) if n == 0 or places[n] != places[n - 1]]
    for start, following in pairwise([*starts, len(places)]):
        end = places[following] if following < len(places) else size
        found += [max(0, end - places[start]) // (following - start)] * (following - start)
    return found
