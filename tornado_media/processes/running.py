"""What a job sees of work that runs: its output in blocks, its end, and a way to stop it."""

from __future__ import annotations

from typing import Protocol


class Running(Protocol):
    """Work that runs outside the server process: a pipeline, or a call of an engine."""

    async def read_into(self, buffer: memoryview) -> int:
        """Wait for output and put one block of it into the buffer; its bytes, 0 at the end of the output."""

    async def end(self) -> None:
        """After the end of the output: return when the work has ended well.

        Raises:
            MediaError: it has ended badly.
        """

    async def close(self) -> None:
        """Stop what still runs and free all. Idempotent; returns when nothing is left."""

    @property
    def messages(self) -> str:
        """The end of what it wrote to stderr, for the log."""
