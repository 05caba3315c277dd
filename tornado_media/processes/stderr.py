"""The messages of a job's programs: always drained, the last 64 KiB kept, never shown to a client."""

from __future__ import annotations

import asyncio
import os

TAIL = 64 * 1024
"""Bytes kept. A program that floods stderr must neither block nor fill our memory."""

_READS = 4
_BLOCK = 64 * 1024


class StderrTail:
    """Drains a pipe on the loop and keeps its end.

    The write end is `write_end`: hand it to children, then call `start`, which closes our copy of it.
    """

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        # Only our end: a program does not expect a message to fail with EAGAIN.
        os.set_blocking(self._read_end, False)
        self._tail = bytearray()
        self._open = True

    def start(self) -> None:
        """Close our write end and drain from now on."""
        os.close(self.write_end)
        self.write_end = -1
        asyncio.get_running_loop().add_reader(self._read_end, self._drain)

    def close(self) -> None:
        """Take what is left, then close. Idempotent."""
        if not self._open:
            return
        if self.write_end == -1:
            self._drain()
        if self._open:
            self._shut()

    @property
    def text(self) -> str:
        """The last messages."""
        return self._tail.decode("utf-8", "replace").strip()

    def _drain(self) -> None:
        # A few reads a turn, so that one flood does not hold the loop.
        for _ in range(_READS):
            try:
                block = os.read(self._read_end, _BLOCK)
            except BlockingIOError:
                return
            if not block:
                self._shut()
                return
            self._tail += block
            if len(self._tail) > TAIL:
                del self._tail[:-TAIL]

    def _shut(self) -> None:
        self._open = False
        if self.write_end == -1:
            asyncio.get_running_loop().remove_reader(self._read_end)
        else:
            os.close(self.write_end)
        os.close(self._read_end)
