"""One writer, many readers, and what happens when there is no room for all of it."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tornado_media.store.blocks import InFile, InMemory, InPipe, PipeEnd, read_block
from tornado_media.store.spool import MEMORY, Spool, SpoolReader

BLOCK = 256 * 1024
MIB = 1024 * 1024


class FolderRoom:
    """Room in a real folder, up to a bound in bytes."""

    def __init__(self, folder: Path | str, bound: int = 1 << 40, device: str | None = None) -> None:
        self.folder, self.bound, self.device = folder, bound, device
        self.taken, self.closed = 0, 0
        self.errors: list[OSError] = []  # as a log may keep them

    def new_file(self) -> int:
        if self.device is not None:
            return os.open(self.device, os.O_RDWR)
        file, name = tempfile.mkstemp(dir=self.folder)
        os.unlink(name)
        return file

    def grow(self, more: int) -> bool:
        if self.taken + more > self.bound:
            return False
        self.taken += more
        return True

    def shrink(self, less: int) -> None:
        self.taken -= less

    def failed(self, error: OSError) -> None:
        self.errors.append(error)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def room(tmp_path: Path) -> FolderRoom:
    return FolderRoom(tmp_path)


def block_of(content: bytes) -> InMemory:
    return InMemory(memoryview(content))


def pattern(size: int, seed: int = 0) -> bytes:
    """Bytes of which no two places look alike."""
    numbers = range(seed, seed + size // 8 + 1)
    return b"".join(number.to_bytes(8, "big") for number in numbers)[:size]


async def fill(spool: Spool, content: bytes, block: int = BLOCK) -> None:
    for begin in range(0, len(content), block):
        await spool.writable()
        await spool.append(block_of(content[begin : begin + block]))
    spool.finish()


async def read(reader: SpoolReader, limit: int = BLOCK) -> bytes:
    buffer, content = memoryview(bytearray(limit)), bytearray()
    while block := await reader.next(limit):
        content += buffer[: await read_block(block, buffer)]
    reader.leave()
    return bytes(content)


async def test_small_spool_stays_in_memory(room: FolderRoom) -> None:
    spool = Spool(room, None)
    await fill(spool, pattern(100_000), 1000)
    assert spool.content() == pattern(100_000)
    assert spool.file is None
    assert room.taken == 0
    assert await read(spool.open(5)) == pattern(100_000)[5:]
    spool.release()
    assert room.closed


async def test_large_spool_is_a_file_and_readers_get_places_in_it(room: FolderRoom) -> None:
    spool = Spool(room, None)
    content = pattern(3 * MIB)
    early = asyncio.ensure_future(read(spool.open(0)))
    await fill(spool, content)
    late = spool.open(2 * MIB)
    assert isinstance(await late.next(10 * MIB), InFile)
    late.seek(MIB)
    assert await read(late) == content[MIB:]
    assert await early == content
    assert os.fstat(spool.file).st_size == len(content)  # type: ignore[arg-type]
    file = spool.file
    spool.release()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(file)  # type: ignore[arg-type]


async def test_file_is_closed_only_after_the_last_reader(room: FolderRoom) -> None:
    spool = Spool(room, None)
    content = pattern(2 * MIB)
    await fill(spool, content)
    reader = spool.open(0)
    spool.release()
    assert await read(reader) == content
    assert spool.file is None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_reader_gets_the_same_bytes_from_its_offset(tmp_path: Path, data: st.DataObject) -> None:
    size = data.draw(st.integers(0, 3 * MIB), label="size")
    blocks = data.draw(st.integers(1000, BLOCK), label="block")
    offsets = data.draw(st.lists(st.integers(0, size), max_size=5), label="offsets")
    limit = data.draw(st.integers(1000, BLOCK), label="limit")
    content = pattern(size)

    async def run() -> list[bytes]:
        spool = Spool(FolderRoom(tmp_path), None)
        readers = [asyncio.ensure_future(read(spool.open(offset), limit)) for offset in offsets]
        await fill(spool, content, blocks)
        spool.release()
        return await asyncio.gather(*readers)

    assert asyncio.run(run()) == [content[offset:] for offset in offsets]


async def test_blocks_of_a_pipe_go_to_memory_and_to_the_file(room: FolderRoom) -> None:
    spool = Spool(room, None)
    content, appended = pattern(2 * MIB), 0
    read_end, write_end = os.pipe()
    try:
        while appended < len(content):
            size = os.write(write_end, content[appended : appended + 50_000])
            await spool.append(InPipe(read_end, size))
            appended += size
    finally:
        os.close(read_end)
        os.close(write_end)
    spool.finish()
    assert await read(spool.open(0)) == content
    spool.release()


async def test_writer_waits_a_window_ahead_of_the_fastest_reader(room: FolderRoom) -> None:
    spool = Spool(room, MIB)
    slow, fast = spool.open(0), spool.open(0)
    filling = asyncio.ensure_future(fill(spool, pattern(8 * MIB)))
    block = await fast.next(BLOCK)
    while spool.length < MIB:
        await spool.reach(spool.length)
    for _ in range(20):
        await asyncio.sleep(0)
    assert spool.length == MIB
    assert block is not None
    taken = block.length
    while taken < 2 * MIB:
        taken += (await fast.next(BLOCK)).length  # type: ignore[union-attr]
    await spool.reach(2 * MIB + MIB - BLOCK - 1)
    for _ in range(20):
        await asyncio.sleep(0)
    # The last block that was given is not taken yet.
    assert spool.length == 3 * MIB - BLOCK
    fast.leave()
    # The slow one is the fastest now, so nothing is written until it comes near.
    before = spool.length
    for _ in range(20):
        await asyncio.sleep(0)
    assert spool.length == before
    spool.unbind()
    await filling
    assert await read(slow) == pattern(8 * MIB)
    spool.release()


@pytest.mark.slow
async def test_too_large_spool_gives_back_what_all_have_read(tmp_path: Path) -> None:
    room = FolderRoom(tmp_path, bound=8 * MIB)
    spool = Spool(room, None)
    content = pattern(40 * MIB)
    readers = [spool.open(0), spool.open(0)]
    reading = [asyncio.ensure_future(read(reader)) for reader in readers]
    filling = asyncio.ensure_future(fill(spool, content))
    most = 0
    while not filling.done():
        await spool.reach(spool.length)
        if spool._disk.file >= 0:
            most = max(most, os.fstat(spool._disk.file).st_blocks * 512)
    await filling
    assert await asyncio.gather(*reading) == [content, content]
    assert not spool.keeps
    assert spool.first_pos > 20 * MIB
    assert most <= room.bound + MIB
    assert room.errors == []
    spool.release()


@pytest.mark.slow
async def test_slow_reader_of_a_too_large_spool_holds_the_writer(tmp_path: Path) -> None:
    spool = Spool(FolderRoom(tmp_path, bound=8 * MIB), None)
    slow, fast = spool.open(0), spool.open(0)
    filling = asyncio.ensure_future(fill(spool, pattern(20 * MIB)))
    reading = asyncio.ensure_future(read(fast))
    await spool.reach(7 * MIB)
    for _ in range(200):
        await asyncio.sleep(0)
    assert spool.length <= 9 * MIB
    assert await read(slow) == pattern(20 * MIB)
    await filling
    assert await reading == pattern(20 * MIB)
    spool.release()


@pytest.mark.parametrize("bound", [0, 100_000, 1 << 40])
async def test_full_disk_and_no_room_pass_everything_through_memory(tmp_path: Path, bound: int) -> None:
    room = FolderRoom(tmp_path, bound, "/dev/full")
    spool = Spool(room, None)
    content = pattern(6 * MIB)
    reading = [asyncio.ensure_future(read(spool.open(0))) for _ in range(3)]
    await fill(spool, content)
    assert await asyncio.gather(*reading) == [content] * 3
    assert not spool.keeps
    assert spool._memory_length <= MEMORY
    assert [error.errno for error in room.errors] == ([errno.ENOSPC] if bound > MIB else [])
    spool.release()


async def test_disk_that_fills_up_later_loses_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, room = os.pwrite, FolderRoom(tmp_path)

    def full_after_three_mebibytes(file: int, content: memoryview, offset: int) -> int:
        if offset >= 3 * MIB:
            raise OSError(errno.ENOSPC, "full")
        return real(file, content[: 3 * MIB - offset], offset)

    monkeypatch.setattr(os, "pwrite", full_after_three_mebibytes)
    spool = Spool(room, None)
    content = pattern(6 * MIB)
    reading = [asyncio.ensure_future(read(spool.open(0))) for _ in range(2)]
    await fill(spool, content, 200_000)
    assert await asyncio.gather(*reading) == [content] * 2
    assert [error.errno for error in room.errors] == [errno.ENOSPC]
    assert not spool.keeps
    spool.release()


@pytest.mark.parametrize("full", ["/dev/full", None])
async def test_pipe_that_the_disk_did_not_take_is_closed_though_the_error_is_kept(
    tmp_path: Path, full: str | None
) -> None:
    room = FolderRoom(tmp_path, device=None if full else "/dev/null/missing")
    spool = Spool(room, None)
    await spool.append(block_of(bytes(MEMORY + bool(full))))
    if full:
        file = os.open(full, os.O_RDWR)
        os.dup2(file, spool.file or 0)
        os.close(file)
    read_end, write_end = os.pipe()
    os.write(write_end, b"abc")
    os.close(write_end)
    pipe = InPipe(read_end, 3, PipeEnd(read_end))
    gc.disable()
    try:
        await spool.append(pipe)
        del pipe
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(read_end)
    finally:
        gc.enable()
    assert len(room.errors) == 1
    spool.release()


async def test_failure_is_told_after_the_bytes_before_it(room: FolderRoom) -> None:
    spool = Spool(room, None)
    reader = spool.open(0)
    await spool.append(block_of(b"abc"))
    spool.fail(ValueError("broken"))
    block = await reader.next(100)
    assert isinstance(block, InMemory)
    assert bytes(block.view) == b"abc"
    with pytest.raises(ValueError, match="broken"):
        await reader.next(100)
    reader.leave()
    spool.release()


async def test_reader_ahead_of_the_writer_waits(room: FolderRoom) -> None:
    spool = Spool(room, None)
    reader = spool.open(4)
    reading = asyncio.ensure_future(read(reader))
    reaching = asyncio.ensure_future(spool.reach(4))
    await spool.append(block_of(b"0123"))
    await asyncio.sleep(0)
    assert not reaching.done()
    await spool.append(block_of(b"456"))
    await reaching
    spool.finish()
    assert await reading == b"456"
    spool.release()


async def test_reach_ends_when_nothing_more_comes(room: FolderRoom) -> None:
    spool = Spool(room, None)
    reaching = asyncio.ensure_future(spool.reach(100))
    await asyncio.sleep(0)
    spool.finish()
    await reaching
    spool.release()


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    before = os.listdir("/proc/self/fd")
    yield
    assert len(os.listdir("/proc/self/fd")) <= len(before) + 1
