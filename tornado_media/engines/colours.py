"""Colours of any kind to 8-bit sRGB or grey: profiles, CMYK, Lab, 16 bits, floats, odd channels.

A profile that is broken, or belongs to another kind of picture, is no reason to refuse the picture: it is
read as if it had none, as browsers do.
"""

from __future__ import annotations

from functools import cache, lru_cache
from io import BytesIO
from typing import Any

import pyvips
from PIL import Image, ImageCms

from tornado_media.engines.decoded import image_of

_GRID = 9
"""Steps of each channel that a profile is tried with."""

_SAME = 1
"""Colours that differ by no more than that, of 255, are the same: a profile that changes none is left out."""

_MOST = 4_000_000
"""Pixels up to which an image is taken into memory for its profile."""

_PLAIN = ("srgb", "b-w")
_WIDE = ("rgb16", "grey16")
_PROFILE = "icc-profile-data"


def has_profile(image: Any) -> bool:
    """Whether an ICC profile is embedded."""
    return bool(image.get_typeof(_PROFILE))


def is_late(image: Any) -> bool:
    """Whether the colours may wait until the picture is small: such numbers can be mixed as they are."""
    if image.format not in ("uchar", "ushort"):
        return False
    return image.interpretation in _PLAIN or (image.interpretation in _WIDE and has_profile(image))


def to_srgb(image: Any) -> Any:
    """The image in 8 bits, sRGB or grey, with or without transparency.

    Args:
        image: of any kind that a loader gives.
    """
    image = _channels(image)
    if has_profile(image):
        image = _from_profile(image).copy()
        image.remove(_PROFILE)
    if image.interpretation not in _PLAIN or image.format != "uchar":
        image = _untagged(image)
    return image


def _channels(image: Any) -> Any:
    """Without those that nobody has a name for."""
    interpretation = image.interpretation
    if interpretation == "multiband":
        grey = image.bands < 3
        wide = image.format == "ushort"
        name = ("grey16" if wide else "b-w") if grey else ("rgb16" if wide else "srgb")
        image = image.copy(interpretation=name)
    colours = {"b-w": 1, "grey16": 1, "cmyk": 4}.get(image.interpretation, 3)
    return image.extract_band(0, n=colours + 1) if image.bands > colours + 1 else image


def _from_profile(image: Any) -> Any:
    profile = bytes(image.get(_PROFILE))
    grey = image.interpretation in ("b-w", "grey16")
    plain = image.interpretation in _PLAIN and image.format == "uchar"
    if plain and _changes_nothing(profile, grey):
        return image
    if plain and image.bands == 3 and image.width * image.height <= _MOST:
        made = _by_little_cms(image, profile)
        if made is not None:
            return made
    try:
        # Perceptual is what most profiles with tables are made for; those with a matrix know only one.
        made = image.icc_transform("srgb", embedded=True, intent="perceptual", depth=8)
    except pyvips.Error:
        return image
    return made.colourspace("b-w") if grey else made


def picture_to_srgb(picture: Image.Image, profile: bytes) -> Image.Image | None:
    """The colours of a picture of Pillow, RGB or grey, in sRGB; None where libvips has to do it.

    Args:
        picture: 8 bits; changed in place.
        profile: what is embedded; empty for none.
    """
    grey = picture.mode == "L"
    if not profile or _changes_nothing(profile, grey):
        return picture
    transform = None if grey else _transform(profile)
    if transform is None:
        return None
    transform.apply_in_place(picture)
    return picture


def _by_little_cms(image: Any, profile: bytes) -> Any | None:
    """What `icc_transform` gives, by the same library; to set that up takes longer than the pixels do."""
    transform = _transform(profile)
    if transform is None:  # asked first: an image that is read from a file can be read only once
        return None
    picture = Image.frombytes("RGB", (image.width, image.height), image.write_to_memory())
    transform.apply_in_place(picture)
    return image_of(picture.tobytes(), picture.size, image, metadata=True)


@lru_cache(maxsize=32)
def _transform(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """From a profile to sRGB; None where it cannot be used."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        return ImageCms.ImageCmsTransform(source, _srgb(), "RGB", "RGB", ImageCms.Intent.PERCEPTUAL)
    except (ImageCms.PyCMSError, OSError):
        return None


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(BytesIO(bytes(pyvips.Operation.call("profile_load", "srgb"))))


@lru_cache(maxsize=32)
def _changes_nothing(profile: bytes, grey: bool) -> bool:
    """Whether a profile is one of the many variants of sRGB, or cannot be used.

    The colours of a coarse grid are sent through it: that is exact, and no list of names would be complete.
    """
    steps = _grid().extract_band(0, n=1 if grey else 3).copy(interpretation="b-w" if grey else "srgb")
    steps.set_type(pyvips.GValue.blob_type, _PROFILE, profile)
    try:
        made = steps.icc_transform("srgb", embedded=True, intent="perceptual", depth=8)
        return bool((made - steps).abs().max() <= _SAME)
    except pyvips.Error:
        return True


def _grid() -> Any:
    levels = [round(step * 255 / (_GRID - 1)) for step in range(_GRID)]
    colours = bytes(number for r in levels for g in levels for b in levels for number in (r, g, b))
    return pyvips.Image.new_from_memory(colours, _GRID**3, 1, 3, "uchar").copy(interpretation="srgb")


def _untagged(image: Any) -> Any:
    if image.interpretation == "cmyk" and image.hasalpha():
        alpha = image.extract_band(4)
        return _untagged(image.extract_band(0, n=4)).bandjoin(alpha)
    if image.interpretation in _PLAIN:
        return _ranged(image)
    grey = image.interpretation == "grey16"
    return image.colourspace("b-w" if grey else "srgb").cast("uchar")


def _ranged(image: Any) -> Any:
    """Grey or RGB in numbers of another width: whole ones use all of their bits, floats go from 0 to 1.

    TIFF says nothing of the range of floats (TIFF 6.0, section 19): where one is above 1 they are taken for
    numbers of 8 bits.
    """
    if image.format in ("ushort", "short"):
        return (image / 257).rint().cast("uchar")
    if image.format in ("uint", "int"):
        return (image / 16843009).rint().cast("uchar")
    image = image.copy_memory()
    return (image * (255 if image.max() <= 1 else 1)).rint().cast("uchar")
