"""The engine `thumbnail`: libvips makes a picture smaller. Runs in worker processes only.

It decodes what strangers sent, so libvips is told to keep to its hardened loaders, and a size is looked at
before a pixel is. What comes out is sRGB, upright and without metadata.
"""

from __future__ import annotations

import logging
import os

# Read by libvips when it is loaded. Workers are the parallelism: two threads for each picture would only
# make all of them wait.
os.environ.setdefault("VIPS_CONCURRENCY", "1")

import pyvips

from tornado_media.engines import reopen
from tornado_media.errors import SourceUnusable

pyvips.block_untrusted_set(True)
pyvips.cache_set_max(0)  # no picture comes twice here: that is what the result cache is for
logging.getLogger("pyvips").setLevel(logging.ERROR)  # a warning of libvips is no news of ours

LOADERS = {
    "image/jpeg": "jpegload",
    "image/png": "pngload",
    "image/apng": "pngload",
    "image/webp": "webpload",
    "image/gif": "gifload",
    "image/tiff": "tiffload",
    "image/avif": "heifload",
    "image/heif": "heifload",
    "image/heic": "heifload",
}
"""Which loader of libvips a media type means. Other types are refused."""

FAIL_ON = "error"
"""Truncated and corrupt sources fail; what libjpeg merely warns of (bytes after the end) does not. A picture
with a grey lower half looks like ours was the mistake, and a cache would keep it."""

_UNBOUNDED = 10_000_000
"""The largest coordinate of libvips."""


def thumbnail(
    source: int,
    media_type: str,
    *,
    width: int | None,
    height: int | None,
    fit: str,
    quality: int,
    format: str,  # noqa: A002, the name of the parameter in URLs
    pixels: int,
) -> bytes:
    """A smaller picture: upright, sRGB, without metadata; of an animation, the first frame.

    With one side None the other follows from the aspect ratio, whatever the fit.

    Args:
        source: open descriptor of the picture.
        media_type: of the source, by its content.
        width: of the result, in pixels.
        height: of the result.
        fit: `inside` width x height and never enlarged; `contain`: inside, and padded to width x height;
            `cover`: all of width x height, what stands out is cut off; `fill`: stretched. The last three
            enlarge where they must.
        quality: 1 to 100, of JPEG and WebP.
        format: `jpeg`, `png` or `webp`. JPEG has no transparency: it becomes white.
        pixels: sources of more than that (width times height) are refused before they are decoded.

    Raises:
        SourceUnusable: not a picture, of an unsupported kind, too large, truncated or corrupt.
    """
    descriptor = reopen(source)
    try:
        opened = pyvips.Source.new_from_descriptor(descriptor)
        _check_header(opened, media_type, pixels)
        image = _resize(opened, width, height, fit, format)
        return _save(image, quality, format)
    except pyvips.Error as error:
        raise SourceUnusable(
            "This picture is damaged or of a kind that cannot be read.", private=str(error)
        ) from error
    finally:
        os.close(descriptor)


def _check_header(opened: pyvips.Source, media_type: str, pixels: int) -> None:
    loader = LOADERS.get(media_type)
    if loader is None:
        raise SourceUnusable(f"Pictures of the type {media_type} cannot be read.")
    header = pyvips.Image.new_from_source(opened, "", access="sequential")
    found = str(header.get("vips-loader"))
    if not found.startswith(loader):
        # a file that is two things at once gets neither
        raise SourceUnusable(f"This is not a picture of the type {media_type}.", private=f"loader {found}")
    size = header.width * header.height
    if size > pixels:
        raise SourceUnusable(
            f"The picture has {header.width} x {header.height} = {size} pixels; at most {pixels} are decoded."
        )


def _resize(
    opened: pyvips.Source, width: int | None, height: int | None, fit: str, format_: str
) -> pyvips.Image:
    both = width is not None and height is not None
    size = "down" if fit == "inside" else "force" if fit == "fill" and both else "both"
    image = pyvips.Image.thumbnail_source(
        opened,
        width or _UNBOUNDED,
        height=height or _UNBOUNDED,
        size=size if both or width or height else "down",
        crop="centre" if fit == "cover" and both else "none",
        output_profile="srgb",
        # libvips 8.18 ignores the argument fail_on of thumbnail_source; the loader heeds it
        option_string=f"fail_on={FAIL_ON}",
    )
    if image.interpretation not in ("srgb", "b-w"):
        image = image.colourspace("srgb")
    if format_ == "jpeg" and image.hasalpha():
        image = image.flatten(background=255)
    if fit == "contain" and both:
        image = _pad(image, width, height, transparent=format_ != "jpeg")
    return image


def _pad(image: pyvips.Image, width: int | None, height: int | None, *, transparent: bool) -> pyvips.Image:
    if (image.width, image.height) == (width, height):
        return image
    if transparent and not image.hasalpha():
        image = image.addalpha()
    background = [0] * image.bands if transparent else [255] * image.bands
    return image.gravity("centre", width, height, extend="background", background=background)


def _save(image: pyvips.Image, quality: int, format_: str) -> bytes:
    if format_ == "png":
        content = image.pngsave_buffer(keep="none")
    elif format_ == "webp":
        content = image.webpsave_buffer(Q=quality, keep="none")
    else:
        content = image.jpegsave_buffer(Q=quality, optimize_coding=True, subsample_mode="on", keep="none")
    return bytes(content)
