"""What one call may take, set by the worker on itself: memory and processor time (setrlimit(2)).

Both are for the call alone: a worker has already taken some for its libraries and for the calls before, and
that is added. A call that wants more memory is refused it by the kernel; what the library then does, an
error or an abort, is told apart by `formats.shortage`. More processor time ends the worker with SIGXCPU.

The server does not rely on them: it ends a worker that takes too long, whatever its limits are.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import time
from contextlib import suppress

TRIM = 128 * 1024 * 1024
"""Bytes that a worker may have grown since it last gave memory back to the system. To give back what the next
call takes again costs more than it seems: with 32 MiB a progressive JPEG took a quarter longer."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGEST, _SPARE = 32 * 1024 * 1024, 64 * 1024 * 1024
"""Bytes: the largest block that is not given back at once, and how much is kept at the end of the heap. glibc
comes to these two by itself once a block of the first size was freed."""

_PAGE = resource.getpagesize()


def keep_memory() -> None:
    """Tell malloc to keep what is freed for the next picture, within limits; `Bounds.rest` gives it back.

    Else each picture of several megapixels touches new memory, page by page: of a PNG that is a seventh of
    the processor time, of a progressive JPEG too.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # there is none in musl
        mallopt(_M_MMAP_THRESHOLD, _LARGEST)
        mallopt(_M_TRIM_THRESHOLD, _SPARE)


class Bounds:
    """What this process has at rest, and limits above that. A context manager.

    To be made before /proc is closed to the process.
    """

    def __init__(self) -> None:
        self._limited: set[int] = set()
        self._most = {
            which: resource.getrlimit(which)[1] for which in (resource.RLIMIT_DATA, resource.RLIMIT_CPU)
        }
        self._statm = -1
        with suppress(OSError):  # no /proc: then nothing is known, and memory is not limited
            self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self.resident, self._data = self._measure()
        self._floor = self.resident

    def __enter__(self) -> Bounds:
        return self

    def __exit__(self, *error: object) -> None:
        if self._statm >= 0:
            os.close(self._statm)

    def set(self, memory: int | None, cpu: int | None) -> None:
        """Limit what follows.

        Args:
            memory: bytes of data above what there is at rest (RLIMIT_DATA); None for no limit.
            cpu: seconds of processor time from now on (RLIMIT_CPU: rounded up); None for no limit.
        """
        known = self._statm >= 0
        self._limit(resource.RLIMIT_DATA, None if memory is None or not known else self._data + memory)
        self._limit(resource.RLIMIT_CPU, None if cpu is None else math.ceil(time.process_time()) + cpu)

    def rest(self) -> None:
        """After a call: give back what its libraries kept in hand, and see what there is."""
        self.resident, self._data = self._measure()
        if self._trim is not None and self.resident > self._floor + TRIM:
            self._trim(0)
            self.resident, self._data = self._measure()
            # What is left is in use, or cannot be given back: not a reason to try after every call.
            self._floor = self.resident
        self._floor = min(self._floor, self.resident)

    def _measure(self) -> tuple[int, int]:
        """Bytes in memory, and bytes of data as RLIMIT_DATA counts them (proc_pid_statm(5))."""
        if self._statm < 0:
            return 0, 0
        numbers = os.pread(self._statm, 128, 0).split()
        return int(numbers[1]) * _PAGE, int(numbers[5]) * _PAGE

    def _limit(self, which: int, value: int | None) -> None:
        if value is None and which not in self._limited:
            return
        most = self._most[which]
        if value is None:
            self._limited.discard(which)
            value = most
        else:
            self._limited.add(which)
            value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(which, (value, most))
