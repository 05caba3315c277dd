"""The short way: a small kept result that was asked for before is answered before there is a handler.

Beside the stations. The first of our rules is a router with a table from request targets to kept results.
What it answers was answered by the stations before, of the same source, which is looked at again each time.
What it does not answer, because of a condition, a range, a source that changed or a result that is not in
memory any more, goes the way of every request, and so does what cannot be known without waiting. This module
must not decide what may be served: it only repeats.

What we know of Tornado (6.6) that lets the header section and the content be one write:

- `HTTP1Connection.finish` counts bytes, and adds a last chunk, only after `write_headers`. Without it the
  fields Connection and Content-Length are ours to write, from what the connection has decided.
- `finish` waits for the writes of the connection, not for those of its stream. The next request, which may
  lie in the read buffer already, is parsed after that wait: one response for each connection is in memory.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    HTTPServerRequest,
    RequestStartLine,
)
from tornado.routing import Router

from tornado_media.http.conditional import format_date
from tornado_media.presets.plan import SourceFacts
from tornado_media.sources.local import Sources
from tornado_media.web.answers import Entry, Variants
from tornado_media.web.front import Front
from tornado_media.web.head import heads

MAX_CONTENT = 256 * 1024
"""Bytes of a result at most: it is copied behind its header section, which is cheap only when it is small."""

_TARGETS = 4096
_MAX_TARGET = 2048

# Values of Host that Tornado has checked; RFC 9112 section 3.2 wants a 400 for others.
_HOSTS = 256
_MAX_HOST = 255

_METHODS = frozenset({"GET", "HEAD"})
_VERSIONS = frozenset({"HTTP/1.1", "HTTP/1.0"})
_NOT_ONLY_A_QUESTION = frozenset(
    {
        "Content-Length", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since",
        "Range", "Transfer-Encoding",
    }
)  # fmt: skip

Log = Callable[[str, str, int, str, float], None]
"""Told of each response: the client's address, method, status, target, seconds. It should do nothing when
nobody reads the log."""


class Kept(Protocol):
    """A result in memory."""

    @property
    def content(self) -> bytes:
        """All of its bytes."""

    @property
    def entity_tag(self) -> str:
        """Strong, with its quotes."""


class Results(Protocol):
    """What is asked of the cache."""

    def in_memory(self, key: str) -> Kept | None:
        """The kept result of a plan, when it is in memory. Counts as a use of it."""

    def peek(self, key: str) -> Kept | None:
        """The same, which does not count."""


class Hot(Router):
    """Answers what was asked before; a target of the first rule of an application.

        Rule(AnyMatches(), hot)

    Args:
        sources: the mounted folders.
        cache: has the results.
        write_timeout: seconds that a client has for the part of a response that its socket did not take.
        log: told of each response.
        targets: that are remembered at most; the least recently used is forgotten first.
    """

    def __init__(
        self, sources: Sources, cache: Results, write_timeout: float, log: Log, targets: int = _TARGETS
    ) -> None:
        self.write_timeout = write_timeout
        self.log = log
        self._sources = sources
        self._cache = cache
        self._targets = targets
        self._entries: OrderedDict[str, Variants] = OrderedDict()
        self._hosts: set[str] = set()
        self._date = (0, b"")

    def remember(
        self,
        uri: str,
        sources: tuple[SourceFacts, ...],
        key: str,
        fields: Mapping[str, str],
        said: Mapping[str, str | None] = {},
    ) -> None:
        """Answer the same target by ourselves from now on.

        For what depends on the target, the sources and some fields of the request: no other may matter.

        Args:
            uri: the request's target as it came, `/media/1.jpg?size=300x200`.
            sources: what the result was made of.
            key: of the plan; does nothing when no small result is in memory for it.
            fields: of the 200 response to a GET. Those of one response or connection are left out.
            said: the fields of the request that mattered; None is one that was not there.

        Raises:
            ValueError: a field has a control character or one that is not Latin-1.
        """
        kept = self._cache.peek(key)
        if kept is None or len(kept.content) > MAX_CONTENT or len(uri) > _MAX_TARGET:
            return
        length = len(kept.content)
        ok, not_modified = heads(fields, kept.entity_tag, length)
        variants, vary = self._entries.get(uri), tuple(said)
        if variants is None or variants.vary != vary:
            variants = self._entries[uri] = Variants(vary)
        variants.add(
            Entry(
                uri=uri,
                said=tuple(said.values()),
                sources=sources,
                key=key,
                entity_tag=kept.entity_tag,
                length=length,
                ok=ok,
                not_modified=not_modified,
            )
        )
        self._entries.move_to_end(uri)
        while len(self._entries) > self._targets:
            self._entries.popitem(last=False)

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate | None:
        """What answers a request, or None when the rules behind this one have to."""
        start_line = RequestStartLine(request.method or "", request.uri or "", request.version)
        hit = self._look(request.connection, start_line, request.headers)
        if hit is not None and request.host not in self._hosts and len(request.host) <= _MAX_HOST:
            if len(self._hosts) >= _HOSTS:
                self._hosts.clear()
            self._hosts.add(request.host)
        return hit

    def in_front_of(self, application: HTTPServerConnectionDelegate) -> HTTPServerConnectionDelegate:
        """An application for `HTTPServer` that looks here before Tornado makes a request object.

        This is the shorter way, by a quarter of the whole. It is for an application whose first rule is this
        router, for all hosts.
        """
        return Front(self.look, application)

    def look(
        self, connection: HTTPConnection, start_line: RequestStartLine, headers: HTTPHeaders
    ) -> HTTPMessageDelegate | None:
        """As `find_handler`, before there is a request; only for a Host that was found valid in one."""
        if start_line.path not in self._entries or headers.get("Host") not in self._hosts:
            return None
        return self._look(connection, start_line, headers)

    def _look(
        self,
        connection: HTTPConnection | None,
        start_line: RequestStartLine,
        headers: HTTPHeaders,
    ) -> _Hit | None:
        method, uri, version = start_line
        variants = self._entries.get(uri)
        if variants is None or not isinstance(connection, HTTP1Connection):
            return None
        entry = variants.of(headers)
        if entry is None:
            return None
        began = time.time()
        status = _status(method, version, headers, entry.entity_tag)
        if status is None:
            return None
        unchanged = self._unchanged(entry.sources)
        if unchanged is None:
            return None
        kept = self._cache.in_memory(entry.key) if unchanged else None
        # The same plan may have been run again meanwhile, and not every encoder gives the same bytes twice.
        if kept is None or kept.entity_tag != entry.entity_tag or len(kept.content) != entry.length:
            del variants.entries[entry.said]
            if not variants.entries:
                del self._entries[uri]
            return None
        self._entries.move_to_end(entry.uri)
        content = kept.content if status == 200 and method == "GET" else b""
        return _Hit(self, connection, method, entry, status, content, version, began)

    def _unchanged(self, sources: tuple[SourceFacts, ...]) -> bool | None:
        for facts in sources:
            if not (unchanged := self._sources.unchanged(facts)):
                return unchanged
        return True

    def date(self) -> bytes:
        """The value of the field Date; made once a second."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, format_date(now).encode())
        return self._date[1]


class _Hit(HTTPMessageDelegate):
    """One response."""

    __slots__ = ("_began", "_connection", "_content", "_entry", "_hot", "_method", "_status", "_version")

    def __init__(
        self,
        hot: Hot,
        connection: HTTP1Connection,
        method: str,
        entry: Entry,
        status: int,
        content: bytes,
        version: str,
        began: float,
    ) -> None:
        self._hot = hot
        self._connection = connection
        self._method = method
        self._entry = entry
        self._status = status
        self._content = content
        self._version = version
        self._began = began

    def finish(self) -> None:
        """The request has been read: send the response."""
        connection, entry = self._connection, self._entry
        stream = connection.stream
        if stream.closed():
            return
        seconds = time.time() - self._began
        written = stream.write(
            b"%bDate: %b\r\nServer-Timing: total;dur=%.1f\r\n%b\r\n%b"
            % (
                entry.ok if self._status == 200 else entry.not_modified,
                self._hot.date(),
                1000 * seconds,
                _connection_field(connection, self._version),
                self._content,
            )
        )
        if not written.done():
            # Done when the bytes before it are: this is the write of the connection that its `finish` awaits.
            connection.write(b"")
            timer = asyncio.get_running_loop().call_later(self._hot.write_timeout, stream.close)
            written.add_done_callback(lambda _: timer.cancel())
        connection.finish()
        context = cast(Any, connection.context)
        self._hot.log(context.remote_ip, self._method, self._status, entry.uri, seconds)


def _status(method: str, version: str, headers: HTTPHeaders, entity_tag: str) -> int | None:
    """200 or 304; None for everything that is more than asking for the whole, which the stations answer."""
    if method not in _METHODS or version not in _VERSIONS:
        return None
    # Iterating is cheap: the names are in their canonical form there, and are not looked up one by one.
    if _NOT_ONLY_A_QUESTION.isdisjoint(headers):
        return 200
    others = _NOT_ONLY_A_QUESTION.intersection(headers) - {"If-None-Match"}
    if not others and headers["If-None-Match"] in (entity_tag, f"W/{entity_tag}"):
        return 304
    return None


def _connection_field(connection: HTTP1Connection, version: str) -> bytes:
    """The field Connection as `HTTP1Connection.write_headers` writes it."""
    if connection._disconnect_on_finish:
        return b"Connection: close\r\n" if version == "HTTP/1.1" else b""
    return b"Connection: Keep-Alive\r\n" if version == "HTTP/1.0" else b""
