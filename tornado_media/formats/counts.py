"""How often a file has what a library goes through again and again: scans, frames, pages. Pure code.

A small file may have very many of them. libjpeg goes over all pixels for each scan, libwebp over all frames
for each frame, libtiff over all pages to count them. So they are counted here, no further than to a bound,
before a library does more than to look at the header.

ITU-T T.81 B.1.1.2 (a scan begins with 0xFF 0xDA, which coded data never hold),
https://developers.google.com/speed/webp/docs/riff_container (ANMF), TIFF 6.0 section 2 (a chain of IFDs).
"""

from __future__ import annotations

import re
import struct
from mmap import mmap

MOST_FRAMES = 10_000
"""Of a WebP, and pages of a TIFF; an animated PNG ends with that many."""

_LEAST_SCANS = 20
"""That any JPEG may have; what encoders make has about ten."""

_SCANNED = 1_000_000_000
"""Pixels times scans: each takes about 1 ns, even where a scan says nothing of it."""

_MOST_SCANS = 1000

_SCAN = re.compile(rb"\xff\xda")


def most_scans(pixels: int) -> int:
    """How many scans a JPEG of so many pixels may have."""
    return max(_LEAST_SCANS, min(_MOST_SCANS, _SCANNED // max(1, pixels)))


def has_scans(content: bytes | mmap, many: int) -> bool:
    """Whether a JPEG has more than so many scans. Those of a preview in its metadata count, too."""
    return any(number > many for number, _ in enumerate(_SCAN.finditer(content), 1))


def has_frames(content: bytes | mmap, media_type: str, many: int = MOST_FRAMES) -> bool:
    """Whether a WebP has more than so many frames, or a TIFF more pages; no other type has."""
    if media_type == "image/webp":
        return _has_chunks(content, many)
    return media_type == "image/tiff" and _has_pages(content, many)


def _has_chunks(content: bytes | mmap, many: int) -> bool:
    at, found = 12, 0
    while found <= many and len(head := content[at : at + 8]) == 8:
        found += head[:4] == b"ANMF"
        length = int.from_bytes(head[4:], "little")
        at += 8 + length + length % 2
    return found > many


def _has_pages(content: bytes | mmap, many: int) -> bool:
    """Also where the chain is a circle."""
    order = ">" if content[:2] == b"MM" else "<"
    big = b"+" in content[2:4]
    offset, count, entry = (order + "Q", order + "Q", 20) if big else (order + "I", order + "H", 12)
    place = 8 if big else 4
    try:
        for _ in range(many + 1):
            (page,) = struct.unpack_from(offset, content, place)
            if not page:
                return False
            (entries,) = struct.unpack_from(count, content, page)
            place = page + struct.calcsize(count) + entries * entry
    except (struct.error, OverflowError, ValueError):  # it leads out of the file
        return False
    return True
