"""Rates from times that containers have rounded."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.frame_rates import frame_rate, lengths


def times(rate, base, count=200):
    """When frames are, rounded to ticks."""
    return [round(number / rate / base) for number in range(count)]


RATES = ["24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60", "120", "12", "15"]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("ticks", [600, 1000, 12_800, 90_000, 1_000_000])
@pytest.mark.parametrize("off", [None, 0, Fraction(1, 250)])
def test_constant_rates(rate, ticks, off):
    """Whatever the timescale; the container states nothing, the rate, or one that a cut has skewed."""
    meant, base = Fraction(rate), Fraction(1, ticks)
    stated = None if off is None else meant * (1 + off)
    found, variable = frame_rate(lengths(times(meant, base)), base, stated)
    assert not variable
    assert found == pytest.approx(meant, rel=0.0004)
    assert found == meant


def test_a_hole_at_a_joint_is_not_a_rate_that_varies():
    base = Fraction(1, 12_800)
    joined = [time + 300 * (time > 50_000) + 300 * (time > 80_000) for time in times(Fraction(25), base, 300)]
    assert frame_rate(lengths(joined), base, Fraction(2490, 100)) == (25, False)


def test_a_rate_that_varies_is_a_mean():
    base = Fraction(1, 1000)
    halves = times(Fraction(50), base, 100) + [2000 + time for time in times(Fraction(10), base, 100)]
    found, variable = frame_rate(lengths(halves), base, None)
    assert variable
    assert found == pytest.approx(Fraction(200, 12), rel=0.15)
    # a container may know the mean of all
    assert frame_rate(lengths(halves), base, found * Fraction(21, 20)) == (
        pytest.approx(found * Fraction(21, 20), rel=0.001),
        True,
    )
    assert frame_rate(lengths(halves), base, Fraction(1000))[0] == found


def test_trembling_times_of_a_phone():
    base = Fraction(1, 90_000)
    trembling = [time + (-40, 30, 10, 55, -20)[n % 5] for n, time in enumerate(times(Fraction(30), base))]
    found, variable = frame_rate(lengths(trembling), base, None)
    assert (found, variable) == (pytest.approx(30, rel=0.001), False)


@pytest.mark.parametrize("found", [Counter(), Counter({0: 5}), Counter({-5: 3}), Counter({40: 0})])
def test_nothing_is_known(found):
    assert frame_rate(found, Fraction(1, 1000), None) == (None, False)
    assert frame_rate(found, Fraction(1, 1000), Fraction(25)) == (25, False)


def test_less_than_a_frame_in_minutes_is_no_rate():
    assert frame_rate(Counter({10_000_000: 9}), Fraction(1, 1000), None)[0] in (None, Fraction(1, 10_000))
    assert frame_rate(Counter({10_000_000: 3, 1: 3}), Fraction(1, 1000), None) == (None, True)


def test_what_is_reordered_at_the_end_of_a_look_is_no_hole():
    read = [*range(0, 4000, 40), 4160, 4080]  # the others come later
    assert lengths(read) == Counter({40: len(read) - 17})
    assert lengths([0, 40, 40, 80]) == Counter({40: 2})
    assert lengths([]) == Counter()


@given(
    st.dictionaries(st.integers(-(2**40), 2**40), st.integers(0, 10**9), max_size=8).map(Counter),
    st.fractions(min_value=Fraction(1, 10**9), max_value=10),
    st.none() | st.fractions(min_value=Fraction(1, 10**6), max_value=10**6),
)
def test_of_any_lengths_there_is_a_rate_above_zero_or_none(found, base, stated):
    rate, variable = frame_rate(found, base, stated)
    assert rate is None or rate > 0
    assert isinstance(variable, bool)
