from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats import blurhash

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"

PICTURES = {
    "landscape": (32, 20, lambda x, y: (x * 8, y * 12, 255 - x * 8)),
    "portrait": (21, 32, lambda x, y: (x * x // 2, 200 - y * 6, y * 7)),
    "square": (9, 9, lambda x, y: ((x * 28 + y * y * 3) % 256, (x * y * 5) % 256, (y * 30) % 256)),
    "wide": (100, 4, lambda x, y: (x * 2, x * 2, y * 60)),
    "tall": (1, 32, lambda x, y: (y * 8, y * 4, 30)),
}


def pixels(name):
    width, height, colour = PICTURES[name]
    return width, height, bytes(v for y in range(height) for x in range(width) for v in colour(x, y))


def number(text):
    value = 0
    for character in text:
        value = value * 83 + DIGITS.index(character)
    return value


def decode(text, width, height):
    """The decoder of the specification, word by word."""
    columns, rows = number(text[0]) % 9 + 1, number(text[0]) // 9 + 1
    assert len(text) == 4 + 2 * columns * rows
    scale = (number(text[1]) + 1) / 166
    mean = number(text[2:6])

    def light(value):
        value /= 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    colours = [[light(mean >> 16), light(mean >> 8 & 255), light(mean & 255)]]
    for n in range(1, columns * rows):
        value = number(text[4 + 2 * n : 6 + 2 * n])
        steps = [(value // 361 - 9) / 9, (value // 19 % 19 - 9) / 9, (value % 19 - 9) / 9]
        colours.append([math.copysign(step * step, step) * scale for step in steps])

    def value(light):
        light = max(0.0, min(1.0, light))
        light = light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
        return int(light * 255 + 0.5)

    def pixel(x, y):
        waves = [
            math.cos(math.pi * x * i / width) * math.cos(math.pi * y * j / height)
            for j in range(rows)
            for i in range(columns)
        ]
        return [value(sum(w * c[band] for w, c in zip(waves, colours, strict=True))) for band in range(3)]

    return [pixel(x, y) for y in range(height) for x in range(width)]


# What the package blurhash 1.1.5 of PyPI gives. (That of npm, 2.0.5, forgets that waves may be negative when
# it looks for the largest one.)
@pytest.mark.parametrize(
    ("name", "columns", "rows", "text"),
    [
        ("landscape", 4, 3, "L.H24*77w%XAmHWYjuf8g0fjfQfj"),
        ("portrait", 3, 4, "TiB4:pBU$5lpbXjtggfkfQkkbGjt"),
        ("square", 4, 3, "LrHJ-1M-RTxur9BhXPrrRVbt#VW;"),
        ("wide", 4, 3, "LaDcXR0A%HRn-wM~odayfKfPfQfP"),
        ("tall", 3, 4, "T~G~s@}q}q5o5o5oxExExEWWWWWW"),
        ("landscape", 1, 1, "00H24*"),
        ("landscape", 2, 1, "1.H24*77"),
        ("landscape", 1, 9, "=nH24*qSgJsEe;t7eqt7eq"),
        ("landscape", 9, 1, "8.H24*77w%XAb0ogWsogWs"),
    ],
)
def test_known_hashes(name, columns, rows, text):
    assert blurhash.encode(*pixels(name), columns=columns, rows=rows) == text


@pytest.mark.parametrize("value", [0, 1, 10, 11, 127, 254, 255])
def test_one_colour(value):
    text = blurhash.encode(8, 6, bytes([value, 255 - value, 7]) * 48, columns=4, rows=3)
    assert number(text[2:6]) == value << 16 | (255 - value) << 8 | 7
    # A wave that is measured at the pixels' edges is not quite in balance: that is the format's.
    found = decode(blurhash.encode(100, 80, bytes([value, 255 - value, 7]) * 8000, columns=4, rows=3), 4, 4)
    assert [sum(band) / 16 for band in zip(*found, strict=True)] == pytest.approx(
        [value, 255 - value, 7], abs=12
    )


def test_it_looks_like_the_picture():
    width, height, rgb = pixels("landscape")
    found = decode(blurhash.encode(width, height, rgb, columns=4, rows=3), width, height)
    off = [abs(a - b) for a, b in zip((v for p in found for v in p), rgb, strict=True)]
    assert sum(off) / len(off) < 12


@given(st.data(), st.integers(1, 12), st.integers(1, 12), st.integers(1, 9), st.integers(1, 9))
def test_any_picture_has_one(data, width, height, columns, rows):
    size = width * height * 3
    rgb = data.draw(st.binary(min_size=size, max_size=size))
    text = blurhash.encode(width, height, rgb, columns=columns, rows=rows)
    assert len(text) == 4 + 2 * columns * rows
    assert set(text) <= set(DIGITS)
    assert number(text[0]) == columns - 1 + (rows - 1) * 9
    assert len(decode(text, 3, 2)) == 6


@pytest.mark.parametrize(
    ("width", "height", "length", "columns", "rows"),
    [(2, 2, 11, 4, 3), (2, 2, 16, 4, 3), (0, 0, 0, 4, 3), (2, 2, 12, 0, 3), (2, 2, 12, 4, 10)],
)
def test_what_cannot_be(width, height, length, columns, rows):
    with pytest.raises(ValueError, match=r"pixels|components"):
        blurhash.encode(width, height, bytes(length), columns=columns, rows=rows)
