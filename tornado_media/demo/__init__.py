"""The demo folder: what is served when no folder is named; `python -m tornado_media.demo` makes it, once.

This file only says where the folder is and what belongs in it, so that the command line may import it; the
files are made in a process of their own, because decoders and encoders never run in the server's process.
"""

from __future__ import annotations

import os
from pathlib import Path

VERSION = 1
"""Counts up when the files change, so that an old folder is not taken for the new one."""

PICTURES = (
    "1.jpg",
    "bubbles.png",
    "cells.webp",
    "ink.jpg",
    "plasma.jpg",
    "sunflower.png",
    "fractals/julia.webp",
    "fractals/seahorse.jpg",
    "mountains/night.jpg",
)
VIDEOS = ("clip.mkv", "fractal.mp4")


def demo_folder() -> Path:
    """Where the demo folder is kept: in the user's cache folder (XDG base directory specification)."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    if not cache.is_absolute():  # the specification: relative paths are to be ignored
        cache = Path.home() / ".cache"
    return cache / "tornado_media" / f"demo-{VERSION}"


def is_complete(folder: Path) -> bool:
    """Whether every file of the demo is there."""
    return all((folder / name).is_file() for name in PICTURES + VIDEOS)
