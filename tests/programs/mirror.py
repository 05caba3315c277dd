"""Tells what it was given: stdin, descriptors, environment, arguments, folder, signals, limits."""

import json
import os
import resource
import sys
from pathlib import Path

descriptors = sorted(int(name) for name in os.listdir("/proc/self/fd"))
folder = Path("/proc/self/fd")
status = dict(line.split(":\t", 1) for line in Path(f"/proc/{os.getpid()}/status").read_text().splitlines())
print(
    json.dumps(
        {
            "stdin": len(sys.stdin.buffer.read()),
            "descriptors": [n for n in descriptors if os.path.exists(folder / str(n))],
            "environment": dict(os.environ),
            "arguments": sys.argv[1:],
            "folder": os.getcwd(),
            "group": os.getpgrp(),
            "pid": os.getpid(),
            "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
            "status": status["SigIgn"].strip(),
        }
    )
)
