import asyncio

from tornado_media.jobs.watchdog import Watchdog


async def test_it_barks_once_after_one_long_wait():
    barks = []
    passed = asyncio.Event()
    dog = Watchdog(0.02, lambda: (barks.append(1), passed.set()))
    dog.waiting()
    await passed.wait()
    assert barks == [1]
    dog.close()


async def test_many_short_waits_are_no_long_one():
    dog = Watchdog(0.05, lambda: (_ for _ in ()).throw(AssertionError("it barked")))
    end = asyncio.get_running_loop().time() + 0.12
    while asyncio.get_running_loop().time() < end:
        dog.waiting()
        await asyncio.sleep(0)
        dog.resting()
    dog.close()


async def test_rest_may_be_long():
    barks = []
    dog = Watchdog(0.01, lambda: barks.append(1))
    dog.waiting()
    dog.resting()
    other = asyncio.Event()
    asyncio.get_running_loop().call_later(0.03, other.set)
    await other.wait()
    assert barks == []
    dog.close()
    dog.close()


async def test_a_shorter_limit_counts_from_the_next_wait():
    passed = asyncio.Event()
    dog = Watchdog(60.0, passed.set)
    dog.waiting()
    dog.resting()
    dog.limit = 0.01
    dog.waiting()
    await asyncio.wait_for(passed.wait(), 5)
    dog.close()
