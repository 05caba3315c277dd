"""Opening a source without blocking the loop: at once where all is in memory, else in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tornado_media.sources.local import Sources
from tornado_media.sources.source import Source


async def open_source(sources: Sources, path: str) -> Source:
    """An open source, which the caller closes.

    Raises:
        MediaError: there is no such source, or it is not served.
    """
    if (source := sources.open_at_once(path)) is not None:
        return source
    opening = asyncio.get_running_loop().run_in_executor(None, sources.open, path)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unwanted)
        raise


@asynccontextmanager
async def opened(sources: Sources, path: str) -> AsyncIterator[Source]:
    """An open source for the length of a `with` block.

    Raises:
        MediaError: there is no such source, or it is not served.
    """
    with await open_source(sources, path) as source:
        yield source


def _close_unwanted(opening: asyncio.Future[Source]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
