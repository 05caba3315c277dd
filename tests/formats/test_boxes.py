from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.errors import BadRequest
from tornado_media.formats.boxes import PLACES, Box, place, radius, read_crop, within

sides = st.integers(1, 5000)
sizes = st.tuples(sides, sides)


@pytest.mark.parametrize(
    ("text", "box"),
    [
        (None, (0, 0, 200, 100)),
        ("0,0,200,100", (0, 0, 200, 100)),
        ("10,20,30,40", (10, 20, 30, 40)),
        ("199,99,1,1", (199, 99, 1, 1)),
        ("0.,0.,1.,1.", (0, 0, 200, 100)),
        ("0.1000,0.2000,0.5000,0.5000", (20, 20, 100, 50)),
        ("0.5,0.5,0.5,0.5", (100, 50, 100, 50)),
        ("0.999,0.999,0.001,0.001", (199, 99, 1, 1)),
        ("0.0,0.0,0.0001,0.0001", (0, 0, 1, 1)),
    ],
)
def test_crops(text, box):
    assert read_crop(text, (200, 100)) == Box(*box)


@pytest.mark.parametrize(
    "text", ["0,0,201,100", "0,0,200,101", "200,0,1,1", "0,100,1,1", "0.6,0.,0.5,1.", "1.,0.,0.1,0.1"]
)
def test_crops_that_reach_out(text):
    with pytest.raises(BadRequest, match=f"{text} .* 200 x 100"):
        read_crop(text, (200, 100))


def parts():
    """A start and a length that lie in a side, in steps of 0.0001 as the parameter has them."""
    steps = st.integers(0, 9999).flatmap(
        lambda start: st.tuples(st.just(start), st.integers(1, 10_000 - start))
    )
    return steps.map(lambda both: tuple(f"{number / 10_000:.4f}" for number in both))


@given(size=sizes, across=parts(), down=parts())
def test_a_crop_in_parts_lies_in_every_picture(size, across, down):
    box = read_crop(",".join((across[0], down[0], across[1], down[1])), size)
    for start, length, side, part in (
        (box.left, box.width, size[0], across),
        (box.top, box.height, size[1], down),
    ):
        assert 0 <= start < start + length <= side
        assert abs(start - float(part[0]) * side) <= 1
        assert abs(length - float(part[1]) * side) <= 1


@given(data=st.data(), whole=sizes, onto=sizes)
def test_a_box_keeps_its_place_in_a_picture_of_another_size(data, whole, onto):
    left, top = data.draw(st.integers(0, whole[0] - 1)), data.draw(st.integers(0, whole[1] - 1))
    box = Box(
        left, top, data.draw(st.integers(1, whole[0] - left)), data.draw(st.integers(1, whole[1] - top))
    )
    found = box.scaled(whole, onto)
    for start, length, side, wanted, wanted_length, scale in (
        (found.left, found.width, onto[0], box.left, box.width, onto[0] / whole[0]),
        (found.top, found.height, onto[1], box.top, box.height, onto[1] / whole[1]),
    ):
        assert 0 <= start < start + length <= side
        assert abs(start - wanted * scale) <= 1
        assert abs(start + length - (wanted + wanted_length) * scale) <= 1
    assert box.scaled(whole, whole) == box
    assert Box(0, 0, *whole).scaled(whole, onto) == Box(0, 0, *onto)


@pytest.mark.parametrize(
    ("asked", "size", "found"),
    [(10, (100, 50), 10), (25, (100, 50), 25), (9999, (100, 51), 25.5), (3, (1, 9), 0.5)],
)
def test_radius(asked, size, found):
    assert radius(asked, size) == found


@pytest.mark.parametrize(
    ("position", "found"),
    [
        ("center", (40, 20)),
        ("top", (40, 5)),
        ("bottom", (40, 35)),
        ("left", (5, 20)),
        ("right", (75, 20)),
        ("top-left", (5, 5)),
        ("top-right", (75, 5)),
        ("bottom-left", (5, 35)),
        ("bottom-right", (75, 35)),
    ],
)
def test_nine_places(position, found):
    assert place(position, (100, 50), (20, 10), 5) == found


@given(position=st.sampled_from(sorted(PLACES)), canvas=sizes, size=sizes, margin=st.integers(0, 50))
def test_what_fits_lies_inside(position, canvas, size, margin):
    for start, length, side in zip(place(position, canvas, size, margin), size, canvas, strict=True):
        if length <= side:
            assert 0 <= start <= start + length <= side
        else:
            assert side <= start + length
            assert start <= 0


@given(size=sizes, width=st.floats(1, 5000), height=st.floats(1, 5000))
def test_within(size, width, height):
    found = within(size, width, height)
    assert 1 <= found[0] <= width + 0.5
    assert 1 <= found[1] <= height + 0.5
    scale = min(width / size[0], height / size[1])
    assert abs(found[0] - size[0] * scale) <= 0.5 or found[0] == 1
    assert abs(found[1] - size[1] * scale) <= 0.5 or found[1] == 1
