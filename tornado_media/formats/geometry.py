"""Where each pixel of a result comes from: crop, size, fit, position, rotation and padding as numbers.

Pure rules, asked by `engines/image.py` before anything is decoded. All sizes are in pixels; the source is
upright, whatever its EXIF orientation says. The fits are those of CSS `object-fit`
(https://www.w3.org/TR/css-images-3/#the-object-fit), and `inside`: as contain, but never enlarged or padded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tornado_media.errors import BadRequest
from tornado_media.formats.boxes import PLACES, Box, Size, at, half_up, text_of

FOUND = frozenset({"attention", "entropy"})
"""Positions that only the pixels can tell."""

_CROP_SHARPNESS = 2
"""The edges of a crop fall between the pixels of a picture that was shrunk while loading. So it gets at least
that many decoded pixels for one of the result, and of the next sizes the one where the edges fall best."""

_TRIES = 200
_GOOD = 0.02
"""Sizes that are looked at, and pixels of the result by which an edge may be wrong: nobody can see those."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the parameters ask for.

    Args:
        width: of the result in CSS pixels, or None: it follows from the height.
        height: of the result. With both None the picture keeps its own size.
        fit: `inside`, `contain`, `cover` or `fill`.
        position: one of `boxes.PLACES`, of `FOUND`, or a point such as `0.3,0.7` in parts of the sides: what
            `cover` keeps of the picture, and where `contain` puts it. The point comes as near to the middle
            as the edges allow.
        dpr: pixels of the result for one CSS pixel.
        rotate: degrees clockwise.
        padding: CSS pixels around the result, in the order of CSS: `10`, `10,20` or `10,20,30,40`.
        output_pixels: at most so many in the result, width times height.
    """

    width: int | None = None
    height: int | None = None
    fit: str = "inside"
    position: str = "center"
    dpr: float = 1.0
    rotate: float = 0.0
    padding: str | None = None
    output_pixels: int = 25_000_000

    @property
    def box(self) -> tuple[int | None, int | None]:
        """Width and height in pixels of the result."""
        width, height = (side and max(1, half_up(side * self.dpr)) for side in (self.width, self.height))
        return width, height


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The way of a picture to its result, in this order.

    Args:
        box: what is used of the source.
        least: width and height that the whole source must have, at least, when it is decoded.
        scaled: the size that the box is brought to.
        quarters: quarter turns clockwise after that, 0 to 3.
        angle: degrees clockwise, where it is no quarter turn; then `quarters` is 0.
        turned: the size after turning.
        picture: the size after what stands out of a `cover` is cut off.
        cut: where that is in the turned picture; None where nothing is cut off, or only the pixels can tell.
        canvas: the size of the result.
        offset: left and top of the picture on the canvas.
    """

    box: Box
    least: tuple[float, float]
    scaled: Size
    quarters: int
    angle: float
    turned: Size
    picture: Size
    cut: Box | None
    canvas: Size
    offset: Size


def read_padding(text: str | None, dpr: float = 1.0) -> tuple[int, int, int, int]:
    """Top, right, bottom and left padding in pixels of the result, from the forms that CSS has."""
    edges = [half_up(int(edge) * dpr) for edge in (text or "0").split(",")]
    top, right, bottom, left = {1: edges * 4, 2: edges * 2}.get(len(edges), edges)
    return top, right, bottom, left


def arrange(source: Size, box: Box, asked: Asked) -> Arrangement:
    """Lay out a result.

    Args:
        source: the size of the source, upright.
        box: what is used of it.
        asked: the parameters.

    Raises:
        BadRequest: the result, or the picture that it is cut from, would have more pixels than allowed.
    """
    quarters, angle = _turns(asked.rotate)
    bounds = _bounding(box.size, quarters, angle)
    turned, picture = _fit(bounds, *asked.box, asked.fit, asked.position)
    scaled = _before_turning(box.size, bounds, turned, quarters, angle)
    least = (source[0] * scaled[0] / box.width, source[1] * scaled[1] / box.height)
    if box.size != source:
        least = (
            _whole_side(source[0], box.left, box.width, scaled[0]),
            _whole_side(source[1], box.top, box.height, scaled[1]),
        )
    canvas, offset = _canvas(picture, asked)
    _bound("result", canvas, asked.output_pixels)
    if turned[0] * turned[1] > box.width * box.height:
        _bound("enlarged picture", turned, asked.output_pixels)
    return Arrangement(
        box=box,
        least=least,
        scaled=scaled,
        quarters=quarters,
        angle=angle,
        turned=turned,
        picture=picture,
        cut=None if picture == turned or asked.position in FOUND else _cut(turned, picture, asked.position),
        canvas=canvas,
        offset=offset,
    )


def _fit(
    bounds: tuple[float, float], width: int | None, height: int | None, fit: str, position: str
) -> tuple[Size, Size]:
    """The size of the whole picture, and of what is kept of it."""
    scales = width / bounds[0] if width else math.inf, height / bounds[1] if height else math.inf
    smaller, larger = min(scales), max(scales)
    if smaller == math.inf:
        size = _sized(bounds, 1.0)
    elif fit == "inside":
        size = _sized(bounds, min(smaller, 1.0))
    elif larger == math.inf or fit == "contain":
        size = _sized(bounds, smaller)
    elif fit == "cover":
        picture = width or 1, height or 1
        across, down = (_covering(bounds[axis] * larger, picture[axis], position, axis) for axis in (0, 1))
        return (across, down), picture
    else:
        size = width or 1, height or 1
    return size, size


def _whole_side(source: int, start: int, length: int, wanted: int) -> int:
    """To which side the whole source is decoded so that a part of it has its edges between two pixels."""
    best, least_wrong = source, math.inf
    lowest = math.ceil(source * wanted * _CROP_SHARPNESS / length)
    for side in range(lowest, min(source, lowest + _TRIES)):
        scale = side / source
        edges = start * scale, (start + length) * scale
        wrong = max(abs(edge - half_up(edge)) for edge in edges) * wanted / (length * scale)
        if wrong < least_wrong:
            best, least_wrong = side, wrong
        if wrong < _GOOD:
            break
    return best


def _canvas(picture: Size, asked: Asked) -> tuple[Size, Size]:
    canvas = picture
    if asked.fit == "contain":
        canvas = asked.box[0] or picture[0], asked.box[1] or picture[1]
    part = PLACES.get(asked.position) or _point(asked.position)
    left, top = (at(part[i], canvas[i] - picture[i]) for i in (0, 1))
    above, right, below, before = read_padding(asked.padding, asked.dpr)
    return (canvas[0] + before + right, canvas[1] + above + below), (left + before, top + above)


def _cut(turned: Size, picture: Size, position: str) -> Box:
    left, top = (half_up(_start(position, axis, turned[axis], picture[axis])) for axis in (0, 1))
    return Box(left, top, *picture)


def _start(position: str, axis: int, side: float, kept: int) -> float:
    """Where what is kept of a side begins."""
    if position in PLACES:
        return PLACES[position][axis] * (side - kept)
    return min(side - kept, max(0.0, _point(position)[axis] * side - kept / 2))


def _covering(side: float, kept: int, position: str, axis: int) -> int:
    """The whole number beside a side with which its cut edges are the least wrong."""
    side = max(side, kept)
    start = _start(position, axis, side, kept)

    def wrong(whole: int) -> float:
        found = half_up(_start(position, axis, whole, kept))
        scale = side / whole
        return max(abs(found * scale - start), abs((found + kept) * scale - start - kept))

    return min((math.floor(side), math.ceil(side)), key=wrong)


def _point(position: str) -> tuple[float, float]:
    if position in FOUND:
        return PLACES["center"]
    x, y = map(float, position.split(","))
    return x, y


def _turns(rotate: float) -> tuple[int, float]:
    angle = rotate % 360
    return (round(angle / 90) % 4, 0.0) if angle % 90 == 0 else (0, angle)


def _bounding(size: Size, quarters: int, angle: float) -> tuple[float, float]:
    width, height = size
    if not angle:
        return (height, width) if quarters % 2 else (width, height)
    sine, cosine = abs(math.sin(math.radians(angle))), abs(math.cos(math.radians(angle)))
    return width * cosine + height * sine, width * sine + height * cosine


def _before_turning(
    size: Size, bounds: tuple[float, float], turned: Size, quarters: int, angle: float
) -> Size:
    if angle:
        return _sized(size, max(turned[0] / bounds[0], turned[1] / bounds[1]))
    return (turned[1], turned[0]) if quarters % 2 else turned


def _bound(what: str, size: Size, most: int) -> None:
    if size[0] * size[1] > most:
        raise BadRequest(
            f"The {what} would have {text_of(size)} = {size[0] * size[1]} pixels; {most} at most."
        )


def _sized(size: tuple[float, float], scale: float) -> Size:
    return max(1, half_up(size[0] * scale)), max(1, half_up(size[1] * scale))
