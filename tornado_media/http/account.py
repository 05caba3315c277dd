"""What a request tells of itself: where its answer came from, and how long each part took.

Two response fields: Cache-Status (RFC 9211) and Server-Timing (W3C Server Timing). Times come in as values;
this module must not read a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CACHE = "tornado_media"
"""The name of this cache in Cache-Status (RFC 9211 section 2)."""

HIT = "hit"
"""A kept result, or a 304 for an equivalent one."""

FAILED = "hit; detail=failed"
"""The job failed a moment ago, and was not run again."""

EQUIVALENT = "hit; detail=equivalent"
"""The client has an equivalent result; nothing was looked for."""

MISS = "fwd=miss"
"""A job was run, and what it made is not kept."""

STORED = "fwd=miss; stored"
"""A job was run for this request, and what it makes is kept."""

COLLAPSED = "fwd=miss; collapsed"
"""The job of an earlier request is shared."""

BYPASS = "fwd=bypass"
"""The cache was not asked: a source's own bytes, a preset that is not kept, our own pages, most failures."""


@dataclass(slots=True)
class Account:
    """Of one request.

    Args:
        began: when, in seconds of the clock that `fields` is asked with.
        cache: one of the values of this module.
        seconds: by part: `queue` (waiting for a slot), `source` (opening it, and facts about it),
            `first-byte` (from the start of the job to its first byte, or as long as it was waited for).
    """

    began: float
    cache: str = BYPASS
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, part: str, seconds: float) -> None:
        """Add time to a part."""
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds

    def fields(self, now: float) -> Mapping[str, str]:
        """The two response fields; `total` is the time until now, when the headers are sent."""
        parts = {**self.seconds, "total": now - self.began}
        timing = ", ".join(f"{part};dur={1000 * seconds:.1f}" for part, seconds in parts.items())
        return {"Cache-Status": f"{CACHE}; {self.cache}", "Server-Timing": timing}
