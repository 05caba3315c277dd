"""Small misbehaving programs, and a reader of all that a pipeline gives."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tornado_media.presets.plan import Command
from tornado_media.processes.running import Running
from tornado_media.store.blocks import read_block

PROGRAMS = Path(__file__).parents[1] / "programs"


@pytest.fixture
def program() -> Callable[..., Command]:
    """`program("silent", 10)`: the command that runs tests/programs/silent.py."""

    def command(name: str, *arguments: object) -> Command:
        return (sys.executable, "-SEI", str(PROGRAMS / f"{name}.py"), *map(str, arguments))

    return command


@pytest.fixture
def read_all() -> Callable[[Running], Awaitable[bytes]]:
    """Reads running work to the end of its output."""

    async def read_all(running: Running) -> bytes:
        content, buffer = bytearray(), memoryview(bytearray(65536))
        while block := await running.next(len(buffer)):
            content += buffer[: await read_block(block, buffer)]
        return bytes(content)

    return read_all
