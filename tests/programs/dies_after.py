"""Writes N bytes, says something, then exits with a status or kills itself with a signal (-9)."""

import os
import sys

size, status = int(sys.argv[1]), int(sys.argv[2])
sys.stdout.buffer.write(b"x" * size)
sys.stdout.flush()
os.write(2, b"boom in /secret/path\n")
if status < 0:
    os.kill(os.getpid(), -status)
sys.exit(status)
