"""The output of a pipeline: the read end of a pipe, and where its next bytes lie.

On Linux they stay in the pipe until the one who sends them moves them on (splice(2)); elsewhere they are
read into memory here. Either way nothing is read ahead, so a client that does not read blocks the program.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
import termios
from typing import Protocol, cast

from tornado.iostream import PipeIOStream, StreamClosedError

from tornado_media.store.blocks import Block, InMemory, InPipe, PipeEnd

_BUFFER = 256 * 1024
_SMALL = 4096


class Output(Protocol):
    """The read end of a pipe, owned."""

    async def next(self, limit: int) -> Block | None:
        """Wait for bytes and say where they lie; None at the end of the output and after `close`.

        Args:
            limit: bytes that are wanted at most; 1 or more.
        """

    def fileno(self) -> int:
        """The descriptor."""

    @property
    def closed(self) -> bool:
        """Whether it was closed."""

    def close(self) -> None:
        """Give the descriptor back, and end a `next` that waits. Idempotent."""


def open_output(pipe: int) -> Output:
    """The output that lies behind the read end of a pipe, which belongs to it from now on."""
    return PipeOutput(pipe) if hasattr(os, "splice") else BufferedOutput(pipe)


class PipeOutput:
    """Says what lies in the pipe and leaves it there.

    Args:
        pipe: the read end; owned from now on.
    """

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._end: PipeEnd | None = PipeEnd(pipe)
        self._readable: asyncio.Future[None] | None = None
        os.set_blocking(pipe, False)

    async def next(self, limit: int) -> Block | None:
        """Wait for bytes and say how many lie in the pipe."""
        while self._pipe >= 0:
            if size := _waiting_in(self._pipe):
                return InPipe(self._pipe, min(size, limit), self._end)
            try:
                # Nothing has come, or the writers have gone: only a read tells which. What comes at this
                # very moment is taken along.
                content = os.read(self._pipe, min(limit, _SMALL))
            except BlockingIOError:
                await self._wait()
            else:
                return InMemory(memoryview(content)) if content else None
        return None

    def fileno(self) -> int:
        """The descriptor; -1 once closed."""
        return self._pipe

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._pipe < 0

    def close(self) -> None:
        """Give the descriptor back, and end a `next` that waits. Idempotent.

        It is closed when the last block of it has been taken, too.
        """
        pipe, self._pipe = self._pipe, -1
        if pipe < 0:
            return
        if self._readable is not None:
            # The descriptor has to leave the loop before its number can be somebody else's.
            self._readable.get_loop().remove_reader(pipe)
            _wake(self._readable)
        self._end = None

    async def _wait(self) -> None:
        loop, pipe = asyncio.get_running_loop(), self._pipe
        self._readable = loop.create_future()
        loop.add_reader(pipe, _wake, self._readable)
        try:
            await self._readable
        finally:
            self._readable = None
            if self._pipe >= 0:
                loop.remove_reader(pipe)


def _waiting_in(pipe: int) -> int:
    # FIONREAD gives an int (pipe(7)).
    answer = fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0")
    return int.from_bytes(answer, sys.byteorder)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


class BufferedOutput:
    """Reads the pipe into a buffer of its own: for systems without splice(2).

    Args:
        pipe: the read end; owned from now on.
    """

    def __init__(self, pipe: int) -> None:
        self._stream = PipeIOStream(pipe)
        self._buffer = memoryview(bytearray(_BUFFER))

    async def next(self, limit: int) -> Block | None:
        """Wait for bytes and read them."""
        room = self._buffer[:limit]
        try:
            # Tornado's annotation says bytearray; its code takes any writable buffer.
            size = await self._stream.read_into(cast(bytearray, room), partial=True)
        except StreamClosedError:
            return None
        return InMemory(room[:size])

    def fileno(self) -> int:
        """The descriptor; not to be asked for once closed."""
        return self._stream.fileno()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._stream.closed()

    def close(self) -> None:
        """Give the descriptor back, and end a `next` that waits. Idempotent."""
        self._stream.close()
