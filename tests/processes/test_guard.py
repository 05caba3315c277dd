"""Programs do not outlive their server, however it ends."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tornado_media.presets.plan import Limits, Pipeline
from tornado_media.processes.guard import Guard
from tornado_media.processes.pipeline import RunningPipeline

SERVER = """
import asyncio, os, signal, sys
from tornado_media.presets.plan import Limits, Pipeline
from tornado_media.processes.guard import Guard
from tornado_media.processes.pipeline import RunningPipeline
async def main():
    ignoring = "import signal; signal.signal(15, signal.SIG_IGN); print(flush=True); signal.pause()"
    work = Pipeline(((sys.executable, "-c", ignoring),))
    running = RunningPipeline(work, None, Limits(), guard=Guard())
    await running.next(1)
    print(running.group.children[0].pid, flush=True)
    END
asyncio.run(main())
"""


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(3)", "sys.exit()"])
def test_a_server_that_ends_takes_its_programs_with_it(end):
    done = subprocess.run([sys.executable, "-c", SERVER.replace("END", end)], capture_output=True, text=True)
    pid = int(done.stdout)
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ready, _, _ = select.select([descriptor], [], [], 5)
    os.close(descriptor)
    assert ready


def run(guard, *command):
    return RunningPipeline(Pipeline((command,)), None, Limits(), guard=guard)


async def test_the_guard_starts_with_the_first_group_and_forgets_ended_ones():
    guard = Guard()
    assert guard.pid is None
    first = run(guard, "/bin/sleep", "600")
    pid = guard.pid
    await first.close()
    second = run(guard, "/bin/sleep", "600")
    assert guard.pid == pid
    assert guard._groups == {second.group.children[0].pid}
    await second.close()
    await guard.close()
    await guard.close()
    assert not os.path.exists(f"/proc/{pid}")


async def test_a_guard_that_was_killed_is_replaced_and_told_of_all():
    guard = Guard()
    first = run(guard, "/bin/sleep", "600")
    before = guard.pid
    os.kill(before, signal.SIGKILL)
    async with asyncio.timeout(5):
        while ") Z " not in Path(f"/proc/{before}/stat").read_text():
            await asyncio.sleep(0)
    second = run(guard, "/bin/sleep", "600")
    assert guard.pid != before
    # What the new guard knows, it kills when it is let go.
    await guard.close()
    assert [await child.exited() for one in (first, second) for child in one.group.children] == [-9, -9]
    await first.close()
    await second.close()
    await guard.close()


async def test_no_room_for_a_guard_is_no_reason_to_refuse_work(monkeypatch, expect_log):
    expect_log("could not be started")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    guard = Guard()
    running = run(guard, "/bin/echo", "x")
    assert (await running.next(10)).length == 2
    await running.end()
    await running.close()
    await guard.close()
