"""Engines: the decoders that run in worker processes, never in the server.

An engine is a function `(source: int, media_type: str, **arguments) -> bytes`. It gets the open descriptor of
the source and its media type (by content), and gives the whole result. It raises
`tornado_media.errors.SourceUnusable` for a source that it cannot use; what a library said goes into
`private`. A worker imports only the engines that it is asked for, so this module imports none of them.
"""

from __future__ import annotations

import os

ENGINES: dict[str, str] = {
    "thumbnail": "tornado_media.engines.image:thumbnail",
    "info": "tornado_media.engines.probe:info",
}
"""Name in presets: where the function is, `module:function`."""


def reopen(source: int) -> int:
    """A descriptor of the same file at position 0; the caller closes it.

    A descriptor that came from another process shares its position with that process, and both read. So it
    is opened anew where /proc is, and only else shared.

    Args:
        source: an open descriptor, which stays open.
    """
    try:
        return os.open(f"/proc/self/fd/{source}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        copy = os.dup(source)
        os.lseek(copy, 0, os.SEEK_SET)
        return copy
