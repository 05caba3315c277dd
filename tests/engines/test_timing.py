"""What the probe says of when frames are, against the clips themselves: all read, their numbers decoded."""

from __future__ import annotations

import runpy
from fractions import Fraction
from pathlib import Path

import pytest

clips = runpy.run_path(str(Path(__file__).parents[1] / "clips.py"))
truth = runpy.run_path(str(Path(__file__).with_name("truth.py")))
CLIPS, make, picture_of = clips["CLIPS"], clips["make"], truth["picture_of"]

QUICK = {
    "plain.mp4",
    "half.mp4",
    "turned.mp4",
    "halting.mkv",
    "says_more.mkv",
    "growing.mkv",
    "early.ts",
    "old.avi",
}
"""Clips that are made in a moment and have something peculiar about their times."""

WITHOUT_INDEX = {"interlaced.ts", "early.ts", "offset.ts", "growing.mkv", "growing.mp4"}

ALL = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in CLIPS]
PICTURES = [each for each in ALL if CLIPS[each.values[0]].picture]


@pytest.fixture
def info(clips_folder):
    return lambda name: truth["info"](make(name, clips_folder))


@pytest.mark.parametrize("name", ALL)
def test_a_film_lasts_as_long_as_there_are_frames(name, info, clips_folder):
    clip, found = CLIPS[name], info(name)
    frame = float(1 / clip.rate)
    read = truth["packets"](make(name, clips_folder))
    for index, times in read.items():
        stream = found["streams"][index]
        assert truth["begins"](stream, times)
        assert stream["start"] + stream["duration"] == pytest.approx(max(e for _, e, _ in times), abs=frame)
    last = max(end for times in read.values() for _, end, _ in times)
    assert found["duration"] == pytest.approx(last, abs=frame)
    if clip.whole:
        assert found["duration"] == pytest.approx(clip.at(clip.frames - 1) + frame, abs=frame + 0.03)
    if clip.stated is not None:
        assert found["stated_duration"] == pytest.approx(clip.stated, abs=0.1)


@pytest.mark.parametrize("name", PICTURES)
def test_sync_samples_are_where_they_are_seen(name, info, clips_folder):
    clip, picture, seen = CLIPS[name], picture_of(info(name)), truth["frames"](make(name, clips_folder))
    assert picture["start"] == pytest.approx(min(time for time, _, _ in seen), abs=0.002)
    for time, number, _ in seen:
        assert time == pytest.approx(clip.at(number), abs=0.002)
    if name in WITHOUT_INDEX:
        assert picture["sync_samples"] is None
        return
    told = picture["sync_samples"]["times"]
    assert told == pytest.approx([time for time, _, sync in seen if sync], abs=1e-5)


@pytest.mark.parametrize("name", PICTURES)
def test_the_bytes_between_sync_samples_are_those_of_the_film(name, info, clips_folder):
    found = info(name)
    picture = picture_of(found)
    if picture["sync_samples"] is None:
        return
    groups, places = [], []
    for _, _, packet in truth["packets"](make(name, clips_folder))[picture["index"]]:
        if packet.is_keyframe:
            groups.append(0)
            places.append(packet.pos)
        groups[-1] += packet.size
    sizes = picture["sync_samples"]["bytes"]
    if name.endswith(".mp4"):
        assert sizes == groups
    else:  # with the sound in between, and the index at the end
        assert all(size >= group for size, group in zip(sizes, groups, strict=True))
        assert sum(sizes) == pytest.approx(found["size"] - places[0], abs=400)


@pytest.mark.parametrize("name", PICTURES)
def test_the_rate_is_the_one_that_was_meant(name, info):
    clip, picture = CLIPS[name], picture_of(info(name))
    assert picture["variable"] is (clip.time is not None)
    assert Fraction(picture["frame_rate"]) == clip.rate


@pytest.mark.parametrize("name", PICTURES)
def test_what_is_to_be_seen(name, info):
    clip, picture = CLIPS[name], picture_of(info(name))
    assert (picture["width"], picture["height"]) == (clip.width, clip.height)
    assert picture["rotation"] == (90 if name == "turned.mp4" else 0)
    coded = clip.coded or ((320, 180) if picture["rotation"] else (clip.width, clip.height))
    assert (picture["coded_width"], picture["coded_height"]) == coded
    assert picture["sample_aspect_ratio"] == ("4/3" if name == "squeezed.mp4" else "1/1")
    assert picture["interlaced"] is clip.fields
    assert picture["hdr"] == {"hdr10.mkv": "pq", "hlg.mkv": "hlg"}.get(name)
    assert picture["bit_depth"] == (10 if name in {"hdr10.mkv", "hlg.mkv", "ten_bits.mkv"} else 8)


@pytest.mark.slow
def test_tracks_and_chapters(info):
    found = info("tracks.mkv")
    told = [(s["type"], s["language"], s["title"], s["default"], s.get("text")) for s in found["streams"]]
    assert told == [
        ("video", None, None, False, None),
        ("audio", "ger", None, True, None),
        ("audio", "eng", "Commentary", False, None),
        ("subtitle", "ger", None, False, True),
        ("subtitle", "eng", None, False, True),
    ]
    assert found["chapters"] == [
        {"start": 0.0, "end": 5.0, "title": "Beginning"},
        {"start": 5.0, "end": 12.0, "title": "The rest"},
    ]
