"""An image whose pixels another library than libvips has decoded. Runs in worker processes only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyvips

_NEEDED = ("icc-profile-data", "orientation")
_PLAIN = {1: "b-w", 2: "b-w", 3: "srgb", 4: "srgb"}


def image_of(pixels: Any, size: tuple[int, int], page: Any, *, metadata: bool) -> Any:
    """An image with pixels from elsewhere and the metadata that libvips read in the header.

    Args:
        pixels: a buffer of 8-bit numbers, row by row; it is not copied.
        size: width and height.
        page: the image of libvips of which only the header was read.
        metadata: whether it gets all of it, or only the profile and the orientation.
    """
    image = pyvips.Image.new_from_memory(pixels, *size, page.bands, "uchar")
    interpretation = _PLAIN[page.bands]
    if not metadata:
        return with_fields_of(page, image.copy(interpretation=interpretation), _NEEDED)
    image = image.copy(interpretation=interpretation, xres=page.xres, yres=page.yres)
    return with_fields_of(page, image)


def with_fields_of(image: Any, made: Any, names: Iterable[str] | None = None) -> Any:
    """An image with metadata of another one.

    Args:
        image: which has them.
        made: gets them; a copy of an image, which nobody else has.
        names: of the fields, if they are there; None: all.
    """
    for name in set(names or image.get_fields()).difference(made.get_fields()):
        if kind := image.get_typeof(name):
            made.set_type(kind, name, image.get(name))
    return made
