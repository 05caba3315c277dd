"""One OS child process: started with no preexec_fn, watched by a pidfd, reaped by us alone.

A child is a `tornado.process.Subprocess` whose pipes we make ourselves: `Subprocess.STREAM` closes its
descriptors twice when the spawn fails, and the second close may hit another client's socket. Its
`wait_for_exit` is not used either: it never resolves when something else has reaped the child (tornado
#3364). A pidfd tells us that the child has ended; `waitid` with WNOWAIT tells how, and leaves the zombie,
so that its number cannot be given to another process before the whole group has been killed.

This module must not decide when a child has to end: that is the job's business.
"""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import signal
from collections.abc import Mapping, Sequence

from tornado.process import Subprocess

from tornado_media.errors import MediaError, ProgramFailed, Unavailable
from tornado_media.presets.plan import Limits

UNKNOWN_STATUS = -256
"""The exit status of a child that something else has reaped. No signal has this number: it is a failure."""

_TRY_AGAIN = {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE}


class Child:
    """One OS child process, the first of a new process group or a member of one.

    Args:
        argv: the absolute path of the program and its arguments.
        stdin: descriptor to read from; stays the caller's.
        stdout: descriptor to write to; stays the caller's.
        stderr: descriptor for messages; stays the caller's.
        group: the process group to join, or 0 to found one.
        environment: everything the child sees of the environment.
        folder: its working directory.
        limits: `cpu` and `memory` are set on the child (prlimit(2)).

    Raises:
        Unavailable: it could not be started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        group: int = 0,
        environment: Mapping[str, str],
        folder: str,
        limits: Limits,
    ) -> None:
        self.name = os.path.basename(argv[0])
        try:
            self._process = Subprocess(
                list(argv),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                process_group=group,
                env=dict(environment),
                cwd=folder,
            )
        except (OSError, ValueError) as error:
            raise _spawn_error(self.name, argv, error) from error
        self.pid: int = self._process.pid
        self.group = group or self.pid
        self.status: int | None = None
        _limit(self.pid, limits)
        self._exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._watch()

    def __repr__(self) -> str:
        state = f"running with PID {self.pid}" if self.status is None else describe_status(self.status)
        return f"<Child {self.name}: {state}>"

    async def exited(self) -> int:
        """Wait until the child has ended; its exit status, or minus the number of the signal.

        The child stays a zombie until `reap`.
        """
        return await asyncio.shield(self._exited)

    def reap(self) -> None:
        """Let the kernel forget an ended child. After this its number may belong to another process."""
        # Popen's own idea of the status is not used: on ECHILD it makes it 0.
        self._process.proc.wait()

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            # No pidfd here (not Linux, or a seccomp filter): a thread waits.
            waiting = loop.run_in_executor(None, self._process.proc.wait)
            waiting.add_done_callback(lambda future: self._ended(future.result()))
            return
        loop.add_reader(pidfd, self._pidfd_ready, pidfd)

    def _pidfd_ready(self, pidfd: int) -> None:
        asyncio.get_running_loop().remove_reader(pidfd)
        try:
            result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        except ChildProcessError:
            result = None
        finally:
            os.close(pidfd)
        if result is None:
            self._ended(UNKNOWN_STATUS)
        elif result.si_code == os.CLD_EXITED:
            self._ended(result.si_status)
        else:
            self._ended(-result.si_status)

    def _ended(self, status: int) -> None:
        self.status = status
        if not self._exited.done():
            self._exited.set_result(status)


def describe_status(status: int) -> str:
    """An exit status in words, `exited with 3` or `was killed by SIGKILL`."""
    if status == UNKNOWN_STATUS:
        return "was reaped by something else, its exit status is unknown"
    if status >= 0:
        return f"exited with {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def _limit(pid: int, limits: Limits) -> None:
    # After the spawn and not in a preexec_fn: that would cost fork instead of vfork (22 ms against 0.4 ms
    # with 300 MiB resident) and runs Python between fork and exec. 13 µs a call.
    wanted = [
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, limits.cpu),
        (resource.RLIMIT_DATA, limits.memory),
    ]
    try:
        for which, value in wanted:
            if value is not None:
                resource.prlimit(pid, which, (value, value))
    except (ProcessLookupError, PermissionError, AttributeError):
        # It has ended already, has changed its user, or this is not Linux.
        return


def _spawn_error(name: str, argv: Sequence[str], error: Exception) -> MediaError:
    private = f"spawn of {argv[0]} failed: {error}"
    if isinstance(error, OSError) and error.errno in _TRY_AGAIN:
        return Unavailable(f"There is no room to start {name} now.", retry_after=1, private=private)
    if isinstance(error, OSError) and error.errno == errno.E2BIG:
        return ProgramFailed(f"The arguments of {name} are too long to start it.", private=private)
    return Unavailable(f"The program {name} cannot be started on this server.", private=private)
