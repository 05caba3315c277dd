"""What has failed a moment ago: a broken source is not tried again by every request.

What an engine has lost a worker over is remembered longer, and not for the one result alone: another size of
the same source must not cost another worker. A crash is the source's doing, so it stands for all results
that the engine makes of it. Too much time or memory may be the doing of this one size or format, so only
when a second result has failed in this way does it stand for all.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from copy import copy
from dataclasses import dataclass

from tornado_media.errors import MediaError, ProgramTimedOut, SourceCrashed, SourceTooCostly, Unavailable
from tornado_media.presets.plan import EngineCall, Plan

_MOST = 10_000

_LOST = (SourceCrashed, SourceTooCostly, ProgramTimedOut)
"""Failures of engines that cost a worker, or all the time or memory that it may have."""


@dataclass(frozen=True, slots=True)
class _Failure:
    key: str
    until: float
    error: MediaError
    paths: frozenset[str]


class Failures:
    """Failures of jobs, each for some seconds.

    Args:
        seconds: how long one is remembered by the key of its plan; 0 remembers none.
        crashes: how long one that has cost a worker is, by its source and its engine too; 0 treats it as any
            other.
    """

    def __init__(self, seconds: float, crashes: float = 60.0) -> None:
        self._seconds = seconds
        self._crashes = crashes
        self._known: OrderedDict[str, _Failure] = OrderedDict()

    def remember(self, plan: Plan, error: MediaError) -> None:
        """Keep a failure. One that says nothing about the source, such as a full queue, is not kept."""
        if isinstance(error, Unavailable):
            return
        key = _of_source(plan)
        if key is None or not self._crashes or not isinstance(error, _LOST):
            self._keep(plan.key, plan, error, self._seconds)
            return
        self._keep(plan.key, plan, error, max(self._seconds, self._crashes))
        second = self._live(f"once {key}")
        if isinstance(error, SourceCrashed) or (second is not None and second.key != plan.key):
            self._keep(key, plan, error, self._crashes)
        else:
            self._keep(f"once {key}", plan, error, self._crashes)

    def of(self, plan: Plan) -> MediaError | None:
        """The failure that a plan would end with, while it is remembered."""
        known = self._live(plan.key)
        if known is None and (key := _of_source(plan)) is not None:
            known = self._live(key)
        # A copy has no traceback, whose frames would keep the whole job and the request in memory.
        return None if known is None else copy(known.error)

    def forget(self, path: str) -> None:
        """Forget the failures of a source, by its path in URLs."""
        for key in [key for key, known in self._known.items() if path in known.paths]:
            del self._known[key]

    def _keep(self, key: str, plan: Plan, error: MediaError, seconds: float) -> None:
        if not seconds:
            return
        paths = frozenset(source.path for source in plan.sources)
        self._known[key] = _Failure(plan.key, _now() + seconds, copy(error), paths)
        self._known.move_to_end(key)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def _live(self, key: str) -> _Failure | None:
        known = self._known.get(key)
        if known is not None and known.until <= _now():
            del self._known[key]
            return None
        return known


def _of_source(plan: Plan) -> str | None:
    """What all results have in common that an engine makes of the same sources; None for no engine."""
    if not isinstance(plan.work, EngineCall):
        return None
    files = [(s.device, s.inode, s.size, s.mtime_ns) for s in plan.sources]
    return f"{plan.work.engine} {files}"


def _now() -> float:
    return asyncio.get_running_loop().time()
