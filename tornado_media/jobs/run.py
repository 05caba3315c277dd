"""One run: an encoder, its fragments as they come, and those who wait for them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from tornado_media.errors import MediaError, NotFound, ProgramFailed
from tornado_media.formats.isobmff import BrokenStream, Fragmenter
from tornado_media.jobs.job import Job
from tornado_media.presets.plan import Plan, Segment
from tornado_media.store.blocks import read_block

_BLOCK = 256 * 1024

_LARGEST = 64 * 1024 * 1024
"""Bytes of a segment. 2 s at 250 Mbit/s; more is a defect."""

_PACE = 0.3
"""How much the latest segment counts in the pace of a run."""


class Run:
    """An encoder that makes segment after segment.

    Args:
        plan: of the segment that it begins with.
        start: starts its work.
        may_read: whether more may be made now; asked again after each `wake`.
        made: called with each segment's number, None for the initialization segment, and its bytes; returns
            whether it was kept, so that the run need not hold it.
        ended: called once, when nothing of it is left.
    """

    def __init__(
        self,
        plan: Plan,
        start: Callable[[Plan], Awaitable[Job]],
        may_read: Callable[[Run], bool],
        made: Callable[[Run, int | None, bytes], Awaitable[bool]],
        ended: Callable[[Run], None],
    ) -> None:
        if not isinstance(plan.work, Segment):
            raise TypeError(f"not a plan of a segment: {plan.work!r}")
        self.plan = plan
        self.work = plan.work
        self.first = plan.work.number or 0
        self.next = self.first
        self.wanted = self.first
        self.served = 0
        self.pace: float | None = None
        self.failure: MediaError | None = None
        self.over = False
        self.ended_early = False
        self._start, self._may_read, self._made, self._on_end = start, may_read, made, ended
        self._waiting: Counter[int | None] = Counter()
        self._held: dict[int | None, bytes] = {}
        self._changed = asyncio.Event()
        self._task = asyncio.ensure_future(self._run())
        # Not a `finally` of the task: one that is cancelled before its first step never runs.
        self._task.add_done_callback(self._ended)

    def __repr__(self) -> str:
        return f"<Run of {self.plan.source.path} from {self.first}, next {self.next}, wanted {self.wanted}>"

    @property
    def waited_for(self) -> bool:
        """Somebody waits for a segment of it."""
        return self._waiting.total() > 0

    def holds(self, number: int | None) -> bool:
        """It has a segment in memory."""
        return number in self._held

    async def get(self, number: int | None) -> bytes:
        """A segment, as soon as it has been made.

        Args:
            number: not before `first`; None for the initialization segment.

        Raises:
            MediaError: the run has failed, or has ended before this segment.
        """
        self._waiting[number] += 1
        self.wake()
        try:
            while (content := self._held.get(number)) is None:
                if self.failure is not None:
                    raise self.failure.with_traceback(None)
                if self.over or (number is not None and number < self.next):
                    raise NotFound("There is no such segment: the film ends before it.")
                await self._changed.wait()
            self.served += 1
            return content
        finally:
            self._waiting[number] -= 1

    def wake(self) -> None:
        """Something has changed: see what may be done now."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def release(self, least: int) -> None:
        """Let segments before a number go; the initialization segment stays."""
        for number in [n for n in self._held if n is not None and n < least and not self._waiting[n]]:
            del self._held[number]

    @property
    def holds_segments(self) -> bool:
        """It has segments in memory, besides the initialization segment."""
        return any(number is not None for number in self._held)

    def end(self) -> None:
        """End it; who waits is told its failure. Idempotent."""
        self.ended_early = True
        self._task.cancel()

    async def gone(self) -> None:
        """Return when nothing of it is left."""
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        job: Job | None = None
        try:
            job = await self._start(self.plan)
            await self._pump(job)
        except MediaError as error:
            self.failure = error
        except BrokenStream as error:
            self.failure = ProgramFailed("The program that makes this failed.", private=str(error))
        except asyncio.CancelledError:
            # Only `end` cancels.
            return
        finally:
            if job is not None:
                await job.close()

    async def _pump(self, job: Job) -> None:
        fragmenter = Fragmenter(_LARGEST)
        began: float | None = None
        while True:
            while not self._may_read(self):
                began = None
                await self._changed.wait()
            began = began or _now()
            block = await job.next(_BLOCK)
            if block is None:
                break
            content = bytearray(block.length)
            await read_block(block, memoryview(content))
            for piece in fragmenter.feed(content):
                if await self._give(piece):
                    self._keep_pace(_now() - began)
                    began = _now()
        for piece in fragmenter.end():
            await self._give(piece)

    async def _give(self, piece: bytes) -> bool:
        """Hand a piece to those who wait and to the cache; whether it is a segment of the film."""
        number = None if None not in self._held else self.next
        self._held[number] = piece
        if number is not None:
            self.next += 1
        self.wake()
        if await self._made(self, number, piece) and number is not None and not self._waiting[number]:
            del self._held[number]
        return number is not None

    def _keep_pace(self, seconds: float) -> None:
        self.pace = seconds if self.pace is None else (1 - _PACE) * self.pace + _PACE * seconds

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.ended_early |= self.failure is not None
        if self.failure is None and not task.cancelled() and task.exception() is not None:
            # A defect: asyncio logs what the task has raised.
            self.failure = ProgramFailed("The run was given up.")
        self.over = True
        self.wake()
        self._on_end(self)


def _now() -> float:
    return asyncio.get_running_loop().time()
