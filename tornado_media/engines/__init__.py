"""Engines: the decoders that run in worker processes, never in the server.

An engine is a function `(source: int, media_type: str, **arguments) -> bytes`. It gets the open descriptor of
the source and its media type (by content), and gives the whole result. It raises
`tornado_media.errors.SourceUnusable` for a source that it cannot use; what a library said goes into
`private`. A worker imports only the engines that it is asked for, so this module imports none of them.
"""

from __future__ import annotations

import os

# Read by libvips when it is loaded, which is after this. Workers are the parallelism: two threads for each
# picture would only make all of them wait.
os.environ.setdefault("VIPS_CONCURRENCY", "1")

ENGINES: dict[str, str] = {
    "thumbnail": "tornado_media.engines.image:thumbnail",
    "poster": "tornado_media.engines.frame:poster",
    "info": "tornado_media.engines.describe:info",
    "placeholder": "tornado_media.engines.describe:placeholder",
    "palette": "tornado_media.engines.describe:palette",
    "storyboard": "tornado_media.engines.storyboard:storyboard",
    "preview": "tornado_media.engines.preview:preview",
    "captions": "tornado_media.engines.captions:captions",
    "segment": "tornado_media.engines.segment:segment",
}
"""Name in presets: where the function is, `module:function`."""


def reopen(source: int) -> int:
    """A descriptor of the same file at position 0; the caller closes it.

    The file is opened anew where that may be done, so that the position of `source` stays where it is. A
    worker may open nothing, and elsewhere there may be no /proc: there the position is shared and moved,
    which is why an open file is for one call at a time (`Workers.call`).

    Args:
        source: an open descriptor, which stays open.
    """
    try:
        return os.open(f"/proc/self/fd/{source}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        copy = os.dup(source)
        os.lseek(copy, 0, os.SEEK_SET)
        return copy
