"""Makes the file that it is given, so that a test can tell whether it ran, and writes a line."""

import sys
from pathlib import Path

Path(sys.argv[1]).touch()
print("ran")
