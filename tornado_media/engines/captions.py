"""The engine `captions`: a file of subtitles as WebVTT. Runs in worker processes only, as all that strangers
sent is read by regular expressions there."""

from __future__ import annotations

import os

from tornado_media.errors import SourceUnusable
from tornado_media.formats.subtitles import to_webvtt

LARGEST = 8 * 1024 * 1024
"""Bytes of a file: a hundred times those of a film's subtitles."""


def captions(source: int, media_type: str, *, charset: str | None = None) -> bytes:
    """A file of subtitles as WebVTT in UTF-8.

    Args:
        source: open descriptor of the file: SubRip, WebVTT or SubStation Alpha, by its content.
        media_type: of the source, by its content.
        charset: of a file without a byte order mark; None: found out.

    Raises:
        SourceUnusable: there are no subtitles in it, or it is too large.
    """
    size = os.fstat(source).st_size
    if size > LARGEST:
        raise SourceUnusable(f"Subtitles of more than {LARGEST} bytes are not read; these have {size}.")
    return to_webvtt(os.pread(source, size, 0), charset).encode()
