"""Writes, closes stdout and does not end."""

import os
import signal

os.write(1, b"%d\n" % os.getpid())
os.close(1)
while True:
    signal.pause()
