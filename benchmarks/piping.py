"""Processor seconds of the server for each gigabyte that a program writes to a client over HTTP/1.1.

Six servers, in turn, in one run: this one (`send_program`, chunked); the three ways a pipe could go out
behind it, chunked too, which is how the way was chosen (`web/wire.py`); a plain RequestHandler that reads
the pipe with `read_bytes` and writes with `write` and `flush`; a blocking `os.splice` loop from a pipe as
large as ours, which no server can beat and which serves one client only. Only the server's own time counts,
not the program's and the client's.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import subprocess
import sys

import _common as common

SIZE = 1_000_000_000


ARGV = (shutil.which("head") or "head", "-c", str(SIZE), "/dev/zero")
"""The program: a gigabyte as fast as it goes."""


def serve() -> None:
    """Be the server."""
    from tornado.iostream import PipeIOStream, StreamClosedError
    from tornado.process import Subprocess
    from tornado.web import Application, RequestHandler

    from tornado_media import send_program
    from tornado_media.presets.plan import Limits, Pipeline
    from tornado_media.processes import output, pipeline
    from tornado_media.web import wire
    from tornado_media.web.exchange import Exchange

    class Ours(RequestHandler):
        async def get(self) -> None:
            await send_program(self, ARGV, media_type="application/octet-stream")

    class Way(RequestHandler):
        async def get(self, way: str) -> None:
            wire.DIRECT = way == "spliced"
            pipeline.open_output = output.BufferedOutput if way == "read_into" else output.PipeOutput
            exchange = Exchange(self)
            running = pipeline.RunningPipeline(Pipeline((ARGV,)), None, Limits())
            await exchange.send_headers(200, {})
            await exchange.send_content(running, None)
            await exchange.finish()
            await running.close()
            exchange.close()
            wire.DIRECT, pipeline.open_output = True, output.open_output

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
            fcntl.fcntl(read_end, fcntl.F_SETPIPE_SZ, pipeline.PIPE_SIZE)
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

    common.listen_forever(
        Application([("/ours", Ours), ("/way/(.*)", Way), ("/plain", Plain), ("/splice", Splice)])
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
        return
    targets = {
        "/ours": "tornado_media",
        "/way/spliced": "  its Wire: os.splice",
        "/way/copied": "  its Wire: readv and a buffer",
        "/way/read_into": "  its Wire: PipeIOStream.read_into",
        "/plain": "plain handler",
        "/splice": "blocking os.splice (limit)",
    }
    cpu: dict[str, list[float]] = {target: [] for target in targets}
    wall: dict[str, list[float]] = {target: [] for target in targets}
    with common.server(__file__, "--serve") as (pid, port):
        for target in targets:
            common.read_all(port, target)
        for _ in range(arguments.rounds):
            for target in targets:
                before, start = common.cpu_seconds(pid), common.now()
                assert common.read_all(port, target) >= SIZE
                wall[target].append(common.now() - start)
                cpu[target].append(common.cpu_seconds(pid) - before)
    plain, limit = common.median(cpu["/plain"]), common.median(cpu["/splice"])
    common.table(
        f"Piping 1 GB from a program to one client, medians of {arguments.rounds}",
        ["server", "CPU s/GB", "ratio to plain", "ratio to the limit", "wall s"],
        [
            [name, f"{common.median(cpu[target]):.3f}", f"{common.median(cpu[target]) / plain:.2f}",
             f"{common.median(cpu[target]) / limit:.2f}",
             f"{common.median(wall[target]):.2f}"]
            for target, name in targets.items()
        ],
    )  # fmt: skip
    print("  target: tornado_media at most 0.6 of the plain handler and 1.25 of the limit")


if __name__ == "__main__":
    sys.exit(main())
