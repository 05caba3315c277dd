import asyncio
import os

from tornado_media.presets.plan import Limits
from tornado_media.processes.group import ProcessGroup


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
