"""An image in memory to the bytes of a file: the last of the steps of every engine for pictures.

Runs in worker processes only. How hard each encoder tries, and which qualities look alike, is measured:
`formats/qualities.py`. The same image gives the same bytes each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PIL import Image

from tornado_media.engines import jpeg_turbo, metadata
from tornado_media.errors import BadRequest
from tornado_media.formats import qualities

_SIDES = {"jpeg": 65_500, "webp": 16_383, "gif": 65_535, "avif": 16_384}
"""The longest side that a format can have, or that libvips gives it, in pixels."""

_NAMES = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP", "avif": "AVIF", "gif": "GIF"}

_ANIMATED = ("webp", "gif")

_SEEN_THROUGH = 4_000_000
"""Pixels up to which we look whether transparency is there at all: for that the picture must be in memory."""

_Rung = Mapping[str, Any]
"""What a saver is told: one step of a ladder from the best picture to the smallest."""


def encode(
    image: Any,
    *,
    format: str,  # noqa: A002, the name of the parameter in URLs
    quality: int | None = None,
    lossless: bool = False,
    max_bytes: int | None = None,
    progressive: bool = False,
    strip: str = "all",
    background: tuple[int, int, int] = (255, 255, 255),
) -> bytes:
    """The bytes of a picture file.

    Args:
        image: a `pyvips.Image`: upright, sRGB or grey, perhaps with transparency. An animation is a strip of
            frames, one below the other, with `page-height`, `delay` (ms) and `loop`; of it JPEG, PNG and AVIF
            get the first frame.
        format: `jpeg`, `png`, `webp`, `avif` or `gif`.
        quality: 1 to 100; None for the one that looks like a JPEG of 80. A PNG with a quality has a palette;
            of a GIF it says how many colours there may be, from 2 (12 and below) to 256 (above 87).
        lossless: WebP and AVIF keep each pixel, as PNG does anyway. The quality has no meaning then.
        max_bytes: the result has at most that many: it gets the highest quality, up to the one wanted, with
            which it fits (in steps of 4). A PNG gets a palette for it, unless it is to be `lossless`.
        progressive: shown from coarse to fine while it loads: JPEG, PNG and GIF. The others cannot.
        strip: which metadata goes: `all`, `copyright` (all but that), `none`. A GIF never has any.
        background: what is seen through transparent pixels in a JPEG: red, green, blue. A GIF has pixels
            that are transparent or not, with the border in the middle.

    Raises:
        BadRequest: there is no such picture: a lossless JPEG, a WebP of 20,000 pixels, too few bytes.
        pyvips.Error: the pixels cannot be computed, because their source is broken.
    """
    if lossless and format in {"jpeg", "gif"}:
        raise BadRequest(f"A {_NAMES[format]} cannot be lossless; PNG, WebP and AVIF can.")
    image = _fitting(image, format, background)
    image, keep = metadata.select(image, strip)
    rungs = _LADDERS[format](quality, lossless)
    if max_bytes is not None:
        image = image.copy_memory()

    def save(rung: _Rung) -> bytes:
        return _save(image, format, progressive, {"keep": int(keep), **rung})

    return save(rungs[0]) if max_bytes is None else _largest(save, rungs, max_bytes)


def encode_jpeg(picture: Image.Image, quality: int | None) -> bytes | None:
    """The JPEG that `encode` makes of the same pixels, where they are with Pillow; None where it should.

    Args:
        picture: upright, sRGB or grey.
        quality: as there.
    """
    return jpeg_turbo.save(picture, **_jpeg(quality, False)[0])


def _fitting(image: Any, format_: str, background: tuple[int, int, int]) -> Any:
    """The image as the format can have it: one frame or several, 8 bits, with or without transparency."""
    height = image.get_page_height()
    if height < image.height and format_ not in _ANIMATED:
        image, height = image.crop(0, 0, image.width, height), image.height
    longest = max(image.width, min(height, image.height))
    if longest > _SIDES.get(format_, longest):
        name, most = _NAMES[format_], _SIDES[format_]
        raise BadRequest(f"{name} pictures have at most {most} pixels a side; this would have {longest}.")
    if image.interpretation not in ("srgb", "b-w"):
        image = image.colourspace("b-w" if image.interpretation == "grey16" else "srgb")
    if image.format != "uchar":
        image = image.rint().cast("uchar")
    if not image.hasalpha():
        return image
    if format_ == "jpeg":
        return image.colourspace("srgb").flatten(background=list(background))
    if format_ in {"png", "avif"} and image.width * image.height <= _SEEN_THROUGH:
        return _without_needless_alpha(image)
    return image


def _without_needless_alpha(image: Any) -> Any:
    # A plane that says nothing costs bytes, and AVIF a third of its time. WebP finds out by itself.
    image = image.copy_memory()
    return image[: image.bands - 1] if image[image.bands - 1].min() == 255 else image


def _largest(save: Callable[[_Rung], bytes], rungs: Sequence[_Rung], most: int) -> bytes:
    """The best rung whose result fits, by bisection; at most six are tried."""
    content = best = save(rungs[0])
    low, high = 1, len(rungs) - 1
    if len(content) <= most:
        return content
    smallest = len(content)
    while low <= high:
        middle = (low + high) // 2
        content = save(rungs[middle])
        smallest = min(smallest, len(content))
        if len(content) <= most:
            best, high = content, middle - 1
        else:
            low = middle + 1
    if len(best) > most:
        raise BadRequest(
            f"This picture does not fit into {most} bytes; the smallest that was tried has {smallest}."
        )
    return best


def _save(image: Any, format_: str, progressive: bool, how: Mapping[str, Any]) -> bytes:
    if format_ == "png":
        content = image.pngsave_buffer(interlace=progressive, **how)
    elif format_ == "gif":
        content = image.gifsave_buffer(interlace=progressive, **how)
    elif format_ == "webp":
        content = image.webpsave_buffer(**how)
    elif format_ == "avif":
        content = image.heifsave_buffer(**how)
    else:
        content = None
        if not (progressive or how["keep"]):
            content = jpeg_turbo.encode(image, **how)
        if content is None:
            content = image.jpegsave_buffer(interlace=progressive, **how)
    return bytes(content)


def _downwards(quality: int) -> range:
    """Qualities from the wanted one down to the lowest that is worth looking at."""
    return range(quality, min(quality, qualities.LOWEST) - 1, -qualities.STEP)


def _jpeg(quality: int | None, lossless: bool) -> list[_Rung]:
    return [
        {
            "Q": q,
            "optimize_coding": True,
            "quant_table": qualities.JPEG_TABLE,
            "subsample_mode": "off" if q >= qualities.FULL_CHROMA else "on",
        }
        for q in _downwards(quality or qualities.QUALITY["jpeg"])
    ]


def _webp(quality: int | None, lossless: bool) -> list[_Rung]:
    if lossless:
        return [{"lossless": True, "effort": qualities.LOSSLESS_WEBP_EFFORT}]
    effort = qualities.WEBP_EFFORT
    return [{"Q": q, "effort": effort} for q in _downwards(quality or qualities.QUALITY["webp"])]


def _avif(quality: int | None, lossless: bool) -> list[_Rung]:
    always = {"compression": "av1", "effort": qualities.AVIF_EFFORT}
    if lossless:
        return [{"lossless": True, **always}]
    return [{"Q": q, **always} for q in _downwards(quality or qualities.QUALITY["avif"])]


def _png(quality: int | None, lossless: bool) -> list[_Rung]:
    exact = {"compression": qualities.PNG_COMPRESSION, "filter": qualities.PNG_FILTER}
    if lossless:
        return [exact]
    palette: _Rung = {"palette": True, **qualities.PALETTE}
    wanted: list[_Rung] = [exact] if quality is None else [{**palette, "Q": quality, "bitdepth": 8}]
    return wanted + [
        {**palette, "Q": q, "bitdepth": bits}
        for q, bits in qualities.PNG_PALETTES
        if quality is None or q < quality or bits < 8
    ]


def _gif(quality: int | None, lossless: bool) -> list[_Rung]:
    most = 8 if quality is None else max(1, -(-quality * 8 // 100))
    return [{**qualities.PALETTE, "bitdepth": bits} for bits in range(most, 0, -1)]


_LADDERS = {"jpeg": _jpeg, "png": _png, "webp": _webp, "avif": _avif, "gif": _gif}
