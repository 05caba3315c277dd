"""Sources in folders of this machine: a path of a URL becomes an open file, a refusal, or a list of names.

Second station. `open` and `list` block, for a few system calls each, so they are called in a thread: a disk
may be asleep. `open_at_once` and `unchanged` never wait, and sometimes cannot tell. This module must not
follow a link out of a mounted folder, open what is no regular file for longer than it takes to see that, nor
serve or name anything hidden: with a folder come `.git`, `.env` and `.ssh`, and whoever mounts it does not
mean those.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from tornado_media.errors import Forbidden, MediaError, NotFound
from tornado_media.formats.media_types import SNIFF_LENGTH, media_type, tag_length
from tornado_media.formats.pictures import may_be_animated, may_have_alpha
from tornado_media.presets.plan import SourceFacts
from tornado_media.sources.filesystems import answers_from_memory
from tornado_media.sources.listing import Entry, Listing, page
from tornado_media.sources.mounts import LOOK, Mount, Mounts, Place, refusal
from tornado_media.sources.source import Source
from tornado_media.urls import is_name, shown

__all__ = ["Entry", "Listing", "Mount", "Source", "SourceIsFolder", "Sources"]

# O_NONBLOCK: opening a FIFO must not wait for its writer. O_NOCTTY: a terminal must not become ours.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
_NOWAIT = getattr(os, "RWF_NOWAIT", 0)
_SCAN = os.O_RDONLY | os.O_NONBLOCK | os.O_DIRECTORY

# Not known without waiting; a lease that must be broken first; a descriptor or memory that is wanting.
_CANNOT_TELL = frozenset(
    {errno.EAGAIN, errno.EINTR, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EPERM, errno.ENOSYS}
)

RECENT = 1.0
"""Seconds after which `unchanged` opens a source again. To open and close it costs a hit on a small kept
result 18 of 103 microseconds of processor time, to look at it by name 3."""

_LOOKED_AT = 4096

_TAGS = 4
"""ID3v2 tags at the beginning of a file that are looked behind; two are seldom."""

_OWN_PAGES = "-"  # /-/... is for the server's own pages; a folder of this name would be behind them


class SourceIsFolder(NotFound):
    """There is a folder, and no file can be sent for it (404, unless the web edge knows better)."""


class Sources:
    """The folders that are served.

    Args:
        mounts: each has a prefix of its own; the longest that fits a path wins.

    Raises:
        ValueError: a folder is not there, or cannot be served; it names the mount and the folder.
    """

    def __init__(self, mounts: Sequence[Mount]) -> None:
        self._mounts = Mounts(mounts)
        self._looked_at: dict[str, float] = {}

    def open(self, path: str) -> Source:
        """Open the file at a path. Blocks for about ten system calls and one read of 4 KiB.

        Args:
            path: as `parse_target` gives it. A name that begins with a dot is not there for it.

        Returns:
            The source, which the caller closes.

        Raises:
            SourceIsFolder: a folder is there.
            NotFound: nothing is there.
            Forbidden: a link that leads out of the mounted folder, no file, or no permission.
            Unavailable: the disk fails, or the server has no descriptor left.
        """
        place = self._place(path)
        if place is None:
            raise self._nothing(path)
        try:
            source = _open(place.open, _read, place, path)
        except SourceIsFolder:
            raise
        except NotFound as error:
            raise self._nothing(path, error.private) from None
        if path.endswith("/"):
            source.close()
            raise NotFound(f"{shown(path)} is a file, not a folder: leave out the slash at the end.")
        return source

    def open_at_once(self, path: str) -> Source | None:
        """Open the file at a path without waiting, as most can be.

        Args:
            path: as `open` has it.

        Returns:
            The source, which the caller closes; None when only `open` can tell: something of it is not in
            memory, or it is refused.
        """
        place = self._mounts.place(path)
        if place is None or path.endswith("/") or _is_hidden(path):
            return None
        try:
            return _open(place.open_at_once, _read_at_once, place, path)
        except MediaError:
            return None

    def unchanged(self, facts: SourceFacts) -> bool | None:
        """Whether `open` would open the same source again. Never waits for a disk; 2 to 20 microseconds.

        Opens it as `open` does, for a moment: a name, a link on the way, a permission may have changed. For
        `RECENT` seconds after that its names are in the kernel's cache, and to look which file they lead to
        is enough and much cheaper. What changes no file, a permission that was taken away or a folder that
        was moved out and linked to, is noticed after that time.

        Args:
            facts: of a source that was opened here before.

        Returns:
            False when it is another file now, a changed one, or none; None when that cannot be told without
            waiting: its name is not in the kernel's cache, or its filesystem may be a network's.
        """
        if not answers_from_memory(facts.device, facts.absolute_path):
            return None
        place = self._mounts.place(facts.path)
        if place is None:
            return False
        now = time.monotonic()
        try:
            if now - self._looked_at.get(facts.path, -RECENT) < RECENT and _is(
                facts, os.stat(place.relative, dir_fd=place.root, follow_symlinks=False)
            ):
                return True
            return _is(facts, self._look(place, now, facts.path))
        except OSError as error:
            return None if error.errno in _CANNOT_TELL else False

    def list(self, path: str, *, after: str | None = None, limit: int = 500) -> Listing:
        """List a folder. Blocks for a scan of it, and opens each file of the page for its media type.

        Only what `open` would open is there, under the names that a URL can spell, and the folders that may
        be listed. Mounts below the folder are folders in it.

        Args:
            path: of the folder, with or without a slash at its end.
            after: `Listing.next` of the page before, or None.
            limit: names on a page, folders included.

        Raises:
            NotFound: no folder is there.
            Forbidden: the mount may not be listed, or as `open`.
            Unavailable: as `open`.
        """
        folder, place = path.rstrip("/") + "/", self._place(path)
        mounts = self._mounts.below(folder)
        listed = {
            f"{name}/": roots[0] for name, roots in mounts.items() if any(r.mount.listing for r in roots)
        }
        if place is None and not mounts:
            raise self._nothing(path)
        if not (listed if place is None else place.mount.listing):
            raise Forbidden("Listing this folder is switched off in the configuration of this server.")
        if place is not None:
            try:
                found = _scan(place, folder)
            except NotFound:
                if not listed:
                    raise
                found = {}
            listed |= {name: child for name, child in found.items() if name.rstrip("/") not in mounts}
        names, following = page(listed, after, max(1, limit))
        return Listing(
            folder=folder,
            folders=tuple(filter(None, (_folder(n, folder, listed[n]) for n in names if n.endswith("/")))),
            files=tuple(filter(None, (_file(n, folder, listed[n]) for n in names if not n.endswith("/")))),
            next=following,
        )

    def close(self) -> None:
        """Let the mounted folders go. Idempotent; open sources stay open."""
        self._mounts.close()

    def _look(self, place: Place, now: float, path: str) -> os.stat_result:
        file = place.open_cached(_READ)
        try:
            status = os.fstat(file)
        finally:
            os.close(file)
        if len(self._looked_at) >= _LOOKED_AT:
            self._looked_at.clear()
        self._looked_at[path] = now
        return status

    def _place(self, path: str) -> Place | None:
        if not path.startswith("/") or _is_hidden(path):
            raise NotFound(f"There is no source at {shown(path)}.")
        return self._mounts.place(path)

    def _nothing(self, path: str, private: str = "") -> NotFound:
        # A mount further below makes folders of the names on the way to it.
        if self._mounts.below(path.rstrip("/") + "/"):
            return SourceIsFolder(f"{shown(path)} is a folder.")
        return NotFound(f"There is no source at {shown(path)}.", private=private)


def _is(facts: SourceFacts, status: os.stat_result) -> bool:
    return (
        status.st_mtime_ns == facts.mtime_ns
        and status.st_ino == facts.inode
        and status.st_size == facts.size
        and status.st_dev == facts.device
    )


def _is_hidden(path: str) -> bool:
    names = path.strip("/").split("/")
    return any(name.startswith(".") for name in names) or names[0] == _OWN_PAGES


_Open = Callable[[int], int]
_Read = Callable[[int, int], bytes]
"""The first bytes of a file for looks at its content, from a place on."""


def _read(file: int, place: int) -> bytes:
    return os.pread(file, SNIFF_LENGTH, place)


def _read_at_once(file: int, place: int) -> bytes:
    """As `_read`; EAGAIN when a disk would have to be waited for (RWF_NOWAIT, preadv2(2))."""
    found = bytearray(SNIFF_LENGTH)
    return bytes(found[: os.preadv(file, [found], place, _NOWAIT)])


def _open(open_: _Open, read: _Read, place: Place, path: str) -> Source:
    try:
        file = open_(_READ)
    except OSError as error:
        raise refusal(error, path) from None
    try:
        status = os.fstat(file)
        if stat.S_ISDIR(status.st_mode):
            raise SourceIsFolder(f"{shown(path)} is a folder.")
        if not stat.S_ISREG(status.st_mode):
            raise Forbidden(f"{shown(path)} is no file.")
        # Programs get it as stdin. To some of them O_NONBLOCK means that they must be ready to wait.
        os.set_blocking(file, True)
        head = read(file, 0)
        kind = _media_type(file, path, head, read)
        facts = SourceFacts(
            path=path,
            media_type=kind,
            absolute_path=place.absolute_path(file),
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            inode=status.st_ino,
            device=status.st_dev,
            alpha=may_have_alpha(head, kind),
            animated=may_be_animated(head, kind),
        )
    except OSError as error:
        os.close(file)
        raise refusal(error, path) from None
    except BaseException:
        os.close(file)
        raise
    return Source(facts, file)


def _media_type(file: int, path: str, head: bytes, read: _Read) -> str:
    # A file may have several tags, one behind the other: programs skip them all.
    behind, place = head, 0
    for _ in range(_TAGS):
        if not (length := tag_length(behind)):
            break
        place += length
        behind = read(file, place)
    return media_type(head, path, behind if place else b"")


def _scan(place: Place, folder: str) -> dict[str, Place]:
    """The names in a folder that may be listed; those of folders have a slash at the end."""
    found: dict[str, Place] = {}
    try:
        file = place.open(_SCAN)
        try:
            with os.scandir(file) as entries:
                for entry in entries:
                    child = place.child(entry.name)
                    if _may_be_named(entry.name, folder) and (mark := _mark(entry, child)) is not None:
                        found[entry.name + mark] = child
        finally:
            os.close(file)
    except OSError as error:
        raise refusal(error, folder) from None
    return found


def _may_be_named(name: str, folder: str) -> bool:
    return not name.startswith(".") and is_name(name) and f"{folder}{name}" != f"/{_OWN_PAGES}"


def _mark(entry: os.DirEntry[str], child: Place) -> str | None:
    """What stands behind the name in a listing: a slash for a folder, nothing for a file; None for others."""
    try:
        if entry.is_symlink():
            mode = _status(child).st_mode
        else:
            mode = stat.S_IFDIR if entry.is_dir() else stat.S_IFREG if entry.is_file() else 0
    except OSError:  # deleted just now, or a link that is not followed
        return None
    return "/" if stat.S_ISDIR(mode) else "" if stat.S_ISREG(mode) else None


def _status(place: Place) -> os.stat_result:
    file = place.open(LOOK)
    try:
        return os.fstat(file)
    finally:
        os.close(file)


def _folder(name: str, folder: str, place: Place) -> Entry | None:
    with suppress(OSError):  # gone in the meantime
        return Entry(name.rstrip("/"), f"{folder}{name}", None, 0, int(_status(place).st_mtime))
    return None


def _file(name: str, folder: str, place: Place) -> Entry | None:
    with suppress(NotFound, Forbidden), _open(place.open, _read, place, f"{folder}{name}") as source:
        facts = source.facts
        return Entry(name, facts.path, facts.media_type, facts.size, facts.mtime_ns // 1_000_000_000)
    return None
