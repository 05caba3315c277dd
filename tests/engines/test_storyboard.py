"""Sheets of pictures whose frames carry their numbers: the picture, the WebVTT and the film must agree."""

from __future__ import annotations

import io
import os
import re
import resource
import runpy
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tornado_media.errors import SourceUnusable

clips = runpy.run_path(str(Path(__file__).parents[1] / "clips.py"))
CLIPS, make, read_number = clips["CLIPS"], clips["make"], clips["read_number"]

CUE = re.compile(r"([\d:.]+) --> ([\d:.]+)\n(\?preset=storyboard\S*)#xywh=(\d+),(\d+),(\d+),(\d+)\n")


@pytest.fixture
def board(opened, clips_folder):
    """`board("plain.mp4", tiles=4)`: for each cue its begin, its end and the number of the frame there."""
    from tornado_media.engines.storyboard import storyboard

    def read(name, **asked):
        path = make(name, clips_folder)
        text = opened(storyboard, path, None, format="vtt", **asked).decode()
        content = opened(storyboard, path, None, format="webp", quality=90, **asked)
        sheet = Image.open(io.BytesIO(content)).convert("L")
        found = []
        for begin, end, _, *box in CUE.findall(text):
            x, y, width, height = map(int, box)
            tile = sheet.crop((x, y, x + width, y + height))
            found.append((seconds(begin), seconds(end), read_number(tile.tobytes(), width, height)))
        assert len(found) == text.count("-->")
        return found, (width, height), sheet.size

    return read


def seconds(text):
    hours, minutes, rest = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


GROUPS = {
    "plain.mp4": 50,
    "hevc.mp4": 50,
    "hdr10.mkv": 50,
    "plain.webm": 50,
    "old.avi": 50,
    "odd.avi": 1,
    "turned.mp4": 50,
    "squeezed.mp4": 50,
    "interlaced.ts": 36,
    "offset.ts": 50,
    "early.ts": 50,
    "television.mp4": 50,
    "growing.mp4": 50,
}
"""How many frames before its time a picture may be: those of a group, or of three where there is no index."""


@pytest.mark.parametrize("name", GROUPS)
def test_each_picture_is_of_its_time(name, board):
    clip = CLIPS[name]
    found, size, sheet = board(name, tiles=5, width=160)
    assert len(found) == 5
    assert size == ((90, 160) if clip.height > clip.width else (160, 90))
    assert sheet[0] % size[0] == sheet[1] % size[1] == 0
    ends = 0.0
    for begin, end, number in found:
        assert begin == ends
        ends = end
        seen = clip.seen_at((begin + end) / 2)
        assert seen - GROUPS[name] <= number <= seen + 1
    if clip.whole:
        assert ends == pytest.approx(clip.seconds + clip.late, abs=0.1)


@pytest.mark.parametrize("name", ["long_group.mkv", "late.mkv"])
def test_a_short_film_with_hardly_a_sync_sample_is_decoded(name, board):
    found, _, _ = board(name, tiles=24)
    for begin, end, number in found:
        assert abs(number - CLIPS[name].seen_at((begin + end) / 2 - 0.001)) <= 1 + 36 * (name == "late.mkv")


def test_a_film_that_is_cut_off_has_its_last_picture_to_the_end(board):
    found, _, _ = board("half.mp4", tiles=6)
    numbers = [number for _, _, number in found]
    assert numbers == sorted(numbers)
    assert numbers[-1] == numbers[-2] > 100
    assert found[-1][1] == pytest.approx(12, abs=0.1)


def test_there_is_no_more_than_one_picture_a_second(board):
    found, _, sheet = board("plain.mp4")
    assert len(found) == 12
    assert sheet == (480, 360)


def test_the_cues_pass_the_parameters_on(opened, clips_folder):
    from tornado_media.engines.storyboard import storyboard

    path = make("plain.mp4", clips_folder)
    text = opened(storyboard, path, None, format="vtt", width=80, tiles=2, quality=30, pixels=10**6).decode()
    references = {reference for _, _, reference, *_ in CUE.findall(text)}
    assert references == {"?preset=storyboard&width=80&tiles=2&quality=30"}


def test_jpeg(opened, clips_folder):
    from tornado_media.engines.storyboard import storyboard

    content = opened(storyboard, make("plain.mp4", clips_folder), None, format="jpeg")
    assert Image.open(io.BytesIO(content)).format == "JPEG"


@pytest.mark.parametrize("format_", ["webp", "vtt"])
@pytest.mark.parametrize("content", [b"", b"no film", os.urandom(4000)], ids=["empty", "text", "noise"])
def test_what_is_no_film(content, format_, opened, tmp_path):
    from tornado_media.engines.storyboard import storyboard

    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceUnusable):
        opened(storyboard, path, None, format=format_)


def test_sound(opened, clips_folder):
    from tornado_media.engines.storyboard import storyboard

    with pytest.raises(SourceUnusable, match="no video"):
        opened(storyboard, make("sound.m4a", clips_folder), "audio/mp4")


@pytest.mark.parametrize("seed", range(30))
def test_a_damaged_film_is_a_sheet_or_refused(seed, opened, clips_folder, tmp_path):
    import random

    from tornado_media.engines.storyboard import storyboard

    name = ["plain.mp4", "plain.mkv", "offset.ts"][seed % 3]
    content, chance = bytearray(make(name, clips_folder).read_bytes()), random.Random(seed)
    for _ in range(200):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path = tmp_path / name
    path.write_bytes(content[: chance.randrange(1000, len(content))] if seed % 2 else content)
    try:
        made = opened(storyboard, path, None, tiles=10)
    except SourceUnusable:
        return
    Image.open(io.BytesIO(made)).load()


@pytest.mark.slow
def test_only_sync_samples_are_decoded(opened, ffmpeg, tmp_path):
    """Ten minutes: a hundredth of the frames, so a small part of the time."""
    from tornado_media.engines.film import open_film
    from tornado_media.engines.storyboard import storyboard

    path = tmp_path / "long.mp4"
    inputs = "-f lavfi -i testsrc2=size=640x360:rate=25 -t 20"
    encoded = f"{inputs} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 {tmp_path}/short.mp4"
    again = f"-stream_loop 29 -i {tmp_path}/short.mp4 -c copy {path}"
    for arguments in (encoded, again):
        subprocess.run([ffmpeg, "-v", "error", "-nostdin", *arguments.split()], check=True)

    def all_frames(source, media_type):
        with open_film(source, media_type, 10**6) as film:
            assert sum(1 for _ in film.frames(0.0)) == 15_000
        return b""

    assert used(lambda: opened(storyboard, path, None)) * 4 < used(lambda: opened(all_frames, path, None))


def used(call):
    """Seconds of processor time."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    call()
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
