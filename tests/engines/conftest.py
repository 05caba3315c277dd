"""How the tests of engines call one: with the open descriptor of a file, as a worker does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def opened() -> Callable[..., bytes]:
    """`opened(function, path, media_type, **arguments)`: what the engine answers."""

    def call(function: Callable[..., bytes], path: Path, media_type: str, **arguments: object) -> bytes:
        source = os.open(path, os.O_RDONLY)
        try:
            # as if someone else had read from it: engines must not depend on its position, nor move it
            position = os.lseek(source, 0, os.SEEK_END)
            content = function(source, media_type, **arguments)
            assert os.lseek(source, 0, os.SEEK_CUR) == position
            return content
        finally:
            os.close(source)

    return call
