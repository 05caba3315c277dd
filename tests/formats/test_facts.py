from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.facts import (
    AudioStream,
    Chapter,
    SubtitleStream,
    SyncSamples,
    VideoFacts,
    VideoStream,
)

VIDEO = {"type": "video", "width": 1920, "height": 1080, "frame_rate": "30000/1001"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["duration", "start_time", "container", "streams"])
STREAM = st.dictionaries(
    st.sampled_from(
        ["type", "width", "height", "frame_rate", "attached_picture", "interlaced", "sync_samples"]
    ),
    JSON | st.fixed_dictionaries({"times": JSON, "bytes": JSON}),
)


def test_a_whole_info():
    info = {
        "container": "mov,mp4",
        "duration": 60.5,
        "start_time": 0.08,
        "streams": [VIDEO, {"type": "audio"}],
        "something_new": {},
    }
    assert VideoFacts.from_info(info) == VideoFacts(
        duration=60.5,
        has_video=True,
        has_audio=True,
        width=1920,
        height=1080,
        frame_rate=Fraction(30000, 1001),
        start_time=0.08,
        demuxers=("mov", "mp4"),
        video=VideoStream(0, width=1920, height=1080, frame_rate=Fraction(30000, 1001)),
        audio=(AudioStream(0),),
    )


def test_all_that_is_told_of_streams():
    video = {
        "index": 0,
        "type": "video",
        "codec": "h264",
        "codecs": "avc1.640028",
        "profile": "High",
        "level": 40,
        "width": 180,
        "height": 320,
        "coded_width": 240,
        "coded_height": 180,
        "rotation": 90,
        "sample_aspect_ratio": "4/3",
        "frame_rate": "25/1",
        "variable": True,
        "pixel_format": "yuv420p10le",
        "bit_depth": 10,
        "interlaced": True,
        "hdr": "pq",
        "start": 0.5,
        "duration": 11.5,
        "bit_rate": 800_000,
        "sync_samples": {"times": [0.5, 2], "bytes": [900, 80]},
    }
    audio = {
        "index": 1,
        "type": "audio",
        "codec": "aac",
        "codecs": "mp4a.40.2",
        "profile": "LC",
        "language": "ger",
        "title": "Kommentar",
        "default": True,
        "channels": 6,
        "sample_rate": 48000,
        "start": 0.0,
        "duration": 12.0,
        "bit_rate": 96_000,
    }
    text = {
        "index": 2,
        "type": "subtitle",
        "codec": "subrip",
        "text": True,
        "language": "eng",
        "forced": True,
    }
    chapters = [{"start": 0, "end": 5.5, "title": "One"}, {"start": 5.5, "end": 12.0, "title": None}]
    facts = VideoFacts.from_info(
        {
            "streams": [video, audio, text],
            "chapters": chapters,
            "media_type": "video/mp4",
            "stated_duration": 9.0,
        }
    )
    assert facts.video == VideoStream(
        *(0, "h264", "avc1.640028", "High", 40, 180, 320, 240, 180, 90, Fraction(4, 3), Fraction(25), True),
        *("yuv420p10le", 10, True, "pq", 0.5, 11.5, 800_000, SyncSamples((0.5, 2.0), (900, 80))),
    )
    assert facts.audio == (
        AudioStream(
            *(1, "aac", "mp4a.40.2", "LC", "ger", "Kommentar", True, 6, 48000, 0.0, 12.0, 96_000),
        ),
    )
    assert (facts.video.end, facts.audio[0].end) == (12.0, 12.0)
    assert facts.subtitles == (SubtitleStream(2, "subrip", True, "eng", None, False, True),)
    assert facts.chapters == (Chapter(0.0, 5.5, "One"), Chapter(5.5, 12.0))
    assert (facts.interlaced, facts.media_type, facts.stated_duration) == (True, "video/mp4", 9.0)


def test_a_stream_that_lasts_for_an_unknown_time_has_no_end():
    assert (VideoStream(0, start=1.0).end, AudioStream(0, start=1.0).end) == (None, None)


def test_streams_that_are_not_decoded_are_none():
    strange = {"type": "video", "codec": "magicyuv", "width": 32, "height": 32, "decoded": False}
    facts = VideoFacts.from_info({"streams": [strange, {"type": "audio", "decoded": False}]})
    assert (facts.has_video, facts.has_audio) == (False, False)
    assert VideoFacts.from_info({"streams": [strange, VIDEO]}).width == 1920


def test_nothing_is_known():
    assert VideoFacts.from_info({}) == VideoFacts(has_video=False, has_audio=False)
    assert VideoFacts.from_info({"duration": None, "streams": None}).duration is None


def test_a_cover_picture_is_no_video():
    cover = {"type": "video", "attached_picture": True, "width": 500, "height": 500}
    facts = VideoFacts.from_info({"streams": [{"type": "audio"}, cover]})
    assert (facts.has_video, facts.has_audio, facts.width) == (False, True, None)
    facts = VideoFacts.from_info({"streams": [cover, VIDEO]})
    assert (facts.has_video, facts.width) == (True, 1920)


@pytest.mark.parametrize(
    ("info", "key"),
    [
        ({"duration": "60"}, "duration"),
        ({"duration": True}, "duration"),
        ({"duration": float("nan")}, "duration"),
        ({"duration": -1.0}, "duration"),
        ({"start_time": []}, "start_time"),
        ({"container": 1}, "container"),
        ({"streams": {}}, "streams"),
        ({"streams": ["video"]}, "streams"),
        ({"streams": [VIDEO | {"width": 0}]}, "width"),
        ({"streams": [VIDEO | {"width": 1920.0}]}, "width"),
        ({"streams": [VIDEO | {"height": True}]}, "height"),
        ({"streams": [VIDEO | {"frame_rate": 25}]}, "frame_rate"),
        ({"streams": [VIDEO | {"frame_rate": "25/0"}]}, "frame_rate"),
        ({"streams": [VIDEO | {"frame_rate": "-25/1"}]}, "frame_rate"),
        ({"streams": [VIDEO | {"frame_rate": "fast"}]}, "frame_rate"),
        ({"streams": [VIDEO | {"sample_aspect_ratio": "0/1"}]}, "sample_aspect_ratio"),
        ({"streams": [VIDEO | {"sync_samples": [0.0]}]}, "sync_samples"),
        ({"streams": [VIDEO | {"sync_samples": {"times": [0.0]}}]}, "sync_samples"),
        ({"streams": [VIDEO | {"sync_samples": {"times": [0.0], "bytes": []}}]}, "sync_samples"),
        ({"streams": [VIDEO | {"sync_samples": {"times": ["0"], "bytes": [1]}}]}, "sync_samples"),
        ({"streams": [VIDEO | {"sync_samples": {"times": [0.0], "bytes": [float("inf")]}}]}, "sync_samples"),
        ({"streams": [VIDEO | {"start": "0"}]}, "start"),
        ({"streams": [VIDEO | {"level": 4.0}]}, "level"),
        ({"streams": [{"type": "audio", "channels": 0}]}, "channels"),
        ({"chapters": [1]}, "chapters"),
        ({"stated_duration": "1"}, "stated_duration"),
    ],
)
def test_wrong_types_name_their_key(info, key):
    with pytest.raises(ValueError, match=key):
        VideoFacts.from_info(info)


@given(st.dictionaries(KEYS, JSON) | st.fixed_dictionaries({"streams": st.lists(STREAM)}))
def test_any_json_is_facts_or_a_value_error(info):
    try:
        facts = VideoFacts.from_info(info)
    except ValueError:
        return
    assert facts.width is None or facts.width > 0
    assert facts.duration is None or facts.duration >= 0
