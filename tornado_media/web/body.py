"""The body of a request on its way from Tornado to whoever reads it, one block at a time.

Tornado reads the next block from the connection only when the one before has been taken, so that the reader's
pace is the client's: there is one block here, one at the reader, and what Tornado and the kernel hold. Bounds
are kept here: of bytes, and of the time that the client lets us wait. What nobody reads any more is thrown
away, so that the client comes to read its response. This module must not know what the bytes are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tornado_media.errors import ContentTooLarge, RequestTimedOut
from tornado_media.jobs.watchdog import Watchdog
from tornado_media.web.exchange import ClientGone


class Body:
    """A body that comes.

    Args:
        limit: bytes that it may have.
        idle: seconds that a reader waits for the next of them.
        length: bytes that the client has announced; None where it has not.

    Attributes:
        size: bytes that have come.
        ended: all of them have come.
        length: as announced.
    """

    def __init__(self, limit: int, idle: float, length: int | None = None) -> None:
        self.limit = limit
        self.length = length
        self.size = 0
        self.ended = False
        self._head = b""
        self._block: bytes | None = None
        self._unwanted = False
        self._failure: Exception | None = None
        self._change: asyncio.Future[None] | None = None
        self._taken: asyncio.Future[None] | None = None
        self._idle = Watchdog(idle, self._too_slow)

    async def give(self, block: bytes) -> None:
        """Take a block that has come; returns when the next may come."""
        self.size += len(block)
        if self.size > self.limit:
            self.fail(too_large(self.limit))
        if self._unwanted or self._failure is not None:
            _wake(self._change)
            return
        self._block = block
        self._taken = asyncio.get_running_loop().create_future()
        _wake(self._change)
        await self._taken

    def end(self) -> None:
        """All has come."""
        self.ended = True
        _wake(self._change)

    def leave(self) -> None:
        """The connection has ended before the body has."""
        self.fail(ClientGone())

    def fail(self, failure: Exception) -> None:
        """The rest is not to be had: whoever reads is told. The first failure counts."""
        if not self.ended and self._failure is None:
            self._failure = failure
            self._drop()
            _wake(self._change)

    async def look(self, size: int) -> bytes:
        """The first `size` bytes, or all there are; they are still to be read then.

        Raises:
            Exception: as `read`.
        """
        head = bytearray(self._head)
        while len(head) < size and (block := await self._next()) is not None:
            head += block
        self._head = bytes(head)
        return self._head[:size]

    async def read(self) -> bytes | None:
        """Wait for the next block; None at the end.

        Raises:
            ContentTooLarge: there are more bytes than the limit.
            RequestTimedOut: the client does not send.
            ClientGone: it has left.
        """
        head, self._head = self._head, b""
        return head or await self._next()

    async def drain(self, room: int, seconds: float) -> None:
        """Throw away what still comes, until its end, until `room` more bytes have come, or the time is over.

        A connection that is closed while bytes of the client are on their way is reset by the kernel, and the
        client may never see the response that it was sent (RFC 9112 section 9.6).
        """
        self.discard()
        most = self.size + room
        try:
            async with asyncio.timeout(seconds):
                while not self.ended and self.size < most:
                    await self._wait()
        except TimeoutError:
            return

    def discard(self) -> None:
        """Nobody reads any more. Idempotent."""
        self._unwanted, self._head = True, b""
        self._idle.close()
        self._drop()

    async def _next(self) -> bytes | None:
        while self._block is None or self._failure is not None:
            if self._failure is not None:
                raise self._failure
            if self.ended:
                return None
            self._idle.waiting()
            try:
                await self._wait()
            finally:
                self._idle.resting()
        block = self._block
        self._drop()
        return block

    async def _wait(self) -> None:
        self._change = asyncio.get_running_loop().create_future()
        try:
            await self._change
        finally:
            self._change = None

    def _drop(self) -> None:
        self._block = None
        _wake(self._taken)

    def _too_slow(self) -> None:
        private = f"nothing for {self._idle.limit} s, after {self.size} bytes"
        self.fail(RequestTimedOut("The body of the request did not come in time.", private=private))


@asynccontextmanager
async def in_time(seconds: float) -> AsyncIterator[None]:
    """Bound what waits for a body.

    Raises:
        RequestTimedOut: it took longer.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        private = f"not all in {seconds} s"
        raise RequestTimedOut("The body of the request took too long.", private=private) from None


def too_large(limit: int) -> ContentTooLarge:
    """The failure of a body that has more bytes than that."""
    return ContentTooLarge(f"The body has more than the {limit} bytes that this preset takes.")


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
