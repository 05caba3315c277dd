"""Making an image smaller without moving what is in it.

A picture that is shrunk while it is loaded has a size that is no whole number: 1365 pixels at 1/8 are 170.6
columns, of which libvips gives 170. Who takes these for the whole stretches the picture, by half a pixel at
its edge, and SSIM falls from 0.99 to 0.95. So an image comes here with its extent, the size that its source
has at its scale, and is resized by exactly that factor.
"""

from __future__ import annotations

from typing import Any

Extent = tuple[float, float]
"""Width and height of what an image shows, in its pixels, from its upper left corner: not always whole."""

Size = tuple[int, int]

_GAP = 2.0
"""Down to so many times the size pixels are averaged in blocks; Lanczos does the rest. As libvips does it."""

_TRIES = 192


def scale_down(image: Any, extent: Extent, size: Size) -> Any:
    """Resize by Lanczos with three lobes, after averaging where a lot is to go.

    Args:
        image: of libvips, without transparency or premultiplied; each band is treated alike.
        extent: of the image.
        size: of the result, not larger than the extent.
    """
    blocks = [max(1, int(whole / part / _GAP)) for whole, part in zip(extent, size, strict=True)]
    if blocks != [1, 1]:
        image = image.shrink(*blocks, ceil=True)
        extent = extent[0] / blocks[0], extent[1] / blocks[1]
    factors = extent[0] / size[0], extent[1] / size[1]
    if factors == (1.0, 1.0):
        return image
    width, height = _padded(image.width, factors[0], size[0]), _padded(image.height, factors[1], size[1])
    if (width, height) != (image.width, image.height):
        image = image.embed(0, 0, width, height, extend="copy")
    image = image.reduce(*factors, kernel="lanczos3")
    return image if (image.width, image.height) == size else image.crop(0, 0, *size)


def _padded(side: int, factor: float, wanted: int) -> int:
    """To which side an image is extended before it is reduced, so that nothing moves.

    libvips gives round(side / factor) pixels, and where that is no whole number it shifts the image by half
    of what is left over. A few more pixels make it whole, or nearly so. They cost nothing: they are cropped
    again before they are computed.
    """
    found, least = side, 1.0
    for number in range(wanted, wanted + _TRIES):
        padded = round(number * factor)
        rest = round(abs(number * factor - padded), 3)
        if padded >= side and rest < least:
            found, least = padded, rest
            if not rest:
                break
    return found
