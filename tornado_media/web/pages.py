"""Our own pages below `/-/`: the gallery, the player, the list of a folder, health, static files."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

import tornado_media
from tornado_media.errors import BadRequest, Forbidden
from tornado_media.sources.local import Sources
from tornado_media.sources.opening import opened
from tornado_media.store.threads import in_thread
from tornado_media.urls import parse_target
from tornado_media.web.delivery import deliver
from tornado_media.web.exchange import Exchange
from tornado_media.web.handlers import MediaHandler, Stations
from tornado_media.web.results import original

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


class StaticHandler(MediaHandler):
    """A file of our own pages; served as any source is, from a mount of its own."""

    def initialize(self, stations: Stations, files: Sources, name: str | None = None) -> None:  # type: ignore[override]
        """Take the mount of the static files, and the file's name where the URL does not say it."""
        super().initialize(stations)
        self._files = files
        self._name = name

    async def respond(self, exchange: Exchange) -> None:
        """Send the file."""
        path = (
            f"/{self._name}" if self._name else parse_target(self.own_target()).path.removeprefix("/-/static")
        )
        async with opened(self._files, path) as source:
            page = original(source, source.facts.media_type, "no-cache")
            fields = {"Content-Security-Policy": PAGE_POLICY, "Referrer-Policy": "same-origin"}
            await deliver(exchange, self, page, fields)


class JsonHandler(MediaHandler):
    """Answers with a JSON object."""

    async def document(self) -> Mapping[str, Any]:
        """The object."""
        raise NotImplementedError

    async def respond(self, exchange: Exchange) -> None:
        """Send the object."""
        content = json.dumps(await self.document(), ensure_ascii=False).encode() + b"\n"
        fields = {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        await exchange.send_whole(200, fields, content)


class ListHandler(JsonHandler):
    """What is in a folder: `/-/list?folder=/holiday/`."""

    async def document(self) -> Mapping[str, Any]:
        """A page of the listing.

        Raises:
            MediaError: no such folder, or it may not be listed.
        """
        if not self.stations.listing:
            raise Forbidden("Listing folders is switched off in the configuration of this server.")
        asked = dict(parse_target(self.own_target()).parameters)
        if unknown := set(asked) - {"folder", "after"}:
            raise BadRequest(f"The list has no parameter {min(unknown)!r}; it has folder and after.")
        folder = parse_target_path(asked.get("folder", "/"))
        return asdict(await in_thread(self.stations.sources.list, folder, after=asked.get("after")))


class HealthHandler(JsonHandler):
    """How the server is: `/-/health`."""

    started = time.monotonic()

    async def document(self) -> Mapping[str, Any]:
        """Version, uptime in seconds, slots, workers (jailed: null before the first is ready), the cache in
        bytes, programs that are missing.
        """
        jobs = self.stations.jobs
        programs = self.stations.presets.programs
        return {
            "status": "ok",
            "version": tornado_media.__version__,
            "uptime": round(time.monotonic() - self.started, 3),
            "jobs": {"slots": jobs.jobs.size, "running": jobs.jobs.running, "waiting": jobs.jobs.waiting},
            "streams": {
                "slots": jobs.streams.size,
                "running": jobs.streams.running,
                "waiting": jobs.streams.waiting,
            },
            "workers": {
                "size": jobs.workers.size,
                "running": jobs.workers.running,
                "jailed": jobs.workers.jailed,
            },
            "cache": asdict(self.stations.cache.stats()),
            "missing_programs": sorted(name for name, path in programs.items() if path is None),
        }


def parse_target_path(folder: str) -> str:
    """A decoded folder of a parameter, held to the rules of a path in a URL.

    Raises:
        BadRequest: it is not a canonical path.
    """
    if not folder.startswith("/"):
        raise BadRequest("The parameter folder begins with a slash, as in folder=/holiday/.")
    return parse_target(quote(folder, safe="/")).path.rstrip("/") + "/"
