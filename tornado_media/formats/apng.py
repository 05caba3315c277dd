"""Animated PNG: the frames of a file, each as a PNG of its own. Pure code: bytes in, bytes out.

libvips shows the still picture of such a file and does not know of the rest. PNG, third edition, sections
11.3.6 (acTL, fcTL, fdAT) and 4.9 (how frames are laid over each other): https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from tornado_media.formats.counts import MOST_FRAMES

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_CONTROL = struct.Struct(">5I2H2B")
_HUNDREDTHS = 100
_MOST_CHUNKS = 200_000


class Dispose(IntEnum):
    """What becomes of a frame's area before the next one is drawn."""

    NONE = 0
    BACKGROUND = 1
    PREVIOUS = 2


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of an animation.

    Args:
        width: in pixels.
        height: in pixels.
        left: where it lies on the canvas.
        top: where it lies on the canvas.
        delay: milliseconds that it is shown.
        dispose: what becomes of its area afterwards.
        over: whether it is laid over what is there; else it takes the place of that, transparent as it is.
        data: where the compressed pixels stand in the file: offset and length in bytes of each piece.
    """

    width: int
    height: int
    left: int
    top: int
    delay: int
    dispose: Dispose
    over: bool
    data: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Animation:
    """An animated PNG.

    Args:
        width: of the canvas in pixels.
        height: of the canvas.
        loop: how often it plays; 0 is for ever.
        frames: in their order.
        still: whether the picture that other programs show is the first frame, too.
        header: the data of the chunk IHDR.
        common: chunks that all frames share: palette, transparency, profile.
    """

    width: int
    height: int
    loop: int
    frames: tuple[Frame, ...]
    still: bool
    header: bytes
    common: bytes


def read_animation(content: bytes | memoryview) -> Animation | None:
    """What a file says of its first `MOST_FRAMES` frames; None where it is no animation, or not a whole one.

    Args:
        content: the file.
    """
    view = memoryview(content)
    header, common, control = b"", bytearray(), b""
    found: list[tuple[bytes, list[tuple[int, int]]]] = []
    pixels = False
    for name, start, end in _chunks(view):
        if name == b"IHDR":
            header = bytes(view[start:end])
        elif name == b"acTL":
            control = bytes(view[start:end])
        elif name == b"fcTL":
            if len(found) == MOST_FRAMES:
                break
            found.append((bytes(view[start:end]), []))
        elif name == b"IDAT":
            if not pixels and not control:
                return None
            pixels = True
            if found:
                found[0][1].append((start, end - start))
        elif name == b"fdAT" and found and end - start > 4:
            found[-1][1].append((start + 4, end - start - 4))
        elif not pixels and not found and name != b"IEND":
            common += view[start - 8 : end + 4]
    if len(control) != 8 or len(header) != 13:
        return None
    width, height = struct.unpack_from(">2I", header)
    whole = [frame for frame in (_frame(*one, width, height) for one in found) if frame is not None]
    if not whole or len(whole) != len(found):
        return None
    still = bytes(view[whole[0].data[0][0] - 4 : whole[0].data[0][0]]) == b"IDAT"
    loop = int.from_bytes(control[4:], "big")
    return Animation(width, height, loop, tuple(whole), still, header, bytes(common))


def frame_file(content: bytes | memoryview, animation: Animation, frame: Frame) -> bytes:
    """A PNG of one frame.

    Args:
        content: the file.
        animation: what it says of its frames.
        frame: one of them.
    """
    header = struct.pack(">2I", frame.width, frame.height) + animation.header[8:]
    view = memoryview(content)
    data = b"".join(view[start : start + length] for start, length in frame.data)
    return (
        SIGNATURE + _chunk(b"IHDR", header) + animation.common + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    )


def _chunks(view: memoryview) -> Iterator[tuple[bytes, int, int]]:
    """Name, and where its data begins and ends, of each chunk that is there as a whole."""
    at = len(SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        start = at + 8
        end = start + int.from_bytes(view[at : at + 4], "big")
        if end + 4 > len(view):
            return
        name = bytes(view[at + 4 : start])
        yield name, start, end
        if name == b"IEND":
            return
        at = end + 4


def _frame(control: bytes, data: list[tuple[int, int]], width: int, height: int) -> Frame | None:
    if len(control) != _CONTROL.size or not data:
        return None
    _, across, down, left, top, number, parts, dispose, blend = _CONTROL.unpack(control)
    inside = 0 < across <= width - left and 0 < down <= height - top
    if not inside or dispose > Dispose.PREVIOUS or blend > 1:
        return None
    delay = round(number * 1000 / (parts or _HUNDREDTHS))
    return Frame(across, down, left, top, delay, Dispose(dispose), bool(blend), tuple(data))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))
