"""Planners by name: pure functions that turn facts about a source and parameters into work.

`make_plan` asks this table; what ffmpeg is told is the knowledge of `formats.ffmpeg`. A planner names its
programs as a preset would, `make_plan` finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tornado_media.formats import ffmpeg
from tornado_media.formats.facts import VideoFacts
from tornado_media.presets.parameter import Size, SourcePath, Value
from tornado_media.presets.plan import Command, SourceFacts

HEIGHT = 720
"""Lines of a video whose preset does not declare the parameter."""

Planning = Callable[[SourceFacts, Mapping[str, Value], Mapping[str, object]], tuple[Command, ...]]
"""From the source, the values of the parameters that have one, and the facts: commands to be piped."""


@dataclass(frozen=True, slots=True)
class Planner:
    """One planner.

    Args:
        takes: its parameters: the type each must have in a preset.
        programs: what its commands run.
        needs_facts: it cannot plan without what the preset `info` finds.
        function: the plan itself; None for the source's own bytes, where nothing runs.
    """

    takes: Mapping[str, str]
    programs: tuple[str, ...]
    needs_facts: bool
    function: Planning | None


def _mp4(source: SourceFacts, values: Mapping[str, Value], info: Mapping[str, object]) -> tuple[Command, ...]:
    bitrate = values.get("video_bitrate")
    return ffmpeg.mp4(
        source.absolute_path,
        VideoFacts.from_info(info),
        start=_number(values.get("start", 0.0)),
        height=int(_number(values.get("height", HEIGHT))),
        video_bitrate=None if bitrate is None else int(_number(bitrate)),
        audio=bool(values.get("audio", True)),
    )


def _number(value: Value) -> float:
    # The types of a preset's parameters are checked against `takes` when the server starts.
    if isinstance(value, str | Size | SourcePath):
        raise TypeError(f"not a number: {value!r}")
    return value


PLANNERS: Mapping[str, Planner] = {
    "original": Planner({}, (), False, None),
    "mp4": Planner(
        {"start": "time", "height": "integer", "video_bitrate": "integer", "audio": "boolean"},
        ("ffmpeg",),
        True,
        _mp4,
    ),
}
