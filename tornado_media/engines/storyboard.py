"""The engine `storyboard`: a sheet of small pictures of a film, and the WebVTT that says which is where.

Runs in worker processes only. Each picture is the frame of a sync sample, found by a seek and decoded alone:
of a film of ten minutes 100 frames are decoded and not 15,000. Of a short film with hardly any sync samples
all frames are decoded.
"""

from __future__ import annotations

from typing import Any

import av
import pyvips

from tornado_media.engines.encode import encode
from tornado_media.engines.film import Film, Shape, open_film
from tornado_media.engines.pixels import to_image
from tornado_media.formats.tiles import Sheet, arrange, cues

QUALITY = {"webp": 50, "jpeg": 60}
"""Of pictures that are looked at while the pointer moves."""

_DECODED = 1_500_000_000
"""Pixels of a film up to which all of its frames may be decoded: a minute of 720p, about 3 s of processor
time."""

_USUAL_RATE = 25.0


def storyboard(
    source: int,
    media_type: str,
    *,
    width: int = 160,
    tiles: int = 100,
    format: str = "webp",  # noqa: A002, the name of the parameter in URLs
    quality: int | None = None,
    pixels: int = 50_000_000,
) -> bytes:
    """A sheet of pictures at even distances, or the WebVTT whose cues name its parts.

    Args:
        source: open descriptor of the video.
        media_type: of the source, by its content.
        width: of a picture in pixels; where the film is higher than wide, its height.
        tiles: how many pictures, at most.
        format: `webp` or `jpeg`: the sheet; `vtt`: the WebVTT for it, in UTF-8.
        quality: of the sheet, 1 to 100.
        pixels: videos whose frames have more of them are refused.

    Raises:
        SourceUnusable: there is no video, or it is too damaged or too large to be decoded.
    """
    with open_film(source, media_type, pixels) as film:
        shape = film.shape(film.sync_frame(0.0) or film.seen_at(0.0))
        sheet = arrange(film.measured(), (shape.width, shape.height), width=width, tiles=tiles)
        if format == "vtt":
            return cues(sheet, width=width, tiles=tiles, quality=quality).encode()
        pictures = _pictures(film, shape, sheet)
    return encode(_joined(pictures, sheet), format=format, quality=quality or QUALITY[format])


def _pictures(film: Film, shape: Shape, sheet: Sheet) -> list[Any]:
    """All pictures of a sheet, in memory."""
    several, different = _of_sync_samples(film, shape, sheet)
    frames = film.pixels * sheet.length * float(film.rate or _USUAL_RATE)
    if different * 2 >= sheet.count or frames > _DECODED:
        return several
    times = [sheet.shows(number) for number in range(sheet.count)]
    return [_small(frame, shape, sheet) for frame in film.seen_at_each([0.0, *times])][1:]


def _of_sync_samples(film: Film, shape: Shape, sheet: Sheet) -> tuple[list[Any], int]:
    """The pictures, and how many of them differ; where none can be decoded it is that of its neighbour."""
    found: list[Any] = []
    different, latest = 0, float("-inf")
    for number in range(sheet.count):
        frame = film.sync_frame(sheet.shows(number))
        time = None if frame is None else film.time_of(frame)
        if frame is not None and time is not None and time > latest:
            found.append(_small(frame, shape, sheet))
            different, latest = different + 1, time
        elif found:  # the same again; or it is not there, and one before that was found
            found.append(found[-1])
    if not found:
        found = [_small(film.seen_at(0.0), shape, sheet)]
    return [found[0]] * (sheet.count - len(found)) + found, different


def _small(frame: av.VideoFrame, shape: Shape, sheet: Sheet) -> Any:
    return to_image(frame, sheet.width, sheet.height, shape.turned).copy_memory()


def _joined(pictures: list[Any], sheet: Sheet) -> Any:
    return pyvips.Image.arrayjoin(pictures, across=sheet.columns)
