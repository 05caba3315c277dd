"""gated.py LOG SIZE GATE [SIZE [STATUS]]: notes its run in LOG, writes, waits at GATE, writes the rest.

The bytes are numbers of eight bytes, so no two places look alike. GATE is a FIFO: the wait ends when somebody
opens it for writing. "-" is no gate.
"""

import sys

log, first, gate = sys.argv[1], int(sys.argv[2]), sys.argv[3]
rest = int(sys.argv[4]) if len(sys.argv) > 4 else 0
status = int(sys.argv[5]) if len(sys.argv) > 5 else 0


def write(begin: int, end: int) -> None:
    numbers = b"".join(n.to_bytes(8, "big") for n in range(begin // 8, end // 8 + 1))
    sys.stdout.buffer.write(numbers[begin % 8 :][: end - begin])
    sys.stdout.buffer.flush()


with open(log, "a") as file:
    file.write("run\n")
write(0, first)
if gate != "-":
    open(gate).close()
write(first, first + rest)
sys.exit(status)
