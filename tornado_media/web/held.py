"""A body in memory, as a file without a name: for engines, which read their source here and there.

All bodies that are held count together: how many clients send one at a time is not for us to say.
"""

from __future__ import annotations

import errno
import os
from types import TracebackType
from typing import ClassVar

from tornado_media.errors import Unavailable
from tornado_media.web.body import Body

MAX_HELD = 512 * 1024 * 1024
"""Bytes of all of them; a single one may always be as large as its preset's limit `input`."""


def new_file() -> int:
    """The descriptor of an empty file in memory (memfd_create(2)); the caller's.

    Raises:
        Unavailable: it cannot be had.
    """
    try:
        return os.memfd_create("source")
    except OSError as error:
        raise _no_room(error) from error


class Held:
    """The bytes that one body takes of the memory for all; use it in a `with` block."""

    _all: ClassVar[int] = 0

    def __init__(self) -> None:
        self._size = 0

    async def fill(self, file: int, body: Body) -> None:
        """Write all of a body to a file of `new_file`, which is at its first byte then.

        Raises:
            Unavailable: there is no room.
            Exception: as `Body.read`.
        """
        while (block := await body.read()) is not None:
            if Held._all + len(block) > max(MAX_HELD, body.limit):
                raise _no_room(OSError(errno.ENOMEM, f"{Held._all} bytes of bodies are held"))
            Held._all += len(block)
            self._size += len(block)
            try:
                _write(file, block)
            except OSError as error:
                raise _no_room(error) from error
        os.lseek(file, 0, os.SEEK_SET)

    def __enter__(self) -> Held:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        size, self._size = self._size, 0
        Held._all -= size


def _write(file: int, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[os.write(file, rest) :]


def _no_room(error: OSError) -> Unavailable:
    return Unavailable("There is no room for this body now.", retry_after=1, private=str(error))
