"""tornado_media: any program's output as an HTTP response.

*Contents*

- `routes`: rules that serve a configuration in your own Tornado application.
- `Media`: the same with a life of its own: `routes`, `start`, `close`.
- `send_program`: the output of any program as the response of your own handler.
- `sign`: a target with its signature, for servers that make only what is signed.
- `Limits`: what a program may take.
- `Config`, `load_config`, `ConfigError`: the configuration.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Config",
    "ConfigError",
    "Limits",
    "Media",
    "__version__",
    "load_config",
    "routes",
    "send_program",
    "sign",
]

if TYPE_CHECKING:
    from tornado_media.app import Media, routes
    from tornado_media.config import Config, ConfigError, load_config
    from tornado_media.http.signature import sign
    from tornado_media.presets.plan import Limits
    from tornado_media.web.program import send_program

_HOMES = {
    "Media": "app",
    "routes": "app",
    "Config": "config",
    "ConfigError": "config",
    "load_config": "config",
    "Limits": "presets.plan",
    "send_program": "web.program",
    "sign": "http.signature",
}


def __getattr__(name: str) -> object:
    # Imported when asked for: a worker process must not load the web side, nor it the workers' libraries.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
