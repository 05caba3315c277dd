"""Containers: the type is inside, in a brand, a document type or the codec of the first stream.

Part of `media_types`. Only what tells one media type from another is read here, within the first bytes of a
file; this module must not check that the rest is well-formed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

# Brands of ISO/IEC 14496-12 file type boxes and their types (https://mp4ra.org/registered-types/brands).
# A still or moving image first says only which structure it has; then the other brands tell the codec.
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic-sequence",
    b"hevx": "image/heic-sequence",
    b"hevm": "image/heic-sequence",
    b"hevs": "image/heic-sequence",
    b"crx ": "image/x-canon-cr3",
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"M4P ": "audio/mp4",
    b"F4A ": "audio/mp4",
    b"F4B ": "audio/mp4",
}
_IMAGE_STRUCTURES = {b"mif1": "image/heif", b"mif2": "image/heif", b"msf1": "image/heif-sequence"}
_mobile_brand = re.compile(rb"3g([2pegrsht])")
_video_brand = re.compile(
    rb"iso[0-9a-z]|isml|piff|mp[47][12]|avc[13]|M4V[ HP]|F4V |MSNV|NDSC|NDX.|cm[f2].|dash|dby1|f4v "
)

# Old QuickTime files have no file type box. These boxes come first in them, in the order of likelihood.
_QUICKTIME_BOXES = frozenset({b"moov", b"mdat", b"wide", b"pnot"})
_FRAGMENT_BOXES = frozenset({b"styp", b"moof", b"sidx"})


def iso_bmff_type(head: bytes) -> str | None:
    """The type of an ISO base media file, by its brands."""
    size, kind = int.from_bytes(head[:4], "big"), head[4:8]
    if kind in _QUICKTIME_BOXES and (size in (0, 1) or size >= 8) and head[0] < 0x20:
        return "video/quicktime"
    if kind in _FRAGMENT_BOXES and 8 <= size < 1 << 20:
        return "video/mp4"
    # The size keeps out HTML that has "ftyp" at the right place: "<!--" would be a box of a gigabyte.
    if kind != b"ftyp" or size % 4 or not 16 <= size <= 1024:
        return None
    major, others = head[8:12], {head[at : at + 4] for at in range(16, min(size, len(head)), 4)}
    if major in _IMAGE_STRUCTURES:
        codecs = [_BRANDS[brand] for brand in sorted(others) if _BRANDS.get(brand, "").startswith("image/")]
        return codecs[0] if codecs else _IMAGE_STRUCTURES[major]
    return _brand_type(major) or next(filter(None, map(_brand_type, sorted(others))), None)


def _brand_type(brand: bytes) -> str | None:
    if (found := _BRANDS.get(brand)) is not None:
        return found
    if (mobile := _mobile_brand.match(brand)) is not None:
        return "video/3gpp2" if mobile[1] == b"2" else "video/3gpp"
    return "video/mp4" if _video_brand.match(brand) else None


# Element IDs of RFC 8794 section 11.2 and of RFC 9559 section 5.
_EBML, _DOC_TYPE, _SEGMENT, _TRACKS, _TRACK_ENTRY, _TRACK_TYPE = (
    0x1A45DFA3, 0x4282, 0x18538067, 0x1654AE6B, 0xAE, 0x83,
)  # fmt: skip
_VIDEO_TRACK, _AUDIO_TRACK = 1, 2


def ebml_type(head: bytes) -> str | None:
    """The type of a Matroska or WebM file: DocType names it; without a video track it is a sound."""
    if head[:4] != b"\x1a\x45\xdf\xa3":
        return None
    top = dict(islice(_elements(head), 2))
    doc_type = dict(_elements(top.get(_EBML, b""))).get(_DOC_TYPE, b"").rstrip(b"\0")
    name = {b"webm": "webm", b"matroska": "x-matroska"}.get(doc_type)
    if name is None:
        return None
    tracks = next((inner for key, inner in _elements(top.get(_SEGMENT, b"")) if key == _TRACKS), b"")
    types = {
        int.from_bytes(dict(_elements(entry)).get(_TRACK_TYPE, b""), "big")
        for key, entry in _elements(tracks)
        if key == _TRACK_ENTRY
    }
    return f"audio/{name}" if _AUDIO_TRACK in types and _VIDEO_TRACK not in types else f"video/{name}"


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """EBML elements in order, each with as much of its content as there is."""
    position = 0
    while position < len(data):
        id_length = 9 - data[position].bit_length()
        key = int.from_bytes(data[position : position + id_length], "big")
        position += id_length
        if id_length > 4 or position >= len(data):
            return
        length = 9 - data[position].bit_length()
        if length > 8:
            return
        size = int.from_bytes(data[position : position + length], "big") & (1 << 7 * length) - 1
        if size == (1 << 7 * length) - 1:  # unknown: live streams have it, up to the end
            size = len(data)
        position += length
        yield key, data[position : position + size]
        position += size


_OGG_VIDEO = (b"\x80theora", b"BBCD\0", b"\x01video\0", b"OVP80", b"\x80daala")
_OGG_AUDIO = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ", b"PCM     ")


def ogg_type(head: bytes) -> str | None:
    """The type of an Ogg file, by the codecs that its first pages name (RFC 3533 section 6, RFC 5334)."""
    if head[:5] != b"OggS\0":
        return None
    sound, position = False, 0
    while head[position : position + 5] == b"OggS\0" and position + 27 < len(head):
        flags, segments = head[position + 5], head[position + 26]
        if not flags & 2:  # not the beginning of a stream: those pages come before all others
            break
        content = position + 27 + segments
        if head.startswith(_OGG_VIDEO, content):
            return "video/ogg"
        sound = sound or head.startswith(_OGG_AUDIO, content)
        position = content + sum(head[position + 27 : content])
    return "audio/ogg" if sound else "application/ogg"


_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_VIDEO = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
_ASF_AUDIO = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")


def asf_type(head: bytes) -> str | None:
    """The type of an ASF file, by the stream types in its header (ASF specification, section 10.4)."""
    if not head.startswith(_ASF_HEADER):
        return None
    if _ASF_VIDEO in head:
        return "video/x-ms-wmv"
    return "audio/x-ms-wma" if _ASF_AUDIO in head else "video/x-ms-asf"


# Only these: what a ZIP calls itself must not become text/html.
_zip_names_itself = re.compile(
    rb"PK\x03\x04.{22}\x08\0.{2}mimetype"
    rb"(application/(?:epub\+zip|vnd\.oasis\.opendocument\.[a-z]{1,20}|vnd\.comicbook\+zip))(?![a-z.+-])",
    re.DOTALL,
)


def zip_type(head: bytes) -> str | None:
    """The type of a ZIP file, or of a document that is one and says so at its beginning."""
    if (document := _zip_names_itself.match(head)) is not None:
        return document[1].decode()
    return "application/zip" if head[:4] in {b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"} else None


# Bit rates in kbit/s by MPEG-1 or MPEG-2, and layer (ISO/IEC 11172-3 section 2.4.2.3, 13818-3).
_BIT_RATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def mpeg_audio_type(head: bytes) -> str | None:
    """The type of bare MPEG audio: two frames in a row, each where the one before says that it ends.

    The second frame may be out of sight, or not there, only in a file that is one whole frame.
    """
    for media_type, frame_length in (("audio/aac", _adts_length), ("audio/mpeg", _layer_length)):
        length = frame_length(head)
        if length and (frame_length(head[length:]) or length == len(head)):
            return media_type
    return None


def _layer_length(frame: bytes) -> int:
    """Bytes of an MPEG audio frame of layer I to III, or 0 (the formula of section 2.4.3.1)."""
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0:
        return 0
    version, layer = frame[1] >> 3 & 3, 4 - (frame[1] >> 1 & 3)
    rate, sample_rate, padding = frame[2] >> 4, frame[2] >> 2 & 3, frame[2] >> 1 & 1
    if version == 1 or layer == 4 or rate in (0, 15) or sample_rate == 3:
        return 0
    bits = 1000 * _BIT_RATES[1 if version == 3 else 2, layer][rate - 1]
    hertz = _SAMPLE_RATES[version][sample_rate]
    if layer == 1:
        return (12 * bits // hertz + padding) * 4
    return (72 if layer == 3 and version != 3 else 144) * bits // hertz + padding


def _adts_length(frame: bytes) -> int:
    """Bytes of an AAC frame in ADTS (ISO/IEC 13818-7 section 6.2), or 0."""
    if len(frame) < 7 or frame[0] != 0xFF or frame[1] & 0xF6 != 0xF0 or frame[2] >> 2 & 15 > 12:
        return 0
    length = (frame[3] & 3) << 11 | frame[4] << 3 | frame[5] >> 5
    return length if length > 7 else 0


def transport_stream(head: bytes) -> bool:
    """Whether these are packets of an MPEG transport stream (ISO/IEC 13818-1 section 2.4.3.2).

    A recording may begin inside a packet. Packets are 188 bytes, 192 with a time code in front (Blu-ray),
    204 with error correction behind. Five in a row is what ffmpeg asks for too; a short file may have less.
    """
    for packet in (188, 192, 204):
        for start in range(min(packet, len(head))):
            if head[start] == 0x47:
                rest = head[start::packet]
                if rest.count(0x47) == len(rest) and (len(rest) >= 5 or _is_short(head, start, packet)):
                    return True
    return False


def _is_short(head: bytes, start: int, packet: int) -> bool:
    return start in (0, 4) and packet == 188 and len(head) % packet == 0
