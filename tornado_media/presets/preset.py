"""A preset: what a URL may ask for by name, as data. The built-in ones and the user's have one syntax.

`check.read_preset` is the way to one: it checks the shape, which is declared here, and then the meaning, so
that a server never starts with a preset that cannot work. A preset knows nothing of the machine: whether its
programs are there is asked when a plan is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
)

from tornado_media.presets.engines import ENGINES
from tornado_media.presets.parameter import Parameter, Value
from tornado_media.presets.plan import Limits
from tornado_media.presets.planners import PLANNERS
from tornado_media.presets.template import Argument, CommandTemplate, parse_pipeline, parse_text

_media_range = re.compile(r"[a-z0-9][a-z0-9.+-]*/(?:[a-z0-9][a-z0-9.+-]*|\*)|\*/\*")
_field_value = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_name = re.compile(r"[a-z][a-z0-9_]*")

RESERVED = frozenset({"preset", "expires", "signature", "source", "source_format", "source_media_type"})
"""Names that mean something else in a URL or in a template."""


def matches(media_range: str, media_type: str) -> bool:
    """Whether `image/*`, `*/*` or `image/png` covers a media type."""
    main, _, sub = media_range.partition("/")
    return media_range in {"*/*", media_type} or (sub == "*" and media_type.startswith(main + "/"))


def specificity(media_range: str) -> tuple[bool, bool]:
    """Sorts media ranges: the most specific is the largest (RFC 9110 section 12.5.1)."""
    main, _, sub = media_range.partition("/")
    return main != "*", sub != "*"


def check_media_range(text: str) -> str:
    """A media type or range as it is.

    Raises:
        ValueError: it is none.
    """
    if not _media_range.fullmatch(text):
        raise ValueError(f"{text!r} is not a media type in lower case, such as image/jpeg, image/* or */*")
    return text


def _check_methods(methods: tuple[str, ...]) -> tuple[str, ...]:
    if tuple(sorted(methods)) not in {("GET",), ("POST",), ("GET", "POST")}:
        raise ValueError('it is ["GET"], ["POST"] or ["GET", "POST"] (HEAD comes with GET)')
    return methods


def _check_field_value(text: str) -> str:
    if not _field_value.fullmatch(text):
        raise ValueError("it is not a field value: printable ASCII in one line")
    return text


def _cache_control(keys: dict[str, object]) -> str:
    return "public, max-age=3600" if keys.get("cache") else "no-store"


def _check_name(name: str) -> str:
    if not _name.fullmatch(name):
        raise ValueError(f"{name!r} is not a name for a parameter: a-z, then a-z, 0-9 and _")
    if name in RESERVED:
        raise ValueError(f"{name!r} is taken: it means something else in a URL or in a pipeline")
    return name


def _read_media_type(text: object) -> object:
    return parse_text(text) if isinstance(text, str) else text


_size_text = re.compile(r"[0-9]+(?:\.[0-9]+)? ?[A-Za-z]*")
_byte_size = TypeAdapter(ByteSize)


def read_bytes(value: object) -> object:
    """A number of bytes from its text, such as "64 MiB"; what is no text comes back as it is.

    Raises:
        ValueError: the text is no size.
    """
    if not isinstance(value, str):
        return value
    try:
        # ByteSize reads "64 MB of text" as 64 MB.
        if not _size_text.fullmatch(value):
            raise ValueError
        return int(_byte_size.validate_python(value))
    except ValueError:
        raise ValueError('it is a number of bytes, or text such as "64 MiB"') from None


# A list of TOML is a tuple here; strict mode would refuse it.
_Texts = Annotated[tuple[str, ...], Field(strict=False)]
_Bytes = Annotated[int, BeforeValidator(read_bytes), Field(gt=0)]
_Seconds = Annotated[float, Field(gt=0.0)]


class PresetLimits(BaseModel):
    """The limits that a preset or the configuration sets; what is left out comes from the defaults.

    Args:
        first_byte, idle, total, output, memory, cpu, pixels, frames, output_pixels, input: as in
            `plan.Limits`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    first_byte: _Seconds | None = None
    idle: _Seconds | None = None
    total: _Seconds | None = None
    output: _Bytes | None = None
    memory: _Bytes | None = None
    cpu: Annotated[int, Field(gt=0)] | None = None
    pixels: Annotated[int, Field(gt=0)] | None = None
    frames: Annotated[int, Field(gt=0)] | None = None
    output_pixels: Annotated[int, Field(gt=0)] | None = None
    input: _Bytes | None = None

    def over(self, defaults: Limits) -> Limits:
        """These limits, and the defaults for what they leave out."""
        own = {name: getattr(self, name) for name in type(self).model_fields}
        return Limits(**{n: getattr(defaults, n) if value is None else value for n, value in own.items()})


class Preset(BaseModel):
    """What a URL may ask for by name. `docs/presets.md` has each key.

    Args:
        about: one sentence for people.
        accepts: media types of sources, `image/*` allowed.
        methods: of requests; with POST the source is the request's body.
        media_type: of the result; may hold placeholders of choices, `{source_media_type}`. None for an engine
            that says it by itself.
        pipeline: commands joined by pipes.
        engine: or the name of an engine.
        planner: or the name of a planner.
        stdin: whether the pipeline's first command reads the source.
        streams: headers go out at the first block.
        cache: the result may be shared and kept.
        cache_control: the response's Cache-Control; left out, `no-store` where cache is off.
        parameters: what a URL may set.
        limits: of its jobs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    about: str = ""
    accepts: Annotated[
        tuple[Annotated[str, AfterValidator(check_media_range)], ...], Field(strict=False, min_length=1)
    ]
    methods: Annotated[_Texts, AfterValidator(_check_methods)] = ("GET",)
    media_type: Annotated[Argument, BeforeValidator(_read_media_type), PlainSerializer(str)] | None = None
    pipeline: Annotated[tuple[CommandTemplate, ...], BeforeValidator(parse_pipeline)] | None = None
    engine: str | None = None
    planner: str | None = None
    stdin: Literal["none", "source"] = "none"
    streams: bool = False
    cache: bool = True
    cache_control: Annotated[str, AfterValidator(_check_field_value)] = Field(default_factory=_cache_control)
    parameters: dict[Annotated[str, AfterValidator(_check_name)], Parameter] = {}
    limits: PresetLimits = PresetLimits()

    def accepts_type(self, media_type: str) -> bool:
        """Whether it can be made of a source of this media type."""
        return any(matches(media_range, media_type) for media_range in self.accepts)

    def makes(self, values: Mapping[str, Value], source_media_type: str) -> str:
        """The media type of a result.

        Args:
            values: of the parameters that have one.
            source_media_type: of the source, by its content.
        """
        if self.media_type is not None:
            texts = {"source_media_type": source_media_type}
            for name in {found.name for found in self.media_type.placeholders()} - texts.keys():
                texts[name] = self.parameters[name].canonical(values[name])
            return self.media_type.render(texts)
        makes = ENGINES[str(self.engine)].makes
        return makes[str(values["format"])] if "format" in values else next(iter(makes.values()))

    @property
    def needs_facts(self) -> bool:
        """Its plan needs what the preset `info` finds."""
        return self.planner is not None and PLANNERS[self.planner].needs_facts

    def engines(self) -> tuple[str, ...]:
        """The engines it calls."""
        if self.planner is not None:
            return PLANNERS[self.planner].engines
        return () if self.engine is None else (self.engine,)

    def programs(self) -> tuple[str, ...]:
        """The programs it runs, each once, as it names them."""
        if self.planner is not None:
            return PLANNERS[self.planner].programs
        return tuple(dict.fromkeys(command.program for command in self.pipeline or ()))

    @cached_property
    def definition(self) -> str:
        """What it makes of its parameters' values, in one form; bounds and limits do not change the bytes."""
        parts = {"media_type", "pipeline", "engine", "planner", "stdin"}
        return json.dumps(self.model_dump(mode="json", include=parts), sort_keys=True)
