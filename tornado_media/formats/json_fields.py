"""Typed values out of a JSON object that another program has written. Pure.

A key that is missing or null is None. A value of the wrong type is a mistake of that program.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import isfinite

Fields = Mapping[str, object]
"""A JSON object."""


def objects(fields: Fields, key: str) -> list[Fields]:
    """A list of objects; an empty one where there is none.

    Raises:
        ValueError: it is something else; the text names the key.
    """
    value = fields.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise ValueError(f"{key} must be a list of objects")
    return value


def text(fields: Fields, key: str) -> str | None:
    """A text.

    Raises:
        ValueError: it is something else; the text names the key.
    """
    value = fields.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{key} must be a string, not {value!r}")
    return value


def number(fields: Fields, key: str) -> float | None:
    """A finite number.

    Raises:
        ValueError: it is something else; the text names the key.
    """
    value = fields.get(key)
    if value is None:
        return None
    # bool is an int in Python, but true is not a time in JSON
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{key} must be a finite number, not {value!r}")
    return float(value)


def count(fields: Fields, key: str) -> int | None:
    """An integer.

    Raises:
        ValueError: it is something else; the text names the key.
    """
    value = fields.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{key} must be an integer, not {value!r}")
    return value


def positive(fields: Fields, key: str) -> int | None:
    """An integer from 1 on.

    Raises:
        ValueError: it is something else; the text names the key.
    """
    value = fields.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{key} must be a positive integer, not {value!r}")
    return value


def fraction(fields: Fields, key: str) -> Fraction | None:
    """A positive fraction, written as `30000/1001`.

    Raises:
        ValueError: it is something else; the text names the key.
    """
    value = fields.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{key} must be a string such as 25/1, not {value!r}")
    try:
        rate = Fraction(value)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{key} must be a fraction such as 25/1, not {value!r}") from error
    if rate <= 0:
        raise ValueError(f"{key} must be positive, not {value!r}")
    return rate
