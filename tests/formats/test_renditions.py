"""Which segments a film is offered in: they cover it, without a gap, and none is empty."""

from __future__ import annotations

import re
import runpy
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tornado_media.errors import BadRequest, NotFound, SourceUnusable
from tornado_media.formats import renditions
from tornado_media.formats.facts import SubtitleStream, SyncSamples

_film = runpy.run_path(str(Path(__file__).with_name("a_film.py")))
SOUND, PICTURE, FILM = _film["SOUND"], _film["PICTURE"], _film["FILM"]
lengths = st.floats(0.001, 20_000)


def told(playlist):
    """Seconds of each segment of a media playlist."""
    return [float(each) for each in re.findall(r"#EXTINF:([\d.]+),", playlist)]


sync = st.lists(st.floats(0.01, 12), min_size=1, max_size=40).map(
    lambda steps: [0.0, *(sum(steps[: n + 1]) for n in range(len(steps)))]
)


@settings(deadline=None)
@given(sync, st.floats(-5, 20))
def test_a_copied_picture_is_cut_at_sync_samples_two_seconds_apart(times, more):
    samples = SyncSamples(tuple(times), tuple(range(1, len(times) + 1)))
    found = renditions.cuts(samples, times[-1] + more)
    assert found[0].begin == 0
    assert all(before.end == after.begin for before, after in pairwise(found))
    assert {cut.begin for cut in found} <= set(times)
    assert sum(cut.size for cut in found) == sum(samples.bytes)
    for cut in found[:-1]:
        assert cut.end >= cut.begin + 2
        assert not [time for time in times if cut.begin + 2 <= time < cut.end]
    assert found[-1].end == max(times[-1] + more, found[-1].begin)


@settings(deadline=None)
@given(lengths)
def test_an_encoded_sound_is_cut_at_frames_of_aac(seconds):
    spans = renditions.encoded_sound(replace(SOUND, duration=seconds), FILM)
    assert spans.step == Fraction(94 * 1024, 48_000)
    frames = [edge * 48_000 / 1024 for edge in spans.span(spans.count - 1)]
    assert all(edge.denominator == 1 for edge in frames)
    assert 1 <= frames[1] - frames[0] <= 94
    assert seconds - 1e-6 <= spans.end < max(seconds, 0.02) + 0.0214
    check(spans)


def check(spans):
    """They follow one another, and are as long as they say."""
    last = min(spans.count, 50)
    edges = [spans.span(number) for number in range(last)]
    assert [begin for begin, _ in edges] == [0, *(end for _, end in edges[:-1])]
    assert [end - begin for begin, end in edges] == spans.lengths[:last]
    assert spans.lengths[:-1] == [spans.step] * (spans.count - 1)
    assert spans.step * (spans.count - 1) + spans.lengths[-1] == spans.end == spans.span(spans.count - 1)[1]


@settings(deadline=None)
@given(lengths)
def test_a_copied_sound_is_cut_every_two_seconds(seconds):
    spans = renditions.copied_sound(replace(SOUND, duration=seconds), FILM)
    assert spans.step == 2
    assert float(spans.end) == pytest.approx(seconds, abs=1e-6)
    assert 0.0999 < spans.lengths[-1] <= 2.1 or spans.count == 1
    check(spans)


def test_a_rest_that_may_have_no_packet_belongs_to_the_segment_before():
    def told_of(seconds):
        return list(map(float, renditions.copied_sound(replace(SOUND, duration=seconds), FILM).lengths))

    assert told_of(6.0007) == [2, 2, 2.0007]
    assert told_of(6.2) == [2, 2, 2, pytest.approx(0.2)]
    assert told_of(0.01) == [0.01]


@settings(deadline=None)
@given(st.floats(0.01, 900), st.floats(0, 3))
def test_a_playlist_is_as_long_as_what_it_is_of(seconds, late):
    sound = replace(SOUND, start=late, duration=seconds)
    film = replace(FILM, audio=(sound,), duration=None)
    copied = told(renditions.playlist(film, None, 1, True))
    assert sum(copied) == pytest.approx(late + seconds, abs=1e-6 * len(copied))
    encoded = told(renditions.playlist(film, None, 1, False))
    assert -1e-3 < sum(encoded) - late - seconds < 0.0215
    assert len(copied) == renditions.copied_sound(sound, film).count
    assert len(encoded) == renditions.encoded_sound(sound, film).count


def test_where_a_stream_does_not_say_it_the_film_does():
    film = replace(FILM, audio=(replace(SOUND, duration=None),), video=replace(PICTURE, duration=None))
    assert sum(told(renditions.playlist(film, None, 1, True))) == 21
    assert sum(told(renditions.playlist(film, None, 0, True))) == 21
    assert sum(told(renditions.playlist(film, 360, None, False))) == 21
    unknown = replace(film, duration=None)
    for height, stream, copy in [(None, 1, True), (None, 1, False), (None, 0, True)]:
        with pytest.raises(SourceUnusable, match="how long"):
            renditions.playlist(unknown, height, stream, copy)


def test_playlists_of_a_film():
    assert told(renditions.playlist(FILM, None, 0, True)) == [3, 5, 4, 9]
    assert told(renditions.playlist(FILM, 360, None, False)) == [*[2] * 10, 1]
    texts = replace(FILM, subtitles=(SubtitleStream(2, "subrip", text=True), SubtitleStream(3, "dvb")))
    assert told(renditions.playlist(texts, None, 2, False)) == [21]
    assert "EXT-X-MAP" not in renditions.playlist(texts, None, 2, False)
    with pytest.raises(BadRequest, match="sounds are 1"):
        renditions.playlist(texts, None, 3, False)
    with pytest.raises(BadRequest, match="there are 720, 480, 360, 240"):
        renditions.playlist(FILM, 100, None, False)
    with pytest.raises(BadRequest, match="sounds are none"):
        renditions.sound_of(replace(FILM, audio=()), 1)
    with pytest.raises(SourceUnusable, match="no index"):
        renditions.copied(replace(FILM, video=replace(PICTURE, sync_samples=None)))


def test_numbers_of_segments():
    renditions.check_number(None, 3)
    renditions.check_number(2, 3)
    with pytest.raises(NotFound, match="no segment 3; the last one is 2"):
        renditions.check_number(3, 3)
