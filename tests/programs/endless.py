"""Writes its process id in one line, then for ever."""

import os

os.write(1, b"%d\n" % os.getpid())
BLOCK = b"x" * 65536
while True:
    os.write(1, BLOCK)
