"""What ffmpeg is told, as pure functions: facts and parameters in, commands out. The names in one place.

`safety` says what every command does, `encoders` and `tools` what there is, `rungs` how good, `filters` how a
picture is brought into form; `transcode` and `tracks` are the commands.
"""

from __future__ import annotations

from tornado_media.formats.safety import (
    DECODERS,
    DEMUXERS,
    MAX_PIXELS,
    PROTOCOLS,
    Command,
    common,
    demuxer_of,
    safe_input,
)
from tornado_media.formats.tracks import audio_only, subtitles
from tornado_media.formats.transcode import grid_run, mp4

__all__ = [
    "DECODERS",
    "DEMUXERS",
    "MAX_PIXELS",
    "PROTOCOLS",
    "Command",
    "audio_only",
    "common",
    "demuxer_of",
    "grid_run",
    "mp4",
    "safe_input",
    "subtitles",
]
