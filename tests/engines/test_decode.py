"""Pictures of every kind: what their header says, which pixels come out, and what is refused."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import struct
import zlib
from array import array

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw, features

from tornado_media.engines import decode
from tornado_media.engines.scaling import scale_down
from tornado_media.errors import BadRequest, SourceUnusable
from tornado_media.formats import apng
from tornado_media.formats.apng import frame_file, read_animation

import pyvips  # isort: skip (`decode` has told libvips how to behave, before it is loaded)

TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}
TYPES |= {"tif": "image/tiff", "avif": "image/avif", "svg": "image/svg+xml"}
LOSSLESS = {"webp": {"lossless": True}, "avif": {"quality": 100}, "jpg": {"quality": 95, "subsampling": 0}}
RGBW = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
STILL = ["jpg", "png", "webp", "tif", "avif"]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@pytest.fixture
def opened():
    """`opened(path, pixels=..., frames=...)`: the picture, open until the test ends."""
    with contextlib.ExitStack() as stack:

        def open_it(path, media_type=None, *, pixels=50_000_000, frames=250):
            source = os.open(path, os.O_RDONLY)
            try:
                picture = decode.open_picture(
                    source, media_type or TYPES[path.suffix[1:]], pixels=pixels, frames=frames
                )
            finally:
                os.close(source)
            return stack.enter_context(picture)

        yield open_it


def quarters(size=(160, 120), mode="RGB"):
    """Red, green; blue, white: which corner is where can be seen."""
    image = Image.new("RGB", size, "white")
    draw, (width, height) = ImageDraw.Draw(image), (size[0] // 2, size[1] // 2)
    draw.rectangle((0, 0, width - 1, height - 1), "red")
    draw.rectangle((width, 0, size[0], height - 1), "lime")
    draw.rectangle((0, height, width - 1, size[1]), "blue")
    return image.convert(mode)


def at(image, x, y):
    return tuple(round(value) for value in image(int(x * image.width), int(y * image.height)))


def corners(image):
    return [at(image, x, y)[:3] for x, y in ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))]


def near(found, wanted, tolerance=10):
    return all(
        abs(a - b) <= tolerance
        for one, other in zip(found, wanted, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def save(path, image, **how):
    image.save(path, **LOSSLESS.get(path.suffix[1:], {}) | how)
    return path


# -- headers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*STILL, "gif"])
def test_the_header_of_a_still(kind, opened, tmp_path):
    header = opened(save(tmp_path / f"a.{kind}", quarters())).header
    assert (header.media_type, header.width, header.height) == (TYPES[kind], 160, 120)
    assert (header.frames, header.orientation, header.delays, header.loop) == (1, 1, (), 0)
    assert (bool(header.alpha), header.profile) == (False, False)


@pytest.mark.parametrize("kind", ["png", "webp", "tif", "avif"])
def test_the_header_knows_transparency_and_profile(kind, opened, tmp_path):
    path = save(tmp_path / f"a.{kind}", Image.new("RGBA", (80, 60), (9, 9, 9, 9)), icc_profile=SRGB.tobytes())
    header = opened(path).header
    assert (header.alpha, header.profile) == (True, True)


def animation(path, frames, **how):
    frames[0].save(path, save_all=True, append_images=frames[1:], **how)
    return path


COLOURED = [Image.new("RGB", (160, 120), colour) for colour in ("red", "lime", "blue")]
MOVING = {"gif": {}, "webp": {"lossless": True}, "png": {}}


@pytest.mark.parametrize("kind", MOVING)
def test_the_header_of_an_animation(kind, opened, tmp_path):
    path = animation(tmp_path / f"a.{kind}", COLOURED, duration=[100, 250, 300], loop=0, **MOVING[kind])
    header = opened(path).header
    assert (header.width, header.height, header.frames) == (160, 120, 3)
    assert (header.delays, header.loop) == ((100, 250, 300), 0)
    assert opened(path, frames=2).header.delays == (100, 250)
    assert opened(path, frames=2).header.frames == 3


# -- upright ----------------------------------------------------------------------------------------------

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
@pytest.mark.parametrize("kind", STILL)
def test_pictures_are_upright(kind, orientation, opened, tmp_path):
    image, exif = quarters(), Image.Exif()
    exif[0x0112] = orientation
    if orientation > 1:
        image = image.transpose(TURNS[orientation])
    picture = opened(save(tmp_path / f"a.{kind}", image, exif=exif))
    assert (picture.header.width, picture.header.height) == (160, 120)
    for least, size in ((None, (160, 120)), ((40.0, 30.0), (40, 30)), ((60.0, 30.0), (60, 30))):
        decoded = picture.decode(least)
        assert (decoded.width, decoded.height) == size
        assert near(corners(decoded), RGBW)
        assert not decoded.get_typeof("orientation") or decoded.get("orientation") == 1


# -- sizes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*STILL, "gif"])
@pytest.mark.parametrize(
    ("least", "size"),
    [
        (None, (320, 240)),
        ((1000.0, 1000.0), (320, 240)),
        ((320.0, 240.0), (320, 240)),
        ((160.0, 120.0), (160, 120)),
        ((100.0000000001, 74.3), (100, 75)),
        ((33.3, 25.0), (34, 25)),
        ((0.2, 0.15), (1, 1)),
        ((400.0, 20.0), (320, 20)),
    ],
)
def test_sizes(kind, least, size, opened, tmp_path):
    decoded = opened(save(tmp_path / f"a.{kind}", quarters((320, 240)))).decode(least)
    assert (decoded.width, decoded.height, decoded.format) == (*size, "uchar")
    decoded.copy_memory()


@given(
    source=st.tuples(st.integers(1, 300), st.integers(1, 40)),
    cut=st.floats(0, 0.99),
    parts=st.tuples(st.floats(0.01, 0.8), st.floats(0.01, 0.8)),  # shortcuts leave a margin of 1.25
)
@settings(max_examples=60, deadline=None)
def test_nothing_moves_when_it_gets_smaller(source, cut, parts):
    """A ramp stays where it is, though its last pixel is shown only in part."""
    width, height = source
    extent = width - cut if width > 1 else 1.0, float(height)
    size = max(1, int(extent[0] * parts[0])), max(1, int(height * parts[1]))
    ramp = (pyvips.Image.xyz(width, height)[0] + 0.5).cast("float")
    small = scale_down(ramp, extent, size)
    assert (small.width, small.height) == size
    factor = extent[0] / size[0]
    row = array("f", bytes(small.crop(0, 0, size[0], 1).write_to_memory()))
    for x, found in enumerate(row):
        middle = (x + 0.5) * factor
        if 4 * factor < middle < width - 4 * factor - 4:  # away from the edges, which are repeated
            # In pixels of the source: a tenth of one of the result. libvips has a table of 64 places in a
            # pixel for its filter, and the side that it pads to may be a little off a whole number.
            assert abs(found - middle) < max(0.1, factor / 10)


# -- frames and pages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MOVING)
def test_a_frame_of_an_animation(kind, opened, tmp_path):
    path = animation(tmp_path / f"a.{kind}", COLOURED, duration=100, **MOVING[kind])
    picture = opened(path, frames=2)
    for frame, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255)]):
        for least in (None, (40.0, 30.0)):
            assert near([at(picture.decode(least, frame=frame), 0.5, 0.5)[:3]], [colour])
    for frame in (3, -1):
        with pytest.raises(BadRequest, match="3"):
            picture.decode(frame=frame)


def test_pages_have_sizes_of_their_own(opened, tmp_path):
    pages = [Image.new("RGB", (160, 120), "red"), Image.new("RGB", (60, 80), "blue")]
    picture = opened(animation(tmp_path / "a.tif", pages), pixels=160 * 120)
    assert (picture.header.frames, picture.header.delays) == (2, ())
    page = picture.decode(frame=1)
    assert (page.width, page.height) == (60, 80)
    assert at(page, 0.5, 0.5) == (0, 0, 255)
    assert picture.decode((30.0, 40.0), frame=1).width == 30
    still = picture.decode(animated=True)
    assert (still.width, still.height) == (160, 120)
    large = animation(tmp_path / "b.tif", pages[::-1])
    with pytest.raises(SourceUnusable, match="160 x 120 = 19200"):
        opened(large, pixels=10_000).decode(frame=1)


@pytest.mark.parametrize("kind", MOVING)
@pytest.mark.parametrize("least", [None, (37.5, 30.0)])
def test_a_strip_of_all_frames(kind, least, opened, tmp_path):
    path = animation(tmp_path / f"a.{kind}", COLOURED, duration=[100, 200, 300], loop=0, **MOVING[kind])
    strip = opened(path, frames=2).decode(least, animated=True)
    size = (38, 30) if least else (160, 120)
    assert (strip.width, strip.get("page-height"), strip.height) == (*size, 2 * size[1])
    assert (strip.get("delay"), strip.get("loop")) == ([100, 200], 0)
    strip = strip.copy_memory()
    for frame, colour in enumerate([(255, 0, 0), (0, 255, 0)]):
        for y in (0, size[1] - 1):  # nothing of the neighbours at the edges
            assert near([strip(5, frame * size[1] + y)[:3]], [colour], 3)


def drawn_frames():
    """A dot that moves over a transparent ground, and leaves and comes back."""
    frames = []
    for step in range(5):
        image = Image.new("RGBA", (80, 60), (255, 255, 255, 0) if step % 2 else (0, 90, 200, 120))
        ImageDraw.Draw(image).ellipse(
            (10 * step, 8 * step, 10 * step + 25, 8 * step + 20), (250, 40, 10, 255)
        )
        frames.append(image)
    return frames


@pytest.mark.parametrize("disposal", [0, 1, 2])
@pytest.mark.parametrize("blend", [0, 1])
def test_apng_frames_lie_over_each_other(disposal, blend, opened, tmp_path):
    """As ffmpeg has it: Pillow 13 differs for half transparent frames and after PREVIOUS."""
    path = animation(tmp_path / "a.png", drawn_frames(), duration=40, disposal=disposal, blend=blend)
    picture = opened(path)
    with av.open(str(path)) as container:
        wanted = [over_black(*pixels_of(frame)) for frame in container.decode(video=0)]
    assert picture.header.frames == len(wanted) == 5
    strip = picture.decode(animated=True).copy_memory()
    for number, frame in enumerate(wanted):
        ours = strip.crop(0, number * 60, 80, 60).flatten(background=0)
        assert (ours - frame).abs().max() <= 3
        alone = picture.decode(frame=number).flatten(background=0)
        assert (alone - frame).abs().max() <= 3


def pixels_of(frame):
    plane = frame.planes[0]
    return bytes(plane), plane.line_size // 4, frame.width, frame.height


def over_black(content, across, width, height):
    image = pyvips.Image.new_from_memory(content, across, height, 4, "uchar")
    return image.copy(interpretation="srgb").crop(0, 0, width, height).flatten(background=0)


@given(st.binary(max_size=300), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_damaged_apng_is_read_or_left_alone(junk, where):
    buffer = io.BytesIO()
    frames = drawn_frames()
    frames[0].save(buffer, "png", save_all=True, append_images=frames[1:], duration=40)
    content = bytearray(buffer.getvalue())
    start = 8 + where % (len(content) - 8)
    content[start : start + len(junk)] = junk
    found = read_animation(bytes(content))
    if found is not None:
        assert all(frame.left + frame.width <= found.width for frame in found.frames)
        assert all(frame_file(bytes(content), found, frame).startswith(b"\x89PNG") for frame in found.frames)


def test_a_very_long_apng_ends_with_the_frames_that_are_looked_at(monkeypatch):
    buffer = io.BytesIO()
    frames = drawn_frames()
    frames[0].save(buffer, "png", save_all=True, append_images=frames[1:], duration=40)
    whole = read_animation(buffer.getvalue())
    monkeypatch.setattr(apng, "MOST_FRAMES", 3)
    found = read_animation(buffer.getvalue())
    assert len(whole.frames) == 5
    assert found.frames == whole.frames[:3]


# -- colours ----------------------------------------------------------------------------------------------


def s15(number):
    return struct.pack(">i", round(number * 65536))


def profile(primaries, gamma, space=b"RGB "):
    """A matrix profile (ICC.1:2022 section 8.3.2): columns in XYZ as seen under D50, one gamma for all."""
    white = (0.9642, 1.0, 0.8249)
    xyz = {b"wtpt": white} | dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=False))
    tags = {name: b"XYZ \0\0\0\0" + b"".join(map(s15, value)) for name, value in xyz.items()}
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC") if primaries else (b"kTRC",), curve)
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"Test\0" + bytes(79)
    tags[b"cprt"] = b"text\0\0\0\0none\0\0\0\0"
    table, data, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", start + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(data), b"lcms", 0x02400000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + b"".join(map(s15, white))
    return head.ljust(128, b"\0") + table + data


PROFILES = {
    "display-p3": profile(
        ((0.5151, 0.2412, -0.0011), (0.292, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841)), 2.2
    ),
    "adobe-rgb": profile(((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446)), 2.2),
    "prophoto": profile(((0.7977, 0.288, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249)), 1.8),
}
PATCHES = [(200, 40, 60), (60, 180, 90), (30, 60, 200), (128, 128, 128), (240, 220, 180), (255, 255, 255)]


def patches(colours=PATCHES, mode="RGB"):
    image = Image.new(mode, (20 * len(colours), 40))
    for number, colour in enumerate(colours):
        image.paste(colour, (20 * number, 0, 20 * number + 20, 40))
    return image


def middles(image, count=6):
    return [at(image, (number + 0.5) / count, 0.5) for number in range(count)]


def managed(image, data, mode="RGB"):
    """What Pillow makes of it, by Little CMS too but on a way of its own."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(data))
    return ImageCms.profileToProfile(image, source, SRGB, outputMode=mode)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("kind", STILL)
@pytest.mark.parametrize("least", [None, (60.0, 20.0)])
def test_profiles_become_srgb(name, kind, least, opened, tmp_path):
    image = patches()
    wanted = [managed(image, PROFILES[name]).getpixel((20 * n + 10, 20)) for n in range(len(PATCHES))]
    assert not near(wanted, PATCHES, 10)  # else nothing would be tested
    path = save(tmp_path / f"a.{kind}", image, icc_profile=PROFILES[name])
    decoded = opened(path).decode(least)
    assert not decoded.get_typeof("icc-profile-data")
    assert near(middles(decoded), wanted, 4)


def test_a_profile_and_transparency(opened, tmp_path):
    image = patches([(*colour, 128) for colour in PATCHES], "RGBA")
    wanted = managed(patches(), PROFILES["adobe-rgb"])
    path = save(tmp_path / "a.png", image, icc_profile=PROFILES["adobe-rgb"])
    for least in (None, (60.0, 20.0)):
        found = middles(opened(path).decode(least))
        assert near(found, [(*wanted.getpixel((20 * n + 10, 20)), 128) for n in range(len(PATCHES))], 4)


def test_a_profile_of_grey(opened, tmp_path):
    greys = [20, 80, 128, 190, 230, 255]
    data = profile((), 1.5, b"GRAY")
    wanted = [managed(patches(greys, "L"), data).getpixel((20 * n + 10, 20))[0] for n in range(6)]
    decoded = opened(save(tmp_path / "a.png", patches(greys, "L"), icc_profile=data)).decode()
    assert decoded.bands == 1
    assert near(middles(decoded), [(grey,) for grey in wanted], 3)
    assert not near([(grey,) for grey in greys], [(grey,) for grey in wanted], 20)


@pytest.mark.parametrize("least", [None, (60.0, 20.0)])
@pytest.mark.parametrize("kind", ["jpg", "tif"])
def test_cmyk_with_a_profile(kind, least, opened, tmp_path):
    data = pyvips.Operation.call("profile_load", "cmyk")
    data = bytes(data.get("icc-profile-data") if hasattr(data, "get") else data)
    image = patches(
        [(0, 200, 180, 10), (180, 20, 200, 0), (255, 255, 0, 0), (0, 0, 0, 128), (9, 9, 60, 0)], "CMYK"
    )
    wanted = managed(image, data)
    how = {"quality": 100, "subsampling": 0} if kind == "jpg" else {}
    path = save(tmp_path / f"a.{kind}", image, icc_profile=data, **how)
    assert near(
        middles(opened(path).decode(least), 5), [wanted.getpixel((20 * n + 10, 20)) for n in range(5)], 6
    )


@pytest.mark.parametrize("kind", ["jpg", "tif"])
def test_cmyk_without_a_profile(kind, opened, tmp_path):
    """Adobe's JPEGs are inverted; who does not know that makes negatives."""
    image = patches([(0, 0, 0, 0), (0, 0, 0, 255), (255, 0, 0, 0), (0, 255, 255, 0)], "CMYK")
    white, black, cyan, red = middles(opened(save(tmp_path / f"a.{kind}", image)).decode(), 4)
    assert min(white) > 245
    assert max(black) < 60
    assert cyan[0] < 60 < 120 < min(cyan[1:])
    assert red[0] > 180 > 80 > max(red[1:])


@pytest.mark.parametrize(
    ("mode", "data"),
    [
        ("RGB", b"nonsense"),
        ("RGB", PROFILES["prophoto"][:200]),
        ("RGB", PROFILES["prophoto"][:132] + b"\xff" * 400),
        ("RGB", profile((), 1.5, b"GRAY")),
        ("L", PROFILES["prophoto"]),
        ("RGBA", b"nonsense" * 100),
    ],
)
@pytest.mark.parametrize("least", [None, (60.0, 20.0)])
def test_a_profile_that_cannot_be_used_is_left_out(mode, data, least, opened, tmp_path):
    image = patches().convert(mode)
    decoded = opened(save(tmp_path / "a.png", image, icc_profile=data)).decode(least)
    wanted = [image.getpixel((20 * n + 10, 20)) for n in range(len(PATCHES))]
    wanted = [(grey,) for grey in wanted] if mode == "L" else [colour[:3] for colour in wanted]
    assert near([found[: len(wanted[0])] for found in middles(decoded)], wanted, 1)


def test_lab(opened, tmp_path):
    lab = ImageCms.profileToProfile(
        patches(), SRGB, ImageCms.createProfile("LAB"), outputMode="LAB", renderingIntent=1
    )
    path = tmp_path / "a.tif"
    space = pyvips.Image.new_from_memory(patches().tobytes(), 120, 40, 3, "uchar").copy(interpretation="srgb")
    space.colourspace("lab").cast("float").tiffsave(str(path))
    assert lab.mode == "LAB"
    assert near(middles(opened(path).decode((60.0, 20.0))), PATCHES, 3)


def png(path, width, height, depth, colour, row, *chunks):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, depth, colour, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress((b"\0" + row) * height))
    extra = b"".join(chunk(*one) for one in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + extra + data + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("least", [None, (20.0, 15.0)])
@pytest.mark.parametrize(
    ("depth", "colour", "row", "chunks", "wanted"),
    [
        (16, 2, b"\xff\xff\0\0\0\0" * 40 + b"\0\0\0\0\xff\xff" * 40, (), [(255, 0, 0), (0, 0, 255)]),
        (16, 0, struct.pack(">H", 0x8080) * 80, (), [(128,), (128,)]),
        (16, 6, struct.pack(">4H", 65535, 0, 0, 32896) * 80, (), [(255, 0, 0, 128)] * 2),
        (16, 4, struct.pack(">2H", 65535, 32896) * 80, (), [(255, 128)] * 2),
        (8, 4, b"\xc8\x80" * 80, (), [(200, 128)] * 2),
        (1, 0, b"\xff" * 10, (), [(255,), (255,)]),
        (1, 0, b"\x00" * 10, (), [(0,), (0,)]),
        (2, 0, b"\xaa" * 20, (), [(170,), (170,)]),
        (4, 3, b"\x11" * 40, ((b"PLTE", bytes(3) + b"\x0a\x14\xfa"),), [(10, 20, 250)] * 2),
        (
            8,
            3,
            b"\1" * 80,
            ((b"PLTE", bytes(3) + b"\x0a\x14\xfa"), (b"tRNS", b"\xff\x80")),
            [(10, 20, 250, 128)] * 2,
        ),
        (8, 2, b"\1\2\3" * 80, ((b"tRNS", b"\0\1\0\2\0\3"),), [(0, 0, 0, 0)] * 2),
    ],
)
def test_depths_and_palettes(depth, colour, row, chunks, wanted, least, opened, tmp_path):
    path = png(tmp_path / "a.png", 80, 60, depth, colour, row, *chunks)
    decoded = opened(path).decode(least)
    assert decoded.format == "uchar"
    found = middles(decoded, 2)
    if len(wanted[0]) == 4 and not wanted[0][3]:
        assert [one[3] for one in found] == [0, 0]
    else:
        assert near(found, wanted, 1 if least is None else 3)


@pytest.mark.parametrize(
    ("mode", "value", "wanted"),
    [("I;16", 0x8000, 128), ("F", 0.5, 128), ("F", 200.0, 200), ("1", 1, 255), ("L", 77, 77)],
)
def test_tiff_numbers(mode, value, wanted, opened, tmp_path):
    path = tmp_path / "a.tif"
    Image.new(mode, (80, 60), value).save(path)
    for least in (None, (20.0, 15.0)):
        decoded = opened(path).decode(least)
        assert (decoded.format, decoded.bands) == ("uchar", 1)
        assert near([at(decoded, 0.5, 0.5)], [(wanted,)], 1)


# -- transparency -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["png", "webp", "tif", "avif"])
def test_what_is_behind_transparent_pixels_does_not_show(kind, opened, tmp_path):
    image = Image.new("RGBA", (160, 160), (0, 255, 0, 0))
    ImageDraw.Draw(image).rectangle((40, 40, 119, 119), (200, 30, 20, 255))
    path = save(tmp_path / f"a.{kind}", image, **({"exact": True} if kind == "webp" else {}))
    decoded = opened(path).decode((23.0, 23.0)).copy_memory()
    seen = [decoded(x, y) for x in range(23) for y in range(23)]
    assert {pixel[3] for pixel in seen} >= {0, 255}
    assert near(
        [pixel[:3] for pixel in seen if pixel[3] > 40], [(200, 30, 20)] * sum(p[3] > 40 for p in seen), 24
    )


@pytest.mark.parametrize("kind", ["png", "webp", "tif"])
@pytest.mark.parametrize("where", [None, (0, 0), (100, 90), (399, 299)])
def test_transparency_is_found_wherever_it_is(kind, where, opened, tmp_path):
    image = Image.new("RGBA", (400, 300), (10, 200, 30, 255))
    if where:
        image.paste((0, 0, 0, 0), (where[0], where[1], where[0] + 12, where[1] + 12))
    decoded = opened(save(tmp_path / f"a.{kind}", image)).decode((100.0, 75.0))
    assert decoded.hasalpha() == (where is not None)
    assert near([at(decoded, 0.6, 0.6)[:3]], [(10, 200, 30)], 2)


# -- vectors ----------------------------------------------------------------------------------------------


def svg(path, inside, before="", size='width="100" height="50"'):
    space = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    path.write_text(f'<?xml version="1.0"?>{before}<svg {space} {size}>{inside}</svg>')
    return path


def test_vectors_are_drawn_in_the_size_that_is_asked(opened, tmp_path):
    picture = opened(svg(tmp_path / "a.svg", '<rect width="50" height="50" fill="#102030"/>'))
    assert (picture.header.width, picture.header.height, picture.header.alpha) == (100, 50, True)
    for least, size in ((None, (100, 50)), ((1000.0, 500.0), (1000, 500)), ((20.0, 20.0), (40, 20))):
        decoded = picture.decode(least)
        assert (decoded.width, decoded.height) == size
    sharp = picture.decode((1000.0, 500.0))
    assert [tuple(sharp(x, 250)) for x in (498, 501)] == [(16, 32, 48, 255), (0, 0, 0, 0)]


def test_vectors_are_bounded_by_what_is_drawn(opened, tmp_path):
    picture = opened(svg(tmp_path / "a.svg", "<rect/>", size='width="9000" height="9000"'), pixels=1_000_000)
    assert picture.decode((90.0, 90.0)).width == 90
    for least in (None, (5000.0, 10.0)):
        with pytest.raises(SourceUnusable, match="at most 1000000"):
            picture.decode(least)


RED = '<rect width="100" height="50" fill="red"/>'
REFERENCES = {
    "image": '<image href="{}/red.png" width="100" height="50"/>',
    "xlink": '<image xlink:href="{}/red.png" width="100" height="50"/>',
    "nested": '<image href="{}/red.svg" width="100" height="50"/>',
    "use": '<use href="{}/red.svg#all"/>',
    "import": '<style>@import url("{}/red.css");</style><rect class="red" width="9" height="9" fill="none"/>',
    "css url": '<rect width="100" height="50" style="fill:url({}/red.svg#paint)"/>',
    "include": '<g xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{}/red.svg"/></g>',
    "text": '<text y="40" font-size="40" fill="red" xmlns:xi="http://www.w3.org/2001/XInclude">'
    '<xi:include href="{}/secret.txt" parse="text"/></text>',
    "filter": '<filter id="f"><feImage href="{}/red.png"/></filter>'
    '<rect width="9" height="9" filter="url(#f)"/>',
    "pattern": '<pattern id="p" width="1" height="1" href="{}/red.svg#paint"/>'
    '<rect width="9" height="9" fill="url(#p)"/>',
}


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("where", ["file", "path", "beside", "http"])
def test_vectors_see_nothing_outside(name, where, opened, tmp_path):
    Image.new("RGB", (100, 50), "red").save(tmp_path / "red.png")
    svg(
        tmp_path / "red.svg",
        f'<g id="all">{RED}</g><linearGradient id="paint"><stop stop-color="red"/></linearGradient>',
    )
    (tmp_path / "red.css").write_text(".red { fill: red !important }")
    (tmp_path / "secret.txt").write_text("MMMMMM")
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.setblocking(False)
        bases = {"file": f"file://{tmp_path}", "path": str(tmp_path), "beside": "."}
        base = bases.get(where, f"http://127.0.0.1:{canary.getsockname()[1]}")
        path = svg(tmp_path / "a.svg", REFERENCES[name].replace("{}", base))
        decoded = opened(path).decode((200.0, 100.0))
        assert decoded.max() == 0
        with pytest.raises(BlockingIOError):
            canary.accept()


def test_the_canaries_would_be_seen(opened, tmp_path):
    assert at(opened(svg(tmp_path / "a.svg", RED)).decode(), 0.5, 0.5) == (255, 0, 0, 255)


@pytest.mark.parametrize("target", ['SYSTEM "file://{}"', 'PUBLIC "x" "{}"'])
def test_external_entities_are_refused_or_empty(target, opened, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("MMMMMM")
    entity = f"<!DOCTYPE svg [<!ENTITY x {target.replace('{}', str(secret))}>]>"
    path = svg(
        tmp_path / "a.svg",
        '<text y="40" font-size="40" fill="red">&amp;x;</text>'.replace("&amp;", "&"),
        entity,
    )
    try:
        assert opened(path).decode().max() == 0
    except SourceUnusable as error:
        assert "MMM" not in error.private


def test_script_does_nothing(opened, tmp_path):
    script = "<script>document.documentElement.appendChild(document.getElementById('r'))</script>"
    path = svg(tmp_path / "a.svg", f'{script}<defs><g id="r" onload="alert(1)">{RED}</g></defs>')
    assert opened(path).decode().max() == 0


def test_entities_that_explode_are_refused(opened, tmp_path):
    entities = '<!ENTITY a0 "lollollol">'
    entities += "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
    path = svg(tmp_path / "a.svg", "<text>&a8;</text>", f"<!DOCTYPE svg [{entities}]>")
    with pytest.raises(SourceUnusable):
        opened(path)


# -- what is refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", ["application/pdf", "image/bmp", "application/gzip", "video/mp4"])
def test_other_types_are_refused(media_type, opened, tmp_path):
    with pytest.raises(SourceUnusable, match=media_type):
        opened(save(tmp_path / "a.png", quarters()), media_type)


@pytest.mark.parametrize("claimed", [*STILL, "gif", "svg"])
@pytest.mark.parametrize("kind", [*STILL, "gif"])
def test_the_loader_must_be_that_of_the_type(kind, claimed, opened, tmp_path):
    path = save(tmp_path / f"a.{kind}", quarters())
    if kind == claimed:
        assert opened(path).header.width == 160
    else:
        with pytest.raises(SourceUnusable, match="not a picture of the type"):
            opened(path, TYPES[claimed])


def test_nothing_at_all_is_refused(opened, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    for kind in TYPES.values():
        with pytest.raises(SourceUnusable):
            opened(tmp_path / "a.jpg", kind)


@pytest.mark.parametrize("kind", [*STILL, "gif"])
def test_sizes_are_looked_at_before_pixels(kind, opened, tmp_path):
    path = save(tmp_path / f"a.{kind}", quarters())
    with pytest.raises(SourceUnusable, match=r"160 x 120 = 19200 pixels; at most 19199"):
        opened(path, pixels=19199)
    assert opened(path, pixels=19200).header.width == 160


def test_a_bomb_is_refused(opened, tmp_path):
    path = png(tmp_path / "a.png", 16384, 16384, 1, 0, b"")
    with pytest.raises(SourceUnusable, match="268435456"):
        opened(path)


def test_a_bomb_of_scans_is_refused(opened, tmp_path):
    """A scan that says nothing costs ten bytes and a walk over the picture."""
    path = save(tmp_path / "a.jpg", Image.new("L", (160, 120), 90), progressive=True)
    content = path.read_bytes()
    first = content.index(b"\xff\xda")
    last = content.rindex(b"\xff\xda")
    scans = content[first:last]
    path.write_bytes(content[:first] + scans * 999 + content[first:])
    with pytest.raises(SourceUnusable, match="more than 1000 scans"):
        opened(path)


def test_a_very_long_animation_gives_its_first_frames(opened, tmp_path):
    frame = b"\x21\xf9\x04\0\x0a\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x4c\x01\0"
    head = b"GIF89a\x64\0\x64\0\x80\0\0\0\0\0\xff\xff\xff"
    path = tmp_path / "a.gif"
    path.write_bytes(head + frame * 100_000 + b";")
    picture = opened(path, frames=10)
    assert (picture.header.frames, len(picture.header.delays)) == (100_000, 10)
    assert picture.decode((10.0, 10.0)).width == 10
    assert picture.decode((10.0, 10.0), animated=True).height == 100


@pytest.mark.parametrize("kind", STILL)
@pytest.mark.parametrize("least", [None, (30.0, 20.0)])
def test_truncated_pictures_fail(kind, least, opened, tmp_path):
    noise = Image.effect_noise((400, 300), 80).convert("RGB")
    path = save(tmp_path / f"a.{kind}", noise)
    os.truncate(path, path.stat().st_size * 2 // 3)
    with pytest.raises((SourceUnusable, pyvips.Error)):
        opened(path).decode(least).copy_memory()


@pytest.mark.parametrize("how", [{"progressive": True}, {}])
def test_a_truncated_jpeg_fails_at_each_scale(how, opened, tmp_path):
    path = tmp_path / "a.jpg"
    Image.effect_noise((640, 480), 80).convert("RGB").save(path, **how)
    os.truncate(path, path.stat().st_size - 500)
    for width, height in ((300.0, 225.0), (120.0, 90.0), (60.0, 45.0)):
        with pytest.raises((SourceUnusable, pyvips.Error)):
            opened(path).decode((width, height)).copy_memory()


def hurt(content, flips):
    content = bytearray(content)
    for where, bit in flips:
        content[where % len(content)] ^= 1 << bit
    return bytes(content)


@pytest.mark.parametrize("kind", [*STILL, "gif", "apng", "progressive", "svg"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 7)), min_size=1, max_size=20))
def test_flipped_bits_give_a_picture_or_a_sentence(kind, flips, opened, tmp_path):
    path = tmp_path / {"apng": "a.png", "progressive": "a.jpg"}.get(kind, f"a.{kind}")
    if not path.exists():
        if kind == "apng":
            animation(path, drawn_frames(), duration=40)
        elif kind == "svg":
            svg(path, RED + '<circle r="20" cx="50" cy="20" fill="blue"/>')
        else:
            save(path, quarters((96, 64)), **({"progressive": True} if kind == "progressive" else {}))
    hurt_path = path.with_stem("hurt")
    hurt_path.write_bytes(hurt(path.read_bytes(), flips))
    with contextlib.suppress(SourceUnusable, pyvips.Error):
        picture = opened(hurt_path, pixels=1_000_000, frames=5)
        picture.decode((20.0, 15.0)).copy_memory()
        picture.decode((20.0, 15.0), animated=True).copy_memory()


def test_pillow_can_make_what_these_tests_need():
    assert features.check("avif")
    assert features.check("webp")
