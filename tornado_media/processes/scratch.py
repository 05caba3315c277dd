"""A job's own empty folder and the environment its programs see.

A program gets nothing of the server's environment: no secrets, no LD_PRELOAD. Its HOME, TMPDIR and working
directory are a folder of its own that goes when the job ends, so that what a killed program leaves behind
does not add up.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Mapping

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Scratch:
    """An empty folder for one job, made at once and removed by `remove`.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="tornado_media-")

    @property
    def environment(self) -> Mapping[str, str]:
        """All that a program sees of the environment."""
        return {
            "PATH": os.environ.get("PATH", _PATH),
            "LANG": "C.UTF-8",
            "HOME": self.folder,
            "TMPDIR": self.folder,
            # Threads of one process share two arenas: keeps multi-threaded programs small.
            "MALLOC_ARENA_MAX": "2",
        }

    def remove(self) -> None:
        """Remove the folder; what a program left in it is removed by a thread."""
        try:
            os.rmdir(self.folder)
        except FileNotFoundError:
            return
        except OSError:
            asyncio.get_running_loop().run_in_executor(None, shutil.rmtree, self.folder, True)
