"""A second picture over the result: a logo in a corner, or all over it."""

from __future__ import annotations

from math import ceil

import pyvips

from tornado_media.engines.decode import open_picture
from tornado_media.engines.transform import Image, resize, to_bytes, with_alpha
from tornado_media.engines.wish import Wish
from tornado_media.errors import SourceUnusable
from tornado_media.formats.boxes import Size, place, within

_MARGIN = 0.02
"""To the edges and between repeated ones, as part of the result's shorter side."""


def make(wish: Wish, canvas: Size) -> Image | None:
    """The layer that is to be laid over a result: in memory, as large as the result, mostly transparent.

    Args:
        wish: whose watermark it is.
        canvas: size of the result in pixels.

    Returns:
        None if there is no watermark.

    Raises:
        SourceUnusable: its source is no picture, or a broken one.
    """
    if wish.watermark is None or not wish.watermark_opacity:
        return None
    try:
        mark = _load(wish, canvas, *wish.watermark)
    except SourceUnusable as error:
        raise SourceUnusable(f"The watermark: {error.detail}", private=error.private) from error
    except pyvips.Error as error:
        raise SourceUnusable("The watermark is damaged.", private=str(error)) from error
    margin = round(min(canvas) * _MARGIN)
    if wish.watermark_position == "repeat":
        return _repeat(mark, canvas, margin)
    offset = place(wish.watermark_position, canvas, (mark.width, mark.height), margin)
    return mark.embed(*offset, *canvas, extend="background", background=[0] * mark.bands)


def put_on(image: Image, layer: Image | None) -> Image:
    """Lay the layer over an image; an opaque image stays opaque."""
    if layer is None:
        return image
    if image.interpretation == "b-w":
        image = image.colourspace("srgb")
    both = image.composite2(layer, "over")
    return both if image.hasalpha() else both.extract_band(0, n=3)


def _load(wish: Wish, canvas: Size, source: int, media_type: str) -> Image:
    with open_picture(source, media_type, pixels=wish.pixels, frames=wish.frames) as picture:
        header = picture.header
        size = within((header.width, header.height), max(1.0, canvas[0] * wish.watermark_scale), canvas[1])
        image = resize(picture.decode(size), size)
        image = with_alpha(image if image.interpretation == "srgb" else image.colourspace("srgb"))
        if wish.watermark_opacity != 1.0:
            image = to_bytes(image * [1.0, 1.0, 1.0, wish.watermark_opacity])
        return image.copy_memory()


def _repeat(mark: Image, canvas: Size, gap: int) -> Image:
    width, height = mark.width + gap, mark.height + gap
    tile = mark.embed(0, 0, width, height, extend="background", background=[0] * mark.bands)
    return tile.replicate(ceil(canvas[0] / width), ceil(canvas[1] / height)).crop(0, 0, *canvas)
