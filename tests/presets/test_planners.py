import pytest

from tornado_media.config import builtin_presets
from tornado_media.errors import BadRequest
from tornado_media.formats import ffmpeg
from tornado_media.formats.facts import VideoFacts
from tornado_media.presets.check import read_preset
from tornado_media.presets.make_plan import draft, make_plan
from tornado_media.presets.plan import Pipeline, SourceFacts
from tornado_media.presets.registry import Presets
from tornado_media.urls import Target

FILM = SourceFacts("/a.mkv", "video/x-matroska", "/srv/-a.mkv", 1, 2, 3)
INFO = {
    "container": "matroska,webm",
    "duration": 60.0,
    "streams": [
        {"index": 0, "type": "video", "width": 1280, "height": 720, "frame_rate": "25/1"},
        {"index": 1, "type": "audio"},
    ],
}
FACTS = VideoFacts.from_info(INFO)


@pytest.fixture(scope="module")
def presets():
    # A planner's parameters need not all be declared: what is not, cannot be asked.
    keys = {
        "accepts": ["video/*"],
        "media_type": "video/mp4",
        "planner": "mp4",
        "streams": True,
        "cache": False,
    }
    return Presets({**builtin_presets(), "bare": read_preset(keys)}, programs={"ffmpeg": "/opt/ffmpeg"})


def commands(presets, **parameters):
    plan = make_plan(draft(Target(FILM.path, tuple(parameters.items())), presets, FILM), presets, FACTS)
    assert isinstance(plan.work, Pipeline)
    assert not plan.work.source_on_stdin
    assert {command[0] for command in plan.work.commands} == {"/opt/ffmpeg"}
    return [command[1:] for command in plan.work.commands]


def arguments(planned):
    return [command[1:] for command in planned]


def encoded(start, height, video_bitrate, audio):
    return ffmpeg.mp4(
        FILM.absolute_path,
        FACTS,
        start=start,
        height=height,
        video_bitrate=video_bitrate,
        audio=audio,
        media_type=FILM.media_type,
    )


def test_mp4(presets):
    planned = encoded(0.0, 720, None, 1)
    assert commands(presets, preset="mp4") == commands(presets, preset="bare") == arguments(planned)
    asked = {"start": "31.7", "height": "360", "video_bitrate": "800", "audio": "no"}
    assert commands(presets, preset="mp4", **asked) == arguments(encoded(31.7, 360, 800, False))


def test_the_source_is_a_file_whatever_its_name(presets):
    assert "file:/srv/-a.mkv" in commands(presets, preset="mp4")[0]


def test_past_the_end(presets):
    with pytest.raises(BadRequest, match="past the end"):
        commands(presets, preset="mp4", start="61")


def test_without_facts_there_is_no_plan(presets):
    with pytest.raises(TypeError, match="needs facts"):
        make_plan(draft(Target(FILM.path, (("preset", "hls"),)), presets, FILM), presets)
