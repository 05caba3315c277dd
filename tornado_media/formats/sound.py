"""What ffmpeg is told about sound, in any command. Pure."""

from __future__ import annotations

from tornado_media.formats.facts import VideoFacts
from tornado_media.formats.safety import Command

_ADTS = frozenset({"mpegts", "mpeg", "aac"})
"""Demuxers whose AAC has a header in each packet, which MP4 has not."""


def stereo_aac(bit_rate: int = 128) -> Command:
    """Arguments for sound that plays anywhere: AAC, two channels, 48 kHz.

    Args:
        bit_rate: kbit/s.
    """
    # async fills holes in the timestamps with silence; first_pts does so when the sound begins late
    resampled = ("-af", "aresample=async=1:first_pts=0")
    return ("-c:a", "aac", "-ac", "2", "-ar", "48000", "-b:a", f"{bit_rate}k", *resampled)


def copied(facts: VideoFacts, stream: int | None = None) -> Command:
    """Arguments for sound that is copied into MP4.

    Args:
        facts: what the probe has found.
        stream: index of the sound; None: the first one.
    """
    chosen = next((sound for sound in facts.audio if stream is None or sound.index == stream), None)
    headed = chosen is not None and chosen.codec == "aac" and _ADTS.intersection(facts.demuxers)
    return ("-c:a", "copy", *(("-bsf:a", "aac_adtstoasc") if headed else ()))
