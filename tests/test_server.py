"""`tornado-media serve` as a process: it tells its address, serves, and goes down in order."""

import asyncio
import re
import signal
import socket
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.txt").write_text("hello\n")
    (tmp_path / "c.toml").write_text(
        f'[server]\ndrain = 0.3\n[sources.a]\nroot = "."\n[programs]\npython = "{sys.executable}"\n'
        '[preset.silent]\naccepts = ["*/*"]\nmedia_type = "a/b"\nstreams = true\ncache = false\n'
        f'pipeline = [["python", "-SEI", "{PROGRAMS}/silent.py", "10"]]\n'
    )
    return tmp_path


async def start(folder, *arguments):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tornado_media", "serve", *arguments, cwd=folder, stdout=-1, stderr=-1
    )
    line = (await process.stdout.readline()).decode()
    await process.stdout.readline()
    return process, re.search(r"http://127.0.0.1:(\d+)/", line)


async def silent_stream(address):
    """Reader and writer of a stream whose program says nothing more, and the program's process id."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address[1]))
    writer.write(b"GET /a.txt?preset=silent HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    await reader.readuntil(b"\r\n")
    return reader, writer, int(await reader.readuntil(b"\n"))


async def fetch(url):
    def work():
        with urlopen(url) as response:
            return response.read()

    return await asyncio.get_running_loop().run_in_executor(None, work)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_and_stops(folder, number):
    process, address = await start(folder, ".", "--port", "0")
    assert await fetch(f"{address[0]}a.txt") == b"hello\n"
    process.send_signal(number)
    _, said = await process.communicate()
    assert process.returncode == 0
    assert b"Traceback" not in said


@pytest.mark.slow
async def test_what_runs_is_given_time_and_then_aborted(folder):
    process, address = await start(folder, "--config", "c.toml", "--port", "0")
    reader, writer, pid = await silent_stream(address)
    process.terminate()
    rest = await reader.read()
    assert not rest.endswith(b"0\r\n\r\n")
    await process.communicate()
    assert process.returncode == 0
    assert not Path(f"/proc/{pid}").exists()
    writer.close()


async def test_row_57_a_server_that_is_killed_leaves_nobody_behind(folder):
    process, address = await start(folder, "--config", "c.toml", "--port", "0")
    _, writer, pid = await silent_stream(address)
    children = [
        int(text) for text in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    ]
    assert pid in children
    process.kill()
    await process.communicate()
    async with asyncio.timeout(5):
        for child in children:
            while alive(child):
                await asyncio.sleep(0.005)
    writer.close()


def alive(pid):
    """Whether a process is there and is no zombie, which its new parent reaps when it likes."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.slow
async def test_a_second_signal_does_not_wait(folder):
    (folder / "c.toml").write_text((folder / "c.toml").read_text().replace("drain = 0.3", "drain = 600.0"))
    process, address = await start(folder, "--config", "c.toml", "--port", "0")
    _, writer, _ = await silent_stream(address)
    process.terminate()
    assert b"stopping" in await process.stderr.readuntil(b"stopping")
    process.terminate()
    await process.communicate()
    assert process.returncode == 0
    writer.close()


@pytest.mark.slow
async def test_a_port_that_is_taken_is_told(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tornado_media",
            "serve",
            ".",
            "--port",
            port,
            cwd=folder,
            stdout=-1,
            stderr=-1,
        )
        _, said = await process.communicate()
    assert process.returncode == 1
    assert b"cannot listen" in said
    assert b"Traceback" not in said


@pytest.mark.slow
async def test_headers_without_end_are_refused(folder):
    process, address = await start(folder, ".", "--port", "0")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address[1]))
    writer.write(b"GET /a.txt HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000 + b"\r\n\r\n")
    assert (await reader.read()).split(b" ")[1:2] in ([b"400"], [b"431"], [])
    writer.close()
    process.terminate()
    await process.communicate()
