from __future__ import annotations

import io
import runpy
from pathlib import Path

import pytest
from PIL import Image

from tornado_media.errors import SourceUnusable

clips = runpy.run_path(str(Path(__file__).parents[1] / "clips.py"))
CLIPS, make, read_number = clips["CLIPS"], clips["make"], clips["read_number"]


@pytest.fixture
def preview(opened, clips_folder):
    """`preview("plain.mp4")`: the animation, and for each of its pictures milliseconds and number."""
    from tornado_media.engines import preview as engine

    def read(name, **asked):
        content = opened(engine.preview, make(name, clips_folder), None, **asked)
        assert len(content) <= engine.BYTES
        animation, found = Image.open(io.BytesIO(content)), []
        for number in range(animation.n_frames):
            animation.seek(number)
            luma = animation.convert("L")
            # Pillow tells how long a frame lasts once it is decoded
            found.append((animation.info["duration"], read_number(luma.tobytes(), *luma.size)))
        return animation, found

    return read


@pytest.mark.parametrize(
    "name", ["plain.mp4", "plain.webm", "hdr10.mkv", "offset.ts", "interlaced.ts", "smooth.mp4", "turned.mp4"]
)
def test_three_moments_of_a_second_at_ten_pictures(name, preview):
    clip = CLIPS[name]
    animation, found = preview(name)
    assert animation.size == (clip.width, clip.height)
    assert animation.info["loop"] == 0
    assert [duration for duration, _ in found] == [100] * 30
    each = clip.rate / 10
    numbers = [number for _, number in found]
    for moment in (numbers[:10], numbers[10:20], numbers[20:]):
        for place, number in enumerate(moment):
            assert abs(number - moment[0] - place * each) <= 1
    assert numbers == sorted(numbers)
    assert numbers[20] - numbers[0] > clip.frames / 3


def test_a_short_film_is_shown_from_its_beginning(preview):
    _, found = preview("plain.mp4", seconds=7)
    assert [number for _, number in found][:4] == [0, 3, 5, 8]
    assert sum(duration for duration, _ in found) == 7000


@pytest.mark.slow
def test_moments_of_one_group_follow_each_other(preview):
    _, found = preview("long_group.mkv", seconds=8)
    numbers = [number for _, number in found]
    assert numbers == sorted(set(numbers))


def test_frames_that_are_shown_longer_are_so(preview):
    """Ten frames a second from 4 s to 9 s: each is one picture."""
    _, found = preview("halting.mkv")
    numbers = [number for _, number in found]
    assert numbers[10:20] == list(range(numbers[10], numbers[10] + 10))


@pytest.mark.parametrize(
    ("name", "width", "size"),
    [
        ("plain.mp4", 160, (160, 90)),
        ("turned.mp4", 160, (90, 160)),
        ("plain.mp4", 1000, (320, 180)),
        ("squeezed.mp4", 320, (320, 180)),
    ],
)
def test_sizes(name, width, size, preview):
    assert preview(name, width=width, seconds=1)[0].size == size


@pytest.mark.slow
def test_noise_is_not_too_large(preview):
    """`read` compares the bytes; at the usual quality there would be more."""
    from tornado_media.engines.preview import BYTES, QUALITY

    assert len(preview("noise.mkv")[1]) == 30
    assert QUALITY > 10
    assert BYTES <= 400_000


def test_no_video(preview):
    with pytest.raises(SourceUnusable, match="no video"):
        preview("sound.mp3")
