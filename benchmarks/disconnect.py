"""Milliseconds from a client's disconnect to the end of the last process of its job.

A program that floods, one that is silent, one that ignores SIGTERM, and ffmpeg encoding; each by FIN, by RST
and by FIN after a pipelined second request. The promise: at most 100 ms.
"""

from __future__ import annotations

import argparse
import os
import select
import socket
import struct
import sys
import time
from pathlib import Path

import _common as common

PROGRAMS = Path(__file__).parents[1] / "tests" / "programs"
LIMIT = 0.100


def serve(clip: str) -> None:
    """Be the server: each program is announced by a first line with its process id."""
    from tornado.web import Application, RequestHandler

    from tornado_media import send_program

    class Program(RequestHandler):
        async def get(self, name: str) -> None:
            script = str(PROGRAMS / f"{name}.py")
            await send_program(self, [sys.executable, "-SEI", script, "10"], media_type="text/plain")

    class Encoder(RequestHandler):
        async def get(self) -> None:
            argv = [
                common.ffmpeg(),
                "-v",
                "error",
                "-nostdin",
                "-i",
                clip,
                "-c:v",
                "libx264",
                "-f",
                "mpegts",
                "-",
            ]
            shell = ["/bin/sh", "-c", 'echo $$; exec "$@"', "sh", *argv]
            await send_program(self, shell, media_type="video/mp2t")

    common.listen_forever(Application([("/ffmpeg", Encoder), ("/(.*)", Program)]))


def leave(port: int, target: str, how: str) -> float:
    """Seconds from the disconnect to the end of the program."""
    with common.connect(port) as connection:
        connection.sendall(common.request(target, close=False))
        pid = common.announced_pid(connection)
        pidfd = os.pidfd_open(pid)
        if how == "pipelined, FIN":
            connection.sendall(common.request(target))
            # Time for Tornado to read it: from then on it does not listen for the end of the connection.
            time.sleep(0.05)
        if how == "RST":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        start = common.now()
    ready, _, _ = select.select([pidfd], [], [], 10)
    result = common.now() - start
    os.close(pidfd)
    assert ready, f"{target} {how}: still alive after 10 s"
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    rows, worst = [], 0.0
    with (
        common.folder() as folder,
        common.server(__file__, "--serve", str(common.make_clip(folder))) as (_, port),
    ):
        for target in ("/endless", "/silent", "/stubborn", "/ffmpeg"):
            for how in ("FIN", "RST", "pipelined, FIN"):
                times = [leave(port, target, how) for _ in range(arguments.rounds)]
                worst = max(worst, *times)
                rows.append(
                    [target[1:], how, f"{1000 * common.median(times):.1f}", f"{1000 * max(times):.1f}"]
                )
    title = f"From disconnect to the end of the program, {arguments.rounds} each"
    common.table(title, ["program", "by", "median ms", "worst ms"], rows)
    print(f"  {'met' if worst <= LIMIT else 'MISSED'}: worst {1000 * worst:.0f} ms, promised 100 ms")


if __name__ == "__main__":
    sys.exit(main())
