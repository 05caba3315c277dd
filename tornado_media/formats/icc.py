"""The name of an ICC profile, which is all that is told of one. Pure code.

ICC.1:2022 sections 7.2 to 7.3 and 10.15 (multiLocalizedUnicodeType), ICC.1:2001-04 section 6.5.17
(textDescriptionType). A profile is of whoever made the picture: what cannot be read has no name.
"""

from __future__ import annotations

from tornado_media.formats.exif import clean, decoded

_HEADER = 128
_MOST_TAGS = 100
_MOST_BYTES = 1024


def profile_name(profile: bytes) -> str | None:
    """The description that is in a profile, such as `Display P3`; None where there is none."""
    for n in range(min(_number(profile, _HEADER), _MOST_TAGS)):
        entry = _HEADER + 4 + 12 * n
        if profile[entry : entry + 4] == b"desc":
            at, size = _number(profile, entry + 4), _number(profile, entry + 8)
            return clean(_text(profile[at : at + size])) or None
    return None


def _text(tag: bytes) -> str:
    if tag[:4] == b"desc":
        return decoded(tag[12 : 12 + min(_number(tag, 8), _MOST_BYTES)])
    if tag[:4] == b"mluc" and _number(tag, 8):
        size, at = _number(tag, 20), _number(tag, 24)
        return tag[at : at + min(size, _MOST_BYTES)].decode("utf-16-be", "ignore")
    return ""


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")
