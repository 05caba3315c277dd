"""A storyboard: where on a sheet each small picture of a film lies, and which time it shows. Pure.

The picture and the WebVTT that tells of it are made by two calls that know nothing of each other: both ask
`arrange`, so they agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tornado_media.formats.hls import reference
from tornado_media.formats.webvtt import Cue, write

PIXELS = 16_000_000
"""Most pixels of a sheet: a browser needs four bytes for each of them."""

LEAST = 1.0
"""Seconds between two pictures, at least: a short film has fewer of them."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of pictures, which lie from left to right, then from top to bottom.

    Args:
        count: of pictures.
        columns: pictures beside each other.
        width: of a picture, in pixels.
        height: of a picture, in pixels.
        length: of the film, in seconds.
    """

    count: int
    columns: int
    width: int
    height: int
    length: float

    @property
    def rows(self) -> int:
        """Pictures above each other."""
        return -(-self.count // self.columns)

    def begins(self, number: int) -> float:
        """The time from which on a picture stands for the film; that of `count` is the film's end."""
        return self.length * number / self.count

    def shows(self, number: int) -> float:
        """The time that a picture shows: the middle of those that it stands for."""
        return self.length * (number + 0.5) / self.count

    def place(self, number: int) -> tuple[int, int]:
        """The left and the upper side of a picture on the sheet, in pixels."""
        row, column = divmod(number, self.columns)
        return column * self.width, row * self.height


def arrange(length: float, size: tuple[int, int], *, width: int, tiles: int) -> Sheet:
    """How the pictures of a film lie on a sheet that is about as wide as high.

    Args:
        length: of the film, in seconds.
        size: width and height of the film, as it is seen.
        width: of a picture in pixels; where the film is higher than wide, its height.
        tiles: how many pictures, at most. There are fewer of a short film, or if a sheet would exceed PIXELS.
    """
    scale = width / max(size)
    across, down = (max(1, round(side * scale)) for side in size)
    count = max(1, min(tiles, int(length / LEAST), PIXELS // (across * down)))
    columns = min(count, math.ceil(math.sqrt(count * down / across)))
    return Sheet(count, columns, across, down, length)


def cues(sheet: Sheet, **parameters: object) -> str:
    """WebVTT whose cues name parts of the sheet, as players know it: `?preset=storyboard#xywh=0,0,160,90`.

    The fragment is that of Media Fragments URI 1.0 section 4.2.2.

    Args:
        sheet: as it was arranged for the picture.
        parameters: of the preset that gives the picture; None is left out.
    """
    uri = reference("storyboard", **parameters)
    return write(
        Cue(
            sheet.begins(number),
            sheet.begins(number + 1),
            f"{uri}#xywh={','.join(map(str, (*sheet.place(number), sheet.width, sheet.height)))}",
        )
        for number in range(sheet.count)
    )
