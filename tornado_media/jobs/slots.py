"""The right to run a job: so many run, so many wait in order, the rest is refused at once.

Work that completes and streams have slots of their own: four films must not keep thumbnails waiting.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from contextlib import suppress

from tornado_media.errors import Unavailable

STREAMS_PER_JOB = 4
"""A stream is blocked by its client most of the time, so more of them fit on a processor."""


def default_jobs() -> int:
    """Jobs that complete at once: one for each processor that we may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Slots:
    """N run, M wait in the order of their coming, past that it is 503 with Retry-After.

    Args:
        running: jobs that may run at once.
        queue: jobs that may wait.
        wait: seconds that one may wait before it is refused too.
    """

    def __init__(self, running: int, queue: int, wait: float) -> None:
        self.size = running
        self._queue_size = queue
        self._wait = wait
        self._free = running
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def running(self) -> int:
        """Slots that are taken."""
        return self.size - self._free

    @property
    def waiting(self) -> int:
        """Jobs in the queue."""
        return len(self._waiters)

    async def acquire(self) -> None:
        """Take a slot, waiting in order if need be; a waiter that is cancelled leaves the queue at once.

        Raises:
            Unavailable: the queue is full, or the wait took too long.
        """
        if self._free and not self._waiters:
            self._free -= 1
            return
        if len(self._waiters) >= self._queue_size:
            raise Unavailable("The server is busy: its queue is full.", retry_after=self._retry_after())
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(self._wait):
                await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                # The slot came in the same moment: it goes on to the next.
                self.release()
            else:
                # `release` may have dropped it in the meantime, because it was done.
                with suppress(ValueError):
                    self._waiters.remove(waiter)
            if isinstance(error, TimeoutError):
                raise Unavailable(
                    "The server is busy: no slot became free in time.", retry_after=self._retry_after()
                ) from None
            raise

    def release(self) -> None:
        """Give a slot back: to the first in the queue, if anyone waits."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    def _retry_after(self) -> int:
        # A guess, told as whole seconds: a full queue of short jobs is worked off in about this time.
        return 1 + len(self._waiters) // max(1, self.size)
