"""One HTTP exchange: headers out, blocks out with back-pressure, then a true end or an abort.

Here is what we know of Tornado that its documentation does not say:

- `finish` and `send_error` write the last chunk whatever has happened, so a broken body looks complete. Once
  the headers are out, a failure is an `abort` here, never an exception that reaches Tornado.
- An HTTP/1.0 client sees the end of the connection as the end of the content. Its abort is a reset (RST).
- There is no write timeout. Here a client that takes nothing for a while is aborted.
- A write that the socket takes at once does not yield to the loop. Here the loop gets its turn.

How the blocks get to the socket is in `web/wire.py`.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from tornado.http1connection import HTTP1Connection
from tornado.iostream import IOStream, StreamClosedError
from tornado.web import RequestHandler

from tornado_media.http.account import Account
from tornado_media.jobs.watchdog import Watchdog
from tornado_media.store.blocks import Reader
from tornado_media.store.representation import Representation
from tornado_media.web.wire import ClientGone as ClientGone
from tornado_media.web.wire import Wire

WRITE_TIMEOUT = 300.0
"""Seconds that a client may take nothing. A paused player does so too; ours starts again after it."""

JOINED = 64 * 1024
"""Bytes of a content in memory that goes out in one write with the header section. Alone the header section
is a packet of its own, for which the client is woken; a copy of so much costs less."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def connection_of(handler: RequestHandler) -> HTTP1Connection:
    """The connection of a request, which is HTTP/1: Tornado has no other."""
    return cast(HTTP1Connection, handler.request.connection)


class Exchange:
    """Sends one response, through the handler for the headers and past it for the content.

    Args:
        handler: of the request; nothing has been sent by it.
        write_timeout: seconds that the client may take nothing.

    Attributes:
        before_end: awaited when all of the content has been sent, before its end is told; None for nothing.
    """

    def __init__(self, handler: RequestHandler, write_timeout: float = WRITE_TIMEOUT) -> None:
        connection = connection_of(handler)
        self._handler = handler
        now = asyncio.get_running_loop().time()
        self.account = Account(began=now - handler.request.request_time())
        self._stream = connection.stream
        self._stalled = Watchdog(write_timeout, self.abort)
        self._wire = Wire(connection, self._stalled)
        self._chunked = False
        self.before_end: Callable[[], Awaitable[None]] | None = None

    @property
    def headers_sent(self) -> bool:
        """From now on a failure can only be an abort."""
        return self._handler._headers_written

    async def send_headers(
        self, status: int, fields: Mapping[str, str | None], content: bytes | memoryview = b""
    ) -> None:
        """Send the header section.

        Args:
            status: the status code.
            fields: header fields; None removes one that the handler had set.
            content: what goes out with it, unless the request is a HEAD: few bytes, and their Content-Length
                is among the fields.

        Raises:
            ClientGone: there is nobody to send to.
        """
        handler = self._handler
        handler.set_status(status)
        account = self.account.fields(asyncio.get_running_loop().time())
        for name, value in {**account, **fields}.items():
            if value is None:
                handler.clear_header(name)
            else:
                handler.set_header(name, value)
        # An output transform (compress_response of the application) would see the headers but not the
        # content, which goes past it. Media is never compressed again.
        handler._transforms = []
        version, length = handler.request.version, fields.get("Content-Length")
        has_content = handler.request.method != "HEAD" and status not in (204, 304)
        self._chunked = has_content and length is None and version == "HTTP/1.1"
        if length is None and version == "HTTP/1.0":
            # Tornado would answer a keep-alive although only the end of the connection ends the content.
            handler.request.headers.pop("Connection", None)
        # Not by `write`, which an application's handler may have made its own.
        handler._write_buffer = [bytes(content)]
        handler.flush()
        await self._wire.drained()

    async def send_content(self, reader: Reader, length: int | None) -> None:
        """Send what a reader gives, up to its end or `length` bytes, one block after the other.

        Raises:
            ClientGone: there is nobody to send to.
            Exception: what the reader raises; the caller then has to `abort`.
        """
        remaining, limit = length, self._wire.limit(self._chunked)
        while remaining is None or remaining > 0:
            block = await reader.next(limit if remaining is None else min(limit, remaining))
            if block is None:
                break
            if remaining is not None:
                remaining -= block.length
            await self._wire.send(block, self._chunked)
        await self._wire.end_content()

    async def send_from(self, representation: Representation, first_pos: int, length: int | None) -> None:
        """Send a part of a representation, from an offset on; as `send_content`."""
        reader = representation.open(first_pos)
        try:
            await self.send_content(reader, length)
        finally:
            await reader.close()

    async def send_bytes(self, content: bytes) -> None:
        """Send a few bytes of a content with a length.

        Raises:
            ClientGone: there is nobody to send to.
        """
        await self._wire.send_bytes(content)

    async def send_whole(self, status: int, fields: Mapping[str, str | None], content: bytes) -> None:
        """Send a whole response of a few bytes; a HEAD gets its header section.

        Raises:
            ClientGone: there is nobody to send to.
        """
        await self.send_headers(status, {**fields, "Content-Length": str(len(content))}, content)
        await self.finish()

    async def send_part(
        self,
        status: int,
        fields: Mapping[str, str | None],
        representation: Representation,
        first_pos: int,
        length: int | None,
    ) -> None:
        """Send a whole response: part of a representation, or all of it; a HEAD gets its header section.

        Args:
            status: the status code.
            fields: header fields, without the Content-Length.
            representation: stays the caller's.
            first_pos: offset of the first byte.
            length: bytes; None for all there will be, of which the length is not known.

        Raises:
            ClientGone: there is nobody to send to.
            Exception: what the reader raises; the caller then has to `abort`.
        """
        if length is not None:
            fields = {**fields, "Content-Length": str(length)}
        content = representation.content
        if content is not None and length is not None and length <= JOINED:
            await self.send_headers(status, fields, content[first_pos : first_pos + length])
        else:
            await self.send_headers(status, fields)
            if self._handler.request.method != "HEAD":
                await self.send_from(representation, first_pos, length)
        await self.finish()

    async def finish(self) -> None:
        """The content is complete: say so.

        Raises:
            ClientGone: there is nobody to send to.
        """
        if self.before_end is not None:
            await self.before_end()
        self.close()
        if self._stream.closed():
            raise ClientGone
        self._handler.finish()
        if self._handler.request.version == "HTTP/1.0" and "Content-Length" not in self._handler._headers:
            # The end of the connection is the end of the content: only after the last byte has gone.
            try:
                await asyncio.shield(self._stream.write(b""))
            except StreamClosedError:
                raise ClientGone from None
            self._stream.close()

    def close(self) -> None:
        """Stop watching the client. Idempotent."""
        self._stalled.close()
        self._wire.close()

    def abort(self) -> None:
        """End the connection so that nobody can take what was sent for the whole. Idempotent."""
        if not self._stream.closed():
            if self._handler.request.version == "HTTP/1.0" and isinstance(self._stream, IOStream):
                self._stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._stream.close()
        self._wire.close()
