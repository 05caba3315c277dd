"""Whose a picture is: the copyright notice and its creator, found in EXIF, IPTC or XMP. Pure code.

What `strip=copyright` keeps of the metadata of a picture. Wherever the two texts were, they are written as
EXIF, which every reader of pictures knows; nothing else of the source goes into that block. The metadata is
of whoever made the picture: what cannot be read is not there, nothing is raised.

EXIF: CIPA DC-008 section 4.6.4 (Artist, Copyright); IPTC: Information Interchange Model 4.2 (2:80 By-line,
2:116 Copyright Notice); XMP: ISO 16684-1 section 8.4 (dc:creator, dc:rights).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from tornado_media.formats.exif import Tags, clean, decoded

_ARTIST, _COPYRIGHT = 0x013B, 0x8298
_BY_LINE, _NOTICE = 80, 116
_DC, _RDF = "{http://purl.org/dc/elements/1.1/}", "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_MOST_XMP = 1 << 20
"""Bytes of a packet that is read; a larger one is not about rights."""
_ASCII = 2


@dataclass(frozen=True, slots=True)
class Rights:
    """Two texts of one line; an empty one is not known.

    Args:
        creator: who made it.
        notice: the copyright notice.
    """

    creator: str = ""
    notice: str = ""

    def to_exif(self) -> bytes:
        """An EXIF block (with its prefix `Exif`) of these texts alone."""
        texts = [(_ARTIST, self.creator), (_COPYRIGHT, self.notice)]
        # of one directory: a count, entries of 12 bytes in ascending order, where the next one is (nowhere)
        fields = [(tag, text.encode() + b"\0") for tag, text in texts if text]
        at = 8 + 2 + 12 * len(fields) + 4
        entries = values = b""
        for tag, raw in fields:
            place = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack("<I", at + len(values))
            entries += struct.pack("<HHI", tag, _ASCII, len(raw)) + place
            values += b"" if len(raw) <= 4 else raw + b"\0" * (len(raw) % 2)
        return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(fields)) + entries + b"\0\0\0\0" + values


def find_rights(*, exif: bytes = b"", iptc: bytes = b"", xmp: bytes = b"") -> Rights:
    """The first creator and the first notice that are found, in this order.

    Args:
        exif: a block, with or without its prefix.
        iptc: data sets, or the resources of Photoshop that hold them.
        xmp: a packet.
    """
    tags, data_sets, packet = Tags(exif), _data_sets(iptc), _packet(xmp)
    creators = (tags.text(_ARTIST), data_sets.get(_BY_LINE), _property(packet, "creator"))
    notices = (tags.text(_COPYRIGHT), data_sets.get(_NOTICE), _property(packet, "rights"))
    return Rights(next(filter(None, creators), ""), next(filter(None, notices), ""))


def _data_sets(data: bytes) -> dict[int, str]:
    """The texts of record 2 by number; of a number that comes several times, the first."""
    found: dict[int, str] = {}
    for raw in _resources(data):
        at = 0
        while raw[at : at + 1] == b"\x1c" and at + 5 <= len(raw):
            record, number, size = struct.unpack_from(">BBH", raw, at + 1)
            if size & 0x8000:  # longer than a text is
                break
            if record == 2 and number not in found:
                found[number] = clean(decoded(raw[at + 5 : at + 5 + size]))
            at += 5 + size
    return found


def _resources(data: bytes) -> Iterator[bytes]:
    """Data sets, which lie bare or in a resource of Photoshop (number 0x0404)."""
    if not data.startswith(b"Photoshop 3.0\0"):
        yield data
        return
    at = 14
    while data[at : at + 4] == b"8BIM" and at + 7 <= len(data):
        number, name = struct.unpack_from(">HB", data, at + 4)
        at += 6 + name + 1 + (name + 1) % 2
        if at + 4 > len(data):
            return
        (size,) = struct.unpack_from(">I", data, at)
        if number == 0x0404:
            yield data[at + 4 : at + 4 + size]
        at += 4 + size + size % 2


def _packet(xmp: bytes) -> ElementTree.Element | None:
    # XMP has no document type; without one there are no entities that grow
    if len(xmp) > _MOST_XMP or b"<!DOCTYPE" in xmp:
        return None
    try:
        return ElementTree.fromstring(xmp.decode().strip("\0\ufeff \n\r\t"))  # noqa: S314, see above
    except (UnicodeDecodeError, ElementTree.ParseError):
        return None


def _property(packet: ElementTree.Element | None, name: str) -> str:
    """The text of a property of Dublin Core: of several, the first; else an attribute of that name."""
    if packet is None:
        return ""
    items = (item.text for item in packet.iterfind(f".//{_DC}{name}//{_RDF}li"))
    short = (entry.get(_DC + name) for entry in packet.iter(f"{_RDF}Description"))
    texts = (clean(text) for text in (*items, *short) if text)
    return next(filter(None, texts), "")
