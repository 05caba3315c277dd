from __future__ import annotations

from itertools import pairwise

import pytest

from tornado_media.formats import hdr


@pytest.mark.parametrize(
    ("signal", "nits"),
    [(0, 0), (0.5081, 100), (0.5807, 203), (0.7518, 1000), (0.9026, 4000), (1, 10_000)],
)
def test_pq(signal, nits):
    """ITU-R BT.2408 tables 1 and 2, and annex 4 of BT.2390."""
    assert hdr.pq_to_nits(signal) == pytest.approx(nits, rel=2e-3)
    assert hdr.nits_to_pq(nits) == pytest.approx(signal, abs=1e-4)


@pytest.mark.parametrize(("signal", "nits"), [(0, 0), (0.38, 26), (0.75, 203), (1, 1000)])
def test_hlg(signal, nits):
    """ITU-R BT.2408 table 1: 75 % is white, 38 % a grey card of 18 %."""
    assert hdr.hlg_to_nits(signal) == pytest.approx(nits, rel=0.02)


@pytest.mark.parametrize("nits", [0, 1, 10, 50, 80])
def test_what_is_not_bright_stays(nits):
    assert hdr.rolled_off(nits) == pytest.approx(nits, rel=1e-6)


@pytest.mark.parametrize(
    ("nits", "least", "most"), [(100, 95, 100), (203, 150, 170), (1000, 202.9, 203), (9000, 202.9, 203)]
)
def test_what_is_bright_is_rolled_off(nits, least, most):
    assert least <= hdr.rolled_off(nits) <= most


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_a_curve_rises_from_black_to_white(transfer):
    curve = hdr.curve(transfer)
    assert len(curve) == hdr.LEVELS
    assert curve[0] == pytest.approx(0, abs=1e-6)
    assert curve[-1] == pytest.approx(1, abs=1e-3)
    assert all(first <= second + 1e-9 for first, second in pairwise(curve))


def test_grey_stays_grey():
    for row in hdr.MATRIX:
        assert sum(row) == pytest.approx(1, abs=2e-4)
