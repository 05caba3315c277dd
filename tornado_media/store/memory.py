"""Small results in memory, the most wanted ones: the first place where a result is looked for."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

_HOLDING = 512
"""Bytes that the objects around a content take, roughly; so that many tiny results are bounded too."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A small result.

    Args:
        content: all of it.
        media_type: of the content.
        entity_tag: strong, with its quotes.
        path: of its source in URLs.
    """

    content: bytes
    media_type: str
    entity_tag: str
    path: str


class Memory:
    """Results by plan key, at most so many bytes; the one that was not asked for the longest leaves first.

    Args:
        capacity: bytes of all results together, with what holds them.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._results: OrderedDict[str, Kept] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._results)

    def __contains__(self, key: str) -> bool:
        return key in self._results

    def get(self, key: str) -> Kept | None:
        """A result, which counts as used now."""
        kept = self._results.get(key)
        if kept is not None:
            self._results.move_to_end(key)
        return kept

    def peek(self, key: str) -> Kept | None:
        """A result, which does not count as used."""
        return self._results.get(key)

    def put(self, key: str, kept: Kept) -> None:
        """Hold a result, unless it alone is too large."""
        self.drop(key)
        size = len(kept.content) + _HOLDING
        if size > self._capacity:
            return
        while self.size + size > self._capacity:
            self.drop(next(iter(self._results)))
        self._results[key] = kept
        self.size += size

    def drop(self, key: str) -> None:
        """Forget a result, if it is here."""
        kept = self._results.pop(key, None)
        if kept is not None:
            self.size -= len(kept.content) + _HOLDING

    def made_of(self, path: str) -> dict[str, int]:
        """Keys and content lengths of the results of one source."""
        return {key: len(kept.content) for key, kept in self._results.items() if kept.path == path}

    def lengths(self) -> dict[str, int]:
        """Keys and content lengths of all results."""
        return {key: len(kept.content) for key, kept in self._results.items()}

    def clear(self) -> None:
        """Forget all."""
        self._results.clear()
        self.size = 0
