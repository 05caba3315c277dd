"""The engine `segment`: one segment of a copied picture, or of a copied or an encoded sound, for HLS.

Runs in worker processes only. Each segment is made by itself, in any order and by any process, and its bytes
depend on nothing but the source and its place. Pictures that are encoded are made by ffmpeg (`jobs/runs`).
"""

from __future__ import annotations

import os
from fractions import Fraction

import av

from tornado_media.engines import reopen, segment_copy, segment_encode, segment_head
from tornado_media.engines.probe import open_container
from tornado_media.engines.segment_reader import Reader
from tornado_media.engines.streams import is_decoded
from tornado_media.errors import SourceUnusable


def segment(
    source: int,
    media_type: str,
    *,
    stream: int,
    copy: bool,
    number: int | None,
    begin: float,
    end: float | None,
) -> bytes:
    """A media segment of fragmented MP4, or the initialization segment for all of them.

    Args:
        source: open descriptor of the file.
        media_type: of the source, by its content.
        stream: index of the picture or the sound.
        copy: its samples are copied; else it is a sound, which is encoded as AAC.
        number: of the segment; None for the initialization segment.
        begin: of the segment, seconds from media time 0; of a picture, the time of a sync sample.
        end: likewise, of the next segment; None for the last one.

    Raises:
        SourceUnusable: no such stream, or too damaged to be opened or read.
    """
    descriptor = reopen(source)
    try:
        with open_container(descriptor, media_type) as container:
            reader = Reader(container, stream, None if copy else "audio")
            if not copy and not is_decoded(reader.codec):
                raise SourceUnusable("This sound is of a kind that is not decoded.")
            if number is None:
                return segment_head.copied(reader) if copy else segment_head.encoded(reader)
            span = Fraction(begin), None if end is None else Fraction(end)
            if not copy:
                return segment_encode.segment(reader, number, *span)
            copied = segment_copy.picture if reader.stream.type == "video" else segment_copy.sound
            return copied(reader, number, *span)
    except (av.FFmpegError, ValueError, ArithmeticError, OSError) as error:
        raise SourceUnusable(
            "This file is damaged or of a kind that cannot be read.", private=repr(error)
        ) from error
    finally:
        os.close(descriptor)
