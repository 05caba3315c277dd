"""Work that has a second way: where the first fails before its first byte, the other one is taken.

For encoders in hardware: the device may be busy, have no session left, or not like this one film.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from tornado_media.errors import MediaError, ProgramFailed
from tornado_media.presets.plan import SourceFacts
from tornado_media.processes.running import Running
from tornado_media.store.blocks import Block

log = logging.getLogger("tornado_media")


class WithFallback:
    """Work that runs, or the work in its stead. A `Running`.

    Args:
        first: runs already.
        other: starts the second way.
    """

    def __init__(self, first: Running, other: Callable[[], Running]) -> None:
        self._running = first
        self._other: Callable[[], Running] | None = other
        self._closed = False

    async def next(self, limit: int) -> Block | None:
        """The next output, of the second way if the first has none."""
        if self._other is None:
            return await self._running.next(limit)
        try:
            block = await self._running.next(limit)
            if block is None and not self._closed:
                await self._running.end()
                raise ProgramFailed("The program that makes this ended without any output.")
        except MediaError as error:
            if self._closed:
                raise
            await self._take_other(error)
            return await self._running.next(limit)
        self._other = None
        return block

    async def end(self) -> None:
        """Return when the work has ended well."""
        await self._running.end()

    async def close(self) -> None:
        """Stop what still runs and free all. Idempotent."""
        self._closed = True
        await self._running.close()

    def position(self, source: SourceFacts) -> int | None:
        """How far the source has been read, in bytes; None where that cannot be seen."""
        return self._running.position(source)

    @property
    def messages(self) -> str:
        """The end of what it wrote to stderr."""
        return self._running.messages

    async def _take_other(self, error: MediaError) -> None:
        first, other, self._other = self._running, self._other, None
        await first.close()
        if self._closed or other is None:
            raise error
        log.info("the second way is taken: %s; %s", error.private or error, first.messages)
        self._running = other()
