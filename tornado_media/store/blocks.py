"""Where the next bytes lie: in memory, in a file, or in a pipe. Who sends them takes the cheapest way there.

A reader does not hand out bytes but says where they are, so that a file goes to a socket by sendfile(2) and
a pipe by splice(2), and nothing is copied through this process that need not be. `read_block` is the way
that works everywhere: TLS, other systems, a caller who wants the bytes themselves.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from typing import Protocol

from tornado_media.store.threads import in_thread


class SourceChanged(Exception):
    """A file is not any more what was promised: it became shorter, or was written to while it was read."""


@dataclass(frozen=True, slots=True)
class InMemory:
    """Bytes in this process.

    Args:
        view: the bytes; never empty.
    """

    view: memoryview

    @property
    def length(self) -> int:
        """Bytes."""
        return len(self.view)


@dataclass(frozen=True, slots=True)
class InFile:
    """Bytes of an open regular file.

    Args:
        file: its descriptor; stays the reader's.
        offset: of the first byte.
        length: bytes; they were there when the block was made, and the file may have been cut since.
    """

    file: int
    offset: int
    length: int


class PipeEnd:
    """The read end of a pipe, closed when nobody has it any more.

    A job may be ended while a thread or a slow client still takes a block of it. Were its pipe closed then,
    the number could be another file's already, and somebody would get those bytes.

    Args:
        pipe: the descriptor; owned from now on.
    """

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def __del__(self) -> None:
        os.close(self._pipe)


@dataclass(frozen=True, slots=True)
class InPipe:
    """Bytes that lie in a pipe now. Whoever takes the block reads exactly these, all of them.

    Args:
        pipe: its read end, non-blocking; stays the reader's.
        length: bytes.
        end: owns the read end, where it may be given up while the block is taken.
    """

    pipe: int
    length: int
    end: PipeEnd | None = field(default=None, compare=False, repr=False)


Block = InMemory | InFile | InPipe


class Reader(Protocol):
    """Bytes in order, from where it was opened."""

    async def next(self, limit: int) -> Block | None:
        """Wait for bytes, and say where the next of them lie.

        A block is good until the next call, and counts as taken then.

        Args:
            limit: bytes that are wanted at most; 1 or more.

        Returns:
            The block, or None at the end, which is told only when it has been earned.

        Raises:
            Exception: the bytes cannot be had any more; what was given is not the whole.
        """

    async def close(self) -> None:
        """This reader has left. Idempotent."""


async def read_block(block: Block, buffer: memoryview) -> int:
    """Put all bytes of a block into a buffer; never blocks the loop on a disk.

    Args:
        block: just given by a reader.
        buffer: with room for all of the block: ask the reader for no more than it holds.

    Returns:
        The length of the block in bytes.

    Raises:
        SourceChanged: the file has become shorter meanwhile.
    """
    room = buffer[: block.length]
    match block:
        case InMemory():
            room[:] = block.view
        case InFile():
            await _read_file(block, room)
        case InPipe():
            done = 0
            while done < block.length:
                done += os.readv(block.pipe, [room[done:]])
    return block.length


def is_cached(block: InFile) -> bool:
    """Whether the first and the last byte of a block are in the page cache: then the rest is, very likely."""
    byte = memoryview(bytearray(1))
    last = block.offset + block.length - 1
    return all(_read_cached(block.file, byte, position) for position in (block.offset, last))


async def _read_file(block: InFile, room: memoryview) -> None:
    done = 0
    while done < block.length:
        rest, position = room[done:], block.offset + done
        size = _read_cached(block.file, rest, position)
        if size is None:
            size = await in_thread(os.preadv, block.file, [rest], position)
        if size == 0:
            raise SourceChanged(f"the file ends at {position}, {block.offset + block.length} were promised")
        done += size


_NO_WAIT = getattr(os, "RWF_NOWAIT", 0)


def _read_cached(file: int, room: memoryview, position: int) -> int | None:
    """Read what the page cache holds; None when the disk would have to be waited for (preadv2(2))."""
    if not _NO_WAIT:
        return None
    try:
        # At the end of the file this is 0 too, so the caller asks again with a read that may wait.
        return os.preadv(file, [room], position, _NO_WAIT) or None
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EOPNOTSUPP, errno.EINVAL):
            return None
        raise
