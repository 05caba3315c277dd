"""What has failed is remembered for a while."""

import dataclasses

import pytest

from tornado_media.errors import ProgramFailed, ProgramTimedOut, SourceUnusable, Unavailable
from tornado_media.jobs import failures
from tornado_media.jobs.failures import Failures
from tornado_media.presets.plan import Limits, Original, Plan, SourceFacts


def plan(key="k", path="/1.jpg"):
    source = SourceFacts(path, "image/jpeg", f"/srv{path}", 1, 2, 3)
    return Plan("p", source, Original(), "image/jpeg", Limits(), False, True, "", key)


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(failures, "_now", lambda: now[0])
    return now


@pytest.mark.parametrize("error", [ProgramFailed("x"), ProgramTimedOut("x"), SourceUnusable("x")])
def test_for_so_many_seconds(clock, error):
    known = Failures(5.0)
    known.remember(plan(), error)
    clock[0] = 104.9
    assert known.of(plan()) is error
    assert known.of(plan("other")) is None
    clock[0] = 105.0
    assert known.of(plan()) is None


def test_what_says_nothing_of_the_source_is_not_remembered(clock):
    known = Failures(5.0)
    known.remember(plan(), Unavailable("full"))
    assert known.of(plan()) is None


def test_none_at_all(clock):
    known = Failures(0.0)
    known.remember(plan(), ProgramFailed("x"))
    assert known.of(plan()) is None


def test_those_of_a_source_are_forgotten(clock):
    known = Failures(5.0)
    other = dataclasses.replace(plan("b"), source=dataclasses.replace(plan().source, path="/2.jpg"))
    known.remember(plan("a"), ProgramFailed("x"))
    known.remember(other, ProgramFailed("y"))
    known.forget("/1.jpg")
    assert known.of(plan("a")) is None
    assert known.of(other) is not None


def test_they_are_bounded(clock, monkeypatch):
    monkeypatch.setattr(failures, "_MOST", 3)
    known = Failures(5.0)
    for key in "abcd":
        known.remember(plan(key), ProgramFailed(key))
    assert [key for key in "abcd" if known.of(plan(key))] == ["b", "c", "d"]
