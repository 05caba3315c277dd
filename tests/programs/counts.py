"""counts.py [PIDFILE]: reads its stdin to the end, then tells how many bytes came and their digest.

PIDFILE is a FIFO that it writes its process id to before it reads.
"""

import hashlib
import os
import sys

if len(sys.argv) > 1:
    with open(sys.argv[1], "w") as fifo:
        fifo.write(str(os.getpid()))
size, digest = 0, hashlib.sha256()
while block := os.read(0, 65536):
    size += len(block)
    digest.update(block)
print(size, digest.hexdigest())
