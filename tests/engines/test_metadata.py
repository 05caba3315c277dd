"""What of the metadata of a picture comes out, read by Pillow from each format."""

from __future__ import annotations

import io
import re
import struct

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from tornado_media.engines.decode import open_picture, pyvips
from tornado_media.engines.encode import encode

FORMATS = ("jpeg", "png", "webp", "avif")
TAGS = {"copyright": 0x8298, "artist": 0x013B, "orientation": 0x0112, "model": 0x0110}
TECHNICAL = {0x011A, 0x011B, 0x0128, 0x8769, TAGS["orientation"]}
"""Resolution, orientation, and the directory with size and version: libvips writes them always."""

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    b' tiff:Orientation="6" xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="52,31.2N">'
    b'<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">XMP rights</rdf:li></rdf:Alt></dc:rights>'
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)

PLACES = (b"52,31.2N", b"secret-camera", b"2024:05:06", b"a thumbnail")
"""What must not be found anywhere in a result."""


def exif(**texts):
    block = Image.Exif()
    for name, text in texts.items():
        block[TAGS[name]] = text
    gps = block.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (52.0, 31.0, 12.0), "E", (13.0, 24.0, 36.0)
    block.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    return block


FULL = exif(copyright="Jane (c) 2024", artist="Jane", orientation=6, model="secret-camera")


def source(tmp_path, suffix="jpg", **more):
    """A file of 40 x 30 pixels with everything in it."""
    image = Image.linear_gradient("L").resize((40, 30)).convert("RGB")
    path = tmp_path / f"source.{suffix}"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.save(path, **({"exif": FULL, "icc_profile": profile, "xmp": XMP} | more))
    return path


@pytest.fixture
def result(tmp_path):
    """`result(path, type, format=..., strip=...)`: the content, as the engines make it."""

    def make(path, media_type, **arguments):
        with (
            path.open("rb") as file,
            open_picture(file.fileno(), media_type, pixels=10**6, frames=9) as opened,
        ):
            return encode(opened.decode(), **arguments)

    return make


def read(content):
    found = Image.open(io.BytesIO(content))
    found.load()
    return found


def profile_of(content):
    return read(content).info.get("icc_profile")


SOURCES = [("jpg", "image/jpeg"), ("png", "image/png"), ("webp", "image/webp"), ("tif", "image/tiff")]


@pytest.mark.parametrize(("suffix", "media_type"), SOURCES)
@pytest.mark.parametrize("format_", [*FORMATS, "gif"])
def test_all_of_it_goes(result, tmp_path, format_, suffix, media_type):
    content = result(source(tmp_path, suffix), media_type, format=format_, strip="all")
    found = read(content)
    assert not found.getexif()
    assert not {"exif", "icc_profile", "xmp", "XML:com.adobe.xmp", "comment", "photoshop"} & set(found.info)
    for word in (*PLACES, b"Jane", b"Exif", b"rdf:"):
        assert word not in content


# libvips does not read these two fields of a TIFF
@pytest.mark.parametrize(("suffix", "media_type"), SOURCES[:-1])
@pytest.mark.parametrize("format_", FORMATS)
def test_copyright_and_artist_stay_alone(result, tmp_path, format_, suffix, media_type):
    content = result(source(tmp_path, suffix), media_type, format=format_, strip="copyright")
    tags = read(content).getexif()
    assert (tags[TAGS["copyright"]], tags[TAGS["artist"]]) == ("Jane (c) 2024", "Jane")
    assert set(tags) - TECHNICAL == {TAGS["copyright"], TAGS["artist"]}
    assert tags.get(TAGS["orientation"], 1) == 1
    assert not tags.get_ifd(0x8825)
    # versions, colour space and size; nothing on when or how
    assert set(tags.get_ifd(0x8769)) <= {0x9000, 0x9101, 0xA000, 0xA001, 0xA002, 0xA003}
    assert profile_of(content) is None
    for word in (*PLACES, b"rdf:"):
        assert word not in content


@pytest.mark.parametrize("format_", FORMATS)
def test_a_notice_of_xmp_becomes_one_of_exif(result, tmp_path, format_):
    path = source(tmp_path, exif=exif(model="secret-camera"))
    content = result(path, "image/jpeg", format=format_, strip="copyright")
    assert read(content).getexif()[TAGS["copyright"]] == "XMP rights"
    assert b"rdf:" not in content


@pytest.mark.parametrize("format_", FORMATS)
def test_where_there_is_no_notice_nothing_stays(result, tmp_path, format_):
    path = source(tmp_path, exif=exif(model="secret-camera"), xmp=b"")
    content = result(path, "image/jpeg", format=format_, strip="copyright")
    assert content == result(path, "image/jpeg", format=format_, strip="all")


@pytest.mark.parametrize("text", ["Jürgen Ångström", "作者", "x" * 150, "J", "(c)", "Jane (c) 2024 (Ltd)"])
def test_any_text_comes_through(result, tmp_path, text):
    # Pillow writes Latin-1 only, so it is written as bytes
    path = source(tmp_path, exif=exif(copyright=text.encode()))
    content = result(path, "image/jpeg", format="jpeg", strip="copyright")
    assert read(content).getexif()[TAGS["copyright"]].encode("latin-1").decode() == text


@pytest.mark.parametrize("format_", FORMATS)
def test_none_of_it_goes_but_what_is_no_longer_true(result, tmp_path, format_):
    content = result(source(tmp_path), "image/jpeg", format=format_, strip="none")
    found = read(content)
    tags = found.getexif()
    assert found.size == (30, 40)
    assert tags[TAGS["model"]] == "secret-camera"
    assert tags[TAGS["copyright"]] == "Jane (c) 2024"
    assert tags.get_ifd(0x8825)[2] == (52.0, 31.0, 12.0)
    assert tags.get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"
    assert tags[TAGS["orientation"]] == 1
    assert (tags.get_ifd(0x8769)[0xA002], tags.get_ifd(0x8769)[0xA003]) == (30, 40)
    assert profile_of(content) is None
    packet = found.info.get("xmp") or found.info["XML:com.adobe.xmp"].encode()
    assert b"52,31.2N" in packet
    assert re.findall(rb'tiff:Orientation="(\d)"', packet) == [b"1"]


@pytest.mark.parametrize("strip", ["copyright", "none"])
@pytest.mark.parametrize("format_", FORMATS)
def test_pixels_are_upright_whatever_the_fields_say(tmp_path, format_, strip):
    turned = pyvips.Image.new_from_file(str(source(tmp_path)))
    assert turned.get("orientation") == 6
    found = read(encode(turned, format=format_, strip=strip))
    assert found.size == (40, 30)
    assert "icc_profile" not in found.info
    assert found.getexif().get(TAGS["orientation"], 1) == 1


def test_the_thumbnail_of_the_source_goes_always(result, tmp_path):
    path = source(tmp_path, xmp=b"")
    whole = path.read_bytes()
    at = whole.index(b"Exif\0\0")
    (size,) = struct.unpack(">H", whole[at - 2 : at])
    block = whole[at + 6 : at - 2 + size]
    # a second directory: its thumbnail (JPEG) is these bytes
    order = "<" if block[:2] == b"II" else ">"
    picture = b"\xff\xd8 a thumbnail \xff\xd9"
    place = len(block)
    directory = struct.pack(order + "H", 2)
    directory += struct.pack(order + "HHII", 0x0201, 4, 1, place + 30)
    directory += struct.pack(order + "HHII", 0x0202, 4, 1, len(picture)) + b"\0\0\0\0"
    first = struct.unpack_from(order + "I", block, 4)[0]
    following = first + 2 + 12 * struct.unpack_from(order + "H", block, first)[0]
    block = block[:following] + struct.pack(order + "I", place) + block[following + 4 :] + directory + picture
    path.write_bytes(
        whole[: at - 2] + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block + whole[at - 2 + size :]
    )
    assert b"a thumbnail" in pyvips.Image.new_from_file(str(path)).get("jpeg-thumbnail-data")
    for strip in ("all", "copyright", "none"):
        for format_ in FORMATS:
            assert b"a thumbnail" not in result(path, "image/jpeg", format=format_, strip=strip)


@pytest.mark.parametrize("strip", ["all", "copyright", "none"])
def test_the_name_of_a_file_in_a_png_is_not_handed_on(result, tmp_path, strip):
    # CVE-2022-44268: ImageMagick 7.1.0-49 puts the file of that name into what it makes of such a PNG
    texts = PngImagePlugin.PngInfo()
    texts.add_text("profile", "/etc/passwd")
    texts.add_text("Profile", "/etc/shadow")
    texts.add_text("Comment", "harmless")
    path = source(tmp_path, "png", pnginfo=texts)
    assert b"/etc/passwd" in path.read_bytes()
    for format_ in FORMATS:
        content = result(path, "image/png", format=format_, strip=strip)
        assert b"/etc/" not in content
        texts = str(read(content).info)  # a PNG has them compressed
        assert "/etc/" not in texts
        assert ("harmless" in texts) is (strip == "none" and format_ == "png")


@pytest.mark.parametrize("strip", ["all", "copyright", "none"])
@pytest.mark.parametrize("format_", FORMATS)
def test_the_image_of_the_caller_is_not_changed(format_, strip):
    image = pyvips.Image.black(8, 8, bands=3).copy(interpretation="srgb")
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Copyright", "Jane")
    image.set_type(pyvips.GValue.blob_type, "xmp-data", XMP)
    before = image.get_fields()
    encode(image, format=format_, strip=strip)
    assert image.get_fields() == before
    assert bytes(image.get("xmp-data")) == XMP
