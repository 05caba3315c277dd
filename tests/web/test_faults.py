"""The fault table: each test is one row, with a real program over a real socket.

The numbers are those of the table that the project keeps of what must survive; "abort" is an end of the
connection without the last chunk, or before Content-Length bytes.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
import threading
from pathlib import Path

import pytest
from tornado.web import Application, RequestHandler

from tornado_media import send_program
from tornado_media.app import log_request
from tornado_media.processes import pipeline
from tornado_media.store import spool_file

SECRETS = ("boom", "/secret", "python", ".py", "Traceback", "tests/programs")


def is_helpful(response, status):
    assert response.status == status, response.text
    assert response.text.count("\n") == 1
    assert response.text.startswith(f"{status} ")
    assert not any(secret in response.text for secret in SECRETS)
    return True


async def curl(port, target, *options):
    """curl's exit status and the bytes that it wrote."""
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", *options, f"http://127.0.0.1:{port}{target}", stdout=-1, stderr=-1
    )
    content, _ = await process.communicate()
    return process.returncode, content


# -- children and pipes ------------------------------------------------------------------------------------


@pytest.mark.needs("curl")
@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.parametrize(("status", "said"), [("-9", "SIGKILL"), ("3", "exited with 3")])
async def test_rows_1_and_2_a_death_after_bytes_is_an_abort(
    serve, web, expect_log, tmp_path, status, said, cache
):
    expect_log(f"aborted.*{said}.*boom")
    config = {"cache": {"failures": 0.0, "folder": str(tmp_path / "kept")}}
    async with serve(config, dies=web.program_preset("dies_after", "65536", status, cache=cache)) as server:
        response = await server.get("/a.txt?preset=dies")
        assert (response.status, response.complete) == (200, False)
        assert len(response.content) <= 65536
        assert (await curl(server.port, "/a.txt?preset=dies"))[0] == 18
        # To HTTP/1.0 the end of the connection is the end of the content: it has to be a reset.
        assert (await server.get("/a.txt?preset=dies", version="1.0")).reset
        assert (await curl(server.port, "/a.txt?preset=dies", "--http1.0"))[0] != 0


async def test_row_1_killed_from_outside(serve, web, expect_log):
    expect_log("aborted.*SIGKILL")
    async with serve(endless=web.program_preset("endless")) as server:
        reader, writer = await server.send("/a.txt?preset=endless")
        await web.read_head(reader)
        os.kill(await first_line(reader), signal.SIGKILL)
        with pytest.raises(asyncio.IncompleteReadError):
            while True:
                await reader.readexactly(1 << 16)
        writer.close()


async def first_line(reader):
    """The process id that a program wrote first, out of the first chunk."""
    await reader.readuntil(b"\r\n")
    return int(await reader.readuntil(b"\n"))


async def test_row_3_a_death_before_the_first_byte_is_502(serve, web, expect_log):
    expect_log("failed with 502.*exited with 1.*boom")
    async with serve(dies=web.program_preset("dies_after", "0", "1")) as server:
        assert is_helpful(await server.get("/a.txt?preset=dies"), 502)


async def test_row_4_no_bytes_and_exit_0_is_502(serve, web, expect_log):
    expect_log("failed with 502.*without any output")
    async with serve(empty=web.program_preset("dies_after", "0", "0")) as server:
        assert is_helpful(await server.get("/a.txt?preset=empty"), 502)


async def test_row_5_output_closed_but_alive(serve, web, expect_log, monkeypatch):
    monkeypatch.setattr(pipeline, "EXIT_GRACE", 0.1)
    expect_log("aborted.*did not exit")
    async with serve(closes=web.program_preset("closes_output")) as server:
        response = await server.get("/a.txt?preset=closes")
        assert not response.complete
        await web.ended(int(response.content))


@pytest.mark.slow
async def test_row_6_a_grandchild_holds_the_output(serve, web):
    async with serve(left=web.program_preset("grandchild")) as server:
        response = await server.get("/a.txt?preset=left")
        assert response.complete
        await web.ended(int(response.content))


async def test_row_7_messages_without_end_are_drained(serve, web):
    async with serve(flood=web.program_preset("flood")) as server:
        response = await server.get("/a.txt?preset=flood")
        assert (response.content, response.complete) == (b"done", True)


async def test_row_8_no_first_byte_is_504(serve, web, expect_log):
    expect_log("failed with 504.*no first byte in 0.2 s")
    async with serve(silent=web.program_preset("silent", limits={"first_byte": 0.2})) as server:
        assert is_helpful(await server.get("/a.txt?preset=silent"), 504)


async def test_row_9_a_stall_is_an_abort(serve, web, expect_log):
    expect_log("aborted.*no output for 0.2 s")
    async with serve(stalls=web.program_preset("silent", "1000000", limits={"idle": 0.2})) as server:
        response = await server.get("/a.txt?preset=stalls")
        assert not response.complete
        assert len(response.content) > 1_000_000
        await web.ended(int(response.content.split(b"\n")[0]))


async def test_row_10_endless_work_ends_at_its_deadline(serve, web, expect_log):
    expect_log("aborted.*not done in 0.3 s")
    async with serve(
        endless=web.program_preset("endless", limits={"total": 0.3, "output": "64 GiB"})
    ) as server:
        response = await server.get("/a.txt?preset=endless")
        assert not response.complete
        await web.ended(int(response.content[:20].split(b"\n")[0]))


async def test_row_10_a_deadline_passes_while_the_disk_takes_a_block(serve, web, expect_log, monkeypatch):
    """The block's pipe is not another file's then, and the disk is not to blame."""
    expect_log("aborted.*not done in 0.5 s")
    real, began, go = spool_file._write, threading.Event(), threading.Event()

    def slow(*arguments):
        began.set()
        assert go.wait(20)
        return real(*arguments)

    monkeypatch.setattr(spool_file, "_write", slow)
    preset = web.program_preset("endless", limits={"total": 0.5, "output": "64 GiB"})
    async with serve(endless=preset) as server:
        reader, writer = await server.send("/a.txt?preset=endless")
        await web.read_head(reader)
        pid = await first_line(reader)
        taking = asyncio.ensure_future(reader.read())
        while not began.is_set():
            await asyncio.sleep(0)
        await web.ended(pid)
        go.set()
        await taking
        writer.close()


@pytest.mark.slow
async def test_row_10_processor_time_has_a_limit(serve, web, expect_log):
    expect_log("aborted.*(SIGXCPU|SIGKILL)")
    async with serve(spins=web.program_preset("spins", limits={"cpu": 1})) as server:
        assert not (await server.get("/a.txt?preset=spins")).complete


async def test_row_11_sigterm_ignored(serve, web):
    async with serve(stubborn=web.program_preset("stubborn")) as server:
        reader, writer = await server.send("/a.txt?preset=stubborn")
        await web.read_head(reader)
        pid = await first_line(reader)
        writer.close()
        await web.ended(pid)


async def test_row_12_a_trailer_into_a_full_pipe(serve, web):
    async with serve(trailer=web.program_preset("trailer")) as server:
        reader, writer = await server.send("/a.txt?preset=trailer")
        await web.read_head(reader)
        pid = await first_line(reader)
        await blocked_in_write(pid)
        writer.transport.abort()
        await web.ended(pid)


async def blocked_in_write(pid):
    """Wait until a process has written nothing for 50 looks in a row, and sleeps; fails after 10 s."""
    seen, looks = written(pid), 0
    async with asyncio.timeout(10):
        while looks < 50:
            await asyncio.sleep(0.005)
            now = written(pid)
            looks = looks + 1 if now == seen and state_of(pid) == "S" else 0
            seen = now


def written(pid):
    return Path(f"/proc/{pid}/io").read_text().split("wchar: ")[1].split()[0]


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


@pytest.mark.parametrize(
    ("argv", "status"),
    [(["/nowhere/program"], 503), (["/etc/passwd"], 503), (["/bin/echo", "x" * 3_000_000], 502)],
)
async def test_row_14_a_spawn_that_fails_touches_no_descriptor_twice(web, expect_log, argv, status):
    class Handler(RequestHandler):
        async def get(self):
            await send_program(self, argv, media_type="text/plain")

    expect_log(f"failed with {status}")
    async with web.listening(Application([("/", Handler)], log_function=log_request)) as server:
        assert is_helpful(await server.get("/"), status)
        # Descriptors opened now get the numbers that the failed spawn had; a second close would hit them.
        kept = [os.open(os.devnull, os.O_RDONLY) for _ in range(20)]
        for _ in range(3):
            await server.get("/")
        assert all(os.fstat(descriptor) for descriptor in kept)
        for descriptor in kept:
            os.close(descriptor)


async def test_row_14_no_descriptors_left_is_503_with_retry_after(web, expect_log):
    import resource

    class Handler(RequestHandler):
        async def get(self):
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            # Room for what the watch over the client needs, and for a pipe, but not for all.
            resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 2, hard))
            try:
                await send_program(self, ["/bin/echo"], media_type="text/plain")
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    expect_log("failed with 503")
    async with web.listening(Application([("/", Handler)], log_function=log_request)) as server:
        response = await server.get("/")
        assert is_helpful(response, 503)
        assert response.headers["Retry-After"] == "1"


async def test_row_15_output_past_its_bound_is_an_abort(serve, web, expect_log):
    expect_log("aborted.*over 1000000 bytes")
    async with serve(endless=web.program_preset("endless", limits={"output": 1_000_000})) as server:
        response = await server.get("/a.txt?preset=endless")
        assert not response.complete
        await web.ended(int(response.content[:20].split(b"\n")[0]))


async def test_row_15_a_collected_result_past_its_bound_is_502(serve, web, expect_log):
    expect_log("failed with 502.*over 100000 bytes")
    preset = web.program_preset("sized", "200000", streams=False, limits={"output": 100_000})
    async with serve(big=preset) as server:
        assert is_helpful(await server.get("/a.txt?preset=big"), 502)


async def test_rows_17_18_19_75_what_a_program_is_given(serve, web, monkeypatch):
    monkeypatch.setenv("LD_PRELOAD_TEST", "1")
    monkeypatch.setenv("SECRET", "1")
    kept = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(kept, True)
    async with serve(mirror=web.program_preset("mirror", streams=False)) as server:
        told = json.loads((await server.get("/a.txt?preset=mirror")).content)
    os.close(kept)
    assert told["stdin"] == 0
    assert told["descriptors"] == [0, 1, 2]
    assert set(told["environment"]) <= {"PATH", "LANG", "HOME", "TMPDIR", "MALLOC_ARENA_MAX", "LC_CTYPE"}
    assert told["environment"]["HOME"] == told["folder"]
    assert not os.path.exists(told["folder"])
    assert told["group"] == told["pid"]
    assert told["core"] == 0


@pytest.mark.needs("grep")
async def test_row_19_sigpipe_is_as_usual(serve, web):
    preset = web.program_preset("mirror", pipeline=[["grep", "SigIgn", "/proc/self/status"]])
    async with serve(status=preset) as server:
        ignored = int((await server.get("/a.txt?preset=status")).text.split()[1], 16)
        assert not ignored & 1 << (signal.SIGPIPE - 1)


async def test_stdin_is_the_source(serve, web, source_folder):
    (source_folder / "b.bin").write_bytes(b"\1" * 300_000)
    async with serve(mirror=web.program_preset("mirror", stdin="source", streams=False)) as server:
        assert json.loads((await server.get("/b.bin?preset=mirror")).content)["stdin"] == 300_000


async def test_row_21_an_exit_status_that_was_stolen(serve, web, expect_log):
    expect_log("aborted.*status is unknown")
    async with serve(silent=web.program_preset("silent", "10")) as server:
        reader, writer = await server.send("/a.txt?preset=silent")
        await web.read_head(reader)
        pid = await first_line(reader)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)  # the loop has no turn in between
        with pytest.raises(asyncio.IncompleteReadError):
            while True:
                await reader.readexactly(1 << 16)
        writer.close()


# -- clients -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["close", "reset", "half-close", "pipelined then close"])
@pytest.mark.parametrize("program", ["endless", "silent"])
async def test_rows_22_and_23_a_client_that_leaves(serve, web, program, how):
    async with serve(stream=web.program_preset(program, *(["10"] if program == "silent" else []))) as server:
        reader, writer = await server.send("/a.txt?preset=stream")
        await web.read_head(reader)
        pid = await first_line(reader)
        if how == "half-close":
            writer.write_eof()
        elif how == "reset":
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        else:
            if how.startswith("pipelined"):
                writer.write(web.request("/a.txt?preset=stream"))
                await writer.drain()
                # Tornado reads it first: from then on it does not listen for the end of the connection.
                for _ in range(100):
                    await asyncio.sleep(0)
            writer.close()
        await web.ended(pid)
        writer.close()


async def test_row_25_a_slow_reader_blocks_the_program(serve, web):
    async with serve(endless=web.program_preset("endless")) as server:
        reader, writer = await server.send("/a.txt?preset=endless")
        await web.read_head(reader)
        pid = await first_line(reader)
        writer.transport.pause_reading()
        await blocked_in_write(pid)
        before, used = resident(), ticks(pid)
        await blocked_in_write(pid)
        assert resident() - before < 4 * 1024 * 1024
        assert ticks(pid) == used
        writer.transport.abort()
        await web.ended(pid)


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


async def test_row_25_a_client_that_takes_nothing_is_aborted(serve, web):
    config = {"server": {"write_timeout": 0.2}}
    async with serve(config, endless=web.program_preset("endless")) as server:
        reader, writer = await server.send("/a.txt?preset=endless")
        await web.read_head(reader)
        pid = await first_line(reader)
        writer.transport.pause_reading()
        await web.ended(pid)
        writer.transport.abort()


async def test_row_27_head_spawns_nothing(serve, web, tmp_path):
    mark = tmp_path / "mark"
    async with serve(
        stream=web.program_preset("marks", str(mark)),
        small=web.program_preset("marks", str(mark), streams=False),
    ) as server:
        for name in ("stream", "small"):
            response = await server.get(f"/a.txt?preset={name}", "HEAD")
            assert response.status == 200
            assert "Content-Length" not in response.headers
            assert "ETag" not in response.headers
            assert not mark.exists()
            got = await server.get(f"/a.txt?preset={name}")
            assert mark.exists()
            mark.unlink()
            made = {"Content-Length", "Etag", "Transfer-Encoding", "Accept-Ranges"}
            assert set(got.headers) - made == set(response.headers) - made


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "TRACE", "PROPFIND"])
async def test_row_28_other_methods(serve, web, tmp_path, method):
    mark = tmp_path / "mark"
    async with serve(stream=web.program_preset("marks", str(mark))) as server:
        fields = {"Content_Length": "0"} if method in {"POST", "PUT", "PATCH"} else {}
        response = await server.get("/a.txt?preset=stream", method, **fields)
        assert response.status == 405
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS, DELETE"
        options = await server.get("/a.txt?preset=stream", "OPTIONS")
        assert (options.status, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, DELETE")
        assert not mark.exists()


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ("bytes=0-", 200),
        ("pages=1-2", 200),
        ("bytes=0-1", 416),
        ("bytes=7-", 416),
        ("bytes=-5", 416),
        ("bytes=x", 416),
    ],
)
async def test_row_40_a_range_of_a_stream(serve, web, tmp_path, field, status):
    mark = tmp_path / "mark"
    async with serve(stream=web.program_preset("marks", str(mark))) as server:
        response = await server.get("/a.txt?preset=stream", Range=field)
        assert response.status == status
        assert response.headers["Accept-Ranges"] == "none"
        assert "Content-Range" not in response.headers
        assert mark.exists() == (status == 200)


# -- hostile input -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/../a.txt",
        "/x/../../etc/passwd",
        "/%2e%2e/a.txt",
        "/%2E%2E%2fetc/passwd",
        "/..%5c..%5cetc",
        "/a%00.txt",
        "/a.txt%00",
        "//etc/passwd",
        "/%c0%ae%c0%ae/etc/passwd",
        "/%ff",
        "/%zz",
        "/" + "n" * 4096,
        "/link.txt",
        "/link/passwd",
        "/.hidden",
        "/pipe",
        "/missing.txt",
        "/a.txt/",
        "/a.txt/b",
    ],
)
async def test_row_62_paths_that_lead_nowhere(serve, source_folder, path):
    (source_folder / "link.txt").symlink_to("/etc/passwd")
    (source_folder / "link").symlink_to("/etc")
    (source_folder / ".hidden").write_text("x")
    os.mkfifo(source_folder / "pipe")
    async with serve() as server:
        response = await server.get(path)
        assert is_helpful(response, response.status)
        assert response.status in {400, 403, 404}
        assert "root:" not in response.text


@pytest.mark.parametrize(
    "name", ["-version.txt", "--help", "-rf", "@a", "a:b", "msl:x", "x[0].txt", "%d.txt", "*", "é.txt"]
)
async def test_rows_63_and_74_names_are_never_options_or_shell(serve, web, source_folder, name):
    (source_folder / name).write_text("named\n")
    pipeline = web.program_preset("mirror")["pipeline"]
    preset = web.program_preset("mirror", pipeline=[[*pipeline[0], "{source}"]], streams=False)
    async with serve(mirror=preset) as server:
        target = "/" + "".join(f"%{byte:02x}" for byte in name.encode())
        assert (await server.get(target)).content == b"named\n"
        told = json.loads((await server.get(f"{target}?preset=mirror")).content)
        assert told["arguments"] == [str(source_folder / name)]


@pytest.mark.parametrize(
    "value", [";$(id)", "`id`", "|cat /etc/passwd", "a b", "$HOME", "-rf", "\\", "%0d%0aX:y"]
)
async def test_rows_34_and_74_values_are_checked_not_passed_on(serve, web, value):
    preset = web.program_preset("mirror", streams=False)
    preset["pipeline"][0].append("{kind}")
    preset["parameters"] = {"kind": {"type": "choice", "values": ["soft", "hard"], "default": "soft"}}
    async with serve(mirror=preset) as server:
        quoted = "".join(f"%{byte:02x}" for byte in value.encode())
        response = await server.get(f"/a.txt?preset=mirror&kind={quoted}")
        assert is_helpful(response, 400)
        assert "kind" in response.text
        assert "soft" in response.text


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("size=0x0", "size"),
        ("size=99999x99999", "8000x8000"),
        ("size=1e9x1", "size"),
        ("size=300x200&size=300x200", "size"),
        ("size=300x200&colour=red", "colour"),
        ("size=300x200&quality=101", "quality"),
        ("size=", "size"),
        ("size", "size"),
        ("preset=nothing", "nothing"),
        ("quality=0", "quality"),
        ("=x", "parameter"),
    ],
)
async def test_row_72_parameters_that_cannot_be(serve, picture, source_folder, query, named):
    picture("1.jpg", 64, 48, folder=source_folder)
    async with serve() as server:
        response = await server.get(f"/1.jpg?{query}")
        assert is_helpful(response, 400)
        assert named in response.text


async def test_row_76_a_defect_of_ours_says_nothing(serve, web, expect_log, monkeypatch):
    from tornado_media.jobs.table import Jobs

    async def defect(*_):
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(Jobs, "join", defect)
    expect_log("a defect of the server", level="ERROR")
    expect_log("failed with 500")
    async with serve(any=web.program_preset("mirror")) as server:
        assert is_helpful(await server.get("/a.txt?preset=any"), 500)
