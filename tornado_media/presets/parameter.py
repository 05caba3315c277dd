"""Typed values that a URL may set: text in, one value with one canonical form out.

Part of the third station. A preset declares its parameters, `make_plan` reads the URL with them. What a
program gets is always the canonical form of a value, never text from the URL; and a value has one such
form only, so no second spelling of a request makes a second job. No I/O here, no knowledge of programs.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator

from tornado_media.presets.numeric import Integer, Number, Time
from tornado_media.presets.places import Box, Edges, OtherSource, Position
from tornado_media.presets.typed import Size, SourcePath, Typed, Value
from tornado_media.presets.words import Track, Words

__all__ = [
    "TYPES",
    "Boolean",
    "Box",
    "Choice",
    "Color",
    "Edges",
    "Integer",
    "Number",
    "OtherSource",
    "Parameter",
    "Position",
    "Size",
    "SizeParameter",
    "SourcePath",
    "Time",
    "Track",
    "Value",
    "Words",
]

_size = re.compile(r"([0-9]{1,6})?x([0-9]{1,6})?")
_color = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{8})")
# A choice cannot begin with "-": as an argument it would be an option.
_choice = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]*")


def _size_of(text: str) -> Size | None:
    """`300x200`, `300x` or `x200`; None for anything else, and for a side of zero."""
    match = _size.fullmatch(text)
    if not match or not any(match.groups()):
        return None
    width, height = (int(side) if side is not None else None for side in match.groups())
    return None if 0 in (width, height) else Size(width, height)


def _largest_size(value: Any) -> Size:
    size = value if isinstance(value, Size) else _size_of(value) if isinstance(value, str) else None
    if size is None or size.width is None or size.height is None:
        raise ValueError('a largest size has both sides, such as "4000x4000"')
    return size


class SizeParameter(Typed):
    """Width and height in pixels; one of them may be left out."""

    type: Literal["size"]
    max: Annotated[Size, BeforeValidator(_largest_size)] = Size(4000, 4000)

    def parse(self, text: str) -> Size:
        """Read `300x200`, `300x` or `x200`."""
        size = _size_of(text)
        if size is None or (size.width or 1, size.height or 1) != (
            min(size.width or 1, self.max.width or 1),
            min(size.height or 1, self.max.height or 1),
        ):
            raise self._refuse()
        return size

    def accepts(self) -> str:
        """The forms and the largest."""
        return f"a size such as 300x200, 300x or x200, from 1 to {self.max}"


class Choice(Typed):
    """One of some names; a table of names gives each its text for the program."""

    type: Literal["choice"]
    values: dict[str, str]

    def parse(self, text: str) -> str:
        """Take a name as it is."""
        if text not in self.values:
            raise self._refuse()
        return text

    def argument(self, value: Value) -> str:
        """The text that the operator wrote for a name."""
        return self.values[str(value)]

    def accepts(self) -> str:
        """The names."""
        return f"one of {', '.join(self.values)}"

    @field_validator("values", mode="before")
    @classmethod
    def _table(cls, values: Any) -> Any:
        if not isinstance(values, list | tuple):
            return values
        if len(set(map(str, values))) != len(values):
            raise ValueError("a value is there twice")
        return {value: value for value in values}

    @field_validator("values")
    @classmethod
    def _check_names(cls, values: dict[str, str]) -> dict[str, str]:
        if not values:
            raise ValueError("there is nothing to choose from")
        for name, text in values.items():
            if not _choice.fullmatch(name):
                raise ValueError(
                    f"{name!r} is not a name for URLs: ASCII letters, digits and . _ : ~ - after them"
                )
            if "\0" in text:
                raise ValueError(f"the text of {name!r} holds a NUL, which no argument can")
        return values


class Boolean(Typed):
    """On or off."""

    type: Literal["boolean"]
    words: ClassVar[dict[str, bool]] = {
        **dict.fromkeys(("on", "true", "1", "yes"), True),
        **dict.fromkeys(("off", "false", "0", "no"), False),
    }

    def parse(self, text: str) -> bool:
        """Read one of the words."""
        if text not in self.words:
            raise self._refuse()
        return self.words[text]

    def canonical(self, value: Value) -> str:
        """`on` or `off`."""
        return "on" if value else "off"

    def accepts(self) -> str:
        """The words."""
        return "on or off (also true or false, 1 or 0, yes or no)"


class Color(Typed):
    """A color as CSS writes it."""

    type: Literal["color"]
    # https://www.w3.org/TR/css-color-3/#html4
    names: ClassVar[dict[str, str]] = {
        "black": "#000000",
        "silver": "#c0c0c0",
        "gray": "#808080",
        "white": "#ffffff",
        "maroon": "#800000",
        "red": "#ff0000",
        "purple": "#800080",
        "fuchsia": "#ff00ff",
        "green": "#008000",
        "lime": "#00ff00",
        "olive": "#808000",
        "yellow": "#ffff00",
        "navy": "#000080",
        "blue": "#0000ff",
        "teal": "#008080",
        "aqua": "#00ffff",
    }

    def parse(self, text: str) -> str:
        """Read `#rgb`, `#rrggbb`, `#rrggbbaa` or a name; in a URL the # may be left out."""
        lower = text.lower() if text.isascii() else ""
        if lower in self.names:
            return self.names[lower]
        match = _color.fullmatch(lower)
        if not match:
            raise self._refuse()
        digits = match[1] if len(match[1]) > 3 else "".join(digit * 2 for digit in match[1])
        # Opaque is what a color without alpha is: one color, one form.
        return "#" + (digits[:6] if digits[6:] == "ff" else digits)

    def accepts(self) -> str:
        """The forms."""
        return "a color: rgb, rrggbb or rrggbbaa in hexadecimal, or a basic CSS name such as white"


Parameter = Annotated[
    Integer
    | Number
    | SizeParameter
    | Choice
    | Boolean
    | Color
    | Time
    | Position
    | Box
    | Edges
    | OtherSource
    | Words
    | Track,
    Field(discriminator="type"),
]
"""A declared parameter; its `type` says which one."""

TYPES = (
    "integer", "number", "size", "choice", "boolean", "color", "time", "position", "box", "edges", "source",
    "words", "track",
)  # fmt: skip
