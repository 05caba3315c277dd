"""One response over a real socket: what goes out together, and a client that takes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket

import pytest
from tornado.iostream import IOStream
from tornado.web import Application, RequestHandler

from tornado_media.store.representation import of_bytes
from tornado_media.web.edge import answer
from tornado_media.web.exchange import JOINED


@contextlib.asynccontextmanager
async def serving(web, respond, **keys):
    """A server whose one answer is what `respond(exchange)` sends, with small buffers."""

    class Handler(RequestHandler):
        async def get(self):
            self.request.connection.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            await answer(self, respond, **keys)

        head = get

        def write(self, chunk):
            raise AssertionError("an application's own")

    async with web.listening(Application([("/", Handler)])) as server:
        yield server


def sends(content, first_pos=0, length=None):
    length = len(content) - first_pos if length is None else length

    async def respond(exchange):
        fields = {"Content-Type": "a/b"}
        await exchange.send_part(200, fields, of_bytes(content, "a/b", ""), first_pos, length)

    return respond


@pytest.fixture
def written(monkeypatch):
    """What each write of Tornado's streams was given, in bytes."""
    sizes, write = [], IOStream.write_to_fd

    def spy(stream, data):
        sizes.append(len(data))
        return write(stream, data)

    monkeypatch.setattr(IOStream, "write_to_fd", spy)
    return sizes


@pytest.mark.parametrize("size", [0, 1, JOINED])
async def test_few_bytes_go_out_with_the_header_section(web, written, size):
    content = os.urandom(size)
    async with serving(web, sends(content)) as server:
        response = await server.get("/")
    assert (response.status, response.content, response.complete) == (200, content, True)
    assert size < written[0] < size + 500


async def test_more_bytes_are_not_copied_behind_it(web, written):
    content = os.urandom(JOINED + 1)
    async with serving(web, sends(content)) as server:
        response = await server.get("/")
    assert (response.content, response.complete) == (content, True)
    assert written[0] < 500


async def test_few_bytes_out_of_many(web, written):
    content = os.urandom(3 * JOINED)
    async with serving(web, sends(content, JOINED + 5, 1000)) as server:
        response = await server.get("/")
    assert (response.content, response.complete) == (content[JOINED + 5 : JOINED + 1005], True)
    assert 1000 < written[0] < 1500


@pytest.mark.parametrize("size", [10, JOINED + 1])
async def test_a_head_gets_the_header_section(web, size):
    async with serving(web, sends(os.urandom(size))) as server:
        reader, writer = await server.connect()
        writer.write(web.request("/", "HEAD") + web.request("/"))
        status, headers = (await web.read_head(reader))[:2]
        assert (status, headers["Content-Length"]) == (200, str(size))
        assert len((await web.read_response(reader)).content) == size
        writer.close()


@pytest.mark.parametrize("leaves", [False, True])
async def test_a_client_that_takes_nothing_of_few_bytes(web, leaves):
    """The stream has what the socket did not take, and the exchange waits for it, not for ever."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def respond(exchange):
        begun.set()
        try:
            await sends(os.urandom(JOINED))(exchange)
        finally:
            ended.set()

    async with serving(web, respond, write_timeout=30.0 if leaves else 0.05) as server:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.sendall(web.request("/"))
        async with asyncio.timeout(10):
            await begun.wait()
            if leaves:
                assert not ended.is_set()
                client.close()
            await ended.wait()
        taken = b"" if leaves else await asyncio.to_thread(drained, client)
        assert len(taken) < JOINED
        client.close()


def drained(client):
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := client.recv(65536):
            parts.append(part)
    return b"".join(parts)
