"""The steps that change colours, and those that mix neighbours: blur, sharpen, pixelate.

The first are the functions of CSS Filter Effects (https://www.w3.org/TR/filter-effects-1/#ShorthandEquivalents),
in sRGB and with the results kept in range after each, as a browser does; transparency stays as it is. Each
takes a `pyvips.Image` (8 bits, sRGB or grey) and gives one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from math import ceil, cos, radians, sin

import pyvips

from tornado_media.engines.transform import Image, premultiplied, resize, to_bytes
from tornado_media.engines.wish import Wish

Matrix = list[list[float]]

_LUMA = [0.2126, 0.7152, 0.0722]

_NEAR = 2.0
"""Standard deviation from which a blur is made with whole numbers."""

_FAR = 16.0
"""Standard deviation from which a blur is made of a smaller picture: the eye sees no difference, and the
time would grow with it."""


def recolour(image: Image, wish: Wish) -> Image:
    """Brightness, contrast, saturation, hue, grayscale, invert, in this order."""
    image = _curve(image, lambda value: _contrast(_clamp(value * wish.brightness), wish.contrast))
    if image.interpretation != "b-w":
        if wish.saturation != 1.0:
            image = _mix(image, saturate(wish.saturation))
        if wish.hue % 360:
            image = _mix(image, hue_rotate(wish.hue))
        if wish.grayscale:
            image = _mix(image, [_LUMA]).copy(interpretation="b-w")
    return _curve(image, lambda value: 1 - value) if wish.invert else image


def saturate(amount: float) -> Matrix:
    """The matrix of `saturate()`: feColorMatrix of the type saturate."""
    keep = [0.213, 0.715, 0.072]
    return [[keep[i] + ((i == j) - keep[i]) * amount for i in range(3)] for j in range(3)]


def hue_rotate(degrees: float) -> Matrix:
    """The matrix of `hue-rotate()`: feColorMatrix of the type hueRotate."""
    c, s = cos(radians(degrees)), sin(radians(degrees))
    return [
        [0.213 + c * 0.787 - s * 0.213, 0.715 - c * 0.715 - s * 0.715, 0.072 - c * 0.072 + s * 0.928],
        [0.213 - c * 0.213 + s * 0.143, 0.715 + c * 0.285 + s * 0.140, 0.072 - c * 0.072 - s * 0.283],
        [0.213 - c * 0.213 - s * 0.787, 0.715 - c * 0.715 + s * 0.715, 0.072 + c * 0.928 + s * 0.072],
    ]


def blur(image: Image, sigma: float) -> Image:
    """A Gaussian blur; beyond the edges the picture goes on as it is there.

    Args:
        image: in memory.
        sigma: standard deviation in pixels.
    """
    if sigma <= _FAR:
        return premultiplied(image, lambda one: _mean(one, sigma))
    step = sigma / (_FAR / 2)
    small = max(1, ceil(image.width / step)), max(1, ceil(image.height / step))
    return resize(blur(resize(image, small), _FAR / 2), (image.width, image.height))


def sharpen(image: Image, strength: float) -> Image:
    """An unsharp mask: the difference to a blur of one pixel is added; transparency stays as it is.

    Args:
        image: in memory.
        strength: which part of the difference.
    """

    def change(one: Image) -> Image:
        return to_bytes(one * (1 + strength) - _mean(one, 1.0) * strength)

    if not image.hasalpha():
        return change(image)
    alpha = image.extract_band(image.bands - 1)
    seen = to_bytes(image.premultiply()).extract_band(0, n=image.bands - 1)
    return to_bytes(change(seen).bandjoin(alpha).copy(interpretation=image.interpretation).unpremultiply())


def pixelate(image: Image, block: int) -> Image:
    """Squares of one colour, the mean of what was there; the last ones may be smaller.

    Args:
        image: in memory.
        block: side of a square in pixels.
    """

    def change(one: Image) -> Image:
        rows = (
            [
                one.crop(left, top, width, height).shrink(across, down).zoom(across, down)
                for left, width, across in _spans(one.width, block)
            ]
            for top, height, down in _spans(one.height, block)
        )
        return reduce(
            lambda upper, lower: upper.join(lower, "vertical"),
            (reduce(lambda left, right: left.join(right, "horizontal"), row) for row in rows),
        )

    return premultiplied(image, change)


def _spans(length: int, block: int) -> list[tuple[int, int, int]]:
    """Start, length and block of what can be cut into whole blocks, and of the rest."""
    rest = length % block
    spans = [(0, length - rest, block), (length - rest, rest, rest)]
    return [span for span in spans if span[1]]


def _mean(image: Image, sigma: float) -> Image:
    # Whole weights are ten times as fast; of few pixels they are wrong by 8 of 255, of many by less than 3.
    precision = "float" if sigma < _NEAR else "integer"
    found = image.gaussblur(sigma, min_ampl=0.01, precision=precision)
    return to_bytes(found) if sigma < _NEAR else found


def _curve(image: Image, function: Callable[[float], float]) -> Image:
    """Map each colour value by a function of 0 to 1; transparency stays as it is."""
    table = [round(_clamp(function(value / 255)) * 255) for value in range(256)]
    if table == list(range(256)):
        return image
    colours = image.bands - image.hasalpha()
    rows = bytes(
        byte for value in range(256) for byte in [table[value]] * colours + [value] * image.hasalpha()
    )
    return image.maplut(pyvips.Image.new_from_memory(rows, 256, 1, image.bands, "uchar"))


def _mix(image: Image, matrix: Matrix) -> Image:
    """Each colour as a sum of all three; transparency stays as it is."""
    if image.hasalpha():
        matrix = [[*row, 0.0] for row in matrix] + [[0.0, 0.0, 0.0, 1.0]]
    return to_bytes(image.recomb(matrix))


def _contrast(value: float, amount: float) -> float:
    return value * amount + 0.5 - 0.5 * amount


def _clamp(value: float) -> float:
    return min(1.0, max(0.0, value))
