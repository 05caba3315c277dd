"""What the first bytes of a picture say besides its media type: transparency and movement.

Asked by `sources` for each picture, so that a plan can choose a format before anything is decoded. Where the
first bytes leave it open the answer is that it may be so: a PNG that could have been a JPEG is only larger.
"""

from __future__ import annotations

_OPAQUE = frozenset({"image/jpeg", "image/bmp", "image/heic", "image/x-portable-anymap"})

# https://www.w3.org/TR/png-3/#11IHDR: colour types with an alpha channel are 4 and 6; 3 is a palette
_PNG_COLOUR_TYPE = 25

# https://www.rfc-editor.org/rfc/rfc9649.html#section-2.7
_VP8X_FLAGS = 20
_VP8X_ALPHA, _VP8X_ANIMATION = 0x10, 0x02


def may_have_alpha(head: bytes, media_type: str) -> bool:
    """Whether a picture may have transparent pixels.

    Args:
        head: its first bytes.
        media_type: found in them.
    """
    if not media_type.startswith("image/") or media_type in _OPAQUE:
        return False
    if media_type in {"image/png", "image/apng"}:
        return head[_PNG_COLOUR_TYPE : _PNG_COLOUR_TYPE + 1] in {b"\4", b"\6"} or _has_trns(head)
    if media_type == "image/webp" and head[12:16] == b"VP8X":
        return bool(head[_VP8X_FLAGS] & _VP8X_ALPHA) if len(head) > _VP8X_FLAGS else True
    return not (media_type == "image/webp" and head[12:16] == b"VP8 ")


def may_be_animated(head: bytes, media_type: str) -> bool:
    """Whether a picture may have several frames that are shown one after the other.

    Args:
        head: its first bytes.
        media_type: found in them.
    """
    if media_type == "image/webp":
        extended = head[12:16] == b"VP8X" and len(head) > _VP8X_FLAGS
        return extended and bool(head[_VP8X_FLAGS] & _VP8X_ANIMATION)
    return media_type in {"image/gif", "image/apng"}


def _has_trns(head: bytes) -> bool:
    # The chunk comes before the first IDAT; behind a long profile it is out of sight.
    data = head.find(b"IDAT")
    return b"tRNS" in (head if data < 0 else head[:data]) or (data < 0 and len(head) >= 4096)
