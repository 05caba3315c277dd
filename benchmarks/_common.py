"""What the benchmarks share: a server in a process of its own, its processor time, a table."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Processor seconds that a process has used so far, without its children."""
    # schedstat counts nanoseconds, /proc/PID/stat only ticks of 10 ms; threads have their own.
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


@contextlib.contextmanager
def server(*argv: str) -> Iterator[tuple[int, int]]:
    """Run a Python program that prints `port N` or a line with a URL; its process id and its port."""
    process = subprocess.Popen([sys.executable, *argv], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = (
            int(line.split("port ")[1])
            if "port " in line
            else int(line.split("://")[1].split(":")[1].split("/")[0])
        )
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def listen_forever(application: object) -> None:
    """Serve a Tornado application on a free port and tell it on stdout."""
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets

    async def main() -> None:
        http_server = HTTPServer(application)
        sockets = bind_sockets(0, "127.0.0.1")
        http_server.add_sockets(sockets)
        print(f"port {sockets[0].getsockname()[1]}", flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())


def connect(port: int) -> socket.socket:
    """A connection to the server."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def announced_pid(connection: socket.socket) -> int:
    """The process id that a program wrote as its first line, out of the first chunk of its response."""
    answer = b""
    while answer.count(b"\n", answer.find(b"\r\n\r\n") + 4) < 2 or b"\r\n\r\n" not in answer:
        answer += connection.recv(512)
    return int(answer.split(b"\r\n\r\n", 1)[1].split(b"\r\n", 1)[1].split(b"\n", 1)[0])


def request(target: str, close: bool = True) -> bytes:
    """A GET request."""
    end = "Connection: close\r\n" if close else ""
    return f"GET {target} HTTP/1.1\r\nHost: bench\r\n{end}\r\n".encode()


def read_all(port: int, target: str) -> int:
    """Read a response to its end; its bytes."""
    buffer, total = bytearray(1 << 20), 0
    with connect(port) as connection:
        connection.sendall(request(target))
        while size := connection.recv_into(buffer):
            total += size
    return total


def resident(pid: int) -> float:
    """Resident memory of a process in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    widths = [max(len(row[k]) for row in [columns, *rows]) for k in range(len(columns))]
    print(f"\n{title}")
    for row in [columns, *rows]:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def ffmpeg() -> str:
    """The ffmpeg that comes with the package."""
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def make_clip(folder: Path) -> Path:
    """A minute of 1080p H.264 in groups of 10 s, with AAC sound, in an MKV."""
    clip = folder / "clip.mkv"
    if not clip.exists():
        source = "testsrc2=size=1920x1080:rate=25:duration=60"
        subprocess.run(
            [ffmpeg(), "-v", "error", "-nostdin", "-f", "lavfi", "-i", source,
             "-f", "lavfi", "-i", "sine=440:d=60",
             "-c:v", "libx264", "-preset", "ultrafast", "-crf", "23", "-pix_fmt", "yuv420p", "-g", "250",
             "-c:a", "aac", str(clip)],
            check=True,
        )  # fmt: skip
    return clip


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder for what a benchmark makes."""
    with tempfile.TemporaryDirectory(prefix="tornado_media-bench-") as name:
        yield Path(name)


def now() -> float:
    """Seconds of a clock that only goes forward."""
    return time.perf_counter()
