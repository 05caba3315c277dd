"""Where folders are that the configuration does not name."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path | None:
    """The folder for results: systemd's for a service, else the user's; None for a user without a home.

    CacheDirectory= of systemd.exec(5) gives CACHE_DIRECTORY, several with colons between them. For
    XDG_CACHE_HOME see the XDG base directory specification: a relative path is to be ignored.
    """
    if given := os.environ.get("CACHE_DIRECTORY", "").split(":")[0]:
        return Path(os.path.abspath(given))
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if named.is_absolute():
        return named / "tornado_media"
    try:
        return Path("~/.cache/tornado_media").expanduser()
    except RuntimeError:
        return None
