"""Processor seconds of the server for each gigabyte of a file that is sent to a client over HTTP/1.1.

Four servers, in turn, in one run: this one, whose Wire uses sendfile(2); the same with the portable way, a
read and a write through a buffer; Tornado's StaticFileHandler; nginx with sendfile, where it is installed.
The file is in the page cache.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import _common as common

SIZE = 1_000_000_000

NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ root {folder}; }}
    }}
}}
"""


def serve(folder: str) -> None:
    """Be the server."""
    import os

    from tornado.web import Application, RequestHandler, StaticFileHandler

    from tornado_media.http.conditional import Validators
    from tornado_media.store.representation import of_file
    from tornado_media.web import wire
    from tornado_media.web.delivery import deliver
    from tornado_media.web.edge import answer
    from tornado_media.web.exchange import Exchange

    class Ours(RequestHandler):
        async def get(self, way: str) -> None:
            wire.DIRECT = way == "ours"
            file = os.open(f"{folder}/file", os.O_RDONLY)

            async def respond(exchange: Exchange) -> None:
                content = of_file(file, SIZE, "video/mp4", Validators('"x"'), "no-store", lambda: False)
                await deliver(exchange, self, content)

            await answer(self, respond)
            os.close(file)

    static = (r"/(file)", StaticFileHandler, {"path": folder})
    common.listen_forever(Application([static, ("/(.*)", Ours)]))


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def nginx(folder: Path) -> Iterator[tuple[int, int] | None]:
    """nginx with one worker: the worker's process id, and the port; None where it is not installed."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        yield None
        return
    port, file = free_port(), folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, port=port))
    folder.chmod(0o755)
    master = subprocess.Popen([program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(file)])
    try:
        while True:
            with contextlib.suppress(ConnectionRefusedError), common.connect(port):
                break
        children = Path(f"/proc/{master.pid}/task/{master.pid}/children")
        # The kernel takes connections before there is a worker.
        while not (workers := children.read_text().split()):
            time.sleep(0.01)
        yield int(workers[0]), port
    finally:
        master.terminate()
        master.wait()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    with common.folder() as folder:
        with open(folder / "file", "wb") as file:
            block = bytes(1 << 20)
            for _ in range(SIZE // len(block)):
                file.write(block)
            file.write(block[: SIZE % len(block)])
        with common.server(__file__, "--serve", str(folder)) as ours, nginx(folder) as other:
            measure(arguments.rounds, ours, other)


def measure(rounds: int, ours: tuple[int, int], other: tuple[int, int] | None) -> None:
    """Ask each server in turn, and print the table."""
    servers = {
        "tornado_media": (*ours, "/ours"),
        "  its portable way": (*ours, "/copied"),
        "Tornado's StaticFileHandler": (*ours, "/file"),
    }
    if other is not None:
        servers["nginx, sendfile"] = (*other, "/file")
    cpu: dict[str, list[float]] = {name: [] for name in servers}
    wall: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(rounds + 1):
        for name, (pid, port, target) in servers.items():
            before, start = common.cpu_seconds(pid), common.now()
            assert common.read_all(port, target) >= SIZE, name
            if number > 0:  # the first round warms everything up
                wall[name].append(common.now() - start)
                cpu[name].append(common.cpu_seconds(pid) - before)
    best = common.median(cpu["nginx, sendfile"]) if other is not None else None
    common.table(
        f"A file of 1 GB to one client, medians of {rounds}",
        ["server", "CPU s/GB", "ratio to nginx", "wall s"],
        [
            [name, f"{common.median(cpu[name]):.3f}",
             "-" if best is None else f"{common.median(cpu[name]) / best:.2f}",
             f"{common.median(wall[name]):.2f}"]
            for name in servers
        ],
    )  # fmt: skip
    print("  target: tornado_media at most 1.2 of nginx")


if __name__ == "__main__":
    sys.exit(main())
