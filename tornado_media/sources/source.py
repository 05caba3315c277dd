"""An open source: a regular file, what is known of it, and the right to read it.

Made by `Sources.open`; the handler closes it when the response has ended. Whatever happens to its name
meanwhile, the descriptor is of the file that was found. This module must not open anything by name.
"""

from __future__ import annotations

import os
import time
import warnings
from hashlib import blake2b
from types import TracebackType

from tornado_media.http.conditional import settled_last_modified
from tornado_media.presets.plan import SourceFacts


class Source:
    """An open regular file.

    Use it in a `with` block, or call `close`; one that is forgotten warns, as an open file of Python does.

    Args:
        facts: what is known of it.
        file: descriptor, open for reading; from now on the source's.

    Attributes:
        others: further sources that a plan for this one needs, by parameter; closed with it.
    """

    def __init__(self, facts: SourceFacts, file: int) -> None:
        self.facts = facts
        self.others: dict[str, Source] = {}
        self._file = file

    @property
    def file(self) -> int:
        """The descriptor; -1 once the source is closed. Close-on-exec; read with an offset (`os.pread`)."""
        return self._file

    @property
    def files(self) -> tuple[int, ...]:
        """Its descriptor and those of the others, in their order."""
        return (self._file, *(other.file for other in self.others.values()))

    @property
    def entity_tag(self) -> str:
        """A strong entity tag, quotes included: which file this is, and which state of it.

        It changes with device, inode, size or modification time; none of them can be read out of it.
        """
        facts = self.facts
        state = f"{facts.device}/{facts.inode}/{facts.size}/{facts.mtime_ns}"
        return f'"{blake2b(state.encode(), digest_size=12).hexdigest()}"'

    @property
    def last_modified(self) -> int | None:
        """Whole seconds since 1970 UTC; None when the time lies in the future or has hardly passed."""
        return settled_last_modified(self.facts.mtime_ns, time.time())

    def changed(self) -> bool:
        """Whether the file was written to since it was opened: what was read so far may fit nothing."""
        status = os.fstat(self._file)
        return (status.st_size, status.st_mtime_ns) != (self.facts.size, self.facts.mtime_ns)

    def close(self) -> None:
        """Give the descriptors back. Idempotent."""
        for other in self.others.values():
            other.close()
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if self._file >= 0:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            self.close()

    def __repr__(self) -> str:
        state = "closed" if self._file < 0 else f"open as {self._file}"
        return f"<Source {self.facts.path} {state}>"
