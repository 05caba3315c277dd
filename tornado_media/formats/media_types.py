"""The media type of bytes, found in the bytes: what a source is, whatever its name says.

Asked by `sources` for every file it opens. Presets then accept the type, programs are told it (`jpeg:-`,
`-f matroska`), and clients get it beside `nosniff`. So a playlist named `.mp4` is no video here, and a
script named `.jpg` no picture. This module must not read files, and it must not trust a name: a name only
says which harmless kind of text a text is.

The rules are our own table, in the order of the MIME Sniffing Standard (https://mimesniff.spec.whatwg.org),
and not a library's. puremagic 1.30, which does without libmagic, was tried on 67 files, most of them
just made by ffmpeg and Pillow: for 12 it had a wrong type or none. A transport stream was TypeScript, since
it lets the extension decide, JPEG 2000 was JPEG, an SVG with a declaration any XML; M4A, HEIF, Ogg video and
ffconcat had no name.
"""

from __future__ import annotations

from tornado_media.errors import SourceUnusable
from tornado_media.formats.containers import (
    asf_type,
    ebml_type,
    iso_bmff_type,
    mpeg_audio_type,
    ogg_type,
    transport_stream,
    zip_type,
)
from tornado_media.formats.signatures import signature_type
from tornado_media.formats.subtitles import subtitle_type
from tornado_media.formats.texts import is_utf8, is_utf16, markup_type, playlist_type, text_type

SNIFF_LENGTH = 4096
"""Bytes from the beginning that tell the type. The standard reads 1445; the comments and the document type
before the first element of an SVG may be longer, and 4096 holds 21 packets of an MPEG transport stream."""

UNKNOWN = "application/octet-stream"
"""The type of bytes that nothing recognizes: a client saves them and a preset does not accept them."""

# What programs call a format: ImageMagick's coder for an image, ffmpeg's demuxer for a video or a sound.
# Only what is here is ever told to a program: a coder that reads other files (msl, mvg, label) cannot be.
_SOURCE_FORMATS = {
    "image/avif": "avif",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/heic-sequence": "heic",
    "image/heif": "heic",
    "image/heif-sequence": "heic",
    "image/j2c": "j2c",
    "image/jp2": "jp2",
    "image/jpeg": "jpeg",
    "image/jxl": "jxl",
    "image/jxr": "jxr",
    "image/png": "png",
    "image/qoi": "qoi",
    "image/svg+xml": "svg",
    "image/tiff": "tiff",
    "image/vnd.adobe.photoshop": "psd",
    "image/vnd.microsoft.icon": "ico",
    "image/vnd.ms-dds": "dds",
    "image/vnd.radiance": "hdr",
    "image/webp": "webp",
    "image/x-canon-cr2": "cr2",
    "image/x-canon-cr3": "cr3",
    "image/x-exr": "exr",
    "image/x-portable-anymap": "pnm",
    "image/x-xcf": "xcf",
    "application/pdf": "pdf",
    "audio/aac": "aac",
    "audio/aiff": "aiff",
    "audio/amr": "amr",
    "audio/basic": "au",
    "audio/flac": "flac",
    "audio/mp4": "mp4",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/webm": "webm",
    "audio/x-ape": "ape",
    "audio/x-caf": "caf",
    "audio/x-matroska": "matroska",
    "audio/x-ms-wma": "asf",
    "audio/x-wavpack": "wv",
    "text/plain": "txt",
    "text/vtt": "webvtt",
    "application/x-subrip": "srt",
    "text/x-ssa": "ass",
    "video/3gpp": "3gp",
    "video/3gpp2": "3g2",
    "video/mp2t": "mpegts",
    "video/mp4": "mp4",
    "video/mpeg": "mpeg",
    "video/ogg": "ogg",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/x-matroska": "matroska",
    "video/x-ms-asf": "asf",
    "video/x-ms-wmv": "asf",
    "video/x-msvideo": "avi",
}


def tag_length(head: bytes) -> int:
    """Bytes of the ID3v2 tag in front of a sound, or 0 (https://id3.org/id3v2.4.0-structure section 3.1).

    ffmpeg skips such a tag whatever follows, so what follows has to be looked at: a playlist, perhaps.

    Args:
        head: the first bytes of a file.
    """
    if head[:3] != b"ID3" or len(head) < 10 or max(head[6:10]) > 127 or 255 in head[3:5]:
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)


def media_type(head: bytes, name: str = "", tagged: bytes = b"") -> str:
    """The media type of a file, without parameters.

    A `text/...` type is promised to be UTF-8, or UTF-16 with a byte order mark. Text in any other encoding
    is `application/octet-stream`: nobody could say which.

    Args:
        head: the first SNIFF_LENGTH bytes, or all there are.
        name: its ending tells CSS from Markdown when the bytes are plain text, and nothing else.
        tagged: where `tag_length(head)` is not 0, the SNIFF_LENGTH bytes behind the tag, or behind all tags
            where there are several; what is behind a tag that is not in sight is unknown.
    """
    if length := tag_length(head):
        behind = tagged or head[length:]
        while further := tag_length(behind):
            if further >= len(behind):
                return UNKNOWN
            behind = behind[further:]
        # A true tag is never text: its version has a zero in it.
        return playlist_type(behind) or text_type(head, name) or _tagged_type(behind)
    # A transport stream last: its mark is a letter, which any text can have at the right places.
    return (
        _binary_type(head)
        or playlist_type(head)
        or _text_type(head, name)
        or ("video/mp2t" if transport_stream(head) else UNKNOWN)
    )


def source_format(media_type: str) -> str:
    """What programs call the format of a media type: ImageMagick's coder, ffmpeg's demuxer.

    Args:
        media_type: from `media_type`.

    Raises:
        SourceUnusable: no program should be told to read it.
    """
    try:
        return _SOURCE_FORMATS[media_type]
    except KeyError:
        raise SourceUnusable(f"Programs have no name for the format of {media_type}.") from None


def _binary_type(head: bytes) -> str | None:
    return (
        signature_type(head)
        or iso_bmff_type(head)
        or ebml_type(head)
        or ogg_type(head)
        or asf_type(head)
        or zip_type(head)
        or mpeg_audio_type(head)
    )


def _tagged_type(tagged: bytes) -> str:
    if not tagged.strip(b"\0"):
        return "audio/mpeg"  # out of sight behind a cover picture, or padded: what nearly all such files are
    found = signature_type(tagged) or mpeg_audio_type(tagged)
    if found is None:
        return UNKNOWN if is_utf8(tagged) else "audio/mpeg"
    return found if found.startswith("audio/") else UNKNOWN


def _text_type(head: bytes, name: str) -> str | None:
    if found := markup_type(head) or subtitle_type(head):
        return found
    if is_utf16(head):
        return "text/plain"
    return text_type(head, name) if is_utf8(head) else None
