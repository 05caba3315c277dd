"""An encoder as a run sees it: boxes of an initialization segment, then of one fragment after the other.

segments.py DIARY FIRST COUNT SIZE [FAIL]: writes "start FIRST" and "made N" into the file DIARY, N before the
fragment N goes out, whose mdat has SIZE bytes; exits with 3 in place of making fragment FAIL, -1 before all.
"""

import os
import sys

diary, first, count, size = sys.argv[1], *map(int, sys.argv[2:5])
fail = int(sys.argv[5]) if len(sys.argv) > 5 else None


def note(text):
    file = os.open(diary, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{text}\n".encode())
    os.close(file)


def box(kind, content):
    return (8 + len(content)).to_bytes(4, "big") + kind + content


note(f"start {first}")
if fail == -1:
    sys.exit(3)
out = sys.stdout.buffer
out.write(box(b"ftyp", b"isom\0\0\0\0") + box(b"moov", b""))
for number in range(first, count):
    if number == fail:
        sys.exit(3)
    note(f"made {number}")
    out.write(box(b"moof", number.to_bytes(4, "big")) + box(b"mdat", bytes([number]) * size))
    out.flush()
