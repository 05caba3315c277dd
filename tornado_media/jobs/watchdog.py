"""A deadline for waiting, cheap enough to be set for every block: one timer, moved only when it fires."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Watchdog:
    """Calls `passed` when one wait has lasted longer than `limit`.

    Between `waiting` and `resting` the time runs; each wait begins anew. The timer is not touched by
    either: when it fires too early it is set again for the right moment.

    Args:
        limit: seconds that one wait may last; may be changed between waits.
        passed: called once, on the loop.
    """

    def __init__(self, limit: float, passed: Callable[[], None]) -> None:
        self.limit = limit
        self._passed = passed
        self._loop = asyncio.get_running_loop()
        self._since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def waiting(self) -> None:
        """A wait begins."""
        self._since = self._loop.time()
        if self._timer is None or self._timer.when() > self._since + self.limit:
            self._set(self._since + self.limit)

    def resting(self) -> None:
        """The wait is over."""
        self._since = None

    def close(self) -> None:
        """No more waits. Idempotent."""
        self._since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._check)

    def _check(self) -> None:
        self._timer = None
        if self._since is None:
            return
        when = self._since + self.limit
        if self._loop.time() >= when:
            self._since = None
            self._passed()
        else:
            self._set(when)
