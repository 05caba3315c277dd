"""How far a program has read a file, from what Linux shows of it in /proc (proc(5): fdinfo, io).

Its offset in the file, but not more than all that it has read of anything: a program that jumps into the
second half, as ffmpeg does for a later start, has not read the first.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tornado_media.presets.plan import SourceFacts


def position_of(pids: Iterable[int], source: SourceFacts) -> int | None:
    """How many bytes of the source the process has read that has read the most of it.

    Args:
        pids: of running processes.
        source: the file, told by device and inode.

    Returns:
        None when none has it open any more or yet, or where there is no /proc to look into.
    """
    found: int | None = None
    for pid in pids:
        with suppress(OSError, ValueError):  # the process has ended
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                position = _position(pid, descriptor, source)
                if position is not None:
                    found = max(min(position, _read_by(pid)), found or 0)
    return found


def _position(pid: int, descriptor: str, source: SourceFacts) -> int | None:
    with suppress(OSError, ValueError, IndexError):  # closed meanwhile
        status = os.stat(f"/proc/{pid}/fd/{descriptor}")
        if (status.st_dev, status.st_ino) == (source.device, source.inode):
            # "pos:\t123\nflags:\t..."
            return int(Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text().split(maxsplit=2)[1])
    return None


def _read_by(pid: int) -> int:
    # "rchar: 123\nwchar: ..."
    return int(Path(f"/proc/{pid}/io").read_text().split(maxsplit=2)[1])
