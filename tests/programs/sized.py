"""Writes N bytes that differ from each other, in order."""

import sys

size = int(sys.argv[1])
line = b"".join(b"%07x\n" % number for number in range(size // 8 + 1))
sys.stdout.buffer.write(line[:size])
