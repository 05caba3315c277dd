"""Programs joined by pipes: the last one's stdout is the result.

One process group, our own pipes, no shell. The result is read on demand only, so a client that does not
read leaves the last program blocked in its write, and through it all programs before.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import signal
from contextlib import ExitStack, suppress
from typing import ClassVar

from tornado_media.errors import MediaError, ProgramFailed, Unavailable
from tornado_media.presets.plan import Limits, Pipeline, SourceFacts
from tornado_media.processes.group import GRACE, ProcessGroup
from tornado_media.processes.guard import Guard
from tornado_media.processes.output import Output, open_output
from tornado_media.processes.position import position_of
from tornado_media.store.blocks import Block

LINGER = 0.5
"""Seconds that somebody may hold the output open after every program has exited. A grandchild that a
program left behind would hold it for ever; after this it is killed with the group."""

EXIT_GRACE = 5.0
"""Seconds that a program may live on after it has closed its output."""

PIPE_SIZE = 256 * 1024
"""Bytes that the pipe of a result may hold. Four times the kernel's default halves our processor time for
each gigabyte: a quarter of the wake-ups."""

GROWN_PIPES = 64
"""Pipes of this size at once. The kernel counts the pages of all pipes of a user, and past 64 MiB gives new
ones 8 KiB only (pipe(7)); with 64 of ours a quarter of that is used."""


class RunningPipeline:
    """A pipeline that runs.

    Args:
        work: the commands; each begins with the absolute path of its program.
        source: descriptor of the source, a file or a pipe, where the first command reads it from stdin; stays
            the caller's.
        limits: of the job.
        guard: ends the programs when the server is gone.
        grace: seconds between SIGTERM and SIGKILL.

    Raises:
        MediaError: a program could not be started; nothing is left running.
    """

    _pipes_grown: ClassVar[int] = 0

    def __init__(
        self,
        work: Pipeline,
        source: int | None,
        limits: Limits,
        *,
        guard: Guard | None = None,
        grace: float = GRACE,
    ) -> None:
        self._group = _new_group(limits, guard, grace)
        self._grown = False
        try:
            self._output: Output = open_output(_start(self._group, work, source))
        except BaseException:
            self._group.abandon()
            raise
        self._grow()
        self._sweep: asyncio.TimerHandle | None = None
        self._exits = asyncio.ensure_future(self._group.exited())
        self._exits.add_done_callback(self._all_exited)

    def __repr__(self) -> str:
        return f"<RunningPipeline {self._group}>"

    @property
    def group(self) -> ProcessGroup:
        """Its processes."""
        return self._group

    @property
    def messages(self) -> str:
        """The end of what the programs wrote to stderr."""
        return self._group.messages

    async def next(self, limit: int) -> Block | None:
        """Wait for output and say where the next of it lies; None at its end and after `close`."""
        return await self._output.next(limit)

    def position(self, source: SourceFacts) -> int | None:
        """How far the programs have read the source, in bytes; None where that cannot be seen."""
        return position_of((child.pid for child in self._group.children), source)

    async def end(self) -> None:
        """Return when every program has exited with 0.

        Raises:
            ProgramFailed: one did not, or lives on long after it closed its output.
        """
        try:
            async with asyncio.timeout(EXIT_GRACE):
                await self._group.exited()
        except TimeoutError:
            raise ProgramFailed(
                "The program closed its output but did not exit.", private=repr(self._group)
            ) from None
        if failures := self._group.failures():
            raise ProgramFailed("The program that makes this failed.", private=failures)

    async def close(self) -> None:
        """Stop what still runs and free all. Idempotent."""
        if self._sweep is not None:
            self._sweep.cancel()
        self._exits.remove_done_callback(self._all_exited)
        await self._group.close(before=self._shut)
        self._exits.cancel()

    def _grow(self) -> None:
        # Not portable, and never necessary: the default size works too.
        if RunningPipeline._pipes_grown < GROWN_PIPES and hasattr(fcntl, "F_SETPIPE_SZ"):
            with suppress(OSError):
                fcntl.fcntl(self._output.fileno(), fcntl.F_SETPIPE_SZ, PIPE_SIZE)
                RunningPipeline._pipes_grown += 1
                self._grown = True

    def _shut(self) -> None:
        self._output.close()
        if self._grown:
            self._grown = False
            RunningPipeline._pipes_grown -= 1

    def _all_exited(self, exits: asyncio.Future[None]) -> None:
        if not exits.cancelled() and not self._output.closed:
            self._sweep = asyncio.get_running_loop().call_later(LINGER, self._group.send, signal.SIGKILL)


def _new_group(limits: Limits, guard: Guard | None, grace: float) -> ProcessGroup:
    try:
        return ProcessGroup(limits, guard=guard, grace=grace)
    except OSError as error:
        raise Unavailable(
            "There is no room to start a program now.", retry_after=1, private=str(error)
        ) from error


def _start(group: ProcessGroup, work: Pipeline, source: int | None) -> int:
    """Start every command; the read end of the last one's stdout, which is the caller's then."""
    # Every descriptor that only children need is closed on every path by `ours`; the result's read end
    # is closed here only on failure. os.pipe makes them all close-on-exec (PEP 446).
    with ExitStack() as ours:

        def keep(descriptor: int) -> int:
            ours.callback(os.close, descriptor)
            return descriptor

        try:
            if work.source_on_stdin and source is not None:
                _rewind(source)
                stdin = source
            else:
                stdin = keep(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
            for command in work.commands[:-1]:
                read_end, write_end = os.pipe()
                keep(read_end), keep(write_end)
                group.start(command, stdin=stdin, stdout=write_end)
                stdin = read_end
            result, write_end = os.pipe()
        except OSError as error:
            raise Unavailable(
                "There is no room to start a program now.", retry_after=1, private=str(error)
            ) from error
        keep(write_end)
        try:
            group.start(work.commands[-1], stdin=stdin, stdout=write_end)
            group.started()
        except MediaError:
            os.close(result)
            raise
    return result


def _rewind(source: int) -> None:
    """A file is read from its first byte, whoever has read it before; a pipe gives what comes."""
    try:
        os.lseek(source, 0, os.SEEK_SET)
    except OSError as error:
        if error.errno != errno.ESPIPE:
            raise
