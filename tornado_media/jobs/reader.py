"""Reads a job that is not shared: its blocks go from the program to the one client that asked for it."""

from __future__ import annotations

from collections.abc import Callable

from tornado_media.jobs.job import Job
from tornado_media.store.blocks import Block, InMemory, read_block

_BLOCK = 64 * 1024


class JobReader:
    """Reads a job that nobody else reads: first what was collected, then the rest as it comes."""

    def __init__(self, job: Job, left: Callable[[Job], None]) -> None:
        self._job = job
        self._left = left
        self._collected = memoryview(b"")

    async def collect(self, wanted: int) -> bytearray | None:
        """Read ahead until `wanted` bytes are there; all of the result if it ends before that, else None."""
        collected = bytearray()
        with memoryview(bytearray(_BLOCK)) as buffer:
            while len(collected) < wanted:
                block = await self._job.next(_BLOCK)
                if block is None:
                    return collected
                size = await read_block(block, buffer)
                collected += buffer[:size]
        self._collected = memoryview(collected)
        return None

    async def next(self, limit: int) -> Block | None:
        """Wait for one block; None after the end.

        Raises:
            MediaError: the job failed.
        """
        if self._collected:
            block = InMemory(self._collected[:limit])
            self._collected = self._collected[limit:]
            return block
        return await self._job.next(limit)

    async def close(self) -> None:
        """The reader has left, and with it the job. Idempotent."""
        self._collected = memoryview(b"")
        try:
            await self._job.close()
        finally:
            self._left(self._job)
