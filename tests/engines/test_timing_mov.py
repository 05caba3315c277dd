"""MP4 and QuickTime files of many writers: what is told of when frames are is right, or is not told."""

from __future__ import annotations

import runpy
from fractions import Fraction
from pathlib import Path

import pytest

from tornado_media.formats.decide import decide
from tornado_media.formats.facts import VideoFacts

truth = runpy.run_path(str(Path(__file__).with_name("truth.py")))
check, picture_of = truth["check"], truth["picture_of"]

FRAGMENTS = "-movflags +frag_keyframe+empty_moov+default_base_moof"


@pytest.mark.parametrize(
    ("name", "arguments", "count"),
    [
        ("no_edits.mp4", "-i CLIP:plain.mp4 -c copy -use_editlist 0", 6),
        ("earlier.mp4", "-i CLIP:plain.mp4 -c copy -use_editlist 0 -movflags +negative_cts_offsets", 6),
        pytest.param(
            "late.mov",
            "-itsoffset 1 -i CLIP:plain.mp4 -i CLIP:plain.mp4 -map 0:v -map 1:a -c copy",
            6,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "milliseconds.mp4",
            "-i CLIP:television.mp4 -c copy -video_track_timescale 1000",
            8,
            marks=pytest.mark.slow,
        ),
        ("halting.mp4", "-i CLIP:halting.mkv -c copy", 6),
        pytest.param("pcm.mov", "-i CLIP:plain.mp4 -c:v copy -c:a pcm_s16le", 6, marks=pytest.mark.slow),
        pytest.param(
            "open.mp4",
            "-i CLIP:plain.mp4 -c:v libx264 -preset superfast -x264-params open-gop=1 -g 50",
            6,
            marks=pytest.mark.slow,
        ),
        ("all.mov", "-i CLIP:plain.mp4 -c:v mjpeg -q:v 9 -c:a copy", 300),
        pytest.param(
            "hybrid.mp4", "-i CLIP:plain.mp4 -c copy -movflags +hybrid_fragmented", 6, marks=pytest.mark.slow
        ),
    ],
)
def test_sync_samples_are_where_they_are_seen(name, arguments, count, make):
    assert len(picture_of(check(make(name, arguments)))["sync_samples"]["times"]) == count


def test_a_cut_in_the_middle_of_a_group(make):
    """ffmpeg writes the whole group, and an edit list that hides its beginning."""
    found = check(make("cut.mp4", "-ss 1.3 -i CLIP:plain.mp4 -c copy"))
    assert picture_of(found)["start"] == 0.0
    assert picture_of(found)["sync_samples"]["times"][0] == pytest.approx(0.68, abs=0.05)
    decision = decide(VideoFacts.from_info(found))
    assert decision.video.why == "Its first frames need others that are not there."


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("groups.mp4", FRAGMENTS),
        ("short.mp4", f"{FRAGMENTS} -frag_duration 200000"),
        pytest.param("indexed.mp4", "-movflags +dash+global_sidx", marks=pytest.mark.slow),
        pytest.param("mixed.mp4", "-movflags +frag_keyframe", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("part", [1.0, 0.6, pytest.param(0.3, marks=pytest.mark.slow)])
def test_fragments(name, arguments, part, make):
    path = make(name, f"-i CLIP:plain.mp4 -c copy {arguments}")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    found = check(path)
    picture = picture_of(found)
    assert picture["sync_samples"] is None
    assert (picture["frame_rate"], picture["variable"]) == ("25/1", False)


@pytest.mark.parametrize("part", [0.9, 0.5, 0.2])
@pytest.mark.parametrize("sound", ["copy", "pcm_s16le"])
def test_a_file_that_is_cut_off(part, sound, make):
    path = make("whole.mov", f"-i CLIP:plain.mp4 -c:v copy -c:a {sound} -movflags +faststart")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    found = check(path)
    assert found["stated_duration"] == pytest.approx(12.0, abs=0.1)
    assert found["duration"] < 12 * part + 1
    assert decide(VideoFacts.from_info(found)).how == "remux" or sound != "copy"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments", "rate"),
    [
        ("a.mp4", "-i CLIP:television.mp4 -c copy -video_track_timescale 90000", "30000/1001"),
        ("b.mp4", "-i CLIP:television.mp4 -c copy -video_track_timescale 1000", "30000/1001"),
        (
            "c.mp4",
            "-i CLIP:smooth.mp4 -preset ultrafast -t 4 -vf fps=60000/1001 -video_track_timescale 90000",
            "60000/1001",
        ),
        (
            "d.mov",
            "-i CLIP:plain.mp4 -preset ultrafast -t 4 -r 24000/1001 -video_track_timescale 600",
            "24000/1001",
        ),
        ("e.mp4", "-stream_loop 4 -i CLIP:plain.mp4 -c copy", "25/1"),
    ],
)
def test_rates(name, arguments, rate, make):
    picture = picture_of(truth["info"](make(name, arguments)))
    assert (picture["frame_rate"], picture["variable"]) == (rate, False)


def test_the_rate_of_one_that_varies_is_the_mean(make):
    picture = picture_of(truth["info"](make("varies.mp4", "-i CLIP:halting.mkv -c copy")))
    assert picture["variable"] is True
    assert Fraction(picture["frame_rate"]) == pytest.approx(25, rel=0.01)


@pytest.mark.parametrize(
    "turn",
    [
        "-display_rotation 90",
        "-display_rotation 180",
        "-display_rotation -90",
        "-display_rotation 45",
        "-display_hflip",
        "-display_vflip",
        "-display_rotation 90 -display_hflip",
    ],
)
def test_the_rotation_is_the_one_that_libav_tells_of_a_frame(turn, make):
    truth["check_rotation"](make("turned.mp4", f"{turn} -i CLIP:silent.mp4 -c copy -t 1"))


def test_a_movie_that_is_turned_as_a_whole(make):
    import av

    from tornado_media.engines.streams import clockwise

    path = make("movie.mp4", "-i CLIP:silent.mp4 -c copy -t 1")
    content = path.read_bytes()
    place = content.index(b"mvhd") + 4 + 36
    quarter = b"".join(n.to_bytes(4, "big", signed=True) for n in (0, 0x10000, 0, -0x10000, 0))
    path.write_bytes(content[:place] + quarter + content[place + 20 :])
    with av.open(str(path)) as container:
        assert clockwise(next(container.decode(video=0)).rotation) == 90
    assert picture_of(truth["info"](path))["rotation"] == 90


def test_of_very_many_sync_samples_some_are_told(make, monkeypatch):
    from tornado_media.engines import timing

    path = make("many.mov", "-i CLIP:plain.mp4 -c:v mjpeg -q:v 9 -an")
    whole = picture_of(truth["info"](path))["sync_samples"]
    monkeypatch.setattr(timing, "_MOST_SYNC", 100)
    some = picture_of(truth["info"](path))["sync_samples"]
    assert some["times"] == whole["times"][::3]
    assert sum(some["bytes"]) == sum(whole["bytes"])


def test_tables_that_do_not_fit_are_not_believed(make):
    """Another offset for one sync sample: libav finds it elsewhere."""
    path = make("wrong.mp4", "-i CLIP:silent.mp4 -c copy")
    content = bytearray(path.read_bytes())
    place = content.index(b"stss") + 4 + 8
    assert [int.from_bytes(content[place + 4 * n : place + 4 * n + 4], "big") for n in (0, 1)] == [1, 51]
    content[place + 4 : place + 8] = (52).to_bytes(4, "big")
    path.write_bytes(content)
    found = truth["info"](path)
    assert found["duration"] == pytest.approx(12.0)
    told = picture_of(found)["sync_samples"]
    assert told is None or told["times"][1] == pytest.approx(2.16, abs=0.05)
