"""What a listing is: a page of a folder's names in natural order, and a cursor to the next page.

Below `local`, which finds the names. The order is folders first, then files; `2.jpg` comes before `10.jpg`,
and capitals do not matter. A cursor is the last name of a page, with a slash when that was a folder, so it
still works when the folder has changed in between. This module must not open anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_digits = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in a folder.

    Args:
        name: decoded, without folder.
        path: where it is in URLs: absolute, decoded; that of a folder ends with a slash.
        media_type: of a file, by its content; None for a folder.
        size: bytes; 0 for a folder.
        modified: whole seconds since 1970 UTC.
    """

    name: str
    path: str
    media_type: str | None
    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a folder.

    Args:
        folder: its path, with a slash at its end.
        folders: in natural order; all of them come before the first file.
        files: in natural order.
        next: the cursor to ask the next page with, or None on the last page.
    """

    folder: str
    folders: tuple[Entry, ...]
    files: tuple[Entry, ...]
    next: str | None


def page(names: Iterable[str], after: str | None, limit: int) -> tuple[list[str], str | None]:
    """The names of one page, and the cursor to the next.

    Args:
        names: of a folder, in any order; that of a folder has a slash at its end.
        after: a cursor, or None for the first page.
        limit: names on a page, at least 1.
    """
    keyed = [(_key(name), name) for name in names]
    if after is not None:
        least = _key(after)
        keyed = [item for item in keyed if item[0] > least]
    keyed.sort()
    found = [name for _, name in keyed[:limit]]
    return found, found[-1] if len(keyed) > limit else None


def _key(name: str) -> tuple[bool, str, str]:
    # A number becomes "0", how long it is, and its digits: texts then compare as the numbers do, and a
    # number keeps the place of a digit among other characters, so a.jpg comes before a2.jpg.
    natural = _digits.sub(_number, name.rstrip("/").casefold())
    return not name.endswith("/"), natural, name


def _number(match: re.Match[str]) -> str:
    digits = match[0].lstrip("0")
    return f"0{chr(len(digits))}{digits}"
