"""The cosine transform that BlurHash and ThumbHash are made of: one table for each axis, used for all pixels.

A sum over all pixels for each pair of frequencies would cost width x height x frequencies; rows first and
then columns is the same sum in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi
from operator import mul

Table = list[list[float]]
"""For each frequency, one factor for each pixel of a row or column."""


def table(frequencies: int, size: int, offset: float) -> Table:
    """Cosines of the first frequencies.

    Args:
        frequencies: how many, from 0 (which is constant).
        size: of the axis in pixels.
        offset: where in a pixel it is sampled: 0.5 is its middle.
    """
    return [[cos(pi * k * (n + offset) / size) for n in range(size)] for k in range(frequencies)]


def transform(channel: Sequence[float], across: Table, down: Table) -> list[list[float]]:
    """How much of each pair of frequencies is in a channel, as the mean over its pixels.

    Args:
        channel: row by row.
        across: of the width.
        down: of the height.

    Returns:
        `result[frequency down][frequency across]`.
    """
    width = len(across[0])
    rows = [channel[start : start + width] for start in range(0, len(channel), width)]
    columns = [[sum(map(mul, row, factors)) for row in rows] for factors in across]
    return [[sum(map(mul, column, factors)) / len(channel) for column in columns] for factors in down]


def invert(coefficients: Sequence[Sequence[float]], across: Table, down: Table) -> list[float]:
    """The channel that weighted cosines add up to, row by row.

    Args:
        coefficients: `[frequency down][frequency across]`.
        across: of the width of the result.
        down: of its height.
    """
    height = len(down[0])
    channel: list[float] = []
    for y in range(height):
        weights = [
            sum(c[y] * value for c, value in zip(down, column, strict=False))
            for column in zip(*coefficients, strict=True)
        ]
        channel += [sum(map(mul, weights, factors)) for factors in zip(*across, strict=True)]
    return channel
