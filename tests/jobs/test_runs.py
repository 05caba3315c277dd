"""Runs with a program that makes segments: who waits for which, how far one goes ahead, when it ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tornado_media.errors import MediaError, NotFound, ProgramFailed, Unavailable
from tornado_media.http import account as told
from tornado_media.http.account import Account
from tornado_media.jobs.runs import Following
from tornado_media.jobs.slots import Slots
from tornado_media.jobs.table import Jobs
from tornado_media.presets.plan import Limits, Pipeline, Plan, Segment, SourceFacts, segment_key
from tornado_media.processes.workers import Workers
from tornado_media.store.cache import Cache
from tornado_media.store.representation import read_all

PROGRAM = Path(__file__).parents[1] / "programs" / "segments.py"
KIB = 1024
SIZE = 600 * KIB
"""Of a segment: the pipe holds 256 KiB, so an encoder that nobody reads is inside of one segment."""


class Film:
    """A film of which runs make segments, and the diary of its encoders."""

    def __init__(self, folder: Path, name: str = "film", count: int = 40, size: int = SIZE) -> None:
        self.name, self.count, self.size = name, count, size
        self.diary = folder / f"{name}.diary"
        self.files = ()
        self.facts = SourceFacts(f"/{name}", "video/mp4", str(folder / name), 1, 1, 1)

    def plan(
        self, number: int | None, fail: int | None = None, otherwise: bool = False, run: str = ""
    ) -> Plan:
        def pipeline(first: int) -> Pipeline:
            def command(*more: int) -> tuple[str, ...]:
                numbers = map(str, (first, self.count, self.size, *more))
                return (sys.executable, "-SEI", str(PROGRAM), str(self.diary), *numbers)

            failing = () if fail is None else (fail,)
            return Pipeline((command(*failing),), otherwise=(command(),) if otherwise else None)

        run = run or f"{self.name:0>32}"
        work = Segment(run, number, self.count, 2.0, pipeline)
        key = segment_key(run, number)
        return Plan("segment", self.facts, work, "video/mp4", Limits(), False, True, "", key)

    def lines(self) -> list[str]:
        return self.diary.read_text().splitlines() if self.diary.exists() else []

    @property
    def starts(self) -> list[int]:
        return [int(line.split()[1]) for line in self.lines() if line.startswith("start")]

    @property
    def made(self) -> list[int]:
        return [int(line.split()[1]) for line in self.lines() if line.startswith("made")]


@pytest.fixture
def film(tmp_path: Path) -> Film:
    return Film(tmp_path)


@asynccontextmanager
async def running(
    cache: Cache | None = None, streams: int = 4, ahead: float = 20.0, idle: float = 60.0
) -> AsyncIterator[Jobs]:
    slots = Slots(streams, 10, 60.0)
    jobs = Jobs(Slots(4, 10, 60.0), slots, Workers(1, ()), cache, following=Following(ahead, idle))
    try:
        yield jobs
    finally:
        await jobs.close()
        assert jobs.runs.running == 0 and slots.running == 0


@asynccontextmanager
async def kept(folder: Path) -> AsyncIterator[Cache]:
    cache = Cache(folder / "cache", capacity=200 * 1024 * KIB, memory=0, share=0.5)
    try:
        yield cache
    finally:
        await cache.drain()
        cache.close()


async def get(jobs: Jobs, film: Film, number: int | None, **keys: object) -> tuple[bytes, str]:
    """A segment as a request gets it, and where it came from."""
    plan = film.plan(number, **keys)
    jobs.runs.follow(plan)
    if (found := await jobs.cache.get(plan)) is not None:
        return await read_all(found), told.HIT
    account = Account(began=0.0)
    return await read_all(await jobs.join(plan, film, account)), account.cache


def is_segment(content: bytes, number: int, size: int = SIZE) -> bool:
    return content[8:12] == number.to_bytes(4, "big") and content[20:] == bytes([number]) * size


async def until(condition) -> None:
    """Wait for something that other processes do; the test's time limit is the deadline."""
    while not condition():
        await asyncio.sleep(0.01)


async def settled(film: Film) -> int:
    """The last segment that an encoder has begun when it stands still: blocked in its pipe."""
    last = -1
    while (made := len(film.made)) != last or not made:
        last = made
        await asyncio.sleep(0.3)
    return film.made[-1]


async def test_segments_in_order_come_from_one_run(film):
    async with running() as jobs:
        initialization, cache = await get(jobs, film, None)
        assert initialization[4:8] == b"ftyp" and cache == told.MISS
        for number in range(film.count):
            content, cache = await get(jobs, film, number)
            assert is_segment(content, number), number
            assert cache == told.COLLAPSED
        assert film.starts == [0]


async def test_ten_viewers_have_one_encoder(film, tmp_path):
    async with kept(tmp_path) as cache, running(cache) as jobs:
        for number in range(5):
            answers = await asyncio.gather(*(get(jobs, film, number) for _ in range(10)))
            assert all(is_segment(content, number) for content, _ in answers)
        late = [await get(jobs, film, number) for number in range(4)]
        assert [where for _, where in late] == [told.HIT] * 4
        assert all(is_segment(content, number) for number, (content, _) in enumerate(late))
        assert film.starts == [0]


async def test_any_order_gives_the_same_segments(film, tmp_path):
    async with kept(tmp_path) as cache, running(cache) as jobs:
        for number in (7, 2, 9, 0, 8, 30, 1):
            assert is_segment((await get(jobs, film, number))[0], number)


@pytest.mark.slow
async def test_a_run_goes_ahead_and_waits(film, tmp_path):
    async with kept(tmp_path) as cache, running(cache, ahead=20.0) as jobs:
        for number in range(6):
            await get(jobs, film, number)
        # Ten segments of 2 s ahead of number 5, and the one that is blocked in the pipe after them.
        assert await settled(film) == 5 + 10 + 1
        assert film.starts == [0]
        await get(jobs, film, 14)
        assert await settled(film) == 14 + 10 + 1
        assert film.starts == [0]


async def test_who_only_looks_in_costs_little(film):
    async with running() as jobs:
        await get(jobs, film, 0)
        assert await settled(film) <= 5


async def test_a_seek_within_reach_waits_and_one_beyond_starts(film):
    async with running() as jobs:
        await get(jobs, film, 0)
        await get(jobs, film, 2)
        assert film.starts == [0]
        await get(jobs, film, 30)
        assert film.starts == [0, 30]


async def test_a_run_that_nobody_follows_ends(film, tmp_path):
    async with kept(tmp_path) as cache, running(cache, idle=0.3) as jobs:
        await get(jobs, film, 0)
        assert jobs.runs.running == 1
        await until(lambda: not jobs.runs.running)
        assert jobs.streams.running == 0
        content, where = await get(jobs, film, 0)
        assert is_segment(content, 0) and where == told.HIT
        assert film.starts == [0]


@pytest.mark.slow
async def test_who_pauses_keeps_the_run_by_asking(film, tmp_path):
    async with kept(tmp_path) as cache, running(cache, idle=0.5) as jobs:
        await get(jobs, film, 0)
        for _ in range(15):
            jobs.runs.follow(film.plan(0))
            await asyncio.sleep(0.1)
        assert jobs.runs.running == 1
        last = film.made[-1]
        assert last <= 5
        for number in range(1, last + 3):
            await get(jobs, film, number)
        assert film.starts == [0]


async def test_a_request_that_leaves_ends_a_run_that_served_nobody(film):
    film.size = 0
    film.count = 0
    async with running() as jobs:
        waiting = asyncio.ensure_future(get(jobs, film, 3))
        await until(lambda: jobs.runs.running)
        waiting.cancel()
        await until(lambda: not jobs.runs.running)


async def test_who_asks_while_a_run_ends_gets_another(film):
    film.size = 40 * 1024 * KIB
    async with running() as jobs:
        waiting = asyncio.ensure_future(get(jobs, film, 3))
        await until(lambda: film.made)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        content, _ = await get(jobs, film, 3)
        assert is_segment(content, 3, film.size)
        assert film.starts == [3, 3]


async def test_a_failure_is_told_and_remembered(film):
    async with running() as jobs:
        await get(jobs, film, 0, fail=2)
        for _ in range(2):
            with pytest.raises(ProgramFailed):
                await get(jobs, film, 2, fail=2)
        assert film.starts == [0]
        assert jobs.runs.running == 0


async def test_a_run_that_fails_at_once_is_started_in_its_second_way(film):
    async with running() as jobs:
        content, _ = await get(jobs, film, 4, fail=-1, otherwise=True)
        assert is_segment(content, 4)
        assert film.starts == [4, 4]


async def test_a_run_that_fails_later_is_not(film):
    async with running() as jobs:
        await get(jobs, film, 4, fail=5, otherwise=True)
        with pytest.raises(ProgramFailed):
            await get(jobs, film, 5, fail=5, otherwise=True)
        assert film.starts == [4]


async def test_a_film_that_ends_early(film):
    async with running() as jobs:
        await get(jobs, film, 38)
        with pytest.raises(NotFound):
            await get(jobs, film, 40)


async def test_the_initialization_segment_comes_from_where_the_viewer_is(film):
    async with running() as jobs:
        await get(jobs, film, 20)
        other = "f" * 32
        await get(jobs, film, None, run=other)
        await get(jobs, film, 20, run=other)
        assert film.starts == [20, 20]


async def test_a_new_viewer_takes_the_slot_of_the_quietest(tmp_path):
    films = [Film(tmp_path, name) for name in ("first", "second", "third")]
    async with running(streams=2) as jobs:
        await get(jobs, films[0], 0)
        await get(jobs, films[1], 0)
        await get(jobs, films[0], 1)
        content, _ = await get(jobs, films[2], 5)
        assert is_segment(content, 5)
        await until(lambda: jobs.runs.running == 2)
        await get(jobs, films[0], 2)
        assert films[0].starts == [0]


async def test_what_was_purged_runs_no_more(film):
    async with running() as jobs:
        await get(jobs, film, 0)
        jobs.forget(film.facts.path)
        await until(lambda: not jobs.runs.running)


async def test_who_waits_when_the_server_stops_is_told(film):
    film.size, film.count = 10, 3
    async with running(streams=1) as jobs:
        await jobs.streams.acquire()
        waiting = asyncio.ensure_future(get(jobs, film, 1))
        await until(lambda: jobs.runs.running)
        await jobs.runs.close()
        with pytest.raises(Unavailable):
            await waiting
        jobs.streams.release()


@pytest.mark.slow
async def test_an_encoder_that_nobody_reads_uses_no_processor(film):
    async with running() as jobs:
        await get(jobs, film, 0)
        await settled(film)
        (child,) = (int(pid) for pid in os.listdir("/proc") if pid.isdigit() and is_child(pid, film))
        before = ticks(child)
        await asyncio.sleep(1.0)
        assert ticks(child) == before


def is_child(pid: str, film: Film) -> bool:
    try:
        return str(film.diary).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


async def test_without_a_cache_what_was_made_ahead_is_there_after_the_end(tmp_path):
    film = Film(tmp_path, count=5, size=1000)
    async with running() as jobs:
        for number in range(5):
            content, _ = await get(jobs, film, number)
            assert is_segment(content, number, 1000)
            await asyncio.sleep(0.05)
        assert film.starts == [0]


def test_errors_are_ours():
    assert issubclass(NotFound, MediaError)
