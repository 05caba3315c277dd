"""Requests a second for a kept thumbnail of about 10 KB, over connections that stay open.

Side by side, in one run: this server, with and without a log line a request; a bare RequestHandler and a bare
HTTPServerConnectionDelegate of Tornado with the same bytes; nginx with the same bytes as a file; thumbor with
its results in files (`thumbor` on PATH, or THUMBOR=/path/to/thumbor). Those of Python run on asyncio's own
loop, and on uvloop where it is installed. The server has one processor and the client another.
Beside the rate there is the server's processor time, which counts where the machine has other work, too.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import _common as common

THUMBNAIL = "/photo.jpg?size=300x225"

WITHOUT_UVLOOP = "import sys; sys.modules['uvloop'] = None; "
SERVE = "from tornado_media.cli import main; main()"

NGINX = """
daemon off; master_process off; worker_processes 1;
pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; types {{ image/jpeg jpg; }}
  client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
  uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
  server {{ listen 127.0.0.1:{port}; root {folder}/kept; }}
}}
"""

THUMBOR = """
LOADER = "thumbor.loaders.file_loader"
FILE_LOADER_ROOT_PATH = "{folder}/photos"
STORAGE = "thumbor.storages.no_storage"
RESULT_STORAGE = "thumbor.result_storages.file_storage"
RESULT_STORAGE_FILE_STORAGE_ROOT_PATH = "{folder}/results"
RESULT_STORAGE_STORES_UNSAFE = True
"""


@dataclass
class Peer:
    """A server that is measured."""

    name: str
    pid: int
    port: int
    target: str
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)


def serve(kind: str, content: bytes, loop: str) -> None:
    """Be one of the bare servers."""
    from tornado.httpserver import HTTPServer
    from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerConnectionDelegate
    from tornado.httputil import ResponseStartLine as StartLine
    from tornado.netutil import bind_sockets
    from tornado.web import Application, RequestHandler

    class Bare(RequestHandler):
        def get(self) -> None:
            self.set_header("Content-Type", "image/jpeg")
            self.finish(content)

    class Message(HTTPMessageDelegate):
        def __init__(self, connection: object) -> None:
            self.connection = connection

        def finish(self) -> None:
            fields = HTTPHeaders({"Content-Type": "image/jpeg", "Content-Length": str(len(content))})
            self.connection.write_headers(StartLine("HTTP/1.1", 200, "OK"), fields, content)
            self.connection.finish()

    class Connections(HTTPServerConnectionDelegate):
        def start_request(self, server_conn: object, request_conn: object) -> HTTPMessageDelegate:
            return Message(request_conn)

    async def listen() -> None:
        application = Application([(".*", Bare)]) if kind == "handler" else Connections()
        http_server = HTTPServer(application)
        sockets = bind_sockets(0, "127.0.0.1")
        http_server.add_sockets(sockets)
        print(f"port {sockets[0].getsockname()[1]}", flush=True)
        await asyncio.Event().wait()

    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    else:
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(listen())


def load(port: int, target: str, connections: int, seconds: float) -> int:
    """Ask again as soon as an answer is complete, on each of some connections; how many came."""
    request = common.request(target, close=False)
    open_ones = [common.connect(port) for _ in range(connections)]
    by_number = {connection.fileno(): connection for connection in open_ones}
    missing = dict.fromkeys(by_number, 0)
    epoll, buffer, done = select.epoll(), bytearray(1 << 18), 0
    with contextlib.ExitStack() as stack:
        stack.enter_context(epoll)
        for connection in open_ones:
            stack.enter_context(connection)
            epoll.register(connection, select.EPOLLIN)
            connection.send(request)
        end = common.now() + seconds
        while common.now() < end:
            for number, _ in epoll.poll(1):
                size = by_number[number].recv_into(buffer)
                if not size:
                    raise ConnectionError("the server closed a connection")
                missing[number] = (missing[number] or length_of(buffer)) - size
                if not missing[number]:
                    done += 1
                    by_number[number].send(request)
    return done


def length_of(buffer: bytearray) -> int:
    """Bytes of the response that begins in a buffer."""
    head = buffer.index(b"\r\n\r\n")
    lines = bytes(buffer[:head]).lower().split(b"\r\n")
    if b" 200 " not in lines[0]:
        raise ValueError(f"not a success: {lines[0].decode()}")
    (length,) = (int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    return head + 4 + length


def fetch(port: int, target: str) -> tuple[str, bytes]:
    """The header section and the content of a response."""
    answer = bytearray()
    with common.connect(port) as connection:
        connection.sendall(common.request(target))
        while block := connection.recv(65536):
            answer += block
    head, _, content = bytes(answer).partition(b"\r\n\r\n")
    return head.decode("latin-1"), content


def make_photo(folder: Path) -> None:
    """A picture whose thumbnail has about 10 KB."""
    source = "mandelbrot=size=1600x1200:start_scale=0.4:start_x=-0.75"
    subprocess.run(
        [common.ffmpeg(), "-v", "error", "-nostdin", "-f", "lavfi", "-i", source, "-frames:v", "1",
         "-q:v", "3", "-y", str(folder / "photo.jpg")],
        check=True,
    )  # fmt: skip


@contextlib.contextmanager
def ours(folder: Path, uvloop: bool, level: str) -> Iterator[tuple[int, int]]:
    """This server."""
    program = SERVE if uvloop else WITHOUT_UVLOOP + SERVE
    argv = ["-c", program, "serve", str(folder / "photos"), "--port", "0", "--log-level", level]
    environment = {"XDG_CACHE_HOME": str(folder / f"cache-{uvloop}-{level}")}
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        with quiet(), common.server(*argv) as started:
            yield started
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The log of a server goes to a file, as it does in production, but to one that is nowhere."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextlib.contextmanager
def program(argv: list[str], port: int) -> Iterator[tuple[int, int]]:
    """Somebody else's server, once it accepts connections."""
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = common.now() + 20
        while True:
            with contextlib.suppress(ConnectionRefusedError), common.connect(port):
                break
            if process.poll() is not None or common.now() > deadline:
                raise RuntimeError(f"{argv[0]} did not start")
            select.select([], [], [], 0.05)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """A port that is free now, for servers that cannot choose one."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def start(stack: contextlib.ExitStack, folder: Path) -> list[Peer]:
    """Start all servers that are installed; ours first, since the others serve its thumbnail."""
    loops = ["asyncio"]
    with contextlib.suppress(ImportError):
        __import__("uvloop")
        loops.append("uvloop")
    peers = []
    for loop in loops:
        for level, how in (("WARNING", ""), ("INFO", ", a log line each")):
            pid, port = stack.enter_context(ours(folder, loop == "uvloop", level))
            peers.append(Peer(f"tornado_media ({loop}{how})", pid, port, THUMBNAIL))
    thumbnail = folder / "kept" / "thumbnail.jpg"
    thumbnail.write_bytes(warm(peers))
    for loop in loops:
        for kind, name in (("handler", "RequestHandler"), ("delegate", "HTTPServerConnectionDelegate")):
            argv = (__file__, "--serve", kind, "--content", str(thumbnail), "--loop", loop)
            peers.append(Peer(f"bare {name} ({loop})", *stack.enter_context(common.server(*argv)), THUMBNAIL))
    if nginx := shutil.which("nginx"):
        port = free_port()
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
        argv = [nginx, "-c", str(folder / "nginx.conf"), "-e", "stderr", "-p", str(folder)]
        peers.append(Peer("nginx, a file", *stack.enter_context(program(argv, port)), "/thumbnail.jpg"))
    if thumbor := os.environ.get("THUMBOR") or shutil.which("thumbor"):
        port = free_port()
        (folder / "thumbor.conf").write_text(THUMBOR.format(folder=folder))
        argv = [thumbor, "--ip", "127.0.0.1", "--port", str(port), "--conf", str(folder / "thumbor.conf")]
        started = stack.enter_context(program(argv, port))
        peers.append(Peer("thumbor, results in files", *started, "/unsafe/300x225/photo.jpg"))
    return peers


def warm(peers: list[Peer]) -> bytes:
    """Let our servers make the thumbnail and keep it; its bytes."""
    content = b""
    for peer in peers:
        for _ in range(3):
            head, content = fetch(peer.port, peer.target)
        if "Cache-Status: tornado_media; hit" not in head:
            print(f"  {peer.name}: not a hit, so this measures the whole way:\n{head}")
    return content


def measure(peers: list[Peer], rounds: int, connections: int, seconds: float) -> None:
    """Load one server after the other, in turns."""
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) > 1:
        os.sched_setaffinity(0, processors[1:])
        for peer in peers:
            for thread in os.listdir(f"/proc/{peer.pid}/task"):
                os.sched_setaffinity(int(thread), processors[:1])
    for peer in peers:
        fetch(peer.port, peer.target)
        load(peer.port, peer.target, connections, 0.3)
    for _ in range(rounds):
        for peer in peers:
            before, begun = common.cpu_seconds(peer.pid), common.now()
            done = load(peer.port, peer.target, connections, seconds)
            peer.rates.append(done / (common.now() - begun))
            peer.costs.append((common.cpu_seconds(peer.pid) - before) / done * 1e6)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each server in each round")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--content", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--loop", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.content.read_bytes(), arguments.loop)
        return
    with common.folder() as folder, contextlib.ExitStack() as stack:
        for name in ("photos", "kept", "results"):
            (folder / name).mkdir()
        make_photo(folder / "photos")
        peers = start(stack, folder)
        size = (folder / "kept" / "thumbnail.jpg").stat().st_size
        measure(peers, arguments.rounds, arguments.connections, arguments.seconds)
    bare = {peer.name.split("(")[1]: peer for peer in peers if peer.name.startswith("bare RequestHandler")}

    def against(peer: Peer) -> list[str]:
        # One on another loop, or on none, is compared with that of asyncio.
        plain = bare["uvloop)" if "uvloop" in peer.name else "asyncio)"]
        rate, cost = common.median(peer.rates), common.median(peer.costs)
        return [
            f"{rate:.0f}",
            f"{rate / common.median(plain.rates):.2f}",
            f"{cost:.0f}",
            f"{common.median(plain.costs) / cost:.2f}",
        ]

    common.table(
        f"A kept thumbnail of {size} bytes, {arguments.connections} connections, "
        f"medians of {arguments.rounds}; times a bare RequestHandler",
        ["server", "requests/s", "times", "CPU us/request", "times"],
        [[peer.name, *against(peer)] for peer in peers],
    )
    print("  target: tornado_media at least 1.5 times the bare RequestHandler on the same loop")


if __name__ == "__main__":
    sys.exit(main())
