"""takes.py SIZE STATUS [FIRST]: reads so many bytes of its stdin, closes it, writes a line, ends with STATUS.

With FIRST it writes so many bytes before it reads.
"""

import os
import sys

size, status = int(sys.argv[1]), int(sys.argv[2])
if len(sys.argv) > 3:
    os.write(1, b"x" * int(sys.argv[3]))
while size:
    size -= len(os.read(0, size))
os.close(0)
if status == 0:
    os.write(1, b"taken\n")
sys.exit(status)
