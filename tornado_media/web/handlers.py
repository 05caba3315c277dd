"""The way of a request: its stations in order, and nothing else.

urls.parse ─► sources.open ─► make_plan ─► cache.get ─► jobs.join ─► deliver
"""

from __future__ import annotations

import hmac
import json
import time
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from tornado_media.errors import Forbidden, MethodNotAllowed, NotFound
from tornado_media.formats.hls import references
from tornado_media.http.account import HIT, Account
from tornado_media.http.conditional import equivalent_tag
from tornado_media.http.hints import client_of
from tornado_media.http.signature import sign, until, verified
from tornado_media.jobs.planning import Planning
from tornado_media.jobs.table import Jobs
from tornado_media.presets.plan import Plan, Segment, Text
from tornado_media.presets.registry import Presets
from tornado_media.sources.local import Source, SourceIsFolder, Sources
from tornado_media.sources.opening import opened
from tornado_media.store.cache import Cache
from tornado_media.store.representation import Representation
from tornado_media.urls import Target, parse_target
from tornado_media.web.delivery import deliver, deliver_equivalent, deliver_head, refuse_range
from tornado_media.web.edge import answer
from tornado_media.web.exchange import Exchange
from tornado_media.web.hot import Hot
from tornado_media.web.problem import send_problem_content
from tornado_media.web.results import name_of_result, without_job

METHODS = ("GET", "HEAD", "OPTIONS")
SOURCE_METHODS = (*METHODS, "DELETE")


@dataclass(frozen=True, slots=True)
class Stations:
    """What a request meets on its way, built once by `app`.

    Args:
        prefix: where we are mounted in an application: "" or `/media`.
        sources: the mounted folders.
        presets: what may be asked.
        cache: where results are kept.
        jobs: the door to jobs.
        planning: makes plans.
        listing: folders may be listed somewhere.
        write_timeout: seconds that a client may take nothing.
        purge_token: lets a client that is not on this machine purge; "" lets none.
        signing: which URLs must be signed.
        hot: what answers a small kept result without coming here again.
    """

    prefix: str
    sources: Sources
    presets: Presets
    cache: Cache
    jobs: Jobs
    planning: Planning
    listing: bool
    write_timeout: float
    purge_token: str
    signing: Signing
    hot: Hot


@dataclass(frozen=True, slots=True)
class Signing:
    """Which URLs must be signed.

    Args:
        keys: any of them may sign; none: no URL is signed.
        originals: URLs without parameters must be signed too.
    """

    keys: tuple[str, ...] = ()
    originals: bool = False


class MediaHandler(RequestHandler):
    """What our handlers have in common: methods, the edge, errors in our words."""

    methods: tuple[str, ...] = METHODS

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
        """An application's XSRF check is not for us: a page of another origin cannot send a DELETE (CORS)."""

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
        await answer(self, self._name_methods, self.stations.write_timeout)

    async def refuse(self, *_: Any) -> None:
        """Answer any other method."""
        await answer(self, self._not_allowed)

    post = put = patch = delete = refuse

    def write_error(self, status_code: int, **_: Any) -> None:
        """What Tornado refuses before us, in our words; our own errors do not come here."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        for name, value in Account(began=0.0).fields(self.request.request_time()).items():
            self.set_header(name, value)
        if status_code == 405:
            self.set_header("Allow", ", ".join(self.methods))
        self.finish(f"{status_code} {self._reason}\n")

    async def _name_methods(self, exchange: Exchange) -> None:
        await exchange.send_headers(204, {"Allow": ", ".join(self.methods), "Content-Type": None})
        await exchange.finish()

    async def _not_allowed(self, _: Exchange) -> None:
        method = self.request.method
        raise MethodNotAllowed(f"{method} is not understood here; use GET or HEAD.", allow=self.methods)

    def own_target(self) -> str:
        """The request's target below our prefix."""
        return (self.request.uri or "/").removeprefix(self.stations.prefix)


class SourceHandler(MediaHandler):
    """A source, or what a preset makes of it."""

    methods = SOURCE_METHODS

    async def respond(self, exchange: Exchange) -> None:
        """Walk through the stations."""
        target, expires = self._target()
        self.stations.presets.check_method(target, "GET", ("OPTIONS", "POST"))
        try:
            began = self.request.request_time()
            async with opened(self.stations.sources, target.path) as source:
                plan = await self.stations.planning.plan(target, source, client_of(self.request.headers))
                if plan.vary:
                    self.set_header("Vary", ", ".join(plan.vary))
                plan = self._signed(plan, target.path, expires)
                exchange.account.add("source", self.request.request_time() - began)
                representation = await self._representation(exchange, plan, source)
                if representation is not None:
                    await deliver(exchange, self, representation, name_of_result(target, plan))
                    if expires is None:
                        self._remember(plan)
        except SourceIsFolder as error:
            await self._folder(exchange, target, error)

    async def delete(self, *_: Any) -> None:
        """Answer DELETE: purge what was made of a source."""
        await answer(self, self._purge, self.stations.write_timeout)

    async def _representation(self, exchange: Exchange, plan: Plan, source: Source) -> Representation | None:
        """The source's bytes, a kept result, or one that is being made; None when it is answered already."""
        if (ready := without_job(plan, source)) is not None:
            return ready
        if isinstance(plan.work, Segment):
            self.stations.jobs.runs.follow(plan)
        if plan.cache and (tag := equivalent_tag(self.request.headers, plan.key)) is not None:
            await deliver_equivalent(exchange, tag, plan.cache_control)
            return None
        stations = self.stations
        if plan.cache and (kept := await stations.cache.get(plan)) is not None:
            exchange.account.cache = HIT
            return kept
        running = plan.cache and stations.jobs.shares(plan)
        if plan.streams and not running and await refuse_range(exchange, self):
            return None
        if self.request.method == "HEAD":
            await deliver_head(exchange, plan.media_type, plan.cache_control, plan.streams)
            return None
        return await stations.jobs.join(plan, source, exchange.account)

    def _target(self) -> tuple[Target, int | None]:
        """What is asked for, and until when the URL is good: seconds since 1970, or None."""
        target, signing = parse_target(self.own_target()), self.stations.signing
        if not signing.keys or target.parameters or signing.originals:
            return verified(target, signing.keys, time.time())
        return target, None

    def _signed(self, plan: Plan, path: str, expires: int | None) -> Plan:
        """The plan as the client may have it: a playlist signs what it refers to, for the same time."""
        keys = self.stations.signing.keys
        if keys and isinstance(plan.work, Text):
            prefix = quote(path, safe="/")

            def signed(reference: str) -> str:
                return sign(prefix + reference, keys[0], expires).removeprefix(prefix)

            plan = replace(plan, work=Text(references(plan.work.content, signed)))
        if expires is None:
            return plan
        return replace(plan, cache_control=until(plan.cache_control, int(expires - time.time())))

    def _remember(self, plan: Plan) -> None:
        """Let an equal request take the short way; who watches a film must be seen."""
        if isinstance(plan.work, Segment):
            return
        request, fields = self.request, dict(self._headers.get_all())
        if plan.cache and request.method == "GET" and self.get_status() == 200 and request.uri:
            said = {name: request.headers.get(name) for name in plan.vary}
            self.stations.hot.remember(request.uri, plan.sources, plan.key, fields, said)

    async def _purge(self, exchange: Exchange) -> None:
        path = parse_target(self.own_target()).path
        if not may_purge(self.request, self.stations.purge_token):
            raise Forbidden("Purging is for this machine itself, or for who has the purge token.")
        self.stations.jobs.forget(path)
        purged = await self.stations.cache.purge(path)
        content = json.dumps({"purged": purged.count, "bytes": purged.bytes}).encode() + b"\n"
        fields = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        await exchange.send_whole(200, fields, content)

    async def _folder(self, exchange: Exchange, target: Target, error: SourceIsFolder) -> None:
        if not self.stations.listing or target.parameters:
            raise error
        folder = target.path.rstrip("/") + "/"
        location = f"{self.stations.prefix}/-/?folder={quote(folder, safe='/')}"
        await send_problem_content(
            exchange, self, 302, "This is a folder; its gallery is elsewhere.", {"Location": location}
        )


_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")


def may_purge(request: HTTPServerRequest, token: str) -> bool:
    """Whether a request may purge: it comes from this machine and from no proxy on it, or has the token.

    Args:
        request: with `Authorization: Bearer TOKEN` (RFC 6750 section 2.1), where it has one.
        token: of the configuration; "" is nobody's.
    """
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if token and scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode()):
        return True
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(request.remote_ip or "").is_loopback
    except ValueError:  # a Unix socket has no address
        return False
