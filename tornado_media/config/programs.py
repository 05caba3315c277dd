"""Where programs are on this machine. Asked once at the start; a plan then names them by absolute path."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

import imageio_ffmpeg


def find_program(name: str, programs: Mapping[str, str]) -> str | None:
    """The absolute path of a program, or None where there is none that may be run.

    Args:
        name: as a preset has it: a name, or an absolute path.
        programs: the section `[programs]`; it goes before all else.
    """
    if name in programs:
        found = shutil.which(programs[name])
    elif name == "ffmpeg":
        found = _ffmpeg()
    else:
        found = shutil.which(name)
    return os.path.abspath(found) if found else None


def _ffmpeg() -> str | None:
    """The variable FFMPEG, the binary of the package imageio-ffmpeg, the PATH: in this order.

    The variable is not a wish: when it names nothing that runs, no other ffmpeg takes its place.
    """
    if named := os.environ.get("FFMPEG"):
        return shutil.which(named)
    try:
        packaged: str = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:  # There is no wheel with a binary for this platform.
        packaged = "ffmpeg"
    return shutil.which(packaged)
