"""A spool: bytes that one job appends and any number of requests follow, each at its own offset.

The first bytes are in memory, and small results never leave it. What is larger goes to an unnamed file of
the cache's folder, from which readers send by sendfile. A spool keeps all of its bytes as long as there is
room for them. Past that it only passes them on: what every reader has taken is dropped from memory or given
back to the disk (a hole in the file), and nobody new can begin. So a full disk and a film that is larger
than its share of the cache are the same case, and in both every reader gets all of its bytes.

The writer asks `writable` before it appends, and that is the back-pressure.
"""

from __future__ import annotations

import asyncio
from collections import deque

from tornado_media.store.blocks import Block, InFile, InMemory
from tornado_media.store.spool_file import Room, SpoolFile, rest, taken

MEMORY = 1024 * 1024
"""Bytes of a spool that are in memory at most: small results stay there, a full disk is survived with it."""

_HOLE = 4 * 1024 * 1024
_PIECE = 1024 * 1024
_JOINED = 64 * 1024


class Spool:
    """Bytes that grow until `complete` or `fail`.

    Args:
        room: on disk; owned from now on.
        window: bytes that the writer may be ahead of the fastest reader; None: as many as there is room for.
    """

    def __init__(self, room: Room, window: int | None) -> None:
        self.window = window
        self.length = 0
        self.keeps = True
        self.failure: Exception | None = None
        self._complete = False
        self._disk = SpoolFile(room)
        self._memory: deque[tuple[int, bytes]] = deque()
        self._disk_failed = False
        self._readers: set[SpoolReader] = set()
        self._held = True
        self._waiters: set[asyncio.Future[None]] = set()
        self._writer: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        state = "complete" if self._complete else f"failed: {self.failure}" if self.failure else "growing"
        return f"<Spool of {self.length} bytes, {len(self._readers)} readers, {state}>"

    @property
    def complete(self) -> bool:
        """All bytes are there, and the job that made them has ended well."""
        return self._complete

    @property
    def first_pos(self) -> int:
        """Offset of the first byte that is still there."""
        if self._disk_failed and not self.keeps:
            return self._memory[0][0] if self._memory else self.length
        return self._disk.first_pos

    @property
    def file(self) -> int | None:
        """The descriptor that holds all bytes; None when they are in memory."""
        return self._disk.file if self._disk.file >= 0 and not self._memory else None

    def content(self) -> bytes:
        """All bytes of a spool that is in memory and has dropped none."""
        if self._disk.file >= 0 or not self.keeps:
            raise ValueError(f"not in memory: {self!r}")
        if len(self._memory) > 1:
            self._memory = deque([(0, b"".join(block for _, block in self._memory))])
        return self._memory[0][1] if self._memory else b""

    def open(self, offset: int) -> SpoolReader:
        """A reader at an offset in bytes; it may lie ahead of what is there, and then waits."""
        reader = SpoolReader(self, offset)
        self._readers.add(reader)
        self._moved()
        return reader

    async def writable(self) -> None:
        """Return when the writer may append another block."""
        while True:
            # Made before the look, which may wait for the disk: readers go on meanwhile, and that counts.
            self._writer = asyncio.get_running_loop().create_future()
            try:
                if await self._has_room():
                    return
                await self._writer
            finally:
                self._writer = None

    async def append(self, block: Block) -> None:
        """Take a block; all of it is here then, and its pipe or buffer may be used again.

        Raises:
            OSError: the pipe of the block cannot be read; a disk that fails is no error here.
        """
        length = block.length
        left: Block | None = block
        if not self._disk_failed and (self._disk.file >= 0 or self._memory_length + length > MEMORY):
            left = await self._to_disk(block)
        if left is not None:
            self._append_in_memory(self.length + length - left.length, taken(left))
        self.length += length
        self._grown()

    def finish(self) -> None:
        """All has been appended, and has been earned."""
        self._complete = True
        self._grown()

    def fail(self, error: Exception) -> None:
        """No more will come, and what is here is not the whole."""
        self.failure = error
        self._grown()

    def release(self) -> None:
        """The writer, and whoever kept the bytes, is done with it: free all when the last reader has left."""
        self._held = False
        self._free()

    def unbind(self) -> None:
        """Nobody reads any more, and the job is to be finished: the window does not count."""
        self.window = None
        self._moved()

    async def reach(self, position: int) -> None:
        """Return when there are more bytes than `position`, or none will come any more."""
        while self.length <= position and not self._complete and self.failure is None:
            await self._growth()

    def block_at(self, position: int, limit: int) -> Block | None:
        """Where the bytes at a position lie; None when they are not there yet."""
        disk = self._disk
        if position < disk.length:
            return InFile(disk.file, position, min(limit, disk.length - position))
        for start, content in self._memory:
            if start <= position < start + len(content):
                first = position - start
                return InMemory(memoryview(content)[first : first + limit])
        return None

    def _append_in_memory(self, start: int, content: bytes) -> None:
        if self._memory and len(self._memory[-1][1]) + len(content) <= _JOINED:
            # Few large pieces: each reader looks for its own among them.
            start, before = self._memory.pop()
            content = before + content
        self._memory.append((start, content))

    def _leave(self, reader: SpoolReader) -> None:
        self._readers.discard(reader)
        self._moved()
        self._free()

    def _free(self) -> None:
        if not self._held and not self._readers:
            self._memory.clear()
            self._disk.close()

    async def _growth(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def _grown(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _moved(self) -> None:
        """A reader came, left or went on: perhaps the writer may too."""
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    @property
    def _memory_length(self) -> int:
        return sum(len(content) for _, content in self._memory)

    async def _has_room(self) -> bool:
        positions = [reader.position for reader in self._readers]
        if self.window is not None and self.length - max(positions, default=0) >= self.window:
            return False
        if self.keeps:
            return True
        passed = min(positions, default=self.length)
        if not self._disk_failed:
            return await self._has_room_on_disk(passed)
        while self._memory and self._memory[0][0] + len(self._memory[0][1]) <= passed:
            self._memory.popleft()
        return self._memory_length < MEMORY

    async def _has_room_on_disk(self, passed: int) -> bool:
        disk = self._disk
        if passed - disk.first_pos < _HOLE and disk.room_for(_PIECE, self.length):
            return True
        try:
            await disk.drop(passed)
        except OSError:
            # A file system without holes: from here on the bytes pass through memory.
            self._disk_failed = True
            return True
        if disk.room_for(_PIECE, self.length):
            return True
        # When everybody has all and there is still no room, the rest goes through memory too.
        self._disk_failed = passed == self.length
        return self._disk_failed

    async def _to_disk(self, block: Block) -> Block | None:
        """Write a block to the file; what could not be written comes back."""
        disk = self._disk
        if self.keeps and not disk.room_for(max(block.length, _PIECE), self.length):
            self.keeps = False
            if disk.file < 0:
                self._disk_failed = True
                return block
        try:
            error = await self._spill()
            if error is None:
                before = disk.length
                error = await disk.append(block)
                block = rest(block, disk.length - before)
        except OSError as failure:
            error = failure
        if error is not None:
            self._disk_failed = True
            self.keeps = False
            # A log may keep the error, its traceback these frames, and they the block with its pipe.
            disk.room.failed(error.with_traceback(None))
        return block if block.length else None

    async def _spill(self) -> OSError | None:
        """Move what is in memory to the file."""
        if not self._memory:
            return None
        content = b"".join(content for _, content in self._memory)
        error = await self._disk.append(InMemory(memoryview(content)))
        written = self._disk.length
        self._memory = deque([(written, content[written:])] if error else [])
        return error


class SpoolReader:
    """Follows a spool from an offset.

    Args:
        spool: what it reads.
        offset: of its first byte.
    """

    def __init__(self, spool: Spool, offset: int) -> None:
        self.position = offset
        self._spool = spool
        self._given = 0

    async def next(self, limit: int) -> Block | None:
        """The next block, as soon as there is one; None at the end of a complete spool.

        Raises:
            Exception: what the spool has failed with, after all bytes before it.
        """
        spool = self._spool
        if self._given:
            self.position += self._given
            self._given = 0
            spool._moved()
        while True:
            block = spool.block_at(self.position, limit)
            if block is not None:
                self._given = block.length
                return block
            if spool.complete:
                return None
            if spool.failure is not None:
                raise spool.failure.with_traceback(None)
            await spool._growth()

    def seek(self, offset: int) -> None:
        """Go on at another offset, in bytes, which must not have been dropped."""
        self.position, self._given = offset, 0
        self._spool._moved()

    async def close(self) -> None:
        """One reading has ended. The bytes are held until `leave`: there may be another, as of ranges."""

    def leave(self) -> None:
        """The reader has left. Idempotent."""
        self._spool._leave(self)
