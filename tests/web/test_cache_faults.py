"""The fault table of kept and shared results: each test is one row, with real programs over a real socket.

The numbers are those of the table that the project keeps of what must survive; see test_faults.py. What works
is in test_sharing.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import select
import shutil
import signal
import socket
import sys
import time
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tornado_media.store.entry import MAX_FOOTER
from tornado_media.store.folder import Folder

KIB, MIB = 1024, 1024 * 1024
PROGRAMS = Path(__file__).parents[1] / "programs"
HIT, MISS = "tornado_media; hit", "tornado_media; fwd=miss; stored"


def numbered(number: int, size: int) -> bytes:
    """What tests/programs/numbered.py writes."""
    return array("Q", range(number << 32, (number << 32) + size // 8 + 1)).tobytes()[:size]


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "gate")
    return tmp_path / "gate"


@pytest.fixture
def runs(tmp_path: Path) -> Callable[[], int]:
    """How often gated.py has run with `tmp_path / "runs"` as its log."""
    log = tmp_path / "runs"
    log.touch()
    return lambda: len(log.read_text().splitlines())


@asynccontextmanager
async def slow_client(port: int, request: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """A connection that takes little ahead: what is not read stays with the server."""
    connection = socket.socket()
    # Before it is connected: the size goes into the handshake.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * KIB)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=16 * KIB)
    try:
        writer.write(request)
        yield reader
    finally:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def content_of(reader: asyncio.StreamReader, size: int | None = None) -> tuple[bytes, bool]:
    """Chunked content, all of it or its first bytes, and whether its end was told."""
    content = bytearray()
    try:
        while size is None or len(content) < size:
            length = int(await reader.readuntil(b"\r\n"), 16)
            if length == 0:
                await reader.readexactly(2)
                return bytes(content), True
            content += await reader.readexactly(length)
            await reader.readexactly(2)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    return bytes(content), False


def entries_in(folder: Path) -> list[Path]:
    """The files of kept results."""
    return [folder / "1" / entry.source / entry.key for entry in Folder(folder).list()]


# -- row 44: one job for all ---------------------------------------------------------------------------------


async def curl(port: int, target: str, *options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        "curl", "-sS", *options, f"http://127.0.0.1:{port}{target}", stdout=-1, stderr=-1
    )


@pytest.mark.slow
@pytest.mark.needs("curl")
async def test_row_44_a_hundred_clients_at_once_are_one_job_and_the_first_may_leave(
    serve: Any, web: Any, gate: Path, tmp_path: Path, runs: Any
) -> None:
    preset = web.program_preset("gated", str(tmp_path / "runs"), str(300 * KIB), str(gate), str(MIB))
    async with serve(p=preset) as server:
        first = await curl(server.port, "/a.txt?preset=p")
        await web.until(lambda: web.readers(server) == 1)
        clients = await asyncio.gather(*(curl(server.port, "/a.txt?preset=p") for _ in range(100)))
        outputs = [asyncio.ensure_future(client.communicate()) for client in clients]
        await web.until(lambda: web.readers(server) == 101)
        first.kill()
        await first.communicate()
        await web.until(lambda: web.readers(server) == 100)
        await web.open_gate(gate)
        contents = Counter(content for content, _ in await asyncio.gather(*outputs))
        await web.idle(server)
        assert (await server.get("/a.txt?preset=p")).headers["Cache-Status"] == HIT
    whole = b"".join(n.to_bytes(8, "big") for n in range(MIB // 8 + 300 * KIB // 8))
    assert contents == {whole: 100}
    assert {client.returncode for client in clients} == {0}
    assert runs() == 1


# -- row 45: the one job fails -------------------------------------------------------------------------------


@pytest.mark.needs("curl")
async def test_row_45_ten_clients_of_a_job_that_fails_are_aborted_and_it_is_not_run_again_at_once(
    serve: Any, web: Any, gate: Path, tmp_path: Path, runs: Any, expect_log: Any
) -> None:
    log = str(tmp_path / "runs")
    preset = web.program_preset("gated", log, str(300 * KIB), str(gate), str(300 * KIB), "3")
    async with serve(p=preset) as server:
        with expect_log("aborted.*exited with 3"):
            clients = await asyncio.gather(*(curl(server.port, "/a.txt?preset=p") for _ in range(10)))
            outputs = [asyncio.ensure_future(client.communicate()) for client in clients]
            await web.until(lambda: web.readers(server) == 10)
            await web.open_gate(gate)
            await asyncio.gather(*outputs)
        assert {client.returncode for client in clients} == {18}  # "partial file"
        await web.until(lambda: not server.media.jobs._shared)
        with expect_log("failed with 502.*exited with 3"):
            after = await asyncio.gather(*(server.get("/a.txt?preset=p") for _ in range(10)))
        assert {(response.status, response.headers["Cache-Status"]) for response in after} == {
            (502, "tornado_media; hit; detail=failed")
        }
        assert runs() == 1
        assert entries_in(tmp_path / "cache") == []
        # Whoever has mended the source need not wait.
        await server.get("/a.txt", "DELETE")
        with expect_log("aborted.*exited with 3"):
            again = asyncio.ensure_future(server.get("/a.txt?preset=p"))
            await web.open_gate(gate)
            assert not (await again).complete
        assert runs() == 2


# -- row 46: two runs, other bytes ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10 * KIB, 2 * MIB])
@pytest.mark.parametrize("streams", [True, False])
async def test_row_46_ranges_never_mix_two_runs(serve: Any, web: Any, size: int, streams: bool) -> None:
    async with serve(p=web.program_preset("chance", str(size), streams=streams)) as server:
        contents, tags = [], []
        for _ in range(2):
            whole = await server.get("/a.txt?preset=p")
            await web.idle(server)
            contents.append(whole.content)
            tags.append(whole.headers["ETag"])
            part = await server.get("/a.txt?preset=p", Range="bytes=1000-8999", If_Range=tags[-1])
            assert (part.status, part.content) == (206, whole.content[1000:9000])
            assert part.headers["ETag"] == tags[-1]
            await server.get("/a.txt", "DELETE")
        assert contents[0] != contents[1]
        assert tags[0] != tags[1]
        await server.get("/a.txt?preset=p")
        await web.idle(server)
        for tag in (*tags, f"W/{tags[0]}"):
            other = await server.get("/a.txt?preset=p", Range="bytes=1000-8999", If_Range=tag)
            assert (other.status, len(other.content)) == (200, size)
            assert "Content-Range" not in other.headers
            assert other.headers["ETag"] not in tags


async def test_row_46_a_range_of_an_earlier_run_is_not_of_the_one_that_grows(
    serve: Any, web: Any, gate: Path
) -> None:
    preset = web.program_preset("numbered", "1", str(600 * KIB), str(gate), "2")
    async with serve(p=preset) as server:
        tags = []
        for run in range(2):
            reader, writer = await server.send("/a.txt?preset=p")
            tags.append((await web.read_head(reader))[1]["ETag"])
            await content_of(reader, 300 * KIB)
            if run == 0:
                writer.close()
                await web.idle(server)
        asked = {"Range": "bytes=10-19"}
        mine = await server.get("/a.txt?preset=p", **asked, If_Range=tags[1])
        assert (mine.status, mine.content) == (206, numbered(1, 20)[10:])
        theirs = asyncio.ensure_future(server.get("/a.txt?preset=p", **asked, If_Range=tags[0]))
        await web.until(lambda: web.readers(server) == 2)
        await web.open_gate(gate)
        await server.media.jobs._by_key.copy().popitem()[1].spool.reach(600 * KIB - 1)
        await web.open_gate(gate)
        assert ((await theirs).status, (await theirs).content) == (200, numbered(1, 600 * KIB))
        writer.close()
        await web.idle(server)


# -- row 47: a full disk -------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_row_47_a_full_disk_serves_everybody_keeps_nothing_half_and_is_told_once(
    serve: Any, web: Any, small_disk: Path, source_folder: Path, picture: Any, expect_log: Any
) -> None:
    picture("1.png", 400, 300, folder=source_folder)
    sizes = {"stream": 3 * MIB, "whole": 3 * MIB + 5, "middle": 700 * KIB}
    presets = {
        name: web.program_preset("numbered", str(number), str(size), streams=name == "stream")
        for number, (name, size) in enumerate(sizes.items())
    }
    expected = {
        f"/a.txt?preset={name}": numbered(number, size) for number, (name, size) in enumerate(sizes.items())
    }
    full = expect_log("the cache's disk is left alone for 60 s: .*No space left")
    async with serve({"cache": {"folder": str(small_disk)}}, **presets) as server:
        for _ in range(3):
            targets = [*expected] * 4
            responses = await asyncio.gather(*map(server.get, targets))
            for target, response in zip(targets, responses, strict=True):
                assert (response.status, response.complete) == (200, True), target
                assert response.content == expected[target], target
            pictures = [await server.get(f"/1.png?size=40x{side}") for side in range(20, 40)]
            assert {picture.status for picture in pictures} == {200}
        await web.idle(server)
        assert len(full.lines) == 1
        # Small results are had from memory, also those that were made after the disk was full.
        assert (await server.get("/1.png?size=40x39")).headers["Cache-Status"] == HIT
        entries = entries_in(small_disk)
        assert all(entry.stat().st_size < MIB for entry in entries)
    # Another server finds whole results there, and no others.
    async with serve({"cache": {"folder": str(small_disk)}}, **presets) as server:
        for target, content in expected.items():
            response = await server.get(target)
            assert response.complete
            assert response.content == content
        await web.idle(server)
        assert list((small_disk / "tmp").iterdir()) == []


# -- row 48: SIGKILL at any moment of a fill -----------------------------------------------------------------


class Process:
    """A server in a process of its own, with the presets of tests/programs/numbered.py."""

    CONFIG = """
[sources.a]
root = "."
[programs]
python = "{python}"
[cache]
folder = "kept"
window = "256 KiB"
[preset.large]
accepts = ["*/*"]
media_type = "a/b"
streams = true
pipeline = [["python", "-SEI", "{programs}/numbered.py", "{{n}}", "3145728"]]
[preset.large.parameters]
n = {{ type = "integer", min = 0, max = 1000, required = true }}
[preset.small]
accepts = ["*/*"]
media_type = "a/b"
pipeline = [["python", "-SEI", "{programs}/numbered.py", "{{n}}", "300000"]]
[preset.small.parameters]
n = {{ type = "integer", min = 0, max = 1000, required = true }}
"""

    def __init__(self, folder: Path) -> None:
        self.folder, self.kept = folder, folder / "kept"
        (folder / "a.txt").write_text("hello\n")
        (folder / "c.toml").write_text(self.CONFIG.format(python=sys.executable, programs=PROGRAMS))
        self.log = folder / "log"

    async def start(self, *program: str) -> None:
        """Start it, or a program that is it."""
        command = [sys.executable, *(program or ("-m", "tornado_media"))]
        command += ["serve", "--config", "c.toml", "--port", "0"]
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command, cwd=self.folder, stdout=-1, stderr=log
            )
        assert self.process.stdout is not None
        address = re.search(r"http://127.0.0.1:(\d+)/", (await self.process.stdout.readline()).decode())
        assert address is not None
        self.port = int(address[1])

    def kill(self) -> None:
        """Kill it, and see that all of its processes are gone within a second."""
        # It stands still while its processes are looked for: the moment is the one that was asked for.
        self.process.send_signal(signal.SIGSTOP)
        with contextlib.ExitStack() as stack:
            waiting = set()
            for child in self.children():
                with contextlib.suppress(ProcessLookupError):  # it has ended just now
                    waiting.add(os.pidfd_open(child))
                    stack.callback(os.close, max(waiting))
            self.process.kill()
            deadline = time.monotonic() + 1.0
            while waiting and (left := deadline - time.monotonic()) > 0:
                # A pidfd can be read from when its process has ended (pidfd_open(2)).
                waiting -= set(select.select(waiting, (), (), left)[0])
            assert not waiting, "a process outlives its server"

    async def ended(self) -> None:
        # Its stdout too: the transport would be left to the collector.
        await self.process.communicate()

    def target(self, number: int) -> str:
        return f"/a.txt?preset={self.kind(number)}&n={number}"

    @staticmethod
    def kind(number: int) -> str:
        return "small" if number % 3 == 2 else "large"

    def content(self, number: int) -> bytes:
        return numbered(number, 3 * MIB if self.kind(number) == "large" else 300_000)

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def entries(self) -> set[str]:
        """The keys of what is kept."""
        return {path.name for path in self.kept.glob("1/*/*")}

    def is_clean(self) -> None:
        """It has left no temporary name, and has found nothing to complain of."""
        assert list((self.kept / "tmp").iterdir()) == []
        assert not re.search("WARNING|ERROR|Traceback", self.log.read_text())

    async def response(self, web: Any, number: int) -> Any:
        async with slow_client(self.port, web.request(self.target(number))) as reader:
            return await web.read_response(reader)


async def fill_until(server: Process, web: Any, number: int, moment: str, chance: random.Random) -> None:
    """Ask for a result, and return at a moment of its way into the cache."""
    async with slow_client(server.port, web.request(server.target(number))) as reader:
        if moment == "asked":
            return
        _, fields = await web.read_head(reader)
        size = len(server.content(number))
        program = max(server.children())
        wanted = {"head": 0, "bytes": chance.randrange(size)}.get(moment, size)
        taken = 0
        # The server is never far ahead of this client: by its window, and by what the sockets take.
        while taken < wanted and not (moment == "exit" and not os.path.exists(f"/proc/{program}")):
            taken += len(await reader.read(min(8 * KIB, wanted - taken)))
        if moment == "kept":
            deadline = time.monotonic() + 10
            # The tag begins with the key. Others may be on their way into the cache still.
            while fields["ETag"][1:33] not in server.entries():
                assert time.monotonic() < deadline


@pytest.mark.slow
@pytest.mark.timeout(seconds=300)
async def test_row_48_a_server_that_is_killed_at_any_moment_leaves_no_half_result(
    tmp_path: Path, web: Any
) -> None:
    chance, server, statuses = random.Random(48), Process(tmp_path), Counter[tuple[str, str]]()
    moments = ["asked", "head", *["bytes"] * 3, *["exit"] * 2, *["end"] * 2, "kept"] * 3
    await server.start()
    for number, moment in enumerate(moments):
        await fill_until(server, web, number, moment, chance)
        server.kill()
        await server.ended()
        await server.start()
        response = await server.response(web, number)
        assert (response.status, response.complete) == (200, True), (number, moment)
        assert response.content == server.content(number), (number, moment)
        status = response.headers["Cache-Status"]
        assert status in {"asked": (MISS,), "kept": (HIT,)}.get(moment, (HIT, MISS)), (number, moment)
        statuses[moment, status] += 1
    # When it is stopped in order, what is being kept is kept first.
    for allowed in ((HIT, MISS), (HIT,)):
        for number in range(len(moments)):
            response = await server.response(web, number)
            assert response.content == server.content(number)
            assert response.headers["Cache-Status"] in allowed, number
        server.process.terminate()
        await server.ended()
        await server.start()
    server.process.terminate()
    await server.ended()
    server.is_clean()
    # Fills were killed that were not complete, and some that were.
    assert len({status for _, status in statuses}) == 2, statuses


COMMIT = [
    *[("before", "ftruncate", number) for number in (1, 2)],
    *[(when, "pwrite", 1) for when in ("before", "after")],
    *[(when, "fsync", 1) for when in ("before", "after")],
    *[(when, "link", 1) for when in ("before", "after")],
    *[(when, "replace", 1) for when in ("before", "after")],
    *[(when, "fsync", 2) for when in ("before", "after")],
]


@pytest.mark.slow
@pytest.mark.parametrize(("when", "function", "call"), COMMIT)
@pytest.mark.parametrize("number", [1, 2], ids=["large", "small"])
async def test_row_48_a_server_that_is_killed_while_it_keeps_a_result(
    tmp_path: Path, web: Any, number: int, when: str, function: str, call: int
) -> None:
    server = Process(tmp_path)
    await server.start(str(PROGRAMS / "dies_at.py"), when, function, str(call))
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        response = await server.response(web, number)
        assert response.content == server.content(number)[: len(response.content)]
    async with asyncio.timeout(20):
        await server.ended()
    assert server.process.returncode == -signal.SIGKILL
    await server.start()
    response = await server.response(web, number)
    is_in_place = (when, function) == ("after", "replace") or (function, call) == ("fsync", 2)
    assert response.headers["Cache-Status"] == (HIT if is_in_place else MISS)
    assert (response.content == server.content(number), response.complete) == (True, True)
    server.process.terminate()
    await server.ended()
    server.is_clean()


# -- row 49: a kept result that was damaged ------------------------------------------------------------------


def _flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 4
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "empty": lambda path: os.truncate(path, 0),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "last byte": lambda path: os.truncate(path, path.stat().st_size - 1),
    "footer cut off": lambda path: os.truncate(path, path.stat().st_size // KIB * KIB),
    "longer": lambda path: os.truncate(path, path.stat().st_size + MAX_FOOTER),
    "bit of the footer": lambda path: _flip(path, -40),
}
# A large result has no digest: the kernel sends it, and nobody here reads it.
DAMAGES_OF_SMALL = {**DAMAGES, "bit of the content": lambda path: _flip(path, 1000)}


@pytest.mark.parametrize(
    ("size", "damage"),
    [*((300 * KIB, damage) for damage in DAMAGES_OF_SMALL), *((3 * MIB, damage) for damage in DAMAGES)],
)
async def test_row_49_a_damaged_result_is_dropped_and_made_again(
    serve: Any, web: Any, tmp_path: Path, size: int, damage: str
) -> None:
    config = {"cache": {"folder": str(tmp_path / "kept")}}
    statuses = []
    for attempt in range(4):
        # Another server: what is in the memory of one is not damaged.
        async with serve(config, p=web.program_preset("numbered", "7", str(size))) as server:
            response = await server.get("/a.txt?preset=p", Range="" if attempt != 1 else "bytes=0-9")
            statuses.append((response.status, response.headers["Cache-Status"]))
            assert response.content == numbered(7, size)[: 10 if response.status == 206 else None]
            await web.idle(server)
        (entry,) = entries_in(tmp_path / "kept")
        if attempt == 1:
            DAMAGES_OF_SMALL[damage](entry)
    assert statuses == [(200, MISS), (206, HIT), (200, MISS), (200, HIT)]


async def test_row_49_a_result_that_is_cut_while_it_is_sent_is_an_abort(
    serve: Any, web: Any, tmp_path: Path, expect_log: Any
) -> None:
    async with serve(p=web.program_preset("numbered", "7", str(20 * MIB))) as server:
        await server.get("/a.txt?preset=p")
        await web.idle(server)
        (entry,) = entries_in(tmp_path / "cache")
        async with slow_client(server.port, web.request("/a.txt?preset=p")) as reader:
            _, fields = await web.read_head(reader)
            assert fields["Content-Length"] == str(20 * MIB)
            begin = await reader.readexactly(100 * KIB)
            os.truncate(entry, 10 * MIB)
            with expect_log("aborted: The source changed meanwhile"):
                rest = await reader.read(-1)
        assert len(begin + rest) <= 10 * MIB
        assert begin + rest == numbered(7, len(begin + rest))
        again = await server.get("/a.txt?preset=p")
        assert (again.headers["Cache-Status"], again.content) == (MISS, numbered(7, 20 * MIB))
        await web.idle(server)


# -- row 50: a kept result that leaves while it is served ----------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("how", ["purge", "clear", "evict", "remove the folder"])
async def test_row_50_what_leaves_the_cache_while_it_is_served_is_served_to_its_end(
    serve: Any, web: Any, tmp_path: Path, how: str
) -> None:
    folder, size = tmp_path / "kept", 20 * MIB
    config = {"cache": {"folder": str(folder), "bytes": "30 MiB", "share": 1.0}}
    presets = {name: web.program_preset("numbered", name[1:], str(size)) for name in ("n1", "n2")}
    async with serve(config, **presets) as server:
        await server.get("/a.txt?preset=n1")
        await web.idle(server)
        async with slow_client(server.port, web.request("/a.txt?preset=n1")) as reader:
            _, fields = await web.read_head(reader)
            assert (fields["Cache-Status"], fields["Content-Length"]) == (HIT, str(size))
            begin = await reader.readexactly(100 * KIB)
            (entry,) = entries_in(folder)
            if how == "purge":
                await server.get("/a.txt", "DELETE")
            elif how == "clear":
                await server.media.cache.clear()
            elif how == "evict":
                assert (await server.get("/a.txt?preset=n2")).content == numbered(2, size)
                await web.idle(server)
            else:
                shutil.rmtree(folder)
            assert not entry.exists()
            assert begin + await reader.readexactly(size - len(begin)) == numbered(1, size)
        again = await server.get("/a.txt?preset=n1")
        assert (again.headers["Cache-Status"], again.content) == (MISS, numbered(1, size))
        await web.idle(server)


# -- row 51: what is not ours --------------------------------------------------------------------------------


def _tree(folder: Path) -> dict[str, tuple[int, int, int, int]]:
    """What is in a folder, at any depth."""
    found = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        found[str(path.relative_to(folder))] = (
            status.st_ino,
            status.st_mode,
            status.st_uid,
            0 if path.is_dir() else status.st_size,
        )
    return found


@pytest.mark.parametrize("kind", ["folder", "link", "FIFO", "owner"])
async def test_row_51_what_is_not_ours_is_neither_served_nor_removed(
    serve: Any, web: Any, tmp_path: Path, kind: str
) -> None:
    if kind == "owner" and os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    folder = tmp_path / "kept"
    config = {"cache": {"folder": str(folder), "bytes": "8 MiB", "memory": 0}}
    presets = {name: web.program_preset("numbered", name[1:], str(100 * KIB)) for name in ("n1", "n2")}
    async with serve(config, **presets) as server:
        await server.get("/a.txt?preset=n1")
        await web.idle(server)
    (entry,) = entries_in(folder)
    theirs = entry.read_bytes().replace(numbered(1, 8), b"not ours")
    entry.unlink()
    if kind == "folder":
        (entry / "inside").mkdir(parents=True)
    elif kind == "link":
        (tmp_path / "elsewhere").write_bytes(theirs)
        entry.symlink_to(tmp_path / "elsewhere")
    elif kind == "FIFO":
        os.mkfifo(entry)
    else:
        entry.write_bytes(theirs)
        os.chown(entry, 12345, 12345)
    for name in ("0/old", "2/next/version", "1/notes.txt", f"1/{'a' * 32}/x", "tmp/mine", "README", ".x"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
    (folder / "1" / ("b" * 32)).symlink_to(tmp_path)
    foreign = _tree(folder)
    async with serve(config, **presets) as server:
        for attempt in range(3):
            # What takes the place of an entry is in its way: the result is made each time.
            response = await server.get("/a.txt?preset=n1")
            assert (response.status, response.content) == (200, numbered(1, 100 * KIB))
            assert response.headers["Cache-Status"] == MISS
            other = await server.get("/a.txt?preset=n2")
            assert other.content == numbered(2, 100 * KIB)
            assert other.headers["Cache-Status"] == (HIT if attempt else MISS)
            await web.idle(server)
        assert (await server.get("/a.txt", "DELETE")).status == 200
        await server.media.cache.clear()
        await web.idle(server)
    left = _tree(folder)
    assert {name: left.get(name) for name in foreign} == foreign
    assert len(left) == len(foreign)


# -- row 52: a source that changes while it is read ----------------------------------------------------------


def _rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 10)
        file.write(b"rewritten!")
    os.utime(path, (1, 1))  # the clock of a file system may be too coarse to tell two writes apart


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _replace(path: Path) -> None:
    path.with_name("new").write_bytes(numbered(4, 550 * KIB))
    path.with_name("new").rename(path)


CHANGES: dict[str, tuple[Callable[[Path], None], bool, bool]] = {
    # how, whether an original is whole, whether the result of a job is
    "truncated": (lambda path: os.truncate(path, MIB), False, False),
    "rewritten": (_rewrite, False, False),
    "grown": (_grow, True, False),
    "replaced": (_replace, True, True),
    "deleted": (Path.unlink, True, True),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_row_52_an_original_that_changes_while_it_is_sent(
    serve: Any, web: Any, source_folder: Path, change: str, expect_log: Any
) -> None:
    how, whole, _ = CHANGES[change]
    path, content = source_folder / "large.bin", numbered(3, 20 * MIB)
    path.write_bytes(content)
    if not whole:
        expect_log("aborted: The source changed meanwhile")
    async with serve() as server:
        async with slow_client(server.port, web.request("/large.bin")) as reader:
            _, fields = await web.read_head(reader)
            begin = await reader.readexactly(100 * KIB)
            how(path)
            with contextlib.suppress(asyncio.IncompleteReadError):
                begin += await reader.readexactly(len(content) - len(begin))
        # Whatever came is of one state of the file, and what is not the whole was not told to be it.
        assert fields["Content-Length"] == str(len(content))
        assert (begin == content) == whole
        assert begin == content[: len(begin)]
        after = await server.get("/large.bin")
        if change == "deleted":
            assert after.status == 404
        else:
            assert after.content == path.read_bytes()
            assert after.headers["ETag"] != fields["ETag"]


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("change", CHANGES)
async def test_row_52_a_source_that_changes_while_a_job_reads_it(
    serve: Any,
    web: Any,
    source_folder: Path,
    gate: Path,
    tmp_path: Path,
    change: str,
    streams: bool,
    expect_log: Any,
) -> None:
    how, _, whole = CHANGES[change]
    path, content = source_folder / "large.bin", numbered(3, 600 * KIB)
    path.write_bytes(content)
    if change == "truncated":
        how = _cut
    if not whole and not streams:
        expect_log("failed with 502.*it changed")
    preset = web.program_preset("reads", str(500 * KIB), str(gate), stdin="source", streams=streams)
    async with serve(p=preset) as server:
        asking = asyncio.ensure_future(server.get("/large.bin?preset=p"))
        await web.until(lambda: web.readers(server) == 1)
        (shared,) = server.media.jobs._shared
        await shared.spool.reach(500 * KIB - 1)
        how(path)
        await web.open_gate(gate)
        response = await asking
        await web.idle(server)
        if whole:
            assert (response.status, response.content) == (200, content)
            assert response.complete
        else:
            # A stream that is out already is of use to who looks at it, but it is not kept.
            assert response.status == (200 if streams else 502)
            assert entries_in(tmp_path / "cache") == []
        if path.exists():
            after = asyncio.ensure_future(server.get("/large.bin?preset=p"))
            await web.open_gate(gate)
            assert (await after).content == path.read_bytes()
            assert (await after).headers["Cache-Status"] == MISS
            await web.idle(server)


def _cut(path: Path) -> None:
    os.truncate(path, 550 * KIB)


# -- row 54: the clock jumps ---------------------------------------------------------------------------------


@pytest.mark.parametrize("years", [1, -1])
async def test_row_54_a_clock_that_jumps_changes_nothing(
    serve: Any, web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_log: Any, years: int
) -> None:
    expect_log("failed with 502.*exited with 3")
    presets = {
        "p": web.program_preset("numbered", "7", str(10 * KIB), streams=False),
        "large": web.program_preset("numbered", "8", str(2 * MIB)),
        "dies": web.program_preset("dies_after", "0", "3"),
        "silent": web.program_preset("silent", "10"),
    }
    # No failure is forgotten while the test runs, however slow the machine is.
    config = {"cache": {"folder": str(tmp_path / "kept"), "failures": 600.0}}
    async with serve(config, **presets) as server:
        for target in ("/a.txt?preset=p", "/a.txt?preset=p", "/a.txt?preset=large", "/a.txt?preset=dies"):
            await server.get(target)
            await web.idle(server)
        stream, writer = await server.send("/a.txt?preset=silent")
        await web.read_head(stream)
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + years * 365 * 86400)
        for target, cache in (
            ("/a.txt?preset=p", HIT),
            ("/a.txt?preset=p&", HIT),
            ("/a.txt?preset=large", HIT),
            ("/a.txt?preset=dies", "tornado_media; hit; detail=failed"),
            ("/a.txt?preset=silent", "tornado_media; fwd=miss; collapsed"),
        ):
            reader, other = await server.send(target)
            assert (await web.read_head(reader))[1]["Cache-Status"] == cache, target
            other.close()
        # The stream's deadlines have not passed: its program still runs.
        assert len(server.media.jobs._shared) == 1
        writer.close()
        await web.idle(server)


# -- another configuration, and the command line -------------------------------------------------------------


async def test_a_changed_preset_has_results_of_its_own(serve: Any, web: Any, tmp_path: Path) -> None:
    config = {"cache": {"folder": str(tmp_path / "kept")}}
    for number, status in ((1, MISS), (2, MISS), (1, HIT), (2, HIT)):
        async with serve(config, p=web.program_preset("numbered", str(number), str(10 * KIB))) as server:
            for expected in (status, HIT, HIT):
                response = await server.get("/a.txt?preset=p")
                await web.idle(server)
                assert response.content == numbered(number, 10 * KIB)
                assert response.headers["Cache-Status"] == expected


async def command(folder: Path, *arguments: str) -> str:
    """What `tornado-media cache` prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tornado_media", "cache", *arguments, "--config", "c.toml"),
        cwd=folder,
        stdout=-1,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("purge", "/1 a.txt"), ("clear",)])
async def test_a_purge_on_the_command_line_is_noticed_by_a_server_that_runs(
    serve: Any, web: Any, source_folder: Path, tmp_path: Path, runs: Any, arguments: tuple[str, ...]
) -> None:
    (source_folder / "1 a.txt").write_text("hello")
    (tmp_path / "c.toml").write_text('[cache]\nfolder = "kept"\n[sources.a]\nroot = "sources"\n')
    config = {"cache": {"folder": str(tmp_path / "kept")}}
    log = str(tmp_path / "runs")
    presets = {
        "small": web.program_preset("gated", log, str(10 * KIB), "-", streams=False),
        "large": web.program_preset("gated", log, str(2 * MIB), "-", streams=False),
    }
    targets = ["/1%20a.txt?preset=small", "/1%20a.txt?preset=large", "/a.txt?preset=small"]

    async def statuses(server: Any) -> list[str]:
        found = []
        for target in targets:
            found.append((await server.get(target)).headers["Cache-Status"])
            await web.idle(server)
        return found

    async with serve(config, **presets) as server:
        assert [await statuses(server) for _ in range(3)] == [[MISS] * 3, [HIT] * 3, [HIT] * 3]
        # The small ones go the short way by now, from memory.
        assert {target for target in targets if target in server.media.hot._entries} == {
            targets[0],
            targets[2],
        }
        assert "results: 3\n" in await command(tmp_path, "stats")
        removed = 2 if arguments[0] == "purge" else 3
        assert f"removed: {removed} results" in await command(tmp_path, *arguments)
        assert f"results: {3 - removed}\n" in await command(tmp_path, "stats")
        assert await statuses(server) == [MISS, MISS, HIT if removed == 2 else MISS]
        assert runs() == 3 + removed
        assert await statuses(server) == [HIT] * 3
        size = sum(-(-entry.stat().st_size // 4096) * 4096 for entry in entries_in(tmp_path / "kept"))
        assert f"size:    {size / MIB:.1f} MiB of 2.0 GiB" in await command(tmp_path, "stats")


# -- streams that many follow --------------------------------------------------------------------------------


async def test_ranges_of_what_grows_are_those_of_what_is_finished(serve: Any, web: Any, gate: Path) -> None:
    size, steps, chance = 4 * MIB, 8, random.Random(6)
    preset = web.program_preset("numbered", "9", str(size), str(gate), str(steps))
    async with serve(p=preset) as server:
        asking = asyncio.ensure_future(server.get("/a.txt?preset=p"))
        await web.until(lambda: web.readers(server) == 1)
        (shared,) = server.media.jobs._shared
        asked = []
        for step in range(1, steps + 1):
            await shared.spool.reach(size * step // steps - 1)
            for _ in range(12):
                first = chance.randrange(size)
                last = min(size - 1, first + chance.choice([0, 1, 4095, 65536, MIB]))
                field = f"bytes={first}-{last}"
                fields = {"If_Range": shared._entity_tag} if chance.random() < 0.5 else {}
                response = asyncio.ensure_future(server.get("/a.txt?preset=p", Range=field, **fields))
                asked.append((first, last, response))
            # Those that are waiting get what comes, and those that are not get what is there.
            await web.until(lambda: web.readers(server) > 0)
            await web.open_gate(gate)
        whole = (await asking).content
        assert whole == numbered(9, size)
        for first, last, response in asked:
            part = await response
            told = re.fullmatch(r"bytes (\d+)-(\d+)/(\*|\d+)", part.headers["Content-Range"])
            assert told is not None
            assert (part.status, int(told[1]), int(told[2])) == (206, first, last)
            assert told[3] in ("*", str(size))
            assert part.content == whole[first : last + 1]
            assert part.headers["ETag"] == (await asking).headers["ETag"]
        assert {response.result().headers["Content-Range"].endswith("*") for *_, response in asked} >= {True}
        await web.idle(server)
        for first, last, response in asked:
            finished = await server.get("/a.txt?preset=p", Range=f"bytes={first}-{last}")
            assert finished.content == response.result().content
            assert finished.headers["Cache-Status"] == HIT


@pytest.mark.slow
async def test_a_second_viewer_of_a_live_film_begins_at_once_and_outlives_the_first(
    serve: Any, web: Any, source_folder: Path, clip_mkv: Path, tmp_path: Path
) -> None:
    os.link(clip_mkv, source_folder / "clip.mkv")
    # More than the sockets take: the encoder has not ended before the first viewer has.
    target = "/clip.mkv?preset=mp4&height=360&start=40&video_bitrate=8000"
    config = {"cache": {"folder": str(tmp_path / "kept"), "window": "64 KiB"}}
    async with serve(config) as server, contextlib.AsyncExitStack() as viewers:
        request = web.request(target)
        first_leaves = contextlib.AsyncExitStack()
        first = await first_leaves.enter_async_context(slow_client(server.port, request))
        _, fields = await web.read_head(first)
        begin, _ = await content_of(first, 64 * KIB)
        (shared,) = [shared for shared in server.media.jobs._shared if shared.plan.preset == "mp4"]
        # The first one takes nothing more: the encoder is held by the window, and what the sockets take.
        await web.until(lambda: shared.spool._writer is not None)
        assert shared.spool.length >= 64 * KIB
        second = await viewers.enter_async_context(slow_client(server.port, request))
        _, also = await web.read_head(second)
        early, _ = await content_of(second, 64 * KIB)
        assert early[: 64 * KIB] == begin[: 64 * KIB]
        assert not shared.spool.complete
        third = asyncio.ensure_future(_film(server, web, request))
        await web.until(lambda: shared.readers == 3)
        await first_leaves.aclose()
        rest, complete = await content_of(second)
        film = early + rest
        assert complete
        assert await third == film
        assert film.startswith(begin)
        assert film[4:8] == b"ftyp"
        assert (fields["Cache-Status"], also["Cache-Status"]) == (MISS, MISS.replace("stored", "collapsed"))
        assert fields["ETag"] == also["ETag"]
        await web.idle(server)
        kept = await server.get(target)
        assert (kept.headers["Cache-Status"], kept.content) == (HIT, film)
        part = await server.get(target, Range="bytes=1000-1999", If_Range=fields["ETag"])
        assert (part.status, part.content) == (206, film[1000:2000])


async def _film(server: Any, web: Any, request: bytes) -> bytes:
    async with slow_client(server.port, request) as reader:
        await web.read_head(reader)
        content, complete = await content_of(reader)
        assert complete
        return content
