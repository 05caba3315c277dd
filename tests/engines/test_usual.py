"""The short way against the long one: the same picture, or nothing."""

from __future__ import annotations

import io
import os
import runpy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tornado_media.engines import image, lanczos, usual
from tornado_media.engines.decode import open_picture
from tornado_media.engines.wish import Wish
from tornado_media.errors import BadRequest, SourceUnusable

import pyvips  # isort: skip (`decode` has told libvips how to behave, before it is loaded)

# Tests are imported one by one (--import-mode=importlib), so what they share is no module for them.
ssim = runpy.run_path(str(Path(__file__).with_name("ssim.py")))["ssim"]
photograph = runpy.run_path(str(Path(__file__).with_name("test_golden.py")))["photograph"]

SIZE = 801, 603
FORMATS = ("jpeg", "png", "webp", "avif", "gif")


@pytest.fixture(scope="module")
def scene():
    picture = photograph(*SIZE)
    return Image.frombytes("RGB", SIZE, bytes(picture.write_to_memory()))


@pytest.fixture
def saved(scene, descriptor_of):
    """`saved(...)`: an open descriptor of the scene as a JPEG."""

    def save(picture=None, **how):
        file = io.BytesIO()
        (picture or scene).save(file, "JPEG", **{"quality": 90, **how})
        return descriptor_of(file.getvalue())

    return save


def short(source, **asked):
    return usual.thumbnail(source, Wish(**asked))


def long(source, **asked):
    wish = Wish(**asked)
    with open_picture(source, "image/jpeg", pixels=wish.pixels, frames=wish.frames) as picture:
        return image.render(picture, wish)


def seen(content):
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        return picture.format, picture.size, picture.mode


def alike(one, other):
    shown = [pyvips.Image.new_from_buffer(content, "").colourspace("srgb")[:3] for content in (one, other)]
    return ssim(*[each.copy_memory() for each in shown])


ASKED = {
    "inside": {"width": 200, "height": 200},
    "one side": {"height": 99},
    "fill": {"width": 150, "height": 160, "fit": "fill"},
    "cover": {"width": 100, "height": 150, "fit": "cover", "position": "right"},
    "focal point": {"width": 220, "height": 70, "fit": "cover", "position": "0.3,0.9"},
    "dpr": {"width": 80, "height": 80, "dpr": 2.0},
    "its own size": {},
    "one pixel": {"width": 1, "height": 1, "fit": "fill"},
}


@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"subsampling": 0}], ids=["420", "scans", "444"])
@pytest.mark.parametrize("name", ASKED)
def test_the_picture_is_that_of_the_long_way(name, how, saved):
    source = saved(**how)
    content = short(source, **ASKED[name])
    if content is None:  # a large decode, or nothing of a file in scans can be left out
        assert name == "its own size"
        return
    wanted = long(source, **ASKED[name])
    assert seen(content) == seen(wanted)
    assert seen(content)[1] == (1, 1) or alike(content, wanted) > 0.98


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright(orientation, saved):
    exif = Image.Exif()
    exif[0x0112] = orientation
    source = saved(exif=exif)
    for asked in ("inside", "cover", "focal point"):
        content, wanted = short(source, **ASKED[asked]), long(source, **ASKED[asked])
        assert seen(content) == seen(wanted)
        assert alike(content, wanted) > 0.98


@pytest.mark.parametrize("format_", FORMATS)
def test_any_format(format_, saved):
    source = saved()
    for more in ({}, {"quality": 50}, {"max_bytes": 6000}, {"progressive": True}, {"animated": True}):
        asked = {"width": 120, "height": 90, "format": format_} | more
        content, wanted = short(source, **asked), long(source, **asked)
        assert seen(content) == seen(wanted)
        assert alike(content, wanted) > 0.95
        assert len(content) == pytest.approx(len(wanted), rel=0.05)


def test_grey(saved, scene):
    source = saved(scene.convert("L"))
    assert seen(short(source, width=99)) == ("JPEG", (99, 75), "L")
    assert alike(short(source, width=99), long(source, width=99)) > 0.98


@pytest.mark.parametrize("name", ["p3", "srgb"])
def test_colours_become_srgb(name, saved):
    profile = bytes(pyvips.Operation.call("profile_load", name))
    source = saved(Image.new("RGB", (400, 300), (30, 200, 90)), icc_profile=profile, quality=100)
    pixels = [Image.open(io.BytesIO(way(source, width=99))).getpixel((50, 30)) for way in (short, long)]
    assert all(abs(a - b) <= 1 for a, b in zip(*pixels, strict=True))
    assert "icc_profile" not in Image.open(io.BytesIO(short(source, width=99))).info


def test_a_profile_of_another_kind_is_as_none(saved, scene):
    grey = bytes(pyvips.Operation.call("profile_load", "cmyk"))
    assert short(saved(icc_profile=grey), width=99) is not None  # of another kind: as if there were none
    source = saved(scene.convert("L"), icc_profile=ImageCms.ImageCmsProfile(lab()).tobytes())
    assert short(source, width=99) is not None


def lab():
    return ImageCms.createProfile("LAB")


OTHERWISE = [
    {"crop": "0,0,50,50"}, {"rotate": 90.0}, {"rotate": 3.0}, {"flip": "both"}, {"padding": "4"}, {"trim": 5},
    {"blur": 1.0}, {"sharpen": 1.0}, {"grayscale": True}, {"brightness": 1.1}, {"contrast": 0.9},
    {"hue": 9.0}, {"saturation": 2.0}, {"invert": True}, {"pixelate": 4}, {"round": 9},
    {"watermark": (0, "image/png")}, {"strip": "none"}, {"strip": "copyright"}, {"frame": 1}, {"page": 0},
    {"linear": True},
    {"fit": "contain"}, {"fit": "cover", "position": "entropy"}, {"width": 900, "fit": "fill"},
    {"pixels": 1000},
]  # fmt: skip


@pytest.mark.parametrize("more", OTHERWISE, ids=str)
def test_what_is_not_usual_goes_the_long_way(more, saved):
    assert short(saved(), **{"width": 100, "height": 100} | more) is None


def test_every_field_of_a_wish_is_one_or_the_other():
    """A new parameter must be decided about: it is no part of the short way by itself."""
    known = {name for more in OTHERWISE for name in more} - {"width", "fit", "position", "pixels"}
    assert set(usual._OTHERWISE) == known


def test_what_is_not_plain_goes_the_long_way(saved, scene, tmp_path):
    assert short(saved(scene.convert("CMYK")), width=100) is None
    empty = tmp_path / "empty.jpg"
    empty.touch()
    with empty.open("rb") as file:
        assert short(file.fileno(), width=100) is None


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("part", [0.2, 0.6, 0.99])
def test_what_is_cut_off_is_refused_as_ever(part, progressive, saved, tmp_path):
    whole = os.pread(saved(progressive=progressive), 10_000_000, 0)
    path = tmp_path / "cut.jpg"
    path.write_bytes(whole[: int(len(whole) * part)])
    with path.open("rb") as file:
        assert short(file.fileno(), width=100) is None
        with pytest.raises(SourceUnusable):
            image.thumbnail(file.fileno(), "image/jpeg", width=100)


def test_refusals_are_those_of_the_long_way(saved):
    for way in (short, long):
        with pytest.raises(BadRequest, match="cannot be lossless"):
            way(saved(), width=100, lossless=True)
        with pytest.raises(BadRequest, match="does not fit into 100 bytes"):
            way(saved(), width=100, max_bytes=100)
        with pytest.raises(BadRequest, match="pixels; 1000 at most"):
            way(saved(), width=100, output_pixels=1000)


def test_too_many_scans(saved, monkeypatch):
    monkeypatch.setattr("tornado_media.formats.counts.most_scans", lambda pixels: 2)
    with pytest.raises(SourceUnusable, match="scans"):
        short(saved(progressive=True), width=100)


def test_a_large_decode_is_left_to_libvips(saved, monkeypatch):
    source = saved()
    assert short(source, width=700) is not None or lanczos.most() < SIZE[0] * SIZE[1]
    monkeypatch.setattr(lanczos, "most", lambda: 200_000)
    assert short(source, width=700) is None
    monkeypatch.setattr(usual, "_MOST", SIZE[0] * SIZE[1])
    assert short(source, width=700) is not None


def test_the_position_of_the_source_stays(saved):
    source = saved()
    os.lseek(source, 5, os.SEEK_SET)
    assert short(source, width=100)
    assert os.lseek(source, 0, os.SEEK_CUR) == 5


def test_the_engine_takes_the_short_way(saved, monkeypatch):
    source, asked = saved(), {"width": 100, "height": 80}
    wanted = short(source, **asked)
    monkeypatch.setattr(image, "render", None)
    assert image.thumbnail(source, "image/jpeg", **asked) == wanted


@settings(max_examples=60)
@given(data=st.data())
def test_damaged_files(data, tmp_path_factory):
    """A picture or nothing; what is refused is refused by the long way."""
    content = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(2, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.jpg"
    path.write_bytes(content)
    with path.open("rb") as file:
        try:
            made = short(file.fileno(), width=20, height=20)
        except SourceUnusable:
            return
        if made is not None:
            assert max(seen(made)[1]) <= 20


def small():
    file = io.BytesIO()
    Image.effect_noise((90, 70), 60).convert("RGB").save(file, "JPEG", quality=70, progressive=True)
    return file.getvalue()


WHOLE = small()
