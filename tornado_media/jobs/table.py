"""The only door to a job. Fifth station: a plan comes in, a representation whose first bytes exist goes out.

Headers wait: `join` returns only when there is a first block, or when all of a small result is there, so
that a program that fails before its first byte gets its honest status. Equal plans share one job.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from tornado_media.errors import MediaError, Unavailable
from tornado_media.http import account as told
from tornado_media.http.account import Account
from tornado_media.http.conditional import Validators
from tornado_media.jobs.failures import Failures
from tornado_media.jobs.job import Job
from tornado_media.jobs.reader import JobReader
from tornado_media.jobs.runs import Following, Runs
from tornado_media.jobs.shared import COLLECT, SharedJob
from tornado_media.jobs.slots import Slots
from tornado_media.jobs.starting import Starting
from tornado_media.presets.plan import Limits, Plan, Segment
from tornado_media.processes.guard import Guard
from tornado_media.processes.running import Running
from tornado_media.processes.workers import Workers
from tornado_media.store.cache import Cache
from tornado_media.store.representation import Representation, of_bytes


class OpenFile(Protocol):
    """What a job needs of a source."""

    @property
    def files(self) -> tuple[int, ...]:
        """Its descriptor and those of the further sources of its plan, in their order."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """How jobs are shared.

    Args:
        window: bytes that a stream may be ahead of its fastest reader.
        finish: part of a job, 0 to 1, past which it is finished although nobody reads it any more.
        failures: seconds that a failure is remembered.
        crashes: seconds that a source is remembered that cost a worker.
    """

    window: int = 8 * 1024 * 1024
    finish: float = 0.5
    failures: float = 5.0
    crashes: float = 60.0


_USUAL = Following()


class Jobs:
    """Starts jobs, each in a slot, shares those that may be shared, and ends them all when the server stops.

    Args:
        jobs: slots of work that completes.
        streams: slots of streams.
        workers: where engines run.
        cache: where results are kept; None keeps none.
        sharing: how jobs are shared.
        following: how runs follow those who watch.
    """

    def __init__(
        self,
        jobs: Slots,
        streams: Slots,
        workers: Workers,
        cache: Cache | None = None,
        sharing: Sharing = Sharing(),
        following: Following = _USUAL,
    ) -> None:
        self.jobs = jobs
        self.streams = streams
        self.workers = workers
        self.cache = cache or Cache(None, capacity=0, memory=0, share=0.0)
        self.guard = Guard()
        self._starting = Starting(workers, self.guard)
        self._sharing = sharing
        self._failures = Failures(sharing.failures, sharing.crashes)
        self._typical: dict[str, float] = {}
        self._alone: set[Job] = set()
        self._shared: set[SharedJob] = set()
        self._by_key: dict[str, SharedJob] = {}
        self._left = asyncio.Event()
        self.runs = Runs(partial(self.start, files=()), streams, self.cache, following)

    async def join(self, plan: Plan, source: OpenFile, account: Account) -> Representation:
        """The result of a plan, as soon as it can be told how it will be sent.

        Args:
            plan: what to run; neither an `Original` nor a `Text`.
            source: the open source; it must stay open until this returns, for a plan that is not shared
                until the representation has been closed.
            account: of the request; is told whether the job is shared, and how long it took.

        Raises:
            MediaError: the job could not be run, or it failed before its first byte.
        """
        if not plan.cache:
            return await self._run_alone(plan, source, account)
        if (failure := self._failures.of(plan)) is not None:
            account.cache = told.FAILED
            raise failure.with_traceback(None)
        if isinstance(plan.work, Segment):
            return await self._join_run(plan, account)
        shared = self._by_key.get(plan.key)
        account.cache = told.COLLAPSED
        if shared is None:
            account.cache = told.STORED if self.cache.keeps(plan) else told.MISS
            shared = SharedJob(plan, source.files, self, self._sharing.window, self._sharing.finish)
            self._by_key[plan.key] = shared
            self._shared.add(shared)
        began = _now()
        try:
            return await shared.join()
        except MediaError:
            account.cache = told.MISS if account.cache == told.STORED else account.cache
            raise
        finally:
            started = shared.started or _now()
            account.add("queue", max(0.0, started - began))
            account.add("first-byte", _now() - max(started, began))

    def shares(self, plan: Plan) -> bool:
        """Whether a job for this plan runs that a request can join."""
        return plan.key in self._by_key

    async def run(
        self,
        name: str,
        start: Callable[[], Awaitable[Running]],
        limits: Limits,
        slots: Slots,
        streams: bool,
        media_type: str,
        cache_control: str,
        account: Account,
    ) -> Representation:
        """Start work for one request only, in a slot, and wait for its first bytes.

        Raises:
            MediaError: it could not be run, or it failed before its first byte.
        """
        began = _now()
        job = await self._start(name, start, limits, slots)
        account.add("queue", _now() - began)
        began = _now()
        self._alone.add(job)
        reader = JobReader(job, self._ended_alone)
        try:
            complete = await reader.collect(1 if streams else COLLECT)
        except BaseException:
            await reader.close()
            raise
        finally:
            account.add("first-byte", _now() - began)
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
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._alone or self._shared:
                    self._left.clear()
                    await self._left.wait()
        alone = tuple(self._alone)
        for job in alone:
            job.stop()
        stopping = Unavailable("The server is stopping.", retry_after=1)
        await self.runs.close()
        await asyncio.gather(
            *(job.close() for job in alone), *(shared.stop(stopping) for shared in tuple(self._shared))
        )

    async def close(self, drain: float = 0.0) -> None:
        """End all jobs, after some seconds to end by themselves, and all workers. Idempotent."""
        await self.drain(drain)
        await self.workers.close()
        await self.guard.close()

    def forget(self, path: str) -> None:
        """Keep and share nothing of what runs for a source, and forget its failures: it is purged.

        Args:
            path: of the source in URLs.
        """
        self._failures.forget(path)
        self.runs.forget(path)
        for shared in self._shared:
            if shared.plan.source.path == path:
                shared.kept = False
                self.withdraw(shared)

    async def start(self, plan: Plan, files: Sequence[int]) -> Job:
        """Start the work of a plan in a slot.

        Args:
            plan: what to run.
            files: descriptors of its sources; they may be closed when this has returned.

        Raises:
            MediaError: it could not be run.
        """
        return await self._start(
            plan.preset, partial(self._starting.start, plan, files), plan.limits, self._slots(plan)
        )

    def part_done(self, shared: SharedJob) -> float:
        """The part of a shared job that is done, 0 to 1.

        By how much of the source its programs have read; where that cannot be seen, the time of work that
        completes, against the time that its preset took before.
        """
        plan = shared.plan
        read = None if shared.job is None else shared.job.position(plan.source)
        if read is not None and plan.source.size:
            return min(1.0, read / plan.source.size)
        typical = self._typical.get(plan.preset)
        if plan.streams or not typical or shared.started is None:
            return 0.0
        return min(1.0, (_now() - shared.started) / typical)

    def withdraw(self, shared: SharedJob) -> None:
        """Nobody new may join it. Idempotent."""
        if self._by_key.get(shared.plan.key) is shared:
            del self._by_key[shared.plan.key]

    def ended(self, shared: SharedJob) -> None:
        """Nothing of it is left."""
        self.withdraw(shared)
        self._shared.discard(shared)
        self._left.set()
        failure = shared.spool.failure
        if isinstance(failure, MediaError):
            if shared.kept:
                self._failures.remember(shared.plan, failure)
        elif shared.started is not None and shared.spool.complete:
            seconds = _now() - shared.started
            before = self._typical.get(shared.plan.preset, seconds)
            self._typical[shared.plan.preset] = 0.8 * before + 0.2 * seconds

    async def _join_run(self, plan: Plan, account: Account) -> Representation:
        try:
            return await self.runs.join(plan, account)
        except MediaError as error:
            self._failures.remember(plan, error)
            raise

    async def _run_alone(self, plan: Plan, source: OpenFile, account: Account) -> Representation:
        return await self.run(
            plan.preset,
            partial(self._starting.start, plan, source.files),
            plan.limits,
            self._slots(plan),
            plan.streams,
            plan.media_type,
            plan.cache_control,
            account,
        )

    def _slots(self, plan: Plan) -> Slots:
        return self.streams if plan.streams or isinstance(plan.work, Segment) else self.jobs

    def _ended_alone(self, job: Job) -> None:
        self._alone.discard(job)
        self._left.set()

    async def _start(
        self, name: str, start: Callable[[], Awaitable[Running]], limits: Limits, slots: Slots
    ) -> Job:
        await slots.acquire()
        try:
            running = await start()
        except BaseException:
            slots.release()
            raise
        return Job(name, running, limits, slots.release)


def _now() -> float:
    return asyncio.get_running_loop().time()
