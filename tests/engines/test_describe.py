from __future__ import annotations

import base64
import io
import json
import math
import os
import random
import struct
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw

from tornado_media.errors import SourceUnusable
from tornado_media.formats import thumbhash

TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}
TYPES |= {"tif": "image/tiff", "avif": "image/avif", "apng": "image/apng"}
LIMITS = {"pixels": 50_000_000, "frames": 250}
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
GPS = {1: "N", 2: (48.0, 12.0, 33.57), 3: "E", 4: (16.0, 22.0, 11.9), 6: 171.4}


@pytest.fixture
def call(opened):
    """`call("placeholder", path, ...)`: what the engine of this name answers."""
    from tornado_media.engines import describe

    def run(engine, path, media_type=None, **arguments):
        media_type = media_type or TYPES[path.name.rpartition(".")[2]]
        return opened(getattr(describe, engine), path, media_type, **(LIMITS | arguments))

    return run


@pytest.fixture
def info(call):
    return lambda path, media_type=None, **more: json.loads(call("info", path, media_type, **more))


def gradient(width, height, mode="RGB"):
    """Colours that change across and down, so that it is seen when a picture is turned."""
    image = Image.new("RGB", (width, height))
    image.putdata([(x * 255 // width, y * 255 // height, 60) for y in range(height) for x in range(width)])
    return image.convert(mode)


def noise(width, height, alpha):
    image = Image.frombytes("RGBA", (width, height), os.urandom(width * height * 4))
    return image if alpha else image.convert("RGB")


def camera(**more):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x8298] = "Canon", "EOS R5", "(c) Ansel"
    exif.get_ifd(0x8769).update({0x829D: 2.8, 0x9003: "2024:05:17 18:04:31"})
    exif.get_ifd(0x8825).update(GPS)
    for tag, value in more.items():
        exif[int(tag[1:], 16)] = value
    return exif


def near(colour, other, off):
    parts = zip(bytes.fromhex(colour[1:]), bytes.fromhex(other[1:]), strict=True)
    return all(abs(a - b) <= off for a, b in parts)


def mean_of_blurhash(text):
    value = 0
    for character in text[2:6]:
        value = value * 83 + DIGITS.index(character)
    return f"#{value:06x}"


# -- info ------------------------------------------------------------------------------------------------


def test_everything_of_a_jpeg(info, tmp_path):
    path = tmp_path / "a.jpg"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    gradient(300, 200).save(path, quality=90, progressive=True, exif=camera(), icc_profile=profile)
    found = info(path)
    assert len(found.pop("blurhash")) == 28
    hashed = base64.b64decode(found.pop("thumbhash"))
    width, height, _ = thumbhash.decode(hashed)
    assert width / height == pytest.approx(1.5, abs=0.15)
    assert near(found.pop("color"), "#7f7f3c", 3)
    assert found == {
        "media_type": "image/jpeg",
        "width": 300,
        "height": 200,
        "frames": 1,
        "duration": None,
        "loop": None,
        "orientation": 1,
        "orientation_applied": True,
        "color_space": "rgb",
        "channels": 3,
        "bits": 8,
        "alpha": False,
        "progressive": True,
        "profile": "sRGB built-in",
        "size": path.stat().st_size,
        "exif": {
            "make": "Canon",
            "model": "EOS R5",
            "copyright": "(c) Ansel",
            "aperture": 2.8,
            "taken": "2024-05-17T18:04:31",
        },
    }


@pytest.mark.parametrize(
    ("name", "mode", "facts"),
    [
        ("a.png", "RGB", {"color_space": "rgb", "channels": 3, "bits": 8, "alpha": False}),
        ("a.png", "RGBA", {"color_space": "rgb", "channels": 4, "bits": 8, "alpha": True}),
        ("a.png", "L", {"color_space": "gray", "channels": 1, "bits": 8}),
        ("a.png", "I;16", {"color_space": "gray", "channels": 1, "bits": 16}),
        ("a.jpg", "CMYK", {"color_space": "cmyk", "channels": 4, "alpha": False}),
        ("a.jpg", "RGB", {"progressive": False, "profile": None, "exif": {}}),
        ("a.webp", "RGB", {"color_space": "rgb", "channels": 3, "frames": 1}),
        ("a.gif", "P", {"frames": 1, "duration": None, "loop": None}),
        ("a.tif", "RGB", {"color_space": "rgb", "bits": 8}),
        ("a.avif", "RGB", {"color_space": "rgb", "bits": 8}),
    ],
)
def test_kinds(name, mode, facts, info, tmp_path):
    path = tmp_path / name
    image = gradient(60, 40, "L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.frombytes("I;16", (60, 40), bytes(v for g in image.tobytes() for v in (g, g)))
    image.save(path)
    found = info(path)
    assert {key: found[key] for key in facts} == facts
    assert (found["width"], found["height"], found["size"]) == (60, 40, path.stat().st_size)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation(orientation, info, tmp_path):
    upright, path = gradient(120, 80), tmp_path / "a.jpg"
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(back[orientation]))
    stored.save(path, quality=95, exif=camera(t0112=orientation))
    plain = tmp_path / "plain.jpg"
    upright.save(plain, quality=95)
    found, wanted = info(path), info(plain)
    assert (found["width"], found["height"], found["orientation"]) == (120, 80, orientation)
    mine, other = (base64.b64decode(facts["thumbhash"]) for facts in (found, wanted))
    off = [abs(a - b) for a, b in zip(thumbhash.decode(mine)[2], thumbhash.decode(other)[2], strict=True)]
    assert sum(off) / len(off) < 8


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.apng"])
def test_an_animation(name, info, tmp_path):
    path = tmp_path / name
    frames = [gradient(40, 30), Image.new("RGB", (40, 30), "red"), Image.new("RGB", (40, 30), "blue")]
    # browsers show a frame for at least 20 ms; what wants less has 100
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[200, 300, 10], loop=3)
    found = info(path)
    assert (found["frames"], found["duration"], found["width"], found["height"]) == (3, 0.6, 40, 30)
    assert found["loop"] in {3, 4}, "a GIF counts the repetitions after the first time"
    assert near(found["color"], "#7f7f3c", 8), "it is the first frame that is looked at"
    # a PNG is not read further than it is used
    assert info(path, frames=2)["duration"] == (None if name == "a.apng" else 0.6)


@pytest.mark.parametrize(
    ("paint", "size", "color"),
    [
        ((200, 30, 60, 255), (50, 50), "#c81e3c"),
        ((200, 30, 60, 100), (50, 50), "#c81e3c"),
        ((200, 30, 60, 0), (50, 50), None),
        ((200, 30, 60, 255), (1, 1), "#c81e3c"),
        ((200, 30, 60, 255), (1, 700), "#c81e3c"),
        ((200, 30, 60, 255), (3000, 2), "#c81e3c"),
    ],
)
def test_looks_of_one_colour(paint, size, color, info, tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGBA", size, paint).save(path)
    found = info(path)
    assert found["color"] is None if color is None else near(found["color"], color, 1)
    assert found["blurhash"][0] == ("L" if size[0] >= size[1] else "T"), "4 x 3 components, or 3 x 4"
    assert DIGITS.index(found["blurhash"][1]) < 16, "no waves worth mentioning"
    if color:
        assert near(mean_of_blurhash(found["blurhash"]), color, 1)
    _, _, rgba = thumbhash.decode(base64.b64decode(found["thumbhash"]))
    assert all(abs(value - paint[3]) <= 9 for value in rgba[3::4])
    if paint[3] == 255:
        assert all(near("#" + rgba[n : n + 3].hex(), color, 9) for n in range(0, len(rgba), 4))


def test_vectors_have_looks_too(info, call, tmp_path):
    path = tmp_path / "a.svg"
    box = '<rect width="300" height="100" fill="#c81e3c"/>'
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="100">{box}</svg>')
    found = info(path, "image/svg+xml")
    assert (found["width"], found["height"], found["frames"]) == (300, 100, 1)
    assert near(found["color"], "#c81e3c", 1)
    assert call("palette", path, "image/svg+xml") == b'{"colors": [{"color": "#c81e3c", "part": 1.0}]}'
    assert drawn(call("placeholder", path, "image/svg+xml"), "webp").size == (32, 11)


def test_a_mean_colour_is_weighted_by_opacity(info, tmp_path):
    path = tmp_path / "a.png"
    image = Image.new("RGBA", (64, 64), (0, 0, 255, 0))
    ImageDraw.Draw(image).rectangle((16, 16, 47, 47), fill=(250, 100, 0, 255))
    image.save(path)
    found = info(path)
    assert near(found["color"], "#fa6400", 3)
    assert near(mean_of_blurhash(found["blurhash"]), "#fa6400", 3)


# -- EXIF ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.avif"])
def test_where_it_was_taken_is_told_only_when_asked(name, info, call, tmp_path):
    path = tmp_path / name
    gradient(60, 40).save(path, exif=camera())
    found = info(path, exif="gps")["exif"]
    assert (found["make"], found["copyright"]) == ("Canon", "(c) Ansel")
    assert found["latitude"] == pytest.approx(48 + 12 / 60 + 33.57 / 3600, abs=1e-6)
    assert found["longitude"] == pytest.approx(16 + 22 / 60 + 11.9 / 3600, abs=1e-6)
    assert found["altitude"] == 171.4
    for how in ({}, {"exif": "selected"}, {"exif": "none"}):
        content = call("info", path, **how).decode()
        assert not any(part in content for part in ("48.", "16.3", "171", "33.57", "11.9", "itude"))
        assert ("Canon" in content) == (how.get("exif") != "none")
        assert ("exif" in json.loads(content)) == (how.get("exif") != "none")


def test_a_tiff_is_itself_such_a_block(info, tmp_path):
    """Written here: Pillow leaves the place out of a TIFF."""
    places = [(1, 2, 2, b"S\0\0\0"), (2, 5, 1, None), (3, 2, 2, b"W\0\0\0"), (4, 5, 1, None)]
    fields = {256: 4, 257: 4, 258: 8, 259: 1, 262: 1, 273: 500, 277: 1, 278: 4, 279: 16, 0x8825: 200}
    main = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields.items())
    main = struct.pack("<H", len(fields) + 1) + main + struct.pack("<HHII", 0x010F, 2, 6, 400)
    place = b"".join(
        struct.pack("<HHI", tag, kind, count) + (raw or struct.pack("<I", 420))
        for tag, kind, count, raw in places
    )
    content = bytearray(516)
    content[:8] = b"II*\0\x08\0\0\0"
    content[8 : 8 + len(main)] = main
    content[200:202] = struct.pack("<H", 4)
    content[202 : 202 + len(place)] = place
    content[400:406] = b"Canon\0"
    content[420:428] = struct.pack("<II", 25, 2)
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    assert info(path)["exif"] == {"make": "Canon"}
    assert info(path, exif="gps")["exif"] == {"make": "Canon", "latitude": -12.5, "longitude": -12.5}


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0II*\0",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x0f\x01\x02\0\xff\xff\xff\xff\0\0\0\0" * 100,
        b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x0f\0\x02\0\0\xea\x60\0\0\0\x1a" + b"\xff\x00<>\x1b\n" * 10_000,
        b"garbage" * 100,
    ],
)
def test_hostile_exif_is_no_matter(exif, info, tmp_path):
    path = tmp_path / "a.jpg"
    gradient(60, 40).save(path, exif=exif)
    found = info(path, exif="gps")
    assert (found["width"], found["height"]) == (60, 40)
    for value in found["exif"].values():
        assert len(value) <= 200
        assert value.isprintable()


# -- all of them: what is no picture, and other sources ------------------------------------------------------


@pytest.mark.parametrize("engine", ["info", "placeholder", "palette"])
@pytest.mark.parametrize("kind", ["empty", "text", "truncated", "other type", "too large"])
def test_what_cannot_be_used(kind, engine, call, tmp_path):
    path, more = tmp_path / "a.png", {}
    noise(300, 300, alpha=False).save(path)
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:100_000])
    elif kind in {"empty", "text"}:
        path.write_bytes(b"" if kind == "empty" else b"hello\n" * 100)
    elif kind == "other type":
        more["media_type"] = "image/x-portable-anymap"
    else:
        more["pixels"] = 300 * 300 - 1
    with pytest.raises(SourceUnusable) as caught:
        call(engine, path, **more)
    assert str(tmp_path) not in caught.value.detail + caught.value.private
    assert "/proc" not in caught.value.detail


def test_a_video_is_told_of_by_the_probe(info, ffmpeg, tmp_path):
    path = tmp_path / "a.mkv"
    lavfi = "-f lavfi -i testsrc2=size=64x48:rate=5:duration=1 -c:v ffv1"
    subprocess.run([ffmpeg, "-v", "error", "-nostdin", *lavfi.split(), str(path)], check=True)
    found = info(path, "video/x-matroska", exif="none")
    assert found["streams"][0]["width"] == 64


def test_a_picture_does_not_load_what_is_for_videos(picture):
    code = (
        "import os, sys\n"
        "from tornado_media.engines import describe\n"
        "describe.info(os.open(sys.argv[1], os.O_RDONLY), 'image/png')\n"
        "assert 'av' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(picture("a.png"))], check=True)


# -- placeholder -----------------------------------------------------------------------------------------


def drawn(content, form):
    """The picture in a placeholder of any form."""
    if form == "json":
        content = json.loads(content)["data_url"].encode()
    if form != "webp":
        head, _, content = content.partition(b",")
        assert head == b"data:image/webp;base64"
        content = base64.b64decode(content, validate=True)
    image = Image.open(io.BytesIO(content))
    assert image.format == "WEBP"
    image.load()
    return image


@pytest.mark.parametrize("form", ["webp", "thumbhash", "json"])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("size", [16, 32, 64])
@pytest.mark.parametrize("shape", [(64, 64), (700, 500), (31, 64), (1, 1), (2000, 3)])
def test_never_more_than_a_kilobyte(shape, size, alpha, form, call, tmp_path):
    path = tmp_path / "a.png"
    noise(*shape, alpha=alpha).save(path)
    content = call("placeholder", path, size=size, format=form)
    assert len(content) <= 1000
    image = drawn(content, form)
    assert max(image.size) <= size
    if shape == (700, 500):
        assert image.width / image.height == pytest.approx(1.4, abs=0.15)


@pytest.mark.parametrize("form", ["webp", "thumbhash", "json"])
@pytest.mark.parametrize("size", [16, 32, 64])
def test_it_looks_like_the_picture(form, size, call, tmp_path):
    path = tmp_path / "a.png"
    source = gradient(640, 400)
    source.save(path)
    image = drawn(call("placeholder", path, size=size, format=form), form)
    assert max(image.size) == size
    assert image.mode == "RGB"
    wanted = source.resize(image.size, Image.Resampling.BOX).tobytes()
    off = [abs(a - b) for a, b in zip(image.tobytes(), wanted, strict=True)]
    assert sum(off) / len(off) < (12 if form == "thumbhash" else 4)


def test_a_small_picture_is_not_enlarged(call, tmp_path):
    path = tmp_path / "a.png"
    gradient(11, 8).save(path)
    assert drawn(call("placeholder", path), "webp").size == (11, 8)
    # what is drawn from a hash has no pixels of its own
    assert drawn(call("placeholder", path, format="thumbhash"), "thumbhash").size == (32, 23)


def test_transparency_stays(call, tmp_path):
    path = tmp_path / "a.png"
    image = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((100, 100, 300, 300), fill=(250, 100, 0, 255))
    image.save(path)
    for form in ("webp", "thumbhash", "json"):
        found = drawn(call("placeholder", path, format=form), form)
        assert found.getpixel((0, 0))[3] < 40
        assert found.getpixel((16, 16))[3] > 200


def test_all_that_a_page_needs(call, info, tmp_path):
    path = tmp_path / "a.jpg"
    gradient(300, 200).save(path, exif=camera(t0112=6))
    found, facts = json.loads(call("placeholder", path, format="json")), info(path)
    assert drawn(json.dumps(found), "json").size == (21, 32)
    del found["data_url"]
    assert found == {name: facts[name] for name in ("width", "height", "color", "blurhash", "thumbhash")}
    assert (found["width"], found["height"]) == (200, 300)


# -- palette ---------------------------------------------------------------------------------------------


def test_the_colours_of_a_flag(call, tmp_path):
    path = tmp_path / "a.png"
    image = Image.new("RGB", (640, 320), "#e63946")
    ImageDraw.Draw(image).rectangle((160, 0, 639, 319), fill="#f1faee")
    ImageDraw.Draw(image).rectangle((320, 0, 639, 319), fill="#1d3557")
    image.save(path)
    assert json.loads(call("palette", path)) == {
        "colors": [
            {"color": "#1d3557", "part": 0.5},
            {"color": "#e63946", "part": 0.25},
            {"color": "#f1faee", "part": 0.25},
        ]
    }
    assert len(json.loads(call("palette", path, colors=2))["colors"]) == 2


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_palettes_of_photographs(mode, call, tmp_path):
    path = tmp_path / "a.jpg"
    gradient(640, 480, mode).save(path)
    first = call("palette", path, colors=5)
    assert call("palette", path, colors=5) == first
    colors = json.loads(first)["colors"]
    assert len(colors) == 5
    assert sum(color["part"] for color in colors) == pytest.approx(1, abs=0.001)
    assert all(part["part"] > 0.05 for part in colors)


@pytest.mark.parametrize("name", ["a.png", "a.gif", "a.tif", "a.webp"])
@pytest.mark.parametrize("size", [(300, 3000), (3000, 300), (1, 4000), (4000, 1), (1500, 1500)])
def test_palettes_of_large_pictures(size, name, call, tmp_path):
    path = tmp_path / name
    image = Image.new("RGB", size, "#000000")
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 2, size[1] // 2), fill="#ff8800")
    image.save(path, lossless=True)
    parts = {color["color"]: color["part"] for color in json.loads(call("palette", path))["colors"]}
    orange = next(color for color in parts if near(color, "#ff8800", 8))
    assert abs(parts[orange] - (0.5 if min(size) == 1 else 0.25)) < 0.05
    assert name == "a.webp" or (orange == "#ff8800" and len(parts) == 2)


def test_nothing_to_be_seen_has_no_colours(call, tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGBA", (20, 20), (200, 0, 0, 0)).save(path)
    assert json.loads(call("palette", path)) == {"colors": []}


# -- whatever the picture --------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from(["L", "LA", "RGB", "RGBA", "P", "1"]),
    st.sampled_from(["png", "webp", "gif", "tif"]),
    st.integers(0, 999),
)
def test_any_small_picture(call, tmp_path, width, height, mode, ending, seed):
    path = tmp_path / f"a.{ending}"
    content = random.Random(seed).randbytes(width * height * 4)
    Image.frombytes("RGBA", (width, height), content).convert(mode).save(path)
    facts = json.loads(call("info", path))
    assert (facts["width"], facts["height"]) == (width, height)
    assert len(facts["blurhash"]) == 28
    parts = [color["part"] for color in json.loads(call("palette", path))["colors"]]
    assert math.isclose(sum(parts), 1, abs_tol=0.01) or (facts["alpha"] and not parts)
    for form in ("webp", "thumbhash", "json"):
        content = call("placeholder", path, format=form)
        assert len(content) <= 1000
        assert drawn(content, form).width <= 32
