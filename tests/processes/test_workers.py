import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tornado_media.errors import ProgramFailed, SourceUnusable, Unavailable
from tornado_media.presets.plan import EngineCall
from tornado_media.processes.workers import Workers


def workers(size=1, **keys):
    return Workers(size, (), **keys)


@pytest.fixture
def engines(monkeypatch, tmp_path):
    """Engines of the test: a worker finds them through a replaced table."""
    (tmp_path / "test_engines.py").write_text(
        "import os, signal, sys, time\n"
        "from tornado_media.errors import SourceUnusable\n"
        "def size(source, media_type): return b'%d' % len(os.pread(source, 9, 0)) + media_type.encode()\n"
        "def many(source, media_type, length): return b'x' * length\n"
        "def pid(source, media_type): return str(os.getpid()).encode()\n"
        "def refuse(source, media_type): raise SourceUnusable('No.', private='why')\n"
        "def defect(source, media_type): raise RuntimeError('secret')\n"
        "def crash(source, media_type): os.kill(os.getpid(), signal.SIGSEGV)\n"
        "def leave(source, media_type): os._exit(3)\n"
        "def hang(source, media_type): time.sleep(600)\n"
        "def talk(source, media_type): print('words', file=sys.stderr); raise RuntimeError\n"
    )
    start = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import tornado_media.engines as e; "
        "e.ENGINES.update({n: f'test_engines:{n}' for n in "
        "'size many pid refuse defect crash leave hang talk'.split()}); "
        "from tornado_media.engines.worker import main; main()"
    )
    from tornado_media.processes import workers as module

    monkeypatch.setattr(module, "_start_text", lambda: start)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(b"12345")
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


async def result(pool, source, read_all, engine, **arguments):
    call = await pool.call(EngineCall(engine, arguments), "image/x", source)
    try:
        content = await read_all(call)
        await call.end()
        return content
    finally:
        await call.close()


async def test_a_call_gets_the_descriptor_and_its_result_comes_back(engines, source, read_all):
    pool = workers()
    assert await result(pool, source, read_all, "size") == b"5image/x"
    assert await result(pool, source, read_all, "many", length=3_000_000) == b"x" * 3_000_000
    assert await result(pool, source, read_all, "many", length=0) == b""
    assert pool.running == 1
    await pool.close()
    assert pool.running == 0


async def test_a_refusal_comes_back_and_the_worker_serves_on(engines, source, read_all):
    pool = workers()
    first = await result(pool, source, read_all, "pid")
    with pytest.raises(SourceUnusable) as caught:
        await result(pool, source, read_all, "refuse")
    assert (caught.value.detail, caught.value.private) == ("No.", "why")
    with pytest.raises(ProgramFailed) as defect:
        await result(pool, source, read_all, "defect")
    assert "secret" in defect.value.private
    assert "secret" not in defect.value.detail
    assert await result(pool, source, read_all, "pid") == first
    await pool.close()


@pytest.mark.parametrize(("engine", "kind"), [("crash", SourceUnusable), ("leave", ProgramFailed)])
async def test_a_crash_costs_one_call_and_the_pool_heals(engines, source, read_all, engine, kind):
    pool = workers()
    with pytest.raises(kind) as caught:
        await result(pool, source, read_all, engine)
    assert ("SIGSEGV" if engine == "crash" else "exited with 3") in caught.value.private
    assert await result(pool, source, read_all, "size") == b"5image/x"
    await pool.close()


async def test_a_worker_that_died_while_idle_is_replaced(engines, source, read_all):
    pool = workers()
    pid = int(await result(pool, source, read_all, "pid"))
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(5):
        while pool._idle[0].usable:
            await asyncio.sleep(0)
    assert int(await result(pool, source, read_all, "pid")) != pid
    await pool.close()


async def test_a_call_that_nobody_wants_is_killed_alone(engines, source, read_all):
    pool = workers(2)
    call = await pool.call(EngineCall("hang", {}), "image/x", source)
    reading = asyncio.ensure_future(read_all(call))
    await asyncio.sleep(0)
    assert await result(pool, source, read_all, "size") == b"5image/x"
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await call.close()
    await call.close()
    assert pool.running == 1
    await pool.close()


async def test_at_most_so_many_at_once_in_order(engines, source, read_all):
    pool = workers(1)
    pids = await asyncio.gather(*(result(pool, source, read_all, "pid") for _ in range(5)))
    assert len(set(pids)) == 1
    await pool.close()


async def test_a_worker_is_replaced_after_so_many_calls(engines, source, read_all):
    pool = workers(1, calls=2)
    pids = [await result(pool, source, read_all, "pid") for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]
    await pool.close()


async def test_messages_are_kept_for_the_log(engines, source, read_all):
    pool = workers()
    call = await pool.call(EngineCall("talk", {}), "image/x", source)
    with pytest.raises(ProgramFailed):
        await read_all(call)
    async with asyncio.timeout(5):
        while "words" not in call.messages:
            await asyncio.sleep(0)
    await call.close()
    await pool.close()


async def test_a_worker_that_cannot_be_started(source, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    pool = workers()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await pool.call(EngineCall("size", {}), "image/x", source)


async def test_workers_end_with_the_server(engines, source, read_all):
    """A server that is killed takes its workers with it: their socket ends."""
    script = (
        "import asyncio, os, sys\n"
        "from tornado_media.processes.workers import Workers\n"
        "async def main():\n"
        "    pool = Workers(1, ())\n"
        "    pool.warm()\n"
        "    print([c.pid for w in pool._all for c in w.group.children][0], flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=-1)
    assert server.stdout is not None
    pid = int(await server.stdout.readline())
    server.kill()
    await server.wait()
    async with asyncio.timeout(10):
        while os.path.exists(f"/proc/{pid}") and not Path(f"/proc/{pid}/stat").read_text().count(") Z "):
            await asyncio.sleep(0.01)
