"""How full the cache's folder is, and which entry goes next. Numbers only: the files are the folder's.

Entries and what growing results have taken stay within one capacity together. It is filled by one look into
the folder; no request looks there again.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace

from tornado_media.store.layout import Listed

_SPARED = 64


class Index:
    """Entries by key, the least recently used first.

    Args:
        capacity: bytes on disk that entries and growing results may have together.
        in_memory: whether a result is in memory too. It is asked for there, so here it only seems unused.
        evict: is given entries that are not in the index any more, to remove them from the disk.
    """

    def __init__(
        self, capacity: int, in_memory: Callable[[str], bool], evict: Callable[[list[Listed]], None]
    ) -> None:
        self._capacity = capacity
        self._in_memory = in_memory
        self._evict = evict
        self._entries: OrderedDict[str, Listed] = OrderedDict()
        # Keys that left while the folder is being listed; None when it is not.
        self._left: set[str] | None = None
        self.size = 0
        self.taken = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Listed | None:
        """An entry, which does not count as used."""
        return self._entries.get(key)

    def take(self, more: int) -> bool:
        """Take bytes for what grows; entries leave for it. False when that would not be enough."""
        if self.taken + more > self._capacity:
            return False
        self.taken += more
        self.fit()
        return True

    def give_back(self, less: int) -> None:
        """What was taken is free again, or is an entry now."""
        self.taken -= less

    def add(self, source: str, key: str, size: int) -> None:
        """An entry is on disk, or was found there; it counts as used now."""
        self._forget(key)
        if self._left is not None:
            self._left.discard(key)
        self._entries[key] = Listed(source, key, size, time.time())
        self.size += size
        self.fit()

    def drop(self, key: str) -> None:
        """An entry is gone from the disk."""
        self._forget(key)
        if self._left is not None:
            self._left.add(key)

    def fit(self) -> None:
        """Let entries leave until all is within the capacity."""
        leaving = []
        spared = 0
        while self._entries and self.size + self.taken > self._capacity:
            key, entry = next(iter(self._entries.items()))
            if spared < _SPARED and self._in_memory(key):
                self._entries.move_to_end(key)
                spared += 1
                continue
            self.drop(key)
            leaving.append(entry)
        if leaving:
            self._evict(leaving)

    def listing(self) -> None:
        """The folder is being listed from now on: `fill` or `not_listed` follows."""
        self._left = set()

    def not_listed(self) -> None:
        """The folder could not be listed."""
        self._left = None

    def fill(self, listed: Iterable[Listed]) -> None:
        """Take over what the folder has, whoever wrote it."""
        left, self._left = self._left or set(), None
        before = self._entries
        entries = [_later(entry, before.get(entry.key)) for entry in listed if entry.key not in left]
        entries.sort(key=lambda entry: entry.used)
        self._entries = OrderedDict((entry.key, entry) for entry in entries)
        self.size = sum(entry.size for entry in self._entries.values())
        self.fit()

    def _forget(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size -= entry.size


def _later(entry: Listed, known: Listed | None) -> Listed:
    """The entry with the later of two uses: file systems note a read once a day, or never."""
    if known is None or known.used <= entry.used:
        return entry
    return known if known.size == entry.size else replace(entry, used=known.used)
