"""The engine `info`: what a video or a sound is made of, as JSON. Runs in worker processes only.

libav opens what strangers sent: it may read the one file that it was given, and only the containers that
`formats.ffmpeg` lists. A playlist or a script that calls itself a film is refused before it opens anything.
"""

from __future__ import annotations

import json
import os
from fractions import Fraction

import av
import av.logging

from tornado_media.engines import reopen
from tornado_media.errors import SourceUnusable
from tornado_media.formats.ffmpeg import DEMUXERS

# Its log would go through Python on libav's own threads: a known deadlock, and only text for developers.
av.logging.set_level(None)

_OPTIONS = {"protocol_whitelist": "fd", "format_whitelist": DEMUXERS}

_SKEW = Fraction(1, 20)
"""How far the average rate may be from the guessed one for the guess to be the rate that was meant."""

_ROTATING = frozenset({"mov", "matroska"})
"""Demuxers of containers that can say how a picture is to be turned."""

_FIELDS = frozenset({2, 3, 4, 5})
"""AVFieldOrder: top or bottom field first, as coded or as displayed; 1 is progressive, 0 unknown."""

_PACKETS = 64
"""How many packets are tried for a first frame."""


def info(source: int, media_type: str) -> bytes:
    """Container, duration and streams of a video or a sound, as a JSON object in UTF-8.

    Times are in seconds, bit rates in bits a second; what is not known is null. `width` and `height` are as
    the picture is to be seen: turned by `rotation` degrees clockwise, and with square pixels.

    Args:
        source: open descriptor of the file.
        media_type: of the source, by its content.

    Raises:
        SourceUnusable: not a video or sound, or too damaged to be opened.
    """
    size = os.fstat(source).st_size
    descriptor = reopen(source)
    try:
        with open_container(descriptor) as container:
            streams = [_stream(container, stream) for stream in container.streams]
            facts = {
                "media_type": media_type,
                "container": container.format.name,
                "duration": duration_of(container),
                "start_time": _seconds(container.start_time, Fraction(1, av.time_base)) or 0.0,
                "bit_rate": container.bit_rate or None,
                "size": size,
                "streams": streams,
            }
    except (av.FFmpegError, ValueError, OSError) as error:
        raise SourceUnusable(
            "This file is damaged or not a video or sound that can be read.", private=repr(error)
        ) from error
    finally:
        os.close(descriptor)
    if not streams:
        raise SourceUnusable("There is neither video nor sound in this file.")
    return json.dumps(facts, ensure_ascii=False, allow_nan=False).encode()


def open_container(descriptor: int) -> av.container.InputContainer:
    """Open a file by its descriptor, which libav reads from its first byte on; a context manager."""
    # libav reads the descriptor itself: no name is opened, and no byte comes through Python.
    options = {**_OPTIONS, "fd": str(descriptor)}
    return av.open("fd:", mode="r", options=options, metadata_errors="replace")


def duration_of(container: av.container.InputContainer) -> float | None:
    """How long a file lasts, in seconds; None where nothing says it."""
    whole = _seconds(container.duration, Fraction(1, av.time_base))
    if whole is not None and whole > 0:
        return whole
    known = [_seconds(stream.duration, stream.time_base) for stream in container.streams]
    return max((seconds for seconds in known if seconds is not None and seconds > 0), default=None)


def _seconds(ticks: int | None, time_base: Fraction | None) -> float | None:
    return None if ticks is None or not time_base else round(float(ticks * time_base), 6)


def _stream(container: av.container.InputContainer, stream: av.stream.Stream) -> dict[str, object]:
    facts: dict[str, object] = {
        "index": stream.index,
        "type": stream.type,
        "codec": None,
        "profile": stream.profile,
        "language": None if stream.language == "und" else stream.language,
        "default": bool(stream.disposition & av.stream.Disposition.default),
        "duration": _seconds(stream.duration, stream.time_base),
    }
    # a codec that libav cannot decode has no context, whatever the stubs say
    codec: av.CodecContext | None = stream.codec_context
    if codec is not None:
        facts["codec"] = codec.codec.canonical_name
    if isinstance(stream, av.VideoStream) and codec is not None:
        facts |= _video(container, stream)
    elif isinstance(stream, av.AudioStream) and codec is not None:
        facts |= {"channels": stream.channels, "sample_rate": stream.sample_rate}
    return facts


def _video(container: av.container.InputContainer, stream: av.VideoStream) -> dict[str, object]:
    codec = stream.codec_context
    picture = bool(stream.disposition & av.stream.Disposition.attached_pic)
    rotation = 0 if picture else _rotation(container, stream)
    width, height = square_width(stream), codec.height
    if rotation in (90, 270):
        width, height = height, width
    rate = None if picture else _frame_rate(stream)
    return {
        "width": width or None,
        "height": height or None,
        "coded_width": codec.width or None,
        "coded_height": codec.height or None,
        "rotation": rotation,
        "frame_rate": None if rate is None else f"{rate.numerator}/{rate.denominator}",
        "pixel_format": codec.pix_fmt,
        "interlaced": codec.field_order in _FIELDS,
        "attached_picture": picture,
    }


def square_width(stream: av.VideoStream) -> int:
    """The width of a video's picture in square pixels, before it is turned."""
    width, shape = stream.codec_context.width, stream.sample_aspect_ratio
    return round(width * shape) if shape is not None and shape > 0 else width


def clockwise(rotation: float) -> int:
    """Degrees clockwise, 0 to 270, that a frame has to be turned, from libav's display matrix."""
    return round(rotation / 90) * -90 % 360


def _frame_rate(stream: av.VideoStream) -> Fraction | None:
    # The average of a file that was cut or joined is skewed (24.85 for 25); the guess is the rate that most
    # frames keep. Where the two are far apart the rate varies, and the guess may be the time base itself.
    average, guessed = stream.average_rate, stream.guessed_rate
    if average and guessed and abs(guessed - average) <= average * _SKEW:
        return guessed
    rate = average or guessed
    return rate if rate and rate > 0 else None


def _rotation(container: av.container.InputContainer, stream: av.VideoStream) -> int:
    # PyAV shows the display matrix of frames only, so one is decoded: 10 ms at 720p, 40 ms at 1080p.
    if not _ROTATING.intersection(container.format.name.split(",")):
        return 0
    try:
        for number, packet in enumerate(container.demux(stream)):
            for frame in packet.decode():
                return clockwise(frame.rotation)
            if number >= _PACKETS:
                break
    except av.FFmpegError:
        return 0  # the first frame is damaged: that is for who decodes the rest to say
    return 0
