"""PNG by image-png against PNG by libvips: the same pixels, or nothing."""

from __future__ import annotations

import io
import os
import random
import struct
import sys
import zlib

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tornado_media.engines import decode, png_quick

import pyvips  # isort: skip (`decode` has told libvips how to behave, before it is loaded)

SIZE = 500, 301


def picture(mode="RGB", size=SIZE, seed=1):
    """Noise above, one colour below: all filters are worth something."""
    bands = Image.new(mode, (1, 1)).getbands()
    noise = size[0] * size[1] // 2
    chance = random.Random(seed)
    planes = [
        Image.frombytes("L", size, chance.randbytes(noise) + bytes([90]) * (size[0] * size[1] - noise))
        for _ in bands
    ]
    return Image.merge(mode, planes) if len(planes) > 1 else planes[0]


def file_of(image, **how):
    file = io.BytesIO()
    image.save(file, "PNG", **{"compress_level": 1, **how})
    return file.getvalue()


def interlaced(image):
    pixels = pyvips.Image.new_from_memory(image.tobytes(), *image.size, len(image.mode), "uchar")
    return bytes(pixels.copy(interpretation="srgb").pngsave_buffer(interlace=True))


def by_vips(content, **how):
    return pyvips.Image.new_from_buffer(content, "", fail_on=decode.FAIL_ON, **how)


def quick(descriptor, content, *, metadata=False):
    return png_quick.decode(descriptor, by_vips(content, access="sequential"), metadata=metadata)


def difference(one, other):
    assert (one.width, one.height, one.bands) == (other.width, other.height, other.bands)
    assert (one.format, one.interpretation) == (other.format, other.interpretation)
    return (one - other).abs().max()


PLAIN = {
    "RGB": file_of(picture()),
    "RGBA": file_of(picture("RGBA")),
    "interlaced": interlaced(picture()),
    "interlaced, transparent": interlaced(picture("RGBA")),
    "optimized": file_of(picture(), compress_level=9),
    "moving": file_of(picture(), save_all=True, append_images=[picture(seed=2)]),
    "moving, with another picture before": file_of(
        picture(), save_all=True, append_images=[picture(seed=2)], default_image=True
    ),
}


@pytest.mark.parametrize("name", PLAIN)
def test_the_pixels_are_those_of_libvips(name, descriptor_of):
    content = PLAIN[name]
    descriptor = descriptor_of(content)
    os.lseek(descriptor, 7, os.SEEK_SET)
    assert difference(quick(descriptor, content), by_vips(content)) == 0
    assert os.lseek(descriptor, 0, os.SEEK_CUR) == 7


def broken_sum(content):
    at = content.rindex(b"IEND") - 8
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


LEFT_ALONE = {
    "grey": file_of(picture("L")),
    "grey and transparent": file_of(picture("LA")),
    "palette": file_of(picture().quantize(16)),
    "16 bits": file_of(Image.new("I;16", SIZE, 777)),
    "one transparent colour": file_of(picture(), transparency=(1, 2, 3)),
    "small": file_of(picture(size=(333, 300))),
    "half": file_of(picture())[:100_000],
    "a wrong checksum": broken_sum(file_of(picture())),
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_left_to_libvips(name, descriptor_of):
    content = LEFT_ALONE[name]
    assert quick(descriptor_of(content), content) is None


def test_a_file_that_was_cut_since_its_header_was_read(descriptor_of):
    content = PLAIN["RGB"]
    for rest in (b"", content[:20], content[:-500]):
        assert quick(descriptor_of(rest), content) is None


def test_another_size_than_libvips_has_found(descriptor_of):
    assert quick(descriptor_of(file_of(picture(size=(501, 300)))), PLAIN["RGB"]) is None


def test_a_large_one_is_left_to_libvips(descriptor_of, monkeypatch):
    content = PLAIN["RGB"]
    descriptor = descriptor_of(content)
    monkeypatch.setattr(png_quick, "_MOST", 500 * 301 * 3 + len(content))
    assert quick(descriptor, content) is not None
    monkeypatch.setattr(png_quick, "_MOST", 500 * 301 * 3 + len(content) - 1)
    assert quick(descriptor, content) is None


def test_the_library_need_not_be_there(descriptor_of, monkeypatch):
    content = PLAIN["RGB"]
    monkeypatch.setitem(sys.modules, "kornia_rs", None)
    assert quick(descriptor_of(content), content) is None


def test_metadata_as_asked(descriptor_of):
    exif = Image.Exif()
    exif[0x8298] = "somebody"
    words = PngImagePlugin.PngInfo()
    words.add_text("Title", "words")
    profile = bytes(pyvips.Operation.call("profile_load", "p3"))
    content = file_of(picture(), exif=exif, icc_profile=profile, dpi=(300, 300), pnginfo=words)
    descriptor, page = descriptor_of(content), by_vips(content)
    image = quick(descriptor, content, metadata=True)
    for name in page.get_fields():
        if name != "filename":
            assert image.get(name) == page.get(name), name
    image = quick(descriptor, content)
    assert bytes(image.get("icc-profile-data")) == profile
    assert not any(name.startswith("exif") for name in image.get_fields())


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_picture_comes_out_the_same(mode, descriptor_of, monkeypatch):
    """Through all of `decode`: resized, the transparent parts as they should be."""
    descriptor = descriptor_of(file_of(picture(mode)))
    made = []
    for _ in range(2):
        with decode.open_picture(descriptor, "image/png", pixels=1_000_000, frames=1) as found:
            made.append(found.decode((120.0, 72.0)).copy_memory())
        monkeypatch.setattr(png_quick, "_LEAST", 10**9)
    # libvips may find out later that nothing is transparent
    bands = min(image.bands for image in made)
    assert difference(*[image[:bands].copy(interpretation="srgb") for image in made]) <= 1


@given(data=st.data())
def test_damaged_files(data, tmp_path_factory):
    """Where there is a picture it is that of libvips."""
    damaged = bytearray(PLAIN["interlaced"] if data.draw(st.booleans()) else PLAIN["RGBA"])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(33, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    mended = data.draw(st.booleans())
    content = with_sums(bytes(damaged)) if mended else bytes(damaged)
    path = tmp_path_factory.getbasetemp() / "damaged.png"
    path.write_bytes(content)
    try:
        page = by_vips(content, access="sequential")
    except pyvips.Error:
        event("no header")
        return
    with path.open("rb") as file:
        image = png_quick.decode(file.fileno(), page, metadata=False)
    event("left alone" if image is None else "decoded")
    if image is not None:
        try:
            wanted = by_vips(content).copy_memory()
        except pyvips.Error:
            # The checksum of zlib's stream is not looked at: those of the chunks are.
            assert mended
            event("only libvips refuses it")
            return
        assert difference(image, wanted) == 0


def with_sums(content):
    """The chunks with the checksums that they should have, as far as they go."""
    parts, at = [content[:8]], 8
    while at + 12 <= len(content):
        (size,) = struct.unpack_from(">I", content, at)
        chunk = content[at + 4 : at + 8 + size]
        parts += [content[at : at + 4], chunk, struct.pack(">I", zlib.crc32(chunk))]
        at += 12 + size
    return b"".join([*parts, content[at:]])
