"""What the server adds to one run of a program that exits at once: a request minus a bare spawn.

The bare spawn is Popen, read to the end, wait, in a process that does nothing else.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

import _common as common

ARGV = ["/bin/echo", "x"]


def serve() -> None:
    """Be the server."""
    from tornado.web import Application, RequestHandler

    from tornado_media import send_program

    class Ours(RequestHandler):
        async def get(self) -> None:
            await send_program(self, ARGV, media_type="text/plain", streams=False)

    class Nothing(RequestHandler):
        async def get(self) -> None:
            self.write("x\n")

    common.listen_forever(Application([("/ours", Ours), ("/nothing", Nothing)]))


def exchange_on(connection: object, target: str) -> float:
    """Seconds of one request on a connection that is kept."""
    start = common.now()
    connection.sendall(common.request(target, close=False))  # type: ignore[attr-defined]
    answer = b""
    while not answer.endswith(b"\r\n\r\nx\n"):
        answer += connection.recv(65536)  # type: ignore[attr-defined]
    return common.now() - start


def bare() -> float:
    """Seconds of one bare spawn."""
    start = common.now()
    with subprocess.Popen(ARGV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()
    return common.now() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
        return
    spawns, ours, nothing = [], [], []
    with common.server(__file__, "--serve") as (_, port), common.connect(port) as connection:
        for _ in range(arguments.rounds):
            spawns.append(bare())
            ours.append(exchange_on(connection, "/ours"))
            nothing.append(exchange_on(connection, "/nothing"))
    rows = [("bare spawn", spawns), ("request that runs it", ours), ("request that writes 2 bytes", nothing)]
    common.table(
        f"A program that exits at once, medians of {arguments.rounds}",
        ["what", "ms"],
        [[name, f"{1000 * common.median(values):.2f}"] for name, values in rows],
    )
    added = common.median(ours) - common.median(spawns)
    print(f"  the server adds {1000 * added:.2f} ms; "
          f"{1000 * (added - common.median(nothing)):.2f} ms more than Tornado's own request")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
