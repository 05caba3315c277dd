"""How libraries say that memory ran out, in the texts of their errors and in their last words."""

from __future__ import annotations

import re

_WORDS = re.compile(
    r"(?:out of|insufficient|not enough) memory"  # libvips, libjpeg, libspng, libwebp, OpenJPEG
    r"|(?:cannot|could not|can't|failed to|unable to) (?:be )?allocate"  # glibc, GLib
    r"|memory allocation"  # Rust ("memory allocation of 9 bytes failed"), libheif, libaom
    r"|memory error"  # libwebp's encoder ("picture memory error")
    r"|bad_alloc"  # C++
    r"|unable to create thread|cannot create thread"  # a thread has a stack
    r"|MemoryError",
    re.IGNORECASE,
)


def tells_of_memory(text: str) -> bool:
    """Whether a library's text says that there was not enough memory."""
    return _WORDS.search(text) is not None


def too_much(memory: int) -> str:
    """The public sentence for work that needs more than it may have.

    Args:
        memory: bytes that it may have.
    """
    return f"To make this of the source needs more memory than the {memory / 2**20:.0f} MiB that it may have."
