"""What browsers play: facts, and no rules."""

from __future__ import annotations

from collections.abc import Mapping

PLAYED = frozenset({"aac", "h264"})
"""What every browser plays."""

MP4_PICTURES = frozenset({"h264", "hevc", "av1", "vp9"})
MP4_SOUNDS = frozenset({"aac", "mp3", "opus", "flac", "ac3", "eac3"})
"""Codecs that browsers take in fragmented MP4."""

AAC = frozenset({"mp4a.40.2", "mp4a.40.5", "mp4a.40.29"})
"""AAC that browsers decode: LC, and HE-AAC, which is LC with SBR or with PS."""

PIXELS = {
    "h264": frozenset({"yuv420p", "yuvj420p"}),
    "hevc": frozenset({"yuv420p", "yuvj420p", "yuv420p10le"}),
    "av1": frozenset({"yuv420p", "yuvj420p", "yuv420p10le", "gray"}),
    "vp9": frozenset({"yuv420p", "yuvj420p"}),
    "vp8": frozenset({"yuv420p"}),
}
"""What browsers decode: 4:2:0, of 8 bits, or 10 where the usual profile has them."""

MOST_CHANNELS = 8
"""Of a sound."""

LATE = 0.2
"""Seconds: a picture whose first sync sample comes later has frames before it that nobody can decode; and a
file whose times begin later has another clock in a browser than in `info`."""

CONTAINERS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "mp4": (frozenset({"h264", "hevc", "av1", "vp9"}), MP4_SOUNDS),
    "webm": (frozenset({"vp8", "vp9", "av1"}), frozenset({"opus", "vorbis"})),
    "ogg": (frozenset(), frozenset({"opus", "vorbis", "flac"})),
    "mp3": (frozenset(), frozenset({"mp3"})),
    "flac": (frozenset(), frozenset({"flac"})),
    "aac": (frozenset(), frozenset({"aac"})),
}
"""Containers that browsers open: which pictures and sounds they take in them."""
