"""What a job sees of work that runs: its output in blocks, its end, and a way to stop it."""

from __future__ import annotations

from typing import Protocol

from tornado_media.presets.plan import SourceFacts
from tornado_media.store.blocks import Block


class Running(Protocol):
    """Work that runs outside the server process: a pipeline, or a call of an engine."""

    async def next(self, limit: int) -> Block | None:
        """Wait for output and say where the next of it lies.

        The block is good until the next call and is taken whole before it.

        Args:
            limit: bytes that are wanted at most; 1 or more.

        Returns:
            The block, or None at the end of the output and when the work was closed meanwhile.

        Raises:
            MediaError: the work has failed.
        """

    async def end(self) -> None:
        """After the end of the output: return when the work has ended well.

        Raises:
            MediaError: it has ended badly.
        """

    async def close(self) -> None:
        """Stop what still runs and free all. Idempotent; returns when nothing is left."""

    def position(self, source: SourceFacts) -> int | None:
        """How far the source has been read, in bytes; None where that cannot be seen."""

    @property
    def messages(self) -> str:
        """The end of what it wrote to stderr, for the log."""
