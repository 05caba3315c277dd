"""What is known of a film before anything is planned: the probe engine's JSON, as a value.

A planner gets it beside the parameters. Nothing here opens a file; `engines/probe.py` writes the JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from typing import Self

_Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SyncSamples:
    """Where a picture can be cut (ISO/IEC 14496-12 section 8.6.2).

    Args:
        times: of the sync samples, seconds from media time 0, ascending.
        bytes: of the source from each to the next one.
    """

    times: tuple[float, ...]
    bytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class VideoStream:
    """A moving picture. Times in seconds from media time 0, sizes in pixels; None is unknown.

    Args:
        index: in the file.
        codec: as libav calls it, `h264`.
        codecs: its RFC 6381 name, `avc1.640028`.
        profile: as libav calls it, `High`.
        level: as in its bit stream, 40 for H.264 level 4.
        width: as it is to be seen, after rotation and with square pixels.
        height: likewise.
        coded_width: as it is stored.
        coded_height: likewise.
        rotation: degrees clockwise that it is turned by to be seen: 0, 90, 180 or 270.
        aspect: width of a pixel by its height.
        frame_rate: frames a second; the mean of a rate that varies.
        variable: the rate varies.
        pixel_format: as libav calls it, `yuv420p`.
        bit_depth: bits of a sample.
        interlaced: frames are stored as fields.
        hdr: `pq`, `hlg` or `dolby_vision`; None for a standard picture.
        start: its first timestamp.
        duration: seconds from there to the end of its last frame.
        bit_rate: bits a second.
        sync_samples: where it can be cut; None where the container does not tell.
    """

    index: int
    codec: str | None = None
    codecs: str | None = None
    profile: str | None = None
    level: int | None = None
    width: int | None = None
    height: int | None = None
    coded_width: int | None = None
    coded_height: int | None = None
    rotation: int = 0
    aspect: Fraction = Fraction(1)
    frame_rate: Fraction | None = None
    variable: bool = False
    pixel_format: str | None = None
    bit_depth: int | None = None
    interlaced: bool = False
    hdr: str | None = None
    start: float = 0.0
    duration: float | None = None
    bit_rate: int | None = None
    sync_samples: SyncSamples | None = None

    @property
    def end(self) -> float | None:
        """When its last frame ends."""
        return None if self.duration is None else self.start + self.duration


@dataclass(frozen=True, slots=True)
class AudioStream:
    """A sound. Times in seconds from media time 0; None is unknown.

    Args:
        index: in the file.
        codec: as libav calls it, `aac`.
        codecs: its RFC 6381 name, `mp4a.40.2`.
        profile: as libav calls it, `LC`.
        language: as the file has it, `de` or `ger`.
        title: for people.
        default: the file says that it is the usual one.
        channels: how many.
        sample_rate: samples a second.
        start: its first timestamp.
        duration: seconds from there to its end.
        bit_rate: bits a second.
    """

    index: int
    codec: str | None = None
    codecs: str | None = None
    profile: str | None = None
    language: str | None = None
    title: str | None = None
    default: bool = False
    channels: int | None = None
    sample_rate: int | None = None
    start: float = 0.0
    duration: float | None = None
    bit_rate: int | None = None

    @property
    def end(self) -> float | None:
        """When it ends."""
        return None if self.duration is None else self.start + self.duration


@dataclass(frozen=True, slots=True)
class SubtitleStream:
    """Subtitles.

    Args:
        index: in the file.
        codec: as libav calls it, `subrip`.
        text: it is text; else pictures.
        language: as the file has it.
        title: for people.
        default: the file says that they are shown.
        forced: without them the film cannot be followed.
    """

    index: int
    codec: str | None = None
    text: bool = False
    language: str | None = None
    title: str | None = None
    default: bool = False
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter.

    Args:
        start: seconds from media time 0.
        end: likewise.
        title: for people.
    """

    start: float
    end: float
    title: str | None = None


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the planners need to know of a film. Times in seconds, sizes in pixels.

    Args:
        duration: of the whole file; None when nobody can tell.
        has_video: there is moving video; a cover picture does not count.
        has_audio: there is at least one audio stream.
        width: as it is to be seen, after rotation and with square pixels; None when unknown.
        height: likewise.
        frame_rate: frames a second; None when unknown.
        start_time: the first timestamp in the file, which is media time 0. Times in URLs count from here.
        demuxers: the names ffmpeg has for the container, `("mov", "mp4", ...)`.
        interlaced: the frames of the first video stream are stored as fields.
        video: the first moving picture.
        audio: all sounds, in the order of the file.
        subtitles: all subtitles, likewise.
        chapters: in their order.
        media_type: by our own look at the first bytes, `video/webm`; None when unknown.
        stated_duration: what the file says of it, which may be wrong; None where it does not.
    """

    duration: float | None = None
    has_video: bool = True
    has_audio: bool = True
    width: int | None = None
    height: int | None = None
    frame_rate: Fraction | None = None
    start_time: float = 0.0
    demuxers: tuple[str, ...] = ()
    interlaced: bool = False
    video: VideoStream | None = None
    audio: tuple[AudioStream, ...] = ()
    subtitles: tuple[SubtitleStream, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    media_type: str | None = None
    stated_duration: float | None = None

    @classmethod
    def from_info(cls, info: _Fields) -> Self:
        """Read the JSON of the preset `info`.

        Keys that are missing or null are unknown facts, and keys that are new are ignored. A value of the
        wrong type is a mistake of the program that wrote it. Streams that nothing here decodes are left out.

        Args:
            info: the parsed JSON object.

        Raises:
            ValueError: a value has the wrong type or cannot be; the text names its key.
        """
        streams = [stream for stream in _objects(info, "streams") if stream.get("decoded") is not False]
        pictures = (s for s in streams if s.get("type") == "video" and not s.get("attached_picture"))
        video = next((_video(stream) for stream in pictures), None)
        audio = tuple(_audio(stream) for stream in streams if stream.get("type") == "audio")
        duration = _number(info, "duration")
        if duration is not None and duration < 0:
            raise ValueError(f"duration must not be negative, but is {duration!r}")
        return cls(
            duration=duration,
            has_video=video is not None,
            has_audio=bool(audio),
            width=None if video is None else video.width,
            height=None if video is None else video.height,
            frame_rate=None if video is None else video.frame_rate,
            start_time=_number(info, "start_time") or 0.0,
            demuxers=tuple(name for name in (_text(info, "container") or "").split(",") if name),
            interlaced=video is not None and video.interlaced,
            video=video,
            audio=audio,
            subtitles=tuple(_subtitles(stream) for stream in streams if stream.get("type") == "subtitle"),
            chapters=tuple(_chapter(chapter) for chapter in _objects(info, "chapters")),
            media_type=_text(info, "media_type"),
            stated_duration=_number(info, "stated_duration"),
        )


def _video(fields: _Fields) -> VideoStream:
    return VideoStream(
        index=_count(fields, "index") or 0,
        codec=_text(fields, "codec"),
        codecs=_text(fields, "codecs"),
        profile=_text(fields, "profile"),
        level=_count(fields, "level"),
        width=_positive(fields, "width"),
        height=_positive(fields, "height"),
        coded_width=_positive(fields, "coded_width"),
        coded_height=_positive(fields, "coded_height"),
        rotation=_count(fields, "rotation") or 0,
        aspect=_fraction(fields, "sample_aspect_ratio") or Fraction(1),
        frame_rate=_fraction(fields, "frame_rate"),
        variable=fields.get("variable") is True,
        pixel_format=_text(fields, "pixel_format"),
        bit_depth=_positive(fields, "bit_depth"),
        interlaced=fields.get("interlaced") is True,
        hdr=_text(fields, "hdr"),
        start=_number(fields, "start") or 0.0,
        duration=_number(fields, "duration"),
        bit_rate=_positive(fields, "bit_rate"),
        sync_samples=_sync_samples(fields),
    )


def _audio(fields: _Fields) -> AudioStream:
    return AudioStream(
        index=_count(fields, "index") or 0,
        codec=_text(fields, "codec"),
        codecs=_text(fields, "codecs"),
        profile=_text(fields, "profile"),
        language=_text(fields, "language"),
        title=_text(fields, "title"),
        default=fields.get("default") is True,
        channels=_positive(fields, "channels"),
        sample_rate=_positive(fields, "sample_rate"),
        start=_number(fields, "start") or 0.0,
        duration=_number(fields, "duration"),
        bit_rate=_positive(fields, "bit_rate"),
    )


def _subtitles(fields: _Fields) -> SubtitleStream:
    return SubtitleStream(
        index=_count(fields, "index") or 0,
        codec=_text(fields, "codec"),
        text=fields.get("text") is True,
        language=_text(fields, "language"),
        title=_text(fields, "title"),
        default=fields.get("default") is True,
        forced=fields.get("forced") is True,
    )


def _chapter(fields: _Fields) -> Chapter:
    return Chapter(_number(fields, "start") or 0.0, _number(fields, "end") or 0.0, _text(fields, "title"))


def _sync_samples(fields: _Fields) -> SyncSamples | None:
    value = fields.get("sync_samples")
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ValueError(f"sync_samples must be an object, not {value!r}")
    times, sizes = value.get("times"), value.get("bytes")
    if not isinstance(times, list) or not isinstance(sizes, list) or len(times) != len(sizes):
        raise ValueError("sync_samples must have as many times as bytes")
    if not all(isinstance(number, int | float) and isfinite(number) for number in (*times, *sizes)):
        raise ValueError("sync_samples must be numbers")
    return SyncSamples(tuple(map(float, times)), tuple(map(int, sizes)))


def _objects(fields: _Fields, key: str) -> list[_Fields]:
    value = fields.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise ValueError(f"{key} must be a list of objects")
    return value


def _text(fields: _Fields, key: str) -> str | None:
    value = fields.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{key} must be a string, not {value!r}")
    return value


def _number(fields: _Fields, key: str) -> float | None:
    value = fields.get(key)
    if value is None:
        return None
    # bool is an int in Python, but true is not a time in JSON
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{key} must be a finite number, not {value!r}")
    return float(value)


def _count(fields: _Fields, key: str) -> int | None:
    value = fields.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{key} must be an integer, not {value!r}")
    return value


def _positive(fields: _Fields, key: str) -> int | None:
    value = fields.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{key} must be a positive integer, not {value!r}")
    return value


def _fraction(fields: _Fields, key: str) -> Fraction | None:
    value = fields.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{key} must be a string such as 25/1, not {value!r}")
    try:
        rate = Fraction(value)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{key} must be a fraction such as 25/1, not {value!r}") from error
    if rate <= 0:
        raise ValueError(f"{key} must be positive, not {value!r}")
    return rate
