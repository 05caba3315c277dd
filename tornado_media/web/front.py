"""In front of an application: a look at a header section before Tornado makes a request object of it.

Beside the stations, for `web/hot.py`. An application parses the query, checks the host and walks through its
rules before anything of ours is asked; for a small kept result that is a quarter of the whole work. This
module must not know what is looked for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)

Look = Callable[[HTTPConnection, RequestStartLine, HTTPHeaders], HTTPMessageDelegate | None]
"""What answers a request, or None when the application has to."""


class Front(HTTPServerConnectionDelegate):
    """An application behind a look.

    Args:
        look: is asked first.
        application: gets what it does not answer.
    """

    def __init__(self, look: Look, application: HTTPServerConnectionDelegate) -> None:
        self.look = look
        self.application = application

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """One request of a connection begins."""
        return _FirstLook(self, server_conn, request_conn)

    def on_close(self, server_conn: object) -> None:
        """A connection has ended."""
        self.application.on_close(server_conn)


class _FirstLook(HTTPMessageDelegate):
    """One request: passed on to whoever answers it."""

    __slots__ = ("_connection", "_delegate", "_front", "_server")

    def __init__(self, front: Front, server: object, connection: HTTPConnection) -> None:
        self._front = front
        self._server = server
        self._connection = connection
        self._delegate: HTTPMessageDelegate | None = None

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        front, connection = self._front, self._connection
        self._delegate = front.look(connection, cast(RequestStartLine, start_line), headers)
        if self._delegate is None:
            self._delegate = front.application.start_request(self._server, connection)
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._delegate.data_received(chunk) if self._delegate else None

    def finish(self) -> None:
        if self._delegate:
            self._delegate.finish()

    def on_connection_close(self) -> None:
        if self._delegate:
            self._delegate.on_connection_close()
