import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tornado_media.errors import (
    BadRequest,
    ProgramFailed,
    ProgramTimedOut,
    SourceCrashed,
    SourceTooCostly,
    SourceUnusable,
    Unavailable,
)
from tornado_media.jobs.job import Job
from tornado_media.presets.plan import EngineCall, Limits, SourceFacts
from tornado_media.processes import worker as worker_module
from tornado_media.processes.workers import Workers

ENGINES = """
import os, signal, sys, time
from tornado_media.engines import worker
from tornado_media.errors import SourceUnusable

held = []

def size(source, media_type):
    os.lseek(source, 0, os.SEEK_SET)
    return b"%d" % len(os.read(source, 9)) + media_type.encode()

def many(source, media_type, length):
    return bytes(range(256)) * (length // 256) + b"x" * (length % 256)

def pid(source, media_type):
    return str(os.getpid()).encode()

def refuse(source, media_type, private="why", times=0):
    raise SourceUnusable("No.", private="\\x00" * times + private)

def defect(source, media_type):
    raise RuntimeError("secret")

def crash(source, media_type, number, words=""):
    print(words, file=sys.stderr, flush=True)
    os.kill(os.getpid(), number)

def leave(source, media_type):
    os._exit(3)

def hang(source, media_type):
    time.sleep(600)

def spin(source, media_type):
    while True:
        pass

def talk(source, media_type, words):
    print(words, file=sys.stderr, flush=True)
    raise RuntimeError

def several(source, media_type, *, watermark=None, mask=None):
    named = {"watermark": watermark, "mask": mask}
    texts = [f"{n}={os.pread(f[0], 9, 0).decode()}:{f[1]}" for n, f in named.items() if f]
    return " ".join([os.pread(source, 9, 0).decode(), *texts]).encode()

def take(source, media_type, size):
    return b"%d" % len(bytearray(size))

def hold(source, media_type, size):
    held.append(b"x" * size)
    return b"held"

def descriptors(source, media_type):
    return b"%d" % sum(os.path.exists(f"/proc/self/fd/{n}") for n in range(64))

def answer(source, media_type, line, times=1):
    worker._send = lambda server, head, content: server.sendall(line.encode() * times)
    return b""
"""

UNBOUNDED = Limits()


def workers(size=1, **keys):
    return Workers(size, (), **keys)


@pytest.fixture
def engines(monkeypatch, tmp_path):
    """Engines of the test: a worker finds them through a replaced table."""
    (tmp_path / "test_engines.py").write_text(ENGINES)
    names = [line.split("(")[0][4:] for line in ENGINES.splitlines() if line.startswith("def ")]
    known = (
        f"sys.path.insert(0, {str(tmp_path)!r}); import test_engines, tornado_media.engines as e; "
        f"e.ENGINES.update({{n: f'test_engines:{{n}}' for n in {names}}}); from tornado_media"
    )
    start = worker_module._start_text().replace("from tornado_media", known)
    monkeypatch.setattr(worker_module, "_start_text", lambda: start)


@pytest.fixture
def source(descriptor_of):
    return descriptor_of(b"12345")


@pytest.fixture
def result(source, read_all):
    """`await result(pool, engine, limits=..., **arguments)`: what the engine gives for the source."""

    async def result(pool, engine, limits=UNBOUNDED, **arguments):
        async with calling(pool, source, engine, limits, **arguments) as call:
            content = await read_all(call)
            await call.end()
            return content

    return result


@asynccontextmanager
async def calling(pool, source, engine, limits=UNBOUNDED, **arguments):
    call = await pool.call(EngineCall(engine, arguments), "image/x", [source], limits)
    try:
        yield call
    finally:
        await call.close()


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def only_pid(pool):
    return next(child.pid for worker in pool._all for child in worker.group.children)


# -- calls ------------------------------------------------------------------------------------------------


async def test_a_call_gets_the_descriptor_and_its_result_comes_back(engines, result):
    pool = workers()
    assert await result(pool, "size") == b"5image/x"
    assert await result(pool, "size") == b"5image/x"
    assert pool.running == 1
    await pool.close()
    assert pool.running == 0


@pytest.mark.parametrize("length", [0, 1, 65_000, 65_536, 262_144, 3_000_000])
async def test_a_result_of_any_length(engines, result, length):
    pool = workers()
    for _ in range(2):
        content = await result(pool, "many", length=length)
        assert content == bytes(range(256)) * (length // 256) + b"x" * (length % 256)
    await pool.close()


async def test_a_result_in_small_blocks(engines, source):
    pool = workers()
    async with calling(pool, source, "many", length=1000) as call:
        blocks = []
        while block := await call.next(300):
            blocks.append(bytes(block.view))
    assert [len(block) for block in blocks] == [300, 300, 300, 100]
    assert b"".join(blocks) == bytes(range(256)) * 3 + b"x" * 232
    await pool.close()


async def test_several_sources_by_their_names(engines, descriptor_of, read_all):
    pool = workers()
    other = SourceFacts("/m.png", "image/png", "/srv/m.png", 1, 2, 3)
    more = SourceFacts("/n.gif", "image/gif", "/srv/n.gif", 1, 2, 4)
    work = EngineCall("several", {}, {"mask": more, "watermark": other})
    files = [descriptor_of(b"first"), descriptor_of(b"mask"), descriptor_of(b"mark")]
    for _ in range(2):
        call = await pool.call(work, "image/x", files, Limits())
        assert await read_all(call) == b"first watermark=mark:image/png mask=mask:image/gif"
        await call.close()
    await pool.close()


async def test_a_worker_keeps_no_descriptor_of_a_call(engines, result):
    pool = workers()
    counts = {await result(pool, "descriptors") for _ in range(5)}
    assert len(counts) == 1
    await pool.close()


async def test_a_refusal_comes_back_and_the_worker_serves_on(engines, result):
    pool = workers()
    first = await result(pool, "pid")
    with pytest.raises(SourceUnusable) as caught:
        await result(pool, "refuse")
    assert (caught.value.detail, caught.value.private) == ("No.", "why")
    with pytest.raises(SourceUnusable) as long:
        await result(pool, "refuse", private="the end", times=1_000_000)
    assert long.value.private.endswith("\x00the end")
    with pytest.raises(ProgramFailed) as defect:
        await result(pool, "defect")
    assert "secret" in defect.value.private
    assert "secret" not in defect.value.detail
    assert await result(pool, "pid") == first
    await pool.close()


@pytest.mark.parametrize(
    "head",
    [
        "no JSON",
        "[]",
        "{}",
        '{"length": 3}',
        '{"length": -1, "resident": 1}',
        '{"length": "three", "resident": 1}',
        '{"error": "Path", "detail": "/", "private": "", "resident": 1}',
        '{"error": "SourceUnusable", "resident": 1}',
    ],
)
async def test_a_worker_is_not_believed(engines, result, head):
    pool = workers()
    with pytest.raises(ProgramFailed) as caught:
        await result(pool, "answer", line=head + "\n")
    assert head[:20] in caught.value.private
    assert head[:20] not in caught.value.detail
    assert await result(pool, "size") == b"5image/x"
    await pool.close()


async def test_arguments_that_are_too_long(engines, result):
    pool = workers()
    first = await result(pool, "pid")
    for _ in range(2):
        with pytest.raises(BadRequest):
            await result(pool, "refuse", private="x" * 70_000)
    assert await result(pool, "pid") == first
    await pool.close()


async def test_a_line_without_an_end_ends_the_worker(engines, result):
    pool = workers()
    with pytest.raises(ProgramFailed) as caught:
        await result(pool, "answer", line="x", times=70_000)
    assert caught.value.private == "a line without an end"
    assert await result(pool, "size") == b"5image/x"
    await pool.close()


# -- what goes wrong costs one call -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGTRAP, signal.SIGBUS, signal.SIGKILL]
)
async def test_a_crash_costs_one_call_and_the_pool_heals(engines, result, number):
    pool = workers()
    with pytest.raises(SourceCrashed) as caught:
        await result(pool, "crash", number=number)
    assert caught.value.status_code == 422
    assert number.name in caught.value.private
    assert await result(pool, "size") == b"5image/x"
    await pool.close()


@pytest.mark.parametrize(
    ("engine", "arguments", "end"),
    [("leave", {}, "exited with 3"), ("crash", {"number": signal.SIGTERM}, "SIGTERM")],
)
async def test_a_worker_that_leaves_says_nothing_of_the_source(engines, result, engine, arguments, end):
    pool = workers()
    with pytest.raises(ProgramFailed) as caught:
        await result(pool, engine, **arguments)
    assert end in caught.value.private
    assert await result(pool, "size") == b"5image/x"
    await pool.close()


async def test_a_lost_worker_is_replaced_before_anybody_asks(engines, result):
    pool = workers(2)
    pool.warm()
    with pytest.raises(SourceCrashed):
        await result(pool, "crash", number=signal.SIGSEGV)
    assert pool.running == 2
    await until(lambda: all(worker.ready for worker in pool._all))
    await pool.close()


async def test_a_worker_that_died_while_idle_is_replaced(engines, result):
    pool = workers()
    pid = int(await result(pool, "pid"))
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not pool._idle[0].usable)
    assert int(await result(pool, "pid")) != pid
    await pool.close()


async def test_a_call_that_nobody_wants_is_killed_alone(engines, source, result, read_all):
    pool = workers(2)
    async with calling(pool, source, "hang") as call:
        reading = asyncio.ensure_future(read_all(call))
        await asyncio.sleep(0)
        assert await result(pool, "size") == b"5image/x"
        other = {child.pid for child in pool._idle[0].group.children}
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await call.close()
    assert int(await result(pool, "pid")) in other
    await pool.close()


@pytest.mark.parametrize("engine", ["spin", "hang"])
async def test_a_call_that_runs_too_long_is_killed_alone(engines, source, result, engine):
    pool = workers(2)
    pool.warm()
    await until(lambda: all(worker.ready for worker in pool._all))
    released = []
    limits = Limits(total=0.05)
    running = await pool.call(EngineCall(engine, {}), "image/x", [source], limits)
    killed = running._worker.group.children[0].pid
    job = Job("p", running, limits, lambda: released.append(True))
    pids = {int(await result(pool, "pid")) for _ in range(3)}
    with pytest.raises(ProgramTimedOut) as caught:
        await job.next(1000)
    await job.close()
    assert caught.value.status_code == 504
    assert released == [True]
    assert not os.path.exists(f"/proc/{killed}")
    assert len(pids) == 1
    assert killed not in pids
    assert await result(pool, "size") == b"5image/x"
    assert pool.running == 2
    await pool.close()


@pytest.mark.slow
async def test_a_bound_of_processor_time_is_for_one_call(engines, result):
    pool = workers()
    for _ in range(3):
        first = await result(pool, "pid", Limits(cpu=1))
    with pytest.raises(ProgramTimedOut) as caught:
        await result(pool, "spin", Limits(cpu=1))
    assert "SIGXCPU" in caught.value.private
    assert await result(pool, "pid") != first
    await pool.close()


MEMORY = 64 * 1024 * 1024


async def test_a_bound_of_memory_is_for_one_call(engines, result):
    pool = workers()
    first = await result(pool, "pid")
    for _ in range(3):
        with pytest.raises(SourceTooCostly) as caught:
            await result(pool, "take", Limits(memory=MEMORY), size=2 * MEMORY)
        assert "64 MiB" in caught.value.detail
        assert caught.value.status_code == 422
        assert await result(pool, "take", Limits(memory=MEMORY), size=MEMORY // 2) == b"%d" % (MEMORY // 2)
        assert await result(pool, "take", size=2 * MEMORY) == b"%d" % (2 * MEMORY)
    # What a worker has at rest is not the next call's.
    await result(pool, "hold", size=MEMORY)
    assert await result(pool, "take", Limits(memory=MEMORY), size=MEMORY // 2) == b"%d" % (MEMORY // 2)
    assert await result(pool, "pid") == first
    await pool.close()


WORDS = [
    "(process:9): GLib-ERROR **: 09:09:09.999: ../glib/gmem.c:136: failed to allocate 1099511627776 bytes",
    "memory allocation of 1099511627776 bytes failed",
    "terminate called after throwing an instance of 'std::bad_alloc'",
]


@pytest.mark.parametrize("words", WORDS)
async def test_an_abort_for_want_of_memory_is_told_from_a_crash(engines, result, words):
    pool = workers()
    bounded = Limits(memory=MEMORY)
    with pytest.raises(SourceTooCostly) as caught:
        await result(pool, "crash", bounded, number=signal.SIGABRT, words=words)
    assert "64 MiB" in caught.value.detail
    assert "SIGABRT" in caught.value.private
    with pytest.raises(SourceCrashed):
        await result(pool, "crash", bounded, number=signal.SIGABRT)
    with pytest.raises(SourceCrashed):
        await result(pool, "crash", number=signal.SIGABRT, words=words)
    await pool.close()


async def test_a_refusal_for_want_of_memory(engines, result):
    pool = workers()
    with pytest.raises(SourceTooCostly) as caught:
        await result(pool, "refuse", Limits(memory=MEMORY), private="VipsJpeg: Insufficient memory (case 4)")
    assert "Insufficient" in caught.value.private
    with pytest.raises(SourceUnusable) as unbounded:
        await result(pool, "refuse", private="VipsJpeg: Insufficient memory (case 4)")
    assert not isinstance(unbounded.value, SourceTooCostly)
    await pool.close()


async def test_messages_of_a_call_are_kept_for_the_log(engines, source, read_all):
    pool = workers()
    for words, others in [("first words", "second"), ("second words", "first")]:
        async with calling(pool, source, "talk", words=words) as call:
            with pytest.raises(ProgramFailed):
                await read_all(call)
            await until(lambda call=call, words=words: words in call.messages)
            assert others not in call.messages
    await pool.close()


# -- the pool ---------------------------------------------------------------------------------------------


async def test_at_most_so_many_at_once_in_order(engines, result):
    pool = workers(1)
    pids = await asyncio.gather(*(result(pool, "pid") for _ in range(5)))
    assert len(set(pids)) == 1
    await pool.close()


async def test_a_worker_is_replaced_after_so_many_calls_when_another_is_ready(engines, result):
    pool = workers(1, calls=3)
    first = [await result(pool, "pid") for _ in range(3)]
    assert len(set(first)) == 1
    assert pool.running == 2
    # The other one loads its libraries: nobody waits for it.
    assert await result(pool, "pid") == first[0]
    await until(lambda: pool.running == 1)
    assert await result(pool, "pid") != first[0]
    await pool.close()


async def test_a_worn_worker_finishes_its_call(engines, source, result):
    pool = workers(1, calls=1)
    worn = int(await result(pool, "pid"))
    async with calling(pool, source, "many", length=3_000_000) as call:
        assert await call.next(10) is not None
        await until(lambda: pool._worn is None)
        assert os.path.exists(f"/proc/{worn}")
        rest = 3_000_000 - 10
        while block := await call.next(rest):
            rest -= block.length
        assert rest == 0
    await until(lambda: pool.running == 1 and not os.path.exists(f"/proc/{worn}"))
    await pool.close()


@pytest.mark.slow
async def test_a_worker_that_grew_is_replaced(engines, result):
    pool = workers(1, memory=96 * 1024 * 1024)
    first = await result(pool, "pid")
    # Neither what a call has used nor its result is there after it.
    await result(pool, "take", size=200 * 1024 * 1024)
    await result(pool, "many", length=100 * 1024 * 1024)
    assert await result(pool, "pid") == first
    assert pool.running == 1
    await result(pool, "hold", size=100 * 1024 * 1024)
    # What it has at rest is told with its next answer.
    assert await result(pool, "pid") == first
    await until(lambda: pool.running == 1 and pool._worn is None)
    assert await result(pool, "pid") != first
    await pool.close()


async def test_a_successor_that_does_not_start_changes_nothing(engines, result, monkeypatch):
    pool = workers(1, calls=2)
    first = await result(pool, "pid")
    monkeypatch.setattr(worker_module, "_start_text", lambda: "raise SystemExit(1)")
    assert await result(pool, "pid") == first
    await until(lambda: pool.running == 1)
    assert await result(pool, "pid") == first
    assert pool.running == 1
    await pool.close()


@pytest.mark.parametrize("waits", [True, False])
async def test_a_worn_worker_that_dies_has_one_successor(engines, result, waits):
    pool = workers(1, calls=2)
    pids = [int(await result(pool, "pid")) for _ in range(2)]
    os.kill(pids[1], signal.SIGKILL)
    await until(lambda: not pool._idle[0].usable)
    if waits:
        await until(lambda: pool._worn is None)
    assert int(await result(pool, "pid")) not in pids
    await until(lambda: pool._worn is None)
    assert pool.running == 1
    await pool.close()


async def test_closing_while_a_successor_warms_up(engines, result):
    pool = workers(1, calls=1)
    await result(pool, "pid")
    assert pool.running == 2
    await pool.close()
    assert pool.running == 0


async def test_a_worker_that_cannot_be_started(source, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    pool = workers()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await pool.call(EngineCall("size", {}), "image/x", [source], Limits())


async def test_a_worker_whose_imports_fail(source, read_all, monkeypatch):
    monkeypatch.setattr(worker_module, "_start_text", lambda: "raise SystemExit('no such library')")
    pool = workers()
    for _ in range(2):
        async with calling(pool, source, "size") as call:
            with pytest.raises(ProgramFailed) as caught:
                await read_all(call)
            assert "no such library" in call.messages
            assert "exited with 1" in caught.value.private
    assert pool.running == 0
    await pool.close()


async def test_an_engine_whose_library_is_missing_costs_no_other(engines, source, result, monkeypatch):
    text = worker_module._start_text().replace("; from", "; e.ENGINES['lost'] = 'no_such_library:f'; from")
    monkeypatch.setattr(worker_module, "_start_text", lambda: text)
    pool = Workers(1, ["lost", "size"])
    assert await result(pool, "size") == b"5image/x"
    with pytest.raises(ProgramFailed) as caught:
        await result(pool, "lost")
    assert "no_such_library" in caught.value.private
    await pool.close()


@pytest.mark.parametrize("engine", [None, "hang"])
async def test_workers_end_with_the_server(engines, tmp_path, engine):
    """A server that is killed takes its workers with it, also one that is in a call."""
    script = (
        "import asyncio, os, sys, json\n"
        "from tornado_media.presets.plan import EngineCall, Limits\n"
        "from tornado_media.processes import worker\n"
        "from tornado_media.processes.workers import Workers\n"
        "text, engine = json.loads(sys.argv[1])\n"
        "worker._start_text = lambda: text\n"
        "async def main():\n"
        "    pool = Workers(1, ())\n"
        "    pool.warm()\n"
        "    [worker] = pool._all\n"
        "    await worker.warmed()\n"
        "    if engine:\n"
        "        await pool.call(EngineCall(engine, {}), 'image/x', [0], Limits())\n"
        "    print(worker.group.children[0].pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    argument = json.dumps([worker_module._start_text(), engine])
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", script, argument, stdout=-1)
    assert server.stdout is not None
    pid = int(await server.stdout.readline())
    server.kill()
    await server.wait()
    async with asyncio.timeout(10):
        while os.path.exists(f"/proc/{pid}") and not Path(f"/proc/{pid}/stat").read_text().count(") Z "):
            await asyncio.sleep(0.01)
