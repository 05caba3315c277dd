"""Clients that hold connections open: the modes of slowhttptest (Debian), 20 s each, all at once.

Each mode has a server of its own. While it lasts, an ordinary request is answered again and again, and the
server neither grows nor starts more processes than it was told. slowhttptest(1) has the options.
"""

from __future__ import annotations

import contextlib
import csv
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

SECONDS = 20
CONNECTIONS = 200
MIB = 1024 * 1024
BLOCK = 256 * 1024

STREAMS = 4
SETTINGS = f"[slots]\nstreams = {STREAMS}\nqueue = 20\n"


@dataclass
class Mode:
    """How slowhttptest is called, and what the server may take meanwhile."""

    options: str
    target: str = "/big.bin"
    memory: int = 32 * MIB
    """Bytes that the server may grow by."""
    available: bool = True
    """Whether slowhttptest's own requests must be answered within 5 s."""


SLOW_READ = "-X -w 512 -y 1024 -n 5 -z 32"
MODES = {
    "slow headers": Mode(f"-H -i 5 -c {CONNECTIONS} -r {CONNECTIONS}"),
    "slow content": Mode(f"-B -i 5 -c {CONNECTIONS} -r {CONNECTIONS}"),
    # One block in memory for each of those that read.
    "slow read": Mode(
        f"{SLOW_READ} -c {CONNECTIONS} -r {CONNECTIONS}", memory=CONNECTIONS * BLOCK + 32 * MIB
    ),
    # These are answered at once, so new ones are made all the time. (`-a 0` is refused by version 1.8.2.)
    "range": Mode(f"-R -t GET -a 1 -b 2000 -c {15 * SECONDS} -r 15", memory=15 * SECONDS * BLOCK + 32 * MIB),
    # Four programs run, twenty requests wait, the others are sent away; slowhttptest is one of them.
    "slow read of streams": Mode(
        f"{SLOW_READ} -c {CONNECTIONS} -r {CONNECTIONS}", "/hello.txt?preset=endless", available=False
    ),
}


def attack(program, server, mode, folder):
    """Run slowhttptest to its end; what was seen meanwhile.

    Returns:
        Its exit status, the "Service Available" column of its figures, how many processes the server had at
        most besides those from before, and by how many bytes it grew.
    """
    # What is started when it is first needed is there then, and not counted.
    for target in ("/hello.txt", "/hello.txt?preset=sized", "/1.jpg?size=32x32"):
        assert server.get(target).status == 200
    processes, memory, most = server.children(), server.peak_memory(), 0
    folder.mkdir()
    command = [program, *mode.options.split(), "-l", str(SECONDS), "-g", "-o", "figures"]
    with subprocess.Popen(
        [*command, "-u", server.url + mode.target], cwd=folder, stdout=subprocess.DEVNULL
    ) as running:
        while running.poll() is None:
            assert server.get("/hello.txt").content == b"hello\n"
            most = max(most, server.children())
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(0.5)
    with (folder / "figures.csv").open() as file:
        available = [int(row["Service Available"]) for row in csv.DictReader(file)]
    return running.returncode, available, most - processes, server.peak_memory() - memory


@pytest.fixture(scope="module")
def seen(tool, serving_folder, folder, tmp_path_factory):
    """What was seen in each mode."""
    program, own = tool("slowhttptest"), tmp_path_factory.mktemp("slow")
    with contextlib.ExitStack() as stack, ThreadPoolExecutor() as pool:
        futures = {}
        for name, mode in MODES.items():
            server = stack.enter_context(serving_folder(folder, SETTINGS))
            futures[name] = pool.submit(attack, program, server, mode, own / name)
        return {name: future.result() for name, future in futures.items()}


@pytest.mark.slow
@pytest.mark.needs("slowhttptest")
@pytest.mark.parametrize("name", MODES)
def test_the_server_stays(seen, name):
    status, available, more_processes, more_memory = seen[name]
    print(f"{name}: {more_memory / MIB:.1f} MiB more, {more_processes} processes more")
    assert status == 0
    assert len(available) >= SECONDS - 2
    if MODES[name].available:
        assert 0 not in available
    assert more_processes <= STREAMS
    assert more_memory < MODES[name].memory
