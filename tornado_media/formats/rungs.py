"""The qualities of a picture that is encoded: sizes from its own downwards, bit rates, H.264 levels. Pure.

Each is a promise: no segment has more bits than `bandwidth` says (RFC 8216 section 4.3.4.2), and the name of
the codec is what the encoder writes into the initialization segment (RFC 6381, ISO/IEC 14496-15 annex E).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tornado_media.errors import SourceUnusable
from tornado_media.formats.facts import VideoFacts
from tornado_media.formats.grid import SECONDS, grid_of

MAX_FRAME_RATE = 60
"""Frames a second of what we encode: what browsers and H.264 level 4.2 at 1080p are made for."""

SHORT_SIDES = (2160, 1440, 1080, 720, 480, 360, 240)
"""Pixels of the shorter side. So 720 is a quality of a film, however its picture stands."""

_NEAR = 0.9
"""A size that is nearly as large as the source's own is no quality of its own."""

_CEILINGS = ((240, 500), (360, 1000), (480, 1800), (720, 3500), (1080, 6500), (1440, 12000))
_LARGEST_CEILING = 25_000

_BUFFER_SECONDS = 1
"""Size of the decoder's buffer at the ceiling's rate (VBV). The longer, the better for a sudden scene, and
the more a segment may have."""

_BOXES = 15_000
"""Bits a second that boxes add at 60 frames a second: 12 bytes a frame in `trun`, and 100 a segment."""

# Annex A, table A-1: level, macroblocks a second, macroblocks a frame, kbit/s (those of High are 5/4 of it).
_LEVELS = (
    (21, 19_800, 792, 4_000),
    (22, 20_250, 1_620, 4_000),
    (30, 40_500, 1_620, 10_000),
    (31, 108_000, 3_600, 14_000),
    (32, 216_000, 5_120, 20_000),
    (40, 245_760, 8_192, 20_000),
    (42, 522_240, 8_704, 50_000),
    (50, 589_824, 22_080, 135_000),
    (51, 983_040, 36_864, 240_000),
    (52, 2_073_600, 36_864, 240_000),
    (60, 4_177_920, 139_264, 240_000),
    (61, 8_355_840, 139_264, 480_000),
    (62, 16_711_680, 139_264, 800_000),
)


@dataclass(frozen=True, slots=True)
class Rung:
    """One quality.

    Args:
        width: pixels, an even number.
        height: likewise.
        ceiling: kbit/s that the encoder does not pass for longer than its buffer allows.
        level: of H.264, ten times its number: 31 is level 3.1.
    """

    width: int
    height: int
    ceiling: int
    level: int

    @property
    def buffer(self) -> int:
        """Kilobits of the decoder's buffer, `-bufsize`."""
        return self.ceiling * _BUFFER_SECONDS

    @property
    def bandwidth(self) -> int:
        """Bits a second that no segment exceeds: a full buffer, and what flows into it meanwhile."""
        return self.ceiling * 1000 + self.buffer * 1000 // SECONDS + _BOXES

    @property
    def average(self) -> int:
        """Bits a second of a whole film of noise, where the buffer counts a little; quiet films have less."""
        return self.ceiling * 1050 + _BOXES

    @property
    def codecs(self) -> str:
        """`avc1.6400LL`: High profile, no constraints, the level."""
        return f"avc1.6400{self.level:02x}"


def rungs(facts: VideoFacts) -> tuple[Rung, ...]:
    """The qualities of a film, the best one first. None is larger than the source.

    Args:
        facts: what the probe has found.

    Raises:
        SourceUnusable: there is no picture, or nobody knows its size.
    """
    width, height = shown(facts)
    own = min(width, height)
    sides = [min(own, SHORT_SIDES[0]), *(side for side in SHORT_SIDES if side < own * _NEAR)]
    heights = dict.fromkeys(_height_of(side, width, height) for side in sides)
    return tuple(rung_at(facts, lines) for lines in heights)


def rung_at(facts: VideoFacts, height: int, rate: Fraction | None = None) -> Rung:
    """The quality of so many lines, whether or not `rungs` has it.

    Args:
        facts: what the probe has found.
        height: at most so many lines; the picture is not enlarged.
        rate: frames a second of the result; None: those of the film's grid.

    Raises:
        SourceUnusable: there is no picture, or nobody knows its size.
    """
    out_width, out_height = even_size(facts, height)
    if rate is None:
        variable = facts.video is not None and facts.video.variable
        rate = grid_of(facts.frame_rate, 1, variable=variable, most=MAX_FRAME_RATE).rate
    ceiling = ceiling_of(min(out_width, out_height), rate)
    return Rung(out_width, out_height, ceiling, _level(out_width, out_height, rate, ceiling))


def ceiling_of(short_side: int, rate: Fraction | None = None) -> int:
    """Kbit/s that a picture of that size is not to pass.

    Args:
        short_side: pixels.
        rate: frames a second; more than 30 of them need half as much again.
    """
    ceiling = next((rate for size, rate in _CEILINGS if short_side <= size), _LARGEST_CEILING)
    return ceiling * 3 // 2 if rate is not None and rate > 30 else ceiling


def even_size(facts: VideoFacts, height: int) -> tuple[int, int]:
    """Width and height of the result, even numbers as 4:2:0 needs them; never larger than the source.

    Args:
        facts: what the probe has found.
        height: lines at the most.

    Raises:
        SourceUnusable: there is no picture, or nobody knows its size.
    """
    shown_width, shown_height = shown(facts)
    out_height = max(2, min(height, shown_height) // 2 * 2)
    out_width = max(2, min(round(shown_width * out_height / shown_height / 2) * 2, shown_width // 2 * 2))
    return out_width, out_height


def shown(facts: VideoFacts) -> tuple[int, int]:
    """Width and height of the source, upright and with square pixels.

    Raises:
        SourceUnusable: there is no picture, or nobody knows its size.
    """
    if not facts.has_video:
        raise SourceUnusable("There is no video in this source.")
    if facts.width is None or facts.height is None:
        raise SourceUnusable("The size of this video's picture cannot be found.")
    return facts.width, facts.height


def _height_of(side: int, width: int, height: int) -> int:
    lines = side // 2 * 2 if height <= width else round(height * side / width / 2) * 2
    return max(2, min(lines, height // 2 * 2))


def _level(width: int, height: int, rate: Fraction, ceiling: int) -> int:
    columns, lines = -(-width // 16), -(-height // 16)
    frame = columns * lines
    for level, second, most, kbit in _LEVELS:
        # A side has at most sqrt(8 * most) macroblocks (section A.3.1).
        fits = frame <= most and max(columns, lines) ** 2 <= 8 * most
        if fits and frame * rate <= second and ceiling * 4 <= kbit * 5:
            return level
    return _LEVELS[-1][0]
