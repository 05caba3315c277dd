"""The configuration: TOML in, one frozen Config out, or every mistake of every file at once.

Read before anything is built; `app` takes what it needs from it. Nothing here opens a source or runs a
program: it looks whether folders and programs are there.
"""

from tornado_media.config.builtin import builtin_presets
from tornado_media.config.mistake import ConfigError, Mistake
from tornado_media.config.programs import find_program
from tornado_media.config.reader import Config, load_config
from tornado_media.config.sections import Cache, Client, Server, Signing, Slots, SourceFolder

__all__ = [
    "Cache",
    "Client",
    "Config",
    "ConfigError",
    "Mistake",
    "Server",
    "Signing",
    "Slots",
    "SourceFolder",
    "builtin_presets",
    "find_program",
    "load_config",
]
