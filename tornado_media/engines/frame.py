"""The engine `poster`: one frame of a video, through the steps of any picture. Runs in worker processes only.

With a time, libav decodes from the sync sample before it up to the frame that is seen then. Without one, a
few sync samples are looked at, small, until one of them is worth showing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av

from tornado_media.engines.film import Film, Shape, open_film
from tornado_media.engines.image import render
from tornado_media.engines.pixels import to_image
from tornado_media.engines.wish import Wish
from tornado_media.errors import BadRequest

MARGIN = 2.0
"""How much larger than wanted a frame is scaled by libav, so that libvips makes the last step."""

_EARLIEST = 10.0
"""Seconds: where the search for a good frame begins in a long film; a tenth in, in a short one."""

_LATEST = 300.0
"""Seconds: where it ends in a long film, to give nothing away; a third in, in a short one."""

_USUAL_LENGTH = 30.0
"""Seconds, where nothing says how long a film is."""

_LOOKS = 8
"""How many sync samples are looked at. Each costs as much as a poster with a time."""

_GOOD = 0.6
"""What is worth showing (`worth`): most frames of films are, and no black, white, faded or blurred ones."""

_POOR = 0.1
"""Where nothing better is found, the frame a tenth in is tried too, though it is no sync sample."""

_SMALL = 160
"""Width in pixels of what is looked at."""


def poster(source: int, media_type: str, *, time: float | None = None, **asked: Any) -> bytes:
    """A picture made from one frame of a video.

    Args:
        source: open descriptor of the video.
        media_type: of the source, by its content.
        time: seconds from its start: the frame that is seen then. None: a good one of the first third.
        asked: the fields of `wish.Wish`, but those that choose a frame.

    Raises:
        SourceUnusable: there is no video, or it is too damaged or too large to be decoded.
        BadRequest: `time` is at or past the end, or as `image.thumbnail`.
    """
    wish = Wish(**asked)
    with open_film(source, media_type, wish.pixels) as film:
        if time is not None and film.length is not None and time >= film.length and time > 0:
            raise BadRequest(f"time={time:g} is past the end: the video lasts {film.length:g} seconds.")
        frame = good_frame(film) if time is None else film.seen_at(time)
        shape = film.shape(frame)
    found = Frame(Header(media_type, shape.width, shape.height), frame, shape.turned)
    return render(found, wish)


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a frame.

    Args:
        media_type: of its video.
        width: upright, with square pixels.
        height: upright.
        frames: always one.
        delays: none.
    """

    media_type: str
    width: int
    height: int
    frames: int = 1
    delays: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded frame: a `wish.Decodable`.

    Args:
        header: upright.
        frame: as it came from the decoder.
        turned: degrees clockwise that it has to be turned.
    """

    header: Header
    frame: av.VideoFrame
    turned: int

    def decode(
        self, least: tuple[float, float] | None = None, *, frame: int = 0, animated: bool = False
    ) -> Any:
        """The frame in RGB, upright, with square pixels; smaller where so much is not wanted."""
        width, height = self.header.width, self.header.height
        if least is not None:
            part = min(1.0, MARGIN * max(least[0] / width, least[1] / height))
            width, height = max(1, round(width * part)), max(1, round(height * part))
        return to_image(self.frame, width, height, self.turned)


def good_frame(film: Film) -> av.VideoFrame:
    """A frame that shows what a film is like: the first good one out of a few, or the best of them.

    The same film gives the same frame each time.

    Raises:
        SourceUnusable: no frame can be decoded.
    """
    best: av.VideoFrame | None = None
    most = 0.0
    for frame in _looked_at(film):
        value = worth(_small(film.shape(frame), frame))
        if best is None or value > most:
            best, most = frame, value
        if most >= _GOOD:
            break
    if best is not None and most >= _POOR:
        return best
    seen = film.seen_at(_first(film))
    better = best is None or worth(_small(film.shape(seen), seen)) > most
    return seen if better or best is None else best


def worth(image: Any) -> float:
    """How much there is to see in a small picture: 0 for one colour, 1 for one full of things.

    The product of four parts, each at most 1: bits in the histogram of luma (a natural picture has 7 or
    more of 8, a title on black 2), its contrast (a faded or foggy one has little), what a slight blur
    takes away (of a bare wall little), and that as a part of what a strong blur takes away: of what is out of
    focus a slight blur takes nothing.

    Args:
        image: a `pyvips.Image`, sRGB, about _SMALL wide.
    """
    luma = image.colourspace("b-w").copy_memory()
    deviation = luma.deviate()
    if deviation < 1:
        return 0.0
    bits = luma.hist_find().hist_entropy()
    fine, coarse = ((luma - luma.gaussblur(sigma)).abs().avg() for sigma in (1, 4))
    sharp = (fine / max(coarse, 0.1) - 0.1) / 0.1
    parts = ((bits / 7) ** 2, deviation / 40, fine / 2.5, sharp)
    return math.prod(max(0.0, min(1.0, part)) for part in parts)


def _looked_at(film: Film) -> Iterator[av.VideoFrame]:
    """Frames of sync samples, in the order in which they are to be considered; none twice."""
    first = _first(film)
    last = max(first, min(_LATEST, (film.length or _USUAL_LENGTH) / 3))
    seen = set()
    for number in range(_LOOKS):
        frame = film.sync_frame(first + (last - first) * number / (_LOOKS - 1))
        if frame is None or frame.is_corrupt or frame.pts in seen:
            continue
        seen.add(frame.pts)
        yield frame


def _first(film: Film) -> float:
    return min(_EARLIEST, (film.length or _USUAL_LENGTH) / 10)


def _small(shape: Shape, frame: av.VideoFrame) -> Any:
    height = max(1, round(_SMALL * shape.height / shape.width))
    return to_image(frame, _SMALL, min(height, 4 * _SMALL), shape.turned)
