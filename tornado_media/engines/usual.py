"""The usual request: a JPEG becomes a smaller picture, and nothing else happens to it.

What `image.render` does for every picture and every wish, in the fewest steps: the file's own header, one
decode, one resize, one file. libvips is better with large pictures, and needs a millisecond or two to be told
what to do; a photograph of 300 pixels is done in ten.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pyvips
from PIL import Image

from tornado_media.engines import jpeg_turbo, lanczos
from tornado_media.engines.colours import picture_to_srgb
from tornado_media.engines.encode import encode, encode_jpeg
from tornado_media.engines.header import SWAPPED
from tornado_media.engines.loading import content_of, reduced, smallest_decode
from tornado_media.engines.refusal import check_scans
from tornado_media.engines.scaling import Extent, scale_down
from tornado_media.engines.wish import Wish
from tornado_media.formats.boxes import Box, Size
from tornado_media.formats.geometry import Arrangement, arrange
from tornado_media.formats.jpeg_plain import PlainJpeg, read_plain

_MOST = 400_000
"""Pixels of a decode up to which this is the shorter way, whoever resizes it."""

_SETTLED = frozenset({
    "width", "height", "fit", "position", "dpr", "background", "format", "quality", "lossless", "max_bytes",
    "progressive", "animated", "pixels", "frames", "output_pixels",
    "watermark_position", "watermark_opacity", "watermark_scale",
})  # fmt: skip
"""What may be asked for: geometry and format, and what means nothing for an opaque still without a mark."""

_OTHERWISE = {field.name: field.default for field in fields(Wish) if field.name not in _SETTLED}

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
"""By the orientation in EXIF, which says where the first row and column are seen."""


def thumbnail(source: int, wish: Wish) -> bytes | None:
    """A smaller picture, or None where the request is not usual, or the file not plain or not whole.

    Args:
        source: open descriptor of a JPEG, which stays where it is.
        wish: what is asked.

    Raises:
        SourceUnusable: it has too many scans.
        BadRequest: as `image.thumbnail`.
    """
    if any(getattr(wish, name) != value for name, value in _OTHERWISE.items()):
        return None
    content = content_of(source)
    plain = read_plain(memoryview(content))
    if plain is None or plain.frame.width * plain.frame.height > wish.pixels:
        return None
    whole = plain.frame.width, plain.frame.height
    size = _turned(whole, plain.orientation)
    plan = arrange(size, Box(0, 0, *size), wish.asked)
    if not _only_shrinks(plan):
        return None
    picture = _small(content, plain, plan)
    if picture is None:
        return None
    return _file(picture, wish)


def _turned(size: Size, orientation: int) -> Size:
    """A size as in the file, of one as it is seen; or the other way round."""
    return (size[1], size[0]) if orientation in SWAPPED else size


def _only_shrinks(plan: Arrangement) -> bool:
    return (
        plan.canvas == plan.picture
        and (plan.cut is not None or plan.picture == plan.turned)
        and plan.scaled[0] <= plan.box.width
        and plan.scaled[1] <= plan.box.height
    )


def _small(content: Any, plain: PlainJpeg, plan: Arrangement) -> Image.Image | None:
    """The picture as it will be seen."""
    frame, orientation = plain.frame, plain.orientation
    if frame.progressive:
        check_scans(content, frame.width * frame.height)
    size = _turned(plan.scaled, orientation)
    whole = frame.width, frame.height
    most = max(_MOST, lanczos.most())
    if smallest_decode(content, whole, size, several_scans=frame.progressive) > most:
        return None
    scale, needed = reduced(content, whole, size, several_scans=frame.progressive)
    extent = whole[0] / scale, whole[1] / scale
    # What is left out of a progressive file was looked at; how a whole one is read, libvips knows better.
    if extent[0] * extent[1] > most or (frame.progressive and needed is content):
        return None
    picture = jpeg_turbo.pixels(needed, frame, scale)
    if picture is None:
        return None
    if picture.size != size:
        picture = _resized(picture, extent, size)
    if orientation in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[orientation])
    if plan.cut is not None:
        left, top, width, height = plan.cut.left, plan.cut.top, *plan.cut.size
        picture = picture.crop((left, top, left + width, top + height))
    return picture_to_srgb(picture, plain.profile)


def _resized(picture: Image.Image, extent: Extent, size: Size) -> Image.Image:
    if (made := lanczos.shrink(picture, extent, size)) is not None:
        return made
    image = scale_down(_in_libvips(picture), extent, size)
    return Image.frombytes(picture.mode, size, image.write_to_memory())


def _in_libvips(picture: Image.Image) -> Any:
    bands = len(picture.getbands())
    return pyvips.Image.new_from_memory(picture.tobytes(), *picture.size, bands, "uchar")


def _file(picture: Image.Image, wish: Wish) -> bytes:
    if wish.format == "jpeg" and not (wish.lossless or wish.progressive or wish.max_bytes):
        content = encode_jpeg(picture, wish.quality)
        if content is not None:
            return content
    return encode(
        _in_libvips(picture).copy(interpretation="srgb" if picture.mode == "RGB" else "b-w"),
        format=wish.format,
        quality=wish.quality,
        lossless=wish.lossless,
        max_bytes=wish.max_bytes,
        progressive=wish.progressive,
    )
