"""The part of a spool on disk: an unnamed file that grows at its end and is given back at its beginning.

Below `spool`. All calls to the disk are made by threads.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from tornado_media.store.blocks import Block, InFile, InMemory, InPipe
from tornado_media.store.threads import in_thread

PAGE = 4096
"""Bytes: less than this cannot be given back to a disk."""

_STEP = 1024 * 1024


class Room(Protocol):
    """The place on disk that a spool may take."""

    def new_file(self) -> int:
        """A descriptor of an empty file, open for reading and writing.

        Raises:
            OSError: there is no disk for it.
        """

    def grow(self, more: int) -> bool:
        """Take room for more bytes; False when there is none."""

    def shrink(self, less: int) -> None:
        """Give room for some bytes back."""

    def failed(self, error: OSError) -> None:
        """The disk has failed."""

    def close(self) -> None:
        """Give all of the room back. Idempotent."""


class SpoolFile:
    """Bytes on disk, from `first_pos` to `length`.

    Args:
        room: on disk; owned from now on.
    """

    def __init__(self, room: Room) -> None:
        self.room = room
        self.file = -1
        self.length = 0
        self.first_pos = 0
        self._granted = 0

    def room_for(self, size: int, length: int) -> bool:
        """Whether so many bytes may be appended to a spool of this length."""
        missing = length + size - self.first_pos - self._granted
        if missing > 0:
            # In large steps: making room may mean that results are removed.
            missing = max(missing, _STEP)
            if not self.room.grow(missing):
                return False
            self._granted += missing
        return True

    async def append(self, block: Block) -> OSError | None:
        """Write a block, and say why not all of it was written; `length` says how much was.

        Raises:
            OSError: there is no file, and none can be made.
        """
        if self.file < 0:
            await in_thread(self._make)
        written, error = await in_thread(_write, block, self.file, self.length)
        self.length += written
        return error

    async def drop(self, passed: int) -> None:
        """Give the bytes before an offset back to the disk, in whole pages.

        Raises:
            OSError: the file system or the system cannot do it (fallocate(2)).
        """
        end = passed // PAGE * PAGE
        if end > self.first_pos:
            await in_thread(_punch, self.file, self.first_pos, end - self.first_pos)
            self._granted -= end - self.first_pos
            self.room.shrink(end - self.first_pos)
            self.first_pos = end

    def close(self) -> None:
        """Free file and room. Idempotent."""
        file, self.file = self.file, -1
        self.length = 0
        if file >= 0:
            os.close(file)
        self.room.close()

    def _make(self) -> None:
        # In the thread: whoever waits for it may be cancelled, and then nobody would have the descriptor.
        self.file = self.room.new_file()


def rest(block: Block, done: int) -> Block:
    """What is left of a block after its first bytes have gone."""
    match block:
        case InMemory(view):
            return InMemory(view[done:])
        case InPipe(length=length):
            return replace(block, length=length - done)
        case InFile(file, offset, length):
            return InFile(file, offset + done, length - done)


def taken(block: Block) -> bytes:
    """The bytes of a block, which is used up."""
    match block:
        case InMemory(view):
            return bytes(view)
        case InPipe(pipe, length):
            parts = []
            while length:
                parts.append(os.read(pipe, length))
                length -= len(parts[-1])
            return b"".join(parts)
        case InFile(file, offset, length):
            return os.pread(file, length, offset)


def _write(block: Block, file: int, offset: int) -> tuple[int, OSError | None]:
    written = 0
    try:
        while written < block.length:
            written += _write_some(rest(block, written), file, offset + written)
    except OSError as error:
        return written, error
    return written, None


def _write_some(block: Block, file: int, offset: int) -> int:
    match block:
        case InMemory(view):
            return os.pwrite(file, view, offset)
        case InPipe(pipe, length):
            return _splice()(pipe, file, length, offset)
        case InFile(source, first, length):
            return os.pwrite(file, os.pread(source, min(length, _STEP), first), offset)


@functools.cache
def _splice() -> Callable[[int, int, int, int], int]:
    """Bytes of a pipe into a file, with one copy less where the system can do it (splice(2))."""
    if hasattr(os, "splice"):
        return lambda pipe, file, length, offset: os.splice(pipe, file, length, offset_dst=offset)
    return lambda pipe, file, length, offset: os.pwrite(file, os.read(pipe, length), offset)


# linux/falloc.h
_KEEP_SIZE, _PUNCH_HOLE = 0x01, 0x02


def _punch(file: int, offset: int, length: int) -> None:
    function = _fallocate()
    if function is None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    if function(file, _KEEP_SIZE | _PUNCH_HOLE, offset, length) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@functools.cache
def _fallocate() -> Callable[..., int] | None:
    library = ctypes.CDLL(None, use_errno=True)
    # fallocate64 has 64-bit offsets on every architecture of glibc; musl has them in fallocate.
    function = getattr(library, "fallocate64", None) or getattr(library, "fallocate", None)
    if function is not None:
        function.restype = ctypes.c_int
        function.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return function
