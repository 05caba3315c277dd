"""What is known of a video before anything is planned: the probe engine's JSON, as a value.

A planner gets it beside the parameters. Nothing here opens a file; `engines/probe.py` writes the JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from typing import Self


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the planners need to know of a video. Times in seconds, sizes in pixels.

    Args:
        duration: of the whole file; None when the container does not tell (a recording that still runs).
        has_video: there is moving video; a cover picture does not count.
        has_audio: there is at least one audio stream.
        width: as it is to be seen, after rotation and with square pixels; None when unknown.
        height: likewise.
        frame_rate: frames a second; None when unknown.
        start_time: the first timestamp in the file. Times in URLs count from here.
        demuxers: the names ffmpeg has for the container, `("mov", "mp4", ...)`.
        interlaced: the frames of the first video stream are stored as fields.
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

    @classmethod
    def from_info(cls, info: Mapping[str, object]) -> Self:
        """Read the JSON of the preset `info`.

        Keys that are missing or null are unknown facts, and keys that are new are ignored. A value of the
        wrong type is a mistake of the program that wrote it.

        Args:
            info: the parsed JSON object.

        Raises:
            ValueError: a value has the wrong type or cannot be; the text names its key.
        """
        streams = _streams(info)
        video = next((s for s in streams if s.get("type") == "video" and not s.get("attached_picture")), None)
        container = info.get("container")
        if container is not None and not isinstance(container, str):
            raise ValueError(f"container must be a string, not {container!r}")
        duration = _number(info, "duration")
        if duration is not None and duration < 0:
            raise ValueError(f"duration must not be negative, but is {duration!r}")
        return cls(
            duration=duration,
            has_video=video is not None,
            has_audio=any(s.get("type") == "audio" for s in streams),
            width=_pixels(video or {}, "width"),
            height=_pixels(video or {}, "height"),
            frame_rate=_rate(video or {}, "frame_rate"),
            start_time=_number(info, "start_time") or 0.0,
            demuxers=tuple(name for name in (container or "").split(",") if name),
            interlaced=(video or {}).get("interlaced") is True,
        )


def _streams(info: Mapping[str, object]) -> list[Mapping[str, object]]:
    value = info.get("streams")
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(stream, Mapping) for stream in value):
        raise ValueError("streams must be a list of objects")
    return value


def _number(fields: Mapping[str, object], key: str) -> float | None:
    value = fields.get(key)
    if value is None:
        return None
    # bool is an int in Python, but true is not a time in JSON
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{key} must be a finite number, not {value!r}")
    return float(value)


def _pixels(fields: Mapping[str, object], key: str) -> int | None:
    value = fields.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{key} must be a positive integer, not {value!r}")
    return value


def _rate(fields: Mapping[str, object], key: str) -> Fraction | None:
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
