"""Fills the pipe, and on SIGTERM writes a long trailer to it before it exits, as a muxer does."""

import os
import signal
import sys


def end(*_: object) -> None:
    os.write(1, b"t" * 1_000_000)
    sys.exit(0)


signal.signal(signal.SIGTERM, end)
os.write(1, b"%d\n" % os.getpid())
while True:
    os.write(1, b"x" * 65536)
