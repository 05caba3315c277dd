"""Boxes in pictures: what a crop is in pixels, and the same box in a picture of another size; nine places.

Pure numbers, all in pixels. `geometry.py` lays out a result with them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tornado_media.errors import BadRequest

Size = tuple[int, int]

PLACES: dict[str, tuple[float, float]] = {
    "center": (0.5, 0.5),
    "top": (0.5, 0.0),
    "bottom": (0.5, 1.0),
    "left": (0.0, 0.5),
    "right": (1.0, 0.5),
    "top-left": (0.0, 0.0),
    "top-right": (1.0, 0.0),
    "bottom-left": (0.0, 1.0),
    "bottom-right": (1.0, 1.0),
}
"""The nine places: which part of the free width is on the left, and of the free height above."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a picture, in pixels.

    Args:
        left: distance from the left edge.
        top: distance from the upper edge.
        width: at least 1.
        height: at least 1.
    """

    left: int
    top: int
    width: int
    height: int

    @property
    def size(self) -> Size:
        """Width and height."""
        return self.width, self.height

    def scaled(self, whole: Size, onto: Size) -> Box:
        """The nearest box in the same picture of another size; never empty, never outside.

        Args:
            whole: the size of the picture that this box lies in.
            onto: the size of the other one.
        """
        left, width = _span(self.left, self.width, onto[0] / whole[0], onto[0])
        top, height = _span(self.top, self.height, onto[1] / whole[1], onto[1])
        return Box(left, top, width, height)


def read_crop(text: str | None, source: Size) -> Box:
    """The part of a source that is used.

    Args:
        text: `left,top,width,height`: whole numbers are pixels, numbers with a point are parts of the sides;
            None for all of it.
        source: the size of the source, upright.

    Raises:
        BadRequest: it does not lie in the source.
    """
    if text is None:
        return Box(0, 0, *source)
    left, top, width, height = (
        float(number) * side if "." in number else float(number)
        for number, side in zip(text.split(","), (*source, *source), strict=True)
    )
    left, width = _edges(left, width, source[0])
    top, height = _edges(top, height, source[1])
    box = Box(left, top, width, height)
    if box.left + box.width > source[0] or box.top + box.height > source[1]:
        raise BadRequest(f"The crop {text} reaches out of the picture, which has {text_of(source)} pixels.")
    return box


def radius(asked: float, size: Size) -> float:
    """A corner's radius in pixels: what is asked, at most half of the shorter side (a circle or a pill)."""
    return min(asked, min(size) / 2)


def place(position: str, canvas: Size, size: Size, margin: int) -> Size:
    """Left and top of something that lies on a canvas.

    Args:
        position: one of `PLACES`.
        canvas: its size.
        size: of what lies on it; where it is larger than the canvas the offsets are negative.
        margin: pixels to the edges that it lies at, less where it would not fit.
    """
    left, top = (
        at(part, free, min(margin, max(0, free // 2)))
        for part, free in zip(PLACES[position], (canvas[0] - size[0], canvas[1] - size[1]), strict=True)
    )
    return left, top


def within(size: Size, width: float, height: float) -> Size:
    """The largest size of the same aspect in width x height pixels; each side at least 1."""
    scale = min(width / size[0], height / size[1])
    return max(1, half_up(size[0] * scale)), max(1, half_up(size[1] * scale))


def _edges(start: float, length: float, side: int) -> tuple[int, int]:
    # Less than half a pixel at the far end is still a pixel.
    first = min(half_up(start), side - 1) if start < side else half_up(start)
    return first, max(1, half_up(start + length) - first)


def _span(start: int, length: int, scale: float, most: int) -> tuple[int, int]:
    first, last = half_up(start * scale), half_up((start + length) * scale)
    if first == last:  # less than a pixel: the one that it starts in
        first = min(most - 1, math.floor(start * scale))
        last = first + 1
    return first, min(most, last) - first


def at(part: float, free: int, margin: int = 0) -> int:
    """Where something starts that has `free` pixels to move: 0.0 at the left or top, 1.0 at the other end."""
    return math.floor(margin + (free - 2 * margin) * part)


def half_up(number: float) -> int:
    """The nearest whole number; a half goes up, as in CSS and libvips, and not to the even side."""
    return math.floor(number + 0.5)


def text_of(size: Size) -> str:
    """A size for people."""
    return f"{size[0]} x {size[1]}"
