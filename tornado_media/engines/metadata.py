"""What stays of the metadata of a picture when it is encoded. Runs in worker processes only.

Pictures of libvips carry the metadata of the source along, as fields: `exif-data` and what libvips read in
it, `xmp-data`, `iptc-data`, comments. Savers write what they are told to keep. Where a picture was taken is
never in what is left, unless somebody asked for all of it. Of a TIFF libvips reads XMP and IPTC only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import IntFlag
from typing import Any

import pyvips

from tornado_media.formats.rights import find_rights


class Keep(IntFlag):
    """The kinds of metadata that a saver writes (VipsForeignKeep). Never a profile: the pixels are sRGB."""

    NONE = 0
    EXIF = 1
    XMP = 2
    IPTC = 4
    OTHER = 16


_ORIENTATION = re.compile(rb"""(tiff:Orientation\s*(?:=\s*["']|>\s*))[2-8]""")


def select(image: Any, strip: str) -> tuple[Any, Keep]:
    """An image with the fields that are to be written, and which kinds of them a saver has to keep.

    Args:
        image: an upright `pyvips.Image`; it is not changed.
        strip: what goes. `all`; `copyright`: all but the copyright notice and the creator; `none`: nothing
            but what is not true any more: the orientation, the thumbnail of the source, its profile.
    """
    if strip == "copyright":
        return _rights_alone(image)
    if strip == "none":
        return _all_that_is_true(image), Keep.EXIF | Keep.XMP | Keep.IPTC | Keep.OTHER
    return image, Keep.NONE


def _rights_alone(image: Any) -> tuple[Any, Keep]:
    exif, iptc, xmp = (_blob(image, name) for name in ("exif-data", "iptc-data", "xmp-data"))
    rights = find_rights(exif=exif, iptc=iptc, xmp=xmp)
    if not (rights.creator or rights.notice):
        return image, Keep.NONE
    # libvips writes its fields over those of the block, and the thumbnail into it: none of them may be left
    image = _without(image, lambda name: name.startswith(("exif-", "orientation", "jpeg-thumbnail")))
    image.set_type(pyvips.GValue.blob_type, "exif-data", rights.to_exif())
    return image, Keep.EXIF


def _all_that_is_true(image: Any) -> Any:
    def untrue(name: str) -> bool:
        # A comment named `profile` makes ImageMagick put the file of that name into what it writes next
        # (CVE-2022-44268); it is no metadata of a picture.
        return (
            name.startswith(("exif-ifd1-", "jpeg-thumbnail"))
            or name == "orientation"
            or (name.startswith("png-comment-") and name.lower().endswith("-profile"))
        )

    image = _without(image, untrue)
    xmp = _blob(image, "xmp-data")
    if xmp:
        image.set_type(pyvips.GValue.blob_type, "xmp-data", _ORIENTATION.sub(rb"\g<1>1", xmp))
    return image


def _without(image: Any, unwanted: Callable[[str], bool]) -> Any:
    """A copy of the image's header without some of its fields."""
    image = image.copy()
    for name in filter(unwanted, image.get_fields()):
        image.remove(name)
    return image


def _blob(image: Any, name: str) -> bytes:
    return bytes(image.get(name)) if image.get_typeof(name) else b""
