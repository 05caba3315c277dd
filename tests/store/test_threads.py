"""A caller of a thread is back only when the thread is, also when it is cancelled."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator

import pytest

from tornado_media.store.threads import in_thread


class Work:
    """A call that a test holds in its thread."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.began, self.go, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.failure = failure

    def __call__(self) -> str:
        self.began.set()
        assert self.go.wait(10)
        self.ended.set()
        if self.failure is not None:
            raise self.failure
        return "made"


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.go.set()


async def turns(number: int = 20) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def began(work: Work) -> None:
    async with asyncio.timeout(10):
        while not work.began.is_set():
            await asyncio.sleep(0)


async def test_arguments_go_in_and_the_result_comes_out() -> None:
    def join(*parts: str, by: str) -> tuple[str, bool]:
        return by.join(parts), threading.current_thread() is threading.main_thread()

    assert await in_thread(join, "a", "b", by="-") == ("a-b", False)


async def test_the_loop_turns_meanwhile(work: Work) -> None:
    calling = asyncio.ensure_future(in_thread(work))
    await began(work)
    await turns()
    assert not calling.done()
    work.go.set()
    assert await calling == "made"


async def test_an_exception_is_the_callers() -> None:
    with pytest.raises(FileNotFoundError):
        await in_thread(os.stat, "/nowhere")


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_a_caller_that_is_cancelled_waits_for_the_thread(work: Work, times: int) -> None:
    calling = asyncio.ensure_future(in_thread(work))
    await began(work)
    for _ in range(times):
        calling.cancel()
        await turns()
        assert not calling.done()
    work.go.set()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert work.ended.is_set()


async def test_what_the_thread_raises_is_nothing_to_a_caller_that_is_cancelled() -> None:
    # asyncio would log an exception that nobody has taken, and a line in the log fails this test.
    work = Work(OSError("full"))
    calling = asyncio.ensure_future(in_thread(work))
    await began(work)
    calling.cancel()
    await turns()
    work.go.set()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert work.ended.is_set()


async def test_a_timeout_is_late_by_the_thread(work: Work) -> None:
    asyncio.get_running_loop().call_later(0.05, work.go.set)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await in_thread(work)
    assert work.ended.is_set()
