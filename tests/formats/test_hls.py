"""Playlists: what RFC 8216 wants of them, and that a reference stays what it is."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.hls import (
    Rendition,
    Variant,
    media_playlist,
    multivariant,
    reference,
    references,
)

SOUND = Rendition("AUDIO", "?preset=playlist&stream=1", "Deutsch", "de", default=True, channels=2)


def attributes(line: str) -> dict[str, str]:
    """The attribute list of a tag (RFC 8216 section 4.2), read in another way than it is written."""
    found = re.findall(r'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(?:,|$)', line.partition(":")[2])
    assert ",".join(f"{name}={value}" for name, value in found) == line.partition(":")[2]
    return dict(found)


def test_a_multivariant_playlist_says_all_that_a_player_chooses_by():
    variant = Variant(
        "?preset=playlist&height=720",
        3_500_000,
        1_800_000,
        ("avc1.64001f", "mp4a.40.2"),
        1280,
        720,
        Fraction(30000, 1001),
        audio=True,
    )
    lines = multivariant([variant], [SOUND]).splitlines()
    assert lines[0] == "#EXTM3U"
    assert attributes(lines[3]) == {
        "TYPE": "AUDIO",
        "GROUP-ID": '"audio"',
        "NAME": '"Deutsch"',
        "LANGUAGE": '"de"',
        "DEFAULT": "YES",
        "AUTOSELECT": "YES",
        "CHANNELS": '"2"',
        "URI": '"?preset=playlist&stream=1"',
    }
    assert attributes(lines[4]) == {
        "BANDWIDTH": "3500000",
        "AVERAGE-BANDWIDTH": "1800000",
        "CODECS": '"avc1.64001f,mp4a.40.2"',
        "RESOLUTION": "1280x720",
        "FRAME-RATE": "29.970",
        "AUDIO": '"audio"',
        "CLOSED-CAPTIONS": "NONE",
    }
    assert lines[5:] == ["?preset=playlist&height=720"]


def test_sound_alone_has_no_picture():
    playlist = multivariant([Variant("?preset=playlist&stream=0", 160_000, 128_000, ("mp4a.40.2",))])
    assert "RESOLUTION" not in playlist and "AUDIO=" not in playlist


@pytest.mark.parametrize(
    ("seconds", "target"),
    [
        ((2.0, 2.0), 2),
        ((2.4, 1.0), 2),
        ((2.5,), 3),
        ((0.1,), 1),
        ((Fraction(2002, 1000), 2.0), 2),
        ((9.99,), 10),
    ],
)
def test_no_segment_is_longer_than_the_target_when_it_is_rounded(seconds, target):
    playlist = media_playlist([(s, "?a") for s in seconds], None)
    assert f"#EXT-X-TARGETDURATION:{target}\n" in playlist


def test_a_media_playlist_is_complete_from_the_start():
    segments = [(Fraction(60060, 30000), f"?preset=segment&number={n}") for n in range(2)]
    assert media_playlist(segments, "?preset=segment").splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:2",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MAP:URI="?preset=segment"',
        "#EXTINF:2.002000,",
        "?preset=segment&number=0",
        "#EXTINF:2.002000,",
        "?preset=segment&number=1",
        "#EXT-X-ENDLIST",
    ]


@given(st.text(max_size=40))
def test_no_name_breaks_out_of_its_quotes(name):
    playlist = multivariant([], [Rendition("AUDIO", "?a", name)])
    assert len(playlist.splitlines()) == 4 or any(ord(c) > 127 for c in name)
    assert playlist.count('"') == 6


def test_references_are_found_wherever_they_are():
    text = multivariant([Variant("?v", 1, 1, ())], [SOUND]) + media_playlist([(2, "?s1"), (2, "?s2")], "?i")
    found: list[str] = []
    changed = references(text, lambda each: found.append(each) or f"{each}&x")
    assert found == ["?preset=playlist&stream=1", "?v", "?i", "?s1", "?s2"]
    assert changed.count("&x") == 5 and 'URI="?i&x"' in changed


def test_a_reference_leaves_out_what_is_not_set():
    said = reference("playlist", height=None, stream=0, copy=True, play="aac,h264")
    assert said == "?preset=playlist&stream=0&copy=on&play=aac,h264"
