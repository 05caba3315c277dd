"""The header of a JPEG file as cameras and programs write it. Pure code.

libvips needs half a millisecond to read a header, which is much for a small thumbnail. What is in doubt is
not plain, and left to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tornado_media.formats.jpeg import SOS, Frame, Segment, Unusual, read_frame, segments

_APP1, _APP2 = 0xE1, 0xE2
_EXIF, _ICC = b"Exif\0\0", b"ICC_PROFILE\0"
_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
_ORIENTATION, _SHORT = 0x0112, 3
_MOST_ENTRIES = 512


@dataclass(frozen=True, slots=True)
class PlainJpeg:
    """What decides how the picture is shown.

    Args:
        frame: 8 bits, grey or three components; sequential, with all of them in one scan, or progressive.
        orientation: of EXIF, 1 to 8.
        profile: an ICC profile; empty for none.
    """

    frame: Frame
    orientation: int
    profile: bytes


def read_plain(content: bytes | memoryview) -> PlainJpeg | None:
    """The header of a file, or None where it is not plain.

    Args:
        content: the file, or as much from its start as holds the header of the first scan.
    """
    view = memoryview(content)
    found: Frame | None = None
    orientations, chunks = [], []
    try:
        for segment in segments(view, head=True):
            if segment.is_frame:
                if found is not None:
                    return None
                found = read_frame(view, segment)
            elif segment.marker == _APP1 and _starts(view, segment, _EXIF):
                orientations.append(_orientation(bytes(view[segment.data + len(_EXIF) : segment.header])))
            elif segment.marker == _APP2 and _starts(view, segment, _ICC):
                chunks.append(bytes(view[segment.data + len(_ICC) : segment.header]))
            elif segment.marker == SOS:
                if found is None or not _is_plain(found, view, segment):
                    return None
                return PlainJpeg(found, _only(orientations), _joined(chunks))
    except Unusual:
        pass
    return None


def _starts(view: memoryview, segment: Segment, name: bytes) -> bool:
    """Whether a segment says that it is of this kind. One that nearly does is in doubt."""
    begins = bytes(view[segment.data : min(segment.data + len(name), segment.header)])
    if begins != name and begins.startswith(name.rstrip(b"\0")):
        raise Unusual
    return begins == name


def _is_plain(found: Frame, view: memoryview, scan: Segment) -> bool:
    if found.precision != 8 or len(found.components) not in (1, 3):
        return False
    # T.81, B.2.3: how many components the scan has. Of a sequential file libjpeg reads no other scan then.
    together = view[scan.data : scan.data + 1] == bytes([len(found.components)])
    return found.progressive or (found.sequential and together)


def _only(orientations: list[int]) -> int:
    if len(orientations) > 1:
        raise Unusual
    return orientations[0] if orientations else 1


def _joined(chunks: list[bytes]) -> bytes:
    """The profile out of its chunks, each with its number, from 1, and how many there are (ICC.1, B.4)."""
    if any(chunk[:2] != bytes([number, len(chunks)]) for number, chunk in enumerate(chunks, 1)):
        raise Unusual
    return b"".join(chunk[2:] for chunk in chunks)


def _orientation(block: bytes) -> int:
    """The orientation in the first directory of EXIF (CIPA DC-008 section 4.6.5.1.6, TIFF 6.0)."""
    order = _ORDERS.get(block[:4])
    if order is None:
        raise Unusual

    def number(at: int, size: int) -> int:
        if at + size > len(block):
            raise Unusual
        return int.from_bytes(block[at : at + size], order)

    start = number(4, 4)
    for entry in range(min(number(start, 2), _MOST_ENTRIES)):
        at = start + 2 + 12 * entry
        if number(at, 2) == _ORIENTATION:
            value = number(at + 8, 2)
            if (number(at + 2, 2), number(at + 4, 4)) != (_SHORT, 1) or not 1 <= value <= 8:
                raise Unusual
            return value
    return 1
