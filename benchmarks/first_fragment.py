"""Time to the first complete fragment (moof + mdat) of a live video: the server and the raw ffmpeg command.

The raw command is the very one that the server runs (`tornado-media render --dry-run`), read from a pipe.
Both in turn, in one run. The target: at most 1.15 times the raw command plus 15 ms.
"""

from __future__ import annotations

import argparse
import shlex
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import _common as common

PARAMETERS = {"height": "360", "start": "31.7"}


class FirstFragment:
    """Eats bytes until one moof and the mdat after it are complete."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def eat(self, block: bytes) -> bool:
        """Take a block; whether the first fragment is complete."""
        self._bytes += block
        position, kinds = 0, []
        while position + 8 <= len(self._bytes):
            size, kind = struct.unpack_from(">I4s", self._bytes, position)
            if position + size > len(self._bytes):
                return False
            kinds.append(kind)
            if kinds[-2:] == [b"moof", b"mdat"]:
                return True
            position += size
        return False


def time_of(read: Callable[[int], bytes], start: float) -> float:
    """Seconds until the first fragment is complete."""
    fragment = FirstFragment()
    while not fragment.eat(block := read(65536)):
        assert block, "the stream ended before its first fragment"
    return common.now() - start


def raw(argv: list[str]) -> float:
    """The raw command."""
    start = common.now()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        result = time_of(process.stdout.read1, start)
        process.kill()
    return result


def served(port: int, clip: Path) -> float:
    """A request, from the connection on."""
    query = "&".join(f"{name}={value}" for name, value in PARAMETERS.items())
    start = common.now()
    with common.connect(port) as connection:
        # HTTP/1.0: the content comes without chunk lines.
        connection.sendall(f"GET /{clip.name}?preset=mp4&{query} HTTP/1.0\r\nHost: bench\r\n\r\n".encode())
        answer = connection.makefile("rb")
        assert b"200" in answer.readline()
        while answer.readline() != b"\r\n":
            pass
        return time_of(answer.read1, start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--clip", type=Path, help="a video of at least 35 s; else one is made")
    arguments = parser.parse_args()
    with common.folder() as folder:
        clip = arguments.clip.absolute() if arguments.clip else common.make_clip(folder)
        command = [sys.executable, "-m", "tornado_media", "render", "mp4", str(clip), "--dry-run"]
        command += [f"{name}={value}" for name, value in PARAMETERS.items()]
        argv = shlex.split(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        raws, serveds = [], []
        with common.server(
            "-m", "tornado_media", "serve", str(clip.parent), "--port", "0", "--log-level", "ERROR"
        ) as (
            _,
            port,
        ):
            first = served(port, clip)
            raw(argv)
            for _ in range(arguments.rounds):
                raws.append(raw(argv))
                serveds.append(served(port, clip))
    limit = 1.15 * common.median(raws) + 0.015
    common.table(
        f"First complete fragment of {clip.name} at {PARAMETERS}, medians of {arguments.rounds}",
        ["what", "ms"],
        [
            ["raw ffmpeg command", f"{1000 * common.median(raws):.0f}"],
            ["server", f"{1000 * common.median(serveds):.0f}"],
            ["server, very first request (facts are not known yet)", f"{1000 * first:.0f}"],
            ["limit: 1.15 x raw + 15 ms", f"{1000 * limit:.0f}"],
        ],
    )
    print(f"  {'met' if common.median(serveds) <= limit else 'MISSED'}")


if __name__ == "__main__":
    sys.exit(main())
