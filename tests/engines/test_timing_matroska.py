"""Matroska and WebM files of many writers: what is told of when frames are is right, or is not told."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tornado_media.formats.facts import VideoFacts

truth = runpy.run_path(str(Path(__file__).with_name("truth.py")))
check, picture_of = truth["check"], truth["picture_of"]


@pytest.mark.parametrize(
    ("name", "arguments", "count"),
    [
        ("front.mkv", "-i CLIP:plain.mp4 -c copy -cues_to_front 1", 6),
        pytest.param(
            "reserved.mkv", "-i CLIP:plain.mp4 -c copy -reserve_index_space 2000", 6, marks=pytest.mark.slow
        ),
        ("small.mkv", "-i CLIP:plain.mp4 -c copy -cluster_time_limit 300", 6),
        ("one.mkv", "-i CLIP:plain.mp4 -c copy -cluster_time_limit 30000 -cluster_size_limit 99999999", 6),
        pytest.param(
            "late.mkv",
            "-itsoffset 1 -i CLIP:plain.mp4 -i CLIP:plain.mp4 -map 0:v -map 1:a -c copy",
            6,
            marks=pytest.mark.slow,
        ),
        pytest.param("joined.mkv", "-stream_loop 2 -i CLIP:plain.mp4 -c copy", 18, marks=pytest.mark.slow),
        pytest.param("silent.mkv", "-i CLIP:silent.mp4 -c copy", 6, marks=pytest.mark.slow),
        ("all.mkv", "-i CLIP:silent.mp4 -c:v mjpeg -q:v 9 -cluster_time_limit 1000", 300),
    ],
)
def test_sync_samples_are_where_they_are_seen(name, arguments, count, make):
    found = check(make(name, arguments))
    assert len(picture_of(found)["sync_samples"]["times"]) == count
    assert (picture_of(found)["frame_rate"], picture_of(found)["variable"]) == ("25/1", False)


@pytest.mark.parametrize("part", [0.9, pytest.param(0.6, marks=pytest.mark.slow), 0.2])
@pytest.mark.parametrize("place", [0, 1])
def test_a_file_that_is_cut_off(part, place, make):
    """With its index at the end, which is lost, and before the rest."""
    path = make("whole.mkv", f"-i CLIP:plain.mp4 -c copy -cues_to_front {place}")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    found = check(path)
    assert found["duration"] < 12 * part + 1
    told = picture_of(found)["sync_samples"]
    assert (told is None) is (place == 0)
    assert picture_of(found)["frame_rate"] == "25/1"


@pytest.mark.parametrize("name", ["live.mkv", pytest.param("live.webm", marks=pytest.mark.slow)])
@pytest.mark.parametrize("part", [1.0, 0.5])
def test_a_recording_without_an_index(name, part, make):
    codecs = (
        "-c copy" if name.endswith("mkv") else "-t 4 -c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus"
    )
    path = make(name, f"-i CLIP:plain.mp4 {codecs} -live 1")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    found = check(path)
    assert picture_of(found)["sync_samples"] is None
    assert found["stated_duration"] is None


def test_the_end_of_a_recording_is_not_looked_for_by_reading_all_of_it(make, monkeypatch):
    from tornado_media.engines import timing, timing_matroska

    path = make("long.mkv", "-stream_loop 20 -i CLIP:plain.mp4 -c copy -live 1")
    read = []
    monkeypatch.setattr(timing_matroska, "look", lambda *_: read.append("all"))
    monkeypatch.setattr(timing, "_note", _counted(timing._note, read))
    monkeypatch.setattr(timing_matroska, "_TAILS", (4000, 200_000))
    found = truth["info"](path)
    assert found["duration"] == pytest.approx(21 * 12, abs=1)
    assert len(read) < 300


def _counted(function, calls):
    def call(*arguments):
        calls.append("packet")
        return function(*arguments)

    return call


@pytest.mark.parametrize(
    "turn",
    [
        "-display_rotation 90",
        "-display_rotation 180",
        "-display_rotation -90",
        "-display_hflip",
        "-display_rotation 90 -display_hflip",
    ],
)
def test_the_rotation_is_the_one_that_libav_tells_of_a_frame(turn, make):
    truth["check_rotation"](make("turned.mkv", f"{turn} -i CLIP:silent.mp4 -c copy -t 1"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments", "rate", "variable"),
    [
        ("a.mkv", "-i CLIP:television.mp4 -c copy", "30000/1001", False),
        ("b.mkv", "-i CLIP:smooth.mp4 -t 4 -preset ultrafast -vf fps=60000/1001", "60000/1001", False),
        ("c.mkv", "-i CLIP:silent.mp4 -t 5 -preset ultrafast -r 24000/1001", "24000/1001", False),
        # for the second half two frames of three are left out
        ("d.mkv", r"-i CLIP:silent.mp4 -vf select=lt(n\,150)+not(mod(n\,3)) -fps_mode vfr", None, True),
    ],
)
def test_rates(name, arguments, rate, variable, make):
    path = make(name, arguments)
    picture = picture_of(truth["info"](path))
    assert picture["variable"] is variable
    if rate is not None:
        assert picture["frame_rate"] == rate
    assert 10 < VideoFacts.from_info(truth["info"](path)).frame_rate < 61


def test_sound_alone(make):
    (stream,) = check(make("sound.mka", "-i CLIP:plain.mp4 -vn -c copy"), frame=0.03)["streams"]
    assert (stream["type"], stream["duration"]) == ("audio", pytest.approx(12, abs=0.03))


def test_cues_that_lead_astray_are_not_believed(make):
    """Times of Cues that are no sync samples."""
    path = make("astray.mkv", "-i CLIP:silent.mp4 -c copy")
    content = bytearray(path.read_bytes())
    cues = content.rindex(b"\x1c\x53\xbb\x6b")
    place = content.index(b"\xb3\x82", cues)  # CueTime of two bytes: 2000
    assert int.from_bytes(content[place + 2 : place + 4], "big") == 2000
    for at in range(place, len(content)):
        if content[at : at + 2] == b"\xb3\x82":
            time = int.from_bytes(content[at + 2 : at + 4], "big")
            content[at + 2 : at + 4] = (time + 700).to_bytes(2, "big")
    path.write_bytes(content)
    found = truth["info"](path)
    assert picture_of(found)["sync_samples"] is None
    assert found["duration"] == pytest.approx(12.0)
