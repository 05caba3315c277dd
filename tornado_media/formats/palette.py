"""The mean colour of a picture, and its main ones with their parts. Pure code, the same answer each time.

Colours that are alike are counted together; then the group whose colours differ most is cut in two, where the
halves differ least within themselves, until there are enough groups (after X. Wu, "Efficient statistical
computations for optimal color quantization", Graphics Gems II, 1991; with a list in place of its moments).
A group has its mean colour; but where most of its pixels have the very same, such as in a logo, it has that.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter, mul
from typing import NamedTuple

_OPAQUE = 128
"""Pixels with less opacity have no say."""

_CELL = 4
"""Bits of each channel that are not looked at when colours are counted together."""

_ALIKE = 5.0
"""Standard deviation, in steps of 256, of what is one colour to the eye."""

_WEIGHTS = (2.0, 4.0, 3.0)
"""How much the eye sees of a difference in red, green, blue (https://www.compuphase.com/cmetric.htm)."""

Colour = tuple[int, int, int]


class Cell(NamedTuple):
    """Pixels of similar colours: the mean, how many, how many have the most common colour, and that."""

    mean: tuple[float, float, float]
    pixels: int
    number: int
    colour: Colour


@dataclass(frozen=True, slots=True)
class Shade:
    """One of the main colours: `#rrggbb`, and its part of the opaque pixels, above 0 up to 1."""

    color: str
    part: float


def palette(rgba: bytes, colors: int) -> list[Shade]:
    """The main colours of a picture, the largest first.

    Args:
        rgba: four bytes for each pixel, sRGB. Some thousand pixels say as much as all.
        colors: at most so many; fewer where there are no more.

    Returns:
        An empty list where nothing is opaque.
    """
    cells = _count(rgba)
    total = sum(cell.pixels for cell in cells)
    groups = [_Group(cells)] if cells else []
    while len(groups) < colors:
        worst = max(groups, key=lambda group: group.error, default=None)
        if worst is None or worst.error <= _ALIKE**2 * sum(_WEIGHTS) * worst.pixels:
            break
        groups.remove(worst)
        groups += worst.cut()
    shades = [Shade(group.color, round(group.pixels / total, 4)) for group in groups]
    return sorted(shades, key=lambda shade: (-shade.part, shade.color))


def mean(rgba: bytes) -> Colour | None:
    """The mean of the values of sRGB, each pixel by its opacity; None where nothing is to be seen.

    Args:
        rgba: four bytes for each pixel, sRGB.
    """
    opacity = rgba[3::4]
    seen = sum(opacity)
    if not seen:
        return None
    red, green, blue = (round(sum(map(mul, rgba[band::4], opacity)) / seen) for band in range(3))
    return red, green, blue


def laid_on(rgba: bytes, background: Colour) -> bytes:
    """The same pixels with nothing transparent: three bytes each."""
    opacity = rgba[3::4]
    rgb = bytearray(len(rgba) // 4 * 3)
    for band, behind in enumerate(background):
        colours = zip(rgba[band::4], opacity, strict=True)
        rgb[band::3] = bytes((value * a + behind * (255 - a) + 127) // 255 for value, a in colours)
    return bytes(rgb)


def named(colour: tuple[float, ...]) -> str:
    """`#rrggbb`."""
    return "#" + "".join(f"{round(value):02x}" for value in colour)


class _Group:
    """Colours that are one in the result."""

    def __init__(self, cells: list[Cell]) -> None:
        self._cells = cells
        self.pixels = sum(cell.pixels for cell in cells)
        self._mean = [sum(cell.mean[band] * cell.pixels for cell in cells) / self.pixels for band in range(3)]
        spread = [
            weight * sum((cell.mean[band] - mean) ** 2 * cell.pixels for cell in cells)
            for band, (weight, mean) in enumerate(zip(_WEIGHTS, self._mean, strict=True))
        ]
        self.error = sum(spread)
        self._axis = spread.index(max(spread))

    @property
    def color(self) -> str:
        most = max(self._cells, key=attrgetter("number", "colour"))
        return named(most.colour if most.number * 2 > self.pixels else tuple(self._mean))

    def cut(self) -> tuple[_Group, _Group]:
        """In two along the channel in which the colours differ most."""
        axis = self._axis
        cells = sorted(self._cells, key=lambda cell: (cell.mean[axis], cell.mean))
        pixels = list(accumulate(cell.pixels for cell in cells))
        sums = list(accumulate(cell.mean[axis] * cell.pixels for cell in cells))
        # The squares are the same wherever the cut is, so the best one has the largest sum of sum^2 / number.
        gains = [
            below**2 / n + (sums[-1] - below) ** 2 / (pixels[-1] - n)
            for below, n in zip(sums[:-1], pixels[:-1], strict=True)
        ]
        best = gains.index(max(gains)) + 1
        return _Group(cells[:best]), _Group(cells[best:])


def _count(rgba: bytes) -> list[Cell]:
    """What is in each cell of similar colours."""
    cells: dict[Colour, list[tuple[int, Colour]]] = {}
    for (*colour, alpha), number in Counter(zip(*(rgba[band::4] for band in range(4)), strict=True)).items():
        if alpha >= _OPAQUE:
            red, green, blue = colour
            key = (red >> _CELL, green >> _CELL, blue >> _CELL)
            cells.setdefault(key, []).append((number, (red, green, blue)))
    return [_cell(members) for members in cells.values()]


def _cell(members: list[tuple[int, Colour]]) -> Cell:
    pixels = sum(number for number, _ in members)
    red, green, blue = (
        sum(number * colour[band] for number, colour in members) / pixels for band in range(3)
    )
    return Cell((red, green, blue), pixels, *max(members))
