"""A job's rules, with work that does what a test tells it; real programs are in tests/web/test_faults.py."""

import asyncio

import pytest

from tornado_media.errors import MediaError, ProgramFailed, ProgramTimedOut
from tornado_media.jobs.job import Job
from tornado_media.presets.plan import Limits
from tornado_media.store.blocks import InMemory


class Script:
    """Work that gives blocks, waits where a block is None, and ends as told."""

    def __init__(self, *blocks, end=None):
        self.blocks = list(blocks)
        self.failure = end
        self.closed = asyncio.Event()
        self.messages = "last words"

    async def next(self, limit):
        if not self.blocks:
            return None
        block = self.blocks.pop(0)
        if block is None:
            await self.closed.wait()
            return None
        return InMemory(memoryview(block)[:limit])

    def position(self, source):
        return None

    async def end(self):
        if self.failure is not None:
            raise self.failure

    async def close(self):
        self.closed.set()


async def read(job):
    content = b""
    while block := await job.next(100):
        content += block.view
    return content


@pytest.fixture
def released():
    return []


@pytest.fixture
def job(released):
    def job(*blocks, end=None, **limits):
        return Job("test", Script(*blocks, end=end), Limits(**limits), lambda: released.append(1))

    return job


async def test_the_end_is_earned(job, released):
    work = job(b"a", b"b")
    assert await read(work) == b"ab"
    assert await read(work) == b""
    await work.close()
    await work.close()
    assert released == [1]


@pytest.mark.parametrize("blocks", [(), (b"a",)])
async def test_a_bad_end_is_told_with_the_last_words(job, released, blocks):
    work = job(*blocks, end=ProgramFailed("It failed.", private="exited with 3"))
    with pytest.raises(ProgramFailed) as caught:
        await read(work)
    assert caught.value.private == "preset test; exited with 3; last words"
    assert released == [1]
    await work.close()
    assert released == [1]


async def test_nothing_at_all_is_a_failure(job):
    with pytest.raises(ProgramFailed, match="without any output"):
        await read(job())


@pytest.mark.parametrize(
    ("blocks", "limits", "said"),
    [
        ((None,), {"first_byte": 0.01}, "no first byte in 0.01 s"),
        ((b"a", None), {"idle": 0.01}, "no output for 0.01 s"),
        ((b"a", None), {"total": 0.02}, "not done in 0.02 s"),
        ((None,), {"total": 0.02}, "not done in 0.02 s"),
    ],
)
async def test_deadlines(job, released, blocks, limits, said):
    with pytest.raises(ProgramTimedOut) as caught:
        await read(job(*blocks, **limits))
    assert said in caught.value.private
    assert released == [1]


async def test_a_slow_reader_is_not_the_programs_fault(job):
    work = job(b"a", b"b", idle=0.01)
    assert await work.next(1) == InMemory(memoryview(b"a"))
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, later.set)
    await later.wait()
    assert await work.next(1) == InMemory(memoryview(b"b"))
    await work.close()


async def test_the_bound_of_output(job):
    work = job(b"x" * 60, b"x" * 60, output=100)
    with pytest.raises(MediaError, match="larger than this preset allows"):
        await read(work)
