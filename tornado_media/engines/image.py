"""The engine `thumbnail`: a picture becomes another one. Runs in worker processes only.

`render` is the steps in their order; what each of them does is in `decode`, `transform`, `filters`,
`watermark` and `encode`, and where each pixel comes from in `formats/geometry.py`. Only a few of them are
taken for most requests: to decode, to resize once, to encode, with the pixels streaming through.
"""

from __future__ import annotations

from typing import Any

from tornado_media.engines import filters, transform, usual, watermark
from tornado_media.engines.decode import open_picture
from tornado_media.engines.encode import encode
from tornado_media.engines.transform import Colour, Image
from tornado_media.engines.wish import Decodable, Wish
from tornado_media.errors import BadRequest, SourceUnusable
from tornado_media.formats.boxes import Box, radius, read_crop
from tornado_media.formats.geometry import Arrangement, arrange

import pyvips  # isort: skip (`decode` has told libvips how to behave, before it is loaded)

_ANIMATED = frozenset({"gif", "webp"})
"""Formats of results that can move."""

_TRIM_PIXELS = 4_000_000
"""A picture is not looked at in more pixels to find its border: it is wrong by one of 2000 then."""


def thumbnail(source: int, media_type: str, **asked: Any) -> bytes:
    """A picture made from a picture: upright, sRGB, in another size, format and look.

    Args:
        source: open descriptor of the picture.
        media_type: of the source, by its content.
        asked: the fields of `wish.Wish`, which has their meaning and defaults.

    Raises:
        SourceUnusable: not a picture, of an unsupported kind, too large, truncated or corrupt.
        BadRequest: what is asked cannot be had of this picture: a crop outside of it, a frame that it does
            not have, a result that would be too large.
    """
    wish = Wish(**asked)
    if media_type == "image/jpeg" and (content := usual.thumbnail(source, wish)) is not None:
        return content
    metadata = wish.strip != "all"
    with open_picture(
        source, media_type, pixels=wish.pixels, frames=wish.frames, metadata=metadata
    ) as picture:
        return render(picture, wish)


def render(picture: Decodable, wish: Wish) -> bytes:
    """Fulfil a wish with a picture, or with anything that gives images as one does.

    Raises:
        SourceUnusable: the picture is truncated or corrupt.
        BadRequest: as `thumbnail`.
    """
    try:
        image = finish(picture, wish)
        return encode(
            image,
            format=wish.format,
            quality=wish.quality,
            lossless=wish.lossless,
            max_bytes=wish.max_bytes,
            progressive=wish.progressive,
            strip=wish.strip,
        )
    except pyvips.Error as error:
        raise SourceUnusable(
            "This picture is damaged or of a kind that cannot be read.", private=str(error)
        ) from error


def finish(picture: Decodable, wish: Wish) -> Image:
    """All steps but the last: what is to be encoded (or looked at).

    Returns:
        A `pyvips.Image` whose pixels are not computed yet; so it is an error of libvips, later, if the
        picture is broken. An animation is a strip of frames with `page-height`, `delay` and `loop`.
    """
    header = picture.header
    frame = wish.still or 0
    if frame >= header.frames:
        raise BadRequest(f"There is no frame {frame}: this picture has {header.frames}, the first is 0.")
    animated = wish.animated and wish.format in _ANIMATED and bool(header.delays) and wish.still is None
    size = header.width, header.height
    box = read_crop(wish.crop, size)
    seen = None
    if wish.trim is not None:
        box, seen = _trim(picture, box, wish.trim, frame)
    plan = arrange(size, box, wish.asked)
    least = _least(picture, plan, wish)
    if seen is None or animated or not _is_enough(seen, least or size):
        image = picture.decode(least, frame=frame, animated=animated)
    else:
        image = seen
    layer = watermark.make(wish, plan.canvas)
    steps = _Steps(plan, wish, layer, size)
    return _each_frame(image, steps) if animated else steps.take(image)


class _Steps:
    """The way of one frame, or of each in turn: what was found in the first one holds for the others."""

    def __init__(self, plan: Arrangement, wish: Wish, layer: Image | None, size: tuple[int, int]) -> None:
        self._plan, self._wish, self._layer, self._size = plan, wish, layer, size
        self._cut = plan.cut
        self._colour = _background(wish)

    def take(self, image: Image) -> Image:
        """All of them."""
        wish, opaque = self._wish, self._opaque()
        if opaque and not wish.recolours:
            image = transform.put_on_colour(image, opaque)  # three channels are less work than four
        image = self._resize(image)
        image = self._change(image)
        if wish.round:
            corner = radius(wish.round * wish.dpr, (image.width, image.height))
            image = transform.round_corners(image, corner)
        image = transform.put_on_canvas(image, self._plan, opaque)
        image = watermark.put_on(image, self._layer)
        return transform.put_on_colour(image, self._colour) if self._colour else image

    def _opaque(self) -> Colour | None:
        return self._colour if self._colour and self._colour[3] == 255 else None

    def _resize(self, image: Image) -> Image:
        plan, wish = self._plan, self._wish
        whole = image.width, image.height
        image = transform.take(image, plan.box.scaled(self._size, whole))
        image = transform.resize(image, plan.scaled, linear=wish.linear)
        if transform.needs_memory(plan, wish.flip):
            image = image.copy_memory()
        image = transform.turn(image, plan, wish.flip)
        if plan.picture != plan.turned:
            if self._cut is None:
                image = image.copy_memory()
                self._cut = transform.find(image, plan.picture, wish.position)
            image = transform.take(image, self._cut)
        return image

    def _change(self, image: Image) -> Image:
        wish = self._wish
        if wish.recolours:
            image = filters.recolour(image, wish)
        if not (wish.blur or wish.sharpen or wish.pixelate > 1):
            return image
        image = image.copy_memory()
        if wish.blur:
            image = filters.blur(image, wish.blur * wish.dpr)
        if wish.sharpen:
            image = filters.sharpen(image, wish.sharpen)
        if wish.pixelate > 1:
            image = filters.pixelate(image, wish.pixelate)
        return image


def _each_frame(strip: Image, steps: _Steps) -> Image:
    height = strip.get("page-height")
    frames = [steps.take(strip.crop(0, top, strip.width, height)) for top in range(0, strip.height, height)]
    joined = pyvips.Image.arrayjoin(frames, across=1).copy()
    joined.set_type(pyvips.GValue.gint_type, "page-height", frames[0].height)
    return joined


def _least(picture: Decodable, plan: Arrangement, wish: Wish) -> tuple[float, float] | None:
    # A picture that is shrunk while it is loaded is not shrunk in linear light; one of vectors has no pixels.
    return None if wish.linear and picture.header.media_type != "image/svg+xml" else plan.least


def _trim(picture: Decodable, box: Box, tolerance: int, frame: int) -> tuple[Box, Image]:
    """What is left of a box of the source without its border, and the image in memory where that was seen."""
    size = picture.header.width, picture.header.height
    part = min(1.0, (_TRIM_PIXELS / (size[0] * size[1])) ** 0.5)
    image = picture.decode((size[0] * part, size[1] * part), frame=frame).copy_memory()
    whole = image.width, image.height
    there = box.scaled(size, whole)
    left = transform.border(transform.take(image, there), tolerance)
    if left is not None:
        inner = Box(there.left + left.left, there.top + left.top, left.width, left.height)
        box = inner.scaled(whole, size)
    return box, image


def _is_enough(image: Image, least: tuple[float, float]) -> bool:
    return bool(image.width >= least[0] and image.height >= least[1])


def _background(wish: Wish) -> Colour | None:
    """What lies behind the picture; None for nothing."""
    colour = transform.parse_colour(wish.background) if wish.background else None
    if wish.format != "jpeg":
        return colour
    if colour is None:
        return transform.WHITE
    part = colour[3] / 255
    red, green, blue = (value * part + 255 * (1 - part) for value in colour[:3])
    return red, green, blue, 255.0
