"""From what a loader gives to a small sRGB image: resize, transparency and colours in the cheapest order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tornado_media.engines.colours import is_late, to_srgb
from tornado_media.engines.scaling import Extent, Size, scale_down

Loaded = tuple[Any, Extent]
"""An image, and which part of its pixels shows something: see `scaling`."""

Load = Callable[[], Loaded]
"""Opens a picture anew, each time it is called: an image that is read from a file can be read only once."""

_TOP = 16
"""Rows that are looked at first, for whether something is transparent."""


def reduce_picture(load: Load, size: Size | None, *, streams: bool) -> Any:
    """The image in sRGB or grey, 8 bits, in a size.

    Args:
        load: opens the picture.
        size: not larger than the picture; None: as it is.
        streams: whether the first rows can be had without decoding the rest.
    """
    image, extent = _opened(load)
    if size is None:
        return to_srgb(image)
    if not image.hasalpha():
        return to_srgb(scale_down(image, extent, size))
    if not streams:
        image = image.copy_memory()
        if _is_opaque(image):
            return to_srgb(scale_down(_colours(image), extent, size))
        return to_srgb(_scale_transparent(image, extent, size))
    # Most pictures that could be transparent are not. Multiplying all pixels with 1 costs as much as decoding
    # them, so that is done for those that begin with something transparent or turn out to have it.
    if _is_opaque(image.crop(0, 0, image.width, min(_TOP, image.height))):
        small = scale_down(_opened(load)[0], extent, size).copy_memory()
        if _is_opaque(small):
            return to_srgb(_colours(small))
    return to_srgb(_scale_transparent(_opened(load)[0], extent, size))


def _opened(load: Load) -> Loaded:
    image, extent = load()
    return (image if is_late(image) else to_srgb(image)), extent


def _is_opaque(image: Any) -> bool:
    return bool(image.extract_band(image.bands - 1).min() == (65535 if image.format == "ushort" else 255))


def _colours(image: Any) -> Any:
    return image.extract_band(0, n=image.bands - 1)


def _scale_transparent(image: Any, extent: Extent, size: Size) -> Any:
    """Colours count as much as they are seen; else what is behind the transparent pixels would show."""
    kind = image.format
    image = scale_down(image.premultiply().rint().cast(kind), extent, size)
    return image.unpremultiply().rint().cast(kind)
