"""Writes what it is told to (N bytes after its process id), then nothing more, and does not end."""

import os
import signal
import sys

size = int(sys.argv[1]) if len(sys.argv) > 1 else 0
if size:
    os.write(1, b"%d\n" % os.getpid())
    os.write(1, b"x" * size)
while True:
    signal.pause()
