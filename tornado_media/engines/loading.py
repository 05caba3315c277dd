"""The loaders that can make a picture smaller while they read it: JPEG, WebP, SVG.

How much larger than the result a picture must be decoded was measured on photographs, by the SSIM between the
result and that of a full decode with Lanczos: 0.98 for the worst of them (tests/engines/test_golden.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from mmap import ACCESS_READ, mmap
from typing import Any

from tornado_media.engines import jpeg_turbo
from tornado_media.engines.refusal import check_size
from tornado_media.engines.scaling import Size
from tornado_media.engines.shrinking import Loaded
from tornado_media.engines.webp_planes import is_plain_lossy, means
from tornado_media.formats.jpeg_coarse import coarse

Content = bytes | mmap
"""A file."""

_MARGIN = 1.25
"""Decoded pixels for one of the result, in each direction, of a file made by `coarse`."""

_SMOOTH_BITS, _SMOOTH_MARGIN = 0.75, 1.0
"""A photograph with so few bits for a pixel has nothing so fine that it needs the margin: the worst of 12 had
an SSIM of 0.983."""

_METADATA = ("exif-data", "icc-profile-data", "iptc-data", "xmp-data")
"""What only libvips hands on to those who need it."""

_PLAIN_MARGINS = {8: None, 4: 1.75, 2: 1.75}
"""For a file as it is, by its scale: at 1/8 the same, at 1/4 and 1/2 libjpeg's means of neighbours alias."""

_WEBP_MARGINS = (2.0, 1.5)
_WEBP_LEAST_BLOCK = 4
"""Side of the blocks from which their means, made without libwebp, cost less than its scaling."""

_WEBP_LARGEST_SCALE = 0.75
"""libwebp's scaling costs less the smaller it makes the picture; above this it costs more than it saves."""


def content_of(descriptor: int) -> Content:
    """The file as bytes, mapped: that is cheaper than to read them.

    A file that is cut off in place meanwhile ends the process, as it would in libvips: that costs one call.
    """
    try:
        return mmap(descriptor, 0, access=ACCESS_READ)
    except ValueError:  # it is empty
        return b""


def load_jpeg(
    load: Callable[..., Any], content: Content, page: Any, size: Size | None, *, metadata: bool
) -> Loaded:
    """A JPEG at the smallest scale that is good enough.

    Args:
        load: opens it, with options of libvips.
        content: the file.
        page: its header.
        size: what it will be reduced to; None: it will not be.
        metadata: whether the image must have those of the file.
    """
    whole = page.width, page.height
    scale, content = reduced(content, whole, size, several_scans=page.get("jpeg-multiscan"))
    loaded = jpeg_turbo.decode(content, page, scale, size, metadata=metadata)
    if loaded is not None:
        return loaded
    return load(content=content, shrink=scale), (page.width / scale, page.height / scale)


def reduced(content: Content, whole: Size, size: Size | None, *, several_scans: bool) -> tuple[int, Content]:
    """The scale at which a JPEG is decoded, and what of the file that needs.

    Args:
        content: the file.
        whole: its size.
        size: what it will be reduced to; None: it will not be.
        several_scans: whether it has more than one.
    """
    for scale, by_coarse in _ways(content, whole, size, several_scans=several_scans):
        if not by_coarse:
            return scale, content
        if (made := coarse(memoryview(content), scale)) is not None:
            return scale, made
    raise AssertionError("a file as it is comes last")


def smallest_decode(content: Content, whole: Size, size: Size, *, several_scans: bool) -> float:
    """Pixels of the decode for which `reduced` makes a file, if it can; nothing is made for that."""
    scale, _ = next(_ways(content, whole, size, several_scans=several_scans))
    return whole[0] * whole[1] / scale**2


def _ways(
    content: Content, whole: Size, size: Size | None, *, several_scans: bool
) -> Iterator[tuple[int, bool]]:
    """The scales that are good enough, and whether of what `coarse` makes; the best comes first."""
    ratio = min(whole[0] / size[0], whole[1] / size[1]) if size else 1.0
    is_smooth = len(content) * 8 <= whole[0] * whole[1] * _SMOOTH_BITS
    margin = _SMOOTH_MARGIN if is_smooth else _MARGIN
    for scale, plain_margin in _PLAIN_MARGINS.items():
        is_plain = scale * (plain_margin or margin) <= ratio
        # Of a file with one scan nothing can be left out: `coarse` only keeps it from aliasing.
        if scale * margin <= ratio and (several_scans or not is_plain):
            yield scale, True
        if is_plain:
            yield scale, False
    yield 1, False


def load_webp(
    load: Callable[..., Any], content: Content, page: Any, size: Size | None, how: dict[str, int]
) -> Loaded:
    """A WebP, in means of blocks or scaled by libwebp where that is worth it.

    Args:
        load: opens it, with options of libvips.
        content: the file.
        page: the header of one frame.
        size: what a frame will be reduced to; None: it will not be.
        how: which frames.
    """
    part = max(size[0] / page.width, size[1] / page.height) if size else 1.0
    block = int(1 / part / _WEBP_MARGINS[0]) // 2 * 2
    if block >= _WEBP_LEAST_BLOCK and not set(_METADATA).intersection(page.get_fields()):
        image = means(content, block) if is_plain_lossy(content) else None
        if image is not None:
            return image, (page.width / block, page.height / block)
    scale = next((part * margin for margin in _WEBP_MARGINS if part * margin <= _WEBP_LARGEST_SCALE), 1.0)
    image = load(scale=scale, **how) if scale < 1 else load(**how)
    return image, (float(image.width), float(image.height) / how.get("n", 1))


def load_vectors(
    load: Callable[..., Any], page: Any, least: tuple[float, float] | None, pixels: int
) -> Loaded:
    """An SVG, drawn so large that it fills both sides.

    Args:
        load: opens it, with options of libvips.
        page: its header.
        least: width and height in pixels; None: its own size.
        pixels: that may be drawn.

    Raises:
        SourceUnusable: it would be drawn larger.
    """
    scale = max(least[0] / page.width, least[1] / page.height) if least else 1.0
    check_size(round(page.width * scale), round(page.height * scale), pixels)
    image = load(scale=scale)
    return image, (float(image.width), float(image.height))
