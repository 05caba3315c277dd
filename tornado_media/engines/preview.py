"""The engine `preview`: a few seconds of a film that move, as an animated WebP.

Runs in worker processes only. A few moments, spread over the film, one after the other; each begins at a sync
sample, so hardly a frame is decoded that is not shown. A film that is hardly longer than its preview is shown
from its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
import pyvips

from tornado_media.engines.encode import encode
from tornado_media.engines.film import Film, open_film
from tornado_media.engines.pixels import to_image

RATE = 10
"""Pictures a second."""

MOMENT = 1.0
"""Seconds of the film without a cut, about."""

BYTES = 400_000
"""The largest preview: its quality is lowered until it fits."""

QUALITY = 55

_FAST = 100_000_000
"""Pixels a second, 1080p at 50 frames, from which frames that no other one needs are not decoded."""


def preview(
    source: int,
    media_type: str,
    *,
    width: int = 320,
    seconds: float = 3.0,
    quality: int | None = None,
    pixels: int = 50_000_000,
) -> bytes:
    """Moments of a film, as an animation that repeats.

    Args:
        source: open descriptor of the video.
        media_type: of the source, by its content.
        width: in pixels, and never enlarged; where the film is higher than wide, its height.
        seconds: how long it lasts; less where the film does.
        quality: 1 to 100; lower than asked where it would have more than BYTES.
        pixels: videos whose frames have more of them are refused.

    Raises:
        SourceUnusable: there is no video, or it is too damaged or too large to be decoded.
    """
    with open_film(source, media_type, pixels) as film:
        strip = _animation(list(_pictures(film, width, seconds)))
    return encode(strip, format="webp", quality=quality or QUALITY, max_bytes=BYTES)


def _pictures(film: Film, width: int, seconds: float) -> Iterator[Any]:
    last: tuple[av.VideoFrame, Any] | None = None
    for frame in _chosen(film, seconds):
        if last is None or last[0] is not frame:
            shape = film.shape(frame)
            scale = min(1.0, width / max(shape.width, shape.height))
            across, down = (max(1, round(side * scale)) for side in (shape.width, shape.height))
            last = frame, to_image(frame, across, down, shape.turned).copy_memory()
        yield last[1]


def _chosen(film: Film, seconds: float) -> Iterator[av.VideoFrame]:
    """The frames to be shown, RATE for each second."""
    fewer = film.pixels * float(film.rate or 0) > _FAST
    free = 0.0
    for place, count in _moments(film.measured(), seconds):
        sync = film.sync_frame(place)
        began = None if sync is None else film.time_of(sync)
        # Two moments may have the same sync sample: then the second begins where the first ends.
        start = max(free, began or 0.0)
        yield from film.seen_at_each([start + number / RATE for number in range(count)], fewer=fewer)
        free = start + count / RATE


def _moments(length: float, seconds: float) -> list[tuple[float, int]]:
    """About where each moment begins, in seconds, and how many pictures it has."""
    if length < 2 * seconds:
        return [(0.0, max(1, int(min(length, seconds) * RATE)))]
    count = max(1, round(seconds / MOMENT))
    return [(length * (number + 0.5) / count, round(seconds * RATE / count)) for number in range(count)]


def _animation(pictures: list[Any]) -> Any:
    first = pictures[0]
    same = [picture for picture in pictures if (picture.width, picture.height) == (first.width, first.height)]
    strip = pyvips.Image.arrayjoin(same, across=1).copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", first.height)
    strip.set_type(pyvips.GValue.array_int_type, "delay", [1000 // RATE] * len(same))
    strip.set_type(pyvips.GValue.gint_type, "loop", 0)
    return strip
