"""A pipeline whose source comes while it runs: the body of a request, block by block, to its stdin.

The program's deadlines are its own here: while it has read all that has come, the client is who keeps it
waiting, and that time does not count. A source that breaks off is a failure: the programs are ended before
their stdin is, so that none of them takes a part for the whole.
"""

from __future__ import annotations

import asyncio
import os
from typing import Protocol

from tornado_media.errors import ProgramTimedOut, Unavailable
from tornado_media.jobs.watchdog import Watchdog
from tornado_media.presets.plan import Limits, Pipeline, SourceFacts
from tornado_media.processes.guard import Guard
from tornado_media.processes.input import Input
from tornado_media.processes.pipeline import RunningPipeline
from tornado_media.store.blocks import Block


class Feed(Protocol):
    """Bytes that come from elsewhere, in order."""

    async def read(self) -> bytes | None:
        """Wait for the next of them; None at the end.

        Raises:
            Exception: the rest will not come.
        """


class FedPipeline:
    """A pipeline that runs, and what feeds it.

    Args:
        work: the commands; the first reads stdin.
        feed: the source. It is read as fast as the program reads, and to its end also when the program has
            closed its stdin.
        limits: of the job; `first_byte` and `idle` are watched here: silence counts from the last block that
            the program got.
        guard: ends the programs when the server is gone.

    Raises:
        MediaError: a program could not be started; nothing is left running.
    """

    def __init__(self, work: Pipeline, feed: Feed, limits: Limits, guard: Guard | None = None) -> None:
        try:
            read_end, write_end = os.pipe()
        except OSError as error:
            raise Unavailable(
                "There is no room to start a program now.", retry_after=1, private=str(error)
            ) from error
        try:
            self._pipeline = RunningPipeline(work, read_end, limits, guard=guard)
        except BaseException:
            os.close(write_end)
            raise
        finally:
            os.close(read_end)
        self._feed = feed
        self._input = Input(write_end)
        self._limits = limits
        self._failure: BaseException | None = None
        self._starved = True
        self._waits = False
        self._silence = Watchdog(limits.first_byte, self._too_slow)
        self._stopping: asyncio.Task[None] | None = None
        self._pump = asyncio.ensure_future(self._feed_all())
        self._pump.add_done_callback(self._fed_all)

    @property
    def messages(self) -> str:
        """The end of what the programs wrote to stderr."""
        return self._pipeline.messages

    def position(self, source: SourceFacts) -> int | None:
        """Nobody asks: such a job has one reader, and ends with it."""
        return None

    async def next(self, limit: int) -> Block | None:
        """Wait for output and say where the next of it lies; None at its end and after `close`.

        Raises:
            Exception: what the feed has raised.
            ProgramTimedOut: the program neither reads nor writes.
        """
        self._waits = True
        if not self._starved:
            self._silence.waiting()
        try:
            block = await self._pipeline.next(limit)
        finally:
            self._waits = False
            self._silence.resting()
        if self._failure is not None:
            raise self._failure
        self._silence.limit = self._limits.idle
        return block

    async def end(self) -> None:
        """Return when every program has exited with 0.

        Raises:
            ProgramFailed: one did not.
        """
        await self._pipeline.end()

    async def close(self) -> None:
        """Stop what still runs and free all. Idempotent."""
        self._silence.close()
        self._pump.cancel()
        try:
            await self._pipeline.close()
        finally:
            # Only now: a program that reads the end of its stdin would take what it got for the whole.
            self._input.close()
        await asyncio.wait([self._pump])

    async def _feed_all(self) -> None:
        while (block := await self._fed()) is not None:
            # To a stdin that was closed nothing goes, but who feeds us has to get rid of the rest.
            await self._input.write(block)
        self._input.close()

    def _fed_all(self, pump: asyncio.Future[None]) -> None:
        if not pump.cancelled() and (failure := pump.exception()) is not None:
            self._stop(failure)

    async def _fed(self) -> bytes | None:
        self._starved = True
        self._silence.resting()
        block = await self._feed.read()
        self._starved = False
        if self._waits:
            self._silence.waiting()
        return block

    def _too_slow(self) -> None:
        private = f"nothing for {self._silence.limit} s"
        self._stop(ProgramTimedOut("The program that makes this neither reads nor writes.", private=private))

    def _stop(self, failure: BaseException) -> None:
        # Closing the pipeline ends the read that waits for it; the read then finds the failure.
        if self._failure is None:
            self._failure = failure
            self._stopping = asyncio.ensure_future(self._pipeline.close())
