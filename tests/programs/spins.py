"""Writes its process id and uses the processor for ever."""

import os

os.write(1, b"%d\n" % os.getpid())
while True:
    pass
