"""A frame of a video as an image of libvips: in RGB, in another size, upright. Runs in worker processes only.

libav's scaler knows the matrix and the range of the video, so it makes RGB of it; an interlaced frame gives
one field, interpolated. HDR is brought to the range of ordinary pictures (`formats/hdr.py`) once it is small.
"""

from __future__ import annotations

import os
from array import array
from fractions import Fraction
from functools import lru_cache
from typing import Any

import av
from av.filter import Graph

from tornado_media.formats import hdr

os.environ.setdefault("VIPS_CONCURRENCY", "1")

import pyvips  # isort: skip (read by libvips when it is loaded)

_TICK = Fraction(1, 25)

_SCALER = "flags=bicubic+accurate_rnd+full_chroma_int"


def to_image(frame: av.VideoFrame, width: int, height: int, turned: int) -> Any:
    """A `pyvips.Image` in 8 bits, sRGB.

    Args:
        frame: as it came from the decoder.
        width: of the result, upright.
        height: of the result, upright.
        turned: degrees clockwise that the frame has to be turned: 0, 90, 180 or 270.
    """
    if turned in (90, 270):
        width, height = height, width
    transfer = hdr.TRANSFERS.get(int(frame.color_trc))
    image = _pixels(_convert(frame, width, height, "rgb24" if transfer is None else "rgb48"))
    if transfer is not None:
        image = _to_ordinary(image, transfer)
    return image.rot(f"d{turned}") if turned else image


def _convert(frame: av.VideoFrame, width: int, height: int, name: str) -> av.VideoFrame:
    """In RGB and in another size."""
    graph = Graph()
    steps = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=_TICK)]
    if frame.interlaced_frame:
        steps.append(graph.add("yadif", "deint=interlaced"))
    steps.append(graph.add("scale", f"{width}:{height}:{_SCALER}"))
    steps.append(graph.add("format", name))
    steps.append(graph.add("buffersink"))
    graph.link_nodes(*steps).configure()
    # Its own time base may be none, which the graph does not take.
    was, frame.pts, frame.time_base = (frame.pts, frame.time_base), 0, _TICK
    try:
        graph.push(frame)
        graph.push(None)
        return graph.vpull()
    finally:
        frame.pts, frame.time_base = was


def _pixels(frame: av.VideoFrame) -> Any:
    plane = frame.planes[0]
    kind, bytes_each, name = ("uchar", 1, "srgb") if frame.format.name == "rgb24" else ("ushort", 2, "rgb16")
    # A line may have bytes at its end that are no pixels.
    stride = plane.line_size // bytes_each
    lines = pyvips.Image.new_from_memory(bytes(plane), stride, frame.height, 1, kind)
    image = lines.crop(0, 0, frame.width * 3, frame.height).bandfold(factor=3)
    return image.copy(interpretation=name)


def _to_ordinary(image: Any, transfer: str) -> Any:
    light = (image >> 4).cast("ushort").maplut(_curve(transfer))
    return light.recomb([list(row) for row in hdr.MATRIX]).copy(interpretation="scrgb").colourspace("srgb")


@lru_cache(maxsize=4)
def _curve(transfer: str) -> Any:
    levels = array("f", hdr.curve(transfer))
    return pyvips.Image.new_from_memory(levels.tobytes(), hdr.LEVELS, 1, 1, "float")
