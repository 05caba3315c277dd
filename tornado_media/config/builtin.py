"""Our own presets: `presets/builtin.toml`, in the syntax of the users' own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from tornado_media.presets.check import read_preset
from tornado_media.presets.preset import Preset


@cache
def builtin_presets() -> Mapping[str, Preset]:
    """Our own presets, by name."""
    tables = builtin_tables()
    return MappingProxyType({name: read_preset(keys, tables) for name, keys in tables.items()})


@cache
def builtin_tables() -> Mapping[str, Mapping[str, object]]:
    """The tables of our own presets, as they stand in their file."""
    text = (files("tornado_media") / "presets" / "builtin.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text)["preset"])
