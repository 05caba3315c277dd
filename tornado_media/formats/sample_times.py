"""When samples that are copied are decoded: a time for each, of which none depends on where one begins. Pure.

Containers say when a sample is shown, and not all say when it is decoded (Matroska does not). Segments are
made one by one, in any order, so what one ends with must be what the next one begins with, tick for tick.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise, takewhile

_LEADING = 32
"""Samples after a sync sample that may be shown before it: H.264 and HEVC reorder 16 at most."""

_TICKS = 10_000
"""A timescale has at least so many ticks a second: players round times to it."""

_MOST_TICKS = 1 << 31


@dataclass(frozen=True, slots=True)
class Clock:
    """Turns the timestamps of a source into ticks from media time 0.

    Args:
        base: seconds of a unit of the timestamps.
        origin: media time 0 on the clock of the source, in seconds.
        timescale: ticks a second.
        frame: ticks that every sample lasts, where that is known: then times that are only rounded by the
            container lie on a grid of it. 0 where they differ.
        first: a timestamp on that grid.
    """

    base: Fraction
    origin: Fraction
    timescale: int
    frame: int = 0
    first: int = 0

    def ticks(self, stamp: int) -> int:
        """A timestamp in ticks, which are negative before media time 0."""
        exact = self._exact(stamp)
        if not self.frame:
            return exact
        first = self._first
        on_grid = first + _nearest(exact - first, self.frame) * self.frame
        # This timestamp is rounded, the first one, and its place: each by half a unit, and to ticks.
        return on_grid if 2 * abs(on_grid - exact) <= 3 * self._unit + 2 else exact

    def seconds(self, stamp: int) -> Fraction:
        """A timestamp in seconds from media time 0."""
        return stamp * self.base - self.origin

    @property
    def _unit(self) -> int:
        """Ticks of a unit of the timestamps, rounded up."""
        return -(-self.base.numerator * self.timescale // self.base.denominator)

    @property
    def _first(self) -> int:
        # A millisecond, in Matroska, may be 16 samples more than the priming of AAC that it stands for: a
        # sound that begins with the film begins with it exactly, or players see a hole before it.
        first = self._exact(self.first)
        whole = _nearest(first, self.frame) * self.frame
        return whole if 2 * abs(whole - first) <= self._unit else first

    def _exact(self, stamp: int) -> int:
        # In whole numbers: fractions take five times as long, and a segment has some hundred samples.
        base, origin = self.base, self.origin
        seconds = stamp * base.numerator * origin.denominator - origin.numerator * base.denominator
        return _nearest(seconds * self.timescale, base.denominator * origin.denominator)


def _nearest(numerator: int, denominator: int) -> int:
    """A quotient, rounded. Not as `round` does, to the even one of two: equal distances stay equal."""
    return (2 * numerator + denominator) // (2 * denominator)


def timescale_of(base: Fraction) -> int:
    """Ticks a second that express timestamps exactly, where there are not too many.

    Args:
        base: seconds of a unit of the timestamps.
    """
    known = base.denominator * -(-_TICKS // base.denominator)
    return known if known < _MOST_TICKS else 90_000


def beginning(times: Iterable[int]) -> int:
    """When a sync sample is decoded: when it is shown; or before the first of those that are shown before it.

    Pictures of an open group follow their sync sample and are shown before it.

    Args:
        times: when the sync sample is shown, and what follows it in the order of decoding. Only those are
            looked at that are shown before it, and one more.
    """
    following = iter(times)
    sync = next(following)
    leading = list(takewhile(lambda time: time < sync, islice(following, _LEADING)))
    if not leading:
        return sync
    least = min(leading)
    return least - max(1, (sync - least) // len(leading))


def decode_times(times: Sequence[int], begin: int, end: int) -> list[int]:
    """When each sample of a segment is decoded: they rise from `begin` and stay before `end`.

    No sample is decoded after it is shown. (With `trun` of version 1 that might be, and then each could be
    decoded one frame after the other; but libav, and so mpv, shows such a track later than it should be.) So
    as many samples as wait for others to be decoded are decoded in the time of one, at the beginning; from
    there on each lasts as long for the decoder as one on the screen, whatever the rate does.

    Args:
        times: when each sample is shown, in the order of decoding. Those that cannot be are moved.
        begin: of the segment, what `beginning` has found.
        end: of the segment, which is where the next one begins; not before `begin`.
    """
    count, room = len(times), end - begin
    if room < count:
        return [begin + room * place // count for place in range(count)]
    order = sorted(range(count), key=times.__getitem__)
    waiting = max((place - rank for rank, place in enumerate(order)), default=0)
    steps = [begin, *(times[place] for place in order if times[place] > begin), end]
    at_once = max(1, waiting + (count + 2 - len(steps)))
    found: list[int] = []
    for place in range(count):
        if place < at_once:
            time = begin + (steps[1] - begin) * place // at_once
        else:
            time = steps[min(place - at_once + 1, len(steps) - 1)]
        least = found[-1] + 1 if found else begin
        found.append(min(max(time, least), end - (count - place)))
    return found


def durations(decoded: Sequence[int], end: int) -> list[int]:
    """How long each sample lasts: until the next one, and the last one until `end`.

    Args:
        decoded: what `decode_times` has found.
        end: of the segment, likewise.
    """
    return [after - before for before, after in pairwise([*decoded, end])]
