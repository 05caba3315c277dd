"""Pictures that were made to do harm, or came to harm: to a real server with real workers.

Each is answered with a picture, or with a 4xx and a sentence, within a second of processor time; the server
and other requests are unharmed, and nothing outside of the picture is read. Never a 5xx.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import resource
import runpy
import socket
import time
import tomllib
import zlib
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

import tornado_media

TESTS = Path(__file__).parents[1]
bombs = SimpleNamespace(**runpy.run_path(str(TESTS / "bombs.py")))
hostile = SimpleNamespace(**runpy.run_path(str(TESTS / "hostile.py")))

PACKAGE = Path(tornado_media.__file__).parent
BUILTIN = tomllib.loads((PACKAGE / "presets" / "builtin.toml").read_text())["preset"]

YARDSTICK = 0.024
"""Seconds of processor time of `second`'s work on the machine of the bounds, a fifth less."""

TICK = 1 / os.sysconf("SC_CLK_TCK")

QUERIES = (
    "size=300x300&format=jpeg",
    "size=50x&format=webp&animated=on",
    "preset=info",
    "preset=palette",
)

MORE = (
    "frame=200&size=300x&format=jpeg",
    "page=200&size=300x&format=jpeg",
    "animated=on&format=gif&trim=9",
    "linear=on&size=40x&format=png",
    "strip=none&format=jpeg",
    "strip=copyright&format=webp&size=1000x",
    "preset=hashes",
    "preset=info&exif=gps",
)

FUZZED = (
    *QUERIES,
    "size=20x20&format=auto",
    "size=100x100&fit=contain&format=png&background=ff000088",
    "size=40x40&fit=cover&position=attention&format=jpeg",
    "size=33x&rotate=17&format=webp",
    "crop=0.1,0.1,0.5,0.5&trim=9&format=png",
    "animated=on&format=gif&size=30x",
    "animated=on&format=webp&round=9&grayscale=on",
    "frame=1&format=webp&lossless=on",
    "page=1&format=jpeg&strip=none",
    "strip=copyright&format=webp&size=30x",
    "linear=on&size=30x&format=jpeg",
    "format=avif&size=30x&strip=none",
    "blur=3&pixelate=4&format=jpeg&max_bytes=900",
    "watermark=/fine.jpeg&format=jpeg",
    "preset=placeholder",
    "preset=hashes",
    "preset=info&exif=gps",
)


def presets(**limits):
    """The built-in presets of pictures, with more limits, and one that takes a body."""
    tables = {name: BUILTIN[name] for name in ("thumbnail", "info", "placeholder", "hashes", "palette")}
    tables = {name: {**t, "limits": {**t.get("limits", {}), **limits}} for name, t in tables.items()}
    posted = {**tables["thumbnail"], "methods": ["POST"]}
    posted["parameters"] = {name: posted["parameters"][name] for name in ("size", "animated")}
    posted["parameters"]["format"] = {"type": "choice", "values": ["webp"], "default": "webp"}
    return {**tables, "posted": posted}


@pytest.fixture
def folder(source_folder):
    (source_folder / "fine.jpeg").write_bytes(hostile.healthy()["baseline.jpeg"])
    return source_folder


@pytest.fixture
def server_of(serve, tmp_path):
    """A server of two workers that keeps nothing."""

    def start(**limits):
        config = {
            "server": {"workers": 2},
            "cache": {"folder": str(tmp_path / "cache"), "memory": 0, "bytes": 0},
        }
        return serve(config, **presets(**limits))

    return start


def second():
    """A second of processor time; it is longer on a slower machine."""
    content = random.Random(1).randbytes(300_000) * 4
    before = time.process_time()
    zlib.compress(content, 6)
    return max(1.0, (time.process_time() - before) / YARDSTICK)


def worker_ids(server):
    return {child.pid for worker in server.media.workers._all for child in worker.group.children}


def used(workers):
    """Seconds of processor time that these processes have used, or had when they ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = ended.ru_utime + ended.ru_stime
    for pid in workers:
        if (path := Path(f"/proc/{pid}/stat")).exists():
            user, system = path.read_text().rpartition(")")[2].split()[11:13]
            seconds += (int(user) + int(system)) * TICK
    return seconds


def fault(answer):
    """What is wrong with an answer to a hostile picture; None for nothing."""
    if answer.status == 200:
        kind, content = answer.headers["Content-Type"], answer.content
        if not answer.complete:
            return "incomplete"
        if kind == "application/json":
            json.loads(content)
        elif kind.startswith("image/"):
            with Image.open(io.BytesIO(content)) as image:
                image.load()
        else:
            return kind
        return None
    text = answer.text.strip()
    words = text.partition(": ")[2]
    if not 400 <= answer.status < 500:
        return text
    helpful = len(words) > 20 and words.endswith((".", "@FILE")) and "\n" not in text
    return None if helpful and "vips" not in text else f"not a helpful sentence: {text!r}"


async def ask_fine(server, number):
    """A healthy picture, in a size that nobody has asked for yet."""
    answer = await server.get(f"/fine.jpeg?size={10 + number % 5000}x&format=jpeg")
    assert (answer.status, fault(answer)) == (200, None), answer.text


# -- bombs: each has a name ---------------------------------------------------------------------------------

MUST = {
    "268mp.png": 422,
    "268mp-interlaced.png": 422,
    "100000-frames.gif": 200,
    "1000000-scans.jpeg": 422,
    "largest.jpeg": 422,
    "268mp.avif": 422,
    "laughs.svg": 422,
    "picture.svg": 422,
    "script.svg": 200,
    "a-jpeg.png": 200,
    "a-png.jpeg": 200,
    "archive.png": 200,
    "page.jpeg": 200,
    "profile-garbage.jpeg": 200,
    "exif-circle.jpeg": 200,
}


LONG = {"elements.svg", "paths.svg"}
"""What others show as well, in less time."""


async def throw(server, folder, kinds, queries):
    """Ask for all bombs of some kinds: what went wrong."""
    await asyncio.gather(ask_fine(server, 1), ask_fine(server, 2))
    wrong, number = [], 2
    names = [name for name in bombs.BOMBS if name.rpartition(".")[2] in kinds]
    for name in names if len(queries) > 1 else sorted({*names} - LONG):
        (folder / name).write_bytes(bombs.BOMBS[name]())
        for query in queries:
            # One that a bomb has ended is replaced; how long that takes is not the next one's.
            await asyncio.gather(*(worker.warmed() for worker in server.media.workers._all))
            workers = worker_ids(server)
            before = used(workers)
            answer = await server.get(f"/{name}?{query}")
            seconds = used(workers) - before
            if said := fault(answer):
                wrong.append((name, query, said))
            if seconds > 1.0 and seconds > second():
                wrong.append((name, query, answer.status, f"{seconds:.2f} s"))
            if query in QUERIES[:2] and MUST.get(name, answer.status) != answer.status:
                wrong.append((name, query, answer.status))
            assert len(worker_ids(server)) <= 3
            await ask_fine(server, number := number + 1)
        (folder / name).unlink()
    return wrong


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kinds", "query"),
    [(("jpeg", "tiff", "avif", "svg", "svgz"), QUERIES[0]), (("png", "gif", "webp"), QUERIES[1])],
)
async def test_bombs(server_of, folder, kinds, query):
    """Those that are most work for each kind."""
    async with server_of() as server:
        wrong = await throw(server, folder, kinds, [query])
        assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.slow
@pytest.mark.timeout(seconds=300)
@pytest.mark.parametrize("kinds", [("png", "gif", "webp"), ("jpeg", "tiff", "avif"), ("svg", "svgz")])
async def test_bombs_in_other_ways(server_of, folder, kinds):
    async with server_of() as server:
        wrong = await throw(server, folder, kinds, [*QUERIES, *MORE])
        assert not wrong, "\n".join(map(str, wrong))


async def test_the_name_of_a_file_says_nothing(server_of, folder):
    for name in ("a-jpeg.png", "a-png.jpeg"):
        (folder / name).write_bytes(bombs.BOMBS[name]())
    async with server_of() as server:
        for name, kind in (("a-jpeg.png", "image/jpeg"), ("a-png.jpeg", "image/png")):
            assert (await server.get(f"/{name}")).headers["Content-Type"] == kind
            assert json.loads((await server.get(f"/{name}?preset=info")).content)["media_type"] == kind
            small = await server.get(f"/{name}?size=8x&format=png")
            red, green, blue = Image.open(io.BytesIO(small.content)).convert("RGB").getpixel((4, 3))
            assert max(red, green) < 10
            assert 120 < blue < 136


# -- damage: each has a number ------------------------------------------------------------------------------


async def storm(server, web, folder, seeds):
    """Ask for damaged pictures, four at a time, and for healthy ones meanwhile.

    Returns:
        How often was answered what; and how many `workers` there were.
    """
    left, counted, workers = iter(seeds), Counter(), worker_ids(server)

    async def attack():
        for seed in left:
            name, content = hostile.damaged(seed)
            chance = random.Random(-seed)
            if chance.random() < 0.2:
                answer = await post(server, web, "/?preset=posted&size=40x&animated=on", content)
                query = "posted"
            else:
                (folder / name).write_bytes(content)
                query = chance.choice(FUZZED)
                answer = await server.get(f"/{name}?{query}", Accept="image/avif,image/webp")
                (folder / name).unlink()
            said = fault(answer)
            assert said is None, f"seed {seed}: {name}?{query}: {said}"
            counted[answer.status] += 1
            counted[f"{answer.status} {query.partition('&')[0]}"] += 1
            workers.update(worker_ids(server))
            assert len(worker_ids(server)) <= 3
            if seed % 10 == 0:
                await ask_fine(server, seed)

    async with asyncio.TaskGroup() as attackers:
        for _ in range(4):
            attackers.create_task(attack())
    counted["workers"] = len(workers)
    return counted


async def post(server, web, target, body):
    reader, writer = await server.connect()
    writer.write(web.request(target, "POST", Connection="close", Content_Length=str(len(body))) + body)
    try:
        return await web.read_response(reader)
    finally:
        writer.close()
        await writer.wait_closed()


async def rage(server_of, web, folder, seeds):
    # SIGXCPU ends a call in its second second at the latest, and 504 is none of the answers that are right.
    async with server_of(cpu=1, total=20.0) as server:
        await asyncio.gather(ask_fine(server, 1), ask_fine(server, 2))
        counted = await storm(server, web, folder, seeds)
        await ask_fine(server, 3)
        return counted


@pytest.mark.slow
async def test_damage(server_of, web, folder):
    counted = await rage(server_of, web, folder, range(165))
    assert counted[200] > 20
    assert counted[422] > 50
    assert counted["200 posted"] > 0
    assert counted["workers"] <= 4


@pytest.mark.slow
@pytest.mark.timeout(seconds=600)
async def test_much_damage(server_of, web, folder):
    number = int(os.environ.get("SEEDS", "2000"))  # more of them, for a night
    counted = await rage(server_of, web, folder, range(1000, 1000 + number))
    assert counted["workers"] <= 10 + number // 500  # one is replaced after 2000 calls


# -- nothing outside of a picture is read ------------------------------------------------------------------

RED = bombs.svg('<rect width="64" height="48" fill="#f00"/>', 'id="a" width="64" height="48"')


@pytest.fixture
def canary(folder):
    path = folder / "canary.svg"
    path.write_bytes(RED)
    os.utime(path, (0, 0))
    path.read_text()
    if path.stat().st_atime == 0:
        pytest.skip("this file system does not note when a file is read")
    os.utime(path, (0, 0))
    return path


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def is_red(content):
    with Image.open(io.BytesIO(content)) as image:
        return any(r > 200 and g < 90 and b < 90 for _, (r, g, b) in image.convert("RGB").getcolors(99999))


@pytest.mark.parametrize("jailed", [True, False])
async def test_nothing_outside_is_read(server_of, folder, canary, listener, jailed):
    """By the server; and by the engine alone, which needs no jail for it."""
    from tornado_media.engines.image import thumbnail
    from tornado_media.errors import SourceUnusable

    address = f"http://127.0.0.1:{listener.getsockname()[1]}/canary.svg"
    named = bombs.reaching(canary, address)
    drawn = 0
    async with server_of() as server:
        for name, content in named.items():
            (folder / name).write_bytes(content)
            if jailed:
                answer = await server.get(f"/{name}?size=64x48&format=png")
                assert fault(answer) is None, name
                picture = answer.content if answer.status == 200 else None
            else:
                source = os.open(folder / name, os.O_RDONLY)
                try:
                    picture = thumbnail(source, "image/svg+xml", width=64, height=48, format="png")
                except SourceUnusable:
                    picture = None
                finally:
                    os.close(source)
            drawn += picture is not None
            assert picture is None or not is_red(picture), name
            assert canary.stat().st_atime == 0, name
            with pytest.raises(BlockingIOError):
                listener.accept()
    assert drawn > len(named) / 2


def test_it_would_be_read_by_who_knows_where_the_picture_is(folder, canary):
    """Else the test before would show nothing."""
    import pyvips

    (folder / "a.svg").write_bytes(bombs.reaching(canary, "")["image-name.svg"])
    pyvips.operation_block_set("VipsForeignLoadSvg", False)
    assert is_red(pyvips.Image.svgload(str(folder / "a.svg")).pngsave_buffer())
    assert canary.stat().st_atime > 0
