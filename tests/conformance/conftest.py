"""The server as a process of its own, for suites and clients that somebody else wrote.

Here it is started once for each module and not for each test: `with serving_folder(folder, settings) as
server`, in a fixture of the module. What it wrote into its log is looked at when it has ended.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parents[1] / "programs"

LENGTH_OF_BIG = 6_000_000

PRESETS = f"""
[server]
drain = 0.2
[programs]
python = {sys.executable!r}
# Complete after 300,000 bytes.
[preset.sized]
accepts = ["*/*"]
media_type = "application/octet-stream"
streams = true
cache = false
pipeline = [["python", "-SEI", "{PROGRAMS}/sized.py", "300000"]]
# A result that is kept and too large for memory.
[preset.large]
accepts = ["*/*"]
media_type = "application/octet-stream"
pipeline = [["python", "-SEI", "{PROGRAMS}/sized.py", "3000000"]]
# Fails after as many.
[preset.broken]
accepts = ["*/*"]
media_type = "application/octet-stream"
streams = true
cache = false
pipeline = [["python", "-SEI", "{PROGRAMS}/dies_after.py", "300000", "1"]]
# Has no end.
[preset.endless]
accepts = ["*/*"]
media_type = "application/octet-stream"
streams = true
cache = false
pipeline = [["python", "-SEI", "{PROGRAMS}/endless.py"]]
"""


@dataclass
class Answer:
    """What came over the socket, as Python's own client understands it."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes


@dataclass
class Running:
    """A server that runs in a process of its own."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        """A connection that fails the test when nothing comes for 20 s."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def get(self, target: str, method: str = "GET", **fields: str) -> Answer:
        """One request on a connection of its own. `If_Range` in Python is If-Range on the wire."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            headers = {name.replace("_", "-"): value for name, value in fields.items()}
            connection.request(method, target, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def peak_memory(self) -> int:
        """Bytes of the largest resident set that the process had (VmHWM of proc(5))."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024

    def children(self) -> int:
        """How many processes it has started that are there now."""
        lists = [path.read_text() for path in Path(f"/proc/{self.pid}/task").glob("*/children")]
        return len(" ".join(lists).split())


ServingFolder = Callable[..., contextlib.AbstractContextManager[Running]]


@contextlib.contextmanager
def _serving_folder(folder: Path, settings: str = "", expected: str = r"(?!)") -> Iterator[Running]:
    # Beside the folder and not in it: two servers may serve one.
    own = Path(tempfile.mkdtemp(dir=folder.parent))
    (own / "c.toml").write_text(settings + PRESETS)
    argv = [sys.executable, "-m", "tornado_media", "serve", folder, "--config", own / "c.toml", "--port", "0"]
    with (own / "log").open("w") as log:
        # What it keeps between requests is its own too.
        environment = {**os.environ, "XDG_CACHE_HOME": str(own)}
        process = subprocess.Popen(
            argv, cwd=own, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
        with process:
            try:
                assert process.stdout is not None
                address = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline())
                assert address is not None, (own / "log").read_text()
                yield Running(int(address[1]), process.pid)
                assert process.poll() is None, "the server has ended by itself"
            finally:
                process.terminate()
    assert process.returncode == 0
    lines = (own / "log").read_text().splitlines()
    wrong = re.compile(r" (WARNING|ERROR|CRITICAL) |Traceback")
    assert [line for line in lines if wrong.search(line) and not re.search(expected, line)] == []


@pytest.fixture(scope="session")
def serving_folder() -> ServingFolder:
    """`with serving_folder(folder, settings, expected) as server`: a process that serves a folder.

    It has the presets `sized`, `large`, `broken` and `endless`; `settings` is more of its configuration.
    A line from WARNING up in its log that `expected` does not match is a failure.
    """
    return _serving_folder


@pytest.fixture(scope="session")
def big() -> bytes:
    """6 MB in which each 8 bytes are different."""
    return b"".join(b"%07x\n" % number for number in range(LENGTH_OF_BIG // 8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, photo: Path, clip_mkv: Path, big: bytes) -> Path:
    """`1.jpg` (10 megapixels), `clip.mkv` (60 s), `big.bin` (6 MB), `hello.txt`, `eleven.txt` (11 bytes)."""
    folder = tmp_path_factory.mktemp("conformance")
    shutil.copy(photo, folder / "1.jpg")
    shutil.copy(clip_mkv, folder / "clip.mkv")
    (folder / "big.bin").write_bytes(big)
    (folder / "hello.txt").write_text("hello\n")
    (folder / "eleven.txt").write_text("0123456789A")
    # A date counts as a strong validator only when it lies a while back (RFC 9110 s.8.8.2.2).
    for path in folder.iterdir():
        os.utime(path, (1_600_000_000, 1_600_000_000))
    return folder


@pytest.fixture(scope="module")
def server(serving_folder: ServingFolder, folder: Path) -> Iterator[Running]:
    """A server of `folder`, for the tests of one module that expect no line from WARNING up in its log."""
    with serving_folder(folder) as running:
        yield running
