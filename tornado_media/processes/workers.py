"""Worker processes for engines: decoders and encoders that never run in the server process.

A worker is a child like any other: its own process group, messages drained, killed when its call is not
wanted any more. It serves one call at a time over a Unix socket. One that has crashed is replaced at once,
one that has served long or has grown large as soon as another has loaded its libraries: no request waits for
that, unless all workers crash together.

multiprocessing and the pools on it (pebble) are not used: their spawned children import the user's
`__main__` again, which starts a second server in an application without the guard.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from contextlib import suppress

from tornado_media.errors import MediaError
from tornado_media.presets.plan import EngineCall, Limits
from tornado_media.processes.worker import RunningCall, Worker

CALLS = 2000
"""Calls after which a worker is replaced: what libraries leak does not add up."""

MEMORY = 256 * 1024 * 1024
"""Bytes that a worker may have in memory between two calls before it is replaced."""

log = logging.getLogger("tornado_media")


class Workers:
    """A pool of workers: at most `size` serve at once; started when needed, replaced when lost or worn.

    Args:
        size: workers at most; one more while it is to take the place of a worn one.
        engines: names of the engines that a worker loads at its start.
        calls: calls after which a worker is replaced.
        memory: bytes that it may have in memory between two calls.
    """

    def __init__(
        self, size: int, engines: Sequence[str], *, calls: int = CALLS, memory: int = MEMORY
    ) -> None:
        self.size = size
        self.jailed: bool | None = None
        """Whether workers are confined (`engines.jail`); None as long as none was ready."""
        self._engines = tuple(engines)
        self._calls = calls
        self._memory = memory
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._room = asyncio.Semaphore(size)
        self._tasks: set[asyncio.Task[None]] = set()
        self._worn: Worker | None = None
        self._closed = False

    @property
    def running(self) -> int:
        """Workers that are alive."""
        return len(self._all)

    def warm(self) -> None:
        """Start all workers now, so that the first requests need not wait for their imports."""
        while len(self._all) < self.size:
            self._idle.append(self._new())

    async def call(
        self, call: EngineCall, media_type: str, sources: Sequence[int], limits: Limits
    ) -> RunningCall:
        """Send a call to an idle worker, waiting for one if need be.

        Args:
            call: which engine, with what.
            media_type: of the source.
            sources: descriptors of the source and of `call.others`, in their order. They stay the caller's,
                the worker gets its own; but it moves their positions, so an open file is for one call at a
                time.
            limits: `memory` and `cpu` hold for this call; the others are the job's.

        Raises:
            MediaError: no worker could be started, or the arguments are too long.
        """
        await self._room.acquire()
        try:
            while True:
                worker = self._take()
                try:
                    worker.send(call, media_type, sources, limits)
                except OSError:
                    # It died while idle; the next one is tried, and a new one is made at the end.
                    self._retire(worker)
                    continue
                except MediaError:
                    self._idle.append(worker)
                    raise
                return RunningCall(worker, self._give_back, call.engine, limits)
        except BaseException:
            self._room.release()
            raise

    async def close(self) -> None:
        """End all workers."""
        self._closed = True
        for worker in tuple(self._all):
            self._retire(worker)
        self._idle.clear()
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _give_back(self, worker: Worker, good: bool) -> None:
        """Take a worker back after its call; one that is not good any more is ended."""
        self._room.release()
        if good and worker.usable and not worker.leaving:
            self._idle.append(worker)
            worn = worker.calls >= self._calls or worker.resident > self._memory
            # One at a time: the last one that was replaced may still have to finish its call.
            if worn and self._worn is None and len(self._all) <= self.size:
                self._succeed(worker)
            return
        self._retire(worker)
        # One that never was ready has something that the next one would have, too.
        if worker.ready and len(self._all) < self.size and not self._closed:
            with suppress(MediaError):  # who needs one tries again, and is told
                self._idle.append(self._new())

    def _succeed(self, worn: Worker) -> None:
        """Let another worker take the place of a worn one, which serves on until the other is ready."""
        with suppress(MediaError):  # after its next call it is tried again
            successor = self._new()
            self._worn = worn
            self._spawn(self._replace(worn, successor))

    async def _replace(self, worn: Worker, successor: Worker) -> None:
        ready = await successor.warmed()
        self._worn = None
        if self._closed:
            return
        if not ready:
            worn.calls, worn.resident = 0, 0  # not again after each call
            self._retire(successor)
            return
        if worn not in self._all and len(self._all) > self.size:
            # It has ended meanwhile, and another is in its place already.
            self._retire(successor)
            return
        self._idle.append(successor)
        worn.leaving = True
        if worn in self._idle:
            self._idle.remove(worn)
            self._retire(worn)

    def _take(self) -> Worker:
        # Of those that are ready the last used one: its memory is in the caches.
        for worker in [w for w in self._idle if not w.usable]:
            self._idle.remove(worker)
            self._retire(worker)
        if not self._idle:
            return self._new()
        place = next((n for n in reversed(range(len(self._idle))) if self._idle[n].ready), -1)
        return self._idle.pop(place)

    def _new(self) -> Worker:
        worker = Worker(self._engines)
        self._all.add(worker)
        self._spawn(self._look(worker))
        return worker

    async def _look(self, worker: Worker) -> None:
        if await worker.warmed() and self.jailed is None:
            self.jailed = worker.jailed
            if not worker.jailed:
                log.info("workers run without a jail: this system has no Landlock, or it is switched off")

    def _retire(self, worker: Worker) -> None:
        self._all.discard(worker)
        self._spawn(worker.close())

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
