"""Formats whose first bytes name them: a table of signatures, and the few that need one look more.

Part of `media_types`. This module must not decide between text formats (`texts`) nor look into containers
(`containers`).

A signature of two or three bytes is not enough where text may begin with the same: then more of the header
has to fit.
"""

from __future__ import annotations

import re

# In no order: none is the beginning of another. The bytes are those of the format's own specification.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),  # APNG too: every PNG decoder shows its first picture
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),  # BigTIFF
    (b"MM\0+", "image/tiff"),
    (b"II\xbc\x01", "image/jxr"),
    (b"8BPS\0\x01", "image/vnd.adobe.photoshop"),
    (b"8BPS\0\x02", "image/vnd.adobe.photoshop"),  # PSB, above 30,000 pixels
    (b"\xff\x0a", "image/jxl"),  # codestream; no UTF-8 text begins so
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/j2c"),
    (b"\x76\x2f\x31\x01", "image/x-exr"),
    (b"#?RADIANCE\n", "image/vnd.radiance"),
    (b"#?RGBE\n", "image/vnd.radiance"),
    (b"gimp xcf ", "image/x-xcf"),
    (b"DDS |\0\0\0", "image/vnd.ms-dds"),
    (b"\0\0\x01\xba", "video/mpeg"),  # program stream
    (b"\0\0\x01\xb3", "video/mpeg"),  # a bare video stream
    (b"FLV\x01", "video/x-flv"),
    (b"fLaC", "audio/flac"),
    (b"MThd\0\0\0\x06", "audio/midi"),
    (b"#!AMR", "audio/amr"),
    (b".snd\0\0\0", "audio/basic"),
    (b"caff\0\x01", "audio/x-caf"),
    (b"MAC \x96\x0f", "audio/x-ape"),
    (b"MAC \x8c\x0f", "audio/x-ape"),
    (b"wvpk", "audio/x-wavpack"),
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"{\\rtf", "application/rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"\0asm\x01\0\0\0", "application/wasm"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"OTTO\0", "font/otf"),
    (b"\0\x01\0\0\0", "font/ttf"),
    (b"ttcf\0", "font/collection"),
)

_FORMS = {  # of RIFF and IFF files: what stands at offset 8
    (b"RIFF", b"WEBP"): "image/webp",
    (b"RIFF", b"WAVE"): "audio/wav",
    (b"RF64", b"WAVE"): "audio/wav",
    (b"BW64", b"WAVE"): "audio/wav",
    (b"RIFF", b"AVI "): "video/x-msvideo",
    (b"FORM", b"AIFF"): "audio/aiff",
    (b"FORM", b"AIFC"): "audio/aiff",
}

# Sizes of the header behind the file header of a BMP, one for each version of the format.
_DIB_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})

# https://netpbm.sourceforge.net/doc/pnm.html: P1 to P6, a width and a height; comments may stand between.
# Every alternative begins with another character, so there is one way to match.
_gap = rb"(?:[ \t\r\n]|#[^\n]{0,500}\n)+"
_portable_anymap = re.compile(rb"P[1-6]%b[0-9]{1,9}%b[0-9]{1,9}[ \t\r\n#]" % (_gap, _gap))
_portable_arbitrary_map = re.compile(rb"P7\n(?:#[^\n]{0,500}\n)*(?:WIDTH|HEIGHT|DEPTH|MAXVAL|TUPLTYPE) ")
_quite_ok = re.compile(rb"qoif.{8}[\x03\x04][\x00\x01]", re.DOTALL)


def signature_type(head: bytes) -> str | None:
    """The media type that the first bytes name, or None.

    Args:
        head: the first bytes of a file.
    """
    if (form := _FORMS.get((head[:4], head[8:12]))) is not None:
        return form
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return _closer(head, media_type)
    if _is_bmp(head):
        return "image/bmp"
    if _is_icon(head):
        return "image/vnd.microsoft.icon"
    if _quite_ok.match(head):
        return "image/qoi"
    if _portable_anymap.match(head) or _portable_arbitrary_map.match(head):
        return "image/x-portable-anymap"
    return "application/x-tar" if head[257:262] == b"ustar" else None


def _closer(head: bytes, media_type: str) -> str | None:
    if media_type == "image/tiff" and head[8:10] == b"CR":
        return "image/x-canon-cr2"
    if media_type == "application/x-bzip2" and head[4:10] != b"1AY&SY":
        return None
    return media_type


def _is_bmp(head: bytes) -> bool:
    return (
        head[:2] == b"BM" and head[6:10] == bytes(4) and int.from_bytes(head[14:18], "little") in _DIB_HEADERS
    )


def _is_icon(head: bytes) -> bool:
    """An icon or a cursor: at least one picture, and its entry's reserved byte is 0, as is its size's top."""
    count = int.from_bytes(head[4:6], "little")
    entry = head[6:22]
    return (
        head[:4] in {b"\0\0\x01\0", b"\0\0\x02\0"} and 0 < count < 256 and len(entry) == 16 and entry[3] == 0
    )
