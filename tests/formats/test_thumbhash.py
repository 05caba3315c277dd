from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats import thumbhash

PICTURES = {
    "landscape": (32, 20, lambda x, y: (x * y % 200, (x * x + y * 9) % 256, abs(x - y) * 8, 255)),
    "portrait": (21, 32, lambda x, y: (x * x // 2, (200 - y * x) % 256, (y * y + x * 5) % 256, 255)),
    "square": (9, 9, lambda x, y: ((x * 28 + y * y * 3) % 256, (x * y * 5) % 256, (y * 30) % 256, 255)),
    "transparent": (30, 25, lambda x, y: (x * y // 3, y * 8, x * x // 4, (x * 3 + y * y) % 256)),
    "hole": (10, 40, lambda x, y: (250 - x * y % 90, y * 6, x * x, 255 if y * y % 99 < x * 12 else 0)),
    "wide": (100, 7, lambda x, y: ((x * x + y * 5) % 256, x * y % 250, (y * y * 5 + x) % 256, 255)),
    "tall": (7, 90, lambda x, y: (y * y * x % 256, y * 2, x * y % 256, 255)),
}


def pixels(name):
    width, height, colour = PICTURES[name]
    return width, height, bytes(v for y in range(height) for x in range(width) for v in colour(x, y))


# What the package thumbhash 0.1.1 of npm gives, which is by the author of the format: the hash, the size of
# what it makes of it, and the first two pixels and the last one.
@pytest.mark.parametrize(
    ("name", "text", "size", "first", "last"),
    [
        ("landscape", "97980934848065973676998778860ca004241d", (32, 18), "003046ff002f44ff", "75939cff"),
        ("portrait", "9a7709251ab098767876676777788898c3cf0e6867", (23, 32), "00e10bff00df0dff", "e4a58eff"),
        (
            "square",
            "5a670e57106477876078888678777878887738f6668a0d08",
            (32, 32),
            "18001eff19001dff",
            "44acf1ff",
        ),
        (
            "transparent",
            "55a8852486169087a2889a77f8149880ab467717850787950a",
            (32, 26),
            "3269440b3269440c",
            "748a8080",
        ),
        ("hole", "9ecb86191239a5a07867773cb098f79570778977898788", (6, 32), "ea292161ec2217a5", "b8d042f8"),
        ("wide", "d9370a298c5365676089688978afc3fac7", (32, 5), "730000ff770000ff", "576ba5ff"),
        ("tall", "16080a211042806888857867bf874cf578", (5, 32), "2d1200ff490400ff", "6ead83ff"),
    ],
)
def test_known_hashes(name, text, size, first, last):
    found = thumbhash.encode(*pixels(name))
    assert found.hex() == text
    width, height, rgba = thumbhash.decode(found)
    assert (width, height) == size
    assert (rgba[:8].hex(), rgba[-4:].hex()) == (first, last)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 60), (10, 250, 20), (0, 0, 255)])
@pytest.mark.parametrize("size", [(1, 1), (20, 13), (13, 20), (100, 1), (1, 2)])
def test_one_colour(colour, size):
    found = thumbhash.encode(*size, bytes([*colour, 255]) * (size[0] * size[1]))
    assert not any(found[5:]), "a picture of one colour has no waves"
    _, _, rgba = thumbhash.decode(found)
    assert len(set(zip(*[iter(rgba)] * 4, strict=True))) == 1
    assert list(rgba[:4]) == pytest.approx([*colour, 255], abs=10)


def test_halves_go_up():
    """Also those that floating point misses: 7 x 5 / 14 rows, and waves that are nothing."""
    found = thumbhash.encode(14, 5, bytes(v for n in range(70) for v in (n % 14 * 18, 0, 0, 255)))
    assert found[3] & 7 == 3
    nibbles = [nibble for byte in found[5:] for nibble in (byte & 15, byte >> 4)]
    # those that change down the picture: of 3 rows of 7, 5, 3 columns, all but the first
    assert nibbles[6:14] == [8] * 8


def test_nothing_to_be_seen():
    _, _, rgba = thumbhash.decode(thumbhash.encode(4, 4, bytes([200, 100, 50, 0]) * 16))
    assert not any(rgba[3::4])


def test_what_is_transparent_has_no_say():
    half = bytes([255, 0, 0, 255]) * 4 + bytes([0, 255, 0, 0]) * 4
    other = bytes([255, 0, 0, 255]) * 4 + bytes([0, 0, 255, 0]) * 4
    assert thumbhash.encode(8, 8, half * 8) == thumbhash.encode(8, 8, other * 8)


@pytest.mark.parametrize("name", PICTURES)
def test_the_size_that_is_asked_for(name):
    found = thumbhash.encode(*pixels(name))
    width, height, rgba = thumbhash.decode(found, (5, 9))
    assert (width, height, len(rgba)) == (5, 9, 180)
    width, height, whole = thumbhash.decode(found)
    assert (width > height) == (PICTURES[name][0] > PICTURES[name][1])
    means = [[sum(part[band::4]) / len(part) * 4 for band in range(4)] for part in (rgba, whole)]
    assert means[0] == pytest.approx(means[1], abs=12)


@st.composite
def gradients(draw):
    """A picture whose colours change evenly from corner to corner: what a hash is able to keep."""
    width, height = draw(st.integers(8, 40)), draw(st.integers(8, 40))
    corners = [draw(st.tuples(*[st.integers(60, 200)] * 3, st.integers(0, 255))) for _ in range(3)]
    if draw(st.booleans()):
        corners = [(*corner[:3], 255) for corner in corners]

    def value(x, y, band):
        start, across, down = (corner[band] for corner in corners)
        return round(start + (across - start) * x / width / 2 + (down - start) * y / height / 2)

    data = bytes(value(x, y, band) for y in range(height) for x in range(width) for band in range(4))
    return width, height, data


@given(gradients())
def test_what_comes_back_is_near(picture):
    width, height, rgba = picture
    found_width, found_height, found = thumbhash.decode(thumbhash.encode(*picture))
    off = []
    for y in range(found_height):
        for x in range(found_width):
            at = (y * height // found_height * width + x * width // found_width) * 4
            here = (y * found_width + x) * 4
            alpha = rgba[at + 3]
            off.append(abs(found[here + 3] - alpha))
            off += [
                abs(a - b) * alpha / 255
                for a, b in zip(found[here : here + 3], rgba[at : at + 3], strict=True)
            ]
    assert sum(off) / len(off) < 12


@given(st.data(), st.integers(1, 14), st.integers(1, 14))
def test_any_picture_has_one(data, width, height):
    size = width * height * 4
    found = thumbhash.encode(width, height, data.draw(st.binary(min_size=size, max_size=size)))
    assert 5 <= len(found) <= 25
    found_width, found_height, rgba = thumbhash.decode(found)
    assert len(rgba) == found_width * found_height * 4
    assert max(found_width, found_height) == 32


@given(st.binary(max_size=40))
def test_any_bytes_give_a_picture(content):
    width, height, rgba = thumbhash.decode(content)
    assert len(rgba) == width * height * 4


@pytest.mark.parametrize(("width", "height", "length"), [(101, 1, 404), (0, 1, 0), (2, 2, 15), (2, 2, 12)])
def test_what_cannot_be(width, height, length):
    with pytest.raises(ValueError, match="pixels"):
        thumbhash.encode(width, height, bytes(length))
