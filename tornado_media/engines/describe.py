"""The engines `info`, `placeholder` and `palette`: what a picture is and looks like. In workers only.

All three look at a handful of pixels, so the picture is decoded as small as its loader can. What is made of
them is in `formats`: `blurhash`, `thumbhash`, `palette`, `exif`, `icc`.
"""

from __future__ import annotations

import json
import mmap
import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tornado_media.engines import transform
from tornado_media.engines.decode import Header, Picture, open_picture, unusable
from tornado_media.formats import blurhash, thumbhash
from tornado_media.formats.exif import Value, selected
from tornado_media.formats.icc import profile_name
from tornado_media.formats.palette import laid_on, mean, named
from tornado_media.formats.palette import palette as main_colours

import pyvips  # isort: skip (`decode` has told libvips how to behave, before it is loaded)

Pixels = tuple[int, int, bytes]
"""Width, height, and four bytes for each pixel (sRGB and opacity) where nothing else is said."""

_HASHED = 32
"""Longer side of the picture that is hashed: no hash keeps anything that would be lost by that."""

_LEAST = 16
"""Shorter side of what BlurHash gets: it measures waves at the edges of pixels, which needs some of these."""

_SAMPLED = 48
"""Most pixels across and down whose colours are counted."""

_APART = 4
"""How many times larger the picture is from which they are taken: next to an edge, pixels of a picture that
was made smaller have colours that nobody has painted."""

_PLACEHOLDER_BYTES = 1000
_QUALITIES = (60, 40, 20)
"""Of a placeholder, until it is small enough; then it gets fewer pixels."""

_SMOOTH = 90
"""Quality of what was drawn from a hash: it has nothing but gradients, in which each step would be seen."""

_MOST_DELAY, _INSTEAD = 10, 100
"""Browsers show a frame for 100 ms that is to be shown for 10 ms or less."""

_BITS = {"uchar": 8, "char": 8, "ushort": 16, "short": 16, "uint": 32, "int": 32, "float": 32, "double": 64}
_SPACES = {"srgb": "rgb", "rgb16": "rgb", "scrgb": "rgb", "b-w": "gray", "grey16": "gray"}


def info(source: int, media_type: str, *, play: str | None = None, **arguments: Any) -> bytes:
    """What is known of a picture, a video or a sound: as `picture_info` or `probe.info` tells it.

    Args:
        source: open descriptor of the file.
        media_type: of the source, by its content.
        play: the codecs that a client plays, as `probe.info` takes them; for videos and sounds only.
        arguments: those of `picture_info`; they are for pictures only.
    """
    if media_type.startswith("image/"):
        return picture_info(source, media_type, **arguments)
    # PyAV is large, and a worker that is asked for pictures only has no use for it.
    from tornado_media.engines import probe

    return probe.info(source, media_type, play=play)


def picture_info(
    source: int, media_type: str, *, exif: str = "selected", pixels: int = 50_000_000, frames: int = 250
) -> bytes:
    """Size, kind, colours and origin of a picture, as a JSON object in UTF-8.

    Args:
        source: open descriptor of the picture.
        media_type: of the source, by its content.
        exif: `selected` (without the place), `gps` (with it) or `none`.
        pixels: pictures with more (width times height of one frame) are refused.
        frames: how many of an animation are looked at, at most.

    Raises:
        SourceUnusable: not a picture, of an unsupported kind, too large, truncated or corrupt.
    """
    with _opened(source, media_type, pixels, frames) as picture:
        facts = _facts(picture) | {"size": os.fstat(source).st_size}
        facts |= _looks(_small(picture, _inside(picture.header, _HASHED)))
        if exif != "none":
            facts["exif"] = _exif(picture, source, gps=exif == "gps")
    return _json(facts)


def placeholder(
    source: int,
    media_type: str,
    *,
    size: int = 32,
    format: str = "webp",  # noqa: A002, the name of the parameter in URLs
    pixels: int = 50_000_000,
    frames: int = 250,
) -> bytes:
    """What a page shows until a picture is there: at most 1000 bytes, whatever the picture is.

    Args:
        source: open descriptor of the picture.
        media_type: of the source, by its content.
        size: of the longer side in pixels; a picture that is smaller stays so, and one that would take too
            many bytes becomes so.
        format: `webp`: a picture. `thumbhash`: the picture that is drawn from its ThumbHash, which is
            smoother, as the text of a `data:` URL. `json`: an object with `width` and `height` of the source,
            `color`, `blurhash`, `thumbhash` (in base64) and `data_url` (the picture).
        pixels: pictures with more (width times height of one frame) are refused.
        frames: how many of an animation are looked at, at most.

    Raises:
        SourceUnusable: as `picture_info`.
    """
    with _opened(source, media_type, pixels, frames) as picture:
        if format == "thumbhash":
            text = thumbhash.encode(*_pixels(_small(picture, _inside(picture.header, _HASHED))))
            drawn = _image(thumbhash.decode(text, _scaled(picture.header, size)))
            return _data_url(drawn, _PLACEHOLDER_BYTES, (_SMOOTH, *_QUALITIES))
        if format == "webp":
            return _webp(_small(picture, _inside(picture.header, size)), _PLACEHOLDER_BYTES)
        header, hashed = picture.header, _inside(picture.header, _HASHED)
        image = _small(picture, hashed).copy_memory()
        facts = {"width": header.width, "height": header.height} | _looks(image)
        if size != _HASHED:
            image = _small(picture, _inside(header, size))
        room = _PLACEHOLDER_BYTES - len(_json(facts | {"data_url": ""}))
        return _json(facts | {"data_url": _data_url(image, room).decode()})


def palette(
    source: int, media_type: str, *, colors: int = 6, pixels: int = 50_000_000, frames: int = 250
) -> bytes:
    """The main colours of a picture, the largest first, as a JSON object.

    `{"colors": [{"color": "#rrggbb", "part": 0.25}, ...]}`; the parts are of what is opaque, and add up to 1.

    Args:
        source: open descriptor of the picture.
        media_type: of the source, by its content.
        colors: how many at most, 1 to 16; a picture that has fewer gives fewer.
        pixels: pictures with more (width times height of one frame) are refused.
        frames: how many of an animation are looked at, at most.

    Raises:
        SourceUnusable: as `picture_info`.
    """
    with _opened(source, media_type, pixels, frames) as picture:
        # each side for itself: what is counted needs no aspect, but a strip has few pixels across
        most = _SAMPLED * _APART
        image = _small(picture, (min(most, picture.header.width), min(most, picture.header.height)))
        rgba = _every_few(_pixels(image), _SAMPLED)
    shades = main_colours(rgba, colors)
    return _json({"colors": [{"color": shade.color, "part": shade.part} for shade in shades]})


@contextmanager
def _opened(source: int, media_type: str, pixels: int, frames: int) -> Iterator[Picture]:
    """The picture; what libvips says of its pixels is an error of ours."""
    with open_picture(source, media_type, pixels=pixels, frames=frames) as picture:
        try:
            yield picture
        except pyvips.Error as error:
            raise unusable(error, media_type) from error


def _facts(picture: Picture) -> dict[str, object]:
    """What its header says."""
    header, image = picture.header, picture.image
    profile = _field(image, "icc-profile-data")
    delays = _delays(picture)
    return {
        "media_type": header.media_type,
        "width": header.width,
        "height": header.height,
        "frames": header.frames,
        "duration": sum(delays) / 1000 if delays else None,
        "loop": header.loop if delays else None,
        "orientation": header.orientation,
        "orientation_applied": True,
        "color_space": _SPACES.get(image.interpretation, image.interpretation),
        "channels": image.bands,
        "bits": _field(image, "bits-per-sample") or _BITS.get(image.format),
        "alpha": bool(header.alpha),
        "progressive": bool(_field(image, "interlaced")),
        "profile": profile_name(bytes(profile)) if profile else None,
    }


def _delays(picture: Picture) -> list[int]:
    """Milliseconds of each frame as browsers take them; empty where it is no animation."""
    header = picture.header
    delays = header.delays
    if len(delays) != header.frames:
        # the header has those of the frames that are used
        delays = tuple(_field(picture.image, "delay") or ())
    return [d if d > _MOST_DELAY else _INSTEAD for d in delays] if len(delays) == header.frames > 1 else []


def _looks(image: Any) -> dict[str, object]:
    """The mean colour and both hashes of a small image."""
    width, height, rgba = _pixels(image)
    colour = mean(rgba)
    columns, rows = (4, 3) if width >= height else (3, 4)
    opaque = _enlarged((width, height, laid_on(rgba, colour or (0, 0, 0))), _LEAST)
    return {
        "color": colour and named(colour),
        "blurhash": blurhash.encode(*opaque, columns=columns, rows=rows),
        "thumbhash": b64encode(thumbhash.encode(width, height, rgba)).decode(),
    }


def _enlarged(pixels: Pixels, least: int) -> Pixels:
    """Three bytes for each pixel, with pixels repeated until each side has at least so many."""
    width, height, rgb = pixels
    across, down = -(-least // width), -(-least // height)
    if across > 1:
        rgb = b"".join(rgb[n : n + 3] * across for n in range(0, len(rgb), 3))
    row = 3 * width * across
    if down > 1:
        rgb = b"".join(rgb[n : n + row] * down for n in range(0, len(rgb), row))
    return width * across, height * down, rgb


def _exif(picture: Picture, source: int, *, gps: bool) -> dict[str, Value]:
    if picture.header.media_type == "image/tiff":
        # such a file is itself what is in the block of others
        with mmap.mmap(source, 0, access=mmap.ACCESS_READ) as content:
            return selected(content, gps=gps)
    return selected(bytes(_field(picture.image, "exif-data") or b""), gps=gps)


def _small(picture: Picture, size: tuple[int, int]) -> Any:
    """The picture in a size that is not larger than it is, in sRGB."""
    # vectors come as large as they have to be to fill both sides
    image = transform.resize(picture.decode(size), size)
    return image if image.interpretation == "srgb" else image.colourspace("srgb")


def _inside(header: Header, longer: int) -> tuple[int, int]:
    """The size with this longer side, or its own if that is smaller."""
    return _scaled(header, min(longer, max(header.width, header.height)))


def _scaled(header: Header, longer: int) -> tuple[int, int]:
    part = longer / max(header.width, header.height)
    return max(1, round(header.width * part)), max(1, round(header.height * part))


def _every_few(pixels: Pixels, most: int) -> bytes:
    """Some of the pixels: at most so many across and down, from the middle of each block."""
    width, height, rgba = pixels
    across, down = -(-width // most), -(-height // most)
    whole = memoryview(rgba).cast("I")
    starts = range(down // 2 * width + across // 2, width * height, down * width)
    return b"".join(whole[start : start - across // 2 + width : across].tobytes() for start in starts)


def _pixels(image: Any) -> Pixels:
    image = transform.with_alpha(image)
    return image.width, image.height, bytes(image.write_to_memory())


def _image(pixels: Pixels) -> Any:
    width, height, rgba = pixels
    return pyvips.Image.new_from_memory(rgba, width, height, 4, "uchar").copy(interpretation="srgb")


def _webp(image: Any, most: int, qualities: tuple[int, ...] = _QUALITIES) -> bytes:
    """A WebP of at most so many bytes."""
    image = image.copy_memory()
    while True:
        for quality in qualities:
            content = bytes(image.webpsave_buffer(Q=quality, keep="none"))
            if len(content) <= most:
                return content
        size = max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)
        image = transform.resize(image, size).copy_memory()


def _data_url(image: Any, most: int, qualities: tuple[int, ...] = _QUALITIES) -> bytes:
    head = b"data:image/webp;base64,"
    return head + b64encode(_webp(image, (most - len(head)) // 4 * 3, qualities))


def _field(image: Any, name: str) -> Any:
    """A field of the header, None where it is not there."""
    return image.get(name) if image.get_typeof(name) else None


def _json(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, ensure_ascii=False, allow_nan=False).encode()
