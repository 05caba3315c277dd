"""Processor time that a library may take where its work cannot be told beforehand: for vectors.

A few bytes of SVG can ask for any amount of work, and librsvg cannot be interrupted. So a timer of the
process ends it (setitimer(2)), and the server takes that for what it is: this source costs too much.
"""

from __future__ import annotations

import signal


class Patience:
    """A context manager, for any number of times: all together may take so long.

    Args:
        seconds: of processor time, of all threads.
    """

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    def __enter__(self) -> Patience:
        signal.setitimer(signal.ITIMER_PROF, self._left)
        return self

    def __exit__(self, *error: object) -> None:
        left, _ = signal.setitimer(signal.ITIMER_PROF, 0)
        self._left = max(left, 0.001)
