"""What pictures cost in memory: a worker at its peak, the server after thousands of requests.

The peak is what the kernel has noted of the process (VmHWM, proc_pid_status(5)), libraries and all.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
import pyvips
from PIL import Image

from tornado_media.engines import png_quick

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
WORKER = 150 * MIB
GROWN = 10 * MIB
"""Of the server, between a thousand requests and five thousand."""

REQUESTS, STEP, CONNECTIONS = 5000, 1000, 4
KINDS = ("jpeg", "png", "webp", "gif", "tiff")


def memory(pid, field):
    """A field of a process's status, in bytes: VmHWM was the most, VmRSS is now."""
    (kib,) = re.findall(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(kib) * 1024


def scene(width, height):
    """Gradients under the noise of a sensor, computed as it is written."""
    place = pyvips.Image.xyz(width, height)
    light = (place[0] / width * 200).bandjoin([place[1] / height * 200, (place[0] + place[1]) / 97 % 200])
    return (
        (light + pyvips.Image.gaussnoise(width, height, mean=20, sigma=4, seed=7))
        .cast("uchar")
        .copy(interpretation="srgb")
    )


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A PNG of 49.9 megapixels, one as large as those decoded in memory, a lossy WebP of 4096 x 4096."""
    folder = tmp_path_factory.mktemp("large")
    scene(8600, 5800).pngsave(str(folder / "50mp.png"), compression=1, filter="sub")
    scene(3200, 2950).pngsave(str(folder / "10mp.png"), compression=1, filter="sub")
    size = (folder / "10mp.png").stat().st_size + 3200 * 2950 * 3
    assert 0.9 < size / png_quick._MOST < 1
    scene(4096, 4096).webpsave(str(folder / "4096.webp"), Q=80, effort=0)
    return folder


@pytest.mark.timeout(seconds=120)
@pytest.mark.parametrize("name", ["50mp.png", "10mp.png", "4096.webp"])
@pytest.mark.parametrize(
    "query",
    [
        "size=300x300&format=jpeg",
        "size=320x320&fit=cover&format=webp",
        "size=1600x&format=jpeg",
        "preset=info",
        "preset=placeholder",
        "preset=palette",
    ],
)
async def test_a_worker_at_its_peak(serve, source_folder, large, name, query):
    (source_folder / name).hardlink_to(large / name)
    async with serve({"server": {"workers": 1}}) as server:
        answer = await server.get(f"/{name}?{query}")
        assert answer.status == 200, answer.text
        ((child,),) = (worker.group.children for worker in server.media.workers._all)
        peak = memory(child.pid, "VmHWM")
        print(f"{name}?{query}: {peak / MIB:.0f} MiB")
        assert peak <= WORKER


@pytest.fixture
def configuration(tmp_path):
    """Of a server that keeps no result in memory, and few on disk."""
    folder = tmp_path / "media"
    folder.mkdir()
    for number, kind in enumerate(KINDS):
        image = Image.linear_gradient("L").rotate(90 * number).resize((160, 120)).convert("RGB")
        image.save(folder / f"{number}.{kind}")
    (folder / "broken.png").write_bytes((folder / "1.png").read_bytes()[:300])
    path = tmp_path / "c.toml"
    path.write_text(
        f'[server]\nport = 0\n[sources.a]\nroot = "{folder}"\n'
        f'[cache]\nfolder = "{tmp_path}/cache"\nmemory = 0\nbytes = "1 MiB"\n'
    )
    return path


@contextlib.asynccontextmanager
async def running(configuration):
    """The server in a process of its own, and its port."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tornado_media", "serve", "--log-level", "WARNING"),
        *("--config", configuration),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        line = (await process.stdout.readline()).decode()
        yield process, int(re.search(r"http://127.0.0.1:(\d+)/", line)[1])
    finally:
        process.terminate()
        await process.communicate()


def request(web, number):
    """One request of many kinds: new ones, such as there were before, refused and wrong ones."""
    chance = random.Random(number)
    kind = chance.randrange(len(KINDS))
    name = "broken.png" if number % 50 == 0 else f"{kind}.{KINDS[kind]}"
    old = random.Random(chance.randrange(max(1, number // 2)))
    wanted = old if number % 3 == 0 else chance
    width, height = wanted.randrange(1, 200), wanted.randrange(1, 200)
    query = {
        0: f"size={width}x{height}&fit=cover&format=jpeg&quality={wanted.randrange(1, 99)}",
        1: f"size={width}x&format=webp&rotate={wanted.randrange(360)}",
        2: f"preset=info&exif={wanted.choice(('none', 'gps', 'selected'))}",
        3: f"preset=placeholder&size={wanted.randrange(16, 64)}",
        4: f"size={width}x&unknown={height}",
    }[number % 5]
    fields = (
        {"If_None_Match": '"x"'} if number % 7 == 0 else {"Range": "bytes=0-9"} if number % 11 == 0 else {}
    )
    return web.request(f"/{name}?{query}", **fields)


async def ask(web, port, numbers):
    """Send requests over one connection, one after the other; how often each status came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    counted = Counter()
    for number in numbers:
        writer.write(request(web, number))
        counted[(await web.read_response(reader)).status] += 1
    writer.close()
    await writer.wait_closed()
    return counted


@pytest.mark.timeout(seconds=600)
async def test_a_server_does_not_grow(configuration, web):
    async with running(configuration) as (process, port):
        sizes, counted = [], Counter()
        for first in range(0, REQUESTS, STEP):
            numbers = iter(range(first, first + STEP))
            for one in await asyncio.gather(*(ask(web, port, numbers) for _ in range(CONNECTIONS))):
                counted += one
            sizes.append(memory(process.pid, "VmRSS"))
        print([f"{size / MIB:.1f} MiB" for size in sizes], counted)
        assert sum(counted.values()) == REQUESTS
        assert counted[200] > REQUESTS / 2
        assert not [status for status in counted if status >= 500]
        assert sizes[-1] - sizes[0] <= GROWN
