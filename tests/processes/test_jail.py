"""What a worker cannot do any more, tried by engines that were taken over."""

import glob
import os
import socket
import subprocess
import sys

import pytest

from tornado_media.engines import jail
from tornado_media.presets.plan import EngineCall, Limits
from tornado_media.processes import worker as worker_module
from tornado_media.processes.workers import Workers

ENGINES = """
import ctypes, os, resource, signal, socket, subprocess

def told(function, *arguments):
    try:
        return f"done: {function(*arguments)}".encode()
    except Exception as error:
        return f"{type(error).__name__}: {error}".encode()

def read(source, media_type, path):
    return told(lambda: open(path, "rb").read(20))

def names(source, media_type, path):
    return told(os.listdir, path)

def write(source, media_type, path):
    return told(lambda: open(path, "wb").write(b"x"))

def remove(source, media_type, path):
    return told(os.remove, path)

def write_source(source, media_type):
    return told(os.write, source, b"x")

def anew(source, media_type):
    return told(os.open, f"/proc/self/fd/{source}", os.O_RDONLY)

def whole(source, media_type):
    from tornado_media.engines import reopen
    file = reopen(source)
    try:
        return os.read(file, 100)
    finally:
        os.close(file)

def connect(source, media_type, port):
    return told(socket.create_connection, ("127.0.0.1", port))

def bind(source, media_type):
    return told(socket.socket().bind, ("127.0.0.1", 0))

def abstract(source, media_type, name):
    return told(socket.socket(socket.AF_UNIX).connect, name)

def run(source, media_type, program):
    return told(subprocess.run, [program])

def signal_server(source, media_type):
    return told(os.kill, os.getppid(), 0)

def become(source, media_type, user):
    return told(os.setuid, user)

def limits(source, media_type):
    names = ["CORE", "FSIZE", "NOFILE"]
    return repr([resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1] for name in names]).encode()

def raise_limit(source, media_type):
    return told(resource.setrlimit, resource.RLIMIT_NOFILE, (5000, 5000))

def stdin(source, media_type):
    return told(os.read, 0, 100)

def late(source, media_type):
    import wave, pyvips
    return told(wave.__name__.upper)

def text(source, media_type):
    import pyvips
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="99" height="40"><text y="30">Ink</text></svg>'
    return told(lambda: pyvips.Image.new_from_buffer(svg, "")[3].avg())
"""

NAMES = [line.split("(")[0][4:] for line in ENGINES.splitlines() if line.startswith("def ")]

landlock = pytest.mark.skipif(jail.landlock_version() < 1, reason="this kernel has no Landlock")
tcp = pytest.mark.skipif(jail.landlock_version() < 4, reason="Landlock of this kernel has no network")
scopes = pytest.mark.skipif(jail.landlock_version() < 6, reason="Landlock of this kernel has no scopes")
root = pytest.mark.skipif(os.getuid() != 0, reason="not root")


@pytest.fixture
def start(tmp_path, monkeypatch):
    """`start(code)`: what a worker runs before its main, where the engines above are known."""
    (tmp_path / "taken_over.py").write_text(ENGINES)
    original = worker_module._start_text()

    def start(code="pass"):
        known = (
            f"sys.path.insert(0, {str(tmp_path)!r}); import taken_over, tornado_media.engines as e; "
            f"e.ENGINES.update({{n: f'taken_over:{{n}}' for n in {NAMES}}}); {code}; from tornado_media"
        )
        text = original.replace("from tornado_media", known)
        monkeypatch.setattr(worker_module, "_start_text", lambda: text)

    start()
    return start


@pytest.fixture
def run(start, tmp_path, read_all):
    """`await run(engine, **arguments)`: what the engine tells of its try."""
    path = tmp_path / "source"
    path.write_bytes(b"the source")

    async def run(engine, **arguments):
        pool = Workers(1, ())
        source = os.open(path, os.O_RDWR)
        try:
            os.lseek(source, 0, os.SEEK_END)
            call = await pool.call(EngineCall(engine, arguments), "image/x", [source], Limits())
            content = await read_all(call)
            await call.close()
        finally:
            os.close(source)
            await pool.close()
        run.jailed = pool.jailed
        return content.decode()

    return run


@landlock
@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/proc/1/cmdline", __file__])
async def test_no_file_is_read(run, path):
    assert (await run("read", path=path)).startswith("PermissionError")


@landlock
@pytest.mark.parametrize("path", ["/", "/tmp", "/proc/self/fd", os.path.dirname(__file__)])
async def test_no_folder_is_listed(run, path):
    assert (await run("names", path=path)).startswith("PermissionError")


@landlock
@pytest.mark.parametrize("name", ["new", "source"])
async def test_no_file_is_written(run, tmp_path, name):
    assert (await run("write", path=str(tmp_path / name))).startswith("PermissionError")
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "source").read_bytes() == b"the source"


@landlock
async def test_no_file_is_removed(run, tmp_path):
    assert (await run("remove", path=str(tmp_path / "source"))).startswith("PermissionError")
    assert (tmp_path / "source").exists()


async def test_what_is_open_is_not_written_to(run, tmp_path):
    assert "File too large" in await run("write_source")
    assert (tmp_path / "source").read_bytes() == b"the source"


@landlock
async def test_the_source_is_not_opened_anew_but_read_from_its_start(run):
    assert (await run("anew")).startswith("PermissionError")
    assert await run("whole") == "the source"


@tcp
async def test_nothing_is_connected_to(run):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        assert (await run("connect", port=listener.getsockname()[1])).startswith("PermissionError")
        with pytest.raises(BlockingIOError):
            listener.accept()


@tcp
async def test_nothing_is_listened_on(run):
    assert (await run("bind")).startswith("PermissionError")


@scopes
async def test_no_abstract_socket_is_connected_to(run):
    name = f"\0tornado_media test {os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(name)
        listener.listen()
        assert (await run("abstract", name=name)).startswith("PermissionError")


@scopes
async def test_the_server_gets_no_signal(run):
    assert (await run("signal_server")).startswith("PermissionError")


@landlock
@pytest.mark.parametrize("pattern", [sys.executable, "/lib*/ld-*.so*", "/lib/*/ld-*.so*"])
async def test_no_program_is_run(run, pattern):
    # Programs lie among the libraries, too: the one that loads them can load any other.
    for program in glob.glob(pattern)[:1]:
        assert (await run("run", program=program)).startswith("PermissionError")


@root
@pytest.mark.parametrize(("engine", "arguments"), [("become", {"user": 1}), ("raise_limit", {})])
async def test_root_is_so_in_name_only(run, engine, arguments):
    assert "done" not in await run(engine, **arguments)


async def test_limits_that_stay(run):
    assert await run("limits") == "[0, 0, 64]"


async def test_stdin_is_empty(run):
    assert await run("stdin") == "done: b''"


async def test_what_libraries_need_late_is_there(run):
    assert await run("late") == "done: WAVE"
    if jail.landlock_version():
        assert run.jailed is True


async def test_a_font_is_found_as_without_a_jail(run, tmp_path):
    code = "import taken_over; print(taken_over.text(0, '').decode())"
    free = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert free.startswith("done: ")
    assert await run("text") == free


async def test_a_system_without_landlock(start, run, caplog):
    start("import tornado_media.engines.jail as j; j.landlock_version = lambda: 0")
    caplog.set_level("INFO", logger="tornado_media")
    assert (await run("read", path="/etc/passwd")).startswith("done")
    assert run.jailed is False
    assert [record.message for record in caplog.records] == [
        "workers run without a jail: this system has no Landlock, or it is switched off"
    ]


async def test_a_thread_from_before_is_no_jail(start, run):
    start("import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()")
    await run("stdin")
    assert run.jailed is False


@pytest.mark.parametrize(
    ("version", "files", "net", "scopes"),
    [(1, 13, 0, 0), (2, 14, 0, 0), (3, 15, 0, 0), (4, 15, 2, 0), (5, 16, 2, 0), (6, 16, 2, 2), (9, 16, 2, 2)],
)
def test_rights_that_a_version_knows(version, files, net, scopes):
    tables = (jail._FILE_RIGHTS, jail._TCP, jail._SCOPES)
    assert [jail._known(table, version).bit_count() for table in tables] == [files, net, scopes]
