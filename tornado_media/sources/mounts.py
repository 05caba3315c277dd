"""Mounts: which folder of this machine a path of a URL lies in, and opening it there.

Below `local`, which says what may be served. A mounted folder is opened once and then only used by its
descriptor. This module must not read what is in a file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tornado_media.errors import Forbidden, MediaError, NotFound, Unavailable
from tornado_media.sources.beneath import open_beneath, open_cached
from tornado_media.sources.filesystems import keeps_names_in_memory
from tornado_media.urls import shown

_O_PATH = getattr(os, "O_PATH", 0)

LOOK = _O_PATH or os.O_RDONLY | os.O_NONBLOCK
"""Flags to open something only to see what it is. openat2 allows nothing beside O_PATH."""


@dataclass(frozen=True)
class Mount:
    """A folder of this machine, mounted at a path of URLs.

    Args:
        name: as the configuration calls it.
        prefix: `/` or `/photos/`; the slash at the end may be left out.
        root: the folder.
        listing: names in it may be listed.
    """

    name: str
    prefix: str
    root: str
    listing: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: a mount, and the path beneath its root.

    Args:
        mount: its prefix has a slash at its end.
        root: descriptor of the mount's folder.
        relative: path from there; "." is the folder itself.
        in_memory: the folder's filesystem answers from memory once a name is in the kernel's cache.
    """

    mount: Mount
    root: int
    relative: str
    in_memory: bool

    def open(self, flags: int) -> int:
        """Open it. The descriptor is the caller's.

        Raises:
            OSError: as `open_beneath`.
        """
        return open_beneath(self.root, self.relative, flags)

    def open_cached(self, flags: int) -> int:
        """Open it if no disk has to be waited for. The descriptor is the caller's.

        Raises:
            OSError: as `beneath.open_cached`.
        """
        return open_cached(self.root, self.relative, flags)

    def open_at_once(self, flags: int) -> int:
        """Open it if neither a disk nor a network has to be waited for, then or when its attributes are read.

        Raises:
            OSError: as `beneath.open_cached`; also for what lies on another filesystem than the folder.
        """
        if not self.in_memory:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), self.relative)
        return open_cached(self.root, self.relative, flags, one_filesystem=True)

    def child(self, name: str) -> Place:
        """What lies in this folder under a name."""
        relative = name if self.relative == "." else f"{self.relative}/{name}"
        return replace(self, relative=relative)

    def absolute_path(self, file: int) -> str:
        """The path of a descriptor that was opened here, for programs that must open it by name.

        Links on the way are resolved in it. Where there is no /proc it is put together.

        Raises:
            Forbidden: meanwhile it was moved out of the folder.
            NotFound: meanwhile it was deleted.
        """
        try:
            folder, path = (os.readlink(f"/proc/self/fd/{number}") for number in (self.root, file))
        except FileNotFoundError:
            return os.path.join(os.path.realpath(self.mount.root), self.relative)
        # With the separator: /srv/photos-private does not lie in /srv/photos (CVE-2025-54387).
        if not path.startswith(folder.rstrip("/") + "/"):
            raise Forbidden("This source lies outside of the folder that is served.", private=path)
        # This is how /proc marks it, but a name may end so, too.
        if path.endswith(" (deleted)") and not _leads_to(path, file):
            raise NotFound("This source was deleted just now.")
        return path


class Mounts:
    """The mounted folders; the longest prefix wins.

    Args:
        mounts: in any order.

    Raises:
        ValueError: a folder cannot be opened, or two are mounted at the same prefix; it names the mount.
    """

    def __init__(self, mounts: Sequence[Mount]) -> None:
        self._roots: dict[Mount, int] = {}
        self._in_memory: dict[Mount, bool] = {}
        prefixes: set[str] = set()
        try:
            for mount in mounts:
                prefix = mount.prefix.rstrip("/") + "/"
                if not prefix.startswith("/"):
                    raise ValueError(
                        f"source {mount.name}: the prefix {mount.prefix!r} has no slash in front"
                    )
                if prefix in prefixes:
                    raise ValueError(f"source {mount.name}: another one is mounted at {prefix} too")
                prefixes.add(prefix)
                mounted = Mount(mount.name, prefix, mount.root, mount.listing)
                self._roots[mounted] = _open_root(mount)
                self._in_memory[mounted] = keeps_names_in_memory(f"{os.path.realpath(mount.root)}/.")
        except BaseException:
            self.close()
            raise
        self._by_length = sorted(self._roots, key=lambda mount: len(mount.prefix), reverse=True)

    def place(self, path: str) -> Place | None:
        """Where a path leads, or None when no folder is mounted at it or above it."""
        folder = path.rstrip("/") + "/"
        for mount in self._by_length:
            if folder.startswith(mount.prefix):
                relative = path[len(mount.prefix) :].rstrip("/") or "."
                return self._place(mount, relative)
        return None

    def below(self, folder: str) -> dict[str, tuple[Place, ...]]:
        """Names in a folder that lead to mounts, each with the roots of those mounts.

        Args:
            folder: its path, with a slash at its end.
        """
        names: dict[str, tuple[Place, ...]] = {}
        for mount in self._roots:
            if mount.prefix.startswith(folder) and mount.prefix != folder:
                name = mount.prefix[len(folder) :].split("/")[0]
                names[name] = (*names.get(name, ()), self._place(mount, "."))
        return names

    def _place(self, mount: Mount, relative: str) -> Place:
        return Place(mount, self._roots[mount], relative, self._in_memory[mount])

    def close(self) -> None:
        """Give the descriptors back. Idempotent; nothing can be opened afterwards."""
        for mount, root in self._roots.items():
            if root >= 0:
                self._roots[mount] = -1
                os.close(root)


def refusal(error: OSError, path: str) -> MediaError:
    """What a failure to open says to the client.

    Args:
        error: from `Place.open`.
        path: as it is in URLs.
    """
    private = f"{path}: {os.strerror(error.errno or 0)}"
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR | errno.ENAMETOOLONG | errno.EILSEQ | errno.EINVAL:
            return NotFound(f"There is no source at {shown(path)}.", private=private)
        case errno.EXDEV | errno.ELOOP:
            return Forbidden(f"A link in {shown(path)} is not followed: it leads elsewhere.", private=private)
        case errno.EACCES | errno.EPERM:
            return Forbidden(f"The server may not read {shown(path)}.", private=private)
        case errno.ENXIO | errno.ENODEV:  # a socket, a device without a driver
            return Forbidden(f"{shown(path)} is no file.", private=private)
        case _:  # no descriptor left, a disk that fails, a tree that is always moving
            return Unavailable(f"{shown(path)} cannot be read now.", retry_after=1, private=private)


def _open_root(mount: Mount) -> int:
    try:
        return os.open(mount.root, _O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"source {mount.name}: the folder {mount.root} cannot be served: {reason}") from None


def _leads_to(path: str, file: int) -> bool:
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(file))
    except OSError:
        return False
