"""Planners by name: pure functions that turn facts about a source and parameters into work.

`make_plan` asks this table; the functions are in `presets.films`. A planner names its programs as a preset
would, `make_plan` finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tornado_media.formats.facts import VideoFacts
from tornado_media.formats.tools import Tools
from tornado_media.presets import films
from tornado_media.presets.parameter import Value
from tornado_media.presets.plan import SourceFacts, Work

Planning = Callable[[SourceFacts, Mapping[str, Value], VideoFacts, Tools], Work]
"""From the source, the values of the parameters that have one, the facts, and what ffmpeg can do."""


@dataclass(frozen=True, slots=True)
class Planner:
    """One planner.

    Args:
        takes: its parameters: the type each must have in a preset.
        programs: what its commands run.
        function: the plan itself, from what the preset `info` finds; None for the source's own bytes, where
            nothing runs.
        engines: what it calls.
    """

    takes: Mapping[str, str]
    programs: tuple[str, ...]
    function: Planning | None
    engines: tuple[str, ...] = ()

    @property
    def needs_facts(self) -> bool:
        """It cannot plan without what the preset `info` finds."""
        return self.function is not None


_FFMPEG = ("ffmpeg",)
_RENDITION = {"height": "integer", "stream": "integer", "copy": "boolean"}

PLANNERS: Mapping[str, Planner] = {
    "original": Planner({}, (), None),
    "mp4": Planner(
        {
            "start": "time",
            "height": "integer",
            "video_bitrate": "integer",
            "audio": "track",
            "play": "words",
        },
        _FFMPEG,
        films.mp4,
    ),
    "hls": Planner({"play": "words", "audio": "track"}, (), films.multivariant),
    "playlist": Planner(_RENDITION, (), films.playlist),
    "segment": Planner({**_RENDITION, "number": "integer"}, _FFMPEG, films.segment, ("segment",)),
    "audio": Planner({"format": "choice", "audio": "track", "bit_rate": "integer"}, _FFMPEG, films.audio),
    "subtitles": Planner({"stream": "integer"}, _FFMPEG, films.subtitles),
}
