"""From a target and its source to a plan: the third station of a request, in two pure steps.

All that the URL says becomes typed values in a draft, and values become canonical text before a program sees
them. What else must be known then, facts for a planner or further sources, the draft says; with them it
becomes the plan.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tornado_media.errors import BadRequest, Unavailable
from tornado_media.formats.facts import VideoFacts
from tornado_media.formats.media_types import source_format
from tornado_media.http.hints import SILENT, Client
from tornado_media.presets.engines import ENGINES
from tornado_media.presets.negotiate import negotiate
from tornado_media.presets.parameter import Size, SourcePath, Value
from tornado_media.presets.plan import (
    Command,
    EngineCall,
    Limits,
    Original,
    Pipeline,
    Plan,
    Segment,
    SourceFacts,
    Work,
    segment_key,
)
from tornado_media.presets.planners import PLANNERS
from tornado_media.presets.preset import Preset
from tornado_media.presets.registry import Presets
from tornado_media.urls import Target, shown


@dataclass(frozen=True, slots=True)
class Draft:
    """What a target asks of a source, before anything else is looked at.

    Args:
        name: of the preset.
        preset: itself.
        source: what is known of the open source.
        values: of the parameters that have one; what depends on the client is decided.
        vary: names of the fields of the request that were looked at.
    """

    name: str
    preset: Preset
    source: SourceFacts
    values: Mapping[str, Value]
    vary: tuple[str, ...]

    @property
    def needs_facts(self) -> bool:
        """`make_plan` needs what the preset `info` finds in the source."""
        return self.preset.needs_facts

    @property
    def others(self) -> dict[str, str]:
        """The paths of further sources that `make_plan` needs, by parameter."""
        return {name: value.path for name, value in self.values.items() if isinstance(value, SourcePath)}


@dataclass(frozen=True, slots=True)
class _Settled:
    """What does not depend on the source.

    Args:
        limits: of the job.
        arguments: of the engine, where there is one.
        definition: what the preset and its values are, in one form. The programs' paths and versions belong
            to it: another binary under the same name makes other bytes. So do the limits that change a result
            instead of refusing it.
    """

    limits: Limits
    arguments: Mapping[str, object]
    definition: bytes


def check_target(target: Target, name: str, presets: Presets) -> None:
    """Find what is wrong with a target before anything is known of its source.

    Args:
        target: what the URL says.
        name: of the preset that it names, which is there.
        presets: what may be asked.

    Raises:
        BadRequest: no such parameter, or a value out of bounds.
        Unavailable: a program is not installed.
    """
    _read(name, presets.presets[name], target)
    _require_programs(name, presets)


def draft(target: Target, presets: Presets, source: SourceFacts, client: Client = SILENT) -> Draft:
    """Read a target: all that can be wrong with it is found here.

    Args:
        target: what the URL says.
        presets: what may be asked.
        source: what is known of the open source.
        client: what the client says besides the URL.

    Raises:
        BadRequest: no such preset or parameter, or a value out of bounds.
        SourceUnusable: the preset cannot be made of this source.
        Unavailable: a program is not installed.
    """
    name, preset = presets.select(target, source)
    words = ("read", name, target.parameters)
    given, values = presets.recent.get(words) or presets.recent.keep(words, _read(name, preset, target))
    _require_programs(name, presets)
    values, vary = negotiate(preset.parameters, values, given, client, presets.negotiation, source)
    return Draft(name, preset, source, values, vary)


def make_plan(
    asked: Draft,
    presets: Presets,
    facts: VideoFacts | None = None,
    others: Mapping[str, SourceFacts] = {},
) -> Plan:
    """What is to be done.

    Args:
        asked: what a target asks.
        presets: the same as of the draft.
        facts: what the preset `info` has found, where the draft needs it.
        others: the further sources that the draft needs, by parameter.

    Raises:
        SourceUnusable: the preset cannot be made of this source.
    """
    preset, values, source = asked.preset, asked.values, asked.source
    settled = _settled(asked, presets)
    limits = settled.limits
    work = _work(asked, presets, settled, facts, others)
    key = _key(source, settled, others)
    if isinstance(work, Segment):
        work = replace(work, run=_key(source, _settled(_without_number(asked), presets), others))
        key = segment_key(work.run, work.number)
    return Plan(
        preset=asked.name,
        source=source,
        work=work,
        media_type=preset.makes(values, source.media_type),
        limits=limits,
        streams=preset.streams,
        cache=preset.cache,
        cache_control=preset.cache_control,
        key=key,
        vary=asked.vary,
    )


def _read(name: str, preset: Preset, target: Target) -> tuple[Mapping[str, str], Mapping[str, Value]]:
    """The texts of the parameters that the URL sets, and the values of all that have one."""
    given = _given(name, preset, target)
    return given, _read_parameters(name, preset, given)


def _given(name: str, preset: Preset, target: Target) -> dict[str, str]:
    """The texts of the parameters that the URL sets."""
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
    return given


def _read_parameters(name: str, preset: Preset, given: Mapping[str, str]) -> dict[str, Value]:
    """The values of a preset's parameters: from the URL, else by default; in the preset's order."""
    values: dict[str, Value] = {}
    for key, parameter in preset.parameters.items():
        if key in given:
            try:
                values[key] = parameter.parse(given[key])
            except ValueError:
                raise BadRequest(f"The parameter {key} takes {parameter.accepts()}.") from None
        elif parameter.required:
            raise BadRequest(f"The preset {name} needs the parameter {key}: {parameter.accepts()}.")
        elif (default := parameter.default_value) is not None:
            values[key] = default
    return values


def _texts(
    preset: Preset, values: Mapping[str, Value], source: SourceFacts, others: Mapping[str, SourceFacts]
) -> dict[str, str]:
    """What placeholders stand for, by their keys."""
    texts = {"source": source.absolute_path}
    for name, value in values.items():
        if isinstance(value, SourcePath):
            texts[name] = others[name].absolute_path
        else:
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


def _work(
    asked: Draft,
    presets: Presets,
    settled: _Settled,
    facts: VideoFacts | None,
    others: Mapping[str, SourceFacts],
) -> Work:
    preset, source, values = asked.preset, asked.source, asked.values
    if preset.engine is not None:
        return EngineCall(preset.engine, settled.arguments, dict(others))
    if preset.pipeline is not None:
        texts = _texts(preset, values, source, others)
        commands = tuple(command.render(texts) for command in preset.pipeline)
        return Pipeline(_located(commands, presets), preset.stdin == "source")
    planner = PLANNERS[str(preset.planner)]
    if planner.function is None:
        return Original()
    if facts is None:
        raise TypeError(f"the planner {preset.planner} needs facts about {source.path}")
    return _with_paths(planner.function(source, values, facts, presets.tools), presets)


def _with_paths(work: Work, presets: Presets) -> Work:
    """The work of a planner, which knows programs by their names only."""
    match work:
        case Pipeline():
            return _pipeline_with_paths(work, presets)
        case Segment(pipeline=start):
            return replace(work, pipeline=lambda number: _pipeline_with_paths(start(number), presets))
        case _:
            return work


def _pipeline_with_paths(work: Pipeline, presets: Presets) -> Pipeline:
    otherwise = None if work.otherwise is None else _located(work.otherwise, presets)
    return replace(work, commands=_located(work.commands, presets), otherwise=otherwise)


def _without_number(asked: Draft) -> Draft:
    """What the segments of one run have in common."""
    return replace(asked, values={name: value for name, value in asked.values.items() if name != "number"})


def _located(commands: tuple[Command, ...], presets: Presets) -> tuple[Command, ...]:
    """The commands with their programs' absolute paths."""
    return tuple((presets.programs[command[0]] or command[0], *command[1:]) for command in commands)


def _require_programs(name: str, presets: Presets) -> None:
    missing = [program.rpartition("/")[2] for program in presets.missing_programs(name)]
    if missing:
        raise Unavailable(
            f"The preset {name} needs a program that is not installed on this server: {', '.join(missing)}."
        )


def _settled(asked: Draft, presets: Presets) -> _Settled:
    """What a draft says of whatever source."""
    key = ("settled", asked.name, tuple(asked.values.items()))
    settled: _Settled = presets.recent.get(key) or presets.recent.keep(key, _settle(asked, presets))
    return settled


def _settle(asked: Draft, presets: Presets) -> _Settled:
    preset = asked.preset
    limits = preset.limits.over(presets.limits)
    engine = None if preset.engine is None else ENGINES[preset.engine]
    programs = [[program, presets.programs.get(program)] for program in preset.programs()]
    versions = [presets.versions.get(name) for name in (*preset.engines(), *preset.programs())]
    parameters = preset.parameters
    canonical = sorted([key, *parameters[key].texts(value)] for key, value in asked.values.items())
    parts = [asked.name, preset.definition, programs, versions, canonical, limits.frames]
    return _Settled(
        limits=limits,
        arguments={} if engine is None else engine.arguments(asked.values, limits),
        definition=json.dumps(parts).encode(),
    )


def _key(source: SourceFacts, settled: _Settled, others: Mapping[str, SourceFacts]) -> str:
    """32 hexadecimal digits that stand for the bytes: equal keys, equal result."""
    sources = [
        _identity(source),
        source.media_type,
        [[name, _identity(each)] for name, each in others.items()],
    ]
    return hashlib.blake2b(settled.definition + json.dumps(sources).encode(), digest_size=16).hexdigest()


def _identity(source: SourceFacts) -> list[str | int]:
    return [source.path, source.size, source.mtime_ns, source.inode, source.device]
