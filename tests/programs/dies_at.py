"""dies_at.py before|after FUNCTION NUMBER ARGUMENT...: `tornado-media ARGUMENT...` that is killed on the way.

Before or after the NUMBER-th call of os.FUNCTION it gets a SIGKILL. From then on it does nothing more.
"""

import os
import signal
import sys
from typing import Any

when, name, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
real, calls = getattr(os, name), 0


def call(*arguments: Any, **named: Any) -> Any:
    global calls
    calls += 1
    last = calls == number
    if last and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*arguments, **named)
    if last:
        os.kill(os.getpid(), signal.SIGKILL)
    return result


setattr(os, name, call)
sys.argv[1:] = sys.argv[4:]

from tornado_media.cli import main  # noqa: E402

main()
