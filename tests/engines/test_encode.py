"""Images to files, read back by Pillow, which shares no code with libvips."""

from __future__ import annotations

import contextlib
import io
import runpy
from math import cos, sin
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from tornado_media.engines.decode import pyvips
from tornado_media.engines.encode import encode
from tornado_media.errors import BadRequest
from tornado_media.formats import qualities

# the folders of tests are no packages
ssim = runpy.run_path(str(Path(__file__).with_name("ssim.py")))["ssim"]

FORMATS = ("jpeg", "png", "webp", "avif", "gif")
BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
WIDTH, HEIGHT = 96, 64


def picture(mode="RGB", size=(WIDTH, HEIGHT)):
    """Ramps with ripples, as smooth as a photograph; transparency from left to right."""
    pixels = bytearray()
    for y in range(size[1]):
        for x in range(size[0]):
            light = 45 * (1 + sin(x / 3 + y * y / 300) * cos(y / 2 - x / 11))
            ramp = (x * 160 // size[0], y * 160 // size[1], (x + y) * 90 // sum(size))
            colour = [int(value + light) for value in ramp]
            pixels += bytes(colour if mode.startswith("RGB") else colour[:1])
            if mode.endswith("A"):
                pixels.append(x * 255 // (size[0] - 1))
    bands = BANDS[mode]
    image = pyvips.Image.new_from_memory(bytes(pixels), *size, bands, "uchar")
    return image.copy(interpretation="b-w" if bands < 3 else "srgb")


def read(content):
    found = Image.open(io.BytesIO(content))
    found.load()
    return found


def same(image, content):
    """SSIM of an image and of what a file holds; transparent pixels are white."""
    return ssim(image, pyvips.Image.new_from_buffer(content, ""))


def strip_of(colours, delays, loop, size=(32, 24)):
    """An animation as libvips has it."""
    frames = [
        pyvips.Image.black(*size, bands=3).linear(1, list(colour)).cast("uchar").copy(interpretation="srgb")
        for colour in colours
    ]
    strip = pyvips.Image.arrayjoin(frames, across=1).copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", size[1])
    strip.set_type(pyvips.GValue.array_int_type, "delay", delays)
    strip.set_type(pyvips.GValue.gint_type, "loop", loop)
    return strip


# -- formats and kinds of images --------------------------------------------------------------------------


@pytest.mark.parametrize("mode", BANDS)
@pytest.mark.parametrize("format_", FORMATS)
def test_each_format_of_each_kind_of_image(format_, mode):
    image = picture(mode)
    content = encode(image, format=format_)
    found = read(content)
    assert (found.format, found.size) == (format_.upper(), (WIDTH, HEIGHT))
    transparent = mode.endswith("A") and format_ != "jpeg"
    assert (_alpha(found).getextrema()[0] < 255) is transparent
    if format_ != "gif" or not transparent:
        assert same(image, content) > {"png": 0.9999, "gif": 0.9}.get(format_, 0.94)
    if transparent:
        alpha = _alpha(found)
        assert alpha.getpixel((0, 5)) < 3
        assert alpha.getpixel((WIDTH - 1, 5)) > 252
    if mode == "L" and format_ in {"jpeg", "png"}:
        assert found.mode == "L"  # three equal channels would only be larger


def _alpha(image):
    return image.convert("RGBA").getchannel("A")


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_jpeg_shows_the_background_through(mode):
    content = encode(picture(mode), format="jpeg", quality=95, background=(0, 128, 255))
    left = read(content).convert("RGB").getpixel((0, 30))
    assert all(abs(a - b) < 12 for a, b in zip(left, (0, 128, 255), strict=True))


@pytest.mark.parametrize("format_", ["png", "avif"])
def test_transparency_that_is_nowhere_is_left_out(format_):
    opaque = picture("RGB")
    with_alpha = opaque.bandjoin(255)
    assert encode(with_alpha, format=format_) == encode(opaque, format=format_)
    assert not read(encode(with_alpha, format=format_)).has_transparency_data


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_sixteen_bits_become_eight(format_, mode):
    image = picture(mode)
    wide = (image.cast("ushort") * 257).cast("ushort")
    wide = wide.copy(interpretation="grey16" if mode == "L" else "rgb16")
    assert encode(wide, format=format_) == encode(image, format=format_)


def test_fractions_are_rounded_not_cut_off():
    image = picture()
    assert encode(image - 0.3, format="png") == encode(image, format="png")


def test_of_a_source_with_ten_bits_the_result_has_eight():
    image = picture().copy()
    image.set_type(pyvips.GValue.gint_type, "heif-bitdepth", 10)
    assert encode(image, format="avif") == encode(picture(), format="avif")


@pytest.mark.parametrize("format_", FORMATS)
def test_one_pixel(format_):
    assert read(encode(picture(size=(1, 2)), format=format_)).size == (1, 2)


@pytest.mark.parametrize(
    ("format_", "side"), [("webp", 16_383), ("avif", 16_384), ("jpeg", 65_500), ("gif", 65_535)]
)
def test_a_side_has_a_limit(format_, side):
    row = pyvips.Image.black(side, 1, bands=3).copy(interpretation="srgb")
    assert encode(row, format=format_)
    longer = pyvips.Image.black(side + 1, 1, bands=3).copy(interpretation="srgb")
    for image in (longer, longer.rot90()):
        with pytest.raises(BadRequest, match=f"at most {side} pixels a side; this would have {side + 1}"):
            encode(image, format=format_)


@pytest.mark.parametrize("arguments", [{}, {"quality": 50}, {"progressive": True}, {"strip": "none"}])
@pytest.mark.parametrize("format_", FORMATS)
def test_the_same_image_gives_the_same_bytes(format_, arguments):
    assert encode(picture(), format=format_, **arguments) == encode(picture(), format=format_, **arguments)


# -- animations -------------------------------------------------------------------------------------------

COLOURS = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]


@pytest.mark.parametrize("format_", ["gif", "webp"])
def test_an_animation_keeps_its_timing(format_):
    found = read(encode(strip_of(COLOURS, [100, 250, 40], 3), format=format_))
    assert found.size == (32, 24)
    frames = [(frame.convert("RGB").getpixel((9, 9)), frame.info["duration"]) for frame in _frames(found)]
    assert [duration for _, duration in frames] == [100, 250, 40]
    for (colour, _), wanted in zip(frames, COLOURS, strict=True):
        assert all(abs(a - b) < 10 for a, b in zip(colour, wanted, strict=True))
    # a GIF says how often it is repeated, so its three times are two repetitions
    assert found.info["loop"] in ({3} if format_ == "webp" else {2, 3})


@pytest.mark.parametrize("format_", ["jpeg", "png", "avif"])
def test_what_cannot_move_shows_the_first_frame(format_):
    found = read(encode(strip_of(COLOURS, [100, 100, 100], 0), format=format_))
    assert found.size == (32, 24)
    assert getattr(found, "n_frames", 1) == 1
    assert found.convert("RGB").getpixel((9, 9))[0] > 180


def test_an_animation_may_be_taller_than_a_side():
    strip = strip_of(COLOURS * 3, [50] * 9, 0, size=(4, 2_000))
    assert strip.height > 16_383
    assert read(encode(strip, format="webp")).size == (4, 2_000)


def _frames(image):
    for frame in ImageSequence.Iterator(image):
        frame.load()
        yield frame


# -- quality ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", FORMATS)
def test_more_quality_is_more_bytes_and_more_likeness(format_):
    image = picture()
    low, high = (encode(image, format=format_, quality=quality) for quality in (20, 88))
    assert len(low) < len(high)
    assert same(image, low) < same(image, high)


@pytest.mark.parametrize("format_", ["jpeg", "webp", "avif"])
def test_the_quality_that_nobody_asks_for(format_):
    chosen = qualities.QUALITY[format_]
    assert encode(picture(), format=format_) == encode(picture(), format=format_, quality=chosen)


@pytest.mark.parametrize(("quality", "factors"), [(80, (2, 2)), (89, (2, 2)), (90, (1, 1)), (95, (1, 1))])
def test_colours_of_a_jpeg_have_all_pixels_from_90(quality, factors):
    found = read(encode(picture(), format="jpeg", quality=quality))
    assert found.layer[0][1:3] == factors


@pytest.mark.parametrize(
    ("quality", "colours"), [(None, 256), (100, 256), (88, 256), (87, 128), (50, 16), (12, 2), (1, 2)]
)
def test_the_quality_of_a_gif_is_its_colours(quality, colours):
    found = read(encode(picture(), format="gif", quality=quality))
    used = len(found.convert("RGB").getcolors(256))
    assert colours / 2 < used <= colours


def test_a_png_with_a_quality_has_a_palette():
    assert read(encode(picture(), format="png")).mode == "RGB"
    assert read(encode(picture(), format="png", quality=80)).mode == "P"


@pytest.mark.parametrize("mode", BANDS)
@pytest.mark.parametrize("format_", ["png", "webp", "avif"])
def test_lossless_is_the_same_pixels(format_, mode):
    image = picture(mode)
    found = pyvips.Image.new_from_buffer(encode(image, format=format_, lossless=True, quality=10), "")
    if image.hasalpha():
        # nobody sees the colour of a transparent pixel, and WebP does not keep it
        found, image = found.flatten(), image.flatten()
    assert (found.colourspace("srgb") - image.colourspace("srgb")).abs().max() == 0


@pytest.mark.parametrize("format_", ["jpeg", "gif"])
def test_lossless_is_refused_where_it_cannot_be(format_):
    with pytest.raises(BadRequest, match="cannot be lossless; PNG, WebP and AVIF can"):
        encode(picture(), format=format_, lossless=True)


@pytest.mark.parametrize("format_", ["jpeg", "png", "gif"])
def test_progressive(format_):
    for progressive in (True, False):
        found = read(encode(picture(), format=format_, progressive=progressive)).info
        seen = found.get("progressive") or found.get("interlace")
        if format_ == "gif":
            # Pillow does not say; byte 8 of an image descriptor, bit 6
            raw = encode(picture(), format=format_, progressive=progressive)
            seen = raw[raw.index(b"\x2c\0\0\0\0") + 9] & 0x40
        assert bool(seen) is progressive


# -- max_bytes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", FORMATS)
def test_what_fits_anyway_is_left_as_it_is(format_):
    content = encode(picture(), format=format_)
    assert encode(picture(), format=format_, max_bytes=len(content)) == content


@pytest.mark.parametrize("format_", FORMATS)
def test_what_does_not_fit_gets_less_quality(format_):
    image = picture()
    whole = encode(image, format=format_)
    smaller = encode(image, format=format_, max_bytes=len(whole) - 1)
    assert len(smaller) < len(whole)
    assert read(smaller).size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("format_", ["jpeg", "webp", "avif"])
def test_it_is_the_highest_quality_that_fits(format_):
    image, start = picture(), qualities.QUALITY[format_]
    ladder = range(start, qualities.LOWEST - 1, -qualities.STEP)
    sizes = [len(encode(image, format=format_, quality=quality)) for quality in ladder]
    # where a higher quality happens to be smaller, a search in halves may miss it
    steady = [n for n in range(1, len(sizes)) if max(sizes[n:]) == sizes[n] < min(sizes[:n])]
    assert len(steady) > 10
    for n in steady:
        assert len(encode(image, format=format_, max_bytes=sizes[n])) == sizes[n]


@pytest.mark.parametrize("format_", FORMATS)
def test_what_can_never_fit_is_refused(format_):
    with pytest.raises(BadRequest, match="does not fit into 30 bytes; the smallest that was tried has"):
        encode(picture(), format=format_, max_bytes=30)


@pytest.mark.parametrize("format_", ["png", "webp", "avif"])
def test_lossless_does_not_lose_anything_to_fit(format_):
    content = encode(picture(), format=format_, lossless=True)
    with pytest.raises(BadRequest, match=f"the smallest that was tried has {len(content)}"):
        encode(picture(), format=format_, lossless=True, max_bytes=len(content) - 1)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_picture_is_encoded_a_few_times_at_most(format_, monkeypatch):
    from tornado_media.engines import encode as module

    runs = []
    save = module._save
    monkeypatch.setattr(module, "_save", lambda *all_: runs.append(1) or save(*all_))
    for most in (30, 2_000):
        runs.clear()
        with contextlib.suppress(BadRequest):
            encode(picture(), format=format_, quality=100, max_bytes=most)
        assert 0 < len(runs) <= 6


IMAGES = {mode: picture(mode, (48, 32)).copy_memory() for mode in BANDS}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(FORMATS),
    st.sampled_from(sorted(BANDS)),
    st.none() | st.integers(1, 100),
    st.integers(1, 8_000),
)
def test_a_result_never_has_more_bytes_than_asked(format_, mode, quality, most):
    try:
        content = encode(IMAGES[mode], format=format_, quality=quality, max_bytes=most)
    except BadRequest:
        return
    assert len(content) <= most
    assert read(content).size == (48, 32)


def test_pixels_that_cannot_be_computed():
    whole = encode(picture(size=(300, 200)), format="jpeg")
    image = pyvips.Image.new_from_buffer(whole[: len(whole) // 2], "", access="sequential", fail_on="error")
    with pytest.raises(pyvips.Error):
        encode(image, format="png")
