import asyncio
import os
import select
import subprocess
import sys

from tornado_media.presets.plan import Limits
from tornado_media.processes.group import ProcessGroup

EXITS = """
import asyncio, sys
from tornado_media.presets.plan import Limits, Pipeline
from tornado_media.processes.pipeline import RunningPipeline
async def main():
    command = (sys.executable, "-c", "import signal; signal.pause()")
    running = RunningPipeline(Pipeline((command,)), None, Limits())
    print(running.group.children[0].pid, flush=True)
    sys.exit()
asyncio.run(main())
"""


def test_a_server_that_exits_takes_its_programs_with_it():
    done = subprocess.run([sys.executable, "-c", EXITS], capture_output=True, text=True)
    pid = int(done.stdout)
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ready, _, _ = select.select([descriptor], [], [], 5)
    os.close(descriptor)
    assert ready


async def test_an_empty_group_closes():
    group = ProcessGroup(Limits())
    await group.close()
    assert repr(group) == "<ProcessGroup []>"
    assert group.failures() == ""


async def test_abandon_closes_in_the_background():
    group = ProcessGroup(Limits())
    null = os.open(os.devnull, os.O_RDWR)
    child = group.start(["/bin/sleep", "600"], stdin=null, stdout=null)
    os.close(null)
    group.started()
    group.abandon()
    async with asyncio.timeout(5):
        while os.path.exists(f"/proc/{child.pid}"):
            await asyncio.sleep(0)
