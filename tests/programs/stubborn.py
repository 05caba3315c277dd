"""Ignores SIGTERM: writes its process id, then waits for ever."""

import os
import signal

signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"%d\n" % os.getpid())
while True:
    signal.pause()
