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

from tornado.routing import AnyMatches, Rule, URLSpec
from tornado.web import Application, RequestHandler

from tornado_media.config import Config, load_config
from tornado_media.jobs.planning import Planning
from tornado_media.jobs.runs import Following
from tornado_media.jobs.slots import Slots
from tornado_media.jobs.table import Jobs, Sharing
from tornado_media.presets.registry import Presets
from tornado_media.processes.workers import Workers
from tornado_media.sources.local import Mount, Sources
from tornado_media.store.cache import Cache
from tornado_media.web.handlers import MediaHandler, Signing, SourceHandler, Stations
from tornado_media.web.hot import Hot
from tornado_media.web.pages import HealthHandler, ListHandler, StaticHandler
from tornado_media.web.upload import upload_rules

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
        slots, kept = config.slots, config.cache
        workers = config.server
        self.workers = Workers(
            workers.workers,
            engines_of(self.presets),
            calls=workers.worker_calls,
            memory=workers.worker_memory,
        )
        self.cache = Cache(kept.folder, capacity=kept.bytes, memory=kept.memory, share=kept.share)
        self.jobs = Jobs(
            Slots(slots.jobs, slots.queue, slots.wait),
            Slots(slots.streams, slots.queue, slots.wait),
            self.workers,
            self.cache,
            Sharing(kept.window, kept.finish, kept.failures, kept.crashes),
            Following(config.video.ahead, config.video.idle),
        )
        self.planning = Planning(self.presets, self.sources, self.cache, self.jobs)
        self.hot = Hot(self.sources, self.cache, config.server.write_timeout, log_hit)
        for name in config.replaced:
            log.info("the preset %s of the configuration replaces the built-in one", name)
        for name, path in self.presets.programs.items():
            if path is None:
                log.info("the program %s is not installed: presets that run it answer 503", name)
        if self.presets.tools.hole is not None:
            log.warning("%s", self.presets.tools.hole)

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
            cache=self.cache,
            jobs=self.jobs,
            planning=self.planning,
            listing=any(source.listing for source in self.config.sources.values()),
            write_timeout=self.config.server.write_timeout,
            purge_token=self.config.cache.purge_token,
            signing=Signing(self.config.signing.keys, self.config.signing.originals),
            hot=self.hot,
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
        ours = [URLSpec(f"{re.escape(prefix)}{pattern}", kind, own) for pattern, kind, own in below]
        return [Rule(AnyMatches(), self.hot), *upload_rules(prefix, stations), *ours]

    def start(self) -> None:
        """Start the workers now, so that the first picture need not wait for them."""
        self.workers.warm()

    async def close(self, drain: float = 0.0) -> None:
        """End all jobs, after some seconds to end by themselves, and free everything."""
        await self.jobs.close(drain)
        await self.cache.drain()
        self.cache.close()
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
    log_hit(
        request.remote_ip or "",
        request.method or "",
        handler.get_status(),
        request.uri or "",
        request.request_time(),
    )


def log_hit(client: str, method: str, status: int, target: str, seconds: float) -> None:
    """Write the line of a request that had no handler."""
    if access_log.isEnabledFor(logging.INFO):
        access_log.info("%s %s %d %s %.1f ms", client, method, status, ascii(target)[1:-1], 1000 * seconds)


def static_folder() -> Path:
    """Where the files of our pages are: in the installed package, or in the checkout."""
    return Path(str(files("tornado_media") / "static"))


def engines_of(presets: Presets) -> tuple[str, ...]:
    """The engines that the configured presets call, by themselves or by their planner."""
    return tuple(sorted({engine for preset in presets.presets.values() for engine in preset.engines()}))
