"""reads.py SIZE GATE: copies so many bytes of its stdin, waits for the FIFO GATE, copies the rest."""

import os
import sys

size, gate = int(sys.argv[1]), sys.argv[2]
while size:
    block = os.read(0, min(size, 65536))
    sys.stdout.buffer.write(block)
    size -= len(block)
sys.stdout.buffer.flush()
open(gate).close()
while block := os.read(0, 65536):
    sys.stdout.buffer.write(block)
