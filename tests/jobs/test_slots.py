import asyncio

import pytest

from tornado_media.errors import Unavailable
from tornado_media.jobs.slots import Slots


async def test_n_run_and_the_rest_waits_in_order():
    slots, order = Slots(2, 10, 60.0), []
    go = asyncio.Event()

    async def work(number):
        await slots.acquire()
        order.append(number)
        await go.wait()
        slots.release()

    tasks = [asyncio.ensure_future(work(number)) for number in range(5)]
    await asyncio.sleep(0)
    assert (slots.running, slots.waiting, order) == (2, 3, [0, 1])
    go.set()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]
    assert (slots.running, slots.waiting) == (0, 0)


async def test_a_full_queue_refuses_at_once_and_says_when_to_come_again():
    slots = Slots(1, 1, 60.0)
    await slots.acquire()
    waiting = asyncio.ensure_future(slots.acquire())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as caught:
        await slots.acquire()
    assert caught.value.retry_after == 2
    assert caught.value.headers() == {"Retry-After": "2"}
    slots.release()
    await waiting


async def test_no_queue_at_all():
    slots = Slots(1, 0, 60.0)
    await slots.acquire()
    with pytest.raises(Unavailable):
        await slots.acquire()
    slots.release()
    await slots.acquire()


async def test_a_waiter_that_left_is_removed():
    slots = Slots(1, 5, 60.0)
    await slots.acquire()
    gone = asyncio.ensure_future(slots.acquire())
    stays = asyncio.ensure_future(slots.acquire())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert slots.waiting == 1
    slots.release()
    await stays
    assert slots.running == 1


@pytest.mark.parametrize("first", ["release", "cancel"])
async def test_a_slot_that_comes_with_the_cancellation_goes_to_the_next(first):
    slots = Slots(1, 5, 60.0)
    await slots.acquire()
    gone = asyncio.ensure_future(slots.acquire())
    stays = asyncio.ensure_future(slots.acquire())
    await asyncio.sleep(0)
    if first == "release":
        slots.release()
        gone.cancel()
    else:
        gone.cancel()
        slots.release()
    await asyncio.gather(gone, return_exceptions=True)
    await stays
    slots.release()
    assert (slots.running, slots.waiting) == (0, 0)


async def test_nobody_waits_longer_than_the_wait():
    slots = Slots(1, 5, 0.01)
    await slots.acquire()
    with pytest.raises(Unavailable):
        await slots.acquire()
    assert slots.waiting == 0
    slots.release()
    assert slots.running == 0
