import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tornado_media.formats.pictures import may_be_animated, may_have_alpha

TYPES = {
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "JPEG": "image/jpeg",
    "AVIF": "image/avif",
}


def head(kind, mode="RGB", frames=1, **more):
    pictures = [Image.new(mode, (20, 10), index * 9) for index in range(frames)]
    if mode == "RGBA":
        pictures = [Image.new(mode, (20, 10), (index, 2, 3, 9)) for index in range(frames)]
    made = io.BytesIO()
    several = {"save_all": True, "append_images": pictures[1:]} if frames > 1 else {}
    pictures[0].save(made, kind, **several, **more)
    return made.getvalue()[:4096], TYPES[kind]


@pytest.mark.parametrize(
    ("picture", "alpha"),
    [
        (head("JPEG"), False),
        (head("PNG"), False),
        (head("PNG", "RGBA"), True),
        (head("PNG", "LA"), True),
        (head("PNG", "P"), False),
        (head("PNG", "P", transparency=0), True),
        (head("WEBP"), False),
        (head("WEBP", "RGBA"), True),
        (head("GIF", "P"), True),
        (head("AVIF"), True),
        ((b"\x89PNG\r\n\x1a\n", "image/png"), False),
        ((b"RIFF\0\0\0\0WEBPVP8X", "image/webp"), True),
        ((b"", "video/mp4"), False),
        ((b"<svg", "image/svg+xml"), True),
    ],
)
def test_alpha(picture, alpha):
    assert may_have_alpha(*picture) is alpha


def test_alpha_of_a_png_whose_pixels_are_out_of_sight():
    content, kind = head("PNG", "P")
    assert may_have_alpha(content[: content.index(b"IDAT")] + b"\0" * 4096, kind)


@pytest.mark.parametrize(
    ("picture", "animated"),
    [
        (head("WEBP"), False),
        (head("WEBP", "RGBA"), False),
        (head("WEBP", frames=3), True),
        (head("GIF", "P"), True),
        ((head("PNG", frames=3)[0], "image/apng"), True),
        (head("PNG"), False),
        ((b"RIFF\0\0\0\0WEBPVP8X", "image/webp"), False),
    ],
)
def test_animated(picture, animated):
    assert may_be_animated(*picture) is animated


@given(st.binary(max_size=100), st.sampled_from(sorted(TYPES.values())))
def test_any_bytes_have_an_answer(content, kind):
    may_have_alpha(content, kind)
    may_be_animated(content, kind)
