"""The room on disk that one growing result has: a spool asks for it before it writes."""

from __future__ import annotations

from typing import Protocol

from tornado_media.store.index import Index


class Lender(Protocol):
    """The disk, as a room sees it."""

    index: Index

    @property
    def writable(self) -> bool:
        """Results can be kept, as far as is known."""

    def new_file(self) -> int:
        """A new file without a name; called in a thread."""

    def failed(self, error: OSError) -> None:
        """The disk has failed."""

    def left(self, room: Room) -> None:
        """A room has been closed."""


class Room:
    """The part of the disk that one result has taken so far.

    Args:
        disk: whose it is; None where nothing is kept on disk: then there is never room.
        largest: bytes that one result may have.
    """

    def __init__(self, disk: Lender | None, largest: int) -> None:
        self._disk = disk
        self._largest = largest
        self.size = 0
        self.file = -1

    def new_file(self) -> int:
        """A descriptor of an empty file without a name, for reading and writing; the caller closes it.

        Called in a thread, once.

        Raises:
            OSError: there is no disk for it.
        """
        if self._disk is None:
            raise OSError("nothing is kept on disk")
        self.file = self._disk.new_file()
        return self.file

    def grow(self, more: int) -> bool:
        """Take bytes; other results leave for them. False when they would be more than a result's share."""
        if self._disk is None or not self._disk.writable or self.size + more > self._largest:
            return False
        if not self._disk.index.take(more):
            return False
        self.size += more
        return True

    def shrink(self, less: int) -> None:
        """Give some bytes back."""
        if self._disk is not None:
            less = min(less, self.size)
            self._disk.index.give_back(less)
            self.size -= less

    def failed(self, error: OSError) -> None:
        """The disk has failed: it is left alone for a while."""
        if self._disk is not None:
            self._disk.failed(error)

    def close(self) -> None:
        """Give all bytes back. Idempotent."""
        if self._disk is not None:
            self.shrink(self.size)
            self._disk.left(self)
            self._disk = None
