"""Where programs are on this machine. Asked once at the start; a plan then names them by absolute path."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version

import imageio_ffmpeg

import tornado_media


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


def version_of(path: str) -> str:
    """What tells a program from the one that takes its place in an upgrade: size and time of its file.

    Args:
        path: absolute; a link is followed.
    """
    status = os.stat(path)
    return f"{status.st_size}-{status.st_mtime_ns}"


@cache
def engine_version() -> str:
    """The versions of this package and of the libraries that its engines call."""
    libraries = [f"{name} {version(name)}" for name in ("pyvips", "pyvips-binary", "av")]
    return ", ".join([f"tornado_media {tornado_media.__version__}", *libraries])


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
