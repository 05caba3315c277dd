"""Where everything is built and joined: a configuration becomes routes of a Tornado application.

    media = Media(load_config(Path("tornado_media.toml")))
    application = tornado.web.Application([*media.routes("/media"), ...])

Nothing runs until the first request, except where `start` is called; `close` ends all.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from tornado.routing import Rule, URLSpec
from tornado.web import Application, RequestHandler

from tornado_media.config import Config, load_config
from tornado_media.jobs.planning import Planning
from tornado_media.jobs.slots import Slots
from tornado_media.jobs.table import Jobs
from tornado_media.presets.registry import Presets
from tornado_media.processes.workers import Workers
from tornado_media.sources.local import Mount, Sources
from tornado_media.web.handlers import MediaHandler, SourceHandler, Stations
from tornado_media.web.pages import HealthHandler, ListHandler, StaticHandler

log = logging.getLogger("tornado_media")
access_log = logging.getLogger("tornado_media.access")


class Media:
    """All that one configuration needs at run time.

    Args:
        config: what is served, and how.

    Raises:
        ValueError: a mounted folder is not there.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.presets = config.presets()
        mounts = [Mount(name, s.prefix, str(s.root), s.listing) for name, s in config.sources.items()]
        self.sources = Sources(mounts)
        self._pages = Sources([Mount("static", "/", str(static_folder()), False)])
        slots = config.slots
        self.workers = Workers(config.server.workers, engines_of(self.presets))
        self.jobs = Jobs(
            Slots(slots.jobs, slots.queue, slots.wait),
            Slots(slots.streams, slots.queue, slots.wait),
            self.workers,
        )
        self.planning = Planning(self.presets, self.jobs)
        for name in config.replaced:
            log.info("the preset %s of the configuration replaces the built-in one", name)
        for name, path in self.presets.programs.items():
            if path is None:
                log.info("the program %s is not installed: presets that run it answer 503", name)

    def routes(self, prefix: str = "") -> list[Rule]:
        """Rules for an application.

        Args:
            prefix: below which everything of ours lies, without a slash at its end: "" or `/media`.

        Raises:
            ValueError: the prefix is not of this form.
        """
        if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
            raise ValueError(f"a prefix begins with a slash and does not end with one: {prefix!r}")
        stations = Stations(
            prefix=prefix,
            sources=self.sources,
            presets=self.presets,
            jobs=self.jobs,
            planning=self.planning,
            listing=any(source.listing for source in self.config.sources.values()),
            write_timeout=self.config.server.write_timeout,
        )
        kwargs: dict[str, Any] = {"stations": stations}
        static: dict[str, Any] = {**kwargs, "files": self._pages}
        below: list[tuple[str, type[RequestHandler], dict[str, Any]]] = [
            (r"/-/", StaticHandler, {**static, "name": "index.html"}),
            (r"/-/play", StaticHandler, {**static, "name": "player.html"}),
            (r"/-/list", ListHandler, kwargs),
            (r"/-/health", HealthHandler, kwargs),
            (r"/-/static/.*", StaticHandler, static),
            (r"/-(?:/.*)?", MediaHandler, kwargs),
            (r".*", SourceHandler, kwargs),
        ]
        return [URLSpec(f"{re.escape(prefix)}{pattern}", kind, own) for pattern, kind, own in below]

    def start(self) -> None:
        """Start the workers now, so that the first picture need not wait for them."""
        self.workers.warm()

    async def close(self, drain: float = 0.0) -> None:
        """End all jobs, after some seconds to end by themselves, and free everything."""
        await self.jobs.close(drain)
        self.sources.close()
        self._pages.close()


def routes(config: Config | Mapping[str, Any] | str | os.PathLike[str], prefix: str = "") -> list[Rule]:
    """Rules that serve a configuration in your own application, for as long as its process lives.

        config = {"sources": {"photos": {"root": "/srv/photos"}}}
        Application([*tornado_media.routes(config, prefix="/media")])

    Args:
        config: a `Config`, a mapping of the form of the configuration file, or that file's path.
        prefix: below which everything of ours lies.

    Raises:
        ConfigError: the configuration has mistakes; all of them are told.
        ValueError: a mounted folder is not there, or the prefix is malformed.
    """
    return Media(as_config(config)).routes(prefix)


def as_config(config: Config | Mapping[str, Any] | str | os.PathLike[str]) -> Config:
    """A `Config` from any form of one.

    Raises:
        ConfigError: it has mistakes.
    """
    if isinstance(config, Config):
        return config
    if isinstance(config, Mapping):
        return Config.from_mapping(config, Path.cwd())
    return load_config(Path(config))


def application(media: Media) -> Application:
    """An application that serves nothing but our routes, with one log line a request."""
    return Application(media.routes(), log_function=log_request)


def log_request(handler: RequestHandler) -> None:
    """Write one line for a request; its failures are told by `web.edge`, with their causes."""
    request = handler.request
    access_log.info(
        "%s %s %d %s %.1f ms",
        request.remote_ip,
        request.method,
        handler.get_status(),
        ascii(request.uri)[1:-1],
        1000 * request.request_time(),
    )


def static_folder() -> Path:
    """Where the files of our pages are: in the installed package, or in the checkout."""
    return Path(str(files("tornado_media") / "static"))


def engines_of(presets: Presets) -> tuple[str, ...]:
    """The engines that the configured presets call."""
    engines = {preset.engine for preset in presets.presets.values()}
    return tuple(sorted(engine for engine in engines if engine is not None))
