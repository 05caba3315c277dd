import dataclasses

import pytest

from tornado_media.config import Config
from tornado_media.errors import BadRequest, SourceUnusable, Unavailable
from tornado_media.presets.engines import ENGINES
from tornado_media.presets.make_plan import draft, make_plan
from tornado_media.presets.plan import EngineCall, Original, SourceFacts
from tornado_media.presets.planners import PLANNERS
from tornado_media.urls import Target

PHOTO = SourceFacts("/1.png", "image/png", "/srv/1.png", 1, 2, 3)
FILM = SourceFacts("/a.mkv", "video/x-matroska", "/srv/a.mkv", 1, 2, 3)


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    return Config.from_mapping({}, tmp_path_factory.mktemp("empty")).presets()


def test_what_is_there(presets):
    assert set(presets.presets) == {
        "original",
        "thumbnail",
        "poster",
        "mp4",
        "hls",
        "playlist",
        "segment",
        "audio",
        "subtitles",
        "captions",
        "storyboard",
        "preview",
        "info",
        "placeholder",
        "hashes",
        "palette",
    }
    assert all(preset.about for preset in presets.presets.values())


def test_each_engine_and_planner_has_a_preset_with_all_it_takes(presets):
    for preset in presets.presets.values():
        table = ENGINES[preset.engine] if preset.engine else PLANNERS[preset.planner]
        assert set(preset.parameters) == set(table.takes)


def test_original(presets):
    plan = make_plan(draft(Target("/1.png", ()), presets, PHOTO), presets)
    assert (plan.work, plan.media_type) == (Original(), "image/png")
    assert plan.cache_control == "public, max-age=60"
    assert not draft(Target("/1.png", ()), presets, PHOTO).needs_facts


def test_thumbnail(presets):
    asked = draft(Target("/1.png", (("size", "300x200"), ("format", "webp"))), presets, PHOTO)
    plan = make_plan(asked, presets)
    assert plan.media_type == "image/webp"
    assert plan.cache_control == "public, max-age=3600"
    assert plan.work.arguments["format"] == "webp"


def test_info(presets):
    plan = make_plan(draft(Target("/a.mkv", (("preset", "info"),)), presets, FILM), presets)
    assert plan.work == EngineCall(
        "info", {"play": "aac,h264", "exif": "selected", "pixels": 50_000_000, "frames": 250}
    )
    assert plan.media_type == "application/json"
    with pytest.raises(SourceUnusable):
        draft(
            Target("/a.txt", (("preset", "info"),)),
            presets,
            dataclasses.replace(PHOTO, media_type="text/plain"),
        )


def test_video_needs_facts_first(presets):
    asked = draft(Target("/a.mkv", (("preset", "mp4"),)), presets, FILM)
    assert asked.needs_facts
    with pytest.raises(TypeError, match="needs facts"):
        make_plan(asked, presets)


def test_what_is_wrong_is_found_before_the_source_is_probed(presets):
    with pytest.raises(BadRequest):
        draft(Target("/a.mkv", (("preset", "mp4"), ("height", "7"))), presets, FILM)
    without = dataclasses.replace(presets, programs={"ffmpeg": None})
    with pytest.raises(Unavailable, match="ffmpeg"):
        draft(Target("/a.mkv", (("preset", "mp4"),)), without, FILM)


def test_mp4_is_a_stream_that_is_shared_and_kept_by_us_alone(presets):
    preset = presets.presets["mp4"]
    limits = preset.limits.over(presets.limits)
    assert (preset.streams, preset.cache, preset.cache_control) == (True, True, "no-store")
    assert (limits.first_byte, limits.idle, limits.total, limits.output) == (20, 60, 6 * 3600, 64 * 1024**3)
