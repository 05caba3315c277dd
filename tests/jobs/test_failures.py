"""What has failed is remembered for a while."""

import dataclasses

import pytest

from tornado_media.errors import (
    ProgramFailed,
    ProgramTimedOut,
    SourceCrashed,
    SourceTooCostly,
    SourceUnusable,
    Unavailable,
)
from tornado_media.jobs import failures
from tornado_media.jobs.failures import Failures
from tornado_media.presets.plan import EngineCall, Limits, Original, Plan, SourceFacts


def alike(found, error):
    """The same failure, but not the object that was raised: its traceback holds a whole request."""
    assert found is not error
    assert found.__traceback__ is None
    return (type(found), found.detail, found.private) == (type(error), error.detail, error.private)


def facts(path="/1.jpg", inode=3):
    return SourceFacts(path, "image/jpeg", f"/srv{path}", 1, 2, inode)


def plan(key="k", path="/1.jpg", work=None, inode=3):
    work = work or Original()
    return Plan("p", facts(path, inode), work, "image/jpeg", Limits(), False, True, "", key)


def thumbnail(key="k", engine="thumbnail", mark=None, **of_source):
    others = {} if mark is None else {"watermark": mark}
    return plan(key, work=EngineCall(engine, {"width": key}, others), **of_source)


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
    assert alike(known.of(plan()), error)
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


def test_a_crash_stands_for_all_that_the_engine_makes_of_the_source(clock):
    known = Failures(5.0, crashes=60.0)
    crash = SourceCrashed("x")
    known.remember(thumbnail("small"), crash)
    clock[0] = 159.9
    assert alike(known.of(thumbnail("small")), crash)
    assert alike(known.of(thumbnail("large")), crash)
    assert alike(known.of(thumbnail("large", path="/the same/under another name.jpg")), crash)
    assert known.of(thumbnail("large", engine="info")) is None
    assert known.of(thumbnail("large", inode=4)) is None
    assert known.of(thumbnail("large", mark=facts("/mark.png"))) is None
    assert known.of(plan("large")) is None
    clock[0] = 160.0
    assert known.of(thumbnail("small")) is None
    assert known.of(thumbnail("large")) is None


@pytest.mark.parametrize("kind", [ProgramTimedOut, SourceTooCostly])
def test_what_took_too_much_stands_for_the_source_when_a_second_result_did(clock, kind):
    known = Failures(5.0, crashes=60.0)
    known.remember(thumbnail("large"), kind("x"))
    known.remember(thumbnail("large"), kind("again, the same"))
    clock[0] = 150.0
    assert known.of(thumbnail("large")) is not None
    assert known.of(thumbnail("small")) is None
    second = kind("y")
    known.remember(thumbnail("larger"), second)
    clock[0] = 209.9
    assert alike(known.of(thumbnail("small")), second)
    clock[0] = 210.0
    assert known.of(thumbnail("small")) is None


def test_two_that_took_too_much_are_two_only_while_the_first_is_remembered(clock):
    known = Failures(5.0, crashes=60.0)
    known.remember(thumbnail("large"), ProgramTimedOut("x"))
    clock[0] = 160.0
    known.remember(thumbnail("larger"), ProgramTimedOut("y"))
    assert known.of(thumbnail("small")) is None


@pytest.mark.parametrize("error", [SourceUnusable("x"), ProgramFailed("x")])
def test_a_refusal_of_an_engine_costs_nothing_and_is_not_held_longer(clock, error):
    known = Failures(5.0, crashes=60.0)
    known.remember(thumbnail("a"), error)
    assert known.of(thumbnail("b")) is None
    clock[0] = 105.0
    assert known.of(thumbnail("a")) is None


def test_crashes_as_any_other_failure(clock):
    known = Failures(5.0, crashes=0.0)
    known.remember(thumbnail("a"), SourceCrashed("x"))
    assert known.of(thumbnail("b")) is None
    assert known.of(thumbnail("a")) is not None
    clock[0] = 105.0
    assert known.of(thumbnail("a")) is None


def test_a_program_that_timed_out_is_no_engine(clock):
    known = Failures(5.0, crashes=60.0)
    known.remember(plan("a"), ProgramTimedOut("x"))
    clock[0] = 105.0
    assert known.of(plan("a")) is None


@pytest.mark.parametrize("path", ["/1.jpg", "/mark.png"])
def test_crashes_of_a_source_are_forgotten_with_it(clock, path):
    known = Failures(5.0, crashes=60.0)
    mark = facts("/mark.png", 9)
    known.remember(thumbnail("a", mark=mark), SourceCrashed("x"))
    known.forget("/2.jpg")
    assert known.of(thumbnail("b", mark=mark)) is not None
    known.forget(path)
    assert known.of(thumbnail("a", mark=mark)) is None
    assert known.of(thumbnail("b", mark=mark)) is None
