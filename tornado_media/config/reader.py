"""From files to a Config, or to every mistake of every file in one go.

A mistake in one place does not hide those in another: each section and each preset is read by itself. What
follows from a mistake alone is not told.
"""

from __future__ import annotations

import glob
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tornado_media.config import ffmpeg_tools
from tornado_media.config.builtin import builtin_presets, builtin_tables
from tornado_media.config.folders import cache_folder
from tornado_media.config.mistake import ConfigError, Mistake
from tornado_media.config.programs import engine_version, find_program, version_of
from tornado_media.config.sections import (
    Cache,
    Client,
    PresetFile,
    Server,
    Signing,
    Slots,
    SourceFolder,
    Video,
    WholeFile,
)
from tornado_media.config.tables import absolute, table, texts, without
from tornado_media.formats.tools import Tools
from tornado_media.presets.check import read_preset
from tornado_media.presets.mistakes import PresetMistakes, joined_key, mistakes_of
from tornado_media.presets.negotiate import Negotiation
from tornado_media.presets.plan import Limits
from tornado_media.presets.preset import Preset
from tornado_media.presets.registry import Presets

_Model = TypeVar("_Model", bound=BaseModel)
_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Config:
    """What a server is told.

    Args:
        server, slots, cache, client, signing, video: their sections.
        sources: by name.
        limits: for what a preset leaves out.
        programs: paths or names by the names that presets use; a path is absolute.
        default_presets: preset names by media range.
        presets_by_name: all presets, our own among them.
        replaced: names of our own presets that the configuration replaces.
    """

    server: Server
    sources: Mapping[str, SourceFolder]
    slots: Slots
    cache: Cache
    client: Client
    signing: Signing
    video: Video
    limits: Limits
    programs: Mapping[str, str]
    default_presets: Mapping[str, str]
    presets_by_name: Mapping[str, Preset]
    replaced: tuple[str, ...]

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], folder: Path) -> Config:
        """The configuration that a mapping describes as a file of TOML would.

        Args:
            mapping: sections by name.
            folder: what its relative paths are relative to.

        Raises:
            ConfigError: all that is wrong.
        """
        return _Reader().read("configuration", mapping, folder)

    def with_sources(self, sources: Mapping[str, object]) -> Config:
        """The same configuration, with other folders to serve.

        Args:
            sources: as in `[sources]`; relative roots are relative to the current folder.

        Raises:
            ConfigError: a root is not there, or something else is wrong with them.
        """
        others = Config.from_mapping({"sources": sources}, Path.cwd())
        return replace(self, sources=others.sources)

    def presets(self) -> Presets:
        """The registry of presets, with the programs that this machine has now.

        Raises:
            ValueError: the encoder that `[video]` names is not in ffmpeg.
        """
        names = {
            "ffmpeg",
            *(program for preset in self.presets_by_name.values() for program in preset.programs()),
        }
        found = {name: find_program(name, self.programs) for name in sorted(names)}
        versions = {name: version_of(path) for name, path in found.items() if path is not None}
        engines = {
            engine: engine_version()
            for preset in self.presets_by_name.values()
            for engine in preset.engines()
        }
        tools, ffmpeg = Tools(), found["ffmpeg"]
        if ffmpeg is not None:
            tools = _ask(ffmpeg, versions["ffmpeg"], self.video.encoder)
            versions["ffmpeg"] += f" {tools.encoder}"
        return Presets(
            self.presets_by_name,
            self.default_presets,
            found,
            self.limits,
            {**engines, **versions},
            Negotiation(**self.client.model_dump()),
            tools,
        )


@cache
def _ask(program: str, version: str, encoder: str) -> Tools:
    """What an ffmpeg can do; asked once for each version of its file."""
    return ffmpeg_tools.ask(program, encoder)


def load_config(file: Path) -> Config:
    """The configuration in a file of TOML and in those that it includes.

    Args:
        file: relative paths in it are relative to its folder; mistakes name it as it is given.

    Raises:
        ConfigError: all that is wrong.
    """
    reader = _Reader()
    return reader.read(str(file), reader.toml(file), file.parent)


class _Reader:
    """Collects what is there and what is wrong with it."""

    def __init__(self) -> None:
        self._mistakes: list[Mistake] = []
        self._presets: dict[str, Preset] = {}
        self._programs: dict[str, str] = {}
        # Where each was defined; a preset that is broken is here too.
        self._preset_files: dict[str, str] = {}
        self._program_files: dict[str, str] = {}

    def read(self, file: str, mapping: Mapping[str, object] | None, folder: Path) -> Config:
        """The whole of a file, and what it includes."""
        sections = WholeFile()
        if mapping is not None:
            sections = self._shape(WholeFile, file, mapping)
            self._read_shared(file, mapping, folder)
            for pattern in texts(mapping.get("presets")):
                self._include(file, pattern, folder)
        sources = {name: self._source(file, name, item, folder) for name, item in sections.sources.items()}
        self._check_prefixes(file, sources)
        self._check_default_presets(file, sections.default_preset)
        if self._mistakes:
            raise ConfigError(tuple(self._mistakes))
        ours = builtin_presets()
        return Config(
            server=sections.server,
            sources=sources,
            slots=sections.slots,
            cache=_with_folder(sections.cache, folder),
            client=sections.client,
            signing=sections.signing,
            video=sections.video,
            limits=sections.limits.over(Limits()),
            programs=self._programs,
            default_presets=sections.default_preset,
            presets_by_name={**ours, **self._presets},
            replaced=tuple(name for name in self._presets if name in ours),
        )

    def toml(self, file: Path) -> Mapping[str, object] | None:
        """The tables of a file, or None and a mistake."""
        text = ""
        try:
            text = file.read_text(encoding="utf-8")
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            end = f"at the end, line {len(text.splitlines())}"
            self._mistake(str(file), "", f"not TOML: {error}".replace("at end of document", end))
        except UnicodeDecodeError as error:
            self._mistake(str(file), "", f"not UTF-8, at byte {error.start}")
        except OSError as error:
            self._mistake(str(file), "", f"cannot be read: {error.strerror}")
        return None

    def _include(self, file: str, pattern: str, folder: Path) -> None:
        found = sorted(glob.glob(pattern, root_dir=folder))
        if not found and not glob.has_magic(pattern):
            self._mistake(file, "presets", f"there is no file {pattern}")
        for included in (folder / name for name in found):
            mapping = self.toml(included)
            if mapping is not None:
                self._shape(PresetFile, str(included), mapping)
                self._read_shared(str(included), mapping, included.parent)

    def _shape(self, model: type[_Model], file: str, mapping: Mapping[str, object]) -> _Model:
        """The sections of a file; what is wrong is told and left out, so that the rest can be checked."""
        try:
            return model.model_validate(dict(mapping))
        except ValidationError as error:
            for key, message in mistakes_of(error):
                self._mistake(file, key, message)
            wrong = {line["loc"][:2] for line in error.errors(include_url=False)}
        return model.model_validate(without(mapping, wrong))

    def _read_shared(self, file: str, mapping: Mapping[str, object], folder: Path) -> None:
        """What any file may hold: presets and programs. Their shape is judged by `_shape`."""
        for name, keys in table(mapping.get("preset")).items():
            if isinstance(keys, Mapping):
                self._read_preset(file, name, keys)
        for name, program in table(mapping.get("programs")).items():
            if not isinstance(program, str):
                continue
            if name in self._program_files:
                other = self._program_files[name]
                self._mistake(file, joined_key("programs", name), f"it is defined in {other} too")
            self._program_files[name] = file
            self._programs[name] = absolute(folder, program) if "/" in program else program

    def _read_preset(self, file: str, name: str, keys: Mapping[str, object]) -> None:
        key = joined_key("preset", name)
        if not _name.fullmatch(name):
            self._mistake(file, key, "a name has ASCII letters, digits, _ and -", name)
        if name in self._preset_files:
            self._mistake(file, key, f"it is defined in {self._preset_files[name]} too", name)
        self._preset_files[name] = file
        try:
            preset = read_preset(keys, builtin_tables())
        except PresetMistakes as error:
            for below, message in error.mistakes:
                self._mistake(file, f"{key}.{below}" if below else key, message, name)
            return
        if name == "info" and preset.engine != "info":
            self._mistake(
                file, f"{key}.engine", 'planners read its result: it must stay engine = "info"', name
            )
        self._presets[name] = preset

    def _source(self, file: str, name: str, source: SourceFolder, folder: Path) -> SourceFolder:
        root = Path(absolute(folder, str(source.root)))
        if not root.is_dir():
            what = "is no folder" if root.exists() else "is not there"
            self._mistake(file, joined_key("sources", name, "root"), f"{root} {what}")
        return source.model_copy(update={"root": root})

    def _check_prefixes(self, file: str, sources: Mapping[str, SourceFolder]) -> None:
        names: dict[str, str] = {}
        for name, source in sources.items():
            if source.prefix in names:
                key = joined_key("sources", name, "prefix")
                other = joined_key("sources", names[source.prefix])
                self._mistake(file, key, f"{other} is mounted at {source.prefix} too")
            names.setdefault(source.prefix, name)

    def _check_default_presets(self, file: str, default_presets: Mapping[str, str]) -> None:
        known = {*builtin_presets(), *self._preset_files}
        for media_range, name in default_presets.items():
            if name not in known:
                key = joined_key("default_preset", media_range)
                self._mistake(file, key, f"there is no preset {name!r}; there are {', '.join(sorted(known))}")

    def _mistake(self, file: str, key: str, message: str, preset: str | None = None) -> None:
        self._mistakes.append(Mistake(file, preset, key, message))


def _with_folder(cache: Cache, folder: Path) -> Cache:
    named = cache_folder() if cache.folder is None else Path(absolute(folder, str(cache.folder)))
    return cache.model_copy(update={"folder": named})
