"""Texts of libvips that are not UTF-8. Runs in worker processes only.

The bytes of a source come up in what libvips says of it and in the names and values of its metadata. pyvips
takes all of that for UTF-8 and raises UnicodeDecodeError where it is not: in the middle of an error of
libvips, whose text then stays behind for the next call to stumble over.
"""

from __future__ import annotations

from typing import Any

import pyvips
from pyvips import error, gvalue, vimage


def tolerate() -> None:
    """Let pyvips write such bytes as \\xNN. Idempotent."""
    for module in (error, gvalue, vimage):
        module._to_string = _text


def _text(pointer: Any) -> str:
    if pointer == pyvips.ffi.NULL:
        return "NULL"
    text: bytes | str = pyvips.ffi.string(pointer)
    return text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text
