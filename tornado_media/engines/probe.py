"""The engine `info`: what a video or a sound is made of, as JSON. Runs in worker processes only.

libav opens what strangers sent: it may read the one file that it was given, with the demuxer that our own
look at its first bytes has found or one that `formats.safety` lists, and decode only what is listed there. A
playlist or a script that calls itself a film is refused before it opens anything.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from fractions import Fraction

import av
import av.logging

from tornado_media.engines import reopen, timing_avi, timing_matroska, timing_mov
from tornado_media.engines.streams import Facts, is_cover, rounded, seconds, stream_facts, title_of
from tornado_media.engines.timing import Timing, by_packets
from tornado_media.errors import SourceUnusable
from tornado_media.formats.decide import playback, played
from tornado_media.formats.safety import DECODERS, DEMUXERS, MAX_PIXELS, demuxer_of

# Its log would go through Python on libav's own threads: a known deadlock, and only text for developers.
av.logging.set_level(None)

_DECODING = {"codec_whitelist": DECODERS, "max_pixels": str(MAX_PIXELS)}
_OPENING = {"protocol_whitelist": "fd", "format_whitelist": DEMUXERS, **_DECODING}

_NAMES = {"mov": "mov,mp4,m4a,3gp,3g2,mj2", "matroska": "matroska,webm"}
"""All names of a demuxer that was chosen by one of them."""

_UNSURE = frozenset({"aac", "ac3", "eac3", "amr", "mpegvideo", "m4v", "h264", "hevc", "vc1", "flv", "asf"})
"""Demuxers of bare streams, for which libav divides the size by a bit rate, and of containers whose header it
believes."""

_SURE = frozenset({"mpegts", "mpeg"})
"""Demuxers that look for the last time in a file, though not for the end of what has it."""

_MOST_STREAMS = 100
"""Streams and chapters that are told."""


def info(source: int, media_type: str, *, play: str | None = None) -> bytes:
    """What a video or a sound is made of and how it is played, as a JSON object in UTF-8.

    Times are in seconds from media time 0, which is the first timestamp of the file, and bit rates in bits a
    second; what is not known is null. `formats.facts` has the words.

    Args:
        source: open descriptor of the file.
        media_type: of the source, by its content.
        play: the codecs that a client plays, as `decide.played` has them; `playback` is for it.

    Raises:
        SourceUnusable: not a video or sound, or too damaged to be opened.
    """
    descriptor = reopen(source)
    try:
        with open_container(descriptor, media_type) as container:
            facts = {"media_type": media_type} | _facts(container, descriptor)
        facts["playback"] = playback(facts, played(play))
    except (av.FFmpegError, ValueError, ArithmeticError, OSError) as error:
        raise SourceUnusable(
            "This file is damaged or not a video or sound that can be read.", private=repr(error)
        ) from error
    finally:
        os.close(descriptor)
    if not facts["streams"]:
        raise SourceUnusable("There is neither video nor sound in this file.")
    return json.dumps(facts, ensure_ascii=False, allow_nan=False).encode()


def open_container(descriptor: int, media_type: str | None = None) -> av.container.InputContainer:
    """Open a file by its descriptor, which libav reads from its first byte on; a context manager.

    Nothing but what is listed in `formats.safety` is ever decoded out of it.

    Args:
        descriptor: open for reading.
        media_type: of the source, by its content; it says which demuxer reads it.

    Raises:
        FFmpegError: it cannot be opened, or is of a kind that may not be.
    """
    # libav reads the descriptor itself: no name is opened, and no byte comes through Python.
    options = {**_OPENING, "fd": str(descriptor)}
    container = av.open(
        "fd:", mode="r", format=demuxer_of(media_type), options=options, metadata_errors="replace"
    )
    for stream in container.streams:
        codec: av.CodecContext | None = stream.codec_context
        if codec is not None:
            codec.options = _DECODING
    return container


def duration_of(container: av.container.InputContainer) -> float | None:
    """How long a file says that it lasts, in seconds; None where nothing says it."""
    whole = seconds(container.duration, Fraction(1, av.time_base))
    if whole is not None and whole > 0:
        return whole
    known = [seconds(stream.duration, stream.time_base) for stream in container.streams]
    return max((length for length in known if length is not None and length > 0), default=None)


def _facts(container: av.container.InputContainer, descriptor: int) -> Facts:
    stated = duration_of(container)
    began = Fraction(container.start_time or 0, av.time_base)
    size = os.fstat(descriptor).st_size
    streams = list(container.streams)[:_MOST_STREAMS]
    found = _timings(container, streams, descriptor)
    ends = [timing.end for timing in found.values() if timing.end is not None]
    duration = rounded(max(ends) - float(began)) if ends else stated
    if duration is not None and duration <= 0:
        duration = None
    bits = round(8 * size / duration) if duration else container.bit_rate
    return {
        "container": _NAMES.get(container.format.name, container.format.name),
        "duration": duration,
        "stated_duration": stated,
        "start_time": rounded(began),
        "bit_rate": bits or None,
        "size": size,
        "streams": [stream_facts(stream, found.get(stream.index, Timing()), began) for stream in streams],
        "chapters": _chapters(container, began),
    }


def _timings(
    container: av.container.InputContainer, streams: Sequence[av.stream.Stream], descriptor: int
) -> Mapping[int, Timing]:
    """What index and packets tell of pictures and sounds."""
    names = container.format.name.split(",")
    timed = [s for s in streams if s.type in ("video", "audio") and s.time_base and not is_cover(s)]
    if "mov" in names:
        return timing_mov.by_tables(container, timed, descriptor)
    if "matroska" in names:
        return timing_matroska.by_cues(container, timed, descriptor)
    if "avi" in names:
        return timing_avi.by_list(container, timed, descriptor)
    if _SURE.isdisjoint(names) and _UNSURE.isdisjoint(names) and container.duration is not None:
        return {}
    return by_packets(container, timed, sure=not _SURE.isdisjoint(names))


def _chapters(container: av.container.InputContainer, began: Fraction) -> list[Facts]:
    found: list[Facts] = []
    for chapter in container.chapters()[:_MOST_STREAMS]:
        base = chapter["time_base"]
        if base is None or chapter["end"] < chapter["start"]:
            continue
        start, end = (max(0.0, rounded(chapter[edge] * base - began)) for edge in ("start", "end"))
        found.append({"start": start, "end": end, "title": title_of(chapter["metadata"])})
    return found
