"""Writes 10 MB of messages to stderr, then its result."""

import os

for _ in range(160):
    os.write(2, b"e" * 65535 + b"\n")
os.write(1, b"done")
