"""Where decoded sound belongs: timestamps that are rounded, samples that are counted. Pure.

Blocks of sound come one after the other, each with a timestamp that its container has rounded, to a
millisecond in Matroska. To put each block where its timestamp says would tear the sound at every one. So a
run of blocks is put as a whole where its timestamps allow it: mostly that is known to a sample, since each is
rounded by another part of a millisecond.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low


@dataclass(frozen=True, slots=True)
class Run:
    """Blocks that follow one another without a hole.

    Args:
        start: position of the first sample.
        first: number of the first block.
        end: number of the first block after it.
    """

    start: int
    first: int
    end: int


def runs(blocks: Sequence[tuple[int | None, int]], *, rounded: float, hole: int) -> list[Run]:
    """What belongs together, in the order of the blocks. Blocks that nobody knows a position of are left out.

    Args:
        blocks: position of each by its timestamp, None for one without; and how many samples it has.
        rounded: how far a position may be off because its timestamp is rounded, in samples.
        hole: a block that is so far from the end of the one before begins a new run, in samples.
    """
    found: list[Run] = []
    first = total = 0
    starts: list[int] = []  # of the run, as each timestamp has it
    for number, (position, count) in enumerate(blocks):
        if position is not None:
            if starts and abs(position - total - starts[0]) > hole:
                found.append(Run(_start(starts, rounded), first, number))
                first, total, starts = number, 0, []
            starts.append(position - total)
        total += count
    if starts:
        found.append(Run(_start(starts, rounded), first, len(blocks)))
    return found


def _start(starts: Sequence[int], rounded: float) -> int:
    usual, often = Counter(starts).most_common(1)[0]
    if often * 2 > len(starts):
        return usual
    middle = median_low(starts)
    near = [start for start in starts if abs(start - middle) <= 2 * rounded]
    least, most = max(near) - rounded, min(near) + rounded
    # Where they are worse than rounded there is nothing better than the middle.
    return round((least + most) / 2) if least <= most else middle
