"""The multivariant playlist: bandwidths that hold, names for codecs, sounds with and without a picture."""

from __future__ import annotations

import math
import re
import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from tornado_media.errors import SourceUnusable
from tornado_media.formats import variants

_film = runpy.run_path(str(Path(__file__).with_name("a_film.py")))
SOUND, PICTURE, FILM = _film["SOUND"], _film["PICTURE"], _film["FILM"]
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


@pytest.mark.parametrize(
    ("codec", "bits"), [("aac", 320_000), ("eac3", 1_024_000), ("flac", 44_100 * 2 * 16), ("mp3", 320_000)]
)
def test_bandwidth_of_a_copied_sound_whose_bit_rate_nobody_has_told(codec, bits):
    names = {"flac": "fLaC", "eac3": "ec-3", "mp3": "mp4a.6B"}
    sound = replace(
        SOUND,
        codec=codec,
        codecs=names.get(codec, SOUND.codecs),
        channels=2,
        sample_rate=44_100,
        bit_rate=None,
    )
    film = replace(FILM, video=None, audio=(sound,))
    assert attribute(variants.main_playlist(film, BOTH | {codec}, "on"), "BANDWIDTH") == [str(bits)]


def test_sounds_without_a_picture():
    film = replace(FILM, video=None)
    assert attribute(variants.main_playlist(film, BOTH, "on"), "CODECS") == ['"mp4a.40.2"']
    with pytest.raises(SourceUnusable, match="neither"):
        variants.main_playlist(film, BOTH, "off")
    assert "AUDIO" not in variants.main_playlist(FILM, BOTH, "off")
