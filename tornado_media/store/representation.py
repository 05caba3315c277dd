"""What is sent: bytes and what is known of them. The one seam between what makes bytes and what sends them.

A file on disk, a result in memory and a running job look alike from here on: a media type, perhaps a
length, perhaps validators, and a way to open a reader at an offset. Terms of RFC 9110 section 8.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b

from tornado_media.http.conditional import Validators
from tornado_media.store.blocks import Block, InFile, InMemory, Reader, SourceChanged, read_block
from tornado_media.store.spool import Spool

_BLOCK = 64 * 1024

_LAST = 4096
"""Bytes at the end of a file that may change which go through memory, to be looked at before they go out."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What is known of bytes that are still being made.

    Args:
        spool: that grows.
        streams: nobody waits for its end; else that is near, and with it the length.
        near: bytes past its end that are worth waiting for.
        stall: seconds that they are waited for.
    """

    spool: Spool
    streams: bool
    near: int
    stall: float


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
        growth: of bytes that are still being made and kept meanwhile: ranges of what is there can be read.
        content: all bytes, where they are in memory.
    """

    media_type: str
    complete_length: int | None
    validators: Validators
    cache_control: str
    open: Callable[[int], Reader]
    close: Callable[[], Awaitable[None]]
    growth: Growth | None = None
    content: memoryview | None = None


async def _nothing() -> None:
    return


class BytesReader:
    """Reads bytes in memory."""

    def __init__(self, content: memoryview, offset: int) -> None:
        self._rest = content[offset:]

    async def next(self, limit: int) -> Block | None:
        """The next bytes, where they lie."""
        view, self._rest = self._rest[:limit], self._rest[limit:]
        return InMemory(view) if view else None

    async def close(self) -> None:
        """Let the bytes go."""
        self._rest = self._rest[:0]


def of_bytes(
    content: bytes | bytearray, media_type: str, cache_control: str, entity_tag: str | None = None
) -> Representation:
    """A representation of bytes in memory.

    Args:
        content: all bytes; never changed from now on.
        media_type: of the bytes.
        cache_control: the response's Cache-Control.
        entity_tag: a strong one, quotes included; None takes a digest of the bytes.
    """
    view = memoryview(content).toreadonly()
    return Representation(
        media_type=media_type,
        complete_length=len(view),
        validators=Validators(entity_tag=entity_tag or _digest(view)),
        cache_control=cache_control,
        open=lambda offset: BytesReader(view, offset),
        close=_nothing,
        content=view,
    )


def _digest(view: memoryview) -> str:
    return f'"{blake2b(view, digest_size=16).hexdigest()}"'


class FileReader:
    """Reads an open file at its own offset.

    Args:
        file: descriptor of a regular file; stays the caller's.
        offset: first byte to read.
        end: where the promised length ends: a file that grows meanwhile is not read past it.
        changed: whether the file was written to since its length and validators were promised; None for a
            file that nobody writes to.
    """

    def __init__(self, file: int, offset: int, end: int, changed: Callable[[], bool] | None = None) -> None:
        self._file = file
        self._position = offset
        self._end = end
        self._changed = changed

    async def next(self, limit: int) -> Block | None:
        """Say where the next bytes lie.

        Where the file may change, its last bytes are read here and looked at only then: a file that was
        rewritten while it was sent ends as a part, and nobody takes the mixture for the whole.

        Raises:
            SourceChanged: the file has become shorter meanwhile, or was rewritten.
        """
        remaining = self._end - self._position
        if remaining <= 0:
            return None
        self._check()
        if self._changed is None or remaining > _LAST:
            held_back = 0 if self._changed is None else _LAST
            block = InFile(self._file, self._position, min(limit, remaining - held_back))
            self._position += block.length
            return block
        view = memoryview(bytearray(min(limit, remaining)))
        await read_block(InFile(self._file, self._position, len(view)), view)
        self._check()
        self._position += len(view)
        return InMemory(view)

    async def close(self) -> None:
        """Nothing is owned."""

    def _check(self) -> None:
        size = os.fstat(self._file).st_size
        if size < self._end:
            raise SourceChanged(f"the file ends at {size}, {self._end} were promised")
        # A file that has only grown has what was promised still: a recording that goes on, a log.
        if size == self._end and self._changed is not None and self._changed():
            raise SourceChanged("the file was written to while it was read")


def of_file(
    file: int,
    size: int,
    media_type: str,
    validators: Validators,
    cache_control: str,
    changed: Callable[[], bool] | None = None,
) -> Representation:
    """A representation of an open file, which stays the caller's and open while readers live.

    Args:
        file: descriptor of a regular file.
        size: its length in bytes.
        media_type: of the bytes.
        validators: of the file in this state.
        cache_control: the response's Cache-Control.
        changed: whether the file was written to since; None for a file that nobody writes to.
    """
    return Representation(
        media_type=media_type,
        complete_length=size,
        validators=validators,
        cache_control=cache_control,
        open=lambda offset: FileReader(file, offset, size, changed),
        close=_nothing,
    )


async def read_all(representation: Representation) -> bytes:
    """All bytes of a small representation, which is closed then.

    Raises:
        Exception: what its reader raises.
    """
    try:
        reader = representation.open(0)
        content, buffer = bytearray(), memoryview(bytearray(_BLOCK))
        while block := await reader.next(len(buffer)):
            content += buffer[: await read_block(block, buffer)]
        return bytes(content)
    finally:
        await representation.close()
