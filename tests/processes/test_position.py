"""How far a program has read its source, by the kernel's own account of it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tornado_media.presets.plan import Limits, Pipeline, SourceFacts
from tornado_media.processes.pipeline import RunningPipeline
from tornado_media.processes.position import position_of
from tornado_media.store.blocks import read_block

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has fdinfo")

SIZE = 400_000


def facts_of(path: Path) -> SourceFacts:
    status = path.stat()
    return SourceFacts(
        "/a", "a/b", str(path), status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"x" * SIZE)
    return path


@pytest.fixture
def file(source: Path) -> Iterator[int]:
    """The source, open in this process."""
    file = os.open(source, os.O_RDONLY)
    yield file
    os.close(file)


def test_the_offset_of_a_descriptor(source: Path, file: int) -> None:
    # Among the descriptors is the one that lists them, which is closed by the time it is looked at.
    for position in (0, 1, 123_456, SIZE):
        os.lseek(file, position, os.SEEK_SET)
        assert position_of([os.getpid()], facts_of(source)) == position


def test_the_furthest_of_all(source: Path, file: int) -> None:
    os.lseek(file, 7, os.SEEK_SET)
    others = [os.open(source, os.O_RDONLY) for _ in range(2)]
    try:
        os.lseek(others[0], 700, os.SEEK_SET)
        assert position_of([os.getpid()], facts_of(source)) == 700
        # A process that cannot be looked into hides no other.
        assert position_of([2**30, os.getpid(), 2**30], facts_of(source)) == 700
    finally:
        for other in others:
            os.close(other)


def test_nobody_has_it_open(source: Path) -> None:
    assert position_of([os.getpid()], facts_of(source)) is None
    assert position_of([], facts_of(source)) is None


def test_a_process_that_has_ended(source: Path) -> None:
    assert position_of([2**30], facts_of(source)) is None


def test_another_file_of_the_same_name(source: Path, file: int, tmp_path: Path) -> None:
    os.lseek(file, 5, os.SEEK_SET)
    before = facts_of(source)
    shutil.copy(source, tmp_path / "new")
    (tmp_path / "new").replace(source)
    assert position_of([os.getpid()], before) == 5
    assert position_of([os.getpid()], facts_of(source)) is None


async def read(running: RunningPipeline, size: int) -> None:
    """So many bytes of a pipeline's output."""
    buffer = memoryview(bytearray(65536))
    while size:
        block = await running.next(min(size, len(buffer)))
        assert block is not None
        size -= await read_block(block, buffer)


@pytest.mark.parametrize("name", ["stdin", "by name"])
async def test_a_program_that_reads_in_steps(
    program: Any, source: Path, file: int, tmp_path: Path, name: str
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    command = program("reads", 100_000, gate)
    if name == "by name":
        command = ("/bin/sh", "-c", f'exec "$@" <{source}', "sh", *command)
    running = RunningPipeline(Pipeline((command,), name == "stdin"), file, Limits())
    try:
        async with asyncio.timeout(10):
            await read(running, 100_000)
            assert running.position(facts_of(source)) == 100_000
            # It opens it for reading only when it waits there.
            gate.open("wb").close()
            await read(running, SIZE - 100_000)
            await running.end()
        # It has ended, and nobody has the source open any more.
        assert running.position(facts_of(source)) is None
    finally:
        await running.close()


async def test_a_pipeline_of_which_only_the_first_reads_the_source(
    program: Any, source: Path, file: int, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    commands = (program("reads", 50_000, gate), ("/bin/cat",))
    running = RunningPipeline(Pipeline(commands, True), file, Limits())
    try:
        async with asyncio.timeout(10):
            await read(running, 50_000)
        assert running.position(facts_of(source)) == 50_000
    finally:
        await running.close()


def test_a_jump_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        file.truncate(1 << 30)
    text = "import sys; f = open(sys.argv[1], 'rb'); f.seek(9 * 10**8); print(1, flush=1); sys.stdin.read()"
    argv = [sys.executable, "-SEIc", text, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        read = position_of([process.pid], facts_of(path))
        process.stdin.close()
    assert read is not None
    assert read < 100_000_000
