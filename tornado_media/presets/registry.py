"""All presets of a server: built once from the configuration, asked for each request.

Third station, first half: which preset a target means. Nothing changes here after the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tornado_media.errors import BadRequest, MethodNotAllowed, SourceUnusable
from tornado_media.formats.tools import Tools
from tornado_media.presets.negotiate import Negotiation
from tornado_media.presets.plan import Limits, SourceFacts
from tornado_media.presets.preset import Preset, matches, specificity
from tornado_media.presets.recent import Recent
from tornado_media.urls import Target, shown

_HELD = 512
"""Their keys have at most 8 KiB each, and a few hundred bytes as a rule."""


@dataclass(frozen=True, slots=True)
class Presets:
    """What may be asked, and what this machine has for it.

    Args:
        presets: by name.
        default_presets: names by the media types or ranges they are the default for.
        programs: absolute paths by the names that presets use; None where there is none.
        limits: what a preset's own limits leave out.
        versions: of programs and engines by name: when one changes, its results are other ones.
        negotiation: what may depend on the client.
        tools: what ffmpeg can do here.
        recent: what targets said that were asked for last.
    """

    presets: Mapping[str, Preset]
    default_presets: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, str | None] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    versions: Mapping[str, str] = field(default_factory=dict)
    negotiation: Negotiation = field(default_factory=Negotiation)
    tools: Tools = field(default_factory=Tools)
    recent: Recent[Any] = field(default_factory=partial(Recent, _HELD), init=False, compare=False, repr=False)

    def accepting(self, media_type: str) -> tuple[str, ...]:
        """Names of the presets that can be made of a source of this media type."""
        return tuple(name for name, preset in self.presets.items() if preset.accepts_type(media_type))

    def missing_programs(self, name: str) -> tuple[str, ...]:
        """Programs of a preset that are not on this machine, as the preset names them."""
        return tuple(
            program for program in self.presets[name].programs() if self.programs.get(program) is None
        )

    def default_for(self, media_type: str) -> str | None:
        """The preset for a target that names none but sets parameters."""
        ranges = [found for found in self.default_presets if matches(found, media_type)]
        return self.default_presets[max(ranges, key=specificity)] if ranges else None

    def check_method(self, target: Target, method: str, allow: tuple[str, ...]) -> None:
        """Refuse a method that the preset which a target names does not know; it may name none.

        Args:
            target: what the URL says.
            method: of the request: GET or POST.
            allow: the methods that are known then.

        Raises:
            MethodNotAllowed: the preset is there and does not know it.
        """
        name = dict(target.parameters).get("preset", "")
        preset = self.presets.get(name)
        if preset is not None and method not in preset.methods:
            known = " and ".join(preset.methods)
            raise MethodNotAllowed(f"The preset {name} takes {known}, not {method}.", allow=allow)

    def select(self, target: Target, source: SourceFacts) -> tuple[str, Preset]:
        """The preset that a target means.

        Raises:
            BadRequest: there is no such preset, or none is the default.
            SourceUnusable: the preset cannot be made of this source.
        """
        name = self._name(target, source)
        preset = self.presets.get(name)
        if preset is not None and preset.accepts_type(source.media_type):
            return name, preset
        names = ", ".join(self.accepting(source.media_type))
        if preset is None:
            raise BadRequest(f"There is no preset {shown(name)}; for {source.media_type} there are {names}.")
        raise SourceUnusable(
            f"The preset {name} takes {', '.join(preset.accepts)}, and this source is "
            f"{source.media_type}; for it there are {names}."
        )

    def _name(self, target: Target, source: SourceFacts) -> str:
        if not target.parameters:
            return "original"
        named = dict(target.parameters).get("preset")
        if named is not None:
            return named
        default = self.default_for(source.media_type)
        if default is None:
            raise BadRequest(
                f"No preset is the default for {source.media_type}: add preset=NAME; there are "
                f"{', '.join(self.accepting(source.media_type))}."
            )
        return default
