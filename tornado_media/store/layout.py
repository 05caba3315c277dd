"""What lies in the cache's folder, as values; and how a source and a size are counted there. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from tornado_media.store.entry import Meta

_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Found:
    """An entry that was opened and checked.

    Args:
        meta: what it says of itself.
        content: the whole content, checked by its digest, where it is small; else None.
        file: a descriptor whose first `meta.length` bytes are the content; -1 where `content` is there.
        size: bytes that it takes on disk, by `on_disk`.
    """

    meta: Meta
    content: bytes | None
    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry, as a look into the folder shows it.

    Args:
        source: digest of its source's path.
        key: of its plan.
        size: bytes that it takes on disk.
        used: when it was last read or written, seconds since 1970.
    """

    source: str
    key: str
    size: int
    used: float


@dataclass(frozen=True, slots=True)
class Removed:
    """What was purged.

    Args:
        lengths: of the files, by key, in bytes.
        generation: the number that the folder has now; empty where nobody has ever served from it.
    """

    lengths: dict[str, int]
    generation: bytes


def on_disk(length: int) -> int:
    """Bytes that a file takes on disk: its length in whole blocks of 4 KiB.

    Not `st_blocks`: some file systems know that only seconds after the write, and a bound is needed before.
    """
    return -(-length // _BLOCK) * _BLOCK


def source_of(path: str) -> str:
    """The name of the folder of a source's results.

    Args:
        path: of the source in URLs.
    """
    return blake2b(path.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
