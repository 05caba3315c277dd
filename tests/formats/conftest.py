"""What is done to films: looked at, and given to commands."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tornado_media.formats.facts import VideoFacts
from tornado_media.formats.media_types import SNIFF_LENGTH, media_type


@pytest.fixture(scope="session")
def facts_of() -> Callable[[Path], VideoFacts]:
    """`facts_of(path)`: what the probe engine finds."""
    from tornado_media.engines import probe

    def facts(path: Path) -> VideoFacts:
        source = os.open(path, os.O_RDONLY)
        try:
            kind = media_type(os.pread(source, SNIFF_LENGTH, 0), path.name)
            return VideoFacts.from_info(json.loads(probe.info(source, kind)))
        finally:
            os.close(source)

    return facts


@pytest.fixture
def run(ffmpeg: str) -> Callable[[tuple[tuple[str, ...], ...]], bytes]:
    """`run(commands)`: the stdout of the one command, which must end well and say nothing."""

    def execute(commands: tuple[tuple[str, ...], ...]) -> bytes:
        (command,) = commands
        assert command[0] == "ffmpeg"
        ended = subprocess.run([ffmpeg, *command[1:]], capture_output=True, stdin=subprocess.DEVNULL)
        assert (ended.returncode, ended.stderr.decode()) == (0, "")
        return ended.stdout

    return execute
