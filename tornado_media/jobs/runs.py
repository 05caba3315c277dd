"""Runs: encoders that make the segments of films one after the other, for all who watch them.

A run begins at the segment that is asked first. It is a few segments ahead of those who ask and no further:
then nobody reads its pipe, and the encoder waits in its write without any processor time. Who asks for a
segment within reach waits for the run; who asks for another one gets a run that begins there. Segments are
the same in every run, so those that were made are kept for all, one by one.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b

from tornado_media.errors import MediaError, Unavailable
from tornado_media.http import account as told
from tornado_media.http.account import Account
from tornado_media.jobs.job import Job
from tornado_media.jobs.run import Run
from tornado_media.jobs.slots import Slots
from tornado_media.presets.plan import Plan, Segment
from tornado_media.store.cache import Cache
from tornado_media.store.representation import Representation, of_bytes

_RESTART = 1.0
"""Seconds: a run that will have a segment sooner than this is waited for; to begin another one there costs
about as much, and then there are two."""

_NEAR = 2
"""Segments: so near a segment is always waited for."""


@dataclass(frozen=True, slots=True)
class Following:
    """How runs follow those who watch.

    Args:
        ahead: seconds of a film that a run may be ahead of what was asked.
        idle: seconds after which a run ends that nobody has asked for anything.
    """

    ahead: float = 30.0
    idle: float = 10.0


class Runs:
    """All runs of a server.

    Args:
        start: starts the work of a plan, in a slot.
        slots: that the runs take.
        cache: where segments are kept.
        following: how runs follow those who watch.
    """

    def __init__(
        self,
        start: Callable[[Plan], Awaitable[Job]],
        slots: Slots,
        cache: Cache,
        following: Following,
    ) -> None:
        self._start, self._slots, self._cache, self._following = start, slots, cache, following
        self._runs: dict[Run, asyncio.TimerHandle] = {}
        # What a run's key has made: another run of it need not go there by itself.
        self._made: defaultdict[str, set[int]] = defaultdict(set)
        # Where a source was asked last: an initialization segment of it is asked for before its number.
        self._places: dict[str, int] = {}

    @property
    def running(self) -> int:
        """How many there are."""
        return len(self._runs)

    async def join(self, plan: Plan, account: Account) -> Representation:
        """A segment, as soon as it has been made.

        Args:
            plan: of a segment.
            account: of the request; is told whether it shares a run.

        Raises:
            MediaError: the run could not be started, has failed, or has ended before this segment.
        """
        work = _work(plan)
        run = self._within_reach(work)
        account.cache = told.COLLAPSED
        if run is None and work.number in self._made.get(work.run, ()):
            # It was made and kept while this request looked elsewhere.
            if (kept := await self._cache.get(plan)) is not None:
                account.cache = told.HIT
                return kept
            run = self._within_reach(work)
        if run is None:
            account.cache = told.STORED if self._cache.keeps(plan) else told.MISS
            run = self._begin(plan)
        self._touch(run, work.number)
        began = _now()
        try:
            content = await run.get(work.number)
        finally:
            account.add("first-byte", _now() - began)
            self._left(run)
        run.release(min(run.next, work.number or 0))
        tag = _tag(plan.key, content)
        return of_bytes(content, plan.media_type, plan.cache_control, tag)

    def follow(self, plan: Plan) -> None:
        """Somebody watches this segment, which is kept, or soon will: its run stays, and may go on.

        Args:
            plan: of a segment.
        """
        work = _work(plan)
        run = self._within_reach(work, passed=True)
        if run is not None:
            self._touch(run, work.number)

    def forget(self, path: str) -> None:
        """End the runs of a source, by its path in URLs: it is purged."""
        for run in [run for run in self._runs if run.plan.source.path == path]:
            self._end(run)

    async def close(self) -> None:
        """End all runs. Idempotent."""
        for run in (running := tuple(self._runs)):
            self._end(run, Unavailable("The server is stopping.", retry_after=1))
        for run in running:
            await run.gone()

    def _within_reach(self, work: Segment, passed: bool = False) -> Run | None:
        """The run that has a segment, or will have it soon; `passed`: or has had it."""
        found = [
            run
            for run in self._runs
            if run.work.run == work.run and run.failure is None and self._reaches(run, work.number, passed)
        ]
        return max(found, key=lambda run: (run.first, run.next), default=None)

    def _reaches(self, run: Run, number: int | None, passed: bool) -> bool:
        if run.holds(number):
            return True
        if run.over or run.ended_early:  # one that was told to end takes a moment, and makes nothing more
            return False
        if number is None:
            return True
        if number < run.next:
            return passed and number >= run.first
        near = max(_NEAR, int(_RESTART / run.pace)) if run.pace else _NEAR
        return number < run.next + min(near, max(_NEAR, self._ahead(run.work)))

    def _begin(self, plan: Plan) -> Run:
        work = _work(plan)
        if work.number is None:
            # A player asks for it just before the segment that it wants.
            plan = plan.of_segment(min(self._places.get(plan.source.path, 0), work.count - 1))
        if self._slots.running >= self._slots.size:
            self._make_room()
        run = Run(plan, self._start, self._may_read, self._keep, self._ended)
        self._runs[run] = self._in(self._following.idle, run)
        return run

    def _make_room(self) -> None:
        """End the run whose watchers have been silent for longest, if nobody waits for it."""
        quiet = [run for run in self._runs if not run.waited_for and not run.over]
        if quiet:
            self._end(min(quiet, key=lambda run: self._runs[run].when()))

    def _touch(self, run: Run, number: int | None) -> None:
        if run not in self._runs:
            return
        self._runs[run].cancel()
        self._runs[run] = self._in(self._following.idle, run)
        if number is not None:
            self._places[run.plan.source.path] = number
            if number > run.wanted:
                run.wanted = number
                run.wake()

    def _left(self, run: Run) -> None:
        """Somebody waits no more: others may go on now, and a run that served nobody need not."""
        if not run.waited_for:
            if not run.served:
                self._end(run)
            for other in self._runs:
                other.wake()

    def _may_read(self, run: Run) -> bool:
        """What somebody waits for goes first; what is made ahead is for idle processors."""
        if run.waited_for:
            return True
        if any(other.waited_for for other in self._runs):
            return False
        # The reach grows with what has been asked: who only looks in costs little.
        ahead = min(self._ahead(run.work), 1 + 2 * run.served)
        return run.next <= run.wanted + ahead and run.next not in self._made[run.work.run]

    def _ahead(self, work: Segment) -> int:
        return max(1, math.ceil(self._following.ahead / work.seconds))

    async def _keep(self, run: Run, number: int | None, content: bytes) -> bool:
        plan = run.plan.of_segment(number)
        if not self._cache.keeps(plan):
            return False
        await self._cache.keep(plan, content, _tag(plan.key, content))
        if number is not None:
            self._made[run.work.run].add(number)
        return True

    def _idle(self, run: Run) -> None:
        if run.waited_for:
            self._runs[run] = self._in(self._following.idle, run)
        else:
            self._end(run)

    def _end(self, run: Run, failure: MediaError | None = None) -> None:
        run.failure = run.failure or failure
        if run.over:
            self._remove(run)
        else:
            run.end()

    def _ended(self, run: Run) -> None:
        # A run whose film has ended stays while what it has made is nowhere else.
        if run.ended_early or not run.holds_segments:
            self._remove(run)
        for other in self._runs:
            other.wake()

    def _remove(self, run: Run) -> None:
        if (timer := self._runs.pop(run, None)) is not None:
            timer.cancel()
        if not any(other.work.run == run.work.run for other in self._runs):
            self._made.pop(run.work.run, None)
        if not any(other.plan.source.path == run.plan.source.path for other in self._runs):
            self._places.pop(run.plan.source.path, None)

    def _in(self, seconds: float, run: Run) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, self._idle, run)


def _work(plan: Plan) -> Segment:
    if not isinstance(plan.work, Segment):
        raise TypeError(f"not a plan of a segment: {plan.work!r}")
    return plan.work


def _tag(key: str, content: bytes) -> str:
    return f'"{key}-{blake2b(content, digest_size=16).hexdigest()}"'


def _now() -> float:
    return asyncio.get_running_loop().time()
