"""A number in a file, by which one process tells all others that results were purged.

Whoever purges counts it up; whoever serves compares it with the number that it knows, before each answer.
The file is mapped, so that comparing costs no system call. It is written by write(2) alone: a store into a
map of a full disk would be the end of the process.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from pathlib import Path

from tornado_media.store.files import FILE, is_ours, opened

LENGTH = 8
"""Bytes of the number, big-endian; it goes round."""


class Generation:
    """The number, as it is now.

    Args:
        path: of its file, which is made when it is not there.

    Raises:
        OSError: it cannot be made, or is not ours.
    """

    def __init__(self, path: Path) -> None:
        with opened(path, os.O_RDWR | os.O_CREAT | FILE) as file:
            status = os.fstat(file)
            if not is_ours(status):
                raise PermissionError(f"{path} is not ours")
            # Never made shorter: others have mapped it.
            if status.st_size < LENGTH:
                os.ftruncate(file, LENGTH)
            self._file = (status.st_dev, status.st_ino)
            self._map = mmap.mmap(file, LENGTH, prot=mmap.PROT_READ)

    @property
    def now(self) -> bytes:
        """The number, as bytes to compare."""
        number: bytes = self._map[:LENGTH]
        return number

    def is_at(self, path: Path) -> bool:
        """Whether this is still the file that others find at its path: the folder may have been removed."""
        try:
            status = os.stat(path, follow_symlinks=False)
        except OSError:
            return False
        return self._file == (status.st_dev, status.st_ino)


def advance(path: Path) -> bytes:
    """Count the number up.

    Args:
        path: of its file; it must be there.

    Returns:
        The new number.

    Raises:
        OSError: it cannot be written.
    """
    with opened(path, os.O_RDWR | FILE) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        number = int.from_bytes(os.pread(file, LENGTH, 0)) + 1
        content = (number % (1 << 8 * LENGTH)).to_bytes(LENGTH)
        os.pwrite(file, content, 0)
        return content
