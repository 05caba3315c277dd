"""What libav knows of the streams of a film, as the entries of `info`. Runs in worker processes only."""

from __future__ import annotations

from fractions import Fraction

import av

from tornado_media.engines.timing import Timing, stated_rate
from tornado_media.formats.codec_names import Coded, codec_name
from tornado_media.formats.hdr import TRANSFERS
from tornado_media.formats.safety import DECODERS

_FIELDS = frozenset({2, 3, 4, 5})
"""AVFieldOrder: top or bottom field first, as coded or as displayed; 1 is progressive, 0 unknown."""

_DECODED = frozenset(DECODERS.split(","))

_MOST_TEXT = 500
"""Characters of a title that are told."""

Facts = dict[str, object]


def is_cover(stream: av.stream.Stream) -> bool:
    """Whether a stream is a picture of the whole, and not a moving one."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def stream_facts(stream: av.stream.Stream, timing: Timing, began: Fraction) -> Facts:
    """What `info` says of a stream. Times are in seconds from media time 0, what is not known is None.

    Args:
        stream: of libav.
        timing: what index and packets tell of it.
        began: raw timestamp that is media time 0, in seconds.
    """
    # a codec that libav cannot decode has no context, whatever the stubs say
    codec: av.CodecContext | None = stream.codec_context
    facts: Facts = {
        "index": stream.index,
        "type": stream.type,
        "codec": None if codec is None else codec.codec.canonical_name,
        "codecs": None,
        "profile": stream.profile,
        "language": None if stream.language in ("und", "") else stream.language,
        "title": title_of(stream.metadata),
        "default": bool(stream.disposition & av.stream.Disposition.default),
        "forced": bool(stream.disposition & av.stream.Disposition.forced),
    }
    if stream.type in ("video", "audio"):
        facts["decoded"] = codec is not None and is_decoded(codec)
    if codec is None:
        return facts
    if stream.type in ("video", "audio"):
        facts |= _span(stream, timing, began)
    if isinstance(stream, av.VideoStream):
        facts |= _video(stream, timing, began)
    elif isinstance(stream, av.AudioStream):
        name = codec.codec.canonical_name
        facts |= {
            "codecs": codec_name(Coded(name, codec.extradata or b"", stream.profile)),
            "channels": stream.channels or None,
            "sample_rate": stream.sample_rate or None,
        }
    elif stream.type == "subtitle":
        facts["text"] = is_decoded(codec)
    return facts


def is_decoded(codec: av.CodecContext) -> bool:
    """Whether a codec is one of those that are decoded (`formats.safety`)."""
    return codec.name in _DECODED


def title_of(metadata: dict[str, str]) -> str | None:
    """The title in some metadata."""
    title = next((text for name, text in metadata.items() if name.lower() == "title"), "").strip()
    return title[:_MOST_TEXT] or None


def square_width(stream: av.VideoStream) -> int:
    """The width of a video's picture in square pixels, before it is turned."""
    width, shape = stream.codec_context.width, stream.sample_aspect_ratio
    return round(width * shape) if shape is not None and shape > 0 else width


def clockwise(rotation: float) -> int:
    """Degrees clockwise, 0 to 270, that a frame has to be turned, from libav's display matrix."""
    return round(rotation / 90) * -90 % 360


def seconds(ticks: int | None, time_base: Fraction | None) -> float | None:
    """A time in seconds, to the microsecond."""
    return None if ticks is None or not time_base else rounded(ticks * time_base)


def rounded(time: float | Fraction) -> float:
    """A time to the microsecond, without a negative zero."""
    return round(float(time), 6) + 0.0


def _span(stream: av.stream.Stream, timing: Timing, began: Fraction) -> Facts:
    start, base = stream.start_time, stream.time_base
    begin = None if start is None or base is None else start * base
    duration = seconds(stream.duration, base)
    if timing.end is not None:
        duration = rounded(timing.end - float(began if begin is None else begin))
    if duration is not None and duration <= 0:
        duration = None
    bits = _positive(stream.codec_context.bit_rate) or _stated_bits(stream.metadata)
    if bits is None and timing.size and duration:
        bits = _positive(round(8 * timing.size / duration))
    return {
        "start": None if begin is None else rounded(begin - began),
        "duration": duration,
        "bit_rate": bits,
    }


def _stated_bits(metadata: dict[str, str]) -> int | None:
    """The bit rate that mkvmerge writes down, `BPS` or `BPS-eng`."""
    text = next((text for name, text in metadata.items() if name.upper().split("-")[0] == "BPS"), "")
    return int(text) or None if text.isascii() and text.isdecimal() and len(text) < 12 else None


def _video(stream: av.VideoStream, timing: Timing, began: Fraction) -> Facts:
    codec, cover = stream.codec_context, is_cover(stream)
    width, height = square_width(stream), codec.height
    if timing.rotation in (90, 270):
        width, height = height, width
    rate = None if cover else timing.rate or stated_rate(stream)
    depth = max((part.bits for part in codec.format.components), default=0) if codec.format else 0
    level = codec.level if codec.level > 0 else None
    shape = stream.sample_aspect_ratio
    coded = Coded(
        codec.codec.canonical_name,
        codec.extradata or b"",
        stream.profile,
        level,
        codec.width,
        codec.height,
        rate,
        depth or None,
    )
    return {
        "codecs": None if cover else codec_name(coded),
        "level": level,
        "width": width or None,
        "height": height or None,
        "coded_width": codec.width or None,
        "coded_height": codec.height or None,
        "rotation": timing.rotation,
        "sample_aspect_ratio": _written(shape if shape and shape > 0 else Fraction(1)),
        "frame_rate": None if rate is None else _written(rate),
        "variable": timing.variable,
        "pixel_format": codec.pix_fmt,
        "bit_depth": depth or None,
        "interlaced": codec.field_order in _FIELDS,
        "hdr": "dolby_vision" if timing.dolby_vision else TRANSFERS.get(codec.color_trc),
        "attached_picture": cover,
        "sync_samples": _sync_samples(timing, began),
    }


def _sync_samples(timing: Timing, began: Fraction) -> Facts | None:
    if timing.sync is None:
        return None
    zero = float(began)
    return {"times": [rounded(time - zero) for time in timing.sync], "bytes": timing.sizes}


def _written(number: Fraction) -> str:
    return f"{number.numerator}/{number.denominator}"


def _positive(number: int | None) -> int | None:
    return number if number and number > 0 else None
