from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.palette import Shade, laid_on, mean, named, palette


def test_flat_colours_are_exact():
    rgba = (
        bytes([230, 57, 70, 255]) * 500 + bytes([241, 250, 238, 255]) * 300 + bytes([29, 53, 87, 255]) * 200
    )
    assert palette(rgba, 6) == [Shade("#e63946", 0.5), Shade("#f1faee", 0.3), Shade("#1d3557", 0.2)]


def test_blurred_edges_do_not_change_a_flat_colour():
    flat, edge = bytes([230, 57, 70, 255]), bytes([226, 62, 74, 255])
    assert palette(flat * 70 + edge * 30, 6) == [Shade("#e63946", 1.0)]
    assert palette(flat * 50 + edge * 50, 6) == [Shade("#e43c48", 1.0)]


def test_noise_is_one_colour():
    chance = random.Random(1)
    rgba = bytes(v for _ in range(2000) for v in (*(chance.randint(118, 130) for _ in range(3)), 255))
    (shade,) = palette(rgba, 6)
    assert shade.part == 1
    assert all(abs(value - 124) <= 1 for value in bytes.fromhex(shade.color[1:]))


def test_a_small_but_vivid_part_is_found():
    chance = random.Random(1)
    grey = [chance.randint(90, 160) for _ in range(3900)]
    rgba = bytes(v for g in grey for v in (g, g, g, 255)) + bytes([220, 20, 20, 255]) * 100
    assert "#dc1414" in [shade.color for shade in palette(rgba, 4)]


def test_it_is_cut_where_the_colours_differ():
    dark = [bytes([n, n, n, 255]) for n in range(0, 60, 4)]
    assert palette(b"".join(dark) + bytes([240, 240, 240, 255]), 2) == [
        Shade("#1c1c1c", 0.9375),
        Shade("#f0f0f0", 0.0625),
    ]


@pytest.mark.parametrize("colors", [1, 2, 3, 16])
def test_no_more_than_asked_for(colors):
    chance = random.Random(2)
    rgba = bytes(v for _ in range(1000) for v in (*chance.randbytes(3), 255))
    assert len(palette(rgba, colors)) == colors
    if colors == 1:
        assert palette(rgba, 1)[0].color == named(mean(rgba))


def test_the_order_of_pixels_does_not_matter():
    chance = random.Random(3)
    pixels = [bytes([*chance.randbytes(3), 255]) for _ in range(500)]
    found = palette(b"".join(pixels), 6)
    chance.shuffle(pixels)
    assert palette(b"".join(pixels), 6) == found


def test_transparent_pixels_have_no_say():
    red, blue = bytes([255, 0, 0, 255]), bytes([0, 0, 255, 100])
    assert palette(red * 10 + blue * 90, 3) == [Shade("#ff0000", 1.0)]
    assert palette(blue * 90, 3) == []
    assert palette(b"", 3) == []


@given(st.lists(st.binary(min_size=4, max_size=4), max_size=60), st.integers(1, 16))
def test_any_pixels(pixels, colors):
    found = palette(b"".join(pixels), colors)
    opaque = [pixel for pixel in pixels if pixel[3] >= 128]
    assert bool(found) == bool(opaque)
    assert len(found) <= min(colors, max(1, len({pixel[:3] for pixel in opaque})))
    assert found == sorted(found, key=lambda shade: -shade.part)
    assert sum(shade.part for shade in found) == pytest.approx(float(bool(opaque)), abs=0.002)


@pytest.mark.parametrize(
    ("rgba", "colour"),
    [
        (bytes([10, 20, 30, 255]) * 7, (10, 20, 30)),
        (bytes([0, 0, 0, 255, 255, 255, 255, 255]), (128, 128, 128)),
        (bytes([200, 0, 0, 255, 0, 0, 200, 0]), (200, 0, 0)),
        (bytes([200, 0, 0, 30, 0, 0, 200, 10]), (150, 0, 50)),
        (bytes([200, 0, 0, 0]), None),
    ],
)
def test_mean(rgba, colour):
    assert mean(rgba) == colour


def test_laid_on():
    rgba = bytes([200, 100, 0, 255, 200, 100, 0, 0, 200, 100, 0, 51])
    assert laid_on(rgba, (0, 0, 250)) == bytes([200, 100, 0, 0, 0, 250, 40, 20, 200])
