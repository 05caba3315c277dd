from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.tiles import PIXELS, arrange, cues

WIDE = (1280, 720)


@pytest.mark.parametrize(
    ("length", "size", "asked", "made"),
    [
        (600.0, WIDE, (160, 100), (100, 8, 160, 90)),
        (600.0, WIDE, (320, 25), (25, 4, 320, 180)),
        (600.0, (720, 1280), (160, 100), (100, 14, 90, 160)),
        (600.0, (500, 500), (100, 9), (9, 3, 100, 100)),
        (5.3, WIDE, (160, 100), (5, 2, 160, 90)),
        (0.0, WIDE, (160, 100), (1, 1, 160, 90)),
        (600.0, (10_000, 3), (160, 4), (4, 1, 160, 1)),
    ],
)
def test_sheets(length, size, asked, made):
    sheet = arrange(length, size, width=asked[0], tiles=asked[1])
    assert (sheet.count, sheet.columns, sheet.width, sheet.height) == made


def test_the_cues_of_a_small_one():
    assert cues(arrange(12.0, WIDE, width=160, tiles=3), width=160, tiles=3, quality=None) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:04.000\n?preset=storyboard&width=160&tiles=3#xywh=0,0,160,90\n\n"
        "00:00:04.000 --> 00:00:08.000\n?preset=storyboard&width=160&tiles=3#xywh=160,0,160,90\n\n"
        "00:00:08.000 --> 00:00:12.000\n?preset=storyboard&width=160&tiles=3#xywh=0,90,160,90\n"
    )


sides = st.integers(min_value=1, max_value=16_384)


@given(
    st.floats(min_value=0, max_value=1e6),
    st.tuples(sides, sides),
    st.integers(min_value=16, max_value=1000),
    st.integers(min_value=1, max_value=1000),
)
def test_pictures_lie_side_by_side_and_cues_follow_each_other(length, size, width, tiles):
    sheet = arrange(length, size, width=width, tiles=tiles)
    across, down = sheet.columns * sheet.width, sheet.rows * sheet.height
    assert 1 <= sheet.count <= tiles
    assert sheet.count * sheet.width * sheet.height <= PIXELS
    assert max(across, down) <= 16_383  # of a WebP
    places = [sheet.place(number) for number in range(sheet.count)]
    assert len(set(places)) == sheet.count
    for x, y in places:
        assert x % sheet.width == y % sheet.height == 0
        assert x + sheet.width <= across
        assert y + sheet.height <= down
    assert sheet.begins(0) == 0
    assert sheet.begins(sheet.count) == pytest.approx(length)
    for number in range(sheet.count):
        assert sheet.begins(number) <= sheet.shows(number) <= sheet.begins(number + 1)
    text = cues(sheet, width=width, tiles=tiles)
    named = re.findall(r"^\?preset=storyboard&width=\d+&tiles=\d+#xywh=(\d+),(\d+),(\d+),(\d+)$", text, re.M)
    assert named == [tuple(map(str, (*place, sheet.width, sheet.height))) for place in places]
