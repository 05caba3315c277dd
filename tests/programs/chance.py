"""chance.py SIZE: so many bytes that no other run gives."""

import os
import sys

sys.stdout.buffer.write(os.urandom(int(sys.argv[1])))
