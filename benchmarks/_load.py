"""What benchmarks of whole servers share: light clients, and what a family of processes uses."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import _common as common


class Line(Protocol):
    """A way to ask a server, for one request at a time."""

    def get(self, target: str) -> bytes:
        """The content of the response."""

    def close(self) -> None:
        """Not needed any more."""


class Failed(Exception):
    """A server gave no picture; the message is what it said."""


class Http:
    """A connection that stays open as long as the server likes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def get(self, target: str) -> bytes:
        """The content of the response."""
        if self._socket is None:
            self._socket = common.connect(self._port)
        self._socket.sendall(common.request(target, close=False))
        head, content = self._head()
        fields = head.decode("latin-1").lower().split("\r\n")
        length = [int(field[15:]) for field in fields if field.startswith("content-length:")]
        content = self._rest(content, length[0] if length else None)
        if not length or "connection: close" in fields:
            self.close()
        if " 200 " not in fields[0]:
            raise Failed(f"{target}: {fields[0]} {content[:300].decode('latin-1')}")
        return bytes(content)

    def close(self) -> None:
        """The next request opens another one."""
        if self._socket:
            self._socket.close()
        self._socket = None

    def _head(self) -> tuple[bytes, bytearray]:
        assert self._socket is not None
        answer = bytearray()
        while b"\r\n\r\n" not in answer:
            block = self._socket.recv(65536)
            if not block:
                raise Failed("the server closed the connection")
            answer += block
        head, _, content = answer.partition(b"\r\n\r\n")
        return bytes(head), content

    def _rest(self, content: bytearray, length: int | None) -> bytearray:
        assert self._socket is not None
        while length is None or len(content) < length:
            block = self._socket.recv(65536)
            if not block:
                break
            content += block
        return content


class Pipe:
    """A process that answers a line on its stdin with a line and bytes on its stdout."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._in, self._out = process.stdin, process.stdout

    def get(self, target: str) -> bytes:
        """What it answers."""
        self._in.write(f"{target}\n".encode())
        self._in.flush()
        line = self._out.readline()
        if not line.strip().isdigit():
            raise Failed(line.decode())
        return self._out.read(int(line))

    def close(self) -> None:
        """Its end is that of its process."""


def ask(lines: Sequence[Line], targets: Sequence[str]) -> dict[str, bytes]:
    """Ask for all of them, each line again as soon as it has its answer, and close the lines.

    They are closed because a server may close what nobody uses for some seconds while others have theirs.

    Raises:
        Failed: the first failure, at once.
    """
    waiting, answers = deque(targets), {}
    failures: list[Failed] = []

    def work(line: Line) -> None:
        try:
            while waiting and not failures:
                target = waiting.popleft()
                answers[target] = line.get(target)
        except IndexError:
            pass  # another line took the last one
        except (Failed, OSError) as error:
            failures.append(Failed(str(error)))
        finally:
            line.close()

    threads = [threading.Thread(target=work, args=(line,)) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return answers


def family(pids: Sequence[int]) -> list[int]:
    """Processes and all that descend from them."""
    found = list(pids)
    for pid in found:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def used(pids: Sequence[int]) -> float:
    """Processor seconds of a family so far, with those of it that ended and were waited for."""
    return sum(map(_used, family(pids)))


def _used(pid: int) -> float:
    # The clock of a process, clock_getcpuclockid(3), counts nanoseconds, also of threads that have ended.
    # /proc/PID/stat has ticks of 10 ms, but is the only one who knows of children.
    try:
        own = time.clock_gettime((~pid << 3) | 2)
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return own + (int(fields[13]) + int(fields[14])) / common.TICK


def held(pids: Sequence[int]) -> float:
    """Memory of a family in MiB: the sum of what is theirs, a page of several by its share (PSS)."""
    total = 0
    for pid in family(pids):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().split("\n")
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


@contextlib.contextmanager
def watched(pids: Sequence[int], every: float = 0.03) -> Iterator[list[float]]:
    """Look at a family's memory again and again; what was seen."""
    seen, stop = [held(pids)], threading.Event()

    def look() -> None:
        while not stop.wait(every):
            seen.append(held(pids))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def pin(most: int) -> int:
    """Let this process and those that it starts have so many processors; how many there are."""
    processors = sorted(os.sched_getaffinity(0))[:most]
    os.sched_setaffinity(0, processors)
    return len(processors)
