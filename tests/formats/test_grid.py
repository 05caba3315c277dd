"""The grid: which frames a segment has, for all rates that films have."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.grid import Grid, grid_of

RATES = st.fractions(min_value=Fraction(1, 2), max_value=240, max_denominator=1001)


@pytest.mark.parametrize(
    ("rate", "variable", "shown"),
    [
        ("25", False, "25"),
        ("190924800/7682867", True, "25"),
        ("24000/1001", False, "24000/1001"),
        ("2997/125", False, "24000/1001"),
        ("29.97", False, "30000/1001"),
        ("15", False, "15"),
        ("12.5", False, "25/2"),
        ("17.3", True, "24000/1001"),
        ("144", True, "50"),
        ("60.01", False, "60"),
        ("100", False, "50"),
        ("120", False, "60"),
        ("119.88", False, "60000/1001"),
        ("1", False, "1"),
        (None, False, "25"),
    ],
)
def test_a_rate_is_one_that_films_have(rate, variable, shown):
    found = grid_of(None if rate is None else Fraction(rate), 10.0, variable=variable)
    assert found.rate == Fraction(shown)


@given(RATES, st.floats(min_value=0.01, max_value=20_000), st.booleans())
def test_segments_cover_the_film_without_gap(rate, duration, variable):
    grid = grid_of(rate, duration, variable=variable)
    assert grid.rate <= 60.06
    assert abs(float(grid.duration) - duration) <= 1 / grid.rate
    assert grid.start(0) == 0
    assert grid.start(grid.count - 1) + grid.length(grid.count - 1) == grid.duration
    assert all(2 <= grid.length(n) < 2 + 1 / grid.rate for n in range(min(5, grid.count - 1)))
    assert 0 < grid.length(grid.count - 1) <= grid.length(0)


@given(RATES, st.integers(0, 10_000))
def test_ticks_are_exact(rate, number):
    grid = Grid(rate, 50, 1_000_000)
    assert Fraction(grid.ticks(number), grid.timescale) == grid.start(number)
    assert 10_000 <= grid.timescale < 2**32


@given(RATES, st.floats(min_value=-10, max_value=30_000))
def test_a_time_lies_in_its_segment(rate, seconds):
    grid = grid_of(rate, 100.0)
    number = grid.number_at(seconds)
    assert 0 <= number < grid.count
    assert number == grid.count - 1 or seconds < grid.start(number + 1)
    assert number == 0 or grid.start(number) <= seconds
