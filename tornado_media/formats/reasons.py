"""Rules that tell why: each has a sentence, and the first that holds decides. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

_T = TypeVar("_T")

Rules = Sequence[tuple[Callable[[_T], bool], str]]
"""When each holds, and what is told then."""


def first(rules: Rules[_T], value: _T) -> str | None:
    """The sentence of the first rule that holds; None where none does."""
    return next((sentence for holds, sentence in rules if holds(value)), None)
