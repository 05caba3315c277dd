"""numbered.py NUMBER SIZE [GATE STEPS]: writes bytes that no other NUMBER has, in small pieces.

With a GATE, a FIFO, it waits there after each of so many equal steps: until somebody opens it for writing.
"""

import os
import sys
from array import array

number, size = int(sys.argv[1]), int(sys.argv[2])
gate, steps = (sys.argv[3], int(sys.argv[4])) if len(sys.argv) > 3 else ("", 1)
content = array("Q", range(number << 32, (number << 32) + size // 8 + 1)).tobytes()[:size]
written = 0
for step in range(1, steps + 1):
    while written < size * step // steps:
        written += os.write(1, content[written : min(written + 16384, size * step // steps)])
    if gate:
        open(gate).close()
