"""A job: work that runs, with its deadlines and its bound of output, for as long as somebody reads it.

The end is earned: `next` gives None only after every process has exited with 0. Everything else is an
error, whether one byte or a gigabyte has come before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tornado_media.errors import MediaError, ProgramFailed, ProgramTimedOut, Unavailable
from tornado_media.jobs.watchdog import Watchdog
from tornado_media.presets.plan import Limits, SourceFacts
from tornado_media.processes.running import Running
from tornado_media.store.blocks import Block


class Job:
    """Work that runs for one reader.

    Args:
        name: of the preset, for texts.
        running: the work; owned from now on.
        limits: deadlines in seconds and the bound of output in bytes.
        released: called once, when nothing of the work is left.
    """

    def __init__(self, name: str, running: Running, limits: Limits, released: Callable[[], None]) -> None:
        self._name = name
        self._running = running
        self._limits = limits
        self._released: Callable[[], None] | None = released
        self._output = 0
        self._failure: MediaError | None = None
        self._ended = False
        self._stopping: asyncio.Task[None] | None = None
        self._wait = Watchdog(limits.first_byte, self._wait_passed)
        loop = asyncio.get_running_loop()
        self._total = loop.call_later(limits.total, self._total_passed)

    async def next(self, limit: int) -> Block | None:
        """Wait for one block of output; None after the end, which has been earned then.

        Args:
            limit: bytes that are wanted at most.

        Raises:
            MediaError: the work failed, passed a deadline or its bound; its processes are gone.
        """
        if self._ended:
            return None
        try:
            block = await self._next(limit)
        except MediaError as error:
            raise await self._failed(error) from error
        self._ended = block is None
        return block

    def position(self, source: SourceFacts) -> int | None:
        """How far the work has read its source, in bytes; None where that cannot be seen."""
        return self._running.position(source)

    async def close(self) -> None:
        """The reader has left: stop what still runs and free all. Idempotent."""
        self._wait.close()
        self._total.cancel()
        try:
            await self._running.close()
        finally:
            if self._released is not None:
                released, self._released = self._released, None
                released()

    def stop(self) -> None:
        """End the work because the server stops; its reader is told so."""
        self._stop(Unavailable("The server is stopping.", retry_after=1))

    async def _next(self, limit: int) -> Block | None:
        self._wait.waiting()
        try:
            block = await self._running.next(limit)
            if block is None and self._failure is None:
                await self._running.end()
        finally:
            self._wait.resting()
        if self._failure is not None:
            raise self._failure
        if block is None:
            if self._output == 0:
                raise ProgramFailed("The program that makes this ended without any output.")
            return None
        self._output += block.length
        self._wait.limit = self._limits.idle
        if self._output > self._limits.output:
            raise ProgramFailed(
                "The result is larger than this preset allows.", private=f"over {self._limits.output} bytes"
            )
        return block

    async def _failed(self, error: MediaError) -> MediaError:
        """Stop all, then tell the failure with the last messages, which are complete only then."""
        # A deadline ends the processes, and how they end is not the cause.
        error = self._failure or error
        await self.close()
        told = [f"preset {self._name}", error.private, self._running.messages]
        error.private = "; ".join(part for part in told if part)
        return error

    def _wait_passed(self) -> None:
        if self._output:
            self._too_slow("stopped giving output", f"no output for {self._limits.idle} s")
        else:
            self._too_slow("gave no output in time", f"no first byte in {self._limits.first_byte} s")

    def _total_passed(self) -> None:
        self._too_slow("ran too long", f"not done in {self._limits.total} s")

    def _too_slow(self, public: str, private: str) -> None:
        self._stop(ProgramTimedOut(f"The program that makes this {public}.", private=private))

    def _stop(self, failure: MediaError) -> None:
        # Closing the work ends the read that waits for it; the read then finds the failure.
        if self._failure is None:
            self._failure = failure
            self._stopping = asyncio.ensure_future(self._running.close())
