"""An opened video: its length, its shape, and frames from anywhere in it. Runs in worker processes only.

What `frame` (a poster), `storyboard` and `preview` have in common. A sync sample is decoded alone, so its
frame costs the same wherever it is and whatever lies around it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from tornado_media.engines import reopen
from tornado_media.engines.probe import duration_of, open_container
from tornado_media.engines.streams import clockwise, is_cover, is_decoded, square_width
from tornado_media.errors import SourceUnusable

_SEARCHED = 3000
"""Packets that are looked at for a sync sample: two minutes of video, or an index that leads nowhere."""

_BACK = 60.0
"""Seconds before a time in which a sync sample is looked for, where the container has no index."""

_EARLIER = 10
"""Seconds."""

_COUNTED = 500_000
"""Packets that are looked at for the last time, where nothing else says how long a film is: five hours."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a film is to be seen.

    Args:
        width: of its frames, upright, with square pixels.
        height: upright.
        turned: degrees clockwise that frames of the decoder have to be turned.
    """

    width: int
    height: int
    turned: int


class Film:
    """A video in an open container.

    Args:
        container: of libav.
        pixels: frames with more of them are refused.

    Raises:
        SourceUnusable: there is no video, or it is too large.
    """

    def __init__(self, container: av.container.InputContainer, pixels: int) -> None:
        stream = next((each for each in container.streams.video if not is_cover(each)), None)
        if stream is None:
            raise SourceUnusable("There is no video in this source.")
        codec: av.VideoCodecContext | None = stream.codec_context
        if codec is None or not codec.width or not codec.height:
            raise SourceUnusable("The size of this video's picture cannot be found.")
        if not is_decoded(codec):
            raise SourceUnusable(f"Video of the codec {codec.name} is not decoded here.")
        if codec.width * codec.height > pixels:
            raise SourceUnusable(
                f"A frame of this video has {codec.width} x {codec.height} pixels; "
                f"at most {pixels} are decoded."
            )
        codec.thread_count = 1  # workers are the parallelism
        self._container, self._stream, self._codec = container, stream, codec
        self._base = stream.time_base or Fraction(1, av.time_base)
        self._began = Fraction(container.start_time or 0, av.time_base)
        self.rate: Fraction | None = stream.average_rate or stream.guessed_rate
        """Frames a second, as far as that is known."""
        self._grace = 0.5 / float(self.rate) if self.rate else 0.0
        self.length: float | None = duration_of(container)
        """Seconds that it lasts, where the file says so."""

    @property
    def pixels(self) -> int:
        """Of a frame."""
        return self._codec.width * self._codec.height

    def measured(self) -> float:
        """Seconds that it lasts; where nothing says so, the last time of a packet, found by reading all."""
        if self.length is not None:
            return self.length
        self._seek(0.0)
        last = 0.0
        for number, packet in enumerate(self._readable()):
            if packet.pts is not None and packet.time_base is not None:
                last = max(last, float(packet.pts * packet.time_base - self._began))
            if number >= _COUNTED:
                break
        return last

    def shape(self, frame: av.VideoFrame) -> Shape:
        """How a frame is to be seen."""
        turned = clockwise(frame.rotation)
        width, height = square_width(self._stream), frame.height
        return Shape(height, width, turned) if turned in (90, 270) else Shape(width, height, turned)

    def time_of(self, frame: av.VideoFrame) -> float | None:
        """Seconds from the film's beginning to a frame."""
        return None if frame.time is None else frame.time - float(self._began)

    def sync_frame(self, time: float) -> av.VideoFrame | None:
        """The frame of the last sync sample at or before a time, decoded alone.

        Args:
            time: seconds from the film's beginning.

        Returns:
            None where it cannot be decoded.
        """
        self._codec.skip_frame = "DEFAULT"
        for number, packet in enumerate(self._packets(time)):
            if number >= _SEARCHED:
                break
            if not packet.is_keyframe:
                continue
            try:
                # Without the end, a decoder that may have to reorder waits for more packets.
                frames = packet.decode() or self._codec.decode(None)
            except av.FFmpegError:
                frames = []
            self._codec.flush_buffers()
            if frames:
                frames[0].time_base = self._base  # which it has not from a decoder at its end
                return frames[0]
        return None

    def frames(self, time: float, *, fewer: bool = False) -> Iterator[av.VideoFrame]:
        """Frames from the last sync sample at or before a time on; what cannot be decoded is left out.

        Args:
            time: seconds from the film's beginning.
            fewer: without those that no other frame needs, which is faster.
        """
        self._codec.skip_frame = "NONREF" if fewer else "DEFAULT"
        for packet in self._packets(time):
            try:
                yield from packet.decode()
            except av.InvalidDataError:
                continue

    def seen_at(self, time: float) -> av.VideoFrame:
        """The last frame that began at or before a time; the first one where none did.

        Half a frame of grace lets a time name its own frame. The last frame stays while sound goes on.

        Args:
            time: seconds from the film's beginning.

        Raises:
            SourceUnusable: no frame can be decoded.
        """
        return next(self.seen_at_each([time]))

    def seen_at_each(self, times: Sequence[float], *, fewer: bool = False) -> Iterator[av.VideoFrame]:
        """For each time, in rising order, the frame that is seen then, as `seen_at`; perhaps several times.

        Args:
            times: seconds from the film's beginning; from the first one on all frames are decoded.
            fewer: as for `frames`.

        Raises:
            SourceUnusable: no frame can be decoded.
        """
        seen: av.VideoFrame | None = None
        number = 0
        for frame in self.frames(times[0], fewer=fewer):
            began = self.time_of(frame)
            while seen is not None and began is not None and began > times[number] + self._grace:
                yield seen
                number += 1
                if number == len(times):
                    return
            seen = frame
        if seen is None:  # an index that leads nowhere: from the beginning then
            seen = next(self.frames(0.0), None)
        if seen is None:
            raise SourceUnusable("No frame of this video can be decoded.")
        for _ in times[number:]:
            yield seen

    def _packets(self, time: float) -> Iterator[av.Packet[Any]]:
        """Packets from the last sync sample at or before a time on, or from one before that."""
        back = 0.0
        while True:
            self._seek(max(0.0, time - back))
            packets = self._readable()
            before = list(_up_to_sync(packets))
            # A container without an index (MPEG-TS) is left at any packet: the next sync sample is too late.
            found = before and before[-1].is_keyframe
            if (found and self._is_due(before[-1], time)) or back >= min(time, _BACK):
                break
            back = 2 * back + 1
        yield from before[-1:] if found else before
        yield from packets

    def _readable(self) -> Iterator[av.Packet[Any]]:
        """Packets up to the end, or to a place where the file is so damaged that no more is found."""
        # PyAV fails at the end with an IndexError if streams have come up on the way.
        with suppress(av.FFmpegError, IndexError):
            for packet in self._container.demux(self._stream):  # noqa: UP028 (it ends in another way)
                yield packet

    def _is_due(self, packet: av.Packet[Any], time: float) -> bool:
        return packet.pts is None or float(packet.pts * self._base - self._began) <= time + self._grace

    def _seek(self, time: float) -> None:
        # At its first time MPEG-TS would be left behind its first sync sample: so from before that. AVI
        # does not know such a place. What cannot be sought in at all stays where it is.
        for seconds in ([Fraction(time)] if time > 0 else []) + [Fraction(-_EARLIER), Fraction(0)]:
            place = int((self._began + seconds) / self._base)
            with suppress(av.FFmpegError):
                self._container.seek(place, stream=self._stream, backward=True)
                return


def _up_to_sync(packets: Iterator[av.Packet[Any]]) -> Iterator[av.Packet[Any]]:
    for _, packet in zip(range(_SEARCHED), packets, strict=False):
        yield packet
        if packet.is_keyframe:
            return


@contextmanager
def open_film(source: int, media_type: str | None, pixels: int) -> Iterator[Film]:
    """Open a video.

    Args:
        source: open descriptor of the file.
        media_type: of the source, by its content.
        pixels: frames with more of them are refused.

    Raises:
        SourceUnusable: no video, too large, or too damaged to be opened or read.
    """
    descriptor = reopen(source)
    try:
        with open_container(descriptor, media_type) as container:
            yield Film(container, pixels)
    except (av.FFmpegError, ValueError, OSError) as error:
        raise SourceUnusable(
            "This video is damaged or of a kind that cannot be read.", private=repr(error)
        ) from error
    finally:
        os.close(descriptor)
