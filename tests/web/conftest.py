"""A real server on a real socket in the test's own loop, and a client that reads byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.netutil import bind_sockets
from tornado.web import Application

from tornado_media.app import Media, application
from tornado_media.config import Config

PROGRAMS = Path(__file__).parents[1] / "programs"


@dataclass
class Response:
    """What came over the socket."""

    status: int
    headers: HTTPHeaders
    content: bytes
    complete: bool
    """Whether the end was told: all of Content-Length, or the last chunk."""
    reset: bool = False

    @property
    def text(self) -> str:
        return self.content.decode()


class Server:
    """A running server."""

    def __init__(self, port: int, media: Media | None) -> None:
        self.port = port
        self.media = media

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)

    async def send(self, target: str, method: str = "GET", version: str = "1.1", **fields: str) -> Any:
        """Connect and send one request; the reader and writer of the connection."""
        reader, writer = await self.connect()
        writer.write(request(target, method, version, **fields))
        await writer.drain()
        return reader, writer

    async def get(self, target: str, method: str = "GET", version: str = "1.1", **fields: str) -> Response:
        """One request on a connection of its own. `If_Range` in Python is If-Range on the wire."""
        reader, writer = await self.send(target, method, version, Connection="close", **fields)
        try:
            return await read_response(reader, method)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


def request(target: str, method: str = "GET", version: str = "1.1", **fields: str) -> bytes:
    lines = [f"{method} {target} HTTP/{version}", "Host: test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def read_head(reader: asyncio.StreamReader) -> tuple[int, HTTPHeaders]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    fields = HTTPHeaders(dict(line.split(": ", 1) for line in lines))
    assert len(fields) == len(lines), f"a field came twice: {lines}"
    return int(first.split(" ")[1]), fields


async def read_response(reader: asyncio.StreamReader, method: str = "GET") -> Response:
    status, fields = await read_head(reader)
    content, complete, reset = bytearray(), False, False
    try:
        if method == "HEAD" or status in (204, 304):
            complete = True
        elif "Content-Length" in fields:
            length = int(fields["Content-Length"])
            while len(content) < length and (block := await reader.read(65536)):
                content += block
            complete = len(content) == length
        elif fields.get("Transfer-Encoding") == "chunked":
            while size := int(await reader.readuntil(b"\r\n"), 16):
                content += await reader.readexactly(size)
                assert await reader.readexactly(2) == b"\r\n"
            complete = await reader.readexactly(2) == b"\r\n"
        else:
            while block := await reader.read(65536):
                content += block
            complete = True
    except asyncio.IncompleteReadError as error:
        content += error.partial
    except ConnectionResetError:
        reset = complete is False
    return Response(status, fields, bytes(content), complete, reset)


@contextlib.asynccontextmanager
async def listening(app: Application, media: Media | None = None) -> AsyncIterator[Server]:
    server = HTTPServer(app)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    try:
        yield Server(sockets[0].getsockname()[1], media)
    finally:
        server.stop()
        if media is not None:
            await media.close()
        if "tornado_media.jobs" in app.settings:
            await app.settings["tornado_media.jobs"].close()
        await server.close_all_connections()


def program_preset(name: str, *arguments: str, **keys: Any) -> dict[str, Any]:
    """A preset that runs one of tests/programs; a stream unless `keys` says otherwise."""
    argv = ["python", "-SEI", str(PROGRAMS / f"{name}.py"), *arguments]
    preset = {
        "accepts": ["*/*"],
        "media_type": "application/octet-stream",
        "pipeline": [argv],
        "streams": True,
    }
    return {**preset, **keys}


@pytest.fixture
def source_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "a.txt").write_text("hello\n")
    return folder


Serve = Callable[..., contextlib.AbstractAsyncContextManager[Server]]


@pytest.fixture
def serve(source_folder: Path) -> Serve:
    """`async with serve(name=program_preset(...)) as server`: serves source_folder with these presets.

    `server.get("/a.txt?preset=name")`. More sections of the configuration go into `_config`.
    """

    @contextlib.asynccontextmanager
    async def serve(_config: Mapping[str, Any] = {}, **presets: Any) -> AsyncIterator[Server]:
        config = {
            "sources": {"test": {"root": str(source_folder)}},
            "programs": {"python": sys.executable},
            "preset": presets,
            "cache": {"folder": str(source_folder.parent / "cache")},
            **_config,
        }
        media = Media(Config.from_mapping(config, source_folder))
        async with listening(application(media), media) as server:
            yield server

    return serve


@pytest.fixture
def web() -> Any:
    """The functions of this module, for tests that make their own server or read byte by byte."""
    import types

    return types.SimpleNamespace(
        listening=listening,
        request=request,
        read_head=read_head,
        read_response=read_response,
        program_preset=program_preset,
        ended=ended,
        until=until,
        readers=readers,
        idle=idle,
        open_gate=open_gate,
    )


async def ended(pid: int) -> None:
    """Wait until a process has ended and has been reaped, by its pidfd; fails after 5 s."""
    loop = asyncio.get_running_loop()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    gone = loop.create_future()
    loop.add_reader(descriptor, lambda: gone.done() or gone.set_result(None))
    try:
        async with asyncio.timeout(5):
            await gone
            while os.path.exists(f"/proc/{pid}"):
                # A zombie for the moment that its parent needs to reap it.
                await asyncio.sleep(0)
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something is so; fails after 10 s."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


def readers(server: Any) -> int:
    return sum(shared.readers for shared in server.media.jobs._shared)


async def idle(server: Any) -> None:
    """Wait until no job is left, and what ended well is on disk."""
    await until(lambda: not server.media.jobs._shared)
    await server.media.cache.drain()


async def open_gate(path: Path) -> None:
    """Let the program on that waits at a FIFO, or that will come to it; fails after 10 s."""
    async with asyncio.timeout(10):
        while True:
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            except OSError as error:
                assert error.errno == errno.ENXIO
                await asyncio.sleep(0)
            else:
                return
