"""When samples are decoded: what one segment ends with is what the next one begins with."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tornado_media.formats.sample_times import Clock, beginning, decode_times, durations, timescale_of

times = st.lists(st.integers(-1000, 2000), max_size=40)


@given(times, st.integers(0, 1000), st.integers(0, 3000))
def test_whatever_the_times_are(shown, begin, room):
    decoded = decode_times(shown, begin, begin + room)
    assert len(decoded) == len(shown)
    assert decoded[:1] in ([], [begin])
    assert sum(durations(decoded, begin + room)) == (room if shown else 0)
    if room >= len(shown):
        assert all(before < after for before, after in pairwise([*decoded, begin + room]))
    else:
        assert all(before <= after for before, after in pairwise([*decoded, begin + room]))


def reordered(draw, count, depth):
    """Numbers in an order of decoding in which nothing waits for more than `depth` others."""
    waiting, order = list(range(count)), [0]
    waiting.pop(0)
    while waiting:
        ahead = draw(st.integers(0, min(depth, len(waiting) - 1)))
        # what is shown next must come before `depth` later ones have
        late = sum(number > waiting[0] for number in order)
        order.append(waiting.pop(0 if late >= depth else ahead))
    return order


@st.composite
def groups(draw):
    """Times of the samples of a closed group in the order of decoding, and when the next one begins."""
    order = reordered(draw, draw(st.integers(1, 30)), draw(st.integers(0, 4)))
    steps = draw(st.lists(st.integers(40, 400), min_size=len(order), max_size=len(order)))
    at = [sum(steps[:number]) for number in range(len(order) + 1)]
    return [at[number] for number in order], at[-1]


@given(groups())
def test_nothing_is_decoded_after_it_is_shown(group):
    shown, end = group
    decoded = decode_times(shown, beginning(shown), end)
    assert all(when <= seen for when, seen in zip(decoded, shown, strict=True))
    if shown == sorted(shown):
        assert decoded == shown


def test_as_many_as_wait_are_decoded_in_the_time_of_one():
    shown = [0, 40, 20, 10, 30, 80, 60, 50, 70]
    decoded = decode_times(shown, 0, 90)
    assert decoded == [0, 3, 6, 10, 20, 30, 40, 50, 60]
    assert durations(decoded, 90) == [3, 3, 4, 10, 10, 10, 10, 10, 30]


def test_an_open_group_begins_before_what_is_shown_first():
    shown = [100, 80, 70, 90, 140, 120, 110, 130]
    assert beginning(shown) == 60
    assert decode_times(shown, 60, 150) == [60, 65, 70, 80, 90, 100, 110, 120]
    assert beginning([100, 140, 120]) == beginning([100]) == 100
    # what comes after a later one is not looked at, nor more than a decoder could reorder
    assert beginning([100, 101, 70]) == 100
    assert beginning(iter([100, *[99] * 32, 1])) == 99 - 1


def test_a_rate_that_varies_is_followed():
    assert decode_times([0, 100, 40, 500], 0, 700) == [0, 20, 40, 100]


@pytest.mark.parametrize(
    ("shown", "end", "decoded"),
    [
        ([], 100, []),
        ([50], 100, [0]),
        ([7, 7, 7], 90, [0, 7, 8]),
        ([500, 20], 100, [0, 20]),
        ([0, 10, 20, 30], 3, [0, 0, 1, 2]),
        ([0, 10], 0, [0, 0]),
    ],
)
def test_times_that_cannot_be_are_moved(shown, end, decoded):
    assert decode_times(shown, 0, end) == decoded


@pytest.mark.parametrize(
    ("base", "timescale"),
    [("1/12800", 12800), ("1/1000", 10_000), ("1001/30000", 30_000), ("1/25", 10_000), ("1/90000", 90_000)],
)
def test_the_timescale_of_a_picture(base, timescale):
    assert timescale_of(Fraction(base)) == timescale
    clock = Clock(Fraction(base), Fraction(0), timescale)
    assert clock.ticks(7) == 7 * Fraction(base) * timescale


def test_a_timescale_fits_into_32_bits():
    assert timescale_of(Fraction(1, 10**12)) == 90_000


@given(st.integers(1, 10**6), st.fractions(-1000, 1000), st.integers(0, 10**6))
def test_equal_distances_stay_equal(denominator, origin, stamp):
    base = Fraction(1, denominator)
    clock = Clock(base, origin, timescale_of(base))
    step = clock.timescale // denominator
    assert clock.ticks(stamp + 1) - clock.ticks(stamp) == step
    assert abs(clock.ticks(stamp) - clock.seconds(stamp) * clock.timescale) <= Fraction(1, 2)


@settings(deadline=None)
@given(
    st.sampled_from([(48_000, 1024), (44_100, 1152), (48_000, 1536), (32_000, 1024), (48_000, 960)]),
    st.integers(-2000, 100_000),
    st.booleans(),
)
def test_times_that_matroska_has_rounded_lie_on_a_grid(kind, begins, down):
    rate, frame = kind
    stamps = [
        (begins + n * frame) * 1000 // rate if down else round(Fraction((begins + n * frame) * 1000, rate))
        for n in range(150)
    ]
    clock = Clock(Fraction(1, 1000), Fraction(0), rate, frame, stamps[0])
    ticks = [clock.ticks(stamp) for stamp in stamps]
    assert {after - before for before, after in pairwise(ticks)} == {frame}
    assert abs(ticks[0] - begins) <= 2 * rate / 1000


def test_a_sound_that_begins_with_the_film_begins_with_it_exactly():
    """1024 samples of priming are 21.33 ms: Matroska has 21."""
    clock = Clock(Fraction(1, 1000), Fraction(0), 48_000, 1024, -21)
    assert [clock.ticks(stamp) for stamp in (-21, 0, 21, 43, 64)] == [-1024, 0, 1024, 2048, 3072]


def test_what_lies_beside_the_grid_stays_there():
    clock = Clock(Fraction(1, 1000), Fraction(0), 48_000, 1024, 0)
    assert clock.ticks(1010) == 48_480
    assert clock.ticks(1024) == 48 * 1024
