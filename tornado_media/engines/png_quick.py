"""A plain PNG in less than half of the time, by the decoder of the Rust library image-png.

The extra `speed` brings it, in kornia-rs. Six photographs of 2 to 9 megapixels take 0.43 of the processor
time that libpng and zlib-ng in libvips need, and the pixels are the same. They are all in memory, so large
pictures stream through libvips, as does what is not plain; what is damaged, libvips is asked about.
"""

from __future__ import annotations

import os
from typing import Any

from tornado_media.engines.decoded import image_of

_HEAD = 29
"""Bytes up to the end of IHDR's fields (PNG, third edition, section 11.2.1)."""

_MODES = {2: (3, "rgb"), 6: (4, "rgba")}
"""By the colour type: channels, and the name of the library for them."""

_LEAST = 100_000
"""Pixels below which nothing is gained, and the library need not be loaded."""

_MOST = 48_000_000
"""Bytes of pixels and file together: a worker has at most 150 MiB (tests/web/test_picture_memory)."""


def decode(descriptor: int, page: Any, *, metadata: bool) -> Any | None:
    """All pixels of a PNG, or None where it is not plain, not whole, small, large, or the library not there.

    Args:
        descriptor: of the file, at any position, which stays where it is.
        page: the image of libvips of which the header was read.
        metadata: whether the image gets all of it, or only the profile and the orientation.
    """
    size = page.width, page.height
    mode = _mode(os.pread(descriptor, _HEAD, 0), page.bands)
    length = os.fstat(descriptor).st_size
    if mode is None or size[0] * size[1] < _LEAST or size[0] * size[1] * page.bands + length > _MOST:
        return None
    try:
        # Large, and only these pictures need it. numpy, which it brings, would start threads of its own.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        from kornia_rs import io
    except ImportError:
        return None
    try:
        pixels = io.decode_image_png_u8(os.pread(descriptor, length, 0), (size[1], size[0]), mode)
    except Exception:  # noqa: BLE001 (it has no narrower one for a file that it cannot read)
        return None
    return image_of(pixels.data, size, page, metadata=metadata)


def _mode(head: bytes, bands: int) -> str | None:
    """RGB or RGBA of 8 bits, as libvips found it too: with a tRNS chunk it counts one channel more."""
    if len(head) < _HEAD or head[24] != 8:
        return None
    channels, mode = _MODES.get(head[25], (0, ""))
    return mode if channels == bands else None
