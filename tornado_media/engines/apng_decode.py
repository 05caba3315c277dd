"""The frames of an animated PNG, drawn over each other as the file says.

libvips decodes each frame (`formats/apng.py` makes a file of it), and they are put together here.
"""

from __future__ import annotations

from collections.abc import Iterator
from mmap import mmap
from typing import Any

import pyvips

from tornado_media.engines.colours import to_srgb
from tornado_media.formats.apng import Animation, Dispose, Frame, frame_file


def draw(content: bytes | mmap, animation: Animation, *, fail_on: str, last: int) -> Iterator[Any]:
    """What is seen of each frame in turn: sRGB images with transparency, in memory.

    Args:
        content: the file.
        animation: what it says of its frames.
        fail_on: which faults are errors, as libvips calls them.
        last: the last frame that is wanted, from 0.
    """
    nothing = pyvips.Image.black(animation.width, animation.height, bands=4).copy(interpretation="srgb")
    canvas = nothing
    for number, frame in enumerate(animation.frames):
        before = canvas
        image = pyvips.Image.pngload_buffer(
            frame_file(memoryview(content), animation, frame), fail_on=fail_on
        )
        image = to_srgb(image)
        image = image if image.interpretation == "srgb" else image.colourspace("srgb")
        image = image if image.hasalpha() else image.addalpha()
        canvas = _lay(canvas, image, frame).copy_memory()
        yield canvas
        if number == last:
            return
        if frame.dispose == Dispose.PREVIOUS:
            canvas = before
        elif frame.dispose == Dispose.BACKGROUND:
            blank = nothing.crop(0, 0, frame.width, frame.height)
            canvas = canvas.insert(blank, frame.left, frame.top).copy_memory()


def _lay(canvas: Any, image: Any, frame: Frame) -> Any:
    if not frame.over:
        return canvas.insert(image, frame.left, frame.top)
    return canvas.composite2(image, "over", x=frame.left, y=frame.top).rint().cast("uchar")
