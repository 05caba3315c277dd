from __future__ import annotations

import dataclasses
import io
import math
import os
import random
import struct
import zlib

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageDraw

from tornado_media.engines import ENGINES, reopen
from tornado_media.engines.wish import Wish
from tornado_media.errors import BadRequest, SourceUnusable
from tornado_media.formats.geometry import read_padding
from tornado_media.presets import engines as presets

TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}
TYPES |= {"tif": "image/tiff", "avif": "image/avif", "svg": "image/svg+xml"}
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@pytest.fixture
def thumbnail(opened):
    """`thumbnail(path, ...)`: the result, as Pillow reads it."""
    from tornado_media.engines import image

    def make(path, media_type=None, *, kind="jpeg", mark=None, **more):
        arguments = {"quality": None if kind == "png" else 90, "format": kind} | more
        media_type = media_type or TYPES[path.name.rpartition(".")[2]]
        if mark:
            with mark.open("rb") as file:
                arguments["watermark"] = file.fileno(), TYPES[mark.name.rpartition(".")[2]]
                content = opened(image.thumbnail, path, media_type, **arguments)
        else:
            content = opened(image.thumbnail, path, media_type, **arguments)
        result = Image.open(io.BytesIO(content))
        result.load()
        assert result.format == kind.upper()
        return result

    return make


def quarters(size=(160, 120), mode="RGB"):
    """Red, green; blue, white: which corner is where can be seen."""
    image = Image.new("RGB", size, "white")
    draw, (width, height) = ImageDraw.Draw(image), (size[0] // 2, size[1] // 2)
    draw.rectangle((0, 0, width - 1, height - 1), "red")
    draw.rectangle((width, 0, size[0], height - 1), "lime")
    draw.rectangle((0, height, width - 1, size[1]), "blue")
    return image.convert(mode)


def corners(image):
    width, height = image.size
    points = ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))
    return [image.convert("RGB").getpixel((int(x * width), int(y * height))) for x, y in points]


def near(found, wanted, tolerance=12):
    return all(
        abs(a - b) <= tolerance
        for one, other in zip(found, wanted, strict=True)
        for a, b in zip(one, other, strict=True)
    )


RGBW = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]


def test_the_table_names_functions_that_exist():
    from importlib import import_module

    for where in ENGINES.values():
        module, function = where.split(":")
        assert callable(getattr(import_module(module), function))


def test_presets_know_each_parameter():
    known = presets.ENGINES["thumbnail"]
    names = {*known.takes, *known.limits, "width", "height"} - {"size"}
    assert names == {field.name for field in dataclasses.fields(Wish)}


# -- sizes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fit", "width", "height", "size"),
    [
        ("inside", 80, 80, (80, 60)),
        ("inside", 80, None, (80, 60)),
        ("inside", None, 60, (80, 60)),
        ("inside", 4000, 4000, (160, 120)),
        ("inside", None, None, (160, 120)),
        ("inside", 1, 1, (1, 1)),
        ("contain", 80, 80, (80, 80)),
        ("contain", 400, 400, (400, 400)),
        ("contain", 80, None, (80, 60)),
        ("cover", 80, 80, (80, 80)),
        ("cover", 400, 100, (400, 100)),
        ("cover", None, 60, (80, 60)),
        ("fill", 80, 80, (80, 80)),
        ("fill", 400, 20, (400, 20)),
        ("fill", 320, None, (320, 240)),
    ],
)
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_sizes(fit, width, height, size, kind, thumbnail, tmp_path):
    path = tmp_path / "a.png"
    quarters().save(path)
    assert thumbnail(path, width=width, height=height, fit=fit, kind=kind).size == size


def test_fits_keep_what_they_should(thumbnail, tmp_path):
    path = tmp_path / "a.png"
    quarters((400, 100)).save(path)
    for fit in ("inside", "fill", "cover"):
        assert near(corners(thumbnail(path, width=80, height=80, fit=fit, kind="png")), RGBW)
    padded = thumbnail(path, width=80, height=80, fit="contain")
    assert near([padded.getpixel((40, 5)), padded.getpixel((20, 35))], [(255, 255, 255), (255, 0, 0)])
    padded = thumbnail(path, width=80, height=80, fit="contain", kind="png")
    assert padded.getpixel((40, 5))[3] == 0
    assert near([padded.getpixel((20, 35))], [(255, 0, 0, 255)])


def test_a_large_photo(thumbnail, photo):
    result = thumbnail(photo, width=300, height=200)
    assert result.size == (300, 200)
    assert max(b - a for a, b in result.getextrema()) > 100


# -- orientation and colour -------------------------------------------------------------------------------

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fit", ["inside", "cover"])
def test_pictures_are_upright(orientation, fit, thumbnail, tmp_path):
    path, image = tmp_path / "a.jpg", quarters()
    if orientation > 1:
        image = image.transpose(TURNS[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, quality=95, subsampling=0, exif=exif)
    result = thumbnail(path, width=80, height=60, fit=fit)
    assert result.size == (80, 60)
    assert near(corners(result), RGBW, 30)
    assert 0x0112 not in result.getexif()


def test_cmyk_becomes_srgb(thumbnail, tmp_path):
    path = tmp_path / "a.jpg"
    quarters(mode="CMYK").save(path, quality=95)
    result = thumbnail(path, width=80)
    assert result.mode == "RGB"
    red, green, blue, white = corners(result)
    assert red[0] > max(red[1:]) + 100
    assert green[1] > max(green[0], green[2]) + 50
    assert blue[2] > max(blue[:2]) + 50
    assert min(white) > 245


def test_an_embedded_profile_is_dropped(thumbnail, tmp_path):
    path = tmp_path / "a.jpg"
    quarters().save(path, quality=95, subsampling=0, icc_profile=SRGB.tobytes())
    result = thumbnail(path, width=80)
    assert "icc_profile" not in result.info
    assert near(corners(result), RGBW, 30)


def swapped_profile():
    """sRGB's profile with the red and blue primaries exchanged: whoever applies it sees red as blue."""
    content = bytearray(SRGB.tobytes())
    tags = {
        bytes(content[p : p + 4]): p
        for p in range(132, 132 + 12 * int.from_bytes(content[128:132], "big"), 12)
    }
    red, blue = (tags[name] for name in (b"rXYZ", b"bXYZ"))
    content[red : red + 4], content[blue : blue + 4] = content[blue : blue + 4], content[red : red + 4]
    return bytes(content)


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_profile_changes_the_numbers(name, thumbnail, tmp_path):
    path = tmp_path / name
    quarters().save(path, quality=95, subsampling=0, icc_profile=swapped_profile())
    red, _, blue, white = corners(thumbnail(path, width=80))
    assert near([red, blue, white], [(0, 0, 255), (255, 0, 0), (255, 255, 255)], 30)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.jpg", "L"),
        ("a.png", "P"),
        ("a.png", "1"),
        ("a.png", "LA"),
        ("a.png", "I;16"),
        ("a.gif", "P"),
        ("a.webp", "RGB"),
        ("a.tif", "CMYK"),
        ("a.tif", "RGB"),
        ("a.avif", "RGB"),
    ],
)
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_kinds_of_pictures(name, mode, kind, thumbnail, tmp_path):
    path = tmp_path / name
    if mode == "I;16":
        quarters(mode="L").convert("I").point(lambda value: value * 257).convert("I;16").save(path)
    else:
        quarters(mode=mode).save(path)
    result = thumbnail(path, width=80, kind=kind)
    assert result.size == (80, 60)
    light = [sum(colour) // 3 for colour in corners(result)]
    assert light[3] > 240
    assert light[3] > light[1] - 15 > light[2] - 30


def png16(path):
    """A PNG of 16 bits and three bands, which Pillow cannot write: the left half red, the right white."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    row = b"\0" + struct.pack(">3H", 65535, 0, 0) * 40 + struct.pack(">3H", 65535, 65535, 65535) * 40
    header = struct.pack(">2I5B", 80, 60, 16, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(row * 60)), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_16_bits_become_8(kind, thumbnail, tmp_path):
    result = thumbnail(png16(tmp_path / "a.png"), width=40, kind=kind)
    assert result.mode == "RGB"
    assert near([result.getpixel((5, 15)), result.getpixel((35, 15))], [(255, 0, 0), (255, 255, 255)])


def test_transparency(thumbnail, tmp_path):
    path = tmp_path / "a.png"
    image = Image.new("RGBA", (160, 120), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 80, 120))
    image.save(path)
    flat = thumbnail(path, width=80)
    assert near([flat.getpixel((10, 30)), flat.getpixel((70, 30))], [(0, 0, 255), (255, 255, 255)])
    for kind in ("png", "webp"):
        kept = thumbnail(path, width=80, kind=kind)
        assert kept.mode == "RGBA"
        assert (kept.getpixel((10, 30))[3], kept.getpixel((70, 30))[3]) == (255, 0)


def test_the_first_frame_of_an_animation(thumbnail, tmp_path):
    frames = [Image.new("RGB", (160, 120), colour) for colour in ("red", "lime", "blue")]
    for name in ("a.gif", "a.webp"):
        path = tmp_path / name
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
        result = thumbnail(path, width=80)
        assert result.size == (80, 60)
        assert near([result.getpixel((40, 30))], [(255, 0, 0)])


# -- what is written --------------------------------------------------------------------------------------


def test_metadata_is_stripped(thumbnail, tmp_path):
    path, exif = tmp_path / "a.jpg", Image.Exif()
    exif[0x010E] = "At home"
    quarters().save(path, exif=exif, comment="At home", icc_profile=SRGB.tobytes())
    for kind in ("jpeg", "png", "webp"):
        result = thumbnail(path, width=80, kind=kind)
        assert not {"exif", "icc_profile", "comment", "xmp"}.intersection(result.info)


def test_jpeg_is_baseline_and_subsampled(thumbnail, picture):
    result = thumbnail(picture(), width=300, quality=None)
    assert "progressive" not in result.info
    assert [layer[1:3] for layer in result.layer] == [(2, 2), (1, 1), (1, 1)]


def test_quality_is_heeded(thumbnail, opened, photo):
    from tornado_media.engines import image

    sizes = [
        len(
            opened(
                image.thumbnail,
                photo,
                "image/jpeg",
                width=300,
                height=200,
                fit="inside",
                quality=quality,
                format="jpeg",
                pixels=50_000_000,
            )
        )
        for quality in (20, 80, 100)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] * 2 < sizes[2]


# -- what is refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.tif", "a.avif"])
@pytest.mark.parametrize("keep", [0.02, 0.5, 0.9])
def test_truncated(name, keep, thumbnail, picture):
    path = picture(name)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(SourceUnusable, match="damaged") as caught:
        thumbnail(path, width=80)
    assert str(path) not in caught.value.detail
    assert caught.value.private


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_bytes_after_the_end_are_ignored(name, thumbnail, picture):
    path = picture(name)
    with path.open("ab") as file:
        file.write(b"trailing garbage" * 100)
    assert thumbnail(path, width=80).size == (80, 60)


@pytest.mark.parametrize("name", ["a.png", "a.gif"])
def test_corrupt(name, thumbnail, picture):
    path = picture(name)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 64] = b"\xff" * 64
    path.write_bytes(content)
    with pytest.raises(SourceUnusable, match="damaged"):
        thumbnail(path, width=80)


def test_a_bomb_is_not_decoded(thumbnail, tmp_path):
    path = tmp_path / "a.png"
    header = struct.pack(">2I5B", 60_000, 50_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    data = b"IDAT" + zlib.compress(b"\0" * 1000)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part))
            for part in (chunk, data, b"IEND")
        )
    )
    with pytest.raises(SourceUnusable, match=r"60000 x 50000 = 3000000000 pixels.* 50000000 "):
        thumbnail(path, width=80)


def test_the_limit_of_pixels_is_inclusive(thumbnail, picture):
    path = picture("a.jpg", 640, 480)
    assert thumbnail(path, width=80, pixels=640 * 480).size == (80, 60)
    with pytest.raises(SourceUnusable, match="640 x 480 = 307200"):
        thumbnail(path, width=80, pixels=640 * 480 - 1)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"", "image/jpeg"),
        (b"hello, world\n" * 100, "image/jpeg"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"hello", "text/plain"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "image/png"),
        (b"P6 2 2 255\n" + b"\0" * 12, "image/x-portable-pixmap"),
    ],
)
def test_no_picture(content, media_type, thumbnail, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(SourceUnusable):
        thumbnail(path, media_type, width=80)


def test_a_picture_of_another_type_is_refused(thumbnail, picture):
    with pytest.raises(SourceUnusable, match="image/png"):
        thumbnail(picture("a.jpg"), "image/png", width=80)


# -- each parameter, by pixels ------------------------------------------------------------------------------

RED, LIME, BLUE, WHITE, CLEAR, BLACK = [*RGBW, (0, 0, 0, 0), (0, 0, 0)]


@pytest.fixture
def quartered(tmp_path):
    """Red, green; blue, white, 160 x 120."""
    path = tmp_path / "quarters.png"
    quarters().save(path)
    return path


@pytest.mark.parametrize(
    ("wishes", "size", "colours"),
    [
        ({}, (160, 120), RGBW),
        ({"width": 80, "dpr": 1.5}, (120, 90), RGBW),
        ({"width": 80, "dpr": 9.0}, (160, 120), RGBW),
        ({"width": 80, "height": 80, "fit": "cover", "dpr": 3.0}, (240, 240), RGBW),
        ({"crop": "0,0,80,60"}, (80, 60), [RED] * 4),
        ({"crop": "80,0,80,120"}, (80, 120), [LIME, LIME, WHITE, WHITE]),
        ({"crop": "0.0,0.5,1.0,0.5", "width": 40}, (40, 15), [BLUE, WHITE, BLUE, WHITE]),
        ({"crop": "40,30,80,60", "width": 400, "fit": "fill"}, (400, 300), RGBW),
        ({"rotate": 90.0}, (120, 160), [BLUE, RED, WHITE, LIME]),
        ({"rotate": 180.0}, (160, 120), [WHITE, BLUE, LIME, RED]),
        ({"rotate": 270.0, "width": 60}, (60, 80), [LIME, WHITE, RED, BLUE]),
        ({"flip": "horizontal"}, (160, 120), [LIME, RED, WHITE, BLUE]),
        ({"flip": "vertical"}, (160, 120), [BLUE, WHITE, RED, LIME]),
        ({"flip": "both"}, (160, 120), [WHITE, BLUE, LIME, RED]),
        ({"flip": "horizontal", "rotate": 90.0}, (120, 160), [RED, BLUE, LIME, WHITE]),
        ({"width": 60, "height": 120, "fit": "cover", "position": "left"}, (60, 120), [RED, RED, BLUE, BLUE]),
        (
            {"width": 60, "height": 120, "fit": "cover", "position": "right"},
            (60, 120),
            [LIME, LIME, WHITE, WHITE],
        ),
        (
            {"width": 60, "height": 120, "fit": "cover", "position": "0.1,0.1"},
            (60, 120),
            [RED, RED, BLUE, BLUE],
        ),
        ({"width": 60, "height": 120, "fit": "cover"}, (60, 120), RGBW),
        ({"width": 160, "height": 40, "fit": "cover", "position": "top"}, (160, 40), [RED, LIME, RED, LIME]),
        (
            {"width": 160, "height": 40, "fit": "cover", "position": "bottom-left"},
            (160, 40),
            [BLUE, WHITE, BLUE, WHITE],
        ),
        (
            {
                "width": 120,
                "height": 60,
                "fit": "cover",
                "position": "top",
                "rotate": 90.0,
                "flip": "vertical",
            },
            (120, 60),
            [WHITE, LIME, WHITE, LIME],
        ),
        ({"invert": True}, (160, 120), [(0, 255, 255), (255, 0, 255), (255, 255, 0), BLACK]),
        ({"brightness": 0.5}, (160, 120), [(128, 0, 0), (0, 128, 0), (0, 0, 128), (128, 128, 128)]),
        ({"contrast": 0.0}, (160, 120), [(128, 128, 128)] * 4),
        ({"grayscale": True}, (160, 120), [(54,) * 3, (182,) * 3, (18,) * 3, WHITE]),
        ({"saturation": 0.0}, (160, 120), [(54,) * 3, (182,) * 3, (18,) * 3, WHITE]),
        ({"hue": 180.0, "crop": "0,0,10,10"}, (10, 10), [(0, 109, 109)] * 4),
        ({"blur": 2.0}, (160, 120), RGBW),
        ({"sharpen": 2.0}, (160, 120), RGBW),
        ({"pixelate": 40}, (160, 120), RGBW),
        ({"pixelate": 500}, (160, 120), [(128, 128, 128)] * 4),
        ({"linear": True, "width": 80}, (80, 60), RGBW),
        ({"trim": 10, "crop": "70,50,20,20"}, (20, 20), RGBW),
        ({"trim": 10, "crop": "70,0,20,60"}, (10, 60), [LIME] * 4),
    ],
)
@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_a_parameter(wishes, size, colours, kind, thumbnail, quartered):
    result = thumbnail(quartered, kind=kind, quality=95, **wishes)
    assert result.size == size
    assert near(corners(result), colours, 4 if kind == "png" else 16)


@pytest.mark.parametrize(("name", "value"), [("round", 20), ("blur", 1.5)])
def test_what_dpr_multiplies_besides_the_size(name, value, thumbnail, quartered):
    twice, plain = (
        thumbnail(quartered, kind="png", **{name: value}, dpr=2.0),
        thumbnail(quartered, kind="png", **{name: value * 2}),
    )
    assert twice.tobytes() == plain.tobytes()
    assert twice.tobytes() != thumbnail(quartered, kind="png", **{name: value}).tobytes()


@pytest.mark.parametrize(
    ("wishes", "turn"),
    [
        ({"flip": "vertical"}, Image.Transpose.FLIP_TOP_BOTTOM),
        ({"rotate": 90.0}, Image.Transpose.ROTATE_270),
        ({"rotate": 180.0}, Image.Transpose.ROTATE_180),
    ],
)
def test_a_large_photo_is_turned(wishes, turn, thumbnail, photo):
    """libvips reads a file once, from top to bottom: what needs another order must have a copy."""
    plain = thumbnail(photo, kind="png", width=1000, fit="inside")
    found = thumbnail(photo, kind="png", **{"width": 1000, "height": 1000, **wishes})
    assert ImageChops.difference(found, plain.transpose(turn)).getbbox() is None


@pytest.mark.parametrize(
    "wishes",
    [
        {"width": 1000, "height": 4000, "fit": "fill"},
        {"width": 1000, "blur": 20.0},
        {"width": 1000, "sharpen": 1.0},
        {"pixelate": 300},
        {"width": 1000, "rotate": 10.0},
        {"width": 1000, "round": 200, "padding": "10"},
        {"crop": "0.2,0.7,0.3,0.3"},
        {"width": 800, "height": 200, "fit": "cover", "position": "entropy"},
        {"width": 800, "height": 200, "fit": "cover", "position": "bottom"},
        {"trim": 5},
    ],
)
def test_a_large_photo_goes_through_each_step(wishes, thumbnail, photo):
    assert max(b - a for a, b in thumbnail(photo, **wishes).getextrema()) > 100


def test_linear_light_from_all_pixels(thumbnail, tmp_path):
    """A JPEG that is shrunk while it is loaded is mixed by its numbers: 128, and not half of the light."""
    path, image = tmp_path / "a.jpg", Image.new("L", (512, 512))
    for x in range(0, 512, 2):
        image.paste(255, (x, 0, x + 1, 512))
    image.save(path, quality=100)
    for linear, value in ((False, 128), (True, 188)):
        result = thumbnail(path, width=32, kind="png", linear=linear).convert("L")
        assert abs(result.getpixel((16, 16)) - value) < 6


def pixel(image, x, y):
    return image.convert("RGBA").getpixel(
        (x if x >= 0 else image.width + x, y if y >= 0 else image.height + y)
    )


@pytest.mark.parametrize(
    ("wishes", "size", "corner"),
    [
        ({"padding": "10"}, (180, 140), "behind"),
        ({"padding": "10", "dpr": 2.0, "width": 80}, (200, 160), "behind"),
        ({"round": 1000}, (160, 120), "behind"),
        ({"round": 10, "dpr": 2.0}, (160, 120), "behind"),
        ({"rotate": 45.0}, (198, 198), "behind"),
        ({"rotate": 30.0, "width": 50, "height": 60, "fit": "fill"}, (50, 60), "behind"),
        ({"width": 80, "height": 80, "fit": "contain"}, (80, 80), "behind"),
        ({"width": 80, "height": 80, "fit": "contain", "invert": True, "blur": 3.0}, (80, 80), "behind"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "background", "behind"),
    [
        ("png", None, CLEAR),
        ("webp", None, CLEAR),
        ("avif", None, CLEAR),
        ("gif", None, CLEAR),
        ("jpeg", None, (*WHITE, 255)),
        ("png", "#102030", (16, 32, 48, 255)),
        ("png", "#ff000080", (255, 0, 0, 128)),
        ("jpeg", "#102030", (16, 32, 48, 255)),
        ("jpeg", "#ff000080", (255, 127, 127, 255)),
        ("webp", "#00000000", CLEAR),
    ],
)
def test_what_lies_behind(wishes, size, corner, kind, background, behind, thumbnail, quartered):
    result = thumbnail(quartered, kind=kind, background=background, **wishes)
    assert result.size == size
    for x, y in ((0, 0), (-1, 0), (0, -1), (-1, -1)):
        found = pixel(result, x, y)
        if not behind[3]:
            assert found[3] < (60 if kind == "avif" else 10)  # a small AVIF is not that sharp
        else:
            assert near([found], [behind], 24)


def test_transparent_parts_get_the_background(thumbnail, tmp_path):
    path = tmp_path / "a.png"
    image = Image.new("RGBA", (160, 120), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 80, 120))
    image.save(path)
    for kind in ("png", "jpeg", "webp"):
        result = thumbnail(path, kind=kind, background="#00ff00", width=80)
        assert result.mode == "RGB"
        assert near([result.getpixel((10, 30)), result.getpixel((70, 30))], [BLUE, LIME], 20)
        inverted = thumbnail(path, kind=kind, background="#00ff00", width=80, invert=True)
        assert near([inverted.getpixel((10, 30)), inverted.getpixel((70, 30))], [(255, 255, 0), LIME], 20)


def test_a_border_is_trimmed_before_the_size(thumbnail, tmp_path):
    path = tmp_path / "a.png"
    image = Image.new("RGB", (400, 300), (250, 250, 245))
    image.paste(quarters((160, 120)), (30, 70))
    image.save(path)
    for trimmed in (thumbnail(path, trim=8, kind="png"), thumbnail(path, trim=8, width=80, kind="png")):
        assert near(corners(trimmed), RGBW)
        assert near([trimmed.getpixel((0, 0)), trimmed.getpixel((trimmed.width - 1, 0))], [RED, LIME])
    assert trimmed.size == (80, 60)
    assert thumbnail(path, trim=255).size == (400, 300)  # nothing would be left
    assert thumbnail(path, trim=8, crop="0,0,100,300", kind="png").size == (70, 120)


def test_a_large_picture_is_trimmed(thumbnail, tmp_path):
    path = tmp_path / "a.jpg"
    image = Image.new("RGB", (4000, 3000), "black")
    image.paste(quarters((2000, 1000)), (400, 800))
    image.save(path, quality=95, subsampling=0)
    result = thumbnail(path, trim=20, width=200, kind="png")
    assert result.size[0] == 200
    assert abs(result.size[1] - 100) <= 1
    assert near(corners(result), RGBW, 20)
    assert all(max(pixel(result, x, y)[:3]) > 200 for x in (0, -1) for y in (0, -1))


@pytest.mark.parametrize("position", ["attention", "entropy"])
@pytest.mark.parametrize("more", [{}, {"rotate": 90.0}, {"flip": "vertical"}])
def test_positions_that_are_found(position, more, thumbnail, tmp_path):
    path, chance = tmp_path / "a.jpg", random.Random(3)
    image = Image.new("RGB", (1200, 300), "white")
    spot = Image.new("RGB", (150, 150))
    spot.putdata([(255, chance.randrange(256), 0) for _ in range(150 * 150)])
    image.paste(spot.resize((150, 150)), (900, 80))
    image.save(path, quality=95)
    size = (100, 200) if "rotate" in more else (200, 100)
    result = thumbnail(path, width=size[0], height=size[0], fit="cover", position=position, **more)
    assert result.size == (size[0], size[0])
    half = result.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert half[2] < 225, "the spot is not in it"
    plain = thumbnail(path, width=size[0], height=size[0], fit="cover", **more)
    assert plain.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))[2] > 250


@pytest.mark.parametrize(
    ("position", "places"),
    [
        ("bottom-right", [(-8, -8)]),
        ("top-left", [(8, 8)]),
        ("center", [(80, 60)]),
        ("left", [(8, 60)]),
        ("repeat", [(8, 8), (80, 8), (8, 60), (120, 8), (150, 110)]),
    ],
)
@pytest.mark.parametrize("kind", ["png", "jpeg"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_a_watermark(position, places, kind, mode, thumbnail, tmp_path):
    path, mark = tmp_path / "a.png", tmp_path / "mark.png"
    Image.new("L", (160, 120), 200).convert(mode).save(path)
    Image.new("RGB", (30, 15), "red").save(mark)
    result = thumbnail(path, kind=kind, mark=mark, watermark_position=position, watermark_scale=0.2)
    assert near([pixel(result, *place)[:3] for place in places], [RED] * len(places), 30)
    colours = result.convert("RGB").getcolors(160 * 120)
    reds = sum(count for count, colour in colours if near([colour], [RED], 60))
    if position == "repeat":
        assert reds > 0.6 * 160 * 120
    else:
        assert abs(reds - 32 * 16) < 64  # a fifth of the width, and its own aspect
        assert near([pixel(result, x, y)[:3] for x in (0, -1) for y in (0, -1)], [(200, 200, 200)] * 4, 30)


@pytest.mark.parametrize(("opacity", "red"), [(0.0, 0), (0.5, 128), (1.0, 255)])
def test_the_opacity_of_a_watermark(opacity, red, thumbnail, tmp_path):
    path, mark = tmp_path / "a.png", tmp_path / "mark.png"
    Image.new("RGB", (160, 120)).save(path)
    Image.new("RGBA", (30, 15), (255, 0, 0, 255)).save(mark)
    arguments = {"watermark_position": "center", "watermark_opacity": opacity, "watermark_scale": 1.0}
    result = thumbnail(path, kind="png", mark=mark, **arguments)
    assert near([result.getpixel((80, 60))], [(red, 0, 0)], 2)


def test_a_watermark_that_is_no_picture(thumbnail, tmp_path, quartered):
    mark = tmp_path / "mark.png"
    mark.write_bytes(quartered.read_bytes()[:200])
    with pytest.raises(SourceUnusable, match="watermark"):
        thumbnail(quartered, mark=mark)
    quarters((400, 300)).save(mark)
    with pytest.raises(SourceUnusable, match=r"watermark.*400 x 300"):
        thumbnail(quartered, mark=mark, pixels=200 * 200)


def test_drawings_have_the_size_that_is_asked(thumbnail, tmp_path):
    path = tmp_path / "a.svg"
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="12">'
        '<path d="M0 0h8v6h-8z" fill="red"/><path d="M8 0h8v6h-8z" fill="lime"/>'
        '<path d="M0 6h8v6h-8z" fill="blue"/><path d="M8 6h8v6h-8z" fill="white"/></svg>'
    )
    for linear in (False, True):
        result = thumbnail(path, width=400, height=300, fit="cover", kind="png", linear=linear)
        assert result.size == (400, 300)
        assert near([pixel(result, 197, 147)[:3], pixel(result, 203, 153)[:3]], [RED, WHITE])  # sharp


# -- frames -------------------------------------------------------------------------------------------------

COLOURS = ["red", "lime", "blue", "white"]


@pytest.fixture(params=["gif", "webp"])
def animation(request, tmp_path):
    """Four frames, quarters whose first colour is another in each."""
    path = tmp_path / f"a.{request.param}"
    frames = [quarters() for _ in COLOURS]
    for frame, colour in zip(frames, COLOURS, strict=True):
        frame.paste(colour, (0, 0, 80, 60))
    more = {"lossless": True} if request.param == "webp" else {}
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=[100, 200, 300, 150], loop=3, **more
    )
    return path


def frames_of(image):
    found = []
    for number in range(image.n_frames):
        image.seek(number)
        found.append((image.convert("RGBA"), image.info["duration"]))
    return found


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize(
    ("wishes", "size", "order"),
    [
        ({}, (160, 120), [0, 1, 2, 3]),
        ({"width": 80}, (80, 60), [0, 1, 2, 3]),
        ({"width": 320, "fit": "cover"}, (320, 240), [0, 1, 2, 3]),
        ({"width": 100, "height": 100, "fit": "fill", "crop": "20,20,120,80"}, (100, 100), [0, 1, 2, 3]),
        ({"rotate": 90.0, "width": 60}, (60, 80), [2, 0, 3, 1]),
        ({"flip": "vertical", "blur": 1.0, "sharpen": 1.0}, (160, 120), [2, 3, 0, 1]),
        ({"width": 90, "height": 90, "fit": "cover", "position": "attention"}, (90, 90), None),
    ],
)
def test_an_animation_stays_one(kind, wishes, size, order, thumbnail, animation):
    result = thumbnail(animation, kind=kind, animated=True, **wishes)
    assert result.size == size
    # GIF says how often it starts again, WebP how often it plays
    assert result.info["loop"] + (kind == "gif") == 3 + (animation.suffix == ".gif")
    frames = frames_of(result)
    assert [duration for _, duration in frames] == [100, 200, 300, 150]
    for (frame, _), colour in zip(frames, (RED, LIME, BLUE, WHITE), strict=True):
        colours = [colour, LIME, BLUE, WHITE]
        if order:
            assert near(corners(frame), [colours[place] for place in order], 40)


def test_frames_do_not_mix(thumbnail, tmp_path):
    path = tmp_path / "a.webp"
    frames = [Image.new("RGB", (90, 90), colour) for colour in ("black", "white", "black")]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, lossless=True)
    result = thumbnail(path, kind="webp", animated=True, width=50, lossless=True, blur=3.0)
    for (frame, _), value in zip(frames_of(result), (0, 255, 0), strict=True):
        assert frame.convert("L").getextrema() == (value, value)


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_animations_with_everything(kind, thumbnail, animation, quartered):
    wishes = {"width": 100, "height": 100, "fit": "contain", "padding": "5", "round": 20, "rotate": 20.0}
    result = thumbnail(animation, kind=kind, animated=True, mark=quartered, trim=3, invert=True, **wishes)
    assert result.size == (110, 110)
    assert result.n_frames == 4
    assert all(pixel(frame, 1, 1)[3] == 0 for frame, _ in frames_of(result))
    assert all(pixel(frame, 55, 55)[3] == 255 for frame, _ in frames_of(result))


def test_the_bound_of_frames(thumbnail, animation):
    result = thumbnail(animation, kind="webp", animated=True, frames=2)
    assert result.n_frames == 2


@pytest.mark.parametrize("kind", ["jpeg", "png", "avif"])
def test_formats_that_cannot_move(kind, thumbnail, animation):
    result = thumbnail(animation, kind=kind, animated=True)
    assert getattr(result, "n_frames", 1) == 1
    assert near(corners(result), RGBW, 30)


@pytest.mark.parametrize("name", ["frame", "page"])
@pytest.mark.parametrize("animated", [False, True])
def test_a_frame(name, animated, thumbnail, animation):
    for number, colour in enumerate((RED, LIME, BLUE, WHITE)):
        result = thumbnail(animation, kind="webp", animated=animated, **{name: number})
        assert getattr(result, "n_frames", 1) == 1
        assert near(corners(result)[:1], [colour], 20)
    tall = thumbnail(animation, kind="webp", animated=animated, width=320, fit="fill", **{name: 1})
    assert (tall.size, tall.n_frames) == ((320, 240), 1)
    with pytest.raises(BadRequest, match="frame 4"):
        thumbnail(animation, kind="webp", animated=animated, **{name: 4})


# -- what cannot be -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wishes", "what"),
    [
        ({"crop": "0,0,161,120"}, "160 x 120"),
        ({"crop": "160,0,1,1"}, "crop"),
        ({"frame": 1}, "frame 1"),
        ({"width": 500, "height": 401, "fit": "fill", "output_pixels": 200_000}, "500 x 401 = 200500"),
        ({"padding": "1000", "output_pixels": 200_000}, "200000"),
        ({"rotate": 33.0, "output_pixels": 160 * 120}, "19200"),
    ],
)
def test_wishes_that_do_not_fit_the_source(wishes, what, thumbnail, quartered):
    with pytest.raises(BadRequest, match=what):
        thumbnail(quartered, **wishes)


wishes_of_all_kinds = st.fixed_dictionaries(
    {},
    optional={
        "width": st.integers(1, 60),
        "height": st.integers(1, 60),
        "fit": st.sampled_from(["inside", "contain", "cover", "fill"]),
        "position": st.sampled_from(["center", "top-left", "right", "attention", "entropy", "0.3,0.9"]),
        "dpr": st.floats(0.5, 3),
        "crop": st.sampled_from(["0,0,3,2", "1,1,2,1", "0.25,0.5,0.5,0.5", "0.9,0.9,0.1,0.1", "5,5,100,1"]),
        "rotate": st.sampled_from([0.0, 90.0, 180.0, 270.0, 45.0, 1.0, 359.9]),
        "flip": st.sampled_from(["horizontal", "vertical", "both"]),
        "background": st.sampled_from(["#102030", "#ffffff", "#ff000080", "#00000000"]),
        "padding": st.sampled_from(["0", "3", "1,2", "1,2,3,4"]),
        "trim": st.integers(0, 255),
        "blur": st.floats(0.01, 30),
        "sharpen": st.floats(0, 10),
        "grayscale": st.booleans(),
        "brightness": st.floats(0, 3),
        "contrast": st.floats(0, 3),
        "saturation": st.floats(0, 3),
        "hue": st.floats(-360, 360),
        "invert": st.booleans(),
        "pixelate": st.integers(0, 100),
        "round": st.integers(0, 100),
        "watermark_position": st.sampled_from(["bottom-right", "center", "top-left", "repeat"]),
        "watermark_opacity": st.floats(0, 1),
        "watermark_scale": st.floats(0.01, 1),
        "linear": st.booleans(),
        "animated": st.booleans(),
        "frame": st.integers(0, 3),
        "output_pixels": st.sampled_from([400, 1_000_000]),
    },
)


@pytest.fixture(scope="module")
def small_ones(tmp_path_factory):
    """Small pictures of all kinds."""
    folder = tmp_path_factory.mktemp("small")
    for mode in ("RGB", "L", "CMYK"):
        quarters((21, 13), mode).save(folder / f"{mode}.jpg", quality=95)
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1"):
        quarters((13, 21), mode).save(folder / f"{mode}.png")
    Image.new("RGB", (1, 1), "red").save(folder / "one.png")
    Image.new("LA", (40, 1), (100, 200)).save(folder / "line.png")
    frames = [quarters((9, 7)), quarters((9, 7)).rotate(180), quarters((9, 7))]
    for name in ("a.gif", "a.webp"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:], duration=50)
    (folder / "a.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="5"><path d="M1 1h5v3z"/></svg>'
    )
    return sorted(folder.iterdir())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    wishes=wishes_of_all_kinds,
    kind=st.sampled_from(["jpeg", "png", "webp", "gif"]),
    marked=st.booleans(),
)
def test_any_wish_gives_a_picture_of_the_planned_size_or_is_refused(
    data, wishes, kind, marked, thumbnail, small_ones
):
    path = data.draw(st.sampled_from(small_ones), label="source")
    mark = data.draw(st.sampled_from(small_ones), label="watermark") if marked else None
    try:
        result = thumbnail(path, kind=kind, mark=mark, **wishes)
    except BadRequest as error:
        event("refused")
        assert "crop" in wishes or "frame" in wishes or "output_pixels" in wishes, error.detail
        return
    fit, dpr = wishes.get("fit", "inside"), wishes.get("dpr", 1.0)
    asked = [
        wishes.get(side) and max(1, math.floor(wishes[side] * dpr + 0.5)) for side in ("width", "height")
    ]
    above, right, below, left = read_padding(wishes.get("padding"), dpr)
    inner = result.width - left - right, result.height - above - below
    assert result.width * result.height <= wishes.get("output_pixels", 25_000_000)
    for side, wanted in zip(inner, asked, strict=True):
        assert side >= 1
        if wanted and fit == "inside":
            assert side <= wanted
        elif wanted:
            assert side == wanted


# -- descriptors ------------------------------------------------------------------------------------------


def test_reopen_where_proc_is_missing(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"hello")

    def refuse(*_):
        raise FileNotFoundError

    source = os.open(path, os.O_RDONLY)
    os.lseek(source, 3, os.SEEK_SET)
    monkeypatch.setattr(os, "open", refuse)
    copy = reopen(source)
    assert os.read(copy, 9) == b"hello"
    os.close(copy)
    os.close(source)
