"""Finished results by plan key: small ones in memory, all on disk. Between planning and `jobs.join`.

The cache never fails a request: what cannot be read is a miss, what cannot be kept is made again. It holds
only results whose job ended well; it does not know jobs. A plan's key names the state of its source, so an
entry is never out of date: it is only asked for no more, and leaves in its turn.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tornado_media.http.conditional import Validators
from tornado_media.presets.plan import Plan
from tornado_media.store.disk import Disk
from tornado_media.store.entry import SMALL, Meta
from tornado_media.store.layout import Found, source_of
from tornado_media.store.memory import Kept, Memory
from tornado_media.store.representation import FileReader, Representation, of_bytes
from tornado_media.store.room import Room


@dataclass(frozen=True, slots=True)
class Purged:
    """What was removed.

    Args:
        count: of results.
        bytes: of their files on disk; of their content, where they were in memory only.
    """

    count: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Stats:
    """How full the cache is, and of how much use. Sizes in bytes.

    Args:
        entries: results on disk that are known.
        bytes: what they take there.
        growing: what results take there that are still being made.
        memory_entries: results in memory.
        memory_bytes: what they take there.
        capacity: what all may take on disk.
        hits: results that were found since the start.
        misses: results that were not.
    """

    entries: int
    bytes: int
    growing: int
    memory_entries: int
    memory_bytes: int
    capacity: int
    hits: int
    misses: int


class Cache:
    """Keeps results within two bounds. The disk is not touched before the first request.

    Args:
        folder: absolute path; None keeps nothing on disk.
        capacity: bytes on disk; 0 keeps nothing there.
        memory: bytes in memory; 0 keeps nothing there.
        share: part of `capacity` that one result may have.
    """

    def __init__(self, folder: Path | None, *, capacity: int, memory: int, share: float) -> None:
        self._capacity = 0 if folder is None else capacity
        self._memory_capacity = memory
        self._memory = Memory(memory)
        self._disk: Disk | None = None
        if folder is not None and capacity > 0:
            self._disk = Disk(folder, capacity, int(capacity * share), self._memory.__contains__)
        self._hits = self._misses = 0
        # Counts up when results are forgotten: what was read from the disk before is not put into memory.
        self._forgotten = 0

    def keeps(self, plan: Plan) -> bool:
        """Whether there is a place where the result of a plan can be kept, as far as is known."""
        if not plan.cache:
            return False
        # A stream is not known to be small.
        return (self._disk is not None and self._disk.writable) or (
            self._memory_capacity > 0 and not plan.streams
        )

    async def get(self, plan: Plan) -> Representation | None:
        """The result of a plan, or None when it is not here."""
        kept = self.in_memory(plan.key)
        if kept is None and self._disk is not None:
            forgotten = self._forgotten
            found = await self._disk.find(source_of(plan.source.path), plan.key)
            if found is not None and found.content is None:
                self._hits += 1
                return _of_file(found, plan.cache_control)
            if found is not None and found.content is not None:
                self._hits += 1
                kept = Kept(found.content, found.meta.media_type, found.meta.entity_tag, plan.source.path)
                self._notice()
                if forgotten == self._forgotten:
                    self._memory.put(plan.key, kept)
        if kept is None:
            self._misses += 1
            return None
        return of_bytes(kept.content, kept.media_type, plan.cache_control, kept.entity_tag)

    def in_memory(self, key: str) -> Kept | None:
        """A small result that is in memory; it counts as used now.

        Args:
            key: of its plan.
        """
        self._notice()
        kept = self._memory.get(key)
        if kept is not None:
            self._hits += 1
        return kept

    def peek(self, key: str) -> Kept | None:
        """As `in_memory`, for who does not send it: it counts neither as a use nor as a hit."""
        self._notice()
        return self._memory.peek(key)

    async def keep(self, plan: Plan, content: bytes, entity_tag: str) -> None:
        """Keep a result that is in memory. It can be had at once, and is on disk when this returns.

        Args:
            plan: what it is the result of.
            content: all of it.
            entity_tag: strong, with its quotes.
        """
        self._notice()
        if len(content) <= SMALL:
            self._memory.put(plan.key, Kept(content, plan.media_type, entity_tag, plan.source.path))
        if self._disk is not None:
            meta = _meta(plan, len(content), entity_tag)
            await self._disk.write(source_of(plan.source.path), meta, content)

    async def keep_file(self, plan: Plan, file: int, length: int, entity_tag: str) -> None:
        """Keep a result that is in a file. When it has been kept, its room's bytes are the cache's.

        Args:
            plan: what it is the result of.
            file: a descriptor that a `room` made; stays the caller's, and may be read on. It is cut at
                `length`, and grows by a footer.
            length: bytes of the content, from the beginning of the file.
            entity_tag: strong, with its quotes.
        """
        if self._disk is not None:
            meta = _meta(plan, length, entity_tag)
            await self._disk.commit(source_of(plan.source.path), meta, file)

    def room(self) -> Room:
        """Room on disk for a result that is being made; whoever gets it closes it."""
        return Room(None, 0) if self._disk is None else self._disk.room()

    async def purge(self, path: str) -> Purged:
        """Remove what was made of a source, here and for all servers that share the folder.

        Args:
            path: of the source in URLs.
        """
        return await self._remove(source_of(path), lambda: self._memory.made_of(path))

    async def clear(self) -> Purged:
        """Remove all results, here and for all servers that share the folder."""
        return await self._remove(None, self._memory.lengths)

    def stats(self) -> Stats:
        """How full it is, and of how much use."""
        index = None if self._disk is None else self._disk.index
        return Stats(
            entries=0 if index is None else len(index),
            bytes=0 if index is None else index.size,
            growing=0 if index is None else index.taken,
            memory_entries=len(self._memory),
            memory_bytes=self._memory.size,
            capacity=self._capacity,
            hits=self._hits,
            misses=self._misses,
        )

    def failed(self, error: OSError) -> None:
        """The disk could not be written: for `disk.OFF` seconds nothing is; what it has is served on."""
        if self._disk is not None:
            self._disk.failed(error)

    async def drain(self) -> None:
        """Return when all that is being kept is on disk."""
        if self._disk is not None:
            await self._disk.drain()

    def close(self) -> None:
        """Keep nothing more. Idempotent; what is being written is still written."""
        self._memory.clear()
        if self._disk is not None:
            self._disk.close()

    async def _remove(self, source: str | None, in_memory: Callable[[], dict[str, int]]) -> Purged:
        lengths = self._drop(in_memory())
        if self._disk is not None:
            lengths |= (await self._disk.remove(source)).lengths
            # What a request has read from the disk meanwhile is purged too.
            lengths = self._drop(in_memory()) | lengths
        return Purged(len(lengths), sum(lengths.values()))

    def _drop(self, lengths: dict[str, int]) -> dict[str, int]:
        self._forgotten += 1
        for key in lengths:
            self._memory.drop(key)
        return lengths

    def _notice(self) -> None:
        """See whether another process has purged meanwhile: then memory may hold what it has removed."""
        if self._disk is not None and self._disk.changed():
            self._forgotten += 1
            self._memory.clear()


def _meta(plan: Plan, length: int, entity_tag: str) -> Meta:
    return Meta(plan.key, plan.preset, plan.media_type, entity_tag, length, None)


def _of_file(found: Found, cache_control: str) -> Representation:
    """A representation of an entry's content; it owns the descriptor."""
    file, length = found.file, found.meta.length
    closed = False

    async def close() -> None:
        nonlocal closed
        if not closed:
            closed = True
            os.close(file)

    return Representation(
        media_type=found.meta.media_type,
        complete_length=length,
        validators=Validators(entity_tag=found.meta.entity_tag),
        cache_control=cache_control,
        open=lambda offset: FileReader(file, offset, length),
        close=close,
    )
