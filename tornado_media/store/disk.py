"""The disk half of the cache: the loop's side of the folder, with its bound, its threads and its failures.

What writes or removes runs in one thread, in the order that it was asked for, so a removal never meets a
later write of the same entry. Reads run in the loop's pool. A disk that fails is left alone for a while, and
nobody is told but the log: a result that is not kept is made again.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from tornado_media.store.entry import Meta, entry_length
from tornado_media.store.folder import Folder, NotOurs
from tornado_media.store.generation import Generation
from tornado_media.store.index import Index
from tornado_media.store.layout import Found, Listed, Removed, on_disk
from tornado_media.store.room import Room
from tornado_media.store.threads import in_thread

log = logging.getLogger("tornado_media")

OFF = 60.0
"""Seconds that a disk which failed is left alone."""

_WAITING = 64
# Not the disk's fault, and soon over.
_OURS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
_Result = TypeVar("_Result")


class Disk:
    """Keeps results in a folder, within a bound.

    Args:
        root: the folder's absolute path.
        capacity: bytes on disk.
        largest: bytes on disk of one result.
        in_memory: whether a result is in memory too.
    """

    def __init__(self, root: Path, capacity: int, largest: int, in_memory: Callable[[str], bool]) -> None:
        self.capacity = capacity
        self._largest = largest
        self._folder = Folder(root)
        self.index = Index(capacity, in_memory, self._evict)
        self._writer = ThreadPoolExecutor(1, "tornado_media-cache")
        self._opening = threading.Lock()
        self._generation: Generation | None = None
        self._seen = b""
        self._stale = True
        self._added = 0
        self._no_writing = self._no_reading = 0.0
        self._rooms: set[Room] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def writable(self) -> bool:
        """Results can be kept, as far as is known."""
        return not self._closed and time.monotonic() >= self._no_writing

    def changed(self) -> bool:
        """Whether another process has purged since this was asked last."""
        generation = self._generation
        if generation is None or generation.now == self._seen:
            return False
        self._seen, before = generation.now, self._seen
        self._stale = True
        return before != b""

    async def find(self, source: str, key: str) -> Found | None:
        """An entry, opened and checked; a file in it is the caller's.

        A key that the index does not have is looked for by its name too: another server may share the
        folder, and the index is not there at once. That costs a failing open(2) where a job will run.
        """
        if self._closed or time.monotonic() < self._no_reading:
            return None
        found: list[Found | None] = []
        known = self.index.get(key)
        try:
            await in_thread(lambda: found.append(self._open().find(source, key)))
        except OSError as error:
            self.failed(error, reading=True)
            return None
        except asyncio.CancelledError:
            if found and found[0] is not None and found[0].file >= 0:
                os.close(found[0].file)
            raise
        if self._stale:
            self._look()
        if found[0] is not None:
            self.index.add(source, key, found[0].size)
        elif self.index.get(key) is known:
            self.index.drop(key)
        return found[0]

    async def write(self, source: str, meta: Meta, content: bytes) -> None:
        """Keep a content, if there is room for it and the disk takes it."""
        if len(self._tasks) >= _WAITING:
            return  # A disk that is slower than the jobs must not fill the memory.
        room = self.room()
        if not room.grow(on_disk(entry_length(meta))):
            room.close()
            return
        placed = self._submit(lambda folder: folder.write(source, meta, content))
        task = self._spawn(self._placed(placed, source, meta.key, room))
        task.add_done_callback(lambda _: room.close())
        await asyncio.shield(task)

    async def commit(self, source: str, meta: Meta, file: int) -> None:
        """Keep a file that a room has made; the descriptor stays the caller's.

        The room's bytes are the entry's from then on. If it cannot be kept, they stay the room's.

        Raises:
            ValueError: no open room has made it.
        """
        room = next((room for room in self._rooms if room.file == file), None)
        if room is None:
            raise ValueError(f"no room has made the file {file}, or it has been closed")
        if not room.grow(max(0, on_disk(entry_length(meta)) - room.size)):
            return
        try:
            # Whoever waits for this may be cancelled, and closes the file then.
            own = os.dup(file)
        except OSError as error:
            self.failed(error)
            return

        def place(folder: Folder) -> int:
            try:
                return folder.commit(source, meta, own)
            finally:
                os.close(own)

        await asyncio.shield(self._spawn(self._placed(self._submit(place), source, meta.key, room)))

    async def remove(self, source: str | None) -> Removed:
        """Remove the entries of a source, or all, and tell other processes.

        Args:
            source: name of its folder; None means all.
        """
        if self._closed:
            return Removed({}, b"")
        try:
            removed = await asyncio.shield(
                self._submit(lambda folder: folder.clear() if source is None else folder.purge(source))
            )
        except OSError as error:
            self.failed(error)
            return Removed({}, b"")
        for key in removed.lengths:
            self.index.drop(key)
        if int.from_bytes(removed.generation) == int.from_bytes(self._seen) + 1:
            self._seen = removed.generation
        return removed

    def room(self) -> Room:
        """Room on the disk for one result that grows."""
        room = Room(self, self._largest)
        self._rooms.add(room)
        return room

    def left(self, room: Room) -> None:
        """A room has been closed."""
        self._rooms.discard(room)

    def new_file(self) -> int:
        """A new file without a name; called in a thread.

        Raises:
            OSError: the disk does not take it, or is left alone.
        """
        if not self.writable:
            raise OSError(errno.ENOSPC, "the disk is left alone")
        return self._open().new_file()

    def failed(self, error: OSError, reading: bool = False) -> None:
        """Leave the disk alone for a while.

        Args:
            error: what it said.
            reading: it cannot even be read; else what it has is served on.
        """
        if error.errno in _OURS:
            log.info("a result is not kept: %s", error.strerror)
            return
        now = time.monotonic()
        known = now < max(self._no_writing, self._no_reading)
        self._no_writing = now + OFF
        if reading:
            self._no_reading = now + OFF
        if not known:
            log.warning("the cache's disk is left alone for %.0f s: %s", OFF, error)

    async def drain(self) -> None:
        """Return when all that is being written is on the disk."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def close(self) -> None:
        """Write nothing new; what is being written is finished by its thread. Idempotent."""
        self._closed = True
        self._generation = None
        self._writer.shutdown(wait=False)

    def _open(self) -> Folder:
        """The folder, made where it is missing; in a thread.

        Raises:
            OSError: it cannot be made.
        """
        with self._opening:
            if self._generation is None or not self._generation.is_at(self._folder.generation):
                self._folder.make()
                self._generation = Generation(self._folder.generation)
                self._seen = self._seen or self._generation.now
                self._stale = True
                if self._closed:
                    self._generation = None
        return self._folder

    def _submit(self, work: Callable[[Folder], _Result]) -> asyncio.Future[_Result]:
        """Run something in the thread that writes, after all that was asked for before."""
        return asyncio.wrap_future(self._writer.submit(lambda: work(self._open())))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that goes on when its caller is cancelled."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _placed(self, placed: asyncio.Future[int], source: str, key: str, room: Room) -> None:
        """Wait for an entry to be in its place; its room's bytes are its own then."""
        try:
            size = await placed
        except NotOurs as error:
            log.info("a result is not kept: %s", error)
            return
        except OSError as error:
            self.failed(error)
            return
        room.close()
        self.index.add(source, key, size)
        self._added += size
        # What another server puts into this folder is not in our index until we look.
        if self._stale or self._added > self.capacity // 4:
            self._look()

    def _look(self) -> None:
        """List the folder anew."""
        if self._closed:
            return
        self._stale, self._added = False, 0
        self.index.listing()
        self._spawn(self._listed(self._submit(_list)))

    async def _listed(self, listed: asyncio.Future[list[Listed]]) -> None:
        try:
            self.index.fill(await listed)
        except OSError as error:
            self._stale = True
            self.index.not_listed()
            self.failed(error, reading=True)

    def _evict(self, entries: list[Listed]) -> None:
        """Remove entries that have left the index."""
        if not self._closed:
            self._spawn(self._evicted(self._submit(lambda folder: _remove(folder, entries))))

    async def _evicted(self, removed: asyncio.Future[None]) -> None:
        try:
            await removed
        except OSError as error:
            self.failed(error)


def _list(folder: Folder) -> list[Listed]:
    folder.clean()
    return folder.list()


def _remove(folder: Folder, entries: list[Listed]) -> None:
    for entry in entries:
        folder.remove(entry.source, entry.key)
