"""A job that many requests read: its output goes into a spool, and the result is kept when it ends well.

The job belongs to nobody in particular. The request that was reader leaves as any other does; when the last
one leaves, the job is stopped, unless so much of it is done that finishing it is the better use.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Protocol

from tornado_media.errors import MediaError, ProgramFailed, Unavailable
from tornado_media.http.conditional import Validators
from tornado_media.jobs.job import Job
from tornado_media.presets.plan import Plan
from tornado_media.sources.filesystems import answers_from_memory
from tornado_media.store.blocks import Reader
from tornado_media.store.cache import Cache
from tornado_media.store.representation import Growth, Representation, of_bytes
from tornado_media.store.spool import MEMORY, Spool, SpoolReader
from tornado_media.store.threads import in_thread

COLLECT = MEMORY
"""Bytes of a result that does not stream which are collected before the headers go out: with them it has a
Content-Length, an entity tag and an honest status. A larger one is sent as it comes."""

_BLOCK = 256 * 1024


class Table(Protocol):
    """What a shared job needs of the table that it is in."""

    cache: Cache

    async def start(self, plan: Plan, files: Sequence[int]) -> Job:
        """Start the work, in a slot."""

    def part_done(self, shared: SharedJob) -> float:
        """The part of the job that is done, 0 to 1, as far as anybody can tell."""

    def withdraw(self, shared: SharedJob) -> None:
        """Nobody new may join it. Idempotent."""

    def ended(self, shared: SharedJob) -> None:
        """Nothing of it is left."""


class SharedJob:
    """One job, its spool, and the requests that read it.

    Args:
        plan: what it makes.
        files: descriptors of its open sources; they stay the caller's.
        table: where it is.
        window: bytes that a stream may be ahead of its fastest reader.
        finish: part that must be done for it to be finished although nobody reads it any more.
    """

    def __init__(self, plan: Plan, files: Sequence[int], table: Table, window: int, finish: float) -> None:
        self.plan = plan
        self.spool = Spool(table.cache.room(), window if plan.streams else None)
        self.readers = 0
        self.kept = True
        self.started: float | None = None
        self.job: Job | None = None
        self._table = table
        self._window = window
        self._finish = finish
        self._entity_tag: str | None = None
        self._ready = asyncio.Event()
        self._files = [os.dup(file) for file in files]
        self._task = asyncio.ensure_future(self._run())
        # Not a `finally` of the task: one that is cancelled before its first step never runs.
        self._task.add_done_callback(self._ended)

    def __repr__(self) -> str:
        return f"<SharedJob {self.plan.preset} of {self.plan.source.path}, {self.readers} readers>"

    async def join(self) -> Representation:
        """The result, as soon as it can be told how it will be sent; the representation's `close` leaves.

        Raises:
            MediaError: the job has failed.
        """
        self.readers += 1
        # From now on all bytes are held for this request, although it does not read yet.
        reader = self.spool.open(0)
        try:
            await self._ready.wait()
            if self.spool.failure is not None:
                raise self.spool.failure.with_traceback(None)
            return self._representation(reader)
        except BaseException:
            await self._leave(reader)
            raise

    async def stop(self, error: MediaError) -> None:
        """End the job; its readers are told why."""
        self._table.withdraw(self)
        if not self.spool.complete:
            self.spool.fail(error)
        self._task.cancel()
        await asyncio.wait([self._task])

    def _representation(self, reader: SpoolReader) -> Representation:
        plan, spool = self.plan, self.spool
        left = False

        async def leave() -> None:
            nonlocal left
            if not left:
                left = True
                await self._leave(reader)

        def follow(offset: int) -> Reader:
            reader.seek(offset)
            return reader

        if spool.complete and spool.keeps and spool.file is None:
            whole = of_bytes(spool.content(), plan.media_type, plan.cache_control, self._entity_tag)
            return replace(whole, close=leave)
        return Representation(
            media_type=plan.media_type,
            complete_length=spool.length if spool.complete else None,
            validators=Validators(entity_tag=self._entity_tag),
            cache_control=plan.cache_control,
            open=follow,
            close=leave,
            growth=None if spool.complete else Growth(spool, plan.streams, self._window, plan.limits.idle),
        )

    async def _leave(self, reader: SpoolReader) -> None:
        reader.leave()
        self.readers -= 1
        if self.readers or self.spool.complete or self.spool.failure is not None:
            return
        if self.kept and self.spool.keeps and self._table.part_done(self) >= self._finish:
            self.spool.unbind()
            return
        await self.stop(Unavailable("Nobody reads this any more."))

    async def _run(self) -> None:
        try:
            await self._fill()
            if self.kept and self.spool.keeps and self.spool.complete:
                await self._keep()
        except asyncio.CancelledError:
            # Only `stop` cancels, and it waits: the end of the task is what it wants.
            return

    def _ended(self, task: asyncio.Task[None]) -> None:
        for file in self._files:
            os.close(file)
        if not self.spool.complete and self.spool.failure is None:
            # A defect: asyncio logs what the task has raised.
            self.spool.fail(ProgramFailed("The job was given up."))
        self.spool.release()
        self._table.ended(self)
        self._ready.set()

    async def _fill(self) -> None:
        try:
            self.job = await self._table.start(self.plan, self._files)
            self.started = asyncio.get_running_loop().time()
            await self._pump(self.job)
            # Who waits for its slot or its worker need not wait for what follows.
            await self.job.close()
            await self._check_source()
            if not self._ready.is_set():
                self._name_bytes(blake2b(self.spool.content(), digest_size=16).hexdigest())
            self.spool.finish()
        except MediaError as error:
            self._table.withdraw(self)
            self.spool.fail(error)
        finally:
            if self.job is not None:
                await self.job.close()
            self._ready.set()

    async def _pump(self, job: Job) -> None:
        spool = self.spool
        while True:
            await spool.writable()
            block = await job.next(_BLOCK)
            if block is None:
                return
            await spool.append(block)
            if not self._ready.is_set() and (self.plan.streams or spool.length >= COLLECT):
                # What will follow is not known: the tag names this run, whose bytes are made only once.
                self._name_bytes(secrets.token_hex(16))
                self._ready.set()
            if not spool.keeps:
                self._table.withdraw(self)
                if not self.readers:
                    raise Unavailable("Nobody reads this any more, and it is too large to be kept.")

    def _name_bytes(self, name: str) -> None:
        self._entity_tag = f'"{self.plan.key}-{name}"'

    async def _check_source(self) -> None:
        """Row 52 of the faults: what was read while a source changed fits no state of it."""
        sources = self.plan.sources
        if all(answers_from_memory(facts.device, facts.absolute_path) for facts in sources):
            statuses = self._statuses()
        else:
            statuses = await in_thread(self._statuses)
        if all(
            (status.st_size, status.st_mtime_ns) == (facts.size, facts.mtime_ns)
            for status, facts in zip(statuses, sources, strict=False)
        ):
            return
        self.kept = False
        if not self.plan.streams:
            raise ProgramFailed("The source changed while it was read; ask again.", private="it changed")

    def _statuses(self) -> list[os.stat_result]:
        return [os.fstat(file) for file in self._files]

    async def _keep(self) -> None:
        spool, cache, tag = self.spool, self._table.cache, self._entity_tag or ""
        if spool.file is None:
            await cache.keep(self.plan, spool.content(), tag)
        else:
            await cache.keep_file(self.plan, spool.file, spool.length, tag)
