"""Work with a second way: what fails before its first byte is done again in another way, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from tornado_media.errors import ProgramFailed
from tornado_media.presets.plan import Limits, Pipeline
from tornado_media.processes.fallback import WithFallback
from tornado_media.processes.pipeline import RunningPipeline


@pytest.fixture
def with_fallback(program):
    """`with_fallback(first, other)`: commands as lists; what was started is in its `started`."""

    def make(first, other):
        started = []

        def start(command):
            started.append(RunningPipeline(Pipeline((command,)), None, Limits()))
            return started[-1]

        running = WithFallback(start(first), lambda: start(other))
        running.started = started
        return running

    return make


async def test_what_works_is_not_done_twice(program, with_fallback, read_all):
    running = with_fallback(program("sized", 300_000), ("/bin/false",))
    assert len(await read_all(running)) == 300_000
    await running.end()
    await running.close()
    assert len(running.started) == 1


@pytest.mark.parametrize("first", [("/bin/false",), ("/bin/true",)], ids=["fails", "says nothing"])
async def test_what_fails_before_its_first_byte_is_done_in_the_other_way(
    program, with_fallback, read_all, first
):
    running = with_fallback(first, program("sized", 300_000))
    assert len(await read_all(running)) == 300_000
    await running.end()
    await running.close()
    assert len(running.started) == 2


async def test_a_failure_after_the_first_byte_is_the_end(program, with_fallback, read_all):
    running = with_fallback(program("dies_after", 100_000, 3), program("sized", 10))
    with pytest.raises(ProgramFailed):
        await read_all(running)
        await running.end()
    await running.close()
    assert len(running.started) == 1


async def test_a_second_way_that_fails_too(with_fallback, read_all):
    running = with_fallback(("/bin/false",), ("/bin/sh", "-c", "echo no >&2; exit 4"))
    with pytest.raises(ProgramFailed, match="failed"):
        await read_all(running)
        await running.end()
    await running.close()
    assert running.messages.strip() == "no"


async def test_closed_while_the_first_still_works(program, with_fallback):
    running = with_fallback(program("silent"), ("/bin/false",))
    waiting = asyncio.ensure_future(running.next(65536))
    await asyncio.sleep(0)
    await running.close()
    result = await asyncio.gather(waiting, return_exceptions=True)
    assert result == [None] or isinstance(result[0], ProgramFailed)
    assert len(running.started) == 1
