"""The stdin of a program that reads what comes from elsewhere: the write end of a pipe, and waiting for room.

What the pipe has no room for stays with whoever writes, so that a program that does not read holds back its
source. This module must not know where the bytes come from.
"""

from __future__ import annotations

import asyncio
import os


class Input:
    """The write end of a pipe.

    Args:
        pipe: its descriptor; owned from now on. Only this end becomes non-blocking.
    """

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._writable: asyncio.Future[None] | None = None
        os.set_blocking(pipe, False)

    async def write(self, content: bytes) -> bool:
        """Write all of it, waiting for room.

        Returns:
            Whether it has gone; False when nobody reads any more, and after `close`. A program may end, or
            close its stdin, before it has read everything: that is no failure (`head -c 100`).
        """
        rest = memoryview(content)
        while rest and self._pipe >= 0:
            try:
                rest = rest[os.write(self._pipe, rest) :]
            except BlockingIOError:
                await self._wait()
            except BrokenPipeError:
                self.close()
        return not rest

    def close(self) -> None:
        """Give the descriptor back: the program reads the end. Ends a `write` that waits. Idempotent."""
        pipe, self._pipe = self._pipe, -1
        if pipe < 0:
            return
        if self._writable is not None:
            # The descriptor has to leave the loop before its number can be somebody else's.
            self._writable.get_loop().remove_writer(pipe)
            _wake(self._writable)
        os.close(pipe)

    async def _wait(self) -> None:
        loop, pipe = asyncio.get_running_loop(), self._pipe
        self._writable = loop.create_future()
        # A reader that goes is an event, too: the next write tells.
        loop.add_writer(pipe, _wake, self._writable)
        try:
            await self._writable
        finally:
            self._writable = None
            if self._pipe >= 0:
                loop.remove_writer(pipe)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
