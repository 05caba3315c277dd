"""The cache's folder on disk: where entries lie, how they get there whole, and how they are removed.

    FOLDER/generation                8 bytes; whoever purges counts it up, and every server sees that
    FOLDER/1/SOURCE/KEY              an entry: SOURCE is a digest of the source's URL path, KEY the plan's
    FOLDER/tmp/NAME                  a name for a moment, while an entry is put in its place

Every function here waits for the disk: call it in a thread. Nothing is opened through a symbolic link, and
what is not ours (another owner, another kind of file, a name of another form) is neither read nor removed.
The number 1 is the version of this layout; folders of other versions are not ours either.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tornado_media.store.entry import MAX_FOOTER, SMALL, Meta, digest_of, footer_of, is_key, meta_of
from tornado_media.store.files import (
    FILE,
    FOLDER,
    NOT_THERE,
    NewFiles,
    is_ours,
    names_in,
    opened,
    ours_in,
    read_at,
    write_at,
)
from tornado_media.store.generation import advance
from tornado_media.store.layout import Found, Listed, Removed, on_disk

log = logging.getLogger("tornado_media")


class NotOurs(Exception):
    """Something that is not ours has the name of an entry."""


class Folder:
    """The functions of one cache folder.

    Args:
        root: its absolute path; it need not be there yet.

    `generation` is the path of the file that `Generation` opens.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.generation = root / "generation"
        self._entries = root / "1"
        self._new_files = NewFiles(root / "tmp")

    def make(self) -> None:
        """Make what is missing of the folder, for its owner alone.

        Raises:
            OSError: it cannot be made.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._entries.mkdir(mode=0o700, exist_ok=True)
        self._new_files.folder.mkdir(mode=0o700, exist_ok=True)

    def new_file(self) -> int:
        """A descriptor of an empty file without a name: it is gone when it is closed.

        Raises:
            OSError: the disk does not take it.
        """
        return self._new_files.new_file()

    def write(self, source: str, meta: Meta, content: bytes) -> int:
        """Keep a content: all of it or nothing.

        Returns:
            Bytes that the entry takes on disk.

        Raises:
            OSError: the disk does not take it.
            NotOurs: its place is taken.
        """
        file = self.new_file()
        try:
            write_at(file, content, 0)
            return self.commit(source, meta, file)
        finally:
            os.close(file)

    def commit(self, source: str, meta: Meta, file: int) -> int:
        """Keep a file of `new_file`: the footer behind its content, all on the disk, then one rename.

        Args:
            source: name of the source's folder.
            meta: what the content is; its digest is filled in.
            file: its descriptor, whose first `meta.length` bytes are the content.

        Returns:
            Bytes that the entry takes on disk.

        Raises:
            OSError: the disk does not take it.
            NotOurs: its place is taken.
        """
        if meta.length <= SMALL:
            content = read_at(file, meta.length, 0)
            meta = replace(meta, digest=digest_of(content))
        footer = footer_of(meta)
        os.ftruncate(file, meta.length)
        write_at(file, footer, meta.length)
        os.fsync(file)
        self._place(source, meta.key, file)
        return on_disk(meta.length + len(footer))

    def find(self, source: str, key: str) -> Found | None:
        """Open an entry and check it; None when there is none. One of ours that is not whole is removed.

        Raises:
            OSError: the disk cannot be read.
        """
        try:
            with opened(self._entries / source, FOLDER) as folder:
                file = os.open(key, os.O_RDONLY | FILE, dir_fd=folder)
        except OSError as error:
            if error.errno in NOT_THERE:
                return None
            raise
        found = None
        try:
            status = os.fstat(file)
            if not is_ours(status):
                return None
            found = _checked(file, status.st_size, key)
        finally:
            if found is None or found.file < 0:
                os.close(file)
        if found is None:
            log.info("a kept result is damaged, and is removed: %s", self._entries / source / key)
            self.remove(source, key)
        return found

    def remove(self, source: str, key: str) -> int:
        """Remove an entry, and its source's folder with the last one.

        Returns:
            The length of the file; 0 when there was none of ours.

        Raises:
            OSError: the disk cannot be written.
        """
        path = self._entries / source
        try:
            with opened(path, FOLDER) as folder:
                status = os.stat(key, dir_fd=folder, follow_symlinks=False)
                if not is_ours(status):
                    return 0
                os.unlink(key, dir_fd=folder)
        except FileNotFoundError:
            return 0
        with suppress(OSError):  # It holds others, or another process was faster.
            path.rmdir()
        return status.st_size

    def purge(self, source: str) -> Removed:
        """Remove all entries of one source, and tell all who serve from here.

        Raises:
            OSError: the disk cannot be written.
        """
        return self._removed([source])

    def clear(self) -> Removed:
        """Remove all entries, and tell all who serve from here.

        Raises:
            OSError: the disk cannot be written.
        """
        return self._removed(filter(is_key, names_in(self._entries)))

    def _removed(self, sources: Iterable[str]) -> Removed:
        lengths: dict[str, int] = {}
        for source in sources:
            for key in filter(is_key, names_in(self._entries / source)):
                if length := self.remove(source, key):
                    lengths[key] = length
        # Last: who looks again at once must not find what is about to go.
        with suppress(FileNotFoundError):
            return Removed(lengths, advance(self.generation))
        return Removed(lengths, b"")

    def list(self) -> list[Listed]:
        """All entries, the least recently used first.

        Raises:
            OSError: the disk cannot be read.
        """
        listed = []
        for source in filter(is_key, names_in(self._entries)):
            for key, status in ours_in(self._entries / source):
                used = max(status.st_atime, status.st_mtime)
                listed.append(Listed(source, key, on_disk(status.st_size), used))
        return sorted(listed, key=lambda entry: entry.used)

    def clean(self) -> None:
        """Remove temporary names that are left of processes that died.

        Raises:
            OSError: the disk cannot be written.
        """
        self._new_files.clean()

    def _place(self, source: str, key: str, file: int, tries: int = 10) -> None:
        path = self._entries / source
        try:
            path.mkdir(mode=0o700, exist_ok=True)
            with opened(path, FOLDER) as folder, self._new_files.name_for(file) as name:
                with suppress(FileNotFoundError):
                    if not is_ours(os.stat(key, dir_fd=folder, follow_symlinks=False)):
                        raise NotOurs(f"something that is not ours is at {path / key}")
                os.replace(name, key, dst_dir_fd=folder)
                os.fsync(folder)
        except FileNotFoundError:
            # Another process has purged and removed the folder, just now.
            if tries == 1:
                raise
            self.make()
            self._place(source, key, file, tries - 1)
        except OSError as error:
            if error.errno in {errno.EEXIST, errno.ENOTDIR, errno.ELOOP}:
                raise NotOurs(f"something that is not ours is at {path}") from error
            raise


def _checked(file: int, size: int, key: str) -> Found | None:
    """The entry in an open file, or None when it is not whole, or of another plan."""
    small = size <= SMALL + MAX_FOOTER
    start = 0 if small else size - MAX_FOOTER
    tail = read_at(file, size - start, start)
    meta = meta_of(tail, size)
    if meta is None or meta.key != key:
        return None
    if meta.length > SMALL:
        return Found(meta, None, file, on_disk(size))
    content = tail[: meta.length - start] if small else b""
    if digest_of(content) != meta.digest:
        return None
    return Found(meta, content, -1, on_disk(size))
