"""Where decoded sound belongs, though its timestamps are rounded."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.sound_runs import Run, runs

MS = 44.1
"""Samples in the millisecond to which Matroska rounds."""


def rounded(position):
    return round(round(Fraction(position * 1000, 44_100)) * MS)


@pytest.mark.slow
@given(st.integers(0, 10**6), st.lists(st.sampled_from([128, 576, 1024]), min_size=60, max_size=120))
def test_a_run_is_where_its_timestamps_allow_it(start, sizes):
    positions = [start + sum(sizes[:number]) for number in range(len(sizes))]
    (found,) = runs(list(zip(map(rounded, positions), sizes, strict=True)), rounded=MS / 2, hole=661)
    assert (found.first, found.end) == (0, len(sizes))
    assert abs(found.start - start) <= 23


def test_it_is_known_to_a_sample_mostly():
    chance = random.Random(5)
    for start in range(100_000, 100_400, 8):
        sizes = chance.choices([128, 576, 1024], k=110)
        positions = [start + sum(sizes[:number]) for number in range(len(sizes))]
        stamps = [rounded(position) for position in positions]
        for odd in ([], [0], [7, 60]):  # some that are wrong do no harm
            told = [stamp + 200 * (place in odd) for place, stamp in enumerate(stamps)]
            (found,) = runs(list(zip(told, sizes, strict=True)), rounded=MS / 2, hole=661)
            assert abs(found.start - start) <= 2


def test_timestamps_that_agree_are_taken():
    blocks = [(1000 + 1152 * n, 1152) for n in range(9)]
    assert runs([(1005, 1152), *blocks[1:]], rounded=20, hole=600) == [Run(1000, 0, 9)]
    # the first block after a seek may be shorter
    late = [(2152 - 47, 47), *((2152 + 1152 * n, 1152) for n in range(9))]
    assert runs(late, rounded=20, hole=600) == [Run(2152 - 47, 0, 10)]


def test_a_hole_begins_a_run():
    blocks = [(0, 100), (100, 100), (900, 100), (1000, 100), (500, 100)]
    assert runs(blocks, rounded=0.5, hole=50) == [Run(0, 0, 2), Run(900, 2, 4), Run(500, 4, 5)]
    assert len(runs(blocks, rounded=0.5, hole=10_000)) == 1


def test_blocks_without_a_timestamp_follow_others():
    assert runs([(0, 100), (None, 100), (200, 100)], rounded=0.5, hole=50) == [Run(0, 0, 3)]
    assert runs([(None, 100), (100, 100), (200, 100)], rounded=0.5, hole=50) == [Run(0, 0, 3)]
    assert runs([(0, 100), (None, 100), (900, 100)], rounded=0.5, hole=50) == [Run(0, 0, 2), Run(900, 2, 3)]


@pytest.mark.parametrize("blocks", [[], [(None, 100)], [(None, 100), (None, 100)]])
def test_nobody_knows_where_it_belongs(blocks):
    assert runs(blocks, rounded=0.5, hole=50) == []


def test_timestamps_that_are_worse_than_rounded():
    blocks = [(n * 100 + (0, 40, -40)[n % 3], 100) for n in range(9)]
    assert runs(blocks, rounded=0.5, hole=100)[0].start == 0


@given(st.lists(st.tuples(st.none() | st.integers(-(10**9), 10**9), st.integers(1, 5000)), max_size=30))
def test_any_blocks(blocks):
    found = runs(blocks, rounded=20, hole=600)
    assert [run.first for run in found[1:]] == [run.end for run in found[:-1]]
    assert not found or (found[0].first, found[-1].end) == (0, len(blocks))
    assert bool(found) == any(position is not None for position, _ in blocks)
