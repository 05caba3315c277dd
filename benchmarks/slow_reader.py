"""Memory of the server while a client reads one byte a second from a program that writes without end.

Prints how far the server's resident memory moves in 20 s, and whether the program sleeps in its write without
using the processor. The bound is 4 MiB.
"""

from __future__ import annotations

import argparse
import socket
import sys
import time
from pathlib import Path

import _common as common

PROGRAM = Path(__file__).parents[1] / "tests" / "programs" / "endless.py"
BOUND = 4.0


def serve() -> None:
    """Be the server."""
    from tornado.web import Application, RequestHandler

    from tornado_media import send_program

    class Endless(RequestHandler):
        async def get(self) -> None:
            await send_program(self, [sys.executable, "-SEI", str(PROGRAM)], media_type="text/plain")

    common.listen_forever(Application([("/", Endless)]))


def state_and_ticks(pid: int) -> tuple[str, int]:
    """What a process does (S is asleep) and the processor time it has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return fields[0], int(fields[11]) + int(fields[12])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
        return
    with common.server(__file__, "--serve") as (server, port), common.connect(port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(common.request("/"))
        program = common.announced_pid(connection)
        time.sleep(1)
        first, (_, ticks) = common.resident(server), state_and_ticks(program)
        largest = first
        for _ in range(arguments.seconds):
            time.sleep(1)
            connection.recv(1)
            largest = max(largest, common.resident(server))
        state, ticks_after = state_and_ticks(program)
    common.table(
        f"A reader of 1 byte a second, {arguments.seconds} s",
        ["what", "value"],
        [
            ["resident memory at first", f"{first:.1f} MiB"],
            ["it grew by at most", f"{largest - first:.2f} MiB"],
            ["state of the program", f"{state} (S: asleep, in its write)"],
            ["processor time of the program meanwhile", f"{(ticks_after - ticks) / common.TICK:.2f} s"],
        ],
    )
    print(f"  {'met' if largest - first < BOUND else 'MISSED'}: the bound is {BOUND:.0f} MiB")


if __name__ == "__main__":
    sys.exit(main())
