"""What targets were answered with: the table of `web/hot.py`.

A target may have several answers: by the values of the fields of a request that they vary with.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from tornado.httputil import HTTPHeaders

from tornado_media.presets.plan import SourceFacts

_VARIANTS = 16
"""Of one target: for how many different values of the fields that its answer varies with."""


@dataclass(slots=True)
class Entry:
    """One answer; the content stays the cache's.

    Args:
        uri: the target.
        said: values of the fields that the answer varies with, in their order.
        sources: what it was made of.
        key: of the plan.
        entity_tag: of the content.
        length: of the content, bytes.
        ok: the head of a 200.
        not_modified: the head of a 304.
    """

    uri: str
    said: tuple[str | None, ...]
    sources: tuple[SourceFacts, ...]
    key: str
    entity_tag: str
    length: int
    ok: bytes
    not_modified: bytes


class Variants:
    """The answers to one target, by the values of the fields that they vary with (RFC 9111 section 4.1)."""

    __slots__ = ("entries", "vary")

    def __init__(self, vary: tuple[str, ...]) -> None:
        self.vary = vary
        self.entries: OrderedDict[tuple[str | None, ...], Entry] = OrderedDict()

    def of(self, headers: HTTPHeaders) -> Entry | None:
        """The answer to a request."""
        return self.entries.get(tuple(headers.get(name) for name in self.vary) if self.vary else ())

    def add(self, entry: Entry) -> None:
        """Keep an answer; of too many the oldest is forgotten."""
        self.entries[entry.said] = entry
        while len(self.entries) > _VARIANTS:
            self.entries.popitem(last=False)
