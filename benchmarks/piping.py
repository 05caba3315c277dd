"""Processor seconds of the server for each gigabyte that a program writes to a client over HTTP/1.1.

Three servers, in turn, in one run: this one (`send_program`); a plain RequestHandler that reads the pipe
with `read_bytes` and writes with `write` and `flush`; a blocking `os.splice` loop, which no server can beat
and which serves one client only. Only the server's own time counts, not the program's and the client's.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import _common as common

SIZE = 1_000_000_000


ARGV = ("head", "-c", str(SIZE), "/dev/zero")
"""The program: a gigabyte as fast as it goes."""


def serve() -> None:
    """Be the server."""
    from tornado.iostream import PipeIOStream, StreamClosedError
    from tornado.process import Subprocess
    from tornado.web import Application, RequestHandler

    from tornado_media import send_program

    class Ours(RequestHandler):
        async def get(self) -> None:
            await send_program(self, ARGV, media_type="application/octet-stream")

    class Plain(RequestHandler):
        async def get(self) -> None:
            read_end, write_end = os.pipe()
            program = Subprocess(ARGV, stdout=write_end)
            os.close(write_end)
            stream = PipeIOStream(read_end)
            try:
                while True:
                    self.write(await stream.read_bytes(65536, partial=True))
                    await self.flush()
            except StreamClosedError:
                program.proc.wait()

    class Splice(RequestHandler):
        async def get(self) -> None:
            self.set_header("Content-Length", str(SIZE))
            await self.flush()
            read_end, write_end = os.pipe()
            program = subprocess.Popen(ARGV, stdout=write_end)
            os.close(write_end)
            connection = self.request.connection
            connection.stream.socket.setblocking(True)
            while os.splice(read_end, connection.stream.socket.fileno(), 1 << 20):
                pass
            connection.stream.socket.setblocking(False)
            os.close(read_end)
            program.wait()
            connection._expected_content_remaining = 0

    common.listen_forever(Application([("/ours", Ours), ("/plain", Plain), ("/splice", Splice)]))


def read_all(port: int, target: str) -> int:
    """Read a response to its end; its bytes."""
    buffer, total = bytearray(1 << 20), 0
    with common.connect(port) as connection:
        connection.sendall(common.request(target))
        while size := connection.recv_into(buffer):
            total += size
    return total


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
        return
    targets = {"/ours": "tornado_media", "/plain": "plain handler", "/splice": "blocking os.splice (limit)"}
    cpu: dict[str, list[float]] = {target: [] for target in targets}
    wall: dict[str, list[float]] = {target: [] for target in targets}
    with common.server(__file__, "--serve") as (pid, port):
        for target in targets:
            read_all(port, target)
        for _ in range(arguments.rounds):
            for target in targets:
                before, start = common.cpu_seconds(pid), common.now()
                assert read_all(port, target) >= SIZE
                wall[target].append(common.now() - start)
                cpu[target].append(common.cpu_seconds(pid) - before)
    plain = common.median(cpu["/plain"])
    common.table(
        f"Piping 1 GB from a program to one client, medians of {arguments.rounds}",
        ["server", "CPU s/GB", "ratio to plain", "wall s"],
        [
            [name, f"{common.median(cpu[target]):.3f}", f"{common.median(cpu[target]) / plain:.2f}",
             f"{common.median(wall[target]):.2f}"]
            for target, name in targets.items()
        ],
    )  # fmt: skip
    print("  target: tornado_media at most 0.75 of the plain handler")


if __name__ == "__main__":
    sys.exit(main())
