"""What tests of sources share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def clock_goes_on(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], None]:
    """`clock_goes_on()`: returns when what is read now is read later than what is there was made.

    Of a link Linux notes when it was read, unless that was later than its making (relatime), and for that it
    may wait: a lookup that must not wait is refused then.
    """

    def wait() -> None:
        tick: Path = tmp_path_factory.mktemp("clock") / "tick"
        tick.touch()
        began = tick.stat().st_mtime_ns
        while tick.stat().st_mtime_ns <= began:
            tick.touch()

    return wait
