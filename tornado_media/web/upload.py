"""POST: a preset is made of the body of the request. The way of a request, where the source comes with it.

check ─► the first bytes ─► plan ─► job, fed as the body comes ─► deliver

What the header section tells is refused before `100 Continue`. A pipeline reads the body while it comes; an
engine needs a file, which is one in memory. Nothing of it is shared or kept. In Tornado such a handler runs
twice: `prepare` before the body, `post` behind it; the answer is a task that runs meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import time
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPMessageDelegate, HTTPServerRequest
from tornado.iostream import StreamClosedError
from tornado.routing import PathMatches, Rule
from tornado.web import stream_request_body

from tornado_media.errors import ContentTooLarge, MediaError, RequestTimedOut
from tornado_media.http.hints import client_of
from tornado_media.http.signature import verified
from tornado_media.jobs.fed import FedPipeline
from tornado_media.presets.plan import Limits, Pipeline, Plan
from tornado_media.processes.running import Running
from tornado_media.sources.local import Source
from tornado_media.store.representation import Representation
from tornado_media.urls import parse_target, shown
from tornado_media.web.asked import asked_preset, check_fields, content_length, facts_of
from tornado_media.web.body import Body, in_time, too_large
from tornado_media.web.delivery import common_fields
from tornado_media.web.edge import answer
from tornado_media.web.exchange import ClientGone, Exchange, connection_of
from tornado_media.web.handlers import SOURCE_METHODS, MediaHandler, Stations
from tornado_media.web.held import Held, new_file

log = logging.getLogger("tornado_media")

LINGER = 2.0
"""Seconds that a client has to notice a refusal, while what it still sends is thrown away."""

LINGER_ROOM = 64 * 1024 * 1024
"""Bytes of it at most, as many as a preset takes by default: most clients send all before they look."""

_OTHERS = frozenset({"GET", "HEAD", "DELETE"})

# The loop keeps only a weak reference to a task.
_answers: set[asyncio.Task[None]] = set()


def upload_rules(prefix: str, stations: Stations) -> list[Rule]:
    """The rule for POST, to stand before that of the sources; none where no preset takes it.

    Args:
        prefix: below which everything of ours lies.
        stations: as of the other handlers.
    """
    if not any("POST" in preset.methods for preset in stations.presets.presets.values()):
        return []
    return [Rule(_Uploads(f"{re.escape(prefix)}/"), UploadHandler, {"stations": stations})]


class _Uploads(PathMatches):
    """Everything at one path but what is about a source."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        return None if request.method in _OTHERS else super().match(request)


@stream_request_body
class UploadHandler(MediaHandler):
    """What a preset makes of the body."""

    methods = (*SOURCE_METHODS, "POST")

    def initialize(self, stations: Stations) -> None:
        """Take what `app` has built."""
        super().initialize(stations)
        # Of a request that is no POST; whatever comes with it is thrown away.
        self._body = Body(0, 1.0)

    def prepare(self) -> None:
        """Look at the header section, and begin to answer while the body comes."""
        if self.request.method != "POST":
            return
        connection = connection_of(self)
        _guard(self, connection)
        # Body keeps the bounds: what Tornado refuses, it refuses with a line of its own and no reason.
        connection.set_max_body_size(sys.maxsize)
        connection._body_timeout = None
        # Tornado does so behind the body. While it waits for us it may find the end and tell nobody.
        connection.stream.set_close_callback(connection._on_connection_close)
        limits, length = Limits(), content_length(self.request.headers)
        self._refusal: MediaError | None = None
        try:
            signed = parse_target(self.own_target())
            self._target, _ = verified(signed, self.stations.signing.keys, time.time())
            self._preset = asked_preset(self._target, self.stations.presets)
            limits = self._preset.limits.over(self.stations.presets.limits)
            check_fields(self.request)
            if length is not None and length > limits.input:
                raise too_large(limits.input)
        except MediaError as error:
            self._refuse(error)
            # A client that has waited for our word may send the body or not: nothing can follow it.
            self._left_alone = self.request.headers.pop("Expect", None) is not None
            connection._disconnect_on_finish |= self._left_alone
        self._limits = limits
        self._body = Body(limits.input, limits.idle, length)
        self._answering = asyncio.ensure_future(
            answer(self, self.respond_to_body, self.stations.write_timeout)
        )
        _answers.add(self._answering)
        self._answering.add_done_callback(self._answered)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Hand a block on; Tornado goes on reading when it has been taken."""
        return self._body.give(chunk)

    async def post(self, *_: Any) -> None:
        """The body has come: the answer may need longer."""
        self._body.end()
        await self._answering

    def on_connection_close(self) -> None:
        """The connection has ended, perhaps in the middle of the body."""
        super().on_connection_close()
        self._body.leave()
        # Behind the body Tornado tells it there. Before, only us: whoever watches the client has to know.
        connection_of(self)._on_connection_close()

    async def respond_to_body(self, exchange: Exchange) -> None:
        """Walk through the stations."""
        exchange.before_end = self._drain
        if self._refusal is not None:
            raise self._refusal
        try:
            await self._make(exchange, self._body)
        except (ContentTooLarge, RequestTimedOut) as error:
            self._refuse(error)
            if exchange.headers_sent:
                # The client's doing, and no failure of ours: it sees that the connection ends.
                log.info("%s aborted: %s", shown(self.request.uri or ""), error.detail)
                raise ClientGone from None
            raise

    def _answered(self, answering: asyncio.Task[None]) -> None:
        _answers.discard(answering)
        # However it has ended: Tornado must not wait for somebody to take a block.
        self._body.discard()

    def _refuse(self, error: MediaError) -> None:
        """Remember a refusal; the connection ends with it where the body will not be read to its end."""
        self._refusal = error
        self._left_alone = isinstance(error, RequestTimedOut)
        if isinstance(error, (ContentTooLarge, RequestTimedOut)):
            connection_of(self)._disconnect_on_finish = True

    async def _drain(self) -> None:
        """Let the client come to its response: it may read it only when it has sent all."""
        body = self._body
        if body.ended:
            return
        if self._refusal is None:
            await body.drain(body.limit - body.size, self._limits.idle)
        elif not self._left_alone:
            await body.drain(LINGER_ROOM, LINGER)

    async def _make(self, exchange: Exchange, body: Body) -> None:
        began, limits = self.request.request_time(), self._limits
        async with in_time(limits.total):
            facts = await facts_of(body)
        with Source(facts, new_file() if self._preset.engine is not None else -1) as source:
            plan = await self.stations.planning.plan(self._target, source, client_of(self.request.headers))
            if plan.vary:
                self.set_header("Vary", ", ".join(plan.vary))
            plan = replace(plan, cache=False, cache_control="no-store")
            with Held() as held:
                if not isinstance(plan.work, Pipeline):
                    async with in_time(limits.total):
                        await held.fill(source.file, body)
                exchange.account.add("source", self.request.request_time() - began)
                if isinstance(plan.work, Pipeline):
                    result = await self._feed(exchange, plan, plan.work, body)
                else:
                    result = await self.stations.jobs.join(plan, source, exchange.account)
                await _deliver(exchange, result)

    async def _feed(self, exchange: Exchange, plan: Plan, work: Pipeline, body: Body) -> Representation:
        jobs, limits = self.stations.jobs, plan.limits

        async def start() -> Running:
            return FedPipeline(work, body, limits, jobs.guard)

        # The time that the client takes is not the program's: these two are watched where the body is fed.
        rough = replace(limits, first_byte=limits.total, idle=limits.total)
        slots = jobs.streams if plan.streams else jobs.jobs
        return await jobs.run(
            plan.preset,
            start,
            rough,
            slots,
            plan.streams,
            plan.media_type,
            plan.cache_control,
            exchange.account,
        )


async def _deliver(exchange: Exchange, result: Representation) -> None:
    """Send all of it: conditions and ranges are about what a GET would give (RFC 9110 section 9.3.3)."""
    try:
        fields = common_fields(result.media_type, result.cache_control)
        await exchange.send_part(200, fields, result, 0, result.complete_length)
    finally:
        await result.close()


def _guard(handler: UploadHandler, connection: HTTP1Connection) -> None:
    """Keep a response that has begun free of the 400 that Tornado writes after a malformed chunk."""
    read_body = connection._read_body

    async def read(code: int, headers: HTTPHeaders, delegate: HTTPMessageDelegate) -> None:
        try:
            if (coming := read_body(code, headers, delegate)) is not None:
                await coming
        except HTTPInputError:
            handler.on_connection_close()
            if not handler._headers_written:
                raise
            connection.close()
            raise StreamClosedError from None

    connection._read_body = read  # type: ignore[method-assign]
