"""Tables of TOML of which nobody knows yet whether they are what they should be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def absolute(folder: Path, path: str) -> str:
    """A path as it is meant in a file of a folder."""
    return os.path.abspath(folder / Path(path).expanduser())


def table(value: object) -> Mapping[str, object]:
    """A table; an empty one where it is none."""
    return value if isinstance(value, Mapping) else {}


def without(mapping: Mapping[str, object], wrong: set[tuple[int | str, ...]]) -> dict[str, object]:
    """The sections without the wrong ones and the wrong keys."""
    kept: dict[str, object] = {}
    for name, section in mapping.items():
        keys = {place[1] for place in wrong if place[0] == name and len(place) == 2}
        if (name,) in wrong or (keys and not isinstance(section, Mapping)):
            continue
        kept[name] = (
            {key: value for key, value in table(section).items() if key not in keys} if keys else section
        )
    return kept


def texts(value: object) -> list[str]:
    """The texts in a list; what is wrong is left out."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []
