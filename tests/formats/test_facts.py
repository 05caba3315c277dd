from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.facts import VideoFacts

VIDEO = {"type": "video", "width": 1920, "height": 1080, "frame_rate": "30000/1001"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
KEYS = st.sampled_from(["duration", "start_time", "container", "streams"])
STREAM = st.dictionaries(
    st.sampled_from(["type", "width", "height", "frame_rate", "attached_picture", "interlaced"]), JSON
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
    )


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
