"""BlurHash: a picture as some 28 characters that a page can draw while it waits. Pure code.

Encodes only: pages decode it with a library of a few lines. The format is that of
https://github.com/woltapp/blurhash/blob/master/Algorithm.md, whose terms are kept: components, DC, AC.
"""

from __future__ import annotations

from math import copysign, floor

from tornado_media.formats.cosines import table, transform

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"

_LINEAR = [n / 255 / 12.92 if n / 255 <= 0.04045 else ((n / 255 + 0.055) / 1.055) ** 2.4 for n in range(256)]
"""Light of a value of sRGB (IEC 61966-2-1)."""


def encode(width: int, height: int, rgb: bytes, *, columns: int, rows: int) -> str:
    """The BlurHash of a picture.

    Args:
        width: in pixels. The cost grows with it: 32 are enough, as nothing finer than 8 waves is kept.
        height: likewise.
        rgb: three bytes for each pixel, row by row, sRGB.
        columns: components across, 1 to 9.
        rows: components down, 1 to 9.

    Returns:
        4 + 2 x columns x rows characters.
    """
    if len(rgb) != width * height * 3 or not rgb:
        raise ValueError(f"{width} x {height} pixels have three bytes each, not {len(rgb)} in all")
    if not (1 <= columns <= 9 and 1 <= rows <= 9):
        raise ValueError("there are 1 to 9 components in each direction")
    across, down = table(columns, width, 0.0), table(rows, height, 0.0)
    light = [_LINEAR[value] for value in rgb]
    channels = [transform(light[band::3], across, down) for band in range(3)]
    colours = [tuple(channel[y][x] for channel in channels) for y in range(rows) for x in range(columns)]
    dc, ac = colours[0], [[2 * value for value in colour] for colour in colours[1:]]
    head = _base83(columns - 1 + (rows - 1) * 9, 1)
    most = max((abs(value) for colour in ac for value in colour), default=0.0)
    step = max(0, min(82, floor(most * 166 - 0.5)))
    scale = (step + 1) / 166
    mean = sum(_encoded(value) << shift for value, shift in zip(dc, (16, 8, 0), strict=True))
    return head + _base83(step, 1) + _base83(mean, 4) + "".join(_wave(colour, scale) for colour in ac)


def _wave(colour: list[float], scale: float) -> str:
    """Two characters: 19 steps for each channel, finer near zero."""
    red, green, blue = (
        max(0, min(18, floor(copysign(abs(value / scale) ** 0.5, value) * 9 + 9.5))) for value in colour
    )
    return _base83((red * 19 + green) * 19 + blue, 2)


def _encoded(light: float) -> int:
    """The value of sRGB, 0 to 255, for an amount of light."""
    light = max(0.0, min(1.0, light))
    return int((light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055) * 255 + 0.5)


def _base83(value: int, length: int) -> str:
    return "".join(_DIGITS[value // 83**power % 83] for power in reversed(range(length)))
