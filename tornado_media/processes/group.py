"""The process group of one job: what is started in it is ended and reaped with it.

Nobody is left behind: `close` sends SIGTERM, then SIGKILL to the whole group, and reaps. The first child
is reaped last of all steps: while it is a zombie, its number is the group's and nobody else's, so that a
signal to the group cannot hit a stranger.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence

from tornado_media.presets.plan import Limits
from tornado_media.processes.child import UNKNOWN_STATUS, Child, describe_status
from tornado_media.processes.guard import Guard
from tornado_media.processes.scratch import Scratch
from tornado_media.processes.stderr import StderrTail

GRACE = 0.05
"""Seconds between SIGTERM and SIGKILL. The result is not wanted any more, so this is only time enough to
remove a temporary file; a longer one would break the promise of 100 ms after a disconnect."""


class ProcessGroup:
    """The children of one job, their messages and their scratch folder.

    Args:
        limits: set on each child.
        guard: ends the group when the server is gone; None where that is nobody's.
        grace: seconds between SIGTERM and SIGKILL.
    """

    def __init__(self, limits: Limits, *, guard: Guard | None = None, grace: float = GRACE) -> None:
        self._limits = limits
        self._guard = guard
        self._grace = grace
        self._children: list[Child] = []
        self._closing: asyncio.Task[None] | None = None
        self._scratch = Scratch()
        try:
            self._stderr = StderrTail()
        except OSError:
            self._scratch.remove()
            raise

    def __repr__(self) -> str:
        return f"<ProcessGroup {self._children}>"

    @property
    def children(self) -> Sequence[Child]:
        """In the order of their start."""
        return self._children

    @property
    def messages(self) -> str:
        """The end of what the children wrote to stderr, for the log."""
        return self._stderr.text

    def start(self, argv: Sequence[str], *, stdin: int, stdout: int) -> Child:
        """Start one child in the group. Both descriptors stay the caller's.

        Raises:
            MediaError: it could not be started; the group is still to be closed.
        """
        child = Child(
            argv,
            stdin=stdin,
            stdout=stdout,
            stderr=self._stderr.write_end,
            group=self._children[0].pid if self._children else 0,
            environment=self._scratch.environment,
            folder=self._scratch.folder,
            limits=self._limits,
        )
        self._children.append(child)
        if self._guard is not None and len(self._children) == 1:
            self._guard.add(child.group)
        return child

    def started(self) -> None:
        """All children are there: drain their messages from now on."""
        self._stderr.start()

    async def exited(self) -> None:
        """Wait until every child has ended."""
        for child in self._children:
            await child.exited()

    def failures(self) -> str:
        """Which children ended badly, in words; empty if all exited with 0."""
        ends = [(child.name, child.status) for child in self._children if child.status]
        return ", ".join(f"{name} {describe_status(status)}" for name, status in ends if status is not None)

    def send(self, signal_number: signal.Signals) -> None:
        """Send a signal to the whole group, grandchildren included."""
        if not self._children or (self._all_ended() and self._children[0].status == UNKNOWN_STATUS):
            # Reaped by something else: the number may be a stranger's by now.
            return
        try:
            os.killpg(self._children[0].group, signal_number)
        except (ProcessLookupError, PermissionError):
            return

    async def close(self, before: Callable[[], None] | None = None) -> None:
        """End what still runs, reap all, free all. Idempotent; it goes on if its caller is cancelled.

        Args:
            before: called first: close our end of the output here. A child that is blocked in a write to
                us could not follow a SIGTERM otherwise.
        """
        if self._closing is None:
            if before is not None:
                before()
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    def abandon(self) -> None:
        """Close without waiting, for where nothing can be awaited: a start that failed halfway."""
        task = asyncio.ensure_future(self.close())
        # The loop keeps only a weak reference to a task.
        _abandoned.add(task)
        task.add_done_callback(_abandoned.discard)

    def _all_ended(self) -> bool:
        return all(child.status is not None for child in self._children)

    async def _close(self) -> None:
        if not self._all_ended():
            self.send(signal.SIGTERM)
            try:
                async with asyncio.timeout(self._grace):
                    await self.exited()
            except TimeoutError:
                pass
        # Also when all have exited: what they left behind in their group goes with them.
        self.send(signal.SIGKILL)
        await self.exited()
        for child in reversed(self._children):
            child.reap()
        if self._guard is not None and self._children:
            self._guard.discard(self._children[0].group)
        self._stderr.close()
        self._scratch.remove()


_abandoned: set[asyncio.Task[None]] = set()
