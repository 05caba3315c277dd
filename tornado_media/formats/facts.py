"""What is known of a film before anything is planned: the probe engine's JSON, as a value.

A planner gets it beside the parameters. Nothing here opens a file; `engines/probe.py` writes the JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from typing import Self

from tornado_media.formats import json_fields as read


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
    def from_info(cls, info: read.Fields) -> Self:
        """Read the JSON of the preset `info`.

        Keys that are missing or null are unknown facts, and keys that are new are ignored. A value of the
        wrong type is a mistake of the program that wrote it. Streams that nothing here decodes are left out.

        Args:
            info: the parsed JSON object.

        Raises:
            ValueError: a value has the wrong type or cannot be; the text names its key.
        """
        streams = [stream for stream in read.objects(info, "streams") if stream.get("decoded") is not False]
        pictures = (s for s in streams if s.get("type") == "video" and not s.get("attached_picture"))
        video = next((_video(stream) for stream in pictures), None)
        audio = tuple(_audio(stream) for stream in streams if stream.get("type") == "audio")
        duration = read.number(info, "duration")
        if duration is not None and duration < 0:
            raise ValueError(f"duration must not be negative, but is {duration!r}")
        return cls(
            duration=duration,
            has_video=video is not None,
            has_audio=bool(audio),
            width=None if video is None else video.width,
            height=None if video is None else video.height,
            frame_rate=None if video is None else video.frame_rate,
            start_time=read.number(info, "start_time") or 0.0,
            demuxers=tuple(name for name in (read.text(info, "container") or "").split(",") if name),
            interlaced=video is not None and video.interlaced,
            video=video,
            audio=audio,
            subtitles=tuple(_subtitles(stream) for stream in streams if stream.get("type") == "subtitle"),
            chapters=tuple(_chapter(chapter) for chapter in read.objects(info, "chapters")),
            media_type=read.text(info, "media_type"),
            stated_duration=read.number(info, "stated_duration"),
        )


def _video(fields: read.Fields) -> VideoStream:
    return VideoStream(
        index=read.count(fields, "index") or 0,
        codec=read.text(fields, "codec"),
        codecs=read.text(fields, "codecs"),
        profile=read.text(fields, "profile"),
        level=read.count(fields, "level"),
        width=read.positive(fields, "width"),
        height=read.positive(fields, "height"),
        coded_width=read.positive(fields, "coded_width"),
        coded_height=read.positive(fields, "coded_height"),
        rotation=read.count(fields, "rotation") or 0,
        aspect=read.fraction(fields, "sample_aspect_ratio") or Fraction(1),
        frame_rate=read.fraction(fields, "frame_rate"),
        variable=fields.get("variable") is True,
        pixel_format=read.text(fields, "pixel_format"),
        bit_depth=read.positive(fields, "bit_depth"),
        interlaced=fields.get("interlaced") is True,
        hdr=read.text(fields, "hdr"),
        start=read.number(fields, "start") or 0.0,
        duration=read.number(fields, "duration"),
        bit_rate=read.positive(fields, "bit_rate"),
        sync_samples=_sync_samples(fields),
    )


def _audio(fields: read.Fields) -> AudioStream:
    return AudioStream(
        index=read.count(fields, "index") or 0,
        codec=read.text(fields, "codec"),
        codecs=read.text(fields, "codecs"),
        profile=read.text(fields, "profile"),
        language=read.text(fields, "language"),
        title=read.text(fields, "title"),
        default=fields.get("default") is True,
        channels=read.positive(fields, "channels"),
        sample_rate=read.positive(fields, "sample_rate"),
        start=read.number(fields, "start") or 0.0,
        duration=read.number(fields, "duration"),
        bit_rate=read.positive(fields, "bit_rate"),
    )


def _subtitles(fields: read.Fields) -> SubtitleStream:
    return SubtitleStream(
        index=read.count(fields, "index") or 0,
        codec=read.text(fields, "codec"),
        text=fields.get("text") is True,
        language=read.text(fields, "language"),
        title=read.text(fields, "title"),
        default=fields.get("default") is True,
        forced=fields.get("forced") is True,
    )


def _chapter(fields: read.Fields) -> Chapter:
    return Chapter(
        read.number(fields, "start") or 0.0, read.number(fields, "end") or 0.0, read.text(fields, "title")
    )


def _sync_samples(fields: read.Fields) -> SyncSamples | None:
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
