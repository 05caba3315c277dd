from __future__ import annotations

import io
import os
import struct
import zlib

import pytest
from PIL import Image, ImageCms, ImageDraw

from tornado_media.engines import ENGINES, reopen
from tornado_media.errors import SourceUnusable

TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}
TYPES |= {"tif": "image/tiff", "avif": "image/avif"}
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@pytest.fixture
def thumbnail(opened):
    """`thumbnail(path, ...)`: the result, as Pillow reads it."""
    from tornado_media.engines import image

    def make(path, media_type=None, *, width=None, height=None, fit="inside", kind="jpeg", **more):
        arguments = {"quality": 90, "pixels": 50_000_000} | more
        sizes = {"width": width, "height": height, "fit": fit, "format": kind}
        media_type = media_type or TYPES[path.name.rpartition(".")[2]]
        content = opened(image.thumbnail, path, media_type, **sizes, **arguments)
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
    result = thumbnail(picture(), width=300, quality=95)
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
        (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "image/svg+xml"),
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
