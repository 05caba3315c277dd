"""The planners of films: which work each rendition and segment is, and which key it has."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from tornado_media.config import builtin_presets
from tornado_media.errors import BadRequest, MediaError, NotFound, SourceUnusable
from tornado_media.formats.facts import VideoFacts
from tornado_media.formats.tools import Tools
from tornado_media.presets.make_plan import draft, make_plan
from tornado_media.presets.plan import EngineCall, Pipeline, Segment, SourceFacts, Text
from tornado_media.presets.registry import Presets
from tornado_media.urls import Target, parse_target

FILM = SourceFacts("/a.mkv", "video/x-matroska", "/srv/a.mkv", 1, 2, 3)
PICTURE = {
    "index": 0,
    "type": "video",
    "codec": "h264",
    "codecs": "avc1.640028",
    "width": 1280,
    "height": 720,
    "coded_width": 1280,
    "coded_height": 720,
    "frame_rate": "25/1",
    "pixel_format": "yuv420p",
    "bit_depth": 8,
    "start": 0.0,
    "duration": 21.0,
    "sync_samples": {"times": [0.0, 1.0, 3.0, 8.0, 9.0, 12.0], "bytes": [100, 200, 500, 100, 300, 900]},
}
SOUND = {"index": 1, "type": "audio", "codec": "aac", "codecs": "mp4a.40.2", "channels": 2, "duration": 21.0}
OTHER = {
    **SOUND,
    "index": 2,
    "codec": "ac3",
    "codecs": "ac-3",
    "channels": 6,
    "language": "en",
    "default": True,
}
TEXTS = {
    "index": 3,
    "type": "subtitle",
    "codec": "subrip",
    "text": True,
    "language": "de",
    "title": 'So "genannt"',
}


def info(*streams, container="matroska,webm", duration=21.0):
    return {"container": container, "duration": duration, "start_time": 0.0, "streams": list(streams)}


WHOLE = info(PICTURE, SOUND, OTHER, TEXTS)


@pytest.fixture(scope="module")
def presets():
    return Presets(builtin_presets(), programs={"ffmpeg": "/opt/ffmpeg"})


@pytest.fixture
def planned(presets):
    def plan(query, facts=WHOLE, presets=presets):
        asked = draft(parse_target(f"/a.mkv?{query}"), presets, FILM)
        return make_plan(asked, presets, VideoFacts.from_info(facts))

    return plan


def lines(plan):
    assert isinstance(plan.work, Text)
    return plan.work.content.splitlines()


def test_the_main_playlist_has_all_renditions(planned):
    found = lines(planned("preset=hls"))
    media = [line for line in found if line.startswith("#EXT-X-MEDIA:")]
    assert [line.partition("URI=")[2] for line in media] == [
        '"?preset=playlist&stream=1&copy=on"',
        '"?preset=playlist&stream=2"',
        '"?preset=playlist&stream=3"',
    ]
    assert "DEFAULT=NO" in media[0] and "DEFAULT=YES" in media[1]
    assert 'NAME="So  genannt "' in media[2]
    uris = [line for line in found if line.startswith("?")]
    assert uris == [
        "?preset=playlist&stream=0&copy=on",
        "?preset=playlist&height=480",
        "?preset=playlist&height=360",
        "?preset=playlist&height=240",
    ]
    assert all('AUDIO="audio"' in line for line in found if line.startswith("#EXT-X-STREAM-INF"))


def test_a_picture_that_the_client_cannot_play_is_encoded_in_its_own_size(planned):
    uris = [line for line in lines(planned("preset=hls&play=aac")) if line.startswith("?")]
    assert uris[0] == "?preset=playlist&height=720"
    assert "?preset=playlist&stream=0&copy=on" not in uris


def test_bandwidth_of_a_copy_is_that_of_its_largest_segment(planned):
    # The last one: 900 bytes in 9 s; the largest: 0 to 3 s with 300, 3 to 8 with 500, 8 to 12 with 400.
    (line,) = [
        line
        for line in lines(planned("preset=hls", info(PICTURE)))
        if "STREAM-INF" in line and "1280" in line
    ]
    assert f"BANDWIDTH={-(-8 * 900 * 102 // 900)}," in line


def test_cuts_are_at_sync_samples_two_seconds_apart(planned):
    found = lines(planned("preset=playlist&stream=0&copy=on"))
    assert [line for line in found if line.startswith("#EXTINF")] == [
        "#EXTINF:3.000000,", "#EXTINF:5.000000,", "#EXTINF:4.000000,", "#EXTINF:9.000000,",
    ]  # fmt: skip
    assert '#EXT-X-MAP:URI="?preset=segment&stream=0&copy=on"' in found
    assert "?preset=segment&stream=0&copy=on&number=3" in found
    assert "#EXT-X-TARGETDURATION:9" in found


@pytest.mark.parametrize(
    ("number", "begin", "end"),
    [(None, 0.0, 3.0), (0, 0.0, 3.0), (1, 3.0, 8.0), (2, 8.0, 12.0), (3, 12.0, None)],
)
def test_a_copied_segment_is_a_call(planned, number, begin, end):
    query = "preset=segment&stream=0&copy=on" + ("" if number is None else f"&number={number}")
    arguments = {"stream": 0, "copy": True, "number": number, "begin": begin, "end": end}
    assert planned(query).work == EngineCall("segment", arguments)


def test_a_sound_that_is_encoded_lies_on_frames_of_aac(planned):
    found = lines(planned("preset=playlist&stream=2"))
    assert found.count("#EXTINF:2.005333,") == 10
    assert found.count("#EXTINF:0.960000,") == 1  # the last frame is the one in which the sound ends
    work = planned("preset=segment&stream=2&number=5").work
    assert work.arguments["copy"] is False
    assert work.arguments["begin"] == 5 * 94 * 1024 / 48000
    assert work.arguments["end"] == 6 * 94 * 1024 / 48000


def test_a_sound_that_is_copied_is_cut_every_two_seconds(planned):
    found = lines(planned("preset=playlist&stream=1&copy=on"))
    assert found.count("#EXTINF:2.000000,") == 10 and found.count("#EXTINF:1.000000,") == 1
    arguments = planned("preset=segment&stream=1&copy=on&number=10").work.arguments
    assert (arguments["begin"], arguments["end"]) == (20.0, None)


def test_a_picture_that_is_encoded_is_a_run(planned):
    found = lines(planned("preset=playlist&height=360"))
    assert found.count("#EXTINF:2.000000,") == 10 and "#EXTINF:1.000000," in found
    plan = planned("preset=segment&height=360&number=7")
    assert isinstance(plan.work, Segment)
    assert (plan.work.number, plan.work.count, plan.work.seconds) == (7, 11, 2.0)
    (command,) = plan.work.pipeline(7).commands
    assert command[0] == "/opt/ffmpeg"
    assert command != plan.work.pipeline(6).commands[0]


def test_segments_of_one_run_know_each_other(planned):
    keys = {}
    for number in (None, 0, 7):
        query = "preset=segment&height=360" + ("" if number is None else f"&number={number}")
        keys[number] = planned(query)
    assert len({plan.key for plan in keys.values()}) == 3
    assert len({plan.work.run for plan in keys.values()}) == 1
    assert keys[0].of_segment(7).key == keys[7].key
    assert keys[7].of_segment(None).key == keys[None].key
    other = planned("preset=segment&height=240&number=7")
    assert other.work.run != keys[7].work.run and other.key != keys[7].key


@pytest.mark.parametrize(
    ("query", "error", "words"),
    [
        ("preset=segment&height=360&number=11", NotFound, "the last one is 10"),
        ("preset=segment&stream=0&copy=on&number=4", NotFound, "the last one is 3"),
        ("preset=segment&stream=2&number=11", NotFound, "the last one is 10"),
        ("preset=segment&height=361", BadRequest, "there are 720, 480, 360, 240"),
        ("preset=playlist&height=1080", BadRequest, "no quality"),
        ("preset=playlist", BadRequest, "sounds are 1, 2"),
        ("preset=playlist&stream=9", BadRequest, "sounds are 1, 2"),
        ("preset=segment&stream=3", BadRequest, "sounds are 1, 2"),
        ("preset=subtitles&stream=1", BadRequest, "there are 3"),
        ("preset=hls&audio=ja", BadRequest, "no sound audio=ja"),
        ("preset=audio&audio=off", SourceUnusable, "no sound"),
    ],
)
def test_what_is_not_there(planned, query, error, words):
    with pytest.raises(error, match=words):
        planned(query)


@pytest.mark.parametrize("query", ["preset=hls", "preset=playlist&height=360", "preset=segment&height=360"])
def test_a_film_of_unknown_length_has_no_playlist(planned, query):
    unknown = info({**PICTURE, "duration": None, "sync_samples": None}, duration=None)
    with pytest.raises(SourceUnusable, match="how long"):
        planned(query, unknown)


def test_sound_alone_has_one_variant(planned):
    found = lines(planned("preset=hls", info(SOUND, container="mov,mp4")))
    assert [line for line in found if line.startswith("?")] == ["?preset=playlist&stream=1&copy=on"]
    assert not any("EXT-X-MEDIA:" in line for line in found)


def test_subtitles_are_one_segment(planned):
    found = lines(planned("preset=playlist&stream=3"))
    assert "?preset=subtitles&stream=3" in found and "#EXTINF:21.000000," in found
    assert not any("EXT-X-MAP" in line for line in found)


@pytest.mark.parametrize(
    ("query", "picture", "sound"),
    [
        ("preset=mp4", "copy", "aac"),
        ("preset=mp4&audio=1", "copy", "copy"),
        ("preset=mp4&audio=off", "copy", None),
        ("preset=mp4&audio=en", "copy", "aac"),
        ("preset=mp4&height=720&audio=1", "copy", "copy"),
        ("preset=mp4&height=360&audio=1", "libx264", "copy"),
        ("preset=mp4&video_bitrate=800&audio=1", "libx264", "copy"),
        ("preset=mp4&start=5&audio=1", "libx264", "aac"),
        ("preset=mp4&play=aac&audio=1", "libx264", "copy"),
    ],
)
def test_mp4_copies_what_the_client_plays(planned, query, picture, sound):
    (command,) = planned(query).work.commands
    said = dict(pairwise(command))
    assert (said["-c:v"], said.get("-c:a")) == (picture, sound)


@pytest.mark.parametrize("query", ["preset=mp4&height=360", "preset=segment&height=360&number=2"])
def test_hardware_has_a_second_way(presets, planned, query):
    tools = Tools(encoder="h264_nvenc")
    work = planned(query, presets=replace(presets, tools=tools)).work
    work = work.pipeline(2) if isinstance(work, Segment) else work
    assert isinstance(work, Pipeline)
    assert "h264_nvenc" in work.commands[0]
    assert "libx264" in work.otherwise[0] and work.otherwise[0][0] == "/opt/ffmpeg"


def test_errors_are_ours():
    assert all(issubclass(kind, MediaError) for kind in (BadRequest, NotFound, SourceUnusable))
    assert Target
