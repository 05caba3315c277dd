import asyncio
import os
import resource

import pytest

from tornado_media.errors import ProgramFailed, Unavailable
from tornado_media.presets.plan import Limits
from tornado_media.processes.child import UNKNOWN_STATUS, Child, describe_status

NO_LIMITS = Limits()


@pytest.fixture
def start(tmp_path):
    null = os.open(os.devnull, os.O_RDWR)

    def start(*argv, limits=NO_LIMITS):
        return Child(
            argv, stdin=null, stdout=null, stderr=null, environment={}, folder=str(tmp_path), limits=limits
        )

    yield start
    os.close(null)


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9), ("kill -15 $$", -15)]
)
async def test_the_status_is_told_and_the_zombie_stays_until_reaped(start, script, status):
    child = start("/bin/sh", "-c", script)
    assert repr(child) == f"<Child sh: running with PID {child.pid}>"
    assert await child.exited() == status
    assert child.status == status
    assert describe_status(status) in repr(child)
    assert os.path.exists(f"/proc/{child.pid}")
    child.reap()
    assert not os.path.exists(f"/proc/{child.pid}")


async def test_a_stolen_status_is_unknown_and_nobody_hangs(start):
    child = start("/bin/sh", "-c", "exit 0")
    os.waitpid(child.pid, 0)
    assert await child.exited() == UNKNOWN_STATUS
    assert "unknown" in repr(child)
    child.reap()


async def test_without_pidfd_a_thread_waits(start, monkeypatch):
    monkeypatch.delattr(os, "pidfd_open")
    child = start("/bin/sh", "-c", "exit 3")
    assert await child.exited() == 3
    child.reap()


async def test_two_may_wait_and_one_may_give_up(start):
    child = start("/bin/sleep", "600")
    waiting = asyncio.ensure_future(child.exited())
    other = asyncio.ensure_future(child.exited())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    os.kill(child.pid, 9)
    assert await other == -9
    child.reap()


async def test_limits_are_set_on_the_child(start):
    child = start("/bin/sleep", "600", limits=Limits(cpu=5, memory=1 << 28))
    assert resource.prlimit(child.pid, resource.RLIMIT_CPU) == (5, 5)
    assert resource.prlimit(child.pid, resource.RLIMIT_DATA) == (1 << 28, 1 << 28)
    assert resource.prlimit(child.pid, resource.RLIMIT_CORE) == (0, 0)
    os.kill(child.pid, 9)
    await child.exited()
    child.reap()


@pytest.mark.parametrize(
    ("argv", "kind"),
    [
        (["/nowhere"], Unavailable),
        (["/etc/passwd"], Unavailable),
        (["/bin/echo", "x" * 3_000_000], ProgramFailed),
        (["/bin/echo", "a\0b"], Unavailable),
    ],
)
async def test_a_spawn_that_fails_names_the_program_only(start, argv, kind):
    with pytest.raises(kind) as caught:
        start(*argv)
    assert os.path.basename(argv[0]) in caught.value.detail
    assert argv[0] not in caught.value.detail
    assert argv[0] in caught.value.private


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "exited with 0"),
        (3, "exited with 3"),
        (-9, "was killed by SIGKILL"),
        (-63, "was killed by signal 63"),
    ],
)
def test_describe_status(status, words):
    assert describe_status(status) == words
