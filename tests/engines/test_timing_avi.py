"""AVI files, and those without any index: what is told of when frames are is right, or is not told."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

truth = runpy.run_path(str(Path(__file__).with_name("truth.py")))
check, picture_of = truth["check"], truth["picture_of"]


@pytest.mark.parametrize(
    ("name", "arguments", "count"),
    [
        ("mp3.avi", "-i CLIP:old.avi -c copy", 6),
        pytest.param("pcm.avi", "-i CLIP:old.avi -c:v copy -c:a pcm_s16le", 6, marks=pytest.mark.slow),
        pytest.param("silent.avi", "-i CLIP:old.avi -c:v copy -an", 6, marks=pytest.mark.slow),
        ("all.avi", "-i CLIP:old.avi -c:v mjpeg -q:v 9 -c:a copy", 300),
        pytest.param("joined.avi", "-stream_loop 2 -i CLIP:old.avi -c copy -an", 18, marks=pytest.mark.slow),
    ],
)
def test_sync_samples_are_where_they_are_seen(name, arguments, count, make):
    found = check(make(name, arguments))
    assert len(picture_of(found)["sync_samples"]["times"]) == count


@pytest.mark.parametrize(
    "codec", ["-c:v mpeg4 -bf 2", "-c:v libx264 -preset ultrafast -bf 2 -pix_fmt yuv420p"]
)
def test_of_frames_that_are_reordered_no_times_are_told(codec, make):
    found = truth["info"](make("reordered.avi", f"-i CLIP:old.avi {codec} -an"))
    assert picture_of(found)["sync_samples"] is None
    assert found["duration"] == pytest.approx(12, abs=0.1)


@pytest.mark.parametrize("part", [0.9, 0.4])
def test_a_file_that_is_cut_off_has_lost_its_index(part, make):
    path = make("cut.avi", "-i CLIP:old.avi -c copy")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    found = check(path)
    assert picture_of(found)["sync_samples"] is None
    assert found["duration"] == pytest.approx(12 * part, abs=0.5)


def test_a_large_one_that_is_cut_off_is_not_read(make, monkeypatch):
    from tornado_media.engines import timing_avi

    path = make("large.avi", "-i CLIP:old.avi -c copy")
    path.write_bytes(path.read_bytes()[:200_000])
    monkeypatch.setattr(timing_avi, "BYTES", 100_000)
    monkeypatch.delattr(timing_avi, "look")
    found = truth["info"](path)
    assert picture_of(found)["sync_samples"] is None
    assert found["duration"] == pytest.approx(8, abs=1)  # as libav has it from the bit rate


WITHOUT_INDEX = {
    "a.flv": "-c copy",
    "a.ts": "-c copy",
    "a.mpg": "-t 4 -c:v mpeg2video -c:a mp2 -f vob",
    "a.wmv": "-t 4 -c:v wmv2 -c:a wmav2",
    "a.ogv": "-t 4 -c:v libtheora -c:a libvorbis",
    "a.aac": "-vn -c:a aac",
    "a.flac": "-vn -t 4 -c:a flac",
    "a.opus": "-vn -c:a libopus",
}


@pytest.mark.parametrize("name", WITHOUT_INDEX)
def test_containers_without_an_index(name, make):
    found = check(make(name, f"-i CLIP:plain.mp4 {WITHOUT_INDEX[name]}"), frame=0.05)
    for stream in found["streams"]:
        assert stream.get("sync_samples") is None
        if stream["type"] == "video":
            assert (stream["frame_rate"], stream["variable"]) == ("25/1", False)


# a FLAC has a header that libav believes
@pytest.mark.parametrize("name", WITHOUT_INDEX.keys() - {"a.flac"})
def test_containers_without_an_index_that_are_cut_off(name, make):
    path = make(name, f"-i CLIP:plain.mp4 {WITHOUT_INDEX[name]}")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    check(path, frame=0.15)
