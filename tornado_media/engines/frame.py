"""The engine `poster`: one frame of a video, through the steps of any picture. Runs in worker processes only.

libav decodes from the sync sample before the wanted time up to the frame that is seen then, without a
process of its own; its scaler turns that into RGB with the matrix and the range of the video.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.filter import Graph

from tornado_media.engines import reopen
from tornado_media.engines.image import render
from tornado_media.engines.probe import clockwise, duration_of, open_container, square_width
from tornado_media.engines.wish import Wish
from tornado_media.errors import BadRequest, SourceUnusable

import pyvips  # isort: skip (`decode` has told libvips how to behave, before it is loaded)

MARGIN = 2.0
"""How much larger than wanted a frame is scaled by libav, so that libvips makes the last step."""

_LATEST = 10.0
"""Seconds: the frame that is taken where no time is said is a tenth in, but not later. First frames are
often black."""


def poster(source: int, media_type: str, *, time: float | None = None, **asked: Any) -> bytes:
    """A picture made from one frame of a video.

    Args:
        source: open descriptor of the video.
        media_type: of the source, by its content.
        time: seconds from its start: the frame that is seen then. None: one a tenth in.
        asked: the fields of `wish.Wish`, but those that choose a frame.

    Raises:
        SourceUnusable: there is no video, or it is too damaged or too large to be decoded.
        BadRequest: `time` is at or past the end, or as `image.thumbnail`.
    """
    wish = Wish(**asked)
    descriptor = reopen(source)
    try:
        with open_container(descriptor) as container:
            found = _find(container, media_type, time, wish.pixels)
    except (av.FFmpegError, ValueError, OSError) as error:
        raise SourceUnusable(
            "This video is damaged or of a kind that cannot be read.", private=repr(error)
        ) from error
    finally:
        os.close(descriptor)
    return render(found, wish)


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a frame.

    Args:
        media_type: of its video.
        width: upright, with square pixels.
        height: upright.
        frames: always one.
        delays: none.
    """

    media_type: str
    width: int
    height: int
    frames: int = 1
    delays: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded frame: a `wish.Decodable`.

    Args:
        header: upright.
        frame: as it came from the decoder.
        turned: degrees clockwise that it has to be turned.
    """

    header: Header
    frame: av.VideoFrame
    turned: int

    def decode(
        self, least: tuple[float, float] | None = None, *, frame: int = 0, animated: bool = False
    ) -> Any:
        """The frame in RGB, upright, with square pixels; smaller where so much is not wanted."""
        width, height = self.header.width, self.header.height
        if least is not None:
            part = min(1.0, MARGIN * max(least[0] / width, least[1] / height))
            width, height = max(1, round(width * part)), max(1, round(height * part))
        if self.turned in (90, 270):
            width, height = height, width
        image = _image(_convert(self.frame, width, height))
        return image.rot(f"d{self.turned}") if self.turned else image


def _find(container: av.container.InputContainer, media_type: str, time: float | None, pixels: int) -> Frame:
    attached = av.stream.Disposition.attached_pic
    stream = next((each for each in container.streams.video if not each.disposition & attached), None)
    if stream is None:
        raise SourceUnusable("There is no video in this source.")
    codec = stream.codec_context
    if codec is None or not codec.width or not codec.height:
        raise SourceUnusable("The size of this video's picture cannot be found.")
    if codec.width * codec.height > pixels:
        raise SourceUnusable(
            f"A frame of this video has {codec.width} x {codec.height} pixels; at most {pixels} are decoded."
        )
    length = duration_of(container)
    if time is None:
        time = min(_LATEST, (length or 0.0) / 10)
    if length is not None and time >= length and time > 0:
        raise BadRequest(f"time={time:g} is past the end: the video lasts {length:g} seconds.")
    frame = _seen_at(container, stream, time)
    turned = clockwise(frame.rotation)
    width, height = square_width(stream), frame.height
    if turned in (90, 270):
        width, height = height, width
    return Frame(Header(media_type, width, height), frame, turned)


def _seen_at(container: av.container.InputContainer, stream: av.VideoStream, time: float) -> av.VideoFrame:
    """The last frame that began at or before a time; the first one where none did.

    Half a frame of grace lets a time name its own frame. The last frame stays for as long as sound goes on.
    """
    began = Fraction(container.start_time or 0, av.time_base)
    rate = stream.average_rate or stream.guessed_rate
    until = float(began) + time + (0.5 / float(rate) if rate else 0.0)
    if time > 0:
        container.seek(round((float(began) + time) * av.time_base), backward=True)
    seen: av.VideoFrame | None = None
    for frame in _frames(container, stream):
        if seen is not None and frame.time is not None and frame.time > until:
            break
        seen = frame
    if seen is None and time > 0:  # an index that leads nowhere: from the beginning then
        container.seek(0)
        seen = next(_frames(container, stream), None)
    if seen is None:
        raise SourceUnusable("No frame of this video can be decoded.")
    return seen


def _frames(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """The frames from where the container is; packets that cannot be decoded are left out."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            continue


def _convert(frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    """In RGB and in another size; of an interlaced frame one field, interpolated."""
    graph = Graph()
    steps = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=_TICK)]
    if frame.interlaced_frame:
        steps.append(graph.add("yadif", "deint=interlaced"))
    steps.append(graph.add("scale", f"{width}:{height}:flags=bicubic+accurate_rnd+full_chroma_int"))
    steps.append(graph.add("format", "rgb24"))
    steps.append(graph.add("buffersink"))
    graph.link_nodes(*steps).configure()
    frame.pts, frame.time_base = 0, _TICK
    graph.push(frame)
    graph.push(None)
    return graph.vpull()


_TICK = Fraction(1, 25)


def _image(frame: av.VideoFrame) -> Any:
    plane = frame.planes[0]
    # A line may have bytes at its end that are no pixels.
    lines = pyvips.Image.new_from_memory(bytes(plane), plane.line_size, frame.height, 1, "uchar")
    image = lines.crop(0, 0, frame.width * 3, frame.height).bandfold(factor=3)
    return image.copy(interpretation="srgb")
