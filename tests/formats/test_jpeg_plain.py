"""What is read of a plain JPEG's header is what libvips reads; all else is left to it."""

from __future__ import annotations

import logging
import random
import struct
from io import BytesIO

import pytest
import pyvips
from hypothesis import event, given
from hypothesis import strategies as st
from PIL import Image

from tornado_media.formats.jpeg import SOS, segments
from tornado_media.formats.jpeg_plain import read_plain

PROFILE = bytes(random.Random(1).randbytes(150_000))
"""So large that it comes in three chunks."""


logging.getLogger("pyvips").setLevel(logging.ERROR)  # what it says of damaged files is expected


def file_of(mode="RGB", size=(33, 21), **how):
    image = Image.frombytes(mode, size, random.Random(2).randbytes(size[0] * size[1] * len(mode)))
    file = BytesIO()
    image.save(file, "JPEG", **how)
    return file.getvalue()


def exif(value=6, *, kind=3, count=1, order="<", before=0):
    """A block whose first directory says the orientation, after some other fields."""
    mark = b"II" if order == "<" else b"MM"
    fields = [struct.pack(order + "HHII", 0x5000 + n, 4, 1, n) for n in range(before)]
    fields.append(struct.pack(order + "HHIHH", 0x0112, kind, count, value, 0))
    head = mark + struct.pack(order + "HIH", 42, 8, len(fields))
    return b"Exif\0\0" + head + b"".join(fields) + bytes(4)


def with_segment(content, marker, data):
    """The file with one more segment at its start."""
    return content[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data + content[2:]


def without_profile(content):
    view = memoryview(content)
    first = next(each for each in segments(view) if each.marker == 0xE2)
    return content[: first.start] + content[first.end :]


def by_vips(content):
    image = pyvips.Image.new_from_buffer(content, "")
    read = {name: image.get(name) for name in ("orientation", "icc-profile-data") if image.get_typeof(name)}
    profile = bytes(read.get("icc-profile-data", b""))
    return (image.width, image.height), image.bands, read.get("orientation", 1), profile


def read(content):
    found = read_plain(content)
    if found is None:
        return None
    frame = found.frame
    return (frame.width, frame.height), len(frame.components), found.orientation, found.profile


@pytest.mark.parametrize(
    "content",
    [
        file_of(),
        file_of("L"),
        file_of(progressive=True),
        file_of(keep_rgb=True),
        file_of(exif=exif(6)),
        file_of(exif=exif(8, order=">", before=30)),
        file_of(exif=exif(1)),
        file_of(icc_profile=PROFILE),
        file_of(icc_profile=b"short", exif=exif(3), comment=b"words", dpi=(72, 72), restart_marker_blocks=2),
    ],
)
def test_the_header_is_what_libvips_reads(content):
    assert read(content) == by_vips(content)


LEFT_ALONE = {
    "empty": b"",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "cmyk": file_of("CMYK"),
    "no scan": file_of()[:200],
    "two frame headers": with_segment(file_of(), 0xC0, b"\x08\0\x09\0\x09\1\1\x11\0"),
    "twelve bits": file_of().replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"),
    "arithmetic": file_of().replace(b"\xff\xc0\0\x11", b"\xff\xc9\0\x11"),
    "one component in the scan": file_of().replace(b"\xff\xda\0\x0c\x03", b"\xff\xda\0\x0c\x01"),
    "two blocks of EXIF": with_segment(file_of(exif=exif(6)), 0xE1, exif(8)),
    "no byte order": file_of(exif=b"Exif\0\0XX*\0" + bytes(20)),
    "an orientation of 9": file_of(exif=exif(9)),
    "an orientation of 0": file_of(exif=exif(0)),
    "a long orientation": file_of(exif=exif(kind=4)),
    "two orientations": file_of(exif=exif(count=2)),
    "a directory that ends early": file_of(exif=exif(before=2)[:-20]),
    "a chunk of the profile is missing": without_profile(file_of(icc_profile=PROFILE)),
    "a chunk twice": with_segment(file_of(icc_profile=b"a"), 0xE2, b"ICC_PROFILE\0\1\1b"),
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_left_to_libvips(name):
    assert read_plain(LEFT_ALONE[name]) is None


def test_no_more_than_the_header_is_needed():
    content = file_of(exif=exif(5), icc_profile=PROFILE)
    end = next(each.header for each in segments(memoryview(content)) if each.marker == SOS)
    assert read(content[:end]) == read(memoryview(content)) == by_vips(content)
    assert read_plain(content[: end - 12]) is None


@given(
    st.sampled_from([file_of(exif=exif(6, before=3)), file_of(icc_profile=b"words"), file_of("L")]),
    st.data(),
)
def test_what_damaged_files_say(content, data):
    """Where both see a picture, both see the same one."""
    damaged = bytearray(content)
    head = content.index(b"\xff\xda") + 14
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, head - 1))] = data.draw(st.integers(0, 255))
    found = read(bytes(damaged))
    try:
        wanted = by_vips(bytes(damaged))
    except pyvips.Error:
        event("libvips refuses it")
        return
    event("read" if found else "left alone")
    assert found in (None, wanted)


@given(st.binary(max_size=300))
def test_any_bytes(content):
    assert read_plain(b"\xff\xd8" + content) is None or content
