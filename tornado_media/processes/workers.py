"""Worker processes for engines: decoders and encoders that never run in the server process.

A worker is a child like any other: its own process group, messages drained, killed when its call is not
wanted any more, replaced when it has crashed. It serves one call at a time over a Unix socket; which bytes
go over it is written in `engines/worker.py`.

multiprocessing and the pools on it (pebble) are not used: their spawned children import the user's
`__main__` again, which starts a second server in an application without the guard.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Sequence
from typing import cast

from tornado.iostream import IOStream, StreamClosedError

import tornado_media
from tornado_media import errors
from tornado_media.errors import MediaError, ProgramFailed, SourceUnusable, Unavailable
from tornado_media.presets.plan import EngineCall, Limits, SourceFacts
from tornado_media.processes.child import describe_status
from tornado_media.processes.group import ProcessGroup
from tornado_media.store.blocks import Block, InMemory

CALLS = 2000
"""Calls after which a worker is replaced: what libraries leak does not add up."""

_LINE = 128 * 1024
_BLOCK = 64 * 1024


class Worker:
    """One worker process and the socket to it.

    Args:
        engines: names of the engines to load at its start.

    Raises:
        MediaError: it could not be started.
    """

    def __init__(self, engines: Sequence[str]) -> None:
        try:
            self.group = ProcessGroup(Limits())
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise Unavailable(
                "There is no room to start a worker now.", retry_after=1, private=str(error)
            ) from error
        self.stream = IOStream(ours)
        self.calls = 0
        argv = [sys.executable, "-c", _start_text(), *engines]
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        try:
            self.group.start(argv, stdin=theirs.fileno(), stdout=null)
            self.group.started()
        except MediaError:
            self.stream.close()
            self.group.abandon()
            raise
        finally:
            theirs.close()
            os.close(null)

    @property
    def usable(self) -> bool:
        """It runs, and its socket is open."""
        return not self.stream.closed() and all(child.status is None for child in self.group.children)

    def send(self, call: EngineCall, media_type: str, source: int) -> None:
        """Send one request with the source's descriptor.

        Raises:
            OSError: the worker has gone.
        """
        self.calls += 1
        request = {"engine": call.engine, "media_type": media_type, "arguments": dict(call.arguments)}
        # An idle worker's socket buffer is empty, so one short line always fits.
        socket.send_fds(self.stream.socket, [json.dumps(request).encode() + b"\n"], [source])

    async def close(self) -> None:
        """End it. Idempotent."""
        await self.group.close(before=self.stream.close)


class Workers:
    """A pool of workers: at most `size`, started when needed, replaced when lost.

    Args:
        size: workers at most.
        engines: names of the engines that a worker loads at its start.
        calls: calls after which a worker is replaced.
    """

    def __init__(self, size: int, engines: Sequence[str], *, calls: int = CALLS) -> None:
        self.size = size
        self._engines = tuple(engines)
        self._calls = calls
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._room = asyncio.Semaphore(size)
        self._ends: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        """Workers that are alive."""
        return len(self._all)

    def warm(self) -> None:
        """Start all workers now, so that the first requests need not wait for their imports."""
        while len(self._all) < self.size:
            self._idle.append(self._new())

    async def call(self, call: EngineCall, media_type: str, source: int) -> RunningCall:
        """Send a call to an idle worker, waiting for one if need be.

        Args:
            call: which engine, with what.
            media_type: of the source.
            source: descriptor of the source; stays the caller's, the worker gets its own.

        Raises:
            MediaError: no worker could be started.
        """
        await self._room.acquire()
        try:
            while True:
                worker = self._take()
                try:
                    worker.send(call, media_type, source)
                except OSError:
                    # It died while idle; the next one is tried, and a new one is made at the end.
                    self._retire(worker)
                    continue
                return RunningCall(self, worker, call.engine)
        except BaseException:
            self._room.release()
            raise

    def give_back(self, worker: Worker, *, good: bool) -> None:
        """Take a worker back after its call; one that is not good any more is ended."""
        self._room.release()
        if good and worker.usable and worker.calls < self._calls:
            self._idle.append(worker)
        else:
            self._retire(worker)

    async def close(self) -> None:
        """End all workers."""
        for worker in tuple(self._all):
            self._retire(worker)
        self._idle.clear()
        while self._ends:
            await asyncio.gather(*self._ends)

    def _take(self) -> Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.usable:
                return worker
            self._retire(worker)
        return self._new()

    def _new(self) -> Worker:
        worker = Worker(self._engines)
        self._all.add(worker)
        return worker

    def _retire(self, worker: Worker) -> None:
        self._all.discard(worker)
        task = asyncio.ensure_future(worker.close())
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)


class RunningCall:
    """One call of an engine that runs in a worker."""

    def __init__(self, pool: Workers, worker: Worker, engine: str) -> None:
        self._pool = pool
        self._worker: Worker | None = worker
        self._engine = engine
        self._remaining: int | None = None
        self._buffer = memoryview(b"")
        self._lost: Worker | None = None

    @property
    def messages(self) -> str:
        """The end of what the worker wrote to stderr."""
        worker = self._worker or self._lost
        return "" if worker is None else worker.group.messages

    def position(self, source: SourceFacts) -> int | None:
        """Not to be seen: an engine's library maps its source."""
        return None

    async def next(self, limit: int) -> Block | None:
        """Wait for the result and give its next bytes; None at the end.

        Raises:
            MediaError: the engine refused the source, or its worker crashed.
        """
        worker = self._worker
        if worker is None or self._remaining == 0:
            return None
        try:
            if self._remaining is None:
                self._remaining = _length(json.loads(await worker.stream.read_until(b"\n", _LINE)))
                if self._remaining == 0:
                    return None
                self._buffer = memoryview(bytearray(min(_BLOCK, self._remaining)))
            room = self._buffer[: min(limit, self._remaining)]
            # Tornado's annotation says bytearray; its code takes any writable buffer.
            size = await worker.stream.read_into(cast(bytearray, room), partial=True)
        except StreamClosedError:
            raise await self._crash(worker) from None
        except MediaError:
            # It refused in good order: the worker serves on.
            self._remaining = 0
            raise
        self._remaining -= size
        return InMemory(room[:size])

    async def end(self) -> None:
        """The last byte is the end of a call: the length was told before it.

        Raises:
            ProgramFailed: the result is not complete.
        """
        if self._remaining != 0:
            raise ProgramFailed(f"The engine {self._engine} did not finish.")

    async def close(self) -> None:
        """Give the worker back, or end it if its call is not done. Idempotent."""
        worker, self._worker = self._worker, None
        if worker is not None and self._remaining == 0:
            self._pool.give_back(worker, good=True)
        elif worker is not None:
            self._lost = worker
            self._pool.give_back(worker, good=False)
        if self._lost is not None:
            await self._lost.close()

    async def _crash(self, worker: Worker) -> MediaError:
        await worker.close()
        statuses = [child.status for child in worker.group.children if child.status is not None]
        private = f"worker {', '.join(map(describe_status, statuses))}"
        if statuses and statuses[0] < 0:
            # A signal while it decoded: it is the source's doing until shown otherwise.
            return SourceUnusable(f"This source made the engine {self._engine} crash.", private=private)
        return ProgramFailed(f"The engine {self._engine} ended early.", private=private)


def _start_text() -> str:
    # The package may run from a checkout that only our own sys.path knows.
    home = os.path.dirname(os.path.dirname(os.path.abspath(tornado_media.__file__)))
    return f"import sys; sys.path.insert(0, {home!r}); from tornado_media.engines.worker import main; main()"


def _length(head: dict[str, object]) -> int:
    if "error" in head:
        kind = getattr(errors, str(head["error"]))
        raise kind(str(head["detail"]), private=str(head["private"]))
    return int(str(head["length"]))
