from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.errors import SourceUnusable
from tornado_media.formats.facts import VideoFacts, VideoStream
from tornado_media.formats.grid import grid_of
from tornado_media.formats.rungs import MAX_FRAME_RATE, rung_at, rungs


def film(width, height, rate=25, *, variable=False):
    picture = VideoStream(index=0, variable=variable)
    return VideoFacts(width=width, height=height, frame_rate=Fraction(rate), video=picture)


@pytest.mark.parametrize(
    ("width", "height", "sizes"),
    [
        (1920, 1080, [(1920, 1080), (1280, 720), (854, 480), (640, 360), (426, 240)]),
        (1080, 1920, [(1080, 1920), (720, 1280), (480, 854), (360, 640), (240, 426)]),
        (
            3840,
            2160,
            [(3840, 2160), (2560, 1440), (1920, 1080), (1280, 720), (854, 480), (640, 360), (426, 240)],
        ),
        (
            7680,
            4320,
            [(3840, 2160), (2560, 1440), (1920, 1080), (1280, 720), (854, 480), (640, 360), (426, 240)],
        ),
        (1280, 536, [(1280, 536), (1146, 480), (860, 360), (574, 240)]),
        (1280, 500, [(1280, 500), (922, 360), (614, 240)]),
        (321, 181, [(320, 180)]),
        (640, 360, [(640, 360), (426, 240)]),
        (1, 1, [(2, 2)]),
        (2000, 10, [(2000, 10)]),
    ],
)
def test_sizes(width, height, sizes):
    assert [(rung.width, rung.height) for rung in rungs(film(width, height))] == sizes


@given(st.integers(1, 16384), st.integers(1, 16384), st.fractions(1, 240))
def test_any_film_has_rungs(width, height, rate):
    found = rungs(film(width, height, rate))
    assert 1 <= len(found) <= 7
    for rung in found:
        assert rung.width % 2 == rung.height % 2 == 0
        assert 2 <= rung.width <= max(2, width)
        assert 2 <= rung.height <= max(2, height)
        assert rung.average <= rung.bandwidth
        assert len(rung.codecs) == 11
        # what a playlist says of a height is what a run for this height does
        assert rung_at(film(width, height, rate), rung.height) == rung
    assert [rung.bandwidth for rung in found] == sorted((rung.bandwidth for rung in found), reverse=True)


@given(st.fractions(Fraction(1, 2), 240), st.booleans())
def test_the_rate_is_that_of_the_grid(rate, variable):
    facts = film(1920, 1080, rate, variable=variable)
    grid = grid_of(rate, 60, variable=variable, most=MAX_FRAME_RATE)
    assert rungs(facts)[0] == rung_at(facts, 1080, grid.rate)


@pytest.mark.parametrize(
    ("width", "height", "rate", "codecs"),
    [
        (320, 180, 25, "avc1.640015"),
        (640, 360, 25, "avc1.64001e"),
        (1280, 720, 30, "avc1.64001f"),
        (1280, 720, 60, "avc1.640020"),
        (1920, 1080, 30, "avc1.640028"),
        (1920, 1080, 60, "avc1.64002a"),
        (2560, 1440, 60, "avc1.640033"),
        (3840, 2160, 30, "avc1.640033"),
        (3840, 2160, 60, "avc1.640034"),
        (3840, 2160, 120, "avc1.640034"),
        # few macroblocks, but a row of more than level 3.1 may have
        (4000, 20, 25, "avc1.640028"),
    ],
)
def test_levels(width, height, rate, codecs):
    assert rungs(film(width, height, rate))[0].codecs == codecs


def test_more_frames_need_more_bits():
    slow, fast = rungs(film(1280, 720, 30))[0], rungs(film(1280, 720, 50))[0]
    assert (slow.ceiling, fast.ceiling) == (3500, 5250)
    # a full buffer, and two seconds at the ceiling, in two seconds
    assert slow.bandwidth == 3_500_000 * 3 // 2 + 15_000


def test_no_picture_no_rungs():
    with pytest.raises(SourceUnusable, match="no video"):
        rungs(VideoFacts(has_video=False))
    with pytest.raises(SourceUnusable, match="size"):
        rungs(VideoFacts())
