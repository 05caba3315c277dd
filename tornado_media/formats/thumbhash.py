"""ThumbHash: a picture as at most 25 bytes, with its aspect and transparency. Pure code.

Both directions: a page that has no decoder gets the picture that is drawn from the hash. The format is that
of https://evanw.github.io/thumbhash/. A colour is kept as L (its lightness), P (yellow to blue) and Q (red
to green), A is its opacity; of each there are a mean and the waves that are not too short.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import floor

from tornado_media.formats.cosines import invert, table, transform

_MOST = 100
"""Pixels of a side: the limit of the format."""

_DRAWN = 32

_NOTHING = 1e-9
"""Waves that are not larger are not there: they are what floating point leaves of a picture of one colour."""


def encode(width: int, height: int, rgba: bytes) -> bytes:
    """The ThumbHash of a picture.

    Args:
        width: in pixels, at most 100. The cost grows with it, and 32 are enough: nothing finer than 6
            half-waves is kept.
        height: likewise.
        rgba: four bytes for each pixel, row by row, sRGB; the last is the opacity.
    """
    if not (1 <= width <= _MOST and 1 <= height <= _MOST):
        raise ValueError(f"a ThumbHash is made of 1 to {_MOST} pixels a side")
    if len(rgba) != width * height * 4:
        raise ValueError(f"{width} x {height} pixels have four bytes each, not {len(rgba)} in all")
    lightness, yellow, red, opacity = _channels(rgba)
    alpha = min(opacity) < 1.0
    limit, longer = 5 if alpha else 7, max(width, height)
    columns, rows = (max(1, _round(limit * side / longer)) for side in (width, height))
    most = max(columns, rows, 5 if alpha else 3)
    tables = table(most, width, 0.5), table(most, height, 0.5)
    shapes = [(lightness, max(3, columns), max(3, rows)), (yellow, 3, 3), (red, 3, 3)]
    shapes += [(opacity, 5, 5)] if alpha else []
    means, scales, waves = [], [], []
    for channel, across, down in shapes:
        found = transform(channel, tables[0][:across], tables[1][:down])
        # A side of n pixels has n waves. What looks like a shorter one is one of these, seen again.
        parts = [found[y][x] if x < width and y < height else 0.0 for x, y in _waves(across, down)]
        scale = max(map(abs, parts))
        means.append(found[0][0])
        scales.append(scale)
        waves += [_round(15 * (0.5 + 0.5 * part / scale)) if scale > _NOTHING else 0 for part in parts]
    landscape = width > height
    head = _round(63 * means[0]) | _round(31.5 + 31.5 * means[1]) << 6 | _round(31.5 + 31.5 * means[2]) << 12
    head |= _round(31 * scales[0]) << 18 | alpha << 23
    head |= (rows if landscape else columns) << 24 | _round(63 * scales[1]) << 27
    head |= _round(63 * scales[2]) << 33 | landscape << 39
    nibbles = [_round(15 * means[3]), _round(15 * scales[3])] if alpha else []
    nibbles += waves + [0] * (len(waves) % 2)
    pairs = zip(nibbles[::2], nibbles[1::2], strict=True)
    return head.to_bytes(5, "little") + bytes(low | high << 4 for low, high in pairs)


def decode(thumbhash: bytes, size: tuple[int, int] | None = None) -> tuple[int, int, bytes]:
    """The picture that a ThumbHash stands for.

    Args:
        thumbhash: as `encode` made it; of what is cut off, the rest is taken for zeros.
        size: of the result in pixels. The hash knows the aspect roughly; who knows it better says it here.
            When left out, the longer side has 32.

    Returns:
        Width, height, and four bytes for each pixel, as `encode` takes them.
    """
    head = int.from_bytes(thumbhash[:5], "little")
    alpha, landscape = bool(head >> 23 & 1), bool(head >> 39)
    long, short = 5 if alpha else 7, max(1, head >> 24 & 7)
    columns, rows = (long, short) if landscape else (short, long)
    width, height = size or (max(1, _round(_DRAWN * side / long)) for side in (columns, rows))
    nibbles = iter([nibble for byte in thumbhash[5:] for nibble in (byte & 15, byte >> 4)])
    means = [(head & 63) / 63, (head >> 6 & 63) / 31.5 - 1, (head >> 12 & 63) / 31.5 - 1]
    # 1.25: the decoder's habit of making colours a little stronger than they were measured.
    scales = [(head >> 18 & 31) / 31, (head >> 27 & 63) / 63 * 1.25, (head >> 33 & 63) / 63 * 1.25]
    sizes = [(max(3, columns), max(3, rows)), (3, 3), (3, 3)]
    if alpha:
        means.append(next(nibbles, 0) / 15)
        scales.append(next(nibbles, 0) / 15)
        sizes.append((5, 5))
    tables = table(7, width, 0.5), table(7, height, 0.5)
    channels = [
        invert(_coefficients(nibbles, mean, scale, size), tables[0][: size[0]], tables[1][: size[1]])
        for mean, scale, size in zip(means, scales, sizes, strict=True)
    ]
    opacity = channels[3] if alpha else [1.0] * len(channels[0])
    pixels = bytearray()
    for light, yellow, red, opaque in zip(*channels[:3], opacity, strict=True):
        blue = light - 2 / 3 * yellow
        bright = (3 * light - blue + red) / 2
        pixels += bytes(int(255 * max(0.0, min(1.0, v))) for v in (bright, bright - red, blue, opaque))
    return width, height, bytes(pixels)


def _channels(rgba: bytes) -> tuple[list[float], list[float], list[float], list[float]]:
    """L, P, Q and A of each pixel, as seen on the mean colour."""
    opacity = [value / 255 for value in rgba[3::4]]
    seen = sum(opacity) or 1.0
    bands = []
    for band in range(3):
        values = [value / 255 for value in rgba[band::4]]
        mean = sum(v * a for v, a in zip(values, opacity, strict=True)) / seen
        bands.append([mean * (1 - a) + v * a for v, a in zip(values, opacity, strict=True)])
    pixels = list(zip(*bands, strict=True))
    return (
        [(r + g + b) / 3 for r, g, b in pixels],
        [(r + g) / 2 - b for r, g, b in pixels],
        [r - g for r, g, _ in pixels],
        opacity,
    )


def _waves(columns: int, rows: int) -> Iterator[tuple[int, int]]:
    """The pairs of frequencies that are kept: a triangle, without the mean."""
    for y in range(rows):
        for x in range(0 if y else 1, columns):
            if x * rows < columns * (rows - y):
                yield x, y


def _coefficients(
    nibbles: Iterator[int], mean: float, scale: float, size: tuple[int, int]
) -> list[list[float]]:
    found = [[0.0] * size[0] for _ in range(size[1])]
    found[0][0] = mean
    for x, y in _waves(*size):
        # a wave of both signs has twice the height
        found[y][x] = 2 * (next(nibbles, 0) / 7.5 - 1) * scale
    return found


def _round(value: float) -> int:
    """Halves go up, as in the reference, which is written in JavaScript.

    What is a half but for the last digits of floating point is one: many waves are nothing, and nothing is
    the half between two steps.
    """
    return floor(round(value, 9) + 0.5)
