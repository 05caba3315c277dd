"""Parameters that say where in a picture, and which other source: position, box, edges, source.

A place is given in pixels, which are whole numbers, or in parts of a side, which have a decimal point.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tornado_media.errors import BadRequest
from tornado_media.presets.typed import SourcePath, Typed, Value, decimal_text
from tornado_media.urls import check_path

_pixels = re.compile(r"[0-9]{1,6}")
_part = re.compile(r"[0-9]?\.[0-9]{1,6}|[0-9]\.")
_parts = 4
"""Decimals of a part that count: a pixel of the largest picture."""


def _read_part(text: str) -> float | None:
    if not _part.fullmatch(text) and text not in {"0", "1"}:
        return None
    value = round(float(text), _parts)
    return value if value <= 1.0 else None


class Position(Typed):
    """A place in a picture: one of nine, where most happens in it, or a focal point."""

    type: Literal["position"]
    places: ClassVar[tuple[str, ...]] = (
        "center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right",
    )  # fmt: skip
    found: ClassVar[tuple[str, ...]] = ("attention", "entropy")

    def parse(self, text: str) -> str:
        """Read `top-left`, `attention`, or the point `0.3,0.7`."""
        if text in self.places or text in self.found:
            return text
        parts = [_read_part(part) for part in text.split(",")]
        if len(parts) != 2 or None in parts:
            raise self._refuse()
        return ",".join(decimal_text(part, _parts) for part in parts if part is not None)

    def accepts(self) -> str:
        """The names and the form of a point."""
        return (
            f"one of {', '.join(self.places + self.found)}, or a point such as 0.3,0.7 in parts of the sides"
        )


class Box(Typed):
    """A part of a picture."""

    type: Literal["box"]

    def parse(self, text: str) -> str:
        """Read `left,top,width,height`: all in pixels, or all in parts such as `0.25,0.,0.5,1.`."""
        sides = text.split(",")
        if len(sides) != 4:
            raise self._refuse()
        if all(_pixels.fullmatch(side) for side in sides):
            pixels = [int(side) for side in sides]
            if 0 in pixels[2:]:
                raise self._refuse()
            return ",".join(map(str, pixels))
        parts = [_read_part(side) for side in sides]
        if None in parts or 0 in parts[2:]:
            raise self._refuse()
        # The point stays: it is what tells parts from pixels.
        return ",".join(f"{part:.{_parts}f}" for part in parts)

    def accepts(self) -> str:
        """The two forms."""
        return "left,top,width,height: pixels such as 10,0,300,200, or parts such as 0.1,0.0,0.5,0.5"


class Edges(Typed):
    """Widths at the four sides, in the order of CSS: top, right, bottom, left."""

    type: Literal["edges"]
    max: Annotated[int, Field(gt=0, le=100_000)] = 1000

    def parse(self, text: str) -> str:
        """Read `10`, `10,20` (top and bottom, left and right) or all four."""
        sides = text.split(",")
        if len(sides) not in {1, 2, 4} or not all(_pixels.fullmatch(side) for side in sides):
            raise self._refuse()
        edges = [int(side) for side in sides]
        if max(edges) > self.max:
            raise self._refuse()
        if len(edges) == 4 and edges[:2] == edges[2:]:
            edges = edges[:2]
        if len(edges) == 2 and edges[0] == edges[1]:
            edges = edges[:1]
        return ",".join(map(str, edges))

    def accepts(self) -> str:
        """The forms and the largest."""
        return f"pixels from 0 to {self.max}: 10, or 10,20, or 10,20,30,40 (top, right, bottom, left)"


def _check_within(within: str) -> str:
    try:
        check_path(within if within in {"", "/"} else within.removesuffix("/"))
    except BadRequest as error:
        raise ValueError(error.detail) from None
    return within


class OtherSource(Typed):
    """Another source of this server, by its path in URLs."""

    type: Literal["source"]
    within: Annotated[str, AfterValidator(_check_within)] = "/"

    def parse(self, text: str) -> SourcePath:
        """Read `/logos/1.png`; it must lie below `within`, or be it."""
        try:
            check_path(text)
        except BadRequest:
            raise self._refuse() from None
        if text != self.within and not text.startswith(self.within.removesuffix("/") + "/"):
            raise self._refuse()
        return SourcePath(text)

    def canonical(self, value: Value) -> str:
        """The path."""
        return str(value)

    def accepts(self) -> str:
        """Where it may be."""
        return f"the path of a source of this server, such as /logo.png, that lies in {self.within}"

    @model_validator(mode="after")
    def _no_folder(self) -> Self:
        if self.default is not None and str(self.default).endswith("/"):
            raise ValueError("its default is a folder, not a source")
        return self
