"""From a target and its source to a plan: the third station of a request, and a pure function.

All that the URL says becomes typed values here, and values become canonical text before a program sees
them. What a planner must know of the source is an argument (`needs_facts` tells whether to ask for it).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from tornado_media.errors import BadRequest, Unavailable
from tornado_media.formats.media_types import source_format
from tornado_media.presets.engines import ENGINES
from tornado_media.presets.parameter import Size, Value
from tornado_media.presets.plan import (
    Command,
    EngineCall,
    Limits,
    Original,
    Pipeline,
    Plan,
    SourceFacts,
    Work,
)
from tornado_media.presets.planners import PLANNERS
from tornado_media.presets.preset import Preset
from tornado_media.presets.registry import Presets
from tornado_media.urls import Target, shown


def needs_facts(target: Target, presets: Presets, source: SourceFacts) -> bool:
    """Whether `make_plan` needs what the preset `info` finds in this source.

    Raises:
        BadRequest, SourceUnusable: as `make_plan`; a wrong parameter is found before the source is probed.
        Unavailable: as `make_plan`.
    """
    name, preset = presets.select(target, source)
    if not preset.needs_facts:
        return False
    _read_parameters(name, preset, target)
    _require_programs(name, presets)
    return True


def make_plan(
    target: Target, presets: Presets, source: SourceFacts, facts: Mapping[str, object] | None = None
) -> Plan:
    """What a target asks of a source.

    Args:
        target: what the URL says.
        presets: what may be asked.
        source: what is known of the open source.
        facts: the result of the preset `info`, where `needs_facts` is true.

    Raises:
        BadRequest: no such preset or parameter, or a value out of bounds.
        SourceUnusable: the preset cannot be made of this source.
        Unavailable: a program is not installed.
    """
    name, preset = presets.select(target, source)
    values = _read_parameters(name, preset, target)
    _require_programs(name, presets)
    limits = preset.limits.over(presets.limits)
    texts = _texts(preset, values, source)
    return Plan(
        preset=name,
        source=source,
        work=_work(preset, presets, source, values, texts, limits, facts),
        media_type=_media_type(preset, values, source),
        limits=limits,
        streams=preset.streams,
        cache=preset.cache,
        cache_control=preset.cache_control,
        key=_key(name, preset, presets, source, values),
    )


def _read_parameters(name: str, preset: Preset, target: Target) -> dict[str, Value]:
    """The values of a preset's parameters: from the URL, else by default; in the preset's order."""
    given: dict[str, str] = {}
    for key, text in target.parameters:
        if key in given:
            raise BadRequest(f"The parameter {shown(key)} is there twice.")
        given[key] = text
    given.pop("preset", None)
    for key in given:
        if key not in preset.parameters:
            known = f"it takes {', '.join(preset.parameters)}" if preset.parameters else "it takes none"
            raise BadRequest(f"The preset {name} has no parameter {shown(key)}; {known}.")
    values: dict[str, Value] = {}
    for key, parameter in preset.parameters.items():
        if key in given:
            try:
                values[key] = parameter.parse(given[key])
            except ValueError:
                raise BadRequest(f"The parameter {key} takes {parameter.accepts()}.") from None
        elif parameter.required:
            raise BadRequest(f"The preset {name} needs the parameter {key}: {parameter.accepts()}.")
        elif (default := parameter.default_value()) is not None:
            values[key] = default
    return values


def _texts(preset: Preset, values: Mapping[str, Value], source: SourceFacts) -> dict[str, str]:
    """What placeholders stand for, by their keys."""
    texts = {"source": source.absolute_path}
    for name, value in values.items():
        texts[name] = preset.parameters[name].argument(value)
        if isinstance(value, Size):
            texts[f"{name}.width"] = str(value.width or -1)
            texts[f"{name}.height"] = str(value.height or -1)
        if value is not False:
            texts[f"{name}?"] = ""
    placeholders = (found.name for command in preset.pipeline or () for found, _ in command.placeholders())
    if "source_format" in placeholders:
        texts["source_format"] = source_format(source.media_type)
    return texts


def _media_type(preset: Preset, values: Mapping[str, Value], source: SourceFacts) -> str:
    names = {name: preset.parameters[name].canonical(value) for name, value in values.items()}
    return preset.media_type.render({**names, "source_media_type": source.media_type})


def _work(
    preset: Preset,
    presets: Presets,
    source: SourceFacts,
    values: Mapping[str, Value],
    texts: Mapping[str, str],
    limits: Limits,
    facts: Mapping[str, object] | None,
) -> Work:
    if preset.engine is not None:
        return EngineCall(preset.engine, ENGINES[preset.engine].arguments(values, limits.pixels))
    if preset.pipeline is not None:
        commands = tuple(command.render(texts) for command in preset.pipeline)
        return Pipeline(_located(commands, presets), preset.stdin == "source")
    planner = PLANNERS[str(preset.planner)]
    if planner.function is None:
        return Original()
    if planner.needs_facts and facts is None:
        raise TypeError(f"the planner {preset.planner} needs facts about {source.path}")
    return Pipeline(_located(planner.function(source, values, facts or {}), presets))


def _located(commands: tuple[Command, ...], presets: Presets) -> tuple[Command, ...]:
    """The commands with their programs' absolute paths."""
    return tuple((presets.programs[command[0]] or command[0], *command[1:]) for command in commands)


def _require_programs(name: str, presets: Presets) -> None:
    missing = [program.rpartition("/")[2] for program in presets.missing_programs(name)]
    if missing:
        raise Unavailable(
            f"The preset {name} needs a program that is not installed on this server: {', '.join(missing)}."
        )


def _key(
    name: str, preset: Preset, presets: Presets, source: SourceFacts, values: Mapping[str, Value]
) -> str:
    """32 hexadecimal digits that stand for the bytes: equal keys, equal result.

    The programs' paths and versions belong to it: another binary under the same name makes other bytes.
    """
    identity = [source.path, source.size, source.mtime_ns, source.inode, source.device]
    programs = [[program, presets.programs.get(program)] for program in preset.programs()]
    versions = [presets.versions.get(name) for name in (preset.engine, *preset.programs()) if name]
    canonical = sorted(
        [key, preset.parameters[key].canonical(value), preset.parameters[key].argument(value)]
        for key, value in values.items()
    )
    whole = json.dumps([name, identity, source.media_type, preset.definition, programs, versions, canonical])
    return hashlib.blake2b(whole.encode(), digest_size=16).hexdigest()
