"""The way of a request: its stations in order, and nothing else.

urls.parse ─► sources.open ─► make_plan ─► jobs.join ─► deliver
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tornado.web import RequestHandler

from tornado_media.errors import MethodNotAllowed, NotFound
from tornado_media.http.conditional import Validators
from tornado_media.http.fields import content_disposition
from tornado_media.jobs.planning import Planning
from tornado_media.jobs.table import Jobs
from tornado_media.presets.plan import Original, Plan
from tornado_media.presets.registry import Presets
from tornado_media.sources.local import Source, SourceIsFolder, Sources
from tornado_media.store.representation import Representation, of_file
from tornado_media.urls import Target, parse_target
from tornado_media.web.delivery import deliver, deliver_head, refuse_range
from tornado_media.web.edge import answer
from tornado_media.web.exchange import Exchange
from tornado_media.web.problem import send_problem_content

METHODS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Stations:
    """What a request meets on its way, built once by `app`.

    Args:
        prefix: where we are mounted in an application: "" or `/media`.
        sources: the mounted folders.
        presets: what may be asked.
        jobs: the door to jobs.
        planning: makes plans.
        listing: folders may be listed somewhere.
        write_timeout: seconds that a client may take nothing.
    """

    prefix: str
    sources: Sources
    presets: Presets
    jobs: Jobs
    planning: Planning
    listing: bool
    write_timeout: float


class MediaHandler(RequestHandler):
    """What our handlers have in common: methods, the edge, errors in our words."""

    SUPPORTED_METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")

    def initialize(self, stations: Stations) -> None:
        """Take what `app` has built."""
        self.stations = stations

    def set_default_headers(self) -> None:
        """Name ourselves."""
        self.set_header("Server", "tornado_media")

    def compute_etag(self) -> None:
        """No entity tag by Tornado: ours name the bytes."""

    def check_xsrf_cookie(self) -> None:
        """Nothing here changes anything: an application's XSRF check is not for us."""

    async def respond(self, exchange: Exchange) -> None:
        """Send the response; each handler has its own."""
        raise NotFound("There is no such page.")

    async def get(self, *_: Any) -> None:
        """Answer GET."""
        await answer(self, self.respond, self.stations.write_timeout)

    async def head(self, *_: Any) -> None:
        """Answer HEAD: as GET without the content."""
        await answer(self, self.respond, self.stations.write_timeout)

    async def options(self, *_: Any) -> None:
        """Answer OPTIONS with the methods there are (RFC 9110 section 9.3.7)."""
        self.set_header("Allow", ", ".join(METHODS))
        self.clear_header("Content-Type")
        self.set_status(204)

    async def refuse(self, *_: Any) -> None:
        """Answer any other method."""
        await answer(self, self._not_allowed)

    post = put = patch = delete = refuse

    def write_error(self, status_code: int, **_: Any) -> None:
        """What Tornado refuses before us, in our words; our own errors do not come here."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        if status_code == 405:
            self.set_header("Allow", ", ".join(METHODS))
        self.finish(f"{status_code} {self._reason}\n")

    async def _not_allowed(self, _: Exchange) -> None:
        method = self.request.method
        raise MethodNotAllowed(f"{method} is not understood here; use GET or HEAD.", allow=METHODS)

    def own_target(self) -> str:
        """The request's target below our prefix."""
        return (self.request.uri or "/").removeprefix(self.stations.prefix)


class SourceHandler(MediaHandler):
    """A source, or what a preset makes of it."""

    async def respond(self, exchange: Exchange) -> None:
        """Walk through the stations."""
        target = parse_target(self.own_target())
        try:
            async with opened(self.stations.sources, target.path) as source:
                plan = await self.stations.planning.plan(target, source)
                if plan.streams and await refuse_range(exchange, self):
                    return
                if self.request.method == "HEAD" and not isinstance(plan.work, Original):
                    await deliver_head(exchange, plan.media_type, plan.cache_control, plan.streams)
                    return
                representation = await self._representation(plan, source)
                await deliver(exchange, self, representation, _name_of_result(target, plan))
        except SourceIsFolder as error:
            await self._folder(exchange, target, error)

    async def _representation(self, plan: Plan, source: Source) -> Representation:
        if isinstance(plan.work, Original):
            return original(source, plan.media_type, plan.cache_control)
        return await self.stations.jobs.join(plan, source)

    async def _folder(self, exchange: Exchange, target: Target, error: SourceIsFolder) -> None:
        if not self.stations.listing or target.parameters:
            raise error
        folder = target.path.rstrip("/") + "/"
        location = f"{self.stations.prefix}/-/?folder={quote(folder, safe='/')}"
        await send_problem_content(
            exchange, self, 302, "This is a folder; its gallery is elsewhere.", {"Location": location}
        )


def original(source: Source, media_type: str, cache_control: str) -> Representation:
    """The representation of a source's own bytes."""
    validators = Validators(source.entity_tag, source.last_modified)
    # What is called text by its content is UTF-8; a browser that is not told guesses something else.
    told = f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
    return of_file(source.file, source.facts.size, told, validators, cache_control)


@asynccontextmanager
async def opened(sources: Sources, path: str) -> AsyncIterator[Source]:
    """An open source for the length of a `with` block; opened by a thread, since a disk may be slow.

    Raises:
        MediaError: there is no such source, or it is not served.
    """
    opening = asyncio.get_running_loop().run_in_executor(None, sources.open, path)
    try:
        source = await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unwanted)
        raise
    with source:
        yield source


def _close_unwanted(opening: asyncio.Future[Source]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


_ENDINGS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "video/mp4": "mp4",
}


def _name_of_result(target: Target, plan: Plan) -> dict[str, str]:
    """Content-Disposition with a fitting name for who saves a result: `1.png?format=webp` is not a PNG."""
    if isinstance(plan.work, Original) or plan.media_type not in _ENDINGS:
        return {}
    stem = target.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return {"Content-Disposition": content_disposition("inline", f"{stem}.{_ENDINGS[plan.media_type]}")}
