"""What is sent: bytes and what is known of them. The one seam between what makes bytes and what sends them.

A file on disk, a result in memory and a running job look alike from here on: a media type, perhaps a
length, perhaps validators, and a way to open a reader at an offset. Terms of RFC 9110 section 8.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

from tornado_media.http.conditional import Validators

_BLOCK = 64 * 1024


class Reader(Protocol):
    """Bytes in order, from where it was opened."""

    async def read_into(self, buffer: memoryview) -> int:
        """Wait for bytes and put one block of them into the buffer.

        Returns:
            How many; 0 at the end, which is told only when it has been earned.

        Raises:
            Exception: the bytes cannot be had any more; what was read is not the whole.
        """

    async def close(self) -> None:
        """This reader has left. Idempotent."""


@dataclass(frozen=True, slots=True)
class Representation:
    """Bytes and what is known of them.

    Args:
        media_type: of the bytes.
        complete_length: bytes in all, or None when nobody knows yet: then there are no ranges.
        validators: entity tag and time of the bytes, where there are any.
        cache_control: the response's Cache-Control.
        open: a reader at an offset in bytes; a representation without a length has only offset 0, once.
        close: frees what no reader has taken. Idempotent.
    """

    media_type: str
    complete_length: int | None
    validators: Validators
    cache_control: str
    open: Callable[[int], Reader]
    close: Callable[[], Awaitable[None]]


async def _nothing() -> None:
    return


class BytesReader:
    """Reads bytes in memory."""

    def __init__(self, content: memoryview, offset: int) -> None:
        self._rest = content[offset:]

    async def read_into(self, buffer: memoryview) -> int:
        """Copy the next block."""
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    async def close(self) -> None:
        """Let the bytes go."""
        self._rest = self._rest[:0]


def of_bytes(content: bytes | bytearray, media_type: str, cache_control: str) -> Representation:
    """A representation of bytes in memory; its entity tag is a digest of them, so it is strong."""
    view = memoryview(content).toreadonly()
    entity_tag = f'"{blake2b(view, digest_size=16).hexdigest()}"'
    return Representation(
        media_type=media_type,
        complete_length=len(view),
        validators=Validators(entity_tag=entity_tag),
        cache_control=cache_control,
        open=lambda offset: BytesReader(view, offset),
        close=_nothing,
    )


class SourceChanged(Exception):
    """A file became shorter than the length that was promised for it."""


class FileReader:
    """Reads an open file at its own offset; never blocks the loop on a disk.

    Args:
        file: descriptor of a regular file; stays the caller's.
        offset: first byte to read.
        end: where the promised length ends: a file that grows meanwhile is not read past it.
    """

    def __init__(self, file: int, offset: int, end: int) -> None:
        self._file = file
        self._position = offset
        self._end = end

    async def read_into(self, buffer: memoryview) -> int:
        """Read one block.

        Raises:
            SourceChanged: the file has become shorter meanwhile.
        """
        room = buffer[: min(len(buffer), self._end - self._position)]
        if not room:
            return 0
        size = _read_cached(self._file, room, self._position)
        if size is None:
            loop = asyncio.get_running_loop()
            size = await loop.run_in_executor(None, os.preadv, self._file, [room], self._position)
        if size == 0:
            raise SourceChanged(f"the file ends at {self._position}, {self._end} were promised")
        self._position += size
        return size

    async def close(self) -> None:
        """Nothing is owned."""


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


def of_file(
    file: int, size: int, media_type: str, validators: Validators, cache_control: str
) -> Representation:
    """A representation of an open file, which stays the caller's and open while readers live."""
    return Representation(
        media_type=media_type,
        complete_length=size,
        validators=validators,
        cache_control=cache_control,
        open=lambda offset: FileReader(file, offset, size),
        close=_nothing,
    )


async def read_all(representation: Representation) -> bytes:
    """All bytes of a small representation, which is closed then.

    Raises:
        Exception: what its reader raises.
    """
    try:
        reader = representation.open(0)
        content, block = bytearray(), memoryview(bytearray(_BLOCK))
        while size := await reader.read_into(block):
            content += block[:size]
        return bytes(content)
    finally:
        await representation.close()
