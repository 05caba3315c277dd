"""How the tests of engines call one: with the open descriptor of a file, as a worker does."""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from tornado_media.formats import media_types
from tornado_media.formats.media_types import SNIFF_LENGTH


@pytest.fixture
def make(ffmpeg: str, clips_folder: Path, tmp_path: Path) -> Callable[[str, str], Path]:
    """`make(name, arguments)`: a film made by ffmpeg; `CLIP:name` is one of the clips."""
    truth = runpy.run_path(str(Path(__file__).with_name("truth.py")))
    made: Callable[[str, str], Path] = truth["maker"](ffmpeg, clips_folder, tmp_path)
    return made


@pytest.fixture
def opened() -> Callable[..., bytes]:
    """`opened(function, path, media_type, **arguments)`: what the engine answers.

    Without a media type, it gets the one that its source has by its content.
    """

    def call(
        function: Callable[..., bytes], path: Path, media_type: str | None = None, **arguments: object
    ) -> bytes:
        source = os.open(path, os.O_RDONLY)
        media_type = media_type or media_types.media_type(os.pread(source, SNIFF_LENGTH, 0), path.name)
        try:
            # as if someone else had read from it: engines must not depend on its position, nor move it
            position = os.lseek(source, 0, os.SEEK_END)
            content = function(source, media_type, **arguments)
            assert os.lseek(source, 0, os.SEEK_CUR) == position
            return content
        finally:
            os.close(source)

    return call
