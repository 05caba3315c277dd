"""The only door to a job. Fifth station: a plan comes in, a representation whose first bytes exist goes out.

Headers wait: `join` returns only when there is a first block, or when all of a small result is there, so
that a program that fails before its first byte gets its honest status.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from tornado_media.http.conditional import Validators
from tornado_media.jobs.job import Job
from tornado_media.jobs.slots import Slots
from tornado_media.presets.plan import EngineCall, Limits, Original, Pipeline, Plan
from tornado_media.processes.guard import Guard
from tornado_media.processes.pipeline import RunningPipeline
from tornado_media.processes.running import Running
from tornado_media.processes.workers import Workers
from tornado_media.store.representation import Representation, of_bytes

COLLECT = 1024 * 1024
"""Bytes of a result that does not stream which are collected before the headers go out: with them it has a
Content-Length, an entity tag and an honest status. A larger one is sent as it comes."""

_BLOCK = 64 * 1024


class OpenFile(Protocol):
    """What a job needs of a source."""

    @property
    def file(self) -> int:
        """Its descriptor."""


class Jobs:
    """Starts jobs, each in a slot, and ends them all when the server stops.

    Args:
        jobs: slots of work that completes.
        streams: slots of streams.
        workers: where engines run.
    """

    def __init__(self, jobs: Slots, streams: Slots, workers: Workers) -> None:
        self.jobs = jobs
        self.streams = streams
        self.workers = workers
        self.guard = Guard()
        self._running: set[Job] = set()
        self._none_left = asyncio.Event()

    async def join(self, plan: Plan, source: OpenFile) -> Representation:
        """The result of a plan, as soon as it can be told how it will be sent.

        Args:
            plan: what to run; not an `Original`.
            source: the open source; it must stay open until the representation has been closed.

        Raises:
            MediaError: the job could not be run, or it failed before its first byte.
        """
        slots = self.streams if plan.streams else self.jobs

        async def start() -> Running:
            return await self._start(plan, source)

        return await self.run(
            plan.preset, start, plan.limits, slots, plan.streams, plan.media_type, plan.cache_control
        )

    async def run(
        self,
        name: str,
        start: Callable[[], Awaitable[Running]],
        limits: Limits,
        slots: Slots,
        streams: bool,
        media_type: str,
        cache_control: str,
    ) -> Representation:
        """Start work in a slot and wait for its first bytes.

        Raises:
            MediaError: it could not be run, or it failed before its first byte.
        """
        await slots.acquire()
        try:
            running = await start()
        except BaseException:
            slots.release()
            raise
        job = Job(name, running, limits, slots.release)
        self._running.add(job)
        reader = JobReader(job, self._left)
        try:
            complete = await reader.collect(1 if streams else COLLECT)
        except BaseException:
            await reader.close()
            raise
        if complete is not None:
            await reader.close()
            return of_bytes(complete, media_type, cache_control)
        return Representation(
            media_type=media_type,
            complete_length=None,
            validators=Validators(),
            cache_control=cache_control,
            open=lambda _offset: reader,
            close=reader.close,
        )

    async def drain(self, timeout: float) -> None:
        """Give the running jobs some seconds to end by themselves, then end them."""
        self._none_left.clear()
        if self._running:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._none_left.wait()
        rest = tuple(self._running)
        for job in rest:
            job.stop()
        await asyncio.gather(*(job.close() for job in rest))

    async def close(self, drain: float = 0.0) -> None:
        """End all jobs, after some seconds to end by themselves, and all workers. Idempotent."""
        await self.drain(drain)
        await self.workers.close()
        await self.guard.close()

    def _left(self, job: Job) -> None:
        self._running.discard(job)
        if not self._running:
            self._none_left.set()

    async def _start(self, plan: Plan, source: OpenFile) -> Running:
        match plan.work:
            case Pipeline():
                return RunningPipeline(plan.work, source.file, plan.limits, guard=self.guard)
            case EngineCall():
                return await self.workers.call(plan.work, plan.source.media_type, source.file)
            case Original():
                raise AssertionError("an original needs no job")


class JobReader:
    """Reads one job: first what was collected, then the rest as it comes."""

    def __init__(self, job: Job, left: Callable[[Job], None]) -> None:
        self._job = job
        self._left = left
        self._collected = memoryview(b"")

    async def collect(self, wanted: int) -> bytearray | None:
        """Read ahead until `wanted` bytes are there; all of the result if it ends before that, else None."""
        collected = bytearray()
        with memoryview(bytearray(_BLOCK)) as block:
            while len(collected) < wanted:
                size = await self._job.read_into(block)
                if size == 0:
                    return collected
                collected += block[:size]
        self._collected = memoryview(collected)
        return None

    async def read_into(self, buffer: memoryview) -> int:
        """Wait for one block; 0 after the end.

        Raises:
            MediaError: the job failed.
        """
        if self._collected:
            size = min(len(buffer), len(self._collected))
            buffer[:size] = self._collected[:size]
            self._collected = self._collected[size:]
            return size
        return await self._job.read_into(buffer)

    async def close(self) -> None:
        """The reader has left, and with it the job. Idempotent."""
        self._collected = memoryview(b"")
        try:
            await self._job.close()
        finally:
            self._left(self._job)
