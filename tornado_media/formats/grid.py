"""The grid of a transcoded picture: which frames each segment has, known before anything is encoded.

Frames have a constant rate R, an exact fraction, and each segment but the last has G of them. So a playlist
is complete from the start, each run of the encoder can begin at any segment, and what two runs make of one
segment is the same. The idea of counting frames instead of seconds is that of immich's HLS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

SECONDS = 2
"""How long a segment lasts at least, but for the last one."""

_TICKS = 10_000
"""A timescale has at least so many ticks a second: players round times to it."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Segments of a whole number of frames.

    Args:
        rate: frames a second, R.
        group: frames in a segment, G; the first of them is a sync sample.
        frames: in all, at least one.
    """

    rate: Fraction
    group: int
    frames: int

    @property
    def count(self) -> int:
        """How many segments there are."""
        return -(-self.frames // self.group)

    @property
    def duration(self) -> Fraction:
        """Seconds of all frames."""
        return self.frames / self.rate

    @property
    def timescale(self) -> int:
        """Ticks a second, of which a frame has a whole number."""
        return self.rate.numerator * self._scale

    def start(self, number: int) -> Fraction:
        """When a segment begins, in seconds.

        Args:
            number: from 0.
        """
        return number * self.group / self.rate

    def length(self, number: int) -> Fraction:
        """How long a segment lasts, in seconds: exactly."""
        return min(self.group, self.frames - number * self.group) / self.rate

    def ticks(self, number: int) -> int:
        """When a segment begins, in ticks of the timescale: its `tfdt` (ISO/IEC 14496-12 section 8.8.12)."""
        return number * self.group * self.rate.denominator * self._scale

    def number_at(self, seconds: float) -> int:
        """The segment that is seen at a time; the first or the last for a time outside."""
        return min(self.count - 1, max(0, math.floor(seconds * self.rate / self.group)))

    @property
    def _scale(self) -> int:
        return -(-_TICKS // self.rate.numerator)


_RATES = tuple(Fraction(r) for r in ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60"))

_SAME = Fraction(1, 1000)
"""Part by which a rate may be off one that films have: containers round it, and cuts skew it."""


def grid_of(rate: Fraction | None, duration: float, *, variable: bool = False, most: int = 60) -> Grid:
    """The grid of a film.

    Args:
        rate: frames a second of the source, the mean of a rate that varies; None when unknown.
        duration: seconds from media time 0 to the end of its last frame.
        variable: the rate varies; frames are then shown at the next of the usual rates above its mean.
        most: frames a second of the result; a faster source loses every second frame, or two of three, ...
    """
    known = rate or Fraction(25)
    shown = _shown(known / math.ceil(known * (1 - _SAME) / most), variable)
    frames = max(1, round(Fraction(duration).limit_denominator(1_000_000) * shown))
    return Grid(shown, math.ceil(shown * SECONDS), frames)


def _shown(rate: Fraction, variable: bool) -> Fraction:
    usual = min(_RATES, key=lambda known: abs(known - rate))
    if abs(usual - rate) <= usual * _SAME:
        return usual
    if variable:
        return next((known for known in _RATES if known >= rate), _RATES[-1])
    return rate.limit_denominator(1001)
