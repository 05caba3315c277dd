"""Blocks over real sockets: what the kernel moves, what is copied, and who gets in between."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from tornado_media.presets.plan import Limits, Pipeline
from tornado_media.processes.pipeline import RunningPipeline
from tornado_media.store import blocks
from tornado_media.store.blocks import InFile, InMemory
from tornado_media.store.representation import BytesReader, FileReader
from tornado_media.web import exchange, wire
from tornado_media.web.edge import answer
from tornado_media.web.wire import ClientGone, Wire

SIZE = 12_000_003
"""More than the buffers of both sockets hold together."""

WAYS = ["direct", "copied", "tls"]


@pytest.fixture(scope="session")
def content():
    return os.urandom(SIZE)


@pytest.fixture
def path(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    return path


@pytest.fixture
def file(path):
    descriptor = os.open(path, os.O_RDWR)
    yield descriptor
    os.close(descriptor)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A key and a certificate for localhost, made by openssl."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", path, "-out", path], check=True, capture_output=True)
    return path


@pytest.fixture(params=[WAYS[0], WAYS[1], pytest.param(WAYS[2], marks=pytest.mark.needs("openssl"))])
def way(request, monkeypatch):
    """How bytes go out: by the kernel, through a buffer, or encrypted."""
    if request.param == "direct":
        assert wire.DIRECT
    elif request.param == "copied":
        monkeypatch.setattr(wire, "DIRECT", False)
    return request.param


@contextlib.asynccontextmanager
async def serving(open_reader, length=None, certificate=None, **keys):
    """A server whose one answer is what a reader gives; its port and the exchanges that it has begun."""
    exchanges = []

    class Handler(RequestHandler):
        async def get(self):
            async def respond(one):
                exchanges.append(one)
                reader = open_reader()
                try:
                    await one.send_headers(200, {"Content-Length": None if length is None else str(length)})
                    await one.send_content(reader, length)
                    await one.finish()
                finally:
                    await reader.close()

            await answer(self, respond, **keys)

    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = HTTPServer(Application([("/", Handler)]), ssl_options=context)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    try:
        yield sockets[0].getsockname()[1], exchanges
    finally:
        server.stop()
        await server.close_all_connections()


async def fetch(web, port, version="1.1", certificate=None, **fields):
    context = None if certificate is None else ssl.create_default_context(cafile=certificate)
    name = None if certificate is None else "localhost"
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, limit=1 << 20, ssl=context, server_hostname=name
    )
    try:
        writer.write(web.request("/", version=version, Connection="close", **fields))
        return await web.read_response(reader)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def program(path):
    work = Pipeline((("/bin/cat", str(path)),))
    return lambda: RunningPipeline(work, None, Limits())


@pytest.fixture
def readers(path, file, content):
    """What opens a reader of the same bytes, by where they lie."""
    return {
        "file": lambda: FileReader(file, 0, SIZE),
        "pipe": program(path),
        "memory": lambda: BytesReader(memoryview(content), 0),
        "pieces": pieces(content, 99_991),
    }


def pieces(content, size):
    """A reader of small blocks."""

    class Pieces(BytesReader):
        async def next(self, limit):
            return await super().next(min(size, limit))

    return lambda: Pieces(memoryview(content), 0)


@pytest.mark.parametrize("kind", ["file", "pipe", "memory", "pieces"])
@pytest.mark.parametrize(("version", "length"), [("1.1", SIZE), ("1.1", None), ("1.0", None)])
async def test_every_byte_in_order(web, request, readers, content, way, kind, version, length):
    certificate = request.getfixturevalue("certificate") if way == "tls" else None
    async with serving(readers[kind], length, certificate) as (port, _):
        response = await fetch(web, port, version, certificate)
    assert response.complete
    assert response.content == content


async def test_only_a_plain_connection_under_linux_is_direct(file, web, way, request, monkeypatch):
    calls = []
    sendfile = os.sendfile
    monkeypatch.setattr(os, "sendfile", lambda *given: calls.append(given) or sendfile(*given))
    certificate = request.getfixturevalue("certificate") if way == "tls" else None
    async with serving(lambda: FileReader(file, 0, SIZE), SIZE, certificate) as (port, _):
        await fetch(web, port, certificate=certificate)
    assert bool(calls) is (way == "direct")


async def test_a_pipe_is_never_read_where_splice_can_take_it(path, web, content, monkeypatch):
    async def never(*_):
        raise AssertionError("it was copied")

    monkeypatch.setattr(wire, "read_block", never)
    async with serving(program(path)) as (port, _):
        assert (await fetch(web, port)).content == content


@pytest.mark.parametrize("length", [SIZE, None])
async def test_pipelined_requests_do_not_mix(web, file, content, way, request, length):
    """Two requests in one piece, and a third while the first response fills the socket."""
    certificate = request.getfixturevalue("certificate") if way == "tls" else None
    context = None if certificate is None else ssl.create_default_context(cafile=certificate)
    name = None if certificate is None else "localhost"
    async with serving(lambda: FileReader(file, 0, SIZE), length, certificate) as (port, exchanges):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, limit=1 << 16, ssl=context, server_hostname=name
        )
        writer.write(web.request("/") * 2)
        while not exchanges or not exchanges[0]._stalled._since:
            # Until the socket is full and the server waits for this client.
            await asyncio.sleep(0)
        writer.write(web.request("/", Connection="close"))
        for _ in range(3):
            if length is None:
                assert (await web.read_response(reader)).content == content
            else:
                await web.read_head(reader)
                assert await reader.readexactly(length) == content
        assert await reader.read() == b""
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def full(port, exchanges, request):
    """A client that reads nothing, once the server waits for it."""
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(request)
    while not exchanges or not exchanges[0]._stalled._since:
        await asyncio.sleep(0)
    return client


def drained(client):
    """All bytes until the connection ends; whether it was a reset."""
    got = bytearray()
    client.settimeout(5)
    try:
        while block := client.recv(1 << 20):
            got += block
    except ConnectionResetError:
        return bytes(got), True
    return bytes(got), False


@pytest.mark.parametrize("kind", ["file", "pipe"])
@pytest.mark.parametrize("reset", [True, False])
async def test_a_client_that_leaves_in_the_middle(web, file, path, kind, reset):
    reader = program(path) if kind == "pipe" else lambda: FileReader(file, 0, SIZE)
    async with serving(reader) as (port, exchanges):
        client = await full(port, exchanges, web.request("/"))
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, exchange._RESET_ON_CLOSE)
        client.close()
        async with asyncio.timeout(5):
            while not exchanges[0]._stream.closed():
                await asyncio.sleep(0)


@pytest.mark.parametrize("kind", ["file", "pipe"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_an_abort_in_the_middle_ends_the_connection(web, file, path, kind, version):
    reader = program(path) if kind == "pipe" else lambda: FileReader(file, 0, SIZE)
    async with serving(reader) as (port, exchanges):
        client = await full(port, exchanges, web.request("/", version=version))
        exchanges[0].abort()
        got, was_reset = await asyncio.to_thread(drained, client)
        assert was_reset is (version == "1.0")
        assert not got.endswith(b"0\r\n\r\n")
        client.close()


async def test_who_waits_for_a_full_socket_is_told_of_the_abort(web, file):
    """Without a cancellation too: the wait is ours, so Tornado cannot end it."""
    ends = []

    class Handler(RequestHandler):
        async def get(self):
            one = exchange.Exchange(self)
            exchanges.append(one)
            try:
                await one.send_headers(200, {})
                await one.send_content(FileReader(file, 0, SIZE), None)
            except ClientGone:
                ends.append("gone")

    exchanges = []
    async with web.listening(Application([("/", Handler)])) as server:
        client = await full(server.port, exchanges, web.request("/"))
        exchanges[0].abort()
        async with asyncio.timeout(5):
            while not ends:
                await asyncio.sleep(0)
        client.close()


@pytest.mark.parametrize("kind", ["file", "pipe", "memory"])
async def test_a_reset_that_nobody_has_noticed_is_a_client_that_left(web, readers, kind):
    """The connection is reset between a block's arrival and its way out."""
    ends, clients = [], []

    class Handler(RequestHandler):
        async def get(self):
            one, reader = exchange.Exchange(self), readers[kind]()
            try:
                await one.send_headers(200, {})
                block = await reader.next(65536)
                clients[0].close()
                await one._wire.send(block, True)
            except ClientGone:
                ends.append("gone")
            finally:
                one.close()
                await reader.close()

    async with web.listening(Application([("/", Handler)])) as server:
        client = socket.create_connection(("127.0.0.1", server.port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, exchange._RESET_ON_CLOSE)
        clients.append(client)
        client.sendall(web.request("/"))
        async with asyncio.timeout(5):
            while not ends:
                await asyncio.sleep(0)


async def test_a_client_that_takes_nothing_is_aborted(web, file):
    async with serving(lambda: FileReader(file, 0, SIZE), SIZE, write_timeout=0.1) as (port, exchanges):
        client = await full(port, exchanges, web.request("/"))
        async with asyncio.timeout(5):
            while not exchanges[0]._stream.closed():
                await asyncio.sleep(0)
        assert len((await asyncio.to_thread(drained, client))[0]) < SIZE
        client.close()


@pytest.mark.parametrize("length", [SIZE, None])
async def test_a_file_that_is_cut_while_it_is_sent_is_an_abort(web, file, way, request, length, expect_log):
    expect_log("aborted: The source changed meanwhile")
    certificate = request.getfixturevalue("certificate") if way == "tls" else None
    context = None if certificate is None else ssl.create_default_context(cafile=certificate)
    name = None if certificate is None else "localhost"
    async with serving(lambda: FileReader(file, 0, SIZE), length, certificate) as (port, exchanges):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, limit=1 << 16, ssl=context, server_hostname=name
        )
        writer.write(web.request("/"))
        while not exchanges or not exchanges[0]._stalled._since:
            await asyncio.sleep(0)
        os.ftruncate(file, 1000)
        response = await web.read_response(reader)
        assert not response.complete
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


async def test_a_file_that_is_cut_inside_a_block_is_an_abort(web, file, expect_log):
    expect_log("aborted: The source changed meanwhile")

    class Wrong:
        async def next(self, limit):
            return InFile(file, SIZE - 10, 20)

        async def close(self):
            pass

    async with serving(Wrong) as (port, _):
        assert not (await fetch(web, port)).complete


async def test_the_end_of_a_chunk_does_not_wait_for_the_next(web, way, request):
    more = asyncio.Event()

    class Waits:
        def __init__(self):
            self.blocks = [b"one", b"two"]

        async def next(self, limit):
            if len(self.blocks) == 1:
                await more.wait()
            return InMemory(memoryview(self.blocks.pop(0))) if self.blocks else None

        async def close(self):
            pass

    certificate = request.getfixturevalue("certificate") if way == "tls" else None
    context = None if certificate is None else ssl.create_default_context(cafile=certificate)
    name = None if certificate is None else "localhost"
    async with serving(Waits, None, certificate) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
        writer.write(web.request("/", Connection="close"))
        await web.read_head(reader)
        async with asyncio.timeout(5):
            assert await reader.readexactly(8) == b"3\r\none\r\n"
        more.set()
        assert await reader.read() == b"3\r\ntwo\r\n0\r\n\r\n"
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("kind", ["file", "pipe", "memory"])
async def test_a_fast_download_gives_the_loop_its_turns(web, readers, kind):
    sent, turns = [], 0

    class Counted(Wire):
        async def send(self, block, chunked):
            sent.append((turns, block.length))
            await super().send(block, chunked)

    def turn():
        nonlocal turns
        turns += 1
        if turning:
            asyncio.get_running_loop().call_soon(turn)

    turning = True
    turn()
    patch = pytest.MonkeyPatch()
    patch.setattr(exchange, "Wire", Counted)
    with patch.context():
        async with serving(readers[kind], SIZE) as (port, _):
            assert (await fetch(web, port)).complete
    patch.undo()
    turning = False
    in_one_turn = {}
    for number, length in sent:
        in_one_turn[number] = in_one_turn.get(number, 0) + length
    # A turn begins when its bytes are full, so the last block of it may go past.
    assert max(in_one_turn.values()) <= 2 * wire.FILE_BLOCK


async def test_a_file_that_is_not_in_memory_is_read_by_a_thread_first(web, file, content, monkeypatch):
    warmed = []

    async def in_thread(function, descriptor, length, offset):
        assert function is os.pread
        warmed.append((offset, length))

    monkeypatch.setattr(blocks, "_read_cached", lambda *_: None)
    monkeypatch.setattr(wire, "in_thread", in_thread)
    async with serving(lambda: FileReader(file, 0, SIZE), SIZE) as (port, _):
        assert (await fetch(web, port)).content == content
    assert sum(length for _, length in warmed) == SIZE


async def test_more_than_content_length_is_never_sent(web, expect_log):
    expect_log("defect", level="ERROR")
    expect_log("aborted")

    class TooMuch:
        async def next(self, limit):
            return InMemory(memoryview(b"x" * (limit + 1)))

        async def close(self):
            pass

    async with serving(TooMuch, 10) as (port, _):
        response = await fetch(web, port)
    assert not response.complete
    assert response.content == b""


async def test_readers_of_a_file_have_no_buffers(web, file):
    async with serving(lambda: FileReader(file, 0, SIZE), SIZE) as (port, exchanges):
        client = await full(port, exchanges, web.request("/"))
        assert len(exchanges[0]._wire._frame) == 0
        client.close()
