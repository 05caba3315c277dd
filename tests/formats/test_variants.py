"""The multivariant playlist: bandwidths that hold, names for codecs, sounds with and without a picture."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from fractions import Fraction

import pytest

from tornado_media.errors import SourceUnusable
from tornado_media.formats import variants
from tornado_media.formats.facts import AudioStream, SyncSamples, VideoFacts, VideoStream

SOUND = AudioStream(1, "aac", "mp4a.40.2", channels=2, sample_rate=48_000, duration=21.0)
PICTURE = VideoStream(
    0,
    "h264",
    "avc1.640028",
    width=1280,
    height=720,
    coded_width=1280,
    coded_height=720,
    frame_rate=Fraction(25),
    pixel_format="yuv420p",
    duration=21.0,
    sync_samples=SyncSamples((0.0, 1.0, 3.0, 8.0, 9.0, 12.0), (100, 200, 500, 100, 300, 900)),
)
FILM = VideoFacts(
    duration=21.0,
    width=1280,
    height=720,
    frame_rate=Fraction(25),
    demuxers=("matroska", "webm"),
    video=PICTURE,
    audio=(SOUND,),
    media_type="video/x-matroska",
)
BOTH = frozenset({"h264", "aac"})


def attribute(playlist, name):
    """Of the variants of a multivariant playlist."""
    return re.findall(rf"STREAM-INF:.*\b{name}=(\"[^\"]*\"|[^,\n]*)", playlist)


def test_bandwidth_of_a_copy_is_that_of_its_largest_segment_and_the_loudest_sound():
    loud = replace(SOUND, index=2, bit_rate=400_000)
    alone = variants.main_playlist(replace(FILM, audio=()), BOTH, "on")
    film = variants.main_playlist(replace(FILM, audio=(SOUND, loud)), BOTH, "on")
    peak, mean = math.ceil(8 * 900 / 9 * 1.02), math.ceil(8 * 2100 / 21 * 1.02)
    assert (attribute(alone, "BANDWIDTH")[0], attribute(alone, "AVERAGE-BANDWIDTH")[0]) == (
        str(peak),
        str(mean),
    )
    assert attribute(film, "BANDWIDTH")[0] == str(peak + 500_000)
    assert len(set(attribute(film, "CODECS"))) > 1
    assert all('mp4a.40.2"' in codecs for codecs in attribute(film, "CODECS"))


def test_sounds_without_a_picture():
    film = replace(FILM, video=None)
    assert attribute(variants.main_playlist(film, BOTH, "on"), "CODECS") == ['"mp4a.40.2"']
    with pytest.raises(SourceUnusable, match="neither"):
        variants.main_playlist(film, BOTH, "off")
    assert "AUDIO" not in variants.main_playlist(FILM, BOTH, "off")
