"""JPEG by Pillow against JPEG by libvips: the same pixels, or nothing."""

from __future__ import annotations

import io
import random
import runpy
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from tornado_media.engines import decode, jpeg_turbo, lanczos, loading
from tornado_media.formats.jpeg import SOS, segments

import pyvips  # isort: skip (`decode` has told libvips how to behave, before it is loaded)

# Tests are imported one by one (--import-mode=importlib), so what they share is no module for them.
ssim = runpy.run_path(str(Path(__file__).with_name("ssim.py")))["ssim"]

SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


def photo(mode="RGB", size=(333, 251), blur=1):
    planes = [
        Image.frombytes("L", size, random.Random(seed).randbytes(size[0] * size[1])).filter(
            ImageFilter.BoxBlur(blur)
        )
        for seed in range(len(Image.new(mode, (1, 1)).getbands()))
    ]
    return Image.merge(mode, planes)


def file_of(image, **how):
    file = io.BytesIO()
    image.save(file, "JPEG", **{"quality": 88, **how})
    return file.getvalue()


def header(content):
    return pyvips.Image.new_from_buffer(content, "", access="sequential")


def by_vips(content, scale):
    return pyvips.Image.new_from_buffer(content, "", shrink=scale)


def decoded(content, scale, size=None, *, metadata=False, page=None):
    return jpeg_turbo.decode(content, page or header(content), scale, size, metadata=metadata)


def difference(one, other):
    assert (one.width, one.height, one.bands) == (other.width, other.height, other.bands)
    return (one - other).abs().max()


# -- out of a file ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
@pytest.mark.parametrize("kind", [*SUBSAMPLING, "L"])
def test_the_pixels_are_those_of_libvips(kind, scale):
    how = {"subsampling": SUBSAMPLING[kind]} if kind in SUBSAMPLING else {}
    content = file_of(photo("RGB" if kind in SUBSAMPLING else "L"), restart_marker_rows=3, **how)
    image, extent = decoded(content, scale)
    assert extent == (333 / scale, 251 / scale)
    wanted = by_vips(content, scale)
    assert (image.interpretation, image.format) == (wanted.interpretation, wanted.format)
    # libvips leaves out a column or row that is not whole
    assert (image.width, image.height) == (-(-333 // scale), -(-251 // scale))
    assert difference(image.crop(0, 0, wanted.width, wanted.height), wanted) == 0


def test_adobe_rgb_without_transform():
    """Three channels that are no luma and chroma: Pillow writes them as they are, and says so."""
    content = file_of(photo(), keep_rgb=True)
    assert b"Adobe" in content
    assert difference(decoded(content, 1)[0], by_vips(content, 1)) == 0


@pytest.mark.parametrize("most", [1_000_000, 200_000])
@pytest.mark.parametrize("scale", [1, 4, 8])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_small_one_comes_in_its_final_size(mode, scale, most, monkeypatch):
    monkeypatch.setattr(lanczos, "most", lambda: most)
    content = file_of(photo(mode, (731, 499), blur=9))
    size = 731 // (scale + 1), 499 // (scale + 1)
    image, extent = decoded(content, scale, size)
    if most * scale**2 < 731 * 499:
        assert extent == (731.0, 499.0)
        return
    assert ((image.width, image.height), extent) == (size, (float(size[0]), float(size[1])))
    with Image.open(io.BytesIO(content)) as whole:
        wanted = whole.resize(size, Image.Resampling.LANCZOS)
    wanted = pyvips.Image.new_from_memory(wanted.tobytes(), *size, len(mode), "uchar")
    assert ssim(image, wanted) > 0.99


def left_alone():
    plain = file_of(photo())
    return {
        "progressive": file_of(photo(), progressive=True),
        "cmyk": file_of(photo("CMYK")),
        "no end of the data": plain[:-300],
        "half": plain[: len(plain) // 2],
        "no data": plain[: next(each.header for each in segments(memoryview(plain)) if each.marker == SOS)],
        "another coding": plain.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"),
    }


LEFT_ALONE = left_alone()


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_left_to_libvips(name):
    content = LEFT_ALONE[name]
    page = header(content if name in ("progressive", "cmyk") else file_of(photo()))
    for scale in (1, 8):
        assert decoded(content, scale, page=page) is None


def test_a_header_that_libvips_did_not_see_is_left_alone():
    """The file was changed in place meanwhile: the room for its pixels would be too small."""
    content, other = file_of(photo()), header(file_of(photo(size=(333, 250))))
    assert decoded(content, 1, page=other) is None
    assert decoded(content, 1, page=header(file_of(photo("L")))) is None
    with pytest.raises(ValueError, match="cannot decode"):  # what Pillow itself does then, from 13 on
        Image.frombytes("RGB", (300, 251), content, "jpeg", "RGBX", "", 1, 0)


def test_a_large_one_is_left_to_libvips(monkeypatch):
    content = file_of(photo())
    monkeypatch.setattr(jpeg_turbo, "_MOST", 333 * 251 // 4 + 1)
    assert decoded(content, 1) is None
    assert decoded(content, 2) is not None


def test_metadata_as_asked():
    exif = Image.Exif()
    exif[0x0112], exif[0x8298] = 6, "somebody"
    profile = bytes(pyvips.Operation.call("profile_load", "p3"))
    how = {"exif": exif, "icc_profile": profile, "comment": b"words", "dpi": (300, 300)}
    content = file_of(photo(), **how)
    page = header(content)
    image, _ = decoded(content, 2, metadata=True)
    for name in page.get_fields():
        if name not in ("width", "height", "filename", "vips-sequential"):
            assert image.get(name) == page.get(name), name
    image, _ = decoded(content, 2)
    assert {"orientation", "icc-profile-data"} <= set(image.get_fields())
    assert not any(name.startswith("exif") for name in image.get_fields())


@pytest.mark.parametrize("content", [file_of(photo()), LEFT_ALONE["progressive"]], ids=["plain", "other"])
def test_both_ways_in_and_out_give_a_picture(content):
    loaded, extent = loading.load_jpeg(
        lambda content, **how: pyvips.Image.new_from_buffer(content, "", **how),
        content,
        header(content),
        (100, 75),
        metadata=False,
    )
    assert loaded.copy_memory().width >= 100
    assert extent[0] >= 100


# -- how much is decoded ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("progressive", [False, True])
def test_what_is_smooth_needs_no_margin(scale, progressive):
    smooth = photo(size=(1024, 768), blur=15)
    content = file_of(smooth, quality=80, progressive=progressive)
    assert len(content) * 8 < 0.75 * 1024 * 768
    size = round(1024 / scale / 1.02), round(768 / scale / 1.02)
    found, reduced = loading.reduced(content, (1024, 768), size, several_scans=progressive)
    assert found == scale
    wanted = smooth.resize(size, Image.Resampling.LANCZOS)
    wanted = pyvips.Image.new_from_memory(wanted.tobytes(), *size, 3, "uchar")
    image = by_vips(reduced, scale).resize(size[0] * scale / 1024, vscale=size[1] * scale / 768)
    assert ssim(image.crop(0, 0, *size), wanted) > 0.98


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_what_is_fine_needs_some(scale):
    content = file_of(photo(size=(1024, 768)), quality=80)
    assert len(content) * 8 > 0.75 * 1024 * 768
    for part, wanted in ((1.02, scale // 2), (1.2, scale // 2), (1.3, scale)):
        size = round(1024 / scale / part), round(768 / scale / part)
        assert loading.reduced(content, (1024, 768), size, several_scans=False)[0] == wanted


# -- into a file ------------------------------------------------------------------------------------------


def from_pillow(image):
    kind = "srgb" if image.mode == "RGB" else "b-w"
    pixels = pyvips.Image.new_from_memory(image.tobytes(), *image.size, len(image.mode), "uchar")
    return pixels.copy(interpretation=kind)


@pytest.mark.parametrize("quality", [1, 10, 50, 80, 89])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_what_is_written_has_the_same_pixels_and_size(mode, quality):
    image = from_pillow(photo(mode))
    how = {"Q": quality, "quant_table": 3, "subsample_mode": "on"}
    content = jpeg_turbo.encode(image, **how)
    wanted = image.jpegsave_buffer(optimize_coding=True, keep=0, **how)
    assert difference(by_vips(content, 1), by_vips(wanted, 1)) == 0
    assert len(content) == pytest.approx(len(wanted), abs=40)
    with Image.open(io.BytesIO(content)) as mine, Image.open(io.BytesIO(wanted)) as theirs:
        assert [layer[:3] for layer in mine.layer] == [layer[:3] for layer in theirs.layer]
        assert not {"exif", "icc_profile", "comment", "progressive"}.intersection(mine.info)


def test_what_is_left_to_libvips_to_write(monkeypatch):
    how = {"Q": 80, "quant_table": 3, "subsample_mode": "on"}
    image = from_pillow(photo())
    assert jpeg_turbo.encode(image, **how | {"subsample_mode": "off"}) is None
    assert jpeg_turbo.encode(image.bandjoin(255), **how) is None

    def fail(*args, **kwargs):
        raise OSError("encoder error -2")

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", fail)
        assert jpeg_turbo.encode(image, **how) is None
    monkeypatch.setattr(jpeg_turbo, "_MOST", image.width * image.height - 1)
    assert jpeg_turbo.encode(image, **how) is None


def test_pixels_that_cannot_be_had_are_an_error():
    content = file_of(photo("RGB"))
    broken = pyvips.Image.new_from_buffer(content[: len(content) // 2], "", fail_on=decode.FAIL_ON)
    with pytest.raises(pyvips.Error):
        jpeg_turbo.encode(broken, Q=80, quant_table=3, subsample_mode="on")
