"""What is wrong with a preset beyond its shape: the checks that need several keys at once.

Run when the server starts; after them a plan can fail only by what the URL says, by the source, or by a
program that is not installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from tornado_media.presets.engines import ENGINES, Engine
from tornado_media.presets.mistakes import PresetMistakes, joined_key, mistakes_of
from tornado_media.presets.negotiate import AUTO
from tornado_media.presets.parameter import Choice, SizeParameter
from tornado_media.presets.planners import PLANNERS
from tornado_media.presets.preset import Preset
from tornado_media.presets.template import Placeholder

_Mistakes = Iterator[tuple[str, str]]

_media_type = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*(?:; ?[a-z0-9-]+=[A-Za-z0-9._+-]+)*")
_OF_SOURCE = {"source", "source_format"}


def read_preset(keys: Mapping[str, object], builtin: Mapping[str, Mapping[str, object]] = {}) -> Preset:
    """The preset that a table of TOML describes.

    Args:
        keys: the table.
        builtin: tables by name that `parameters_of` may name.

    Raises:
        PresetMistakes: it cannot be used; all that is wrong with its shape, else with its meaning.
    """
    try:
        preset = Preset.model_validate(_with_parameters(keys, builtin))
    except ValidationError as error:
        raise PresetMistakes(mistakes_of(error)) from None
    if mistakes := list(_meaning(preset)):
        raise PresetMistakes(mistakes)
    return preset


def _with_parameters(
    keys: Mapping[str, object], builtin: Mapping[str, Mapping[str, object]]
) -> Mapping[str, object]:
    """The table with the parameters of another one in place of the key `parameters_of`."""
    if "parameters_of" not in keys:
        return keys
    name, own = keys["parameters_of"], keys.get("parameters", {})
    if not isinstance(name, str) or name not in builtin:
        known = ", ".join(builtin)
        raise PresetMistakes([("parameters_of", f"there is no built-in preset {name!r}; there are {known}")])
    rest = {key: value for key, value in keys.items() if key != "parameters_of"}
    theirs, engine = builtin[name].get("parameters", {}), ENGINES.get(str(keys.get("engine")))
    if not isinstance(own, Mapping) or not isinstance(theirs, Mapping):
        return rest
    taken = {each: item for each, item in theirs.items() if engine is None or each in engine.takes}
    return {**rest, "parameters": {**taken, **own}}


def _meaning(preset: Preset) -> _Mistakes:
    kinds = (preset.pipeline, preset.engine, preset.planner)
    if sum(kind is not None for kind in kinds) != 1:
        yield "", "it needs exactly one of pipeline, engine and planner"
        return
    yield from _check_media_type(preset)
    if "POST" in preset.methods:
        yield from _check_post(preset)
    if preset.pipeline is not None:
        yield from _check_pipeline(preset)
        return
    if preset.stdin != "none":
        yield "stdin", "only a pipeline has one; engines and planners open the source by themselves"
    if preset.engine is not None:
        yield from _check_engine(preset, preset.engine)
    if preset.planner is not None:
        yield from _check_planner(preset, preset.planner)


def _check_media_type(preset: Preset) -> _Mistakes:
    if preset.media_type is None:
        if preset.engine is None:
            yield "media_type", "this key is missing; only an engine says by itself what it makes"
        return
    choices = {name: item for name, item in preset.parameters.items() if isinstance(item, Choice)}
    names = {"source_media_type": "image/jpeg"}
    for placeholder in preset.media_type.placeholders():
        choice = choices.get(placeholder.key)
        if choice is not None:
            names[placeholder.key] = next(iter(choice.values))
            if placeholder.key == "format" and set(choice.values) == {AUTO}:
                yield joined_key("parameters", "format", "values"), f"{AUTO} has nothing to choose from"
            if not choice.always_set:
                yield (
                    "media_type",
                    f"{placeholder} has no value when the URL leaves it out; give it a default",
                )
        elif placeholder.key not in names:
            known = ", ".join(f"{{{name}}}" for name in [*choices, "source_media_type"])
            yield "media_type", f"{placeholder} is not known here; there are {known}"
            return
    # One choice at a time: their combinations need no more.
    tried = [
        names,
        *({**names, name: value} for name in names if name in choices for value in choices[name].values),
    ]
    for media_type in dict.fromkeys(preset.media_type.render(each) for each in tried):
        if not _media_type.fullmatch(media_type):
            yield "media_type", f"{media_type!r} is not a media type in lower case, such as image/jpeg"


def _in_media_type(preset: Preset) -> set[str]:
    """Names of the placeholders there."""
    return set() if preset.media_type is None else {each.name for each in preset.media_type.placeholders()}


def _check_post(preset: Preset) -> _Mistakes:
    """The body of a POST has no name on this machine: a program can only read it from its stdin."""
    if preset.planner is not None:
        yield "methods", f"the planner {preset.planner} needs a file; leave out POST"
    if preset.pipeline is not None and preset.stdin != "source":
        yield (
            "methods",
            'with POST the source has no path: let the first command read it by stdin = "source"',
        )


def _check_pipeline(preset: Preset) -> _Mistakes:
    used = _in_media_type(preset)
    for number, command in enumerate(preset.pipeline or (), 1):
        for placeholder, optional in command.placeholders():
            used.add(placeholder.name)
            problem = _problem_of(placeholder, optional, preset)
            if problem:
                yield "pipeline", f"command {number}, {command.program}: {problem}"
    if preset.stdin == "source" and "source" in used:
        yield (
            "stdin",
            'the source comes by stdin or by {source}, not by both: leave out stdin = "source" or {source}',
        )
    for name in preset.parameters:
        if name not in used:
            yield (
                joined_key("parameters", name),
                "nothing uses it: there is no {" + name + "} in the pipeline",
            )


def _problem_of(placeholder: Placeholder, optional: bool, preset: Preset) -> str:
    """What is wrong with a placeholder, or nothing."""
    if placeholder.name in _OF_SOURCE:
        return f"{placeholder} has no parts and is always there" if placeholder.part else ""
    parameter = preset.parameters.get(placeholder.name)
    if parameter is None:
        known = ", ".join(f"{{{name}}}" for name in [*preset.parameters, *sorted(_OF_SOURCE)])
        return f"{placeholder} is not known; there are {known}"
    if placeholder.part in {".width", ".height"}:
        if not isinstance(parameter, SizeParameter):
            return f"{placeholder}: only a size has a width and a height"
    elif placeholder.part not in {"", "?"}:
        return f"{placeholder}: there are only .width and .height of a size"
    if not optional and not parameter.always_set:
        return (
            f"{placeholder} has no value when the URL leaves it out: make it required, give it a default, or "
            f'put it in an optional group: ["{placeholder}"]'
        )
    return ""


def _check_engine(preset: Preset, name: str) -> _Mistakes:
    engine = ENGINES.get(name)
    if engine is None:
        yield "engine", f"there is no engine {name!r}; there are {', '.join(ENGINES)}"
        return
    if preset.streams:
        yield "streams", "the result of an engine is complete when it comes; leave this out"
    yield from _check_takes(preset, f"the engine {name}", engine.takes)
    yield from _check_makes(preset, name, engine)


def _check_makes(preset: Preset, name: str, engine: Engine) -> _Mistakes:
    """Whether the media type that is promised is what the engine makes, for each format."""
    choice = preset.parameters.get("format")
    formats = [each for each in choice.values if each != AUTO] if isinstance(choice, Choice) else []
    for each in formats or [next(iter(engine.makes))]:
        if each not in engine.makes:
            known = ", ".join(engine.makes)
            yield joined_key("parameters", "format", "values"), f"the engine {name} makes {known}, not {each}"
        elif preset.media_type is not None and _in_media_type(preset) <= {"format"}:
            promised = preset.media_type.render({"format": each})
            if promised.partition(";")[0] != engine.makes[each]:
                yield "media_type", f"the engine {name} makes {engine.makes[each]} here, not {promised}"


def _check_planner(preset: Preset, name: str) -> _Mistakes:
    planner = PLANNERS.get(name)
    if planner is None:
        yield "planner", f"there is no planner {name!r}; there are {', '.join(PLANNERS)}"
        return
    if preset.streams and not planner.programs:
        yield "streams", f"the planner {name} runs nothing; leave this out"
    yield from _check_takes(preset, f"the planner {name}", planner.takes)


def _check_takes(preset: Preset, who: str, takes: Mapping[str, str]) -> _Mistakes:
    in_media_type = _in_media_type(preset)
    for name, parameter in preset.parameters.items():
        if name not in takes and name not in in_media_type:
            known = ", ".join(takes) or "no parameters"
            yield joined_key("parameters", name), f"{who} does not take it; it takes {known}"
        elif name in takes and parameter.type != takes[name]:
            yield joined_key("parameters", name, "type"), f"{who} takes the type {takes[name]} here"
