"""The table of jobs with real programs: what is done of one, what is forgotten, and how all of them end."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tornado_media.errors import MediaError, ProgramFailed, ProgramTimedOut, SourceUnusable, Unavailable
from tornado_media.http import account as told
from tornado_media.http.account import Account
from tornado_media.jobs import table
from tornado_media.jobs.slots import Slots
from tornado_media.jobs.table import Jobs
from tornado_media.presets.plan import Limits, Pipeline, Plan, SourceFacts
from tornado_media.processes.workers import Workers
from tornado_media.store.cache import Cache
from tornado_media.store.representation import Representation, read_all

PROGRAMS = Path(__file__).parents[1] / "programs"
KIB = 1024


class OpenSource:
    """An open source of some bytes, and plans for it."""

    def __init__(self, path: Path, name: str) -> None:
        path.write_bytes(b"x" * 1000)
        self.file = os.open(path, os.O_RDONLY)
        self.files = (self.file,)
        status = os.fstat(self.file)
        self.facts = SourceFacts(
            name, "a/b", str(path), status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev
        )

    def plan(self, number: int, program: str, *arguments: object, **keys: Any) -> Plan:
        argv = (sys.executable, "-SEI", str(PROGRAMS / f"{program}.py"), *map(str, arguments))
        work = Pipeline((argv,), keys.get("stdin", False))
        streams, limits = keys.get("streams", True), keys.get("limits", Limits())
        preset, cache = keys.get("preset", "p"), keys.get("cache", True)
        return Plan(preset, self.facts, work, "a/b", limits, streams, cache, "", f"{number:032x}")


@pytest.fixture
def source(tmp_path: Path) -> Any:
    source = OpenSource(tmp_path / "source", "/a")
    yield source
    os.close(source.file)


@pytest.fixture
def other(tmp_path: Path) -> Any:
    source = OpenSource(tmp_path / "other", "/b")
    yield source
    os.close(source.file)


@asynccontextmanager
async def running(streams: int = 4, queue: int = 10, cache: Cache | None = None) -> AsyncIterator[Jobs]:
    jobs = Jobs(Slots(4, queue, 60.0), Slots(streams, queue, 60.0), Workers(1, ()), cache)
    try:
        yield jobs
    finally:
        await jobs.close()


def account() -> Account:
    return Account(began=asyncio.get_running_loop().time())


async def turns(number: int = 50) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def failure_of(jobs: Jobs, plan: Plan, source: OpenSource) -> tuple[MediaError, str]:
    """What a request for it is told, and from where."""
    request = account()
    with pytest.raises(MediaError) as caught:
        await jobs.join(plan, source, request)
    return caught.value, request.cache


# -- how much of a job is done -------------------------------------------------------------------------------


def job_at(position: int | None) -> Any:
    return SimpleNamespace(position=lambda source: position)


class Stated:
    """A shared job, as far as the table looks at it."""

    def __init__(self, plan: Plan, job: Any, started: float | None, spool: Any) -> None:
        self.plan, self.job, self.started, self.spool = plan, job, started, spool
        self.kept = True


def some(plan: Plan, job: Any = None, started: float | None = None, **spool: Any) -> Any:
    return Stated(plan, job, started, SimpleNamespace(**spool))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(table, "_now", lambda: now[0])
    return now


@pytest.mark.parametrize(("position", "part"), [(0, 0.0), (250, 0.25), (1000, 1.0), (1500, 1.0)])
@pytest.mark.parametrize("streams", [True, False])
async def test_the_part_that_is_done_is_what_was_read_of_the_source(
    source: OpenSource, position: int, part: float, streams: bool
) -> None:
    async with running() as jobs:
        plan = source.plan(1, "sized", 1, streams=streams)
        assert jobs.part_done(some(plan, job_at(position), 1000.0)) == part


async def test_where_that_cannot_be_seen_it_is_the_time_that_the_preset_takes(
    source: OpenSource, clock: list[float]
) -> None:
    async with running() as jobs:
        plan = source.plan(1, "sized", 1, streams=False)
        unseen = some(plan, job_at(None), 1000.0)
        clock[0] = 1009.0
        assert jobs.part_done(unseen) == 0.0  # it has never run to its end
        jobs.ended(some(plan, started=999.0, failure=None, complete=True))  # in 10 s
        assert jobs.part_done(unseen) == pytest.approx(0.9)
        clock[0] = 1020.0
        assert jobs.part_done(unseen) == 1.0
        assert jobs.part_done(some(plan, job_at(None), None)) == 0.0  # waits for a slot
        assert jobs.part_done(some(plan)) == 0.0
        assert jobs.part_done(some(source.plan(1, "sized", 1), job_at(None), 1000.0)) == 0.0  # a stream
        another = source.plan(1, "sized", 1, streams=False, preset="another")
        assert jobs.part_done(some(another, job_at(None), 1000.0)) == 0.0


async def test_the_typical_time_follows_slowly_and_only_what_ended_well(
    source: OpenSource, clock: list[float]
) -> None:
    async with running() as jobs:
        plan = source.plan(1, "sized", 1, streams=False)
        for ended in (
            some(plan, started=990.0, failure=None, complete=True),  # 10 s
            some(plan, started=980.0, failure=None, complete=True),  # 20 s: 12 from now on
            some(plan, started=0.0, failure=ProgramFailed("x"), complete=False),
            some(plan, started=None, failure=Unavailable("x"), complete=False),
        ):
            jobs.ended(ended)
        assert jobs.part_done(some(plan, job_at(None), 994.0)) == pytest.approx(0.5)


async def test_an_empty_source_has_no_parts(source: OpenSource, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"")
    async with running() as jobs:
        plan = source.plan(1, "sized", 1)
        empty = Plan(
            plan.preset, SourceFacts("/a", "a/b", "/a", 0, 1, 1), plan.work, "", Limits(), True, True, "", "k"
        )
        assert jobs.part_done(some(empty, job_at(0), 1000.0)) == 0.0


# -- failures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "remembered"),
    [(ProgramFailed("x"), 1), (ProgramTimedOut("x"), 1), (SourceUnusable("x"), 1), (Unavailable("x"), 0)],
)
async def test_only_what_says_something_of_the_source_is_remembered(
    source: OpenSource, error: MediaError, remembered: bool
) -> None:
    async with running() as jobs:
        plan = source.plan(1, "sized", 10)
        jobs.ended(some(plan, failure=error))
        request = account()
        if not remembered:
            assert await read_all(await jobs.join(plan, source, request)) == b"0000000\n00"[:10]
            return
        again, cache = await failure_of(jobs, plan, source)
        assert (type(again), str(again), cache) == (type(error), str(error), told.FAILED)


async def test_a_full_queue_and_an_impatient_reader_are_not_the_sources_fault(
    source: OpenSource, other: OpenSource, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "gate")
    log = tmp_path / "log"
    async with running(streams=1, queue=0) as jobs:
        holds = await jobs.join(
            source.plan(1, "gated", log, 300 * KIB, tmp_path / "gate", 10), source, account()
        )
        plan = other.plan(2, "sized", 10)
        for _ in range(2):
            error, cache = await failure_of(jobs, plan, other)
            assert (type(error), cache) == (Unavailable, told.MISS)
        await holds.close()
        # Stopped because nobody read it: run again at once.
        again = await jobs.join(
            source.plan(1, "gated", log, 300 * KIB, tmp_path / "gate", 10), source, account()
        )
        await again.close()
        assert log.read_text() == "run\nrun\n"
        assert len(await read_all(await jobs.join(plan, other, account()))) == 10


async def test_a_failure_is_forgotten_with_its_source_only(source: OpenSource, other: OpenSource) -> None:
    async with running() as jobs:
        plans = [(source.plan(1, "dies_after", 0, 3), source), (other.plan(2, "dies_after", 0, 3), other)]
        for plan, of in plans:
            assert (await failure_of(jobs, plan, of))[1] == told.MISS
        await until_empty(jobs)
        jobs.forget("/a")
        assert (await failure_of(jobs, *plans[0]))[1] == told.MISS
        assert (await failure_of(jobs, *plans[1]))[1] == told.FAILED


# -- purging what runs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked_again", [True, False])
async def test_what_is_forgotten_while_it_runs_is_neither_shared_nor_kept(
    source: OpenSource, other: OpenSource, tmp_path: Path, asked_again: bool
) -> None:
    os.mkfifo(tmp_path / "gate")
    cache = Cache(tmp_path / "kept", capacity=1 << 30, memory=1 << 20, share=1.0)
    arguments = ("gated", tmp_path / "log", 300 * KIB, tmp_path / "gate", 10)
    plan, another = source.plan(1, *arguments), other.plan(2, *arguments)
    async with running(cache=cache) as jobs:
        asked = [await jobs.join(plan, source, account()), await jobs.join(another, other, account())]
        jobs.forget("/a")
        assert (jobs.shares(plan), jobs.shares(another)) == (False, True)
        if asked_again:
            asked.append(await jobs.join(plan, source, account()))
        assert jobs.shares(plan) == asked_again
        with open(os.open(tmp_path / "gate", os.O_RDWR), "w"):
            contents = await asyncio.gather(*map(read_all, asked))
            await until_empty(jobs)
        assert len(set(contents)) == 1
        assert ((await cache.get(plan)) is not None) == asked_again
        assert (await cache.get(another)) is not None
    await cache.drain()
    cache.close()


async def test_the_end_of_what_was_forgotten_does_not_end_its_successor(
    source: OpenSource, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "gate")
    async with running() as jobs:
        plan = source.plan(1, "gated", tmp_path / "log", 300 * KIB, tmp_path / "gate", 10)
        before = await jobs.join(plan, source, account())
        jobs.forget("/a")
        after = await jobs.join(plan, source, account())
        await before.close()
        assert len(jobs._shared) == 1
        assert jobs.shares(plan)
        await after.close()


async def test_what_is_forgotten_while_it_runs_may_fail_and_is_run_again(
    source: OpenSource, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "gate")
    log = tmp_path / "log"
    async with running() as jobs:
        plan = source.plan(1, "gated", log, 300 * KIB, tmp_path / "gate", 10, 3)
        for run in (1, 2):
            representation = await jobs.join(plan, source, account())
            if run == 1:
                jobs.forget("/a")
            with open(os.open(tmp_path / "gate", os.O_RDWR), "w"), pytest.raises(ProgramFailed):
                await read_all(representation)
            await until_empty(jobs)
        assert log.read_text() == "run\nrun\n"
        assert (await failure_of(jobs, plan, source))[1] == told.FAILED


async def until_empty(jobs: Jobs) -> None:
    async with asyncio.timeout(10):
        while jobs._shared:
            await asyncio.sleep(0)


# -- the end of the server -----------------------------------------------------------------------------------


async def gated(jobs: Jobs, source: OpenSource, tmp_path: Path, **keys: Any) -> Representation:
    """A running stream that waits at tmp_path/gate."""
    arguments = (tmp_path / "log", 300 * KIB, tmp_path / "gate", 300 * KIB)
    return await jobs.join(source.plan(1, "gated", *arguments, **keys), source, account())


@pytest.mark.parametrize("cache", [True, False])
async def test_a_drain_waits_for_what_ends_by_itself(source: OpenSource, tmp_path: Path, cache: bool) -> None:
    os.mkfifo(tmp_path / "gate")
    async with running() as jobs:
        representation = await gated(jobs, source, tmp_path, cache=cache)
        reading = asyncio.ensure_future(read_all(representation))
        draining = asyncio.ensure_future(jobs.drain(60.0))
        await turns()
        assert not draining.done()
        with open(os.open(tmp_path / "gate", os.O_RDWR), "w"):
            async with asyncio.timeout(10):
                assert len(await reading) == 600 * KIB
                await draining


@pytest.mark.parametrize("cache", [True, False])
async def test_a_drain_ends_what_does_not_and_tells_its_readers(
    source: OpenSource, tmp_path: Path, cache: bool
) -> None:
    os.mkfifo(tmp_path / "gate")
    async with running() as jobs:
        representation = await gated(jobs, source, tmp_path, cache=cache)
        reading = asyncio.ensure_future(read_all(representation))
        async with asyncio.timeout(10):
            await jobs.drain(0.05)
            with pytest.raises(Unavailable, match="stopping") as caught:
                await reading
        assert caught.value.retry_after == 1
        assert not jobs.shares(source.plan(1, "gated"))
        await jobs.drain(60.0)  # nothing is left to wait for


async def test_a_drain_ends_what_waits_for_a_slot(source: OpenSource, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    async with running(streams=1) as jobs:
        first = await gated(jobs, source, tmp_path)
        waiting = asyncio.ensure_future(jobs.join(source.plan(2, "sized", 10), source, account()))
        await turns()
        assert jobs.streams.waiting == 1
        async with asyncio.timeout(10):
            await jobs.drain(0.0)
            with pytest.raises(Unavailable, match="stopping"):
                await waiting
        await first.close()
        assert (jobs.streams.running, jobs.streams.waiting) == (0, 0)


async def test_a_drain_waits_for_what_nobody_reads_any_more(source: OpenSource, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    cache = Cache(tmp_path / "kept", capacity=1 << 30, memory=1 << 20, share=1.0)
    plan = source.plan(1, "reads", 900, tmp_path / "gate", stdin=True)
    async with running(cache=cache) as jobs:
        representation = await jobs.join(plan, source, account())
        await representation.close()
        assert jobs.shares(plan)  # 900 of its 1000 bytes are read
        draining = asyncio.ensure_future(jobs.drain(60.0))
        await turns()
        assert not draining.done()
        (tmp_path / "gate").open("wb").close()
        async with asyncio.timeout(10):
            await draining
        kept = await cache.get(plan)
        assert kept is not None
        assert await read_all(kept) == b"x" * 1000
    await cache.drain()
    cache.close()


async def test_a_reader_that_leaves_gives_its_place_in_the_queue_away(
    source: OpenSource, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "gate")
    async with running(streams=1) as jobs:
        first = await gated(jobs, source, tmp_path)
        waiting = [
            asyncio.ensure_future(jobs.join(source.plan(number, "sized", 10), source, account()))
            for number in (2, 3)
        ]
        await turns()
        assert jobs.streams.waiting == 2
        waiting[0].cancel()
        await asyncio.gather(waiting[0], return_exceptions=True)
        assert jobs.streams.waiting == 1
        assert not jobs.shares(source.plan(2, "sized", 10))
        await first.close()
        async with asyncio.timeout(10):
            assert len(await read_all(await waiting[1])) == 10
