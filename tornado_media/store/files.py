"""What the cache asks of files: opened without links, read and written whole, new ones without a name.

A new file has no name until it is complete, so a process that dies leaves nothing behind; and the name that
it gets first is a temporary one, locked for as long as its process lives.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tornado_media.store.entry import is_key

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a folder is opened."""

FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""How a file is opened, with how it is to be used: a FIFO that has its name does not hold us up."""

NOT_THERE = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EACCES, errno.EPERM, errno.ENXIO}
)
"""Errors of open(2) which say that a name has nothing for us, and nothing about the disk."""

_O_TMPFILE = getattr(os, "O_TMPFILE", 0)


class NewFiles:
    """Makes files, and gives them a name when they are to be renamed to their place.

    Args:
        folder: on the file system where they will lie; holds temporary names and nothing else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def new_file(self) -> int:
        """A descriptor of an empty file without a name, for reading and writing.

        Raises:
            OSError: the disk does not take it.
        """
        if _O_TMPFILE:
            with suppress(OSError):  # Not every file system has it. Is it the disk, the next call says so.
                return os.open(self.folder, _O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        with self._named() as (file, _):
            return os.dup(file)

    @contextmanager
    def name_for(self, file: int) -> Iterator[Path]:
        """A temporary name for the content of a file of `new_file`: to be renamed, else it is removed.

        Raises:
            OSError: the disk does not take it.
        """
        name = self.folder / secrets.token_hex(16)
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            with opened(self.folder, FOLDER) as folder:
                # Without a `dir_fd` Python calls link(2), which would link the link in /proc.
                os.link(f"/proc/self/fd/{file}", name.name, dst_dir_fd=folder, follow_symlinks=True)
        except OSError as error:
            # A file that has had a name cannot get another; nor can any where there is no /proc.
            if error.errno not in {errno.ENOENT, errno.EXDEV, errno.EOPNOTSUPP}:
                raise
            with self._named() as (copy, name):
                _copy(file, copy)
                yield name
            return
        try:
            yield name
        finally:
            with suppress(FileNotFoundError):
                name.unlink()

    def clean(self) -> None:
        """Remove the names of processes that died; those of a living one are locked.

        Raises:
            OSError: the disk cannot be written.
        """
        for name, _ in ours_in(self.folder):
            with suppress(FileNotFoundError, BlockingIOError), opened(self.folder / name, FILE) as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(self.folder / name)

    @contextmanager
    def _named(self) -> Iterator[tuple[int, Path]]:
        name = self.folder / secrets.token_hex(16)
        with opened(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | FILE) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield file, name
            finally:
                with suppress(FileNotFoundError):
                    name.unlink()


def is_ours(status: os.stat_result) -> bool:
    """Whether it is a regular file of this user."""
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def names_in(path: Path) -> list[str]:
    """The names in a folder; none where there is no folder that we may read.

    Raises:
        OSError: the disk cannot be read.
    """
    try:
        with opened(path, FOLDER) as folder:
            return os.listdir(folder)
    except OSError as error:
        if error.errno in NOT_THERE:
            return []
        raise


def ours_in(path: Path) -> list[tuple[str, os.stat_result]]:
    """The regular files of this user in a folder, those whose name has the form of a key.

    Raises:
        OSError: the disk cannot be read.
    """
    found = []
    for name in filter(is_key, names_in(path)):
        with suppress(FileNotFoundError):
            status = os.stat(path / name, follow_symlinks=False)
            if is_ours(status):
                found.append((name, status))
    return found


@contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """A descriptor, for the time of a block.

    Raises:
        OSError: it cannot be opened.
    """
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_at(file: int, length: int, offset: int) -> bytes:
    """All bytes of a piece, or those up to the end of the file.

    Raises:
        OSError: the disk cannot be read.
    """
    pieces = []
    while length and (piece := os.pread(file, length, offset)):
        pieces.append(piece)
        length -= len(piece)
        offset += len(piece)
    return b"".join(pieces)


def write_at(file: int, content: bytes, offset: int) -> None:
    """Write all bytes.

    Raises:
        OSError: the disk does not take them.
    """
    view = memoryview(content)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


def _copy(file: int, copy: int) -> None:
    offset, size = 0, os.fstat(file).st_size
    while offset < size:
        offset += os.sendfile(copy, file, offset, size - offset)
    os.fsync(copy)
