"""How ffmpeg is told to give one track of a film by itself: a sound, or subtitles. Pure."""

from __future__ import annotations

from typing import Literal

from tornado_media.errors import SourceUnusable
from tornado_media.formats.facts import VideoFacts
from tornado_media.formats.safety import Command, common, safe_input
from tornado_media.formats.sound import copied, stereo_aac

AudioFormat = Literal["m4a", "opus"]

AUDIO_TYPES: dict[AudioFormat, str] = {"m4a": "audio/mp4", "opus": "audio/webm"}
"""Media types of the results."""

_FRAGMENT_MICROSECONDS = 1_000_000

_COPIES: dict[AudioFormat, frozenset[str]] = {
    "m4a": frozenset({"aac", "mp3", "ac3", "eac3", "flac", "alac", "opus"}),
    "opus": frozenset({"opus"}),
}
"""Codecs that can be in such a file as they are."""

# Opus in WebM and not in Ogg: Safari plays it since 2021 and Ogg since 2024; the others play both. A cluster
# begins every second, so that a player need not wait for the default of 5.
_MUXERS: dict[AudioFormat, Command] = {
    "m4a": (
        *("-movflags", "+empty_moov+delay_moov+default_base_moof+skip_trailer"),
        *("-frag_duration", str(_FRAGMENT_MICROSECONDS), "-f", "mp4"),
    ),
    "opus": ("-cluster_time_limit", "1000", "-f", "webm"),
}


def audio_only(
    source: str,
    facts: VideoFacts,
    *,
    stream: int,
    format: AudioFormat,  # noqa: A002 (the word of the URL)
    copy: bool,
    bit_rate: int,
    media_type: str | None = None,
) -> tuple[Command, ...]:
    """One sound of a source on stdout, without pictures: AAC in fragmented MP4, or Opus in WebM.

    Args:
        source: the file's absolute path.
        facts: what the probe has found in it.
        stream: index of the sound.
        format: `m4a` or `opus`.
        copy: not encoded, where its codec can be in such a file.
        bit_rate: kbit/s of what is encoded; two channels.
        media_type: by our own look at the source's bytes.

    Raises:
        SourceUnusable: there is no such sound.
    """
    found = next((sound for sound in facts.audio if sound.index == stream), None)
    if found is None:
        raise SourceUnusable(f"There is no sound with index {stream} in this source.")
    if copy and found.codec in _COPIES[format]:
        codec = copied(facts, stream)
    elif format == "m4a":
        codec = stereo_aac(bit_rate)
    else:
        resampled = ("-af", "aresample=async=1:first_pts=0")
        codec = ("-c:a", "libopus", "-ac", "2", "-ar", "48000", "-b:a", f"{bit_rate}k", *resampled)
    command = (
        *_only("-vn", "-sn", "-dn", source=source, stream=stream, media_type=media_type),
        *(*codec, *_MUXERS[format], "pipe:1"),
    )
    return (command,)


def subtitles(
    source: str, facts: VideoFacts, *, stream: int, media_type: str | None = None
) -> tuple[Command, ...]:
    """Subtitles that are text, as WebVTT on stdout: each cue as soon as it has been found.

    Nothing else of the source is decoded, and of a container with an index nothing else is read.

    Args:
        source: the file's absolute path.
        facts: what the probe has found in it.
        stream: index of the subtitles.
        media_type: by our own look at the source's bytes.

    Raises:
        SourceUnusable: there are no such subtitles, or they are pictures.
    """
    found = next((track for track in facts.subtitles if track.index == stream), None)
    if found is None:
        raise SourceUnusable(f"There are no subtitles with index {stream} in this source.")
    if not found.text:
        raise SourceUnusable(f"The subtitles with index {stream} are pictures, not text.")
    command = (
        *_only("-vn", "-an", "-dn", source=source, stream=stream, media_type=media_type),
        *("-c:s", "webvtt", "-flush_packets", "1", "-f", "webvtt", "pipe:1"),
    )
    return (command,)


def _only(*without: str, source: str, stream: int, media_type: str | None) -> Command:
    # Before the input: what is not meant is not even taken out of the container.
    return (
        *(*common(), *without, *safe_input(source, media_type=media_type, threads=1)),
        *("-map", f"0:{stream}", "-map_metadata", "-1", "-map_chapters", "-1"),
    )
