import io
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tornado_media.formats import counts

bombs = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "bombs.py")))


@pytest.mark.parametrize(
    ("media_type", "make"), [("image/webp", lambda n: bombs.webp(1, 1, n)), ("image/tiff", bombs.pages)]
)
@pytest.mark.parametrize("number", [1, 2, 7])
def test_frames_and_pages(media_type, make, number):
    assert counts.has_frames(make(number), media_type, number - 1)
    assert not counts.has_frames(make(number), media_type, number)


@pytest.mark.parametrize("big", [False, True])
def test_pages_that_others_have_written(big):
    made = io.BytesIO()
    pages = [Image.new("L", (9, 9)) for _ in range(3)]
    pages[0].save(made, "TIFF", save_all=True, append_images=pages[1:], big_tiff=big)
    assert counts.has_frames(made.getvalue(), "image/tiff", 2)
    assert not counts.has_frames(made.getvalue(), "image/tiff", 3)


def test_a_circle_of_pages_has_no_end():
    assert counts.has_frames(bombs.BOMBS["circle.tiff"](), "image/tiff")


def test_a_png_is_not_counted():
    assert not counts.has_frames(bombs.webp(1, 1, 9), "image/png", 1)


@pytest.mark.parametrize("number", [1, 2, 30])
def test_scans(number):
    content = bombs.jpeg(64, 64, number)
    assert counts.has_scans(content, number - 1)
    assert not counts.has_scans(content, number)


def test_a_small_picture_may_have_more_scans():
    most = [counts.most_scans(pixels) for pixels in (0, 1, 1_000_000, 10_000_000, 50_000_000, 10**12)]
    assert most == [1000, 1000, 1000, 100, 20, 20]


@given(st.binary(), st.sampled_from([b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"RIFF", b""]))
def test_anything_has_an_answer(content, head):
    for media_type in ("image/webp", "image/tiff"):
        assert counts.has_frames(head + content, media_type, 3) in (True, False)
    assert counts.has_scans(head + content, 3) in (True, False)
