"""Leaves a process behind that holds stdout, writes its process id and exits with 0."""

import os
import subprocess

left = subprocess.Popen(["sleep", "600"])
left.returncode = 0
os.write(1, b"%d\n" % left.pid)
os._exit(0)
