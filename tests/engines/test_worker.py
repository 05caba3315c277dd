"""One call, as the loop of a worker runs it; what a worker holds at rest. Whole workers: tests/processes."""

import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from tornado_media import engines
from tornado_media.engines import worker
from tornado_media.engines.bounds import Bounds
from tornado_media.errors import BadRequest, SourceUnusable


@pytest.fixture
def engine(monkeypatch):
    """`engine(function)`: the engine "e" from now on."""
    worker.load.cache_clear()

    def engine(function):
        monkeypatch.setitem(engines.ENGINES, "e", f"{__name__}:_engine")
        monkeypatch.setitem(globals(), "_engine", function)

    yield engine
    worker.load.cache_clear()


def request(**more):
    return {"engine": "e", "media_type": "image/x", "arguments": {"width": 3}, **more}


def test_sources_get_the_names_of_the_request(engine):
    engine(lambda *args, **kwargs: repr((args, sorted(kwargs.items()))).encode())
    others = [["watermark", "image/png"], ["mask", "image/gif"]]
    head, content = worker.answer(request(others=others), [7, 8, 9])
    assert content.decode() == repr(
        ((7, "image/x"), [("mask", (9, "image/gif")), ("watermark", (8, "image/png")), ("width", 3)])
    )
    assert head == {"length": len(content)}


@pytest.mark.parametrize("files", [[7], [7, 8, 9]])
def test_a_source_without_a_name_is_a_defect(engine, files):
    engine(lambda *args, **kwargs: b"never")
    head, content = worker.answer(request(others=[["watermark", "image/png"]]), files)
    assert head["error"] == "ProgramFailed"
    assert content == b""


@pytest.mark.parametrize("kind", [SourceUnusable, BadRequest])
def test_a_refusal_keeps_its_kind(engine, kind):
    def refuse(*args, **kwargs):
        raise kind("Not so.", private="why")

    engine(refuse)
    head, _ = worker.answer(request(memory=1000), [7])
    assert head == {"error": kind.__name__, "detail": "Not so.", "private": "why"}


@pytest.mark.parametrize(
    ("memory", "kind", "detail"),
    [
        (
            2**26,
            "SourceTooCostly",
            "To make this of the source needs more memory than the 64 MiB that it may have.",
        ),
        (None, "SourceUnusable", "To make this of the source needs more memory than there is."),
    ],
)
def test_no_memory(engine, memory, kind, detail):
    def fail(*args, **kwargs):
        raise MemoryError

    engine(fail)
    head, _ = worker.answer(request(memory=memory), [7])
    assert (head["error"], head["detail"]) == (kind, detail)


def test_a_request_that_comes_in_pieces(engine):
    engine(lambda source, media_type, **kwargs: os.read(source, 9) + media_type.encode())
    ours, theirs = socket.socketpair()
    with ours, theirs, Bounds() as bounds:
        serving = threading.Thread(target=worker.serve, args=(theirs, bounds))
        serving.start()
        read, write = os.pipe()
        os.write(write, b"piped")
        line = json.dumps(request()).encode() + b"\n"
        socket.send_fds(ours, [line[:20]], [read])
        ours.sendall(line[20:])
        answered = ours.makefile("rb")
        head = json.loads(answered.readline())
        assert answered.read(head["length"]) == b"pipedimage/x"
        answered.close()
        ours.shutdown(socket.SHUT_WR)
        serving.join()
        os.close(read)
        os.close(write)


def test_limits_are_above_what_was_taken_before(monkeypatch):
    asked = []
    most = {resource.RLIMIT_DATA: resource.RLIM_INFINITY, resource.RLIMIT_CPU: 70}
    monkeypatch.setattr(resource, "getrlimit", lambda which: (most[which], most[which]))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: asked.append((which, limits)))
    with Bounds() as bounds:
        monkeypatch.setattr(bounds, "_data", 1000)
        monkeypatch.setattr(time, "process_time", lambda: 60.2)
        for memory, cpu in [(None, None), (500, 3), (None, None), (None, None), (None, 20)]:
            bounds.set(memory, cpu)
    assert asked == [
        (resource.RLIMIT_DATA, (1500, resource.RLIM_INFINITY)),
        (resource.RLIMIT_CPU, (64, 70)),
        (resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)),
        (resource.RLIMIT_CPU, (70, 70)),
        # Not above what the system gives at most.
        (resource.RLIMIT_CPU, (70, 70)),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="malloc_trim is of glibc")
@pytest.mark.parametrize("trims", [True, False])
def test_what_libraries_keep_in_hand_is_given_back(trims):
    script = f"""
from tornado_media.engines.bounds import Bounds, TRIM
import ctypes
libc = ctypes.CDLL(None)
if not hasattr(libc, "malloc_trim"):
    raise SystemExit("no glibc")
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
bounds = Bounds()
if not {trims}:
    bounds._trim = None
start, pieces = bounds.resident, [libc.malloc(100_000) for _ in range(2 * TRIM // 100_000)]
for piece in pieces:
    ctypes.memset(piece, 1, 100_000)
for piece in pieces[:-1]:
    libc.free(piece)
bounds.rest()
print(bounds.resident - start > TRIM)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    if "no glibc" in done.stderr:
        pytest.skip("malloc_trim is of glibc")
    assert done.stdout.strip() == str(not trims)


PAINTS = """
import resource
from tornado_media.engines.bounds import keep_memory
if {keep}:
    keep_memory()
def paint():
    blocks = [bytearray(b"x" * 4_000_000) for _ in range(10)]
for _ in range(3):
    paint()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    paint()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_touched(keep):
    argv = [sys.executable, "-c", PAINTS.format(keep=keep)]
    return int(subprocess.run(argv, capture_output=True, check=True, text=True).stdout)


def test_memory_that_was_freed_is_used_again():
    """Five times 40 MB are 49,000 pages that the kernel would have to clear."""
    assert pages_touched(keep=True) < 5_000 < 20_000 < pages_touched(keep=False)


@pytest.mark.slow
def test_a_worker_uses_it_again(tmp_path):
    path = tmp_path / "a.png"
    Image.effect_noise((2400, 1600), 60).convert("RGB").save(path, compress_level=1)
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb") as answers:
        argv = [sys.executable, "-m", "tornado_media.engines.worker", "thumbnail"]
        with subprocess.Popen(argv, stdin=theirs) as process:
            answers.readline()
            touched = []
            for _ in range(6):
                line = request(engine="thumbnail", media_type="image/png", arguments={"width": 300})
                with path.open("rb") as file:
                    socket.send_fds(ours, [json.dumps(line).encode() + b"\n"], [file.fileno()])
                answers.read(json.loads(answers.readline())["length"])
                touched.append(int(Path(f"/proc/{process.pid}/stat").read_text().split()[9]))
            ours.shutdown(socket.SHUT_WR)
    assert touched[5] - touched[3] < 1_000, touched
