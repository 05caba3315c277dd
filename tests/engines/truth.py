"""What is true of a film, found by reading all of it, and what the probe says of it, found by a look.

Engines are imported inside, as in all tests of them.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tornado_media.formats.media_types import SNIFF_LENGTH, media_type

_clips = runpy.run_path(str(Path(__file__).parents[1] / "clips.py"))


def info(path: Path, play: str = "aac,h264") -> Any:
    """What the probe says."""
    from tornado_media.engines import probe

    source = os.open(path, os.O_RDONLY)
    try:
        kind = media_type(os.pread(source, SNIFF_LENGTH, 0), path.name)
        return json.loads(probe.info(source, kind, play=play))
    finally:
        os.close(source)


def picture_of(found: Any) -> Any:
    """The first moving picture of what the probe says."""
    return next(s for s in found["streams"] if s["type"] == "video" and not s["attached_picture"])


def packets(path: Path) -> dict[int, list[tuple[float, float, Any]]]:
    """Of each stream, all packets that can be read, with begin and end in seconds of media time."""
    import av

    found: dict[int, list[tuple[float, float, Any]]] = {}
    with av.open(str(path)) as container:
        zero = Fraction(container.start_time or 0, av.time_base)
        for packet in container.demux():
            if packet.pts is None or packet.is_discard or packet.is_corrupt:
                continue
            if packet.stream.type not in ("video", "audio"):
                continue
            begin = packet.pts * packet.time_base - zero
            end = begin + (packet.duration or 0) * packet.time_base
            found.setdefault(packet.stream_index, []).append((float(begin), float(end), packet))
    return found


def frames(path: Path) -> list[tuple[float, int, bool]]:
    """Time in media time and number of each frame that can be decoded, and whether it is a sync sample."""
    import av

    found = []
    with av.open(str(path)) as container:
        zero = (container.start_time or 0) / av.time_base
        for packet in container.demux(video=0):
            try:
                decoded = packet.decode()
            except av.InvalidDataError:  # what was cut off
                continue
            found += [(frame.time - zero, _number(frame), bool(frame.key_frame)) for frame in decoded]
    return found


def _number(frame: Any) -> int:
    if not frame.rotation:
        plane = frame.reformat(format="gray").planes[0]
        return int(_clips["read_number"](bytes(plane), frame.width, frame.height, plane.line_size))
    image = frame.to_image().convert("L").rotate(frame.rotation, expand=True)
    return int(_clips["read_number"](image.tobytes(), *image.size))


def begins(stream: Any, read: list[tuple[float, float, Any]]) -> bool:
    """Whether a stream begins when the probe says; a sound does after the delay of its encoder."""
    delay = 0.03 if stream["type"] == "audio" else 0.0
    first = min(begin for begin, _, _ in read)
    return bool(first - 1e-5 <= (stream["start"] or 0.0) <= first + delay + 1e-5)


def check(path: Path, *, frame: float = 0.04) -> Any:
    """Duration, beginnings and sync samples are right, or are not told; what the probe says.

    Args:
        path: of the film.
        frame: seconds that a frame lasts.
    """
    found = info(path)
    ends = []
    for index, read in packets(path).items():
        stream, last = found["streams"][index], max(end for _, end, _ in read)
        assert begins(stream, read)
        if stream["duration"] is not None:
            assert (stream["start"] or 0.0) + stream["duration"] == pytest.approx(last, abs=frame)
        ends.append(last)
    assert found["duration"] == pytest.approx(max(ends), abs=frame)
    for stream in found["streams"]:
        if stream.get("sync_samples") is not None and not stream["attached_picture"]:
            told, sizes = stream["sync_samples"]["times"], stream["sync_samples"]["bytes"]
            seen = [time for time, _, sync in frames(path) if sync]
            assert told == pytest.approx(seen, abs=1e-5)
            assert len(sizes) == len(told)
            assert all(size > 0 for size in sizes)
            assert sum(sizes) <= found["size"]
    return found


def maker(ffmpeg: str, clips: Path, folder: Path) -> Callable[[str, str], Path]:
    """`make(name, arguments)`: a film made by ffmpeg; `CLIP:name` is one of the clips."""

    def make(name: str, arguments: str) -> Path:
        words = [
            str(_clips["make"](word.removeprefix("CLIP:"), clips)) if word.startswith("CLIP:") else word
            for word in arguments.split()
        ]
        path = folder / name
        subprocess.run([ffmpeg, "-v", "error", "-nostdin", "-y", *words, str(path)], check=True)
        return path

    return make


def check_rotation(path: Path) -> None:
    """Whether the probe turns a film of 320 x 180, as it is stored, as libav turns its first frame."""
    import av

    from tornado_media.engines.streams import clockwise

    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    picture = picture_of(info(path))
    assert picture["rotation"] == clockwise(frame.rotation)
    upright = picture["rotation"] in (0, 180)
    assert (picture["width"], picture["height"]) == ((320, 180) if upright else (180, 320))
