"""Words that a URL may hold: several of a list, and which track of a film is meant."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from tornado_media.presets.typed import Typed, Value

_word = re.compile(r"[a-z0-9][a-z0-9_-]*")
_language = re.compile(r"[a-z]{2,3}")
_stream = re.compile(r"0|[1-9][0-9]{0,3}")


class Words(Typed):
    """Several of some words, in any order."""

    type: Literal["words"]
    # A list of TOML is a tuple here; strict mode would refuse it.
    values: Annotated[tuple[str, ...], Field(strict=False)]

    def parse(self, text: str) -> str:
        """Read `h264,aac`; its canonical form is sorted, each word once. "" is none of them."""
        words = set(text.split(",")) - {""}
        if not words <= set(self.values):
            raise self._refuse()
        return ",".join(sorted(words))

    def accepts(self) -> str:
        """The words."""
        return f"words with commas between them, out of {', '.join(self.values)}"

    @field_validator("values")
    @classmethod
    def _check_words(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for word in values:
            if not _word.fullmatch(word):
                raise ValueError(f"{word!r} is not a word: a-z, 0-9, and _ - after them")
        return values


class Track(Typed):
    """Which track of a film: one by its number or its language, the usual one, or none."""

    type: Literal["track"]

    def parse(self, text: str) -> str:
        """Read `on`, `off`, the index of a stream in `info`, or a language such as `de`."""
        named = {"true": "on", "yes": "on", "false": "off", "no": "off"}.get(text, text)
        if named not in {"on", "off"} and not _stream.fullmatch(named) and not _language.fullmatch(named):
            raise self._refuse()
        return named

    def argument(self, value: Value) -> str:
        """As it is in URLs."""
        return str(value)

    def accepts(self) -> str:
        """The forms."""
        return "on, off, the index of a stream as in the preset info, or a language such as de"
