"""What is wrong in a preset or a configuration, as keys and sentences that its author understands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import ValidationError

from tornado_media.presets.parameter import TYPES

_bare_key = re.compile(r"[A-Za-z0-9_-]+")


class PresetMistakes(Exception):
    """A preset cannot be used.

    Args:
        mistakes: keys below the preset, and what is wrong with each.
    """

    def __init__(self, mistakes: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{key}: {message}" if key else message for key, message in mistakes))
        self.mistakes = tuple(mistakes)


def joined_key(*parts: str | int) -> str:
    """A dotted key as TOML writes it: other than bare keys are quoted, places in lists are counted from 1."""
    key = ""
    for part in parts:
        if isinstance(part, int):
            key += f"[{part + 1}]"
        elif part != "":
            quoted = part if _bare_key.fullmatch(part) else f'"{part}"'
            key += f".{quoted}" if key else quoted
    return key


def mistakes_of(error: ValidationError) -> list[tuple[str, str]]:
    """Each mistake that pydantic found: its key and a sentence."""
    found = []
    for line in error.errors(include_url=False, include_context=True):
        # A default that depends on another key, which is wrong: that one is told.
        if line["type"] == "default_factory_not_called":
            continue
        loc = list(line["loc"])
        # Pydantic puts the type of a parameter between its name and its key.
        if "parameters" in loc[:-2]:
            tag = loc.index("parameters") + 2
            if loc[tag] in TYPES:
                del loc[tag]
        if loc and loc[-1] == "[key]":
            loc.pop()
        found.append((joined_key(*loc), _sentence(line["type"], line["msg"], line.get("ctx") or {})))
    return found


def _sentence(kind: str, message: str, context: dict[str, object]) -> str:
    match kind:
        case "extra_forbidden":
            return "there is no such key"
        case "missing":
            return "this key is missing"
        case "union_tag_not_found":
            return f"its type is missing; there are {', '.join(TYPES)}"
        case "union_tag_invalid":
            return f"there is no type {context.get('tag')!r}; there are {', '.join(TYPES)}"
        case "tuple_type":
            return "this is not a list"
        case "value_error":
            return str(context.get("error", message))
        case _:
            return message[:1].lower() + message[1:]
