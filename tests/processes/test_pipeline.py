import asyncio
import os
import signal

import pytest

from tornado_media.errors import ProgramFailed, Unavailable
from tornado_media.presets.plan import Limits, Pipeline
from tornado_media.processes import pipeline
from tornado_media.processes.pipeline import RunningPipeline
from tornado_media.store.blocks import read_block


def run(*commands, source=None, **limits):
    return RunningPipeline(Pipeline(commands, source is not None), source, Limits(**limits))


async def test_one_program(program, read_all):
    running = run(program("sized", 200_000))
    content = await read_all(running)
    await running.end()
    await running.close()
    assert len(content) == 200_000
    assert content[:8] == b"0000000\n"


async def test_programs_are_joined_in_one_group(program, read_all):
    running = run(program("sized", 1_000_000), ("/bin/cat",), ("/usr/bin/wc", "-c"))
    groups = {os.getpgid(child.pid) for child in running.group.children}
    assert groups == {running.group.children[0].pid}
    assert await read_all(running) == b"1000000\n"
    await running.end()
    await running.close()


async def test_the_source_is_read_from_its_beginning(tmp_path, read_all):
    path = tmp_path / "source"
    path.write_bytes(b"source")
    with open(path, "rb") as source:
        source.seek(3)
        running = run(("/bin/cat",), source=source.fileno())
        assert await read_all(running) == b"source"
        await running.close()
        assert not source.closed


@pytest.mark.parametrize("bad", [0, 1, 2])
async def test_every_program_must_exit_with_0(program, read_all, bad):
    commands = [("/bin/cat",)] * 3
    commands[bad] = ("/bin/sh", "-c", "cat; exit 5")
    running = run(*commands)
    await read_all(running)
    with pytest.raises(ProgramFailed) as caught:
        await running.end()
    assert caught.value.private == "sh exited with 5"
    await running.close()


async def test_a_start_that_fails_in_the_middle_leaves_nothing(program):
    with pytest.raises(Unavailable):
        run(program("silent"), ("/bin/cat",), ("/nowhere",), ("/bin/cat",))


async def test_messages_of_all_programs_are_kept(read_all):
    running = run(("/bin/sh", "-c", "echo one >&2"), ("/bin/sh", "-c", "cat; echo two >&2"))
    await read_all(running)
    await running.close()
    assert sorted(running.messages.split()) == ["one", "two"]


async def test_close_ends_a_program_that_ignores_sigterm(program):
    running = run(program("stubborn"))
    await running.next(100)
    await running.close()
    assert running.group.children[0].status == -signal.SIGKILL
    await running.close()


async def test_close_gives_time_for_an_end_in_order(tmp_path):
    mark = tmp_path / "mark"
    script = f"trap 'touch {mark}; exit 0' TERM; echo; while :; do sleep 0.01; done"
    running = RunningPipeline(Pipeline((("/bin/sh", "-c", script),)), None, Limits(), grace=5.0)
    await running.next(10)
    await running.close()
    assert mark.exists()


async def test_close_ends_what_a_program_left_in_its_group(program, read_all):
    running = run(program("grandchild"))
    buffer = memoryview(bytearray(100))
    pid = int(bytes(buffer[: await read_block(await running.next(100), buffer)]))
    await running.end()
    await running.close()
    # It is an orphan now; whoever inherited it reaps it.
    async with asyncio.timeout(5):
        while os.path.exists(f"/proc/{pid}"):
            with open(f"/proc/{pid}/stat") as stat:
                if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                    break
            await asyncio.sleep(0)


async def test_a_grandchild_that_holds_the_output_does_not_hold_us(program, read_all, monkeypatch):
    monkeypatch.setattr(pipeline, "LINGER", 0.01)
    running = run(program("grandchild"))
    assert (await read_all(running)).strip().isdigit()
    await running.end()
    await running.close()


async def test_cancelling_close_does_not_stop_it(program):
    running = run(program("stubborn"))
    await running.next(100)
    closing = asyncio.ensure_future(running.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    await running.close()
    assert running.group.children[0].status == -signal.SIGKILL


async def test_a_scratch_folder_goes_with_the_job(read_all):
    running = run(("/bin/sh", "-c", "pwd; mkdir a; echo b > a/c"))
    folder = (await read_all(running)).decode().strip()
    await running.close()
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, lambda: None)
    async with asyncio.timeout(5):
        while os.path.exists(folder):
            await asyncio.sleep(0)


async def test_only_so_many_pipes_are_grown(monkeypatch):
    import fcntl

    monkeypatch.setattr(pipeline, "GROWN_PIPES", 1)
    first, second = run(("/bin/sleep", "600")), run(("/bin/sleep", "600"))
    sizes = [fcntl.fcntl(one._output.fileno(), fcntl.F_GETPIPE_SZ) for one in (first, second)]
    assert sizes == [pipeline.PIPE_SIZE, 65536]
    await first.close()
    third = run(("/bin/sleep", "600"))
    assert fcntl.fcntl(third._output.fileno(), fcntl.F_GETPIPE_SZ) == pipeline.PIPE_SIZE
    await second.close()
    await third.close()
