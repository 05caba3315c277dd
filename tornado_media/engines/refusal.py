"""What is refused before it is decoded: pictures that would take too much time or memory.

Each bound is about something that a small file can have a lot of. The texts name both figures.
"""

from __future__ import annotations

from mmap import mmap

from tornado_media.errors import SourceUnusable
from tornado_media.formats import counts

_TOGETHER = 4
"""The frames that are decoded for one result have at most so many times the pixels that one may have."""


def check_size(width: int, height: int, most: int) -> None:
    """Refuse a picture of more than `most` pixels.

    Raises:
        SourceUnusable: it has more.
    """
    size = width * height
    if size > most:
        raise SourceUnusable(
            f"The picture has {width} x {height} = {size} pixels; at most {most} are decoded."
        )


def check_frames(count: int, width: int, height: int, pixels: int) -> None:
    """Refuse an animation whose frames have too many pixels together.

    Args:
        count: frames that have to be decoded.
        width: of each.
        height: of each.
        pixels: that one frame may have.

    Raises:
        SourceUnusable: they have more.
    """
    size, most = count * width * height, pixels * _TOGETHER
    if count > 1 and size > most:
        raise SourceUnusable(
            f"{count} frames of {width} x {height} have {size} pixels; at most {most} are decoded."
        )


def check_count(content: bytes | mmap, media_type: str) -> None:
    """Refuse a file with so many frames or pages that to count them takes too long.

    Raises:
        SourceUnusable: it has.
    """
    if counts.has_frames(content, media_type):
        raise SourceUnusable(f"The picture has more than {counts.MOST_FRAMES} frames or pages.")


def check_scans(content: bytes | mmap, pixels: int) -> None:
    """Refuse a JPEG with too many scans for its size.

    Raises:
        SourceUnusable: it has.
    """
    most = counts.most_scans(pixels)
    if counts.has_scans(content, most):
        raise SourceUnusable(f"The picture has more than {most} scans, too many for its size.")
