"""Results that are kept: found again, within their bounds, seen by all who share the folder."""

import asyncio
import contextlib
import errno
import fcntl
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tornado_media.presets.plan import EngineCall, Limits, Plan, SourceFacts
from tornado_media.store import disk, files
from tornado_media.store.cache import Cache, Purged
from tornado_media.store.entry import SMALL, Meta
from tornado_media.store.folder import Folder
from tornado_media.store.index import Index
from tornado_media.store.layout import Listed, Removed, source_of
from tornado_media.store.representation import read_all

MIB = 1024 * 1024


def plan_of(number: int, path: str = "/1.jpg") -> Plan:
    source = SourceFacts(path, "image/jpeg", f"/srv{path}", 1, 1, 1)
    work = EngineCall("thumbnail", {})
    return Plan("thumbnail", source, work, "image/png", Limits(), False, True, "no-cache", f"{number:032x}")


def content_of(number: int, length: int = 3000) -> bytes:
    return number.to_bytes(4) * (length // 4)


def tag_of(number: int) -> str:
    return f'"tag-{number}"'


def entry_of(folder: Path, plan: Plan) -> Path:
    return folder / "1" / source_of(plan.source.path) / plan.key


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "kept"


@pytest.fixture
def make_cache(folder, io_loop):
    made = []

    def make(where=folder, *, capacity=100 * MIB, memory=MIB, share=0.25):
        made.append(Cache(where, capacity=capacity, memory=memory, share=share))
        return made[-1]

    yield make
    for cache in made:
        io_loop.run_sync(cache.drain)
        cache.close()


async def keep(cache, *numbers, path="/1.jpg", length=3000):
    for number in numbers:
        await cache.keep(plan_of(number, path), content_of(number, length), tag_of(number))


async def keep_file(cache, number, length, path="/1.jpg"):
    room = cache.room()
    try:
        assert room.grow(length)
        file = room.new_file()
        try:
            os.pwrite(file, content_of(number, length), 0)
            await cache.keep_file(plan_of(number, path), file, length, tag_of(number))
        finally:
            os.close(file)
    finally:
        room.close()


async def has(cache, number, path="/1.jpg", length=3000) -> bool:
    found = await cache.get(plan_of(number, path))
    if found is None:
        return False
    told = (found.media_type, found.complete_length, found.validators.entity_tag, found.cache_control)
    assert told == ("image/png", length, tag_of(number), "no-cache")
    assert await read_all(found) == content_of(number, length)
    return True


def bytes_on_disk(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


async def test_a_small_result_is_in_memory_at_once_and_on_disk_after(make_cache, folder):
    cache = make_cache()
    keeping = asyncio.ensure_future(keep(cache, 1))
    await asyncio.sleep(0)
    kept = cache.in_memory(plan_of(1).key)
    assert kept is not None
    assert (kept.content, kept.media_type, kept.entity_tag) == (content_of(1), "image/png", tag_of(1))
    await keeping
    assert entry_of(folder, plan_of(1)).read_bytes().startswith(content_of(1))
    assert await has(cache, 1)
    assert not await has(cache, 2)
    assert cache.in_memory(plan_of(2).key) is None
    stats = cache.stats()
    assert (stats.entries, stats.bytes, stats.growing, stats.memory_entries) == (1, 4096, 0, 1)
    assert (stats.hits, stats.misses) == (2, 1)
    assert cache.peek(plan_of(1).key) == kept
    assert cache.peek(plan_of(2).key) is None
    assert cache.stats().hits == 2


async def test_a_restart_finds_what_was_kept(make_cache, folder):
    before = make_cache()
    await keep(before, 1)
    await keep_file(before, 2, SMALL + 1000)
    await keep_file(before, 3, 1000, path="/3.jpg")
    before.close()
    after = make_cache()
    assert await has(after, 1)
    assert await has(after, 2, length=SMALL + 1000)
    assert await has(after, 3, "/3.jpg", length=1000)
    # The small ones are in memory now, the large one never is.
    assert [after.in_memory(plan_of(number).key) is not None for number in (1, 2, 3)] == [True, False, True]
    await after.drain()
    assert after.stats().entries == 3


async def test_the_folder_is_for_its_owner_and_made_when_it_is_needed(make_cache, folder):
    cache = make_cache()
    assert not folder.exists()
    await keep(cache, 1)
    for path in (folder, folder / "1", entry_of(folder, plan_of(1)).parent):
        assert path.stat().st_mode & 0o777 == 0o700
    assert entry_of(folder, plan_of(1)).stat().st_mode & 0o777 == 0o600
    assert list((folder / "tmp").iterdir()) == []


@pytest.mark.parametrize("how", ["no folder", "no capacity"])
async def test_nothing_on_disk(make_cache, folder, how):
    cache = make_cache(None) if how == "no folder" else make_cache(capacity=0)
    await keep(cache, 1)
    assert await has(cache, 1)
    room = cache.room()
    assert not room.grow(1)
    with pytest.raises(OSError, match="nothing is kept on disk"):
        room.new_file()
    room.close()
    assert await cache.purge("/1.jpg") == Purged(1, 3000)
    assert not await has(cache, 1)
    assert not folder.exists()
    assert cache.keeps(plan_of(1))
    assert not make_cache(None, memory=0).keeps(plan_of(1))


async def test_nothing_in_memory(make_cache):
    cache = make_cache(memory=0)
    await keep(cache, 1)
    assert cache.in_memory(plan_of(1).key) is None
    assert await has(cache, 1)
    assert cache.stats().memory_entries == 0


async def test_memory_is_bounded_and_what_is_used_stays(make_cache):
    cache = make_cache(None, memory=10 * (3000 + 512))
    for number in range(100):
        await keep(cache, number)
        assert cache.in_memory(plan_of(0).key) is not None
        assert cache.stats().memory_bytes <= 10 * (3000 + 512)
    in_memory = [number for number in range(100) if cache.in_memory(plan_of(number).key)]
    assert in_memory == [0, *range(91, 100)]
    await keep(cache, 200, length=40_000)
    assert cache.in_memory(plan_of(200).key) is None
    assert cache.stats().memory_entries == 10


async def test_the_disk_is_bounded_and_what_is_used_stays(make_cache, folder):
    cache = make_cache(capacity=10 * 4096, memory=0, share=1.0)
    for number in range(40):
        await keep(cache, number)
        assert await has(cache, 0)
        await cache.drain()
        assert bytes_on_disk(folder / "1") <= 10 * 4096
    assert [number for number in range(40) if await has(cache, number)] == [0, *range(31, 40)]
    assert cache.stats().bytes == 10 * 4096


async def test_what_is_used_in_memory_stays_on_disk(make_cache, folder):
    cache = make_cache(capacity=10 * 4096, memory=2 * (3000 + 512), share=1.0)
    for number in range(40):
        await keep(cache, number)
        assert cache.in_memory(plan_of(0).key) is not None
    await cache.drain()
    assert entry_of(folder, plan_of(0)).exists()


async def test_a_restart_with_less_room_keeps_what_was_used_last(make_cache, folder):
    before = make_cache()
    await keep(before, *range(10))
    before.close()
    for number in range(10):
        # A use is the later of the two times.
        used = 1_000_000 + (number * 7) % 10
        times = (used, 0) if number % 2 else (0, used)
        os.utime(entry_of(folder, plan_of(number)), times)
    after = make_cache(capacity=3 * 4096, memory=0, share=1.0)
    assert not await has(after, 99)
    await after.drain()
    left = {number for number in range(10) if entry_of(folder, plan_of(number)).exists()}
    assert left == {number for number in range(10) if (number * 7) % 10 >= 7}
    assert after.stats().entries == 3


async def test_a_result_has_no_more_than_its_share(make_cache, folder):
    cache = make_cache(capacity=16 * MIB, share=0.25)
    room = cache.room()
    assert room.grow(3 * MIB)
    assert not room.grow(MIB + 1)
    assert room.grow(MIB)
    assert cache.stats().growing == 4 * MIB
    room.shrink(MIB)
    assert cache.stats().growing == 3 * MIB
    room.close()
    room.close()
    assert cache.stats().growing == 0
    small = make_cache(capacity=4 * 4096, share=0.25)
    await keep(small, 1, length=5000)
    assert small.in_memory(plan_of(1).key) is not None
    assert not entry_of(folder, plan_of(1)).exists()


async def test_growing_results_and_entries_share_the_capacity(make_cache, folder):
    cache = make_cache(capacity=8 * MIB, share=1.0, memory=0)
    for number in range(7):
        await keep(cache, number, length=MIB - 4096)
    first, second = cache.room(), cache.room()
    assert first.grow(3 * MIB)
    await cache.drain()
    assert bytes_on_disk(folder / "1") <= 5 * MIB
    assert not await has(cache, 1, length=MIB - 4096)
    assert await has(cache, 6, length=MIB - 4096)
    assert not second.grow(5 * MIB + 1)
    assert second.grow(5 * MIB)
    assert cache.stats().entries == 0
    assert not cache.room().grow(1)
    await keep(cache, 50)  # no room: not kept, and no error
    assert not await has(cache, 50)
    first.close()
    second.close()
    await keep(cache, 50)
    assert await has(cache, 50)


async def test_the_room_of_a_kept_file_becomes_the_entrys(make_cache):
    cache = make_cache(memory=0)
    room = cache.room()
    assert room.grow(3 * MIB)
    file = room.new_file()
    os.pwrite(file, content_of(1, 2 * MIB) + b"too much", 0)
    await cache.keep_file(plan_of(1), file, 2 * MIB, tag_of(1))
    assert (cache.stats().growing, cache.stats().bytes) == (0, 2 * MIB + 4096)
    # Who follows the file reads on.
    assert os.pread(file, 2 * MIB, 0) == content_of(1, 2 * MIB)
    os.close(file)
    room.close()
    assert await has(cache, 1, length=2 * MIB)
    assert cache.stats().growing == 0


async def test_an_entry_that_is_served_outlives_its_removal(make_cache):
    cache = make_cache()
    await keep_file(cache, 1, 2 * MIB)
    served = await cache.get(plan_of(1))
    assert (await cache.clear()).count == 1
    assert not await has(cache, 1)
    assert await read_all(served) == content_of(1, 2 * MIB)
    await served.close()


async def test_purge_removes_what_was_made_of_one_source(make_cache, folder):
    cache = make_cache()
    await keep(cache, 1, 2, path="/a.jpg")
    await keep(cache, 3, path="/b.jpg")
    size = sum(entry_of(folder, plan_of(number, "/a.jpg")).stat().st_size for number in (1, 2))
    assert await cache.purge("/a.jpg") == Purged(2, size)
    assert [await has(cache, 1, "/a.jpg"), await has(cache, 2, "/a.jpg")] == [False, False]
    assert await has(cache, 3, "/b.jpg")
    assert cache.in_memory(plan_of(3).key) is not None
    assert not entry_of(folder, plan_of(1, "/a.jpg")).parent.exists()
    assert await cache.purge("/a.jpg") == Purged(0, 0)
    assert (await cache.clear()).count == 1
    assert cache.stats().entries == cache.stats().memory_entries == cache.stats().bytes == 0


async def test_a_purge_comes_after_what_was_kept_before(make_cache, folder):
    cache = make_cache()
    keeping = [asyncio.ensure_future(keep(cache, number)) for number in range(5)]
    await asyncio.sleep(0)
    assert (await cache.purge("/1.jpg")).count == 5
    await asyncio.gather(*keeping)
    assert not any([await has(cache, number) for number in range(5)])
    assert Folder(folder).list() == []
    assert cache.stats().entries == 0


async def test_a_purge_forgets_what_is_read_from_the_disk_meanwhile(make_cache):
    before = make_cache()
    await keep(before, *range(20))
    cache = make_cache()
    reading = [asyncio.ensure_future(cache.get(plan_of(number))) for number in range(20)]
    await asyncio.sleep(0)
    await cache.purge("/1.jpg")
    await asyncio.gather(*reading)
    assert cache.stats().memory_entries == 0


async def test_what_is_read_before_a_purge_ends_is_purged(make_cache, monkeypatch):
    before, cache = make_cache(), make_cache()
    await keep(before, 1)
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "purge", lambda *_: Removed({}, b"") if event.wait(30) else None)
        event = threading.Event()
        purging = asyncio.ensure_future(cache.purge("/1.jpg"))
        await asyncio.sleep(0)
        assert await has(cache, 1)
        assert cache.in_memory(plan_of(1).key) is not None
        event.set()
        assert await purging == Purged(1, 3000)
    assert cache.in_memory(plan_of(1).key) is None


async def test_what_was_read_before_another_process_purged_is_not_held(make_cache, folder, monkeypatch):
    before, cache = make_cache(), make_cache()
    await keep(before, 1)
    find = Folder.find

    def find_then_purge(*arguments):
        found = find(*arguments)
        Folder(folder).clear()
        return found

    assert not await has(cache, 2)
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "find", find_then_purge)
        assert await has(cache, 1)
    assert cache.stats().memory_entries == 0


def test_what_left_while_the_folder_was_listed_does_not_come_back():
    index = Index(100 * 4096, lambda _: False, lambda _: None)
    entries = [Listed("s", key, 4096, float(number)) for number, key in enumerate("abc")]
    index.listing()
    index.drop("a")
    index.drop("b")
    index.add("s", "b", 4096)
    index.fill(entries)
    assert [key for key in "abc" if index.get(key)] == ["b", "c"]
    assert index.size == 2 * 4096


@pytest.mark.slow
def test_entries_are_placed_while_another_process_purges(folder):
    one, other, ended = Folder(folder), Folder(folder), threading.Event()
    one.make()
    meta = Meta("0" * 32, "thumbnail", "image/png", tag_of(1), 3000, None)

    def purge():
        while not ended.is_set():
            other.purge("0" * 32)

    thread = threading.Thread(target=purge)
    thread.start()
    try:
        for _ in range(200):
            assert one.write("0" * 32, meta, content_of(1)) == 4096
    finally:
        ended.set()
        thread.join()
    shutil.rmtree(folder / "1")
    assert one.write("0" * 32, meta, content_of(1)) == 4096
    assert one.find("0" * 32, meta.key).content == content_of(1)


async def test_another_process_purges(make_cache, folder):
    one, other = make_cache(), make_cache()
    await keep(one, 1, 2)
    assert await has(other, 1)
    assert await other.purge("/1.jpg")
    assert one.in_memory(plan_of(1).key) is None
    assert not await has(one, 1)
    await one.drain()
    assert one.stats().entries == one.stats().memory_entries == 0
    await keep(one, 1)
    assert one.in_memory(plan_of(1).key) is not None
    Folder(folder).clear()
    assert one.in_memory(plan_of(1).key) is None
    assert not await has(one, 1)
    assert not await has(other, 1)


async def test_two_caches_on_one_folder_share_results(make_cache):
    one, other = make_cache(), make_cache()
    for number in range(10):
        cache, second = (one, other) if number % 2 else (other, one)
        assert not await has(second, number)
        await keep(cache, number)
        assert await has(second, number)
    assert one.stats().entries == other.stats().entries == 10


async def test_two_caches_on_one_folder_stay_near_the_bound(make_cache, folder):
    one, other = (make_cache(capacity=40 * 4096, memory=0, share=1.0) for _ in range(2))
    most = 0
    for number in range(100):
        await keep((one, other)[number % 2], number)
        await one.drain()
        await other.drain()
        most = max(most, bytes_on_disk(folder / "1") // 4096)
    # Each looks into the folder after it has added a quarter, and one more.
    assert 40 <= most <= 40 + 2 * 11


async def test_equal_results_kept_at_once_are_one_entry(make_cache, folder):
    one, other = make_cache(memory=0), make_cache(memory=0)
    await asyncio.gather(*(keep(cache, 1) for cache in (one, other) * 10))
    assert await has(one, 1)
    assert await has(other, 1)
    assert len(Folder(folder).list()) == 1
    assert list((folder / "tmp").iterdir()) == []
    assert one.stats().growing == other.stats().growing == 0


async def test_a_waiter_that_is_cancelled_leaves_nothing_open(make_cache):
    cache = make_cache(memory=0)
    await keep_file(cache, 1, 2 * MIB)
    for _ in range(20):
        getting = asyncio.ensure_future(cache.get(plan_of(1)))
        keeping = asyncio.ensure_future(keep_file(cache, 2, 2 * MIB))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        getting.cancel()
        keeping.cancel()
        await asyncio.gather(getting, keeping, return_exceptions=True)
        assert getting.cancelled()
        assert keeping.cancelled()
    await cache.drain()
    assert await has(cache, 2, length=2 * MIB)
    assert cache.stats().growing == 0


async def test_a_folder_that_was_removed_is_made_again(make_cache, folder):
    cache = make_cache()
    await keep(cache, 1)
    folder.rename(folder.with_name("gone"))
    await keep(cache, 2)
    assert entry_of(folder, plan_of(2)).exists()
    assert await has(cache, 2)
    # The file that others count up is the new one.
    Folder(folder).clear()
    assert cache.in_memory(plan_of(2).key) is None


async def test_a_closed_cache_keeps_nothing_more(make_cache, folder):
    cache = make_cache(memory=0)
    cache.close()
    await keep(cache, 1)
    assert not await has(cache, 1)
    assert await cache.clear() == Purged(0, 0)
    assert not folder.exists()


# -- damage: never served, and removed when it is ours ------------------------------------------------------


def cut(length):
    return lambda content: content[:length]


def flipped(position):
    def flip(content):
        damaged = bytearray(content)
        damaged[position] ^= 4
        return damaged

    return flip


DAMAGES = {
    "empty": cut(0),
    "one byte": cut(1),
    "content only": cut(3000),
    "last byte missing": cut(-1),
    "trailer missing": cut(-28),
    "first byte missing": lambda content: content[1:],
    "a byte more": lambda content: content + b"\0",
    "another file": lambda content: b"\xff\xd8" + bytes(50_000),
    "bit in the content": flipped(1500),
    "bit in the meta": flipped(-60),
    "bit in the magic": flipped(-25),
    "bit in the length": flipped(-18),
    "bit in the digest": flipped(-3),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_entry_is_a_miss_and_is_removed(make_cache, folder, damage, caplog):
    cache = make_cache(memory=0)
    await keep(cache, 1)
    await cache.drain()
    entry = entry_of(folder, plan_of(1))
    entry.write_bytes(damage(entry.read_bytes()))
    with caplog.at_level("INFO"):
        assert not await has(cache, 1)
    assert [record.levelname for record in caplog.records if "damaged" in record.message] == ["INFO"]
    assert not entry.exists()
    assert cache.stats().entries == 0
    await keep(cache, 1)
    assert await has(cache, 1)


@pytest.mark.parametrize("damage", ["cut", "meta", "other key"])
async def test_a_large_entry_that_is_damaged_is_a_miss(make_cache, folder, damage):
    cache = make_cache()
    await keep_file(cache, 1, 2 * MIB)
    await keep_file(cache, 2, 2 * MIB)
    entry = entry_of(folder, plan_of(1))
    content = entry.read_bytes()
    other = entry_of(folder, plan_of(2)).read_bytes()
    entry.write_bytes({"cut": content[:MIB], "meta": flipped(-60)(content), "other key": other}[damage])
    assert not await has(cache, 1, length=2 * MIB)
    assert not entry.exists()
    assert await has(cache, 2, length=2 * MIB)


# -- what is not ours: never served, never removed ----------------------------------------------------------


def make_foreign(kind: str, place: Path, entry: bytes) -> None:
    if kind == "folder":
        place.mkdir()
    elif kind == "link":
        place.with_name("elsewhere").write_bytes(entry)
        place.symlink_to("elsewhere")
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        place.write_bytes(entry)
        os.chown(place, 12345, 12345)


@pytest.mark.parametrize("kind", ["folder", "link", "fifo", "owner"])
async def test_what_is_not_ours_is_left_alone(make_cache, folder, kind):
    if kind == "owner" and os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    cache = make_cache(memory=0)
    await keep(cache, 1)
    place = entry_of(folder, plan_of(1))
    entry = place.read_bytes()
    place.unlink()
    make_foreign(kind, place, entry)
    before = place.lstat()
    assert not await has(cache, 1)
    await keep(cache, 1)
    assert not await has(cache, 1)
    assert await cache.purge("/1.jpg") == Purged(0, 0)
    await cache.clear()
    assert (place.lstat().st_ino, place.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert Folder(folder).list() == []
    assert cache.room().grow(1)  # the disk is not left alone because of it


@pytest.mark.parametrize("kind", ["file", "link"])
async def test_something_else_has_the_name_of_a_sources_folder(make_cache, folder, kind, tmp_path):
    cache = make_cache(memory=0)
    await keep(cache, 1)
    place = entry_of(folder, plan_of(1)).parent
    if kind == "link":
        place.rename(tmp_path / "moved")
        place.symlink_to(tmp_path / "moved")
    else:
        await cache.clear()
        place.write_text("mine")
    assert not await has(cache, 1)
    await keep(cache, 1)
    assert await cache.clear() == Purged(0, 0)
    assert place.is_symlink() if kind == "link" else place.read_text() == "mine"
    await keep(cache, 2, path="/2.jpg")
    assert await has(cache, 2, "/2.jpg")


async def test_other_files_and_versions_are_not_touched(make_cache, folder):
    others = ["demo-1/1.jpg", "2/abc/def", "1/README", f"1/{'a' * 32}/notes.txt", "tmp/notes.txt", "x"]
    for name in others:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
    cache = make_cache()
    await keep(cache, 1)
    assert not await has(cache, 2)
    await cache.drain()
    assert cache.stats().entries == 1
    await cache.clear()
    assert [(folder / name).read_text() for name in others] == ["mine"] * len(others)


# -- a disk that fails: no request does ---------------------------------------------------------------------


class Clock:
    """Stands in for the module `time`: waiting a minute cannot be part of a test."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "time", clock := Clock())
        yield clock


async def fails_and_comes_back(cache, clock, expect_log, breaks, repairs):
    """Nobody sees the failure but the log, once; after a while the disk is used again."""
    await keep(cache, 1)
    breaks()
    with expect_log("the cache's disk is left alone for 60 s") as told:
        for number in range(2, 6):
            await keep(cache, number, length=40_000)
            assert cache.in_memory(plan_of(number).key) is not None
            assert not cache.room().grow(1)
    assert len(told.lines) == 1
    clock.now += 61
    with expect_log("the cache's disk is left alone for 60 s") as told:
        await keep(cache, 6, length=40_000)
    assert len(told.lines) == 1
    repairs()
    await keep(cache, 7, length=40_000)
    clock.now += 61
    await keep(cache, 8, length=40_000)
    assert await has(cache, 1)
    assert cache.room().grow(1)


async def test_a_disk_that_takes_no_more(make_cache, folder, clock, expect_log):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    cache = make_cache()
    try:
        await fails_and_comes_back(
            cache,
            clock,
            expect_log,
            lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard)),
            lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard)),
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [entry_of(folder, plan_of(number)).exists() for number in (1, 2, 6, 7, 8)] == [
        True,
        False,
        False,
        False,
        True,
    ]
    assert list((folder / "tmp").iterdir()) == []


async def test_a_full_disk(small_disk, make_cache, clock, expect_log):
    cache = make_cache(small_disk)
    await keep(cache, 1, length=100_000)
    filler = small_disk / "filler"

    def fill():
        with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(65536))

    fill()
    with expect_log("left alone for 60 s: .*No space left") as told:
        await keep(cache, *range(2, 10), length=100_000)
    assert len(told.lines) == 1
    # What is there is served on, and what was made is had from memory.
    assert await has(cache, 1, length=100_000)
    assert await has(cache, 9, length=100_000)
    room = cache.room()
    assert not room.grow(4096)
    with pytest.raises(OSError, match="left alone"):
        room.new_file()
    room.close()
    filler.unlink()
    clock.now += 61
    await keep(cache, 20, length=100_000)
    assert entry_of(small_disk, plan_of(20)).exists()


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ESTALE])
async def test_a_disk_that_cannot_be_written(make_cache, clock, expect_log, monkeypatch, number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    await fails_and_comes_back(
        make_cache(),
        clock,
        expect_log,
        lambda: monkeypatch.setattr(os, "fsync", fail),
        monkeypatch.undo,
    )


async def test_a_disk_that_cannot_be_read(make_cache, clock, expect_log, monkeypatch):
    cache = make_cache(memory=0)
    await keep(cache, 1)

    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "find", fail)
        with expect_log("left alone for 60 s: .*Input/output error") as told:
            assert not await has(cache, 1)
            assert not await has(cache, 1)
        assert len(told.lines) == 1
    assert not await has(cache, 1)
    clock.now += 61
    assert await has(cache, 1)


async def test_no_descriptors_left_is_not_the_disks_fault(make_cache, caplog):
    cache = make_cache()
    await keep(cache, 1)
    cache.failed(OSError(errno.EMFILE, "Too many open files"))
    await keep(cache, 2)
    assert cache.stats().entries == 2


async def test_a_folder_that_cannot_be_made(make_cache, tmp_path, expect_log):
    (tmp_path / "file").write_text("")
    cache = make_cache(tmp_path / "file" / "kept")
    with expect_log("left alone for 60 s: .*Not a directory") as told:
        assert not await has(cache, 1)
        await keep(cache, 1, 2)
        assert await has(cache, 1)
        assert await cache.purge("/1.jpg") == Purged(2, 6000)
    assert len(told.lines) == 1


async def test_a_file_system_without_unnamed_files(make_cache, folder, monkeypatch):
    monkeypatch.setattr(files, "_O_TMPFILE", 0)
    cache = make_cache(memory=0)
    await keep(cache, 1)
    await keep_file(cache, 2, 2 * MIB)
    assert await has(cache, 1)
    assert await has(cache, 2, length=2 * MIB)
    assert list((folder / "tmp").iterdir()) == []


async def test_a_start_removes_the_temporary_names_of_the_dead(make_cache, folder):
    Folder(folder).make()
    dead, living = folder / "tmp" / ("d" * 32), folder / "tmp" / ("e" * 32)
    dead.write_text("half")
    with living.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        cache = make_cache()
        assert not await has(cache, 1)
        await cache.drain()
        assert (dead.exists(), living.exists()) == (False, True)


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_kill_at_any_moment_leaves_whole_entries_only(make_cache, folder):
    program = Path(__file__).parents[1] / "programs" / "fills_cache.py"
    chance, kept = random.Random(1), []
    for start in range(0, 120_000, 10_000):
        process = subprocess.Popen(
            [sys.executable, program, folder, str(start)], stdout=subprocess.PIPE, text=True
        )
        kept.append(int(process.stdout.readline()))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        kept += map(int, process.stdout.read().split())
        process.wait()
        process.stdout.close()
    assert len(kept) > 20
    assert len(list((folder / "tmp").iterdir())) <= 12
    cache = make_cache(memory=0, capacity=10**9)
    entries = Folder(folder).list()
    assert {int(entry.key, 16) for entry in entries} >= set(kept)
    for entry in entries:
        number = int(entry.key, 16)
        length = 40_000 if number % 2 else 2_000_000
        assert await has(cache, number, f"/{number % 3}.jpg", length=length)
    await cache.drain()
    assert list((folder / "tmp").iterdir()) == []
    assert cache.stats().entries == len(entries)
