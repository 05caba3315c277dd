"""Parameters that are numbers: integer, number, time.

Digits are ASCII and their count is bounded: int() takes underscores and any script's digits, and its time
grows with the square of their count.
"""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from tornado_media.presets.typed import Size, SourcePath, Typed, Value, decimal_text

_integer = re.compile(r"-?[0-9]{1,18}")
_number = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,6})?")
_time = re.compile(r"(?:(?:([0-9]{1,3}):)?([0-9]{1,3}):)?([0-9]{1,6})(?:\.([0-9]{1,18}))?")

LARGEST_NUMBER = 999_999_999.0
"""15 digits with the 6 decimals: a float holds each such number exactly enough to give it back."""

LONGEST_TIME = 360_000.0
"""100 hours, in seconds."""


class Integer(Typed):
    """A whole number between two bounds, both included."""

    type: Literal["integer"]
    min: int = Field(gt=-(10**18), lt=10**18)
    max: int = Field(gt=-(10**18), lt=10**18)

    def parse(self, text: str) -> int:
        """Read `80`; leading zeros are the same number."""
        if not _integer.fullmatch(text) or (text[0] == "-" and self.min >= 0):
            raise self._refuse()
        value = int(text)
        if not self.min <= value <= self.max:
            raise self._refuse()
        return value

    def accepts(self) -> str:
        """The bounds."""
        return f"an integer from {self.min} to {self.max}"

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        _check_order(self.min, self.max)
        return self


class Number(Typed):
    """A decimal number between two bounds, both included; at most six decimals."""

    type: Literal["number"]
    min: float = Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)
    max: float = Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)

    def parse(self, text: str) -> float:
        """Read `1.5`; no exponent."""
        if not _number.fullmatch(text) or (text[0] == "-" and self.min >= 0):
            raise self._refuse()
        value = float(text)
        if not self.min <= value <= self.max:
            raise self._refuse()
        return value

    def canonical(self, value: Value) -> str:
        """The shortest decimal."""
        return decimal_text(_float_of(value), 6)

    def accepts(self) -> str:
        """The bounds."""
        low, high = decimal_text(self.min, 6), decimal_text(self.max, 6)
        return f"a number from {low} to {high}, with at most 6 decimals"

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        _check_order(self.min, self.max)
        return self


class Time(Typed):
    """A time in a film or a sound, in seconds."""

    type: Literal["time"]
    min: float = Field(default=0.0, ge=0.0, le=LONGEST_TIME)
    max: float = Field(default=LONGEST_TIME, ge=0.0, le=LONGEST_TIME)

    def parse(self, text: str) -> float:
        """Read `31.7` or `[h:]m:s.f`; finer than a millisecond is rounded, as players ask for 31.700123."""
        match = _time.fullmatch(text)
        if not match:
            raise self._refuse()
        hours, minutes, seconds, fraction = match.groups()
        if (hours and int(minutes) > 59) or (minutes and int(seconds) > 59):
            raise self._refuse()
        whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds)
        value = (whole * 1000 + (int((fraction or "").ljust(4, "0")[:4]) + 5) // 10) / 1000
        if not self.min <= value <= self.max:
            raise self._refuse()
        return value

    def canonical(self, value: Value) -> str:
        """Seconds, the shortest decimal with at most milliseconds."""
        return decimal_text(_float_of(value), 3)

    def accepts(self) -> str:
        """The forms and the bounds."""
        low, high = decimal_text(self.min, 3), decimal_text(self.max, 3)
        return f"a time from {low} to {high} seconds, such as 31.7 or 1:02:03.5"

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        _check_order(self.min, self.max)
        return self


def _check_order(low: float, high: float) -> None:
    if low > high:
        raise ValueError("its min is above its max")


def _float_of(value: Value) -> float:
    if isinstance(value, str | Size | SourcePath):
        raise TypeError(f"not a number: {value!r}")
    return float(value)
