"""Frames a second, from how far frames are apart. Pure.

Containers round times to their ticks, and headers state means, which a cut or a joint skews.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise

_SAME = Fraction(1, 10)
"""A frame that is longer or shorter by more than this part is one of a rate that varies."""

_ODD = 0.03
"""Part of frames that may be so without it: files are joined and cut."""

_EXACT, _FINE = Fraction(1, 5000), 100
"""Part by which the usual frame may differ from the mean and still be what was meant: a timescale of 90000
has frames of 1501 and 1502 ticks for 59.94 a second. And ticks of a frame from which one tells the rate."""

_NEAR = Fraction(1, 400)
"""Part by which the rate that a container states may be off what its frames have: a look at 32 of them in
milliseconds tells no more."""

_USUAL = Fraction(1, 2500)
"""Part by which a mean may be off a rate that films have, 25 or 30000/1001; these are farther apart."""

_REORDERED = 16
"""Frames at the end of a look whose neighbours may come later (H.264: so many)."""


def lengths(times: Iterable[int]) -> Counter[int]:
    """How often there is which distance between frames that were read in a row, in ticks.

    Args:
        times: of composition, in any order.
    """
    ordered = sorted(set(times))
    # what was read ends in the middle of frames that are reordered
    whole = ordered[:-_REORDERED] if len(ordered) > 2 * _REORDERED else ordered
    return Counter(later - earlier for earlier, later in pairwise(whole))


def frame_rate(
    lengths: Counter[int], base: Fraction, stated: Fraction | None
) -> tuple[Fraction | None, bool]:
    """Frames a second, and whether that varies.

    Args:
        lengths: how many frames are how long, in ticks.
        base: seconds of a tick.
        stated: the rate that the container has, which may be exact where ticks are too coarse.
    """
    total = sum(lengths.values())
    ticks = sum(length * number for length, number in lengths.items())
    if total <= 0 or ticks <= 0:
        return _plain(stated) if stated else None, False
    usual = max(lengths, key=lambda length: lengths[length])
    nearly = max(Fraction(1), usual * _SAME)
    odd = sum(number for length, number in lengths.items() if abs(length - usual) > nearly)
    if usual <= 0 or (odd > 1 and odd > total * _ODD):
        mean = total / (ticks * base)
        # these may be some frames of many
        return _plain(stated if stated and abs(stated - mean) <= mean * _SAME else mean), True
    regular = [(length, number) for length, number in lengths.items() if abs(length - usual) <= nearly]
    length = Fraction(sum(length * number for length, number in regular), sum(n for _, n in regular))
    if abs(length - usual) <= usual * _EXACT and usual >= _FINE:
        return _plain(1 / (usual * base)), False
    if stated and abs(stated * length * base - 1) <= _NEAR:
        return _plain(stated) if stated else None, False
    return _plain(1 / (length * base)), False


def _plain(rate: Fraction) -> Fraction | None:
    """The nearest fraction that films may have; None for less than a frame in some minutes."""
    for usual in (Fraction(round(rate)), Fraction(1000 * round(rate * 1001 / 1000), 1001)):
        if usual and abs(usual - rate) <= usual * _USUAL:
            return usual
    return rate.limit_denominator(1001) or None
