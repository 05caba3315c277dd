from __future__ import annotations

import io
import runpy
from pathlib import Path

import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from tornado_media.engines.webp_planes import is_plain_lossy, means

ssim = runpy.run_path(str(Path(__file__).with_name("ssim.py")))["ssim"]


def webp(size=(160, 120), colour=(200, 40, 60), **how):
    image = Image.new("RGB", size, colour)
    ImageDraw.Draw(image).ellipse((0, 0, size[0] // 2, size[1] // 2), fill=(20, 120, 240))
    return saved(image, **how)


def saved(image, **how):
    made = io.BytesIO()
    image.save(made, "WEBP", **{"quality": 90, **how})
    return made.getvalue()


def with_alpha():
    return saved(Image.new("RGBA", (32, 32), (9, 9, 9, 100)))


def moving():
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    return saved(frames[0], save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("content", "plain"),
    [
        (webp(), True),
        (webp(exif=b"Exif\0\0" + bytes(40)), True),  # VP8X
        (webp(lossless=True), False),
        (with_alpha(), False),
        (moving(), False),
        (webp()[:-2], False),
        (webp()[:30], False),
        (b"", False),
    ],
)
def test_which_are_plain(content, plain):
    assert is_plain_lossy(content) is plain


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 40, 60), (30, 200, 90), (20, 30, 220)])
def test_colours_are_those_of_libwebp(colour):
    content = saved(Image.new("RGB", (64, 64), colour))
    shown = Image.open(io.BytesIO(content)).convert("RGB").getpixel((32, 32))
    found = means(content, 4).getpoint(8, 8)
    assert all(abs(a - b) <= 2 for a, b in zip(found, shown, strict=True))


@pytest.mark.parametrize("size", [(160, 120), (161, 121), (163, 119), (8, 8), (5, 3)])
@pytest.mark.parametrize("block", [2, 4, 6])
def test_blocks_of_any_picture(size, block):
    image = means(webp(size), block)
    assert (image.width, image.height) == (-(-size[0] // block), -(-size[1] // block))
    assert image.bands == 3


def test_it_looks_like_the_picture(picture):
    with Image.open(picture("photo.webp", 1200, 900, quality=90)) as image:
        expected = image.convert("RGB").reduce(6)
    shown = pyvips.Image.new_from_memory(expected.tobytes(), 200, 150, 3, "uchar").copy(interpretation="srgb")
    assert ssim(means((Path(picture("photo.webp", 1200, 900, quality=90))).read_bytes(), 6), shown) > 0.99


@given(st.binary(max_size=60), st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_anything_gives_an_image_or_none(noise, place):
    content = bytearray(webp((48, 48)))
    content[place : place + len(noise)] = noise
    content[4:8] = (len(content) - 8).to_bytes(4, "little")
    if is_plain_lossy(bytes(content)):
        image = means(bytes(content), 4)
        assert image is None or image.bands == 3
