"""Text: playlists that make a program open other files, markup that a browser runs, and plain text.

Part of `media_types`. The first two are told apart by content alone, since they can do harm under any
name; among plain text the name chooses. This module must not be asked before the binary formats were.
"""

from __future__ import annotations

import codecs
import re

# Tab, line feed, form feed, carriage return and escape are text; the other controls are what section 3 of
# the MIME Sniffing Standard calls binary data bytes.
_binary = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_space = b"\t\n\f\r "

# ffmpeg reads each of these as a "video" and then opens what it names: CVE-2016-1897, CVE-2017-9993,
# CVE-2023-6602 to 6605. So each has a type that no video preset accepts.
_PLAYLISTS = (
    (b"#EXTM3U", "application/vnd.apple.mpegurl"),
    (b"ffconcat version", "application/x-ffconcat"),
    (b"v=0", "application/sdp"),
    (b"[playlist]", "application/x-scpls"),
    (b"[Reference]", "application/x-asx"),
)

_ROOTS = {  # of XML documents whose type matters, in lower case
    "svg": "image/svg+xml",
    "html": "application/xhtml+xml",
    "mpd": "application/dash+xml",
    "smil": "application/smil+xml",
    "asx": "application/x-asx",
    "smoothstreamingmedia": "application/vnd.ms-sstr+xml",
    "playlist": "application/xspf+xml",
    "tt": "application/ttml+xml",
    "rss": "application/rss+xml",
    "feed": "application/atom+xml",
}
# A text that begins with one of these is HTML: the table of section 7.1 of the MIME Sniffing Standard, and
# what fragments of pages begin with.
_HTML_ELEMENTS = frozenset(
    {
        *("html", "head", "script", "iframe", "h1", "div", "font", "table", "a", "style", "title", "b"),
        *("body", "br", "p", "meta", "link", "img", "video", "audio", "object", "embed", "form", "base"),
        *("template", "main", "section", "article"),
    }
)

_doctype_html = re.compile(rb"<!doctype\s+html\b", re.IGNORECASE)
_subset_end = re.compile(rb"\][\t\n\f\r ]*>")
_element = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,60}:)?([A-Za-z_][\w.-]{0,60})(?=[\s/>])")

# Types of plain text that do no harm as long as the content is plain text, by the ending of a name.
_ENDINGS = {
    "css": "text/css",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "js": "text/javascript",
    "mjs": "text/javascript",
    "json": "application/json",
    "map": "application/json",
    "geojson": "application/geo+json",
    "jsonld": "application/ld+json",
    "webmanifest": "application/manifest+json",
    "md": "text/markdown",
    "markdown": "text/markdown",
    "srt": "application/x-subrip",
    "ics": "text/calendar",
    "vcf": "text/vcard",
    "toml": "application/toml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "m3u": "application/vnd.apple.mpegurl",
    "m3u8": "application/vnd.apple.mpegurl",
}


def playlist_type(head: bytes) -> str | None:
    """The type of a playlist or of a session description in plain text, or None."""
    text = _without_mark(head).lstrip(_space)
    for beginning, media_type in _PLAYLISTS:
        if text[: len(beginning)].lower() == beginning.lower():
            return None if media_type == "application/sdp" and text[3:4] not in (b"\r", b"\n") else media_type
    return None


def markup_type(head: bytes) -> str | None:
    """The type of an HTML or XML document, by its first element, or None.

    Declaration, comments and document type may come before it; comments of HTML too.
    """
    text = _without_mark(head).lstrip(_space)
    if not text.startswith(b"<"):
        return None
    declared = text.startswith(b"<?xml")
    while text.startswith((b"<?", b"<!")):
        if _doctype_html.match(text) and not declared:
            return "text/html"
        text = _after_prolog(text).lstrip(_space)
    return _root_type(text, declared)


def _root_type(text: bytes, declared: bool) -> str | None:
    if (element := _element.match(text)) is not None:
        name = element[1].decode().lower()
        if not declared and name in _HTML_ELEMENTS:
            return "text/html"
        if name in _ROOTS:
            return _ROOTS[name]
    return "application/xml" if declared else None


def _after_prolog(text: bytes) -> bytes:
    """What follows a comment, a processing instruction or a document type; nothing if it has no end."""
    if text.startswith(b"<!--"):
        end = b"-->"
    elif text.startswith(b"<?"):
        end = b"?>"
    else:
        close = _subset_end.search(text) if 0 <= text.find(b"[") < text.find(b">") else None
        return text[close.end() :] if close else text.partition(b">")[2]
    return text.partition(end)[2]


def is_utf8(head: bytes) -> bool:
    """Whether this is plain text in UTF-8; the last character may be cut off."""
    if _binary.search(head):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def is_utf16(head: bytes) -> bool:
    """Whether this is text in UTF-16 with a byte order mark; the last character may be cut off."""
    if not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return False
    try:
        text = codecs.getincrementaldecoder("utf-16")().decode(head)
    except UnicodeDecodeError:
        return False
    return not any(char < " " and char not in "\t\n\f\r\x1b" for char in text)


def text_type(head: bytes, name: str = "") -> str | None:
    """The type of plain text; only here a name has a say.

    Args:
        head: the first bytes; None is the answer when they are no plain text in UTF-8.
        name: of the file.
    """
    if not is_utf8(head):
        return None
    return _ENDINGS.get(name.rpartition(".")[2].lower(), "text/plain") if "." in name else "text/plain"


def _without_mark(head: bytes) -> bytes:
    return head.removeprefix(codecs.BOM_UTF8)
