"""POST: a program or an engine gets the body of a request, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import os
import socket
import struct
from pathlib import Path

import pytest
from PIL import Image
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from tornado_media.app import application
from tornado_media.http.signature import sign
from tornado_media.web import held, upload

KIB = 1024
BODY = b"".join(number.to_bytes(8, "big") for number in range(64 * KIB))  # 512 KiB that nowhere look alike


@pytest.fixture
def post(web):
    """`post("copies", streams=False)`: a preset for POST that runs one of tests/programs."""

    def make(name, *arguments, **keys):
        return web.program_preset(name, *arguments, **{"methods": ["POST"], "stdin": "source", **keys})

    return make


def chunked(*blocks):
    return b"".join(b"%x\r\n%b\r\n" % (len(block), block) for block in (*blocks, b""))


async def send(server, web, target, body, *, version="1.1", length=None, chunks=False, **fields):
    """Send a whole POST on a connection of its own; the response."""
    reader, writer = await server.connect()
    framing = {"Transfer_Encoding": "chunked"} if chunks else {"Content_Length": str(length or len(body))}
    writer.write(web.request(target, "POST", version, **framing, **fields) + body)
    try:
        return await web.read_response(reader)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def begin(server, web, target, body=b"", **fields):
    """Send a POST whose body is not all there yet; chunked, unless fields say otherwise."""
    reader, writer = await server.connect()
    framing = {} if "Content_Length" in fields else {"Transfer_Encoding": "chunked"}
    writer.write(web.request(target, "POST", **framing, **fields) + body)
    await writer.drain()
    return reader, writer


async def first_line(reader):
    """The process id that a program wrote first, out of the first chunk."""
    await reader.readuntil(b"\r\n")
    return int(await reader.readuntil(b"\n"))


async def rest_of(reader):
    """All that comes until the connection ends."""
    content = b""
    with contextlib.suppress(ConnectionError):
        while block := await reader.read(65536):
            content += block
    return content


def counted(body):
    return f"{len(body)} {hashlib.sha256(body).hexdigest()}\n"


# -- what is answered --------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", [False, True])
@pytest.mark.parametrize("streams", [False, True])
async def test_a_program_reads_the_body(serve, web, post, streams, chunks):
    body = chunked(BODY[:1], BODY[1:70_000], BODY[70_000:]) if chunks else BODY
    async with serve(copies=post("copies", streams=streams)) as server:
        response = await send(server, web, "/?preset=copies", body, chunks=chunks)
        assert (response.status, response.complete) == (200, True)
        assert response.content.partition(b"\n")[2] == BODY
        assert ("Content-Length" in response.headers) is not streams


async def test_the_response_is_nobody_elses(serve, web, post, source_folder):
    fields = {"Range": "bytes=0-1", "If_None_Match": "*", "If_Match": '"x"'}
    async with serve(counts=post("counts", streams=False, cache_control="public, max-age=9")) as server:
        response = await send(server, web, "/?preset=counts", BODY, **fields)
        assert (response.status, response.text) == (200, counted(BODY))
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert not {"ETag", "Last-Modified", "Accept-Ranges", "Content-Range"} & set(response.headers)
        assert not server.media.jobs._shared
    assert not list((source_folder.parent / "cache").glob("1/*/*"))


async def test_a_pipeline_of_two_programs(serve, web, post):
    (copies,) = post("copies")["pipeline"]
    (counts,) = post("counts")["pipeline"]
    async with serve(two=post("copies", pipeline=[copies, counts])) as server:
        response = await send(server, web, "/?preset=two", BODY)
        size = int(response.text.split()[0])
        assert size > len(BODY)


async def test_a_preset_for_both(serve, web, post, source_folder):
    (source_folder / "b.bin").write_bytes(BODY)
    preset = post("counts", streams=False, methods=["POST", "GET"])
    async with serve(counts=preset) as server:
        assert (await server.get("/b.bin?preset=counts")).text == counted(BODY)
        assert (await send(server, web, "/?preset=counts", BODY)).text == counted(BODY)


async def test_below_a_prefix(web, post, source_folder):
    import sys

    from tornado.web import Application

    from tornado_media.app import Media, log_request
    from tornado_media.config import Config

    config = {
        "sources": {"test": {"root": str(source_folder)}},
        "programs": {"python": sys.executable},
        "preset": {"counts": post("counts")},
    }
    media = Media(Config.from_mapping(config, source_folder))
    application = Application(media.routes("/media"), log_function=log_request)
    async with web.listening(application, media) as server:
        assert (await send(server, web, "/media/?preset=counts", BODY)).text == counted(BODY)
        assert (await send(server, web, "/?preset=counts", BODY[:9])).status == 404


async def test_parameters_are_as_in_get(serve, web, post):
    preset = post("takes", streams=False, parameters={"size": {"type": "integer", "min": 1, "max": 9}})
    preset["pipeline"][0] += [["{size}"], "0"]
    async with serve(takes=preset) as server:
        assert (await send(server, web, "/?preset=takes&size=4", b"12345678")).text == "taken\n"
        wrong = await send(server, web, "/?preset=takes&size=10", b"12345678")
        assert (wrong.status, "size" in wrong.text) == (400, True)


@pytest.fixture
def png(picture):
    """A picture of more than one block."""
    return picture("a.png", 640, 480).read_bytes() + bytes(100 * KIB)


@pytest.fixture
def thumb():
    return {
        "accepts": ["image/*"],
        "methods": ["GET", "POST"],
        "engine": "thumbnail",
        "media_type": "image/jpeg",
        "parameters": {"size": {"type": "size", "required": True}},
    }


async def test_an_engine_reads_the_body_from_memory(serve, web, thumb, png):
    body = png
    async with serve(thumb=thumb) as server:
        for _ in range(2):
            response = await send(server, web, "/?preset=thumb&size=64x64", body)
            assert response.status == 200, response.text
            with Image.open(io.BytesIO(response.content)) as image:
                assert image.size == (64, 48)
            assert response.headers["Cache-Control"] == "no-store"
            assert "ETag" not in response.headers
        assert held.Held._all == 0


async def test_facts_of_a_body(serve, web, picture):
    info = {
        "accepts": ["image/*"],
        "methods": ["GET", "POST"],
        "engine": "info",
        "media_type": "application/json",
    }
    async with serve(info=info) as server:
        response = await send(server, web, "/?preset=info", picture("a.png", 64, 48).read_bytes())
        assert response.status == 200, response.text
        facts = json.loads(response.text)
        assert (facts["width"], facts["height"]) == (64, 48)


# -- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "fields", "status", "said"),
    [
        ("/", {}, 400, "there are counts"),
        ("/?size=9x9", {}, 400, "there are counts"),
        ("/?preset=nothing", {}, 400, "no preset 'nothing'; there are counts|: POST to"),
        ("/?preset=counts&x=1", {}, 400, "no parameter 'x'"),
        (
            "/?preset=counts",
            {"Content_Type": "multipart/form-data; boundary=x"},
            415,
            "curl --data-binary @FILE",
        ),
        ("/?preset=counts", {"Content_Encoding": "gzip"}, 415, "Content-Encoding"),
        ("/?preset=counts", {"Expect": "the unexpected"}, 417, "100-continue"),
        ("/?preset=original", {}, 405, "takes GET, not POST"),
        ("/?preset=thumbnail&size=9x9", {}, 405, "takes GET, not POST"),
        ("/?preset=pictures", {}, 422, "takes image/*"),
        ("/?preset=absent", {}, 503, "not installed"),
        ("/a.txt?preset=counts", {}, 405, "POST is not understood here"),
        ("/-/?preset=counts", {}, 405, "POST is not understood here"),
    ],
)
async def test_refusals(serve, web, post, target, fields, status, said):
    presets = {
        "counts": post("counts"),
        "pictures": post("counts", accepts=["image/*"]),
        "absent": post("counts", pipeline=[["there-is-no-such-program"]]),
    }
    async with serve(**presets) as server:
        reader, writer = await server.connect()
        for _ in range(2):
            writer.write(web.request(target, "POST", Content_Length="5", **fields) + b"hello")
            response = await web.read_response(reader)
            assert response.status == status, response.text
            assert any(each in response.text for each in said.split("|"))
            assert response.headers["Cache-Control"] == "no-store"
            if "Expect" in fields:
                # Nobody knows whether the body follows.
                assert response.headers["Connection"] == "close"
                assert await reader.read() == b""
                break
            assert "Connection" not in response.headers
        writer.close()
        if status == 405:
            assert response.headers["Allow"].startswith("GET, HEAD, OPTIONS")
            assert "POST" not in response.headers["Allow"]
        if "Content_Encoding" in fields:
            assert response.headers["Accept-Encoding"] == "identity"


async def test_other_methods_on_a_preset_for_post_only(serve, web, post):
    async with serve(counts=post("counts")) as server:
        for method in ("GET", "HEAD"):
            response = await server.get("/a.txt?preset=counts", method)
            assert (response.status, response.headers["Allow"]) == (405, "OPTIONS, POST")
        for method, status in (("OPTIONS", 204), ("PUT", 405), ("PATCH", 405), ("TRACE", 405)):
            response = await server.get("/?preset=counts", method)
            assert (response.status, response.headers["Allow"]) == (
                status,
                "GET, HEAD, OPTIONS, DELETE, POST",
            )


async def test_without_a_preset_for_it_post_is_not_known(serve, web):
    async with serve() as server:
        response = await send(server, web, "/?preset=thumbnail&size=9x9", b"hello")
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, DELETE")


@pytest.mark.parametrize(("body", "chunks"), [(b"", False), (b"0\r\n\r\n", True)])
async def test_an_empty_body_is_400(serve, web, post, body, chunks):
    async with serve(counts=post("counts")) as server:
        response = await send(server, web, "/?preset=counts", body, chunks=chunks)
        assert response.status == 400
        assert "empty" in response.text
        # Neither Content-Length nor Transfer-Encoding: no body (RFC 9112 section 6.3).
        assert (await server.get("/?preset=counts", "POST")).status == 400


# Two frames of MPEG 1 layer III, 128 kbit/s, 44.1 kHz.
FRAMES = 2 * (b"\xff\xfb\x90\x64" + bytes(413))
PLAYLIST = b"ffconcat version 1.0\nfile /etc/passwd\n"


@pytest.mark.parametrize(
    ("size", "behind", "status"),
    [
        (9, FRAMES, 200),
        (8 * KIB, FRAMES, 200),
        (2048 * KIB, FRAMES, 422),  # longer than anybody looks
        # ffmpeg skips a tag and would open the files that the playlist behind it names.
        (9, PLAYLIST, 422),
        (8 * KIB, PLAYLIST, 422),
        (2048 * KIB, PLAYLIST, 422),
    ],
)
async def test_what_is_behind_a_tag_is_looked_at(serve, web, post, size, behind, status):
    length = bytes((size >> shift) & 127 for shift in (21, 14, 7, 0))
    body = b"ID3\3\0\0" + length + b"c" * size
    async with serve(sounds=post("counts", accepts=["audio/*"])) as server:
        assert (await send(server, web, "/?preset=sounds", body + behind)).status == status


async def test_a_signed_server_wants_a_signature(serve, web, post):
    key = "k" * 32
    async with serve({"signing": {"keys": [key]}}, counts=post("counts")) as server:
        assert (await send(server, web, "/?preset=counts", BODY)).status == 403
        assert (await send(server, web, sign("/?preset=counts", key), BODY)).text == counted(BODY)


# -- bounds ------------------------------------------------------------------------------------------------


async def test_a_length_above_the_bound_is_413_and_the_body_is_not_asked_for(serve, web, post, tmp_path):
    mark = tmp_path / "mark"
    async with serve(marks=post("marks", str(mark), limits={"input": "1 MiB"})) as server:
        fields = {"Content_Length": str(1024 * KIB + 1), "Expect": "100-continue"}
        reader, writer = await begin(server, web, "/?preset=marks", **fields)
        response = await web.read_response(reader)
        assert response.status == 413
        assert response.headers["Connection"] == "close"
        assert "1048576" in response.text
        assert await reader.read() == b""
        writer.close()
        assert not mark.exists()
        exact = await send(server, web, "/?preset=marks", bytes(1024 * KIB))
        assert exact.status == 200


@pytest.mark.parametrize(
    ("length", "status"), [("9" * 18, 413), ("9" * 5000, 400), ("x", 400), ("-1", 400), ("5, 6", 400)]
)
async def test_a_length_that_nobody_has(serve, web, post, length, status):
    async with serve(counts=post("counts")) as server:
        reader, writer = await begin(server, web, "/?preset=counts", Content_Length=length)
        assert (await web.read_response(reader)).status == status
        writer.close()


async def test_a_refusal_is_read_by_a_client_that_sends_on(serve, web, post):
    async with serve(counts=post("counts", limits={"input": 1000})) as server:
        reader, writer = await begin(server, web, "/?preset=counts", Content_Length="900000")
        writer.write(bytes(500_000))
        assert (await web.read_response(reader)).status == 413
        writer.write(bytes(400_000))
        await writer.drain()
        # All has come: no reset, but no further request either.
        assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize("begun", [False, True])
async def test_more_than_the_bound_in_chunks(serve, web, post, tmp_path, begun):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    preset = post("copies") if begun else post("counts", str(fifo))
    preset["limits"] = {"input": 100_000}
    async with serve(big=preset) as server:
        reader, writer = await begin(server, web, "/?preset=big", b"ffff\r\n" + bytes(65535) + b"\r\n")
        if begun:
            await web.read_head(reader)
            pid = await first_line(reader)
        else:
            pid = int(await asyncio.to_thread(fifo.read_text))
        writer.write(b"ffff\r\n" + bytes(65535) + b"\r\n")
        if begun:
            content = await rest_of(reader)
            assert not content.endswith(b"0\r\n\r\n")
            assert b"HTTP/1.1" not in content
        else:
            response = await web.read_response(reader)
            assert (response.status, response.headers["Connection"]) == (413, "close")
        await web.ended(pid)
        writer.close()


@pytest.mark.parametrize("begun", [False, True])
async def test_a_client_that_does_not_send_is_408(serve, web, post, tmp_path, begun):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    preset = post("copies") if begun else post("counts", str(fifo))
    preset["limits"] = {"idle": 0.2}
    async with serve(slow=preset) as server:
        reader, writer = await begin(server, web, "/?preset=slow", b"1000\r\n" + bytes(4096))
        if begun:
            await web.read_head(reader)
            pid = await first_line(reader)
            assert not (await rest_of(reader)).endswith(b"0\r\n\r\n")
        else:
            pid = int(await asyncio.to_thread(fifo.read_text))
            response = await web.read_response(reader)
            assert (response.status, response.headers["Connection"]) == (408, "close")
            assert await reader.read() == b""
        await web.ended(pid)
        writer.close()


async def test_a_client_that_sends_nothing_at_all_is_408(serve, web, post):
    async with serve(slow=post("counts", limits={"idle": 0.1})) as server:
        reader, writer = await begin(server, web, "/?preset=slow", Content_Length="9")
        assert (await web.read_response(reader)).status == 408
        writer.close()


async def test_a_body_for_an_engine_has_its_time(serve, web, thumb, png):
    body = png
    async with serve(thumb={**thumb, "limits": {"total": 0.3}}) as server:
        reader, writer = await begin(
            server, web, "/?preset=thumb&size=9x9", body[:-1], Content_Length=str(len(body))
        )
        assert (await web.read_response(reader)).status == 408
        writer.close()


async def test_bodies_in_memory_are_bounded_together(serve, web, thumb, png, monkeypatch, expect_log):
    body = png
    monkeypatch.setattr(held, "MAX_HELD", len(body) + 100)
    expect_log("failed with 503.*bodies are held")
    async with serve(thumb={**thumb, "limits": {"input": len(body) + 100}}) as server:
        target = "/?preset=thumb&size=9x9"
        reader, writer = await begin(server, web, target, body[:-1], Content_Length=str(len(body)))
        await web.until(lambda: held.Held._all == len(body) - 1)
        refused = await send(server, web, target, body)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        writer.write(body[-1:])
        assert (await web.read_response(reader)).status == 200
        writer.close()
        assert held.Held._all == 0


async def test_a_full_queue_is_503_and_the_connection_goes_on(serve, web, post):
    async with serve({"slots": {"streams": 1, "queue": 0}}, copies=post("copies")) as server:
        reader, writer = await begin(server, web, "/?preset=copies", chunked(bytes(5000))[:-5])
        await web.read_head(reader)
        pid = await first_line(reader)
        other, others = await server.connect()
        request = web.request("/?preset=copies", "POST", Content_Length=str(len(BODY))) + BODY
        others.write(request)
        assert (await web.read_response(other)).status == 503
        writer.close()
        await web.ended(pid)
        await web.until(lambda: not server.media.jobs.streams.running)
        others.write(request)
        assert (await web.read_response(other)).content.endswith(BODY)
        others.close()


# -- Expect ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expect", ["100-continue", "100-Continue"])
async def test_continue_comes_before_the_body(serve, web, post, expect):
    async with serve(counts=post("counts")) as server:
        fields = {"Content_Length": str(len(BODY)), "Expect": expect}
        reader, writer = await begin(server, web, "/?preset=counts", **fields)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(BODY)
        assert (await web.read_response(reader)).text == counted(BODY)
        # After it the connection is as good as before.
        writer.write(web.request("/a.txt"))
        assert (await web.read_response(reader)).text == "hello\n"
        writer.close()


async def test_http_1_0_expects_nothing(serve, web, post):
    async with serve(counts=post("counts")) as server:
        response = await send(server, web, "/?preset=counts", BODY, version="1.0", Expect="100-continue")
        assert (response.status, response.text) == (200, counted(BODY))


@pytest.mark.needs("curl")
@pytest.mark.parametrize(
    "options", [[], ["-H", "Expect:"], ["-H", "Transfer-Encoding: chunked"], ["--http1.0"]]
)
async def test_curl(serve, web, post, tmp_path, options):
    file = tmp_path / "file"
    file.write_bytes(BODY * 4)
    async with serve(
        counts=post("counts", streams=False), small=post("counts", limits={"input": 9})
    ) as server:
        assert await curl(server, "counts", file, *options) == (0, counted(BODY * 4))
        status, text = await curl(server, "small", file, *options)
        assert (status, text.split()[0]) == (0, "413")


async def curl(server, preset, file, *options):
    url = f"http://127.0.0.1:{server.port}/?preset={preset}"
    argv = ["curl", "-sS", *options, "--data-binary", f"@{file}", url]
    process = await asyncio.create_subprocess_exec(*argv, stdout=-1)
    content, _ = await process.communicate()
    return process.returncode, content.decode()


# -- programs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "content"),
    [
        ("sized", ["1000"], None),  # never reads
        ("takes", ["100000", "0"], b"taken\n"),  # closes its stdin early
        ("takes", ["100000", "0", "50000"], b"x" * 50000 + b"taken\n"),  # answers first
    ],
)
@pytest.mark.parametrize("streams", [False, True])
async def test_a_program_that_does_not_read_all(serve, web, post, name, arguments, content, streams):
    body = BODY * 8
    async with serve(part=post(name, *arguments, streams=streams)) as server:
        reader, writer = await server.connect()
        for _ in range(2):
            # The client sends all before it reads a byte, and the connection serves on.
            writer.write(web.request("/?preset=part", "POST", Content_Length=str(len(body))) + body)
            await writer.drain()
            response = await web.read_response(reader)
            assert (response.status, response.complete) == (200, True)
            assert response.content == content or (content is None and len(response.content) == 1000)
        writer.close()


@pytest.mark.parametrize("first", [0, 100])
async def test_a_program_that_fails_half_way(serve, web, post, expect_log, first):
    expect_log("aborted.*exited with 1" if first else "failed with 502.*exited with 1")
    body = BODY * 8
    async with serve(fails=post("takes", "200000", "1", str(first))) as server:
        response = await send(server, web, "/?preset=fails", body)
        if first:
            assert (response.status, response.complete) == (200, False)
        else:
            assert response.status == 502
        assert b"0\r\n\r\n" not in response.content


async def test_a_program_that_neither_reads_nor_writes_is_504(serve, web, post, expect_log):
    expect_log("failed with 504.*nothing for 0.2 s")
    async with serve(silent=post("silent", limits={"first_byte": 0.2})) as server:
        assert (await send(server, web, "/?preset=silent", BODY)).status == 504
        # A body that the pipe takes whole: its end has come, and nothing else does.
        assert (await send(server, web, "/?preset=silent", BODY[:9])).status == 504


@pytest.mark.slow
async def test_a_slow_client_is_not_the_programs_fault(serve, web, post):
    async with serve(counts=post("counts", limits={"first_byte": 0.3})) as server:
        loop = asyncio.get_running_loop()
        reader, writer = await begin(server, web, "/?preset=counts", Content_Length=str(len(BODY)))
        # Each part fits into the pipe, so that the program is asked for nothing but what it has.
        for begins in (0, 8 * KIB):
            writer.write(BODY[begins : begins + 8 * KIB])
            now = loop.time()
            await web.until(lambda now=now: loop.time() > now + 0.5)
        writer.write(BODY[16 * KIB :])
        assert (await web.read_response(reader)).text == counted(BODY)
        writer.close()


@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
@pytest.mark.parametrize("fills", [False, True])
async def test_a_client_that_leaves_in_the_middle(serve, web, post, how, fills):
    # `fills`: the program does not read, so nobody reads the connection when the client leaves.
    preset = post("silent", "10") if fills else post("copies")
    async with serve(copies=preset) as server:
        reader, writer = await begin(server, web, "/?preset=copies", Content_Length=str(100 * len(BODY)))
        writer.write(BODY[: 100 * KIB])
        await web.read_head(reader)
        pid = await first_line(reader)
        if how == "reset":
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        elif how == "half-close":
            writer.write_eof()
        else:
            writer.close()
        await web.ended(pid)
        await web.until(lambda: not server.media.jobs.streams.running)
        writer.close()


async def test_a_client_that_leaves_before_the_first_byte(serve, web, post, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    async with serve(counts=post("counts", str(fifo))) as server:
        _, writer = await begin(server, web, "/?preset=counts", chunked(BODY[:5000])[:-5])
        pid = int(await asyncio.to_thread(fifo.read_text))
        writer.close()
        await web.ended(pid)


async def test_a_client_that_leaves_an_engine(serve, web, thumb, png):
    body = png
    async with serve(thumb=thumb) as server:
        _, writer = await begin(
            server, web, "/?preset=thumb&size=9x9", body[:-1], Content_Length=str(len(body))
        )
        await web.until(lambda: held.Held._all == len(body) - 1)
        assert not server.media.jobs.jobs.running
        writer.close()
        await web.until(lambda: held.Held._all == 0)
        await web.until(lambda: not upload._answers)


async def test_a_source_that_breaks_off_is_never_taken_for_the_whole(serve, web, post, tmp_path):
    """The end of its stdin would let the program write a file, send a mail, or end well."""
    seen = tmp_path / "seen"
    preset = post("copies", limits={"idle": 0.2})
    preset["pipeline"][0][2:] = [
        "-c",
        "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "os.write(1, b'%d\\n' % os.getpid())\n"
        "while os.read(0, 65536): pass\n"
        f"open({str(seen)!r}, 'w').close()",
    ]
    async with serve(writes=preset) as server:
        reader, writer = await begin(server, web, "/?preset=writes", b"1000\r\n" + bytes(4096))
        await web.read_head(reader)
        pid = await first_line(reader)
        await web.ended(pid)
        writer.close()
    assert not seen.exists()


# -- the connection ----------------------------------------------------------------------------------------


async def test_pipelined_requests(serve, web, post):
    async with serve(counts=post("counts", streams=False)) as server:
        reader, writer = await server.connect()
        one = web.request("/?preset=counts", "POST", Content_Length="5") + b"hello"
        two = web.request("/?preset=counts", "POST", Transfer_Encoding="chunked") + chunked(b"hel", b"lo")
        writer.write(one + web.request("/a.txt") + two + one)
        texts = [(await web.read_response(reader)).text for _ in range(4)]
        assert texts == [counted(b"hello"), "hello\n", counted(b"hello"), counted(b"hello")]
        writer.close()


@pytest.mark.parametrize("begun", [False, True])
async def test_a_malformed_chunk(serve, web, post, begun):
    async with serve(copies=post("copies", streams=begun)) as server:
        reader, writer = await begin(server, web, "/?preset=copies", b"1000\r\n" + bytes(4096) + b"\r\n")
        if begun:
            await web.read_head(reader)
            pid = await first_line(reader)
        writer.write(b"wrong\r\n")
        content = await rest_of(reader)
        if begun:
            # Tornado's own answer would be read as a part of the response that has begun.
            assert b"HTTP/1.1" not in content
            assert not content.endswith(b"0\r\n\r\n")
            await web.ended(pid)
        else:
            assert content.startswith(b"HTTP/1.1 400 ")
        await web.until(lambda: not server.media.jobs.streams.running + server.media.jobs.jobs.running)
        writer.close()


async def test_bounds_of_the_server_are_not_those_of_a_body(serve, web, post):
    """Those of `server.py`, for requests whose content nobody reads."""
    async with serve(copies=post("copies")) as inner:
        server = HTTPServer(application(inner.media), body_timeout=0.3, max_body_size=1000)
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        outer = type(inner)(sockets[0].getsockname()[1], inner.media)
        reader, writer = await begin(outer, web, "/?preset=copies", Content_Length=str(len(BODY)))
        writer.write(BODY[:5000])
        now = asyncio.get_running_loop().time()
        await web.until(lambda: asyncio.get_running_loop().time() > now + 0.6)
        writer.write(BODY[5000:])
        assert (await web.read_response(reader)).content.endswith(BODY)
        writer.close()
        server.stop()
        await server.close_all_connections()


async def test_two_lengths_are_refused_as_ever(serve, web, post):
    async with serve(counts=post("counts")) as server:
        fields = {"Content_Length": "5", "Transfer_Encoding": "chunked"}
        reader, writer = await begin(server, web, "/?preset=counts", b"hello", **fields)
        assert (await rest_of(reader)).startswith(b"HTTP/1.1 400 ")
        writer.close()


async def test_the_server_stops_in_the_middle_of_a_body(serve, web, post, expect_log):
    expect_log("aborted: The server is stopping")
    async with serve(copies=post("copies")) as server:
        reader, writer = await begin(server, web, "/?preset=copies", chunked(BODY)[:-5])
        await web.read_head(reader)
        pid = await first_line(reader)
    await web.ended(pid)
    assert not (await rest_of(reader)).endswith(b"0\r\n\r\n")
    writer.close()


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.slow
async def test_a_large_body_needs_little_memory(serve, web, post):
    total, most = 200_000_000, 0
    block = bytes(1_000_000)
    async with serve(copies=post("copies", limits={"input": "1 GiB", "output": "1 GiB"})) as server:
        reader, writer = await begin(server, web, "/?preset=copies", Content_Length=str(total))

        async def write():
            for _ in range(total // len(block)):
                writer.write(block)
                await writer.drain()

        writing = asyncio.ensure_future(write())
        await web.read_head(reader)
        before, size = resident(), 0
        async with asyncio.timeout(60):
            while part := int(await reader.readuntil(b"\r\n"), 16):
                size += len(await reader.readexactly(part + 2)) - 2
                most = max(most, resident() - before)
        await writing
        writer.close()
        assert size > total
        assert most < 16 * 1024 * KIB
