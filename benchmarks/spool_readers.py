"""Resident memory of the server for each of 1,000 slow readers of one spool.

One program writes a stream that is kept; the readers ask for it at once, take a few kilobytes, and stop. One
more reader takes all, so that the spool grows past what is in memory. The target is 64 KiB for each reader.
"""

from __future__ import annotations

import argparse
import resource
import select
import socket
import sys
import time

import _common as common

SIZE = 64 * 1024 * 1024
TARGET = 64.0

CONFIG = """
[sources.bench]
root = "{folder}"
[cache]
folder = "{folder}/cache"
[preset.flood]
accepts    = ["*/*"]
media_type = "application/octet-stream"
pipeline   = [["head", "-c", "{size}", "/dev/zero"]]
streams    = true
"""


def ask(port: int, buffer: int | None = 4096) -> socket.socket:
    """A reader that has asked; with a small buffer its kernel takes little before it does."""
    connection = socket.socket()
    if buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.connect(("127.0.0.1", port))
    connection.sendall(common.request("/a.txt?preset=flood"))
    return connection


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=1000)
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with common.folder() as folder:
        (folder / "a.txt").write_text("hello\n")
        config = folder / "tornado_media.toml"
        config.write_text(CONFIG.format(folder=folder, size=SIZE))
        argv = ["-m", "tornado_media", "serve", "--config", str(config)]
        argv += ["--port", "0", "--log-level", "ERROR"]
        with common.server(*argv) as (pid, port):
            first = ask(port, buffer=None)
            begin = first.recv(4096)
            time.sleep(1)
            before = common.resident(pid)
            readers = [ask(port) for _ in range(arguments.readers)]
            for reader in readers:
                assert select.select([reader], [], [], 30)[0]
                assert reader.recv(4096).startswith(b"HTTP/1.1 200")
            slow = common.resident(pid) - before
            taken = len(begin)
            while size := len(first.recv(1 << 20)):
                taken += size
            assert taken > SIZE, f"the stream was cut at {taken}"
            after = common.resident(pid) - before
            for reader in [first, *readers]:
                reader.close()
    count = arguments.readers
    common.table(
        f"{count} slow readers of one spool of {SIZE >> 20} MiB",
        ["when", "resident memory", "for each reader"],
        [
            ["all have begun", f"{slow:.1f} MiB", f"{1024 * slow / count:.1f} KiB"],
            ["the spool is complete", f"{after:.1f} MiB", f"{1024 * after / count:.1f} KiB"],
        ],
    )
    most = 1024 * max(slow, after) / count
    print(
        f"  {'met' if most <= TARGET else 'MISSED'}: the target is at most {TARGET:.0f} KiB for each reader"
    )


if __name__ == "__main__":
    sys.exit(main())
