"""The way of a content's bytes to the client: blocks, past Tornado's buffers, to the socket of a connection.

Whoever sends is cancelled when its client leaves, and calls `close` at the end (`web/edge.py` does both).
On a plain connection under Linux the kernel moves them: a file by sendfile(2), a pipe by splice(2), memory by
sendmsg(2). Over TLS and elsewhere they are copied through a buffer into Tornado's stream. Either way a block
has gone to the kernel when `send` returns, the client's pace holds back whoever sends, and the loop gets its
turn. All that touches private parts of Tornado's stream and connection is in this module, written for
Tornado 6.6:

- `HTTP1Connection._expected_content_remaining` counts a Content-Length down; what goes past the connection
  is counted here, or `finish` takes the response for cut.
- Bytes of ours may go to the socket only while the stream's own buffer is empty. The stream does not tell
  when its socket can be written to while that is so: `web/writable.py` does.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress

from tornado.http1connection import HTTP1Connection
from tornado.iostream import IOStream, SSLIOStream, StreamClosedError

from tornado_media.jobs.watchdog import Watchdog
from tornado_media.store.blocks import Block, InFile, InMemory, InPipe, SourceChanged, is_cached, read_block
from tornado_media.store.threads import in_thread
from tornado_media.web.writable import Writable

BLOCK = 256 * 1024
"""Bytes of one block at most; after so many the loop gets its turn, or earlier when the socket is full.
Longer turns gave nothing that could be measured (benchmarks/piping.py)."""

FILE_BLOCK = 1024 * 1024
"""Bytes of one block of a file that goes by sendfile(2) with a Content-Length, and of a turn then: 0.2 ms.
A chunk is never so large: it must not promise what the file may lose meanwhile."""

DIRECT = hasattr(os, "splice") and hasattr(os, "sendfile")
"""Whether the kernel moves bytes between descriptors here. Our processor seconds for each gigabyte, medians
of 7 rounds on a machine that was busy with other things (Linux 6.18, two cores):

- a pipe in chunks: splice 0.41, readv and a buffer 0.48, PipeIOStream.read_into 0.47; a plain handler 0.76,
  a blocking splice loop, which is the limit, 0.30 (benchmarks/piping.py);
- a file: sendfile 0.19, a read and a write 0.28; nginx with sendfile 0.20, StaticFileHandler 0.44
  (benchmarks/files.py).
"""

# "fffff\r\n": room before a block for the size line of its chunk, so that a frame is one piece of memory.
_SIZE_LINE = 7
_LOST_NAMES = "EPIPE ECONNRESET ECONNABORTED ESHUTDOWN ENOTCONN ETIMEDOUT EHOSTUNREACH ENETUNREACH ENETDOWN"
_LOST = frozenset(getattr(errno, name) for name in _LOST_NAMES.split())


class ClientGone(Exception):
    """The client has left or takes nothing; there is nobody to send to any more."""


class Wire:
    """Sends blocks over one connection whose header section is out.

    Args:
        connection: of the request.
        stalled: watches how long the client takes nothing.
    """

    def __init__(self, connection: HTTP1Connection, stalled: Watchdog) -> None:
        self._connection = connection
        self._stream = connection.stream
        self._stalled = stalled
        self._direct = DIRECT and _is_plain(self._stream)
        self._since_turn = 0
        self._tail = b""
        self._tail_timer: asyncio.Handle | None = None
        self._writable: Writable | None = None
        self._frame = memoryview(b"")

    def limit(self, chunked: bool) -> int:
        """Bytes of the largest block that `send` takes."""
        return FILE_BLOCK if self._direct and not chunked else BLOCK

    async def send(self, block: Block, chunked: bool) -> None:
        """Send one block of at most `limit` bytes; it is the kernel's when this returns.

        Args:
            block: what to send; an InPipe is taken out of its pipe.
            chunked: put it into a chunk of its own (RFC 9112 section 7.1).

        Raises:
            ClientGone: there is nobody to send to.
            SourceChanged: the file has become shorter; the caller has to abort.
        """
        if not chunked:
            self._count(block.length)
        self._keep_tail()
        if self._since_turn >= BLOCK:
            self._since_turn = 0
            await asyncio.sleep(0)
        self._since_turn += block.length
        if self._direct:
            if self._stream.writing():
                await self.drained()
            await self._send_direct(block, chunked)
        else:
            await self._send_copy(block, chunked)

    async def end_content(self) -> None:
        """All blocks have been sent: end the last chunk.

        Raises:
            ClientGone: there is nobody to send to.
        """
        self._keep_tail()
        if self._tail:
            tail, self._tail = self._tail, b""
            await self._write(tail)

    async def send_bytes(self, content: bytes) -> None:
        """Send a few bytes of a content with a length.

        Raises:
            ClientGone: there is nobody to send to.
        """
        self._count(len(content))
        await self._write(content)

    def close(self) -> None:
        """Nothing more will be sent; ends a `send` that waits once the stream is closed. Idempotent."""
        self._keep_tail()
        if self._writable is not None:
            self._writable.close()
            self._writable = None

    def _count(self, length: int) -> None:
        remaining = self._connection._expected_content_remaining
        if remaining is None:
            return
        if length > remaining:
            raise ValueError(f"{length} bytes to send, Content-Length has room for {remaining}")
        self._connection._expected_content_remaining = remaining - length

    # -- the kernel moves the bytes ---------------------------------------------------------------------

    async def _send_direct(self, block: Block, chunked: bool) -> None:
        head = b"%s%x\r\n" % (self._tail, block.length) if chunked else b""
        self._tail = b""
        if isinstance(block, InMemory):
            parts = [memoryview(head), block.view] if chunked else [block.view]
            send, length = self._send_parts(parts, 0), len(head) + block.length
        else:
            if chunked:
                send = self._send_parts([memoryview(head)], socket.MSG_MORE)
                if (done := self._attempt(send, 0)) < len(head):
                    await self._go_on(send, done, len(head))
            if isinstance(block, InFile):
                await _warm(block)
            send = self._send_file(block) if isinstance(block, InFile) else self._send_pipe(block)
            length = block.length
        if (done := self._attempt(send, 0)) < length:
            await self._go_on(send, done, length)
        if chunked:
            # The end of a chunk goes out with the size line of the next one; when that is not here in this
            # turn of the loop, alone: a client may wait for it.
            self._tail = b"\r\n"
            self._tail_timer = asyncio.get_running_loop().call_soon(self._send_tail)

    def _keep_tail(self) -> None:
        if self._tail_timer is not None:
            self._tail_timer.cancel()
            self._tail_timer = None

    def _send_tail(self) -> None:
        self._tail_timer = None
        if not self._stream.closed():
            # A full or dead socket is found by the next block.
            with suppress(OSError):
                self._tail = self._tail[self._stream.socket.send(self._tail) :]

    def _attempt(self, send: Callable[[int], int], done: int) -> int:
        """Call `send` with the number of bytes that have gone; how many have gone then."""
        # Enough for most blocks, and cheaper than a coroutine.
        if self._stream.closed():
            raise ClientGone
        try:
            return done + send(done)
        except BlockingIOError:
            return done
        except OSError as error:
            if error.errno in _LOST:
                raise ClientGone from None
            raise

    async def _go_on(self, send: Callable[[int], int], done: int, length: int) -> None:
        """Not all has gone, so the socket is full: wait for room, and attempt it again until all has."""
        while done < length:
            if self._writable is None:
                self._writable = Writable(self._stream.socket)
            await self._wait_for(self._writable.wait())
            done = self._attempt(send, done)

    def _send_parts(self, parts: Sequence[memoryview], flags: int) -> Callable[[int], int]:
        def send(done: int) -> int:
            rest = list(_after(parts, done)) if done else parts
            return self._stream.socket.sendmsg(rest, (), flags)

        return send

    def _send_file(self, block: InFile) -> Callable[[int], int]:
        def send(done: int) -> int:
            offset, length = block.offset + done, block.length - done
            size = os.sendfile(self._stream.socket.fileno(), block.file, offset, length)
            if size == 0:
                raise SourceChanged(f"the file ends at {offset}, {length} more bytes were promised")
            return size

        return send

    def _send_pipe(self, block: InPipe) -> Callable[[int], int]:
        def send(done: int) -> int:
            size = os.splice(block.pipe, self._stream.socket.fileno(), block.length - done)
            if size == 0:
                raise ValueError(f"{block.length} bytes were to lie in the pipe, there were {done}")
            return size

        return send

    # -- the bytes are copied through this process ------------------------------------------------------

    async def _send_copy(self, block: Block, chunked: bool) -> None:
        if isinstance(block, InMemory) and not chunked:
            await self._write(block.view)
            return
        if len(self._frame) < _SIZE_LINE + block.length + 2:
            self._frame = memoryview(bytearray(_SIZE_LINE + max(block.length, BLOCK) + 2))
        begin, end = _SIZE_LINE, _SIZE_LINE + block.length
        await read_block(block, self._frame[begin:end])
        if chunked:
            # Our own chunk around the block where it lies; Tornado would copy all of it.
            line = b"%x\r\n" % block.length
            begin -= len(line)
            self._frame[begin:_SIZE_LINE] = line
            self._frame[end : end + 2] = b"\r\n"
            end += 2
        await self._write(self._frame[begin:end])

    async def _write(self, content: bytes | memoryview) -> None:
        """Write, and return when the kernel has taken all: then the buffer may be used again."""
        if self._stream.closed():
            raise ClientGone
        self._stream.write(content)
        await self.drained()

    async def drained(self) -> None:
        """Return when the kernel has taken what Tornado's stream was given.

        Raises:
            ClientGone: there is nobody to send to.
        """
        if self._stream.closed():
            raise ClientGone
        if self._stream.writing():
            # Not the future of `write`: that of the connection never resolves when the stream closes.
            # Shielded: Tornado logs an error when a future of its streams is cancelled.
            await self._wait_for(asyncio.shield(self._stream.write(b"")))

    async def _wait_for(self, room: Awaitable[None]) -> None:
        self._since_turn = 0
        self._stalled.waiting()
        try:
            await room
        except StreamClosedError:
            raise ClientGone from None
        finally:
            self._stalled.resting()


def _is_plain(stream: object) -> bool:
    return isinstance(stream, IOStream) and not isinstance(stream, SSLIOStream)


async def _warm(block: InFile) -> None:
    """Bring bytes of a file into the page cache, in a thread, unless they are there: sendfile(2) waits."""
    if not is_cached(block):
        await in_thread(os.pread, block.file, block.length, block.offset)


def _after(parts: Sequence[memoryview], done: int) -> Iterator[memoryview]:
    """What is left of the parts after their first bytes."""
    for part in parts:
        if done < len(part):
            yield part[done:]
        done = max(0, done - len(part))
