"""What all types of parameters have in common: a value, its one canonical form, a checked default."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator


@dataclass(frozen=True, slots=True)
class Size:
    """Pixels of a picture; a side that is left out follows from the other one.

    Args:
        width: pixels, or None.
        height: pixels, or None.
    """

    width: int | None
    height: int | None

    def __str__(self) -> str:
        return f"{self.width or ''}x{self.height or ''}"


@dataclass(frozen=True, slots=True)
class SourcePath:
    """Another source that a parameter names.

    Args:
        path: as in `urls.Target`: absolute, decoded.
    """

    path: str

    def __str__(self) -> str:
        return self.path


Value = int | float | str | bool | Size | SourcePath
"""What a parameter may be, once it is read."""


def decimal_text(value: float, decimals: int) -> str:
    """The shortest decimal of a number: no exponent, no sign on zero."""
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


class Typed(BaseModel):
    """What all types have in common.

    Args:
        about: one sentence for `tornado-media presets`.
        required: a request without it is refused.
        default: the value of a request without it, as TOML has it; once checked, its canonical form.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    about: str = ""
    required: bool = False
    default: str | int | float | bool | None = None

    def parse(self, text: str) -> Value:
        """Read a value.

        Raises:
            ValueError: it is none, or out of bounds; the text says what is accepted.
        """
        raise NotImplementedError

    def accepts(self) -> str:
        """What is accepted, to follow "takes"."""
        raise NotImplementedError

    def canonical(self, value: Value) -> str:
        """The one spelling of a value in a key."""
        return str(value)

    def argument(self, value: Value) -> str:
        """What a program gets for a value."""
        return self.canonical(value)

    def texts(self, value: Value) -> tuple[str, str]:
        """`canonical` and `argument` of a value: most requests have the default of most parameters."""
        if value is self.default_value:
            return self.default_texts
        return self.canonical(value), self.argument(value)

    @cached_property
    def default_texts(self) -> tuple[str, str]:
        """The texts of the default, which there is."""
        value = self.parse(str(self.default))
        return self.canonical(value), self.argument(value)

    @property
    def always_set(self) -> bool:
        """Every plan has a value for it."""
        return self.required or self.default is not None

    @cached_property
    def default_value(self) -> Value | None:
        """The value of a request without it, or None."""
        return None if self.default is None else self.parse(str(self.default))

    def _refuse(self) -> ValueError:
        return ValueError(self.accepts())

    @model_validator(mode="after")
    def _check_default(self) -> Self:
        if self.required and self.default is not None:
            raise ValueError("it is required, so its default is never used; leave one of the two out")
        if self.default is not None:
            try:
                canonical = self.canonical(self.parse(_text_of(self.default)))
            except ValueError as error:
                raise ValueError(f"its default is not {error}") from None
            # The model is frozen for everyone else.
            object.__setattr__(self, "default", canonical)
        return self


def _text_of(default: str | int | float | bool) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return decimal_text(default, 6) if isinstance(default, float) else str(default)
