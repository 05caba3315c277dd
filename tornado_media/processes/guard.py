"""Ends our process groups when the server is gone, however it went: also by SIGKILL, also by the OOM killer.

A small process of its own holds the read end of a pipe and knows the groups that live. When the server
ends, the kernel closes the write end; the guard sees the end of the pipe and kills what is left.

It is no supervisor: as long as the server lives it does nothing, and the server ends its groups itself.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys

log = logging.getLogger("tornado_media")

_PROGRAM = """
import os, signal, sys
groups = set()
for line in sys.stdin.buffer:
    (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""


class Guard:
    """Knows the groups that live. Its process starts with the first of them."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process, once there is one."""
        return None if self._process is None else self._process.pid

    def add(self, group: int) -> None:
        """A group lives from now on."""
        self._groups.add(group)
        self._tell(b"+%d\n" % group)

    def discard(self, group: int) -> None:
        """A group has ended, all of it."""
        if group in self._groups:
            self._groups.discard(group)
            self._tell(b"-%d\n" % group)

    async def close(self) -> None:
        """End the guard's process, and what still lives. Idempotent."""
        process, self._process = self._process, None
        self._groups.clear()
        if process is not None:
            _let_go(process)
            await asyncio.get_running_loop().run_in_executor(None, process.wait)

    def _tell(self, line: bytes) -> None:
        try:
            if self._process is None:
                self._process = _start()
                line = b"".join(b"+%d\n" % group for group in self._groups)
        except OSError as error:
            # The next group tries again, and tells of all.
            log.warning("the guard of programs could not be started: %s", error)
            return
        try:
            # Eight bytes a line, read at once: the pipe is never full while the guard lives.
            os.write(_pipe(self._process), line)
        except BrokenPipeError:
            # Somebody killed it: it is a zombie now, and another takes its place.
            _let_go(self._process)
            self._process.wait()
            self._process = None
            self._tell(b"")


def _start() -> subprocess.Popen[bytes]:
    # A group of its own, so that Ctrl-C in a terminal does not end it before it is needed.
    return subprocess.Popen(
        [sys.executable, "-ISc", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, process_group=0
    )


def _pipe(process: subprocess.Popen[bytes]) -> int:
    return process.stdin.fileno() if process.stdin is not None else -1


def _let_go(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
