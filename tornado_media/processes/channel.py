"""Our end of the socket to a worker: lines and bytes come in, without a system call more than they need.

A line and a short result come with one read. The loop watches the socket all the time and not anew for each
read; only when bytes come that nobody waits for does it stop, until somebody does.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

_BUFFER = 64 * 1024


class Channel:
    """One end of a stream socket.

    Args:
        end: the socket; owned from now on.
    """

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._socket = end
        self._loop = asyncio.get_running_loop()
        self._watched = False
        self._waiting: asyncio.Future[int] | None = None
        self._room = memoryview(b"")
        self._bytes = bytearray(_BUFFER)
        self._buffer = memoryview(self._bytes)
        self._start = self._end = 0
        self.closed = False
        self._watch()

    def send(self, line: bytes, descriptors: Sequence[int]) -> None:
        """Send a line and descriptors beside it, at once: the other end must have taken all before it.

        Raises:
            OSError: the other end has gone.
        """
        if self.closed:
            raise BrokenPipeError
        socket.send_fds(self._socket, [line], descriptors)

    async def line(self) -> bytes:
        """The next line, without its end.

        Raises:
            EOFError: the other end has gone; also after `close`.
            ValueError: it is longer than any that is meant.
        """
        while (end := self._bytes.find(b"\n", self._start, self._end)) < 0:
            rest = bytes(self._buffer[self._start : self._end])
            self._buffer[: len(rest)] = rest
            self._start, self._end = 0, len(rest)
            if len(rest) == _BUFFER:
                raise ValueError("a line without an end")
            self._end += await self._receive(self._buffer[self._end :])
        line = bytes(self._buffer[self._start : end])
        self._start = end + 1
        return line

    async def next(self, room: memoryview) -> int:
        """Bytes that follow, put into `room`; how many, at least one.

        Raises:
            EOFError: the other end has gone; also after `close`.
        """
        if size := min(len(room), self._end - self._start):
            room[:size] = self._buffer[self._start : self._start + size]
            self._start += size
            return size
        return await self._receive(room)

    def close(self) -> None:
        """Close the socket, and end a read that waits. Idempotent."""
        if self.closed:
            return
        self.closed = True
        if self._watched:
            self._loop.remove_reader(self._socket)
        self._socket.close()
        self._wake(0)

    async def _receive(self, room: memoryview) -> int:
        if self.closed:
            raise EOFError
        self._room = room
        self._waiting = self._loop.create_future()
        if not self._watched:
            self._watch()
        try:
            size = await self._waiting
        finally:
            self._waiting = None
        if not size:
            raise EOFError
        return size

    def _watch(self) -> None:
        self._watched = True
        self._loop.add_reader(self._socket, self._readable)

    def _readable(self) -> None:
        if self._waiting is None or self._waiting.done():
            self._watched = False
            self._loop.remove_reader(self._socket)
            return
        try:
            size = self._socket.recv_into(self._room)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        self._wake(size)

    def _wake(self, size: int) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(size)
