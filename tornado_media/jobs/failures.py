"""What has failed a moment ago: a broken source is not tried again by every request."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from tornado_media.errors import MediaError, Unavailable
from tornado_media.presets.plan import Plan

_MOST = 10_000


class Failures:
    """Failures of jobs by the keys of their plans, each for some seconds.

    Args:
        seconds: how long one is remembered; 0 remembers none.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known: OrderedDict[str, tuple[float, str, MediaError]] = OrderedDict()

    def remember(self, plan: Plan, error: MediaError) -> None:
        """Keep a failure. One that says nothing about the source, such as a full queue, is not kept."""
        if self._seconds and not isinstance(error, Unavailable):
            self._known[plan.key] = (_now() + self._seconds, plan.source.path, error)
            if len(self._known) > _MOST:
                self._known.popitem(last=False)

    def of(self, plan: Plan) -> MediaError | None:
        """The failure that a plan has ended with, while it is remembered."""
        known = self._known.get(plan.key)
        if known is None:
            return None
        until, _, error = known
        if _now() < until:
            return error
        del self._known[plan.key]
        return None

    def forget(self, path: str) -> None:
        """Forget the failures of a source, by its path in URLs."""
        for key in [key for key, (_, known, _) in self._known.items() if known == path]:
            del self._known[key]


def _now() -> float:
    return asyncio.get_running_loop().time()
