"""One worker process and the call that it runs. `workers` is the pool of them; the bytes are told in
`engines/worker.py`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

import tornado_media
from tornado_media.errors import (
    BadRequest,
    MediaError,
    ProgramFailed,
    ProgramTimedOut,
    SourceCrashed,
    SourceTooCostly,
    SourceUnusable,
    Unavailable,
)
from tornado_media.formats.shortage import tells_of_memory, too_much
from tornado_media.presets.plan import EngineCall, Limits, SourceFacts
from tornado_media.processes.channel import Channel
from tornado_media.processes.child import describe_status
from tornado_media.processes.group import ProcessGroup
from tornado_media.store.blocks import Block, InMemory

_BLOCK = 256 * 1024
_LINE = 64 * 1024
_LAST_WORDS = 4096
_ENDING = 0.5
_REFUSALS = {kind.__name__: kind for kind in (BadRequest, SourceUnusable, SourceTooCostly, ProgramFailed)}
"""What an engine may raise. A worker is not believed more than this: it may have been taken over."""


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
        self.channel = Channel(ours)
        self.calls = 0
        self.resident = 0
        self.ready = False
        self.jailed = False
        self.leaving = False
        argv = [sys.executable, "-c", _start_text(), *engines]
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        try:
            self.group.start(argv, stdin=theirs.fileno(), stdout=null)
            self.group.started()
        except MediaError:
            self.channel.close()
            self.group.abandon()
            raise
        finally:
            theirs.close()
            os.close(null)
        self._warming = asyncio.ensure_future(self._warm())

    @property
    def usable(self) -> bool:
        """It runs, and its socket is open."""
        return not self.channel.closed and all(child.status is None for child in self.group.children)

    def send(self, call: EngineCall, media_type: str, sources: Sequence[int], limits: Limits) -> None:
        """Send one request with the sources' descriptors; a worker that still warms up takes it then.

        Raises:
            OSError: the worker has gone.
            BadRequest: the arguments are longer than a worker takes.
        """
        self.calls += 1
        request: dict[str, object] = {
            "engine": call.engine,
            "media_type": media_type,
            "arguments": dict(call.arguments),
        }
        if call.others:
            request["others"] = [[name, facts.media_type] for name, facts in call.others.items()]
        if limits.memory is not None:
            request["memory"] = limits.memory
        if limits.cpu is not None:
            request["cpu"] = limits.cpu
        line = json.dumps(request).encode() + b"\n"
        if len(line) > _LINE:
            raise BadRequest("The parameters of this request are too long.")
        # An idle worker's socket buffer is empty, so one short line always fits.
        self.channel.send(line, sources)

    async def warmed(self) -> bool:
        """Wait until its engines are loaded; False if it ended before."""
        return await asyncio.shield(self._warming)

    async def ended(self) -> None:
        """Its end of the socket is closed: let it end by itself for a moment, to see how it does."""
        if not self.channel.closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(_ENDING):
                    await self.group.exited()
        await self.close()

    async def close(self) -> None:
        """End it. Idempotent."""
        await self.group.close(before=self.channel.close)
        await self._warming

    async def _warm(self) -> bool:
        try:
            self.jailed = bool(json.loads(await self.channel.line())["jailed"])
        except (EOFError, ValueError):
            return False
        self.ready = True
        return True


class RunningCall:
    """One call of an engine that runs in a worker.

    Args:
        worker: has just been sent the call.
        give_back: takes the worker back, and whether it is still good.
        engine: its name, for texts.
        limits: that the call was given.
    """

    def __init__(
        self, worker: Worker, give_back: Callable[[Worker, bool], None], engine: str, limits: Limits
    ) -> None:
        self._worker = worker
        self._give_back: Callable[[Worker, bool], None] | None = give_back
        self._engine = engine
        self._limits = limits
        self._before = len(worker.group.messages)
        self._remaining: int | None = None
        self._buffer = memoryview(b"")

    @property
    def messages(self) -> str:
        """The end of what the worker wrote to stderr since the call began."""
        return self._worker.group.messages[self._before :].strip()

    def position(self, source: SourceFacts) -> int | None:
        """Not to be seen: an engine's library maps its source."""
        return None

    async def next(self, limit: int) -> Block | None:
        """Wait for the result and give its next bytes; None at the end.

        Raises:
            MediaError: the engine refused the source, or its worker crashed.
        """
        if self._remaining == 0 or self._give_back is None:
            return None
        worker = self._worker
        try:
            if self._remaining is None:
                if not worker.ready and not await worker.warmed():
                    raise EOFError
                self._remaining = self._begin(await worker.channel.line())
                if self._remaining == 0:
                    return None
                self._buffer = memoryview(bytearray(min(_BLOCK, self._remaining)))
            room = self._buffer[: min(limit, self._remaining)]
            size = await worker.channel.next(room)
        except EOFError:
            raise await self._crash() from None
        except ValueError as error:
            raise self._no_answer(str(error)) from error
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
        give_back, self._give_back = self._give_back, None
        good = self._remaining == 0
        if give_back is not None:
            give_back(self._worker, good)
        if not good:
            await self._worker.close()

    def _begin(self, line: bytes) -> int:
        """The length of the result.

        Raises:
            MediaError: the engine refused, and its worker serves on; or the worker answers what no worker of
                ours does.
        """
        try:
            head = json.loads(line)
            self._worker.resident = int(head["resident"])
            if "error" not in head:
                return _natural(head["length"])
            refusal = _REFUSALS[head["error"]](str(head["detail"]), private=str(head["private"]))
        except (ValueError, KeyError, TypeError) as error:
            raise self._no_answer(repr(line[:200])) from error
        self._remaining = 0
        raise refusal

    def _no_answer(self, private: str) -> MediaError:
        return ProgramFailed(f"The engine {self._engine} gave no proper answer.", private=private)

    async def _crash(self) -> MediaError:
        await self._worker.ended()
        status = next((c.status for c in self._worker.group.children if c.status is not None), 0)
        private = f"worker {describe_status(status)}"
        if status == -signal.SIGXCPU:
            return ProgramTimedOut(f"The engine {self._engine} ran too long.", private=private)
        if status == -signal.SIGPROF:  # `engines.patience`
            return SourceTooCostly("To draw this source takes too long.", private=private)
        if status >= 0 or status == -signal.SIGTERM or not self._worker.ready:
            # Nothing in it has failed where it was ended from outside.
            return ProgramFailed(f"The engine {self._engine} ended early.", private=private)
        if self._limits.memory is not None and tells_of_memory(self.messages[-_LAST_WORDS:]):
            return SourceTooCostly(too_much(self._limits.memory), private=private)
        # A signal while it decoded: it is the source's doing until shown otherwise.
        return SourceCrashed(f"This source made the engine {self._engine} crash.", private=private)


def _natural(number: int) -> int:
    if number < 0:
        raise ValueError(number)
    return number


def _start_text() -> str:
    # The package may run from a checkout that only our own sys.path knows.
    home = os.path.dirname(os.path.dirname(os.path.abspath(tornado_media.__file__)))
    return f"import sys; sys.path.insert(0, {home!r}); from tornado_media.engines.worker import main; main()"
