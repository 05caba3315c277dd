"""What is known of a picture before any pixel is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tornado_media.engines.colours import has_profile
from tornado_media.formats.apng import Animation

SWAPPED = range(5, 9)
"""The orientations of EXIF that exchange width and height."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a picture before any pixel is decoded.

    Args:
        media_type: by its content.
        width: of one frame, upright, in pixels.
        height: of one frame, upright, in pixels.
        frames: of an animation, or pages of a document.
        orientation: 1 to 8, as in EXIF; already counted in for width and height.
        alpha: whether it has a transparency channel.
        profile: whether it has an embedded ICC profile.
        delays: of an animation, milliseconds for each frame that is used; empty for anything else.
        loop: how often an animation plays; 0 is for ever.
    """

    media_type: str
    width: int
    height: int
    frames: int
    orientation: int
    alpha: bool
    profile: bool
    delays: tuple[int, ...]
    loop: int


def read_header(image: Any, media_type: str, animation: Animation | None, most: int) -> Header:
    """What libvips found in the header of a file.

    Args:
        image: of one frame; its pixels are not looked at.
        media_type: of the file, by its content.
        animation: of a PNG.
        most: at most so many frames are used.
    """
    orientation = _field(image, "orientation", 1)
    size = (image.width, image.height)
    frames, delays, loop = _field(image, "n-pages", 1), _field(image, "delay", ()), _field(image, "loop", 0)
    if animation is not None:
        delays = tuple(one.delay for one in animation.frames)
        frames, loop = len(animation.frames), animation.loop
    return Header(
        media_type=media_type,
        width=size[orientation in SWAPPED],
        height=size[orientation not in SWAPPED],
        frames=frames,
        orientation=orientation,
        alpha=bool(image.hasalpha()),
        profile=has_profile(image),
        delays=tuple(delays[:most]) if frames > 1 else (),
        loop=loop if frames > 1 else 0,
    )


def _field(image: Any, name: str, default: Any) -> Any:
    return image.get(name) if image.get_typeof(name) else default
