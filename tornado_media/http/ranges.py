"""Byte ranges of RFC 9110 section 14: which bytes a Range field asks for, and how they are labelled.

Last station: `delivery` knows the complete length and asks here what to send. This module must not read
content, and it does not know the method: a Range field counts for GET only (section 14.2), so the caller
passes None for every other method, and also when If-Range says no (`conditional.range_applies`).

Positions are inclusive, as on the wire.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

# A browser asks for one range, a PDF viewer for a few. Old Apache servers died of hundreds of them
# (CVE-2011-3192), so more than this is taken for an attack and the whole representation is sent.
_MAX_RANGES = 16

# https://www.rfc-editor.org/rfc/rfc9110.html#section-14.1.1
#
#    ranges-specifier = range-unit "=" range-set
#    range-set        = 1#range-spec
#    range-spec       = int-range / suffix-range / other-range
#    int-range        = first-pos "-" [ last-pos ]
#    first-pos        = 1*DIGIT
#    last-pos         = 1*DIGIT
#    suffix-range     = "-" suffix-length
#    suffix-length    = 1*DIGIT
#
# Two deviations. 1*DIGIT ends at 19 digits, which holds every file size and keeps a number of a megabyte
# away from int() (the overflow of CVE-2017-7529 is not possible here, the cost of int() is). And there may
# be white space around the hyphen: Apache began it, nginx and Go follow. White space and digits cannot
# match the same character, so there is one way to match and the time is linear (CVE-2025-62727).
_range_spec = re.compile(r"([0-9]{0,19})[ \t]*-[ \t]*([0-9]{0,19})")

# https://www.rfc-editor.org/rfc/rfc2046.html#section-5.1.1
#
#    boundary := 0*69<bchars> bcharsnospace
#
# Only the bchars that are also token characters: they need no quotes in the Content-Type field.
_boundary = re.compile(r"[0-9A-Za-z'+_.-]{1,70}")

UNKNOWN_END = 2**62 - 1
"""The last_pos of a range without an end, where nobody knows the end."""

_control = re.compile(r"[\x00-\x1f\x7f]")


class RangeNotSatisfiable(Exception):
    """No range of the set can be sent: answer 416 with `content_range(None, complete_length)`."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A part of a representation, inclusive at both ends.

    Args:
        first_pos: offset of the first byte.
        last_pos: offset of the last byte, never before first_pos.
    """

    first_pos: int
    last_pos: int

    @property
    def length(self) -> int:
        """Bytes in the range, at least 1."""
        return self.last_pos - self.first_pos + 1


@dataclass(frozen=True, slots=True)
class MultipartByteranges:
    """The frame of a multipart/byteranges message: everything but the content of the ranges.

    Send, for each part, its head and then the content of its range; at the end, `closing`.

    Args:
        media_type: the message's Content-Type, with the boundary.
        content_length: bytes of the whole message, content included.
        parts: for each range the bytes before its content, and the range.
        closing: the bytes after the last content.
    """

    media_type: str
    content_length: int
    parts: tuple[tuple[bytes, ByteRange], ...]
    closing: bytes


def parse_range(field: str | None, complete_length: int) -> tuple[ByteRange, ...] | None:
    """The ranges that a Range field asks for, in the order asked, cut to what is there.

    None means: send the whole representation with 200. That is so when there is no field, when its unit is
    not bytes (section 14.2: MUST ignore), when the representation is empty (no Content-Range can name a
    part of nothing, and clients that add a Range to every request want the empty file), and when the set
    looks like an attack: too many ranges, or ranges that overlap. Ranges that do not overlap never add up
    to more than the representation.

    Args:
        field: the value of the Range field, or None.
        complete_length: of the representation, bytes.

    Raises:
        RangeNotSatisfiable: the set is malformed (section 14.2 lets a server reject it; Go and nginx do),
            or none of its ranges begins inside the representation.
    """
    range_set = _byte_range_set(field)
    if range_set is None:
        return None
    range_specs = [spec for element in range_set.split(",") if (spec := element.strip(" \t"))]
    if len(range_specs) > _MAX_RANGES:
        return None
    if not range_specs:
        raise RangeNotSatisfiable("The range set is empty.")
    found = [_resolve(spec, complete_length) for spec in range_specs]
    if complete_length == 0:
        return None
    ranges = tuple(byte_range for byte_range in found if byte_range is not None)
    if not ranges:
        raise RangeNotSatisfiable("No range begins inside the representation.")
    return None if _overlap(ranges) else ranges


def parse_growing_range(field: str | None) -> ByteRange | None:
    """The range that is wanted of bytes whose end is not known yet.

    Args:
        field: the value of the Range field, or None.

    Returns:
        None when all is wanted: no range, one that `parse_range` does not count, or `bytes=0-`, which
        browsers send first. A range without an end has the last_pos `UNKNOWN_END`.

    Raises:
        RangeNotSatisfiable: malformed, a suffix, whose place nobody knows, or several ranges.
    """
    ranges = parse_range(field, UNKNOWN_END + 1)
    if ranges is None:
        return None
    if len(ranges) > 1 or ranges[0].first_pos > UNKNOWN_END // 2:
        raise RangeNotSatisfiable("Only one range, counted from the beginning, can be given of this.")
    return None if ranges[0] == ByteRange(0, UNKNOWN_END) else ranges[0]


def content_range(byte_range: ByteRange | None, complete_length: int | None) -> str:
    """The value of a Content-Range field (section 14.4).

    Args:
        byte_range: what is sent, or None in a 416.
        complete_length: of the representation, bytes; None while it is not known.
    """
    if byte_range is None:
        if complete_length is None:
            raise ValueError("Content-Range needs a range or a complete length")
        return f"bytes */{complete_length}"
    complete = "*" if complete_length is None else complete_length
    return f"bytes {byte_range.first_pos}-{byte_range.last_pos}/{complete}"


def multipart_byteranges(
    ranges: Sequence[ByteRange], complete_length: int | None, media_type: str, boundary: str
) -> MultipartByteranges:
    """The frame of a multipart/byteranges message (sections 14.6 and 15.3.7.2).

    A request for a single range must not be answered with it: not every client reads it.

    Args:
        ranges: what is sent, in this order.
        complete_length: of the representation, bytes; None while it is not known.
        media_type: of the representation; an empty one is left out.
        boundary: 1 to 70 letters, digits or `'+_.-`, so random that it cannot stand in the content.
    """
    if not ranges:
        raise ValueError("a multipart message has at least one part")
    if not _boundary.fullmatch(boundary):
        raise ValueError(f"not a boundary: {boundary!r}")
    if _control.search(media_type):
        raise ValueError(f"not a media type: {media_type!r}")
    parts = tuple(
        (_part_head(index, byte_range, complete_length, media_type, boundary), byte_range)
        for index, byte_range in enumerate(ranges)
    )
    closing = f"\r\n--{boundary}--\r\n".encode("ascii")
    return MultipartByteranges(
        media_type=f"multipart/byteranges; boundary={boundary}",
        content_length=sum(len(head) + byte_range.length for head, byte_range in parts) + len(closing),
        parts=parts,
        closing=closing,
    )


def _byte_range_set(field: str | None) -> str | None:
    # Names of range units are case-insensitive (section 14.1).
    if field is None:
        return None
    unit, equals, range_set = field.strip(" \t").partition("=")
    return range_set if equals and unit.lower() == "bytes" else None


def _resolve(range_spec: str, complete_length: int) -> ByteRange | None:
    # None: well formed, but outside of the representation.
    match = _range_spec.fullmatch(range_spec)
    if match is None or not any(match.groups()):
        raise RangeNotSatisfiable("A range is malformed.")
    first, last = match.groups()
    if not first:
        return _suffix(int(last), complete_length)
    first_pos = int(first)
    last_pos = int(last) if last else max(first_pos, complete_length - 1)
    if last_pos < first_pos:
        # Section 14.1.1: such an int-range is invalid, and with it the whole set.
        raise RangeNotSatisfiable("A range ends before it begins.")
    if first_pos >= complete_length:
        return None
    return ByteRange(first_pos, min(last_pos, complete_length - 1))


def _suffix(suffix_length: int, complete_length: int) -> ByteRange | None:
    # The last zero bytes are no range; more than all bytes are all bytes (section 14.1.2).
    if suffix_length == 0 or complete_length == 0:
        return None
    return ByteRange(max(0, complete_length - suffix_length), complete_length - 1)


def _overlap(ranges: Iterable[ByteRange]) -> bool:
    # Sorted by where they begin, ranges overlap exactly when one begins before its forerunner has ended.
    ordered = sorted(ranges, key=lambda byte_range: byte_range.first_pos)
    return any(after.first_pos <= before.last_pos for before, after in pairwise(ordered))


def _part_head(
    index: int, byte_range: ByteRange, complete_length: int | None, media_type: str, boundary: str
) -> bytes:
    # The CRLF before a delimiter belongs to the delimiter (RFC 2046); the first part needs none.
    delimiter = f"\r\n--{boundary}\r\n" if index else f"--{boundary}\r\n"
    content_type = f"Content-Type: {media_type}\r\n" if media_type else ""
    label = f"Content-Range: {content_range(byte_range, complete_length)}\r\n\r\n"
    return (delimiter + content_type + label).encode("latin-1")
