import asyncio
import contextlib
import os
import socket
import struct
from dataclasses import dataclass, replace

import pytest
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.netutil import bind_sockets
from tornado.routing import AnyMatches, Rule
from tornado.web import Application, RequestHandler

from tornado_media.sources import beneath
from tornado_media.sources.filesystems import keeps_names_in_memory
from tornado_media.sources.local import Mount, Sources
from tornado_media.web.hot import MAX_CONTENT, Hot

URI = "/a.txt?size=300x200"
KEY = "key"
TAG = '"6f1ed002"'
FIELDS = {
    "Content-Type": "image/jpeg",
    "Etag": TAG,  # as Tornado writes it
    "Cache-Control": "max-age=60",
    "Server": "tornado_media",
    "Content-Disposition": 'inline; filename="\xe9.jpg"',
}


@dataclass(frozen=True)
class Result:
    content: bytes
    entity_tag: str = TAG


class Results(dict):
    """Results by key; counts how often it was asked."""

    asked = 0

    def in_memory(self, key):
        self.asked += 1
        return self.get(key)

    def peek(self, key):
        return self.get(key)


class Slow(RequestHandler):
    """The way of every request."""

    def get(self):
        self.finish("the long way")

    head = post = get


class Server(HTTPServer):
    """Tells when a connection has ended."""

    def initialize(self, *arguments, **options):
        super().initialize(*arguments, **options)
        self.ended = asyncio.Event()

    def on_close(self, server_conn):
        super().on_close(server_conn)
        self.ended.set()


@pytest.fixture(params=["front", "rule"])
def way(request):
    """In front of an application, or as a rule of one that is somebody else's."""
    return request.param


@pytest.fixture
def hot(source_folder, way):
    """Remembers URI; `hot.lines` are its log, `hot.results` the cache, `hot.served` starts a server."""
    if not beneath.has_cached_lookup() or not keeps_names_in_memory(str(source_folder)):
        pytest.skip("not here: openat2 with RESOLVE_CACHED, on a local filesystem")
    sources = Sources([Mount("test", "/", str(source_folder), True)])
    results = Results({KEY: Result(b"\xff\xd8" + bytes(range(256)) * 40)})
    lines = []
    hot = Hot(sources, results, 300.0, lambda *line: lines.append(line), targets=3)
    with sources.open("/a.txt") as source:
        hot.facts = source.facts
    hot.remember(URI, (hot.facts,), KEY, FIELDS)
    hot.results, hot.lines, hot.content = results, lines, results[KEY].content

    @contextlib.asynccontextmanager
    async def served(buffer=None, **options):
        application = Application([Rule(AnyMatches(), hot), (".*", Slow)], log_function=lambda _: None)
        server = Server(hot.in_front_of(application) if way == "front" else application, **options)
        sockets = bind_sockets(0, "127.0.0.1")
        if buffer:
            sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        server.add_sockets(sockets)
        try:
            yield Client(server, sockets[0].getsockname()[1])
        finally:
            server.stop()
            await server.close_all_connections()

    hot.served = served
    yield hot
    sources.close()


class Client:
    """Connections to a server."""

    def __init__(self, server, port):
        self.server, self.port = server, port

    @contextlib.asynccontextmanager
    async def connection(self, buffer=None):
        connection = socket.socket()
        if buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.connect(("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=connection, limit=4096)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@dataclass
class Answer:
    """A response, read from a connection on which others follow."""

    status: int
    headers: HTTPHeaders
    content: bytes
    complete: bool = True


@pytest.fixture
def read(web):
    """Reads exactly one response."""

    async def read(reader, method="GET"):
        status, headers = await web.read_head(reader)
        length = 0 if method == "HEAD" or status == 304 else int(headers["Content-Length"])
        try:
            return Answer(status, headers, await reader.readexactly(length))
        except asyncio.IncompleteReadError as cut:
            return Answer(status, headers, cut.partial, complete=False)

    return read


@pytest.fixture
def ask(hot, read):
    """The answers to requests that are sent at once on one connection."""

    async def ask(*requests, **options):
        async with hot.served(**options) as client, client.connection() as (reader, writer):
            writer.write(b"".join(requests))
            return [await read(reader, request.split(b" ")[0].decode()) for request in requests]

    return ask


def is_short(answer):
    return answer.headers.get("Cache-Status") == "tornado_media; hit"


def is_long(answer):
    return answer.status in (200, 304) and "Cache-Status" not in answer.headers


async def test_the_whole(hot, ask, web):
    for answer in await ask(web.request(URI), web.request(URI)):
        assert (answer.status, answer.content, answer.complete) == (200, hot.content, True)
        assert answer.headers == HTTPHeaders(
            {
                **FIELDS,
                "Content-Length": str(len(hot.content)),
                "Date": answer.headers["Date"],
                "Cache-Status": "tornado_media; hit",
                "Server-Timing": answer.headers["Server-Timing"],
            }
        )
        assert answer.headers["Date"].endswith(" GMT")
        assert float(answer.headers["Server-Timing"].removeprefix("total;dur=")) >= 0


async def test_pipelined_requests_of_both_ways_are_answered_in_order(hot, ask, web):
    answers = await ask(
        web.request(URI, "HEAD"),
        web.request("/b.txt"),
        web.request(URI),
        web.request(URI, If_None_Match=TAG),
        web.request(URI, Range="bytes=0-1"),
        web.request(URI, If_None_Match=f"W/{TAG}"),
        web.request(URI),
    )
    assert [is_short(answer) for answer in answers] == [True, False, True, True, False, True, True]
    assert [answer.status for answer in answers] == [200, 200, 200, 304, 200, 304, 200]
    assert [len(answer.content) for answer in answers] == [0, 12, 10242, 0, 12, 0, 10242]


async def test_not_modified(ask, web):
    _, answer = await ask(web.request(URI), web.request(URI, If_None_Match=TAG))
    assert set(answer.headers) == {"Etag", "Cache-Control", "Server", "Date", "Cache-Status", "Server-Timing"}
    assert answer.headers["ETag"] == TAG


@pytest.mark.parametrize(
    "fields",
    [
        {"Range": "bytes=0-1"},
        {"Range": "bytes=0-1", "If_Range": TAG},
        {"If_Match": TAG},
        {"If_Modified_Since": "Thu, 01 Jan 2026 00:00:00 GMT"},
        {"If_Unmodified_Since": "Thu, 01 Jan 2026 00:00:00 GMT"},
        {"If_None_Match": "*"},
        {"If_None_Match": '"other"'},
        {"If_None_Match": f'{TAG}, "other"'},
        {"If_None_Match": TAG, "Range": "bytes=0-1"},
        {"If_None_Match": TAG, "If_Match": TAG},
        {"Content_Length": "0"},
    ],
)
async def test_more_than_a_question_goes_the_long_way(ask, web, fields):
    first, answer, again = await ask(web.request(URI), web.request(URI, **fields), web.request(URI))
    assert is_short(first) and is_long(answer) and is_short(again)


@pytest.mark.parametrize(
    "request_",
    [
        b"POST %b HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nab",
        b"GET %b HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nab",
        b"GET %b HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    ],
)
async def test_a_request_with_content_goes_the_long_way(ask, web, request_):
    answers = await ask(web.request(URI), request_ % URI.encode(), web.request(URI))
    assert [answer.content if is_long(answer) else b"" for answer in answers] == [b"", b"the long way", b""]


@pytest.mark.parametrize("target", ["/", "/a.txt", "/a.txt?size=300x201", f"{URI}&", "//a.txt?size=300x200"])
async def test_another_target_goes_the_long_way(ask, web, target):
    first, answer = await ask(web.request(URI), web.request(target))
    assert is_short(first) and is_long(answer)


@pytest.mark.parametrize(
    ("version", "asked", "told", "closes"),
    [
        ("1.1", None, None, False),
        ("1.1", "keep-alive", None, False),
        ("1.1", "close", "close", True),
        ("1.1", "Close", "close", True),
        ("1.0", None, None, True),
        ("1.0", "keep-alive", "Keep-Alive", False),
        ("1.0", "close", None, True),
    ],
)
@pytest.mark.parametrize("target", [URI, "/b.txt"])
async def test_the_connection_stays_or_goes_as_with_tornado(
    hot, web, version, asked, told, closes, target, read
):
    # The second target, which goes the long way, says what Tornado does.
    fields = {"Connection": asked} if asked else {}
    async with hot.served() as client, client.connection() as (reader, writer):
        writer.write(web.request(URI))
        assert is_short(await read(reader))
        writer.write(web.request(target, version=version, **fields))
        answer = await read(reader)
        assert is_short(answer) is (target == URI)
        assert (answer.headers.get("Connection"), answer.complete) == (told, True)
        if closes:
            assert await reader.read() == b""
        else:
            writer.write(web.request(URI))
            assert is_short(await read(reader))


async def test_a_server_without_keep_alive(ask, web):
    (answer,) = await ask(web.request(URI), no_keep_alive=True)
    assert is_short(answer) and answer.headers["Connection"] == "close"


async def test_a_host_that_is_none_is_refused(hot, web, read):
    async with hot.served() as client, client.connection() as (reader, writer):
        writer.write(web.request(URI) + f"GET {URI} HTTP/1.1\r\nHost: a/b\r\n\r\n".encode())
        assert is_short(await read(reader))
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")


async def test_hosts_are_not_collected_without_end(hot, ask, web):
    requests = [f"GET {URI} HTTP/1.1\r\nHost: h{number}\r\n\r\n".encode() for number in range(600)]
    assert all(is_short(answer) for answer in await ask(*requests))
    assert len(hot._hosts) <= 256


async def test_a_source_that_changed_ends_it(hot, ask, web, source_folder):
    (source_folder / "a.txt").write_text("something else\n")
    before = hot.results.asked
    assert all(map(is_long, await ask(web.request(URI), web.request(URI))))
    assert hot.results.asked == before  # a result that is not sent has not been used
    hot.remember(URI, (replace(hot.facts, **_identity(source_folder / "a.txt")),), KEY, FIELDS)
    (answer,) = await ask(web.request(URI))
    assert is_short(answer)


def _identity(path):
    status = os.stat(path)
    return {
        "size": status.st_size, "mtime_ns": status.st_mtime_ns, "inode": status.st_ino,
        "device": status.st_dev,
    }  # fmt: skip


async def test_what_cannot_be_told_goes_the_long_way_and_is_not_forgotten(hot, ask, web, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(beneath, "has_cached_lookup", lambda: False)
        (answer,) = await ask(web.request(URI))
        assert is_long(answer)
    (answer,) = await ask(web.request(URI))
    assert is_short(answer)


async def test_a_purge_ends_it_at_once(hot, web, read):
    async with hot.served() as client, client.connection() as (reader, writer):
        for expected in (is_short, is_long, is_long):
            writer.write(web.request(URI))
            assert expected(await read(reader))
            hot.results.pop(KEY, None)


@pytest.mark.parametrize(
    "other", [Result(b"other bytes", '"other"'), Result(b"shorter"), Result(b"x" * 10242, '"other"')]
)
async def test_a_result_that_was_made_again_has_a_head_of_its_own(hot, ask, web, other):
    hot.results[KEY] = other
    assert is_long((await ask(web.request(URI)))[0])
    hot.remember(URI, (hot.facts,), KEY, {**FIELDS, "Etag": other.entity_tag})
    (answer,) = await ask(web.request(URI))
    assert is_short(answer) and answer.content == other.content
    assert answer.headers["ETag"] == other.entity_tag


async def test_one_line_is_logged_for_each(hot, ask, web):
    proxied = {"X_Real_Ip": "192.0.2.7"}
    await ask(
        web.request(URI, **proxied),
        web.request(URI, "HEAD"),
        web.request(URI, If_None_Match=TAG, **proxied),
        xheaders=True,
    )
    assert [line[:4] for line in hot.lines] == [
        ("192.0.2.7", "GET", 200, URI),
        ("127.0.0.1", "HEAD", 200, URI),
        ("192.0.2.7", "GET", 304, URI),
    ]
    assert all(0 <= line[4] < 60 for line in hot.lines)


async def until(true):
    """Let the loop run until something is true."""
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0)


async def test_a_client_that_does_not_read_gets_one_response_at_a_time(hot, web, read):
    hot.results[KEY] = Result(os.urandom(MAX_CONTENT))
    hot.remember(URI, (hot.facts,), KEY, FIELDS)
    before = hot.results.asked
    async with hot.served(buffer=4096) as client, client.connection(buffer=4096) as (reader, writer):
        writer.write(web.request(URI) * 3)
        await until(lambda: hot.lines)
        for _ in range(100):
            await asyncio.sleep(0)
        assert hot.results.asked == before + 1
        for _ in range(3):
            answer = await read(reader)
            assert is_short(answer) and answer.content == hot.results[KEY].content
        writer.write(web.request("/b.txt"))
        assert is_long(await read(reader))
    assert len(hot.lines) == 3


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_client_that_takes_too_long_is_cut_off(hot, web, version, read):
    hot.results[KEY] = Result(os.urandom(MAX_CONTENT))
    hot.remember(URI, (hot.facts,), KEY, FIELDS)
    hot.write_timeout = 0.01
    async with hot.served(buffer=4096) as client, client.connection(buffer=4096) as (reader, writer):
        writer.write(web.request(URI, version=version))
        async with asyncio.timeout(10):
            await client.server.ended.wait()
        assert not (await read(reader)).complete


async def test_a_client_that_leaves(hot, web, read):
    hot.results[KEY] = Result(os.urandom(MAX_CONTENT))
    hot.remember(URI, (hot.facts,), KEY, FIELDS)
    async with hot.served(buffer=4096) as client:
        for begun in (False, True):
            client.server.ended.clear()
            async with client.connection(buffer=4096) as (reader, writer):
                writer.write(web.request(URI))
                if begun:
                    await reader.readexactly(100)
                connection = writer.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            async with asyncio.timeout(10):
                await client.server.ended.wait()
        async with client.connection() as (reader, writer):
            writer.write(web.request(URI))
            assert is_short(await read(reader))


async def test_the_least_recently_used_target_is_forgotten(hot, ask, web):
    for number in range(2):
        hot.remember(f"/{number}", (hot.facts,), KEY, FIELDS)
    await ask(web.request(URI))
    hot.remember("/2", (hot.facts,), KEY, FIELDS)
    answers = await ask(*(web.request(target) for target in (URI, "/0", "/1", "/2")))
    assert [is_short(answer) for answer in answers] == [True, False, True, True]


async def test_what_is_not_remembered(hot, ask, web):
    hot.results["large"] = Result(bytes(MAX_CONTENT + 1))
    hot.remember("/large", (hot.facts,), "large", FIELDS)
    hot.remember("/unknown", (hot.facts,), "unknown", FIELDS)
    hot.remember("/" + "x" * 2048, (hot.facts,), KEY, FIELDS)
    answers = await ask(*(web.request(target) for target in ("/large", "/unknown", "/" + "x" * 2048)))
    assert not any(map(is_short, answers))


async def test_fields_of_one_response_are_not_repeated(hot, ask, web):
    one = {"Date": "then", "content-length": "1", "Connection": "close", "Cache-Status": "x; fwd=miss"}
    hot.remember(URI, (hot.facts,), KEY, {**FIELDS, **one, "Server-Timing": "total;dur=99"})
    first, second = await ask(web.request(URI), web.request(URI))  # a field that came twice is an error
    assert second.content == hot.content and "Connection" not in first.headers
    assert first.headers["Server-Timing"] != "total;dur=99"


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\nb", "\0"])
def test_a_field_cannot_begin_another(hot, value):
    with pytest.raises(ValueError, match="control character"):
        hot.remember(URI, (hot.facts,), KEY, {**FIELDS, "Content-Disposition": value})


async def test_a_client_that_left_before_its_requests_were_read(hot, web):
    async with hot.served() as client:
        with socket.create_connection(("127.0.0.1", client.port)) as connection:
            connection.sendall(web.request(URI) * 3)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Tornado parses the second from its buffer although the first found the connection closed.
        async with asyncio.timeout(10):
            await client.server.ended.wait()


WEBP = {"Accept": "image/webp,*/*"}


async def test_what_varies_is_answered_for_what_was_said(hot, ask, web):
    """One target, three answers: by Accept, and none for what was not asked before."""
    hot.results["webp"] = Result(b"RIFF" + bytes(900))
    fields = {**FIELDS, "Content-Type": "image/webp", "Vary": "Accept"}
    hot.remember("/auto", (hot.facts,), "webp", fields, {"Accept": WEBP["Accept"]})
    hot.remember("/auto", (hot.facts,), KEY, {**FIELDS, "Vary": "Accept"}, {"Accept": None})
    webp, plain, other = await ask(
        web.request("/auto", **WEBP), web.request("/auto"), web.request("/auto", Accept="image/avif")
    )
    assert (webp.content, webp.headers["Content-Type"]) == (hot.results["webp"].content, "image/webp")
    assert webp.headers["Vary"] == plain.headers["Vary"] == "Accept"
    assert plain.content == hot.content
    assert not is_short(other)


async def test_an_answer_that_varies_with_other_fields_now_replaces_the_old_ones(hot, ask, web):
    hot.remember("/auto", (hot.facts,), KEY, FIELDS, {"Accept": None})
    hot.remember("/auto", (hot.facts,), KEY, FIELDS, {"Accept": None, "Save-Data": "on"})
    answers = await ask(web.request("/auto"), web.request("/auto", **{"Save-Data": "on"}))
    assert [is_short(answer) for answer in answers] == [False, True]


async def test_of_too_many_variants_the_oldest_is_forgotten(hot, ask, web):
    for number in range(17):
        hot.remember("/auto", (hot.facts,), KEY, FIELDS, {"Accept": f"image/{number}"})
    answers = await ask(*(web.request("/auto", Accept=f"image/{number}") for number in (0, 1, 16)))
    assert [is_short(answer) for answer in answers] == [False, True, True]


async def test_all_sources_must_be_unchanged(hot, ask, web, source_folder):
    logo = source_folder / "logo.png"
    logo.write_bytes(b"\x89PNG\r\n\x1a\n")
    hot.remember("/marked", (hot.facts, replace(hot.facts, path="/logo.png", **_identity(logo))), KEY, FIELDS)
    [answer] = await ask(web.request("/marked"))
    assert is_short(answer)
    logo.write_bytes(b"\x89PNG\r\n\x1a\n more")
    [answer] = await ask(web.request("/marked"))
    assert not is_short(answer)
