"""A shared job's rules, with work that does what a test tells it; real programs are in tests/web."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tornado_media.errors import MediaError, ProgramFailed, Unavailable
from tornado_media.jobs import shared as shared_module
from tornado_media.jobs.job import Job
from tornado_media.jobs.shared import SharedJob
from tornado_media.presets.plan import Limits, Original, Plan, SourceFacts
from tornado_media.store import spool_file
from tornado_media.store.blocks import Block, InMemory, read_block
from tornado_media.store.cache import Cache
from tornado_media.store.representation import Representation
from tornado_media.store.spool import Spool, SpoolReader

BLOCK = 64 * 1024


class Work:
    """Gives a block for each `give`, then ends as told."""

    def __init__(self) -> None:
        self.blocks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.closed = asyncio.Event()
        self.failure: MediaError | None = None
        self.messages = ""

    def give(self, *blocks: bytes | None) -> None:
        for block in blocks:
            self.blocks.put_nowait(block)

    async def next(self, limit: int) -> Block | None:
        block = await self.blocks.get()
        return None if block is None else InMemory(memoryview(block))

    def position(self, source: SourceFacts) -> int | None:
        return None

    async def end(self) -> None:
        if self.failure is not None:
            raise self.failure

    async def close(self) -> None:
        self.closed.set()
        self.give(None)


class Table:
    """Starts the one work that a test has, when there is a slot."""

    def __init__(self, folder: Path | None = None) -> None:
        self.cache = Cache(folder, capacity=100_000_000, memory=1_000_000, share=1.0)
        self.work = Work()
        self.slot = asyncio.Event()
        self.slot.set()
        self.done = 0.0
        self.refusal: MediaError | None = None
        self.joinable = True
        self.released = 0
        self.ends = 0

    async def start(self, plan: Plan, files: Sequence[int]) -> Job:
        for file in files:
            os.fstat(file)
        await self.slot.wait()
        if self.refusal is not None:
            raise self.refusal
        return Job("test", self.work, plan.limits, self._release)

    def _release(self) -> None:
        self.released += 1

    def part_done(self, shared: SharedJob) -> float:
        return self.done

    def withdraw(self, shared: SharedJob) -> None:
        self.joinable = False

    def ended(self, shared: SharedJob) -> None:
        self.withdraw(shared)
        self.ends += 1


@pytest.fixture
def source(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "source").write_text("hello")
    file = os.open(tmp_path / "source", os.O_RDONLY)
    yield file
    os.close(file)


def shared_of(table: Table, source: int, streams: bool = True, window: int = 1 << 20) -> SharedJob:
    status = os.fstat(source)
    facts = SourceFacts("/a", "a/b", "/srv/a", status.st_size, status.st_mtime_ns, status.st_ino)
    plan = Plan("p", facts, Original(), "a/b", Limits(), streams, True, "", f"{1:032x}")
    return SharedJob(plan, (source,), table, window, 0.5)


def copies_of(source: int) -> int:
    """Descriptors of this process at the same file."""
    same = os.fstat(source)
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.path.samestat(os.fstat(int(name)), same)
        except OSError:
            continue
    return found


async def turns(number: int = 50) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def ended(shared: SharedJob) -> None:
    async with asyncio.timeout(5):
        await asyncio.wait([shared._task])


async def content_of(representation: Representation) -> bytes:
    reader = representation.open(0)
    content, buffer = bytearray(), memoryview(bytearray(BLOCK))
    try:
        while block := await reader.next(len(buffer)):
            content += buffer[: await read_block(block, buffer)]
        return bytes(content)
    finally:
        await reader.close()
        await representation.close()


async def test_one_that_is_stopped_before_its_first_step_has_left_nothing(source: int) -> None:
    table = Table()
    shared = shared_of(table, source)
    assert copies_of(source) == 2
    await shared.stop(Unavailable("stop"))
    assert copies_of(source) == 1
    assert (table.ends, table.work.closed.is_set()) == (1, False)


async def test_whoever_joins_one_that_is_stopped_is_told_why(source: int) -> None:
    shared = shared_of(Table(), source)
    joining = asyncio.ensure_future(shared.join())
    await asyncio.sleep(0)
    await shared.stop(Unavailable("The server is stopping."))
    with pytest.raises(Unavailable, match="stopping"):
        await joining
    assert copies_of(source) == 1


async def test_one_whose_only_reader_left_waits_for_a_slot_no_longer(source: int) -> None:
    table = Table()
    table.slot.clear()
    shared = shared_of(table, source)
    joining = asyncio.ensure_future(shared.join())
    await turns()
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining
    await ended(shared)
    assert (table.ends, shared.job, shared.readers) == (1, None, 0)
    assert copies_of(source) == 1


async def test_one_that_others_wait_for_stays_in_the_queue(source: int) -> None:
    table = Table()
    table.slot.clear()
    shared = shared_of(table, source)
    gone, stays = (asyncio.ensure_future(shared.join()) for _ in range(2))
    await turns()
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert (table.ends, shared.readers, table.joinable) == (0, 1, True)
    table.slot.set()
    table.work.give(b"abc", None)
    assert await content_of(await stays) == b"abc"
    await ended(shared)


async def test_a_start_that_is_refused_is_told_to_all(source: int) -> None:
    table = Table()
    table.refusal = Unavailable("full", retry_after=2)
    shared = shared_of(table, source)
    told = await asyncio.gather(*(shared.join() for _ in range(3)), return_exceptions=True)
    assert told == [table.refusal] * 3
    assert (table.ends, shared.readers, shared.started) == (1, 0, None)
    assert copies_of(source) == 1


@pytest.mark.parametrize(("done", "finished"), [(0.49, False), (0.5, True), (1.0, True)])
async def test_what_the_last_reader_leaves_is_finished_when_enough_of_it_is_done(
    tmp_path: Path, source: int, done: float, finished: bool
) -> None:
    table = Table(tmp_path / "kept")
    shared = shared_of(table, source, window=BLOCK)
    table.work.give(b"a" * BLOCK)
    representation = await shared.join()
    await turns()
    table.done = done
    await representation.close()
    await representation.close()
    assert (table.joinable, table.work.closed.is_set()) == (finished, not finished)
    # More than the window, for nobody.
    table.work.give(*[b"b" * BLOCK] * 10, None)
    await ended(shared)
    kept = await table.cache.get(shared.plan)
    assert (kept is not None) == finished
    if kept is not None:
        assert await content_of(kept) == b"a" * BLOCK + b"b" * BLOCK * 10
    await table.cache.drain()
    table.cache.close()


async def test_what_is_purged_meanwhile_is_not_finished_for_nobody(source: int) -> None:
    table = Table()
    shared = shared_of(table, source)
    table.work.give(b"abc")
    representation = await shared.join()
    table.done = 1.0
    shared.kept = False
    await representation.close()
    await ended(shared)
    assert table.work.closed.is_set()


async def test_it_can_be_joined_again_while_it_is_finished_for_nobody(tmp_path: Path, source: int) -> None:
    table = Table(tmp_path / "kept")
    shared = shared_of(table, source)
    table.work.give(b"a" * BLOCK)
    one = await shared.join()
    table.done = 0.9
    await one.close()
    assert table.joinable
    other = await shared.join()
    table.work.give(b"b", None)
    assert await content_of(other) == b"a" * BLOCK + b"b"
    await ended(shared)
    table.cache.close()


async def test_a_failure_after_bytes_is_told_after_them_and_nothing_is_kept(source: int) -> None:
    table = Table()
    shared = shared_of(table, source)
    table.work.give(b"abc")
    representation = await shared.join()
    table.work.failure = ProgramFailed("It failed.")
    table.work.give(None)
    reader = representation.open(0)
    block = await reader.next(10)
    assert isinstance(block, InMemory)
    assert block.view == b"abc"
    with pytest.raises(ProgramFailed):
        await reader.next(10)
    await representation.close()
    await ended(shared)
    assert not table.joinable
    assert await table.cache.get(shared.plan) is None


async def test_a_window_holds_the_work(source: int, tmp_path: Path) -> None:
    table = Table(tmp_path / "kept")
    shared = shared_of(table, source, window=2 * BLOCK)
    table.work.give(*[b"a" * BLOCK] * 5, None)
    representation = await shared.join()
    await turns()
    assert shared.spool.length == 2 * BLOCK
    assert await content_of(representation) == b"a" * BLOCK * 5
    await ended(shared)
    await table.cache.drain()
    table.cache.close()


async def test_tags_name_the_bytes_of_what_is_collected_and_the_run_of_a_stream(source: int) -> None:
    tags: dict[bool, set[str | None]] = {True: set(), False: set()}
    for streams in (True, True, False, False):
        table = Table()
        shared = shared_of(table, source, streams)
        table.work.give(b"the same bytes", None)
        representation = await shared.join()
        tags[streams].add(representation.validators.entity_tag)
        assert await content_of(representation) == b"the same bytes"
        await ended(shared)
    assert (len(tags[True]), len(tags[False])) == (2, 1)
    assert all(str(tag).startswith(f'"{1:032x}-') for tag in tags[True] | tags[False])


async def test_its_slot_is_free_while_a_slow_disk_is_asked_about_the_source(
    source: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, began, go = SharedJob._statuses, threading.Event(), threading.Event()

    def slow(self: SharedJob) -> list[os.stat_result]:
        began.set()
        assert go.wait(10)
        return real(self)

    monkeypatch.setattr(SharedJob, "_statuses", slow)
    monkeypatch.setattr(shared_module, "answers_from_memory", lambda device, path: False)
    table = Table()
    shared = shared_of(table, source, streams=False)
    table.work.give(b"abc", None)
    async with asyncio.timeout(10):
        joining = asyncio.ensure_future(shared.join())
        while not began.is_set():
            await asyncio.sleep(0)
        assert (table.released, table.work.closed.is_set(), joining.done()) == (1, True, False)
        go.set()
        assert await content_of(await joining) == b"abc"
        await ended(shared)
    assert table.released == 1


async def test_no_thread_is_asked_about_a_source_that_is_in_memory(
    source: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_module, "answers_from_memory", lambda device, path: True)
    monkeypatch.setattr(shared_module, "in_thread", lambda *_: pytest.fail("a thread was asked"))
    table = Table()
    shared = shared_of(table, source, streams=False)
    table.work.give(b"abc", None)
    assert await content_of(await shared.join()) == b"abc"
    await ended(shared)


async def test_a_reader_that_goes_on_while_the_disk_is_waited_for_wakes_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, began, go = spool_file._punch, threading.Event(), threading.Event()

    def slow(*arguments: int) -> None:
        began.set()
        assert go.wait(10)
        real(*arguments)

    monkeypatch.setattr(spool_file, "_punch", slow)
    cache = Cache(tmp_path / "kept", capacity=4 << 20, memory=0, share=1.0)
    spool = Spool(cache.room(), None)
    reader = spool.open(0)

    async def fill() -> None:
        for _ in range(100):
            await spool.writable()
            await spool.append(InMemory(memoryview(bytes(BLOCK))))
        spool.finish()

    async with asyncio.timeout(10):
        filling = asyncio.ensure_future(fill())
        # It is too large to be kept, and the writer waits until something of it has been read.
        while spool.keeps or spool._writer is None:
            await asyncio.sleep(0)
        for _ in range(2):
            await reader.next(BLOCK)
        # The first block is given back to a slow disk. Before it has it, the reader has all there is.
        while not began.is_set():
            await asyncio.sleep(0)
        reading = asyncio.ensure_future(count(reader))
        while reader.position < spool.length:
            await asyncio.sleep(0)
        go.set()
        assert await reading == 98 * BLOCK
        await filling
    spool.release()
    cache.close()


async def count(reader: SpoolReader) -> int:
    """Bytes up to the end."""
    length = 0
    while block := await reader.next(BLOCK):
        length += block.length
    reader.leave()
    return length
