"""What is wrong in a configuration: file, key, sentence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong.

    Args:
        file: as it was named by who asked, included files below its folder.
        preset: the preset's name, if it is in one.
        key: dotted, from the top of the file; empty where the whole file is meant.
        message: a sentence.
    """

    file: str
    preset: str | None
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.key, self.message) if part)


class ConfigError(Exception):
    """The configuration cannot be used.

    Args:
        mistakes: all of them.
    """

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes
