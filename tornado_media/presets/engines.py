"""Engines by name and what they take: a plain table, so that a preset can be checked without loading one.

The functions themselves are in `tornado_media.engines` and run in worker processes only; this module must
not import them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tornado_media.presets.parameter import Size, Value


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine.

    Args:
        takes: its parameters: the type each must have in a preset.
        requires: those that must have a value in every plan.
        defaults: values for those of the others that have none.
        pixels: it takes the limit of pixels too.
    """

    takes: Mapping[str, str]
    requires: frozenset[str]
    defaults: Mapping[str, object]
    pixels: bool = False

    def arguments(self, values: Mapping[str, Value], pixels: int) -> dict[str, object]:
        """The keyword arguments of a call; a size becomes `width` and `height`, each may be None.

        Args:
            values: of the parameters that have one.
            pixels: the limit.
        """
        arguments: dict[str, object] = dict(self.defaults)
        for name, value in values.items():
            if isinstance(value, Size):
                arguments |= {"width": value.width, "height": value.height}
            else:
                arguments[name] = value
        if self.pixels:
            arguments["pixels"] = pixels
        return arguments


ENGINES: Mapping[str, Engine] = {
    "thumbnail": Engine(
        takes={"size": "size", "fit": "choice", "quality": "integer", "format": "choice"},
        requires=frozenset({"size"}),
        defaults={"fit": "inside", "quality": 80, "format": "jpeg"},
        pixels=True,
    ),
    "info": Engine(takes={}, requires=frozenset(), defaults={}),
}
