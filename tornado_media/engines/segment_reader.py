"""One stream of an opened file, read from anywhere in it. Runs in worker processes only.

A segment is a small part of a large file: so it is found by the index, and what is not near is not read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from typing import Any, TypeAlias

import av

from tornado_media.engines.streams import is_cover
from tornado_media.errors import SourceUnusable

Packet: TypeAlias = "av.Packet[Any]"

NEAR = Fraction(1, 1000)
"""Seconds: times that are not further apart are the same one, written by different programs."""

_BACK = 10
"""Seconds. What comes so much earlier or later in the file than its time says is still found."""

_EARLIER = 10
"""Seconds before media time 0, to be sure to be at the beginning."""

_AT_ONCE = 1
"""Seconds up to which the beginning is read rather than sought."""

_MOST_BYTES = 256 * 2**20
"""That are read for one segment: 10 s at 200 Mbit/s. More is a file that leads astray."""

_ALONE = frozenset({"mov"})
"""Demuxers that go from one sample of a stream to the next, without what lies between."""

_BY_PICTURE = frozenset({"matroska"})
"""Demuxers whose index is often of the picture alone."""

_IN_ORDER = frozenset({"avi"})
"""Demuxers that know when a frame is decoded, and guess when it is shown."""

_LOSSY = frozenset({"mpegts"})
"""Demuxers that call a packet corrupt because of something before it; others because its end is not there."""

_KINDS = {"video": "picture", "audio": "sound"}


class Reader:
    """A picture or a sound of a file.

    Args:
        container: of libav, where nobody has read or sought yet.
        index: of the stream.
        kind: `video` or `audio`; None for either.

    Raises:
        SourceUnusable: there is no such stream.
    """

    def __init__(self, container: av.container.InputContainer, index: int, kind: str | None = None) -> None:
        stream: Any = container.streams[index] if 0 <= index < len(container.streams) else None
        # a codec that libav cannot decode has no context
        if stream is None or stream.type not in _KINDS or not stream.time_base or not stream.codec_context:
            raise SourceUnusable(f"There is neither a picture nor a sound with the index {index}.")
        if kind not in (None, stream.type):
            raise SourceUnusable(f"The stream with the index {index} is no {_KINDS[str(kind)]}.")
        self.container, self.stream, self.codec = container, stream, stream.codec_context
        self.codec.thread_count = 1  # workers are the parallelism
        self.base: Fraction = stream.time_base
        self.origin = Fraction(container.start_time or 0, av.time_base)
        names = set(container.format.name.split(","))
        self._in_order = bool(names & _IN_ORDER)
        self._whole = not names & _LOSSY
        self._sought = self._known_by_index(bool(names & _BY_PICTURE))
        if names & _ALONE:
            for other in container.streams:
                if other.index != index:
                    other.discard = av.stream.Discard.all
        beginning = self._read(Fraction(_AT_ONCE))
        self.first: Packet | None = next(beginning, None)
        """The first packet; None where there is none near the beginning of the file."""
        self._beginning: Iterator[Packet] | None = None
        if self.first is not None:
            self._beginning = chain([self.first], beginning)

    def stamp(self, packet: Packet) -> int:
        """When a packet is shown, on the clock of the source."""
        first, second = (packet.dts, packet.pts) if self._in_order else (packet.pts, packet.dts)
        return (second or 0) if first is None else first

    def seconds(self, packet: Packet) -> Fraction:
        """When a packet is shown, from media time 0."""
        return self.stamp(packet) * self.base - self.origin

    def stamp_at(self, seconds: Fraction) -> int:
        """The first timestamp of the source that is at a time or after it, or near enough."""
        return math.ceil((self.origin + seconds - NEAR) / self.base)

    def packets(self, begin: Fraction, end: Fraction | None, *, sync: bool = False) -> Iterator[Packet]:
        """Packets in the order of the file, from one on that is not after a time.

        Args:
            begin: seconds from media time 0.
            end: where other streams are far past this time, none of this one is looked for; None: to the end.
            sync: the first packet is a sync sample.

        Raises:
            SourceUnusable: far more would have to be read than a segment has.
        """
        back = 0
        while True:
            packets = self._from(begin - back, end)
            first = next((packet for packet in packets if packet.is_keyframe or not sync), None)
            # What comes late may begin late, or be stored before the place that was sought.
            if back >= min(begin, Fraction(_BACK)) or (
                first is not None and self.seconds(first) <= begin + NEAR
            ):
                break
            back = 2 * back + 1
        if first is not None:
            yield first
            yield from packets

    def _from(self, begin: Fraction, end: Fraction | None) -> Iterator[Packet]:
        beginning, self._beginning = self._beginning, None
        if beginning is not None and begin <= _AT_ONCE:
            # Once it has sought, libav leaves out what comes before the first sync sample.
            return beginning
        self._seek(begin)
        return self._read(end)

    def _read(self, end: Fraction | None) -> Iterator[Packet]:
        """Packets of the stream, up to the end or a place where the file is too damaged to go on."""
        read, limits = 0, dict[int, int]()
        # PyAV has no stream (IndexError) for one that a damaged file adds while it is read.
        with suppress(av.FFmpegError, IndexError):
            for packet in self.container.demux():
                read += packet.size
                if read > _MOST_BYTES:
                    raise SourceUnusable(f"A segment of this has more than {_MOST_BYTES >> 20} MiB.")
                if not packet.size or (packet.pts is None and packet.dts is None):
                    continue
                if packet.is_corrupt and self._whole:
                    continue
                if packet.stream_index == self.stream.index:
                    yield packet
                elif end is not None and packet.time_base:
                    # One of another stream that is so late that none of this one comes any more.
                    if packet.stream_index not in limits:
                        limits[packet.stream_index] = int((self.origin + end + _BACK) / packet.time_base)
                    if self.stamp(packet) > limits[packet.stream_index]:
                        return

    def _known_by_index(self, picture: bool) -> Any:
        """The stream whose index is sought in."""
        pictures = (s for s in self.container.streams.video if s.time_base and not is_cover(s))
        return next(pictures, self.stream) if picture else self.stream

    def _seek(self, seconds: Fraction) -> None:
        # AVI does not know a place before its first one. What cannot be sought in stays where it is.
        for place in ([seconds] if seconds > 0 else []) + [Fraction(-_EARLIER), Fraction(0)]:
            with suppress(av.FFmpegError):
                ticks = int((self.origin + place) / self._sought.time_base)
                self.container.seek(ticks, stream=self._sought, backward=True)
                return
