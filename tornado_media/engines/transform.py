"""The steps that move pixels: resize, turn, cut off, trim, pad, and what lies behind.

Each takes a `pyvips.Image` (8 bits, sRGB or grey, with or without transparency) and gives one; nothing is
computed before somebody asks for pixels. An image that comes from a file can be read only once, from top to
bottom: steps that need it in another order say so, and get a copy in memory (`image.copy_memory()`), which
is why they come after the picture has become small.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, radians, sin
from typing import Any

import pyvips

from tornado_media.engines.scaling import scale_down
from tornado_media.formats.boxes import Box, Size
from tornado_media.formats.geometry import Arrangement

Image = Any
"""A pyvips.Image, which has no types of its own."""

Colour = tuple[float, float, float, float]
"""Red, green, blue, alpha: 0 to 255."""

WHITE: Colour = (255.0, 255.0, 255.0, 255.0)

_TURNS = ("d0", "d90", "d180", "d270")


def parse_colour(text: str) -> Colour:
    """Red, green, blue and alpha of `#rrggbb` or `#rrggbbaa`, 0 to 255."""
    red, green, blue, *alpha = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue, alpha[0] if alpha else 255


def premultiplied(image: Image, change: Callable[[Image], Image]) -> Image:
    """Change an image whose colours count as much as they are seen.

    Whatever mixes neighbours must do so: transparent pixels have a colour too, and nobody wants to see it.
    """
    if not image.hasalpha():
        return change(image)
    return to_bytes(change(to_bytes(image.premultiply())).unpremultiply())


def to_bytes(image: Image) -> Image:
    """Float pixels to 8 bits: rounded (libvips would cut off the fraction), from 0 to 255."""
    return image.rint().cast("uchar")


def resize(image: Image, size: Size, *, linear: bool = False) -> Image:
    """Scale: to a smaller size by Lanczos with three lobes, to a larger one by cubic interpolation.

    Args:
        image: what is scaled.
        size: of the result; the aspect may change.
        linear: mix light, not its gamma-encoded numbers. It costs several times as much.
    """
    if (image.width, image.height) == size:
        return image
    if not linear:
        return premultiplied(image, lambda one: _scale(one, size))
    light = image.colourspace("scrgb")
    if not light.hasalpha():
        return _scale(light, size).colourspace(image.interpretation)
    return _scale(light.premultiply(), size).unpremultiply().colourspace(image.interpretation)


def _scale(image: Image, size: Size) -> Image:
    width, height = min(image.width, size[0]), min(image.height, size[1])
    if (image.width, image.height) != (width, height):
        image = scale_down(image, (image.width, image.height), (width, height))
    if (width, height) == size:
        return image
    # libvips' own resize would move what it enlarges by half a pixel.
    across, down = size[0] / width, size[1] / height
    return image.copy_memory().affine(
        [across, 0, 0, down],
        interpolate=pyvips.Interpolate.new("bicubic"),
        oarea=[0, 0, *size],
        odx=(across - 1) / 2,
        ody=(down - 1) / 2,
        extend="copy",
        premultiplied=True,
    )


def take(image: Image, box: Box) -> Image:
    """A part of an image; all of it costs nothing."""
    if (image.width, image.height) == box.size:
        return image
    return image.crop(box.left, box.top, box.width, box.height)


def needs_memory(plan: Arrangement, flip: str | None) -> bool:
    """Whether `turn` reads the image in another order than from top to bottom."""
    return bool(plan.quarters or plan.angle or flip in {"vertical", "both"})


def turn(image: Image, plan: Arrangement, flip: str | None) -> Image:
    """Rotate clockwise, then mirror; what comes into the corners is transparent."""
    if plan.quarters:
        image = image.rot(_TURNS[plan.quarters])
    elif plan.angle:
        image = _rotate(image, plan)
    if flip in {"horizontal", "both"}:
        image = image.fliphor()
    if flip in {"vertical", "both"}:
        image = image.flipver()
    return image


def _rotate(image: Image, plan: Arrangement) -> Image:
    """By any angle around the middle, onto exactly the size that was planned."""
    image = with_alpha(image)
    angle, (width, height) = radians(plan.angle), plan.turned
    sine, cosine = sin(angle), cos(angle)
    across = width / (image.width * abs(cosine) + image.height * abs(sine))
    down = height / (image.width * abs(sine) + image.height * abs(cosine))
    matrix = [across * cosine, -across * sine, down * sine, down * cosine]
    # libvips counts from the middle of the first pixel
    x, y = (image.width - 1) / 2, (image.height - 1) / 2
    return image.affine(
        matrix,
        interpolate=pyvips.Interpolate.new("bicubic"),
        oarea=[0, 0, width, height],
        odx=(width - 1) / 2 - matrix[0] * x - matrix[1] * y,
        ody=(height - 1) / 2 - matrix[2] * x - matrix[3] * y,
        extend="background",
        background=[0] * image.bands,
    )


def with_alpha(image: Image) -> Image:
    """The same with a transparency channel."""
    return image if image.hasalpha() else image.addalpha()


def border(image: Image, tolerance: int) -> Box | None:
    """What is left of an image in memory without a border of the colour of its upper left corner.

    Args:
        image: of which all is looked at.
        tolerance: differences up to that, of any channel, are the same colour.

    Returns:
        None where nothing would be left.
    """
    seen = image.premultiply() if image.hasalpha() else image
    other = ((seen - seen.getpoint(0, 0)).abs() > tolerance).bandor()
    left, top, width, height = other.find_trim(background=[0], threshold=1, line_art=True)
    return Box(left, top, width, height) if width and height else None


def find(image: Image, size: Size, position: str) -> Box:
    """Where in an image in memory most happens.

    Args:
        image: of which all is looked at.
        size: of the box.
        position: `attention` (skin, saturated colours, edges) or `entropy`.
    """
    found = image.smartcrop(*size, interesting=position)
    return Box(-found.xoffset, -found.yoffset, *size)


def round_corners(image: Image, corner: float) -> Image:
    """Transparent outside of round corners, whose edges are smooth.

    Args:
        image: gets a transparency channel.
        corner: the radius in pixels, at most half of the shorter side.
    """
    half = [image.width / 2, image.height / 2]
    # How far a pixel's middle is beyond the middles of the circles, across and down.
    beyond = ((pyvips.Image.xyz(image.width, image.height) + 0.5 - half).abs() - half + corner).clamp(
        min=0, max=image.width + image.height
    )
    distance = ((beyond * beyond).bandmean() * 2) ** 0.5
    mask = (corner + 0.5 - distance).clamp()
    image = with_alpha(image)
    colours = image.extract_band(0, n=image.bands - 1)
    alpha = image.extract_band(image.bands - 1) * mask
    return colours.bandjoin(to_bytes(alpha)).copy(interpretation=image.interpretation)


def put_on_canvas(image: Image, plan: Arrangement, colour: Colour | None) -> Image:
    """Padded to the size of the canvas.

    Args:
        image: what lies on it.
        plan: where.
        colour: of the canvas, where it is opaque and nothing of the image is transparent; None: transparent.
    """
    if plan.canvas == (image.width, image.height):
        return image
    if colour is None or image.hasalpha():
        image = with_alpha(image)
        background = [0.0] * image.bands
    else:
        image, background = _matching(image, colour)
    return image.embed(*plan.offset, *plan.canvas, extend="background", background=background)


def put_on_colour(image: Image, colour: Colour) -> Image:
    """Lay an image on a colour, which may be half transparent itself."""
    if not image.hasalpha() or not colour[3]:
        return image
    image, background = _matching(image, colour)
    if colour[3] == 255:
        return image.flatten(background=background)
    behind = [value * colour[3] / 255 for value in background] + [colour[3]]
    free = 1 - image.extract_band(image.bands - 1) / 255
    return to_bytes((image.premultiply() + free * behind).copy(interpretation="srgb").unpremultiply())


def _matching(image: Image, colour: Colour) -> tuple[Image, list[float]]:
    """The image in a space that has the colour, and the colour in it."""
    if image.interpretation != "b-w":
        return image, list(colour[:3])
    if colour[0] == colour[1] == colour[2] and colour[3] == 255:
        return image, [colour[0]]
    return image.colourspace("srgb"), list(colour[:3])
