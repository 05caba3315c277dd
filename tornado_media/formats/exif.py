"""EXIF: the fields of a block that are worth showing, as values that can go into JSON. Pure code.

The block is of whoever made the picture: each offset, type and count in it may lie. Whatever cannot be read
is left out, nothing is raised, and where a picture was taken is told only to those who ask for it. Fields of
makers, serial numbers, owners' names and comments are not looked at.

The structure is that of TIFF 6.0, the fields are those of CIPA DC-008 (Exif 3.0) section 4.6.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from math import isfinite
from typing import Any, Protocol

_MOST_ENTRIES = 512
_MOST_BYTES = 1024
"""Of a text; what is behind them is not read."""
_MOST_CHARACTERS = 200

_ASCII, _UTF8 = 2, 129
_NUMBERS = {1: "B", 3: "H", 4: "I", 5: "II", 6: "b", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d", 13: "I"}
_SIZES = {kind: struct.calcsize("=" + code) for kind, code in _NUMBERS.items()} | {_ASCII: 1, _UTF8: 1}
_EXIF, _GPS = 0x8769, 0x8825

_JOINERS = "\u200c\u200d"
"""Invisible, but words of some scripts need them."""

_DATE = re.compile(r"([0-9]{4}):([0-9]{2}):([0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2})")
_ZONE = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d|Z")

Value = str | int | float


class Data(Protocol):
    """Bytes, or a file in memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


class Tags:
    """The fields of one block: of the main directory, and of the two that it names."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._start = 6 if data[:6] == b"Exif\0\0" else 0
        self._order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[self._start : self._start + 4], "")
        self._main = dict(self._entries(self._number(4, "I"))) if self._order else {}
        self._exif = dict(self._entries(self._pointer(_EXIF)))
        self._gps = dict(self._entries(self._pointer(_GPS)))

    def text(self, tag: int) -> str | None:
        """A text of the main directory or of the one for EXIF; None where there is none."""
        return self._text(self._main.get(tag)) or self._text(self._exif.get(tag))

    def numbers(self, tag: int) -> list[float] | None:
        """The first numbers of a field of EXIF; None where one of them has no value."""
        return self._numbers(self._exif.get(tag))

    def gps_text(self, tag: int) -> str | None:
        """A text on where the picture was taken."""
        return self._text(self._gps.get(tag))

    def gps_numbers(self, tag: int) -> list[float] | None:
        """Numbers on where the picture was taken."""
        return self._numbers(self._gps.get(tag))

    def _entries(self, at: int | None) -> Iterator[tuple[int, tuple[int, int, int]]]:
        """Of the directory there: tag, then type, count and position of the values."""
        if not at:
            return
        for n in range(min(self._number(at, "H") or 0, _MOST_ENTRIES)):
            entry = at + 2 + 12 * n
            found = self._unpack(entry, "HHI")
            if found is None:
                return
            tag, kind, count = found
            if not count or kind not in _SIZES:
                continue
            where = entry + 8 if _SIZES[kind] * count <= 4 else self._number(entry + 8, "I")
            if where is not None:
                yield tag, (kind, count, where)

    def _pointer(self, tag: int) -> int | None:
        field = self._main.get(tag)
        return self._number(field[2], "I") if field else None

    def _text(self, field: tuple[int, int, int] | None) -> str | None:
        if field is None or field[0] not in {_ASCII, _UTF8}:
            return None
        start = self._start + field[2]
        raw = self._data[start : start + min(field[1], _MOST_BYTES)]
        return clean(decoded(raw)) or None

    def _numbers(self, field: tuple[int, int, int] | None) -> list[float] | None:
        if field is None or field[0] not in _NUMBERS:
            return None
        kind, count, where = field
        found = self._unpack(where, _NUMBERS[kind] * min(count, 3))
        if found is None:
            return None
        if kind in {5, 10}:
            if not all(found[1::2]):
                return None
            found = tuple(a / b for a, b in zip(found[::2], found[1::2], strict=True))
        return list(found) if all(map(isfinite, found)) else None

    def _number(self, at: int, code: str) -> int | None:
        found = self._unpack(at, code)
        return int(found[0]) if found else None

    def _unpack(self, at: int, codes: str) -> tuple[Any, ...] | None:
        form = (self._order or "<") + codes
        size = struct.calcsize(form)
        raw = self._data[self._start + at : self._start + at + size]
        return struct.unpack(form, raw) if len(raw) == size else None


def selected(data: Data, *, gps: bool = False) -> dict[str, Value]:
    """What is worth knowing of how a picture was made; what is not known is left out.

    `make`, `model`, `lens`, `artist`, `copyright`, `software` are texts; `taken` is the local time as in
    ISO 8601, with the zone if it is known; `exposure_time` is in seconds, `aperture` the f-number, `iso`
    the sensitivity, `focal_length` in millimetres.

    Args:
        data: an EXIF block, or a TIFF file.
        gps: add `latitude` and `longitude` in degrees and `altitude` in metres.
    """
    tags = Tags(data)
    found: dict[str, Value | None] = {
        "make": tags.text(0x010F),
        "model": tags.text(0x0110),
        "lens": tags.text(0xA434),
        "taken": _taken(tags),
        "exposure_time": _positive(tags, 0x829A) or _apex(tags, 0x9201, -1.0),
        "aperture": _positive(tags, 0x829D) or _apex(tags, 0x9202, 0.5),
        "iso": _iso(tags),
        "focal_length": _positive(tags, 0x920A),
        "artist": tags.text(0x013B),
        "copyright": tags.text(0x8298),
        "software": tags.text(0x0131),
    }
    if gps:
        found |= _place(tags)
    return {name: value for name, value in found.items() if value is not None}


def decoded(raw: bytes) -> str:
    """Text of an unknown encoding: UTF-8 where it can be that, else what Windows took for Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        # cut off by us in the middle of a character, or not UTF-8 at all
        cut = len(raw) == _MOST_BYTES and error.start > len(raw) - 4
        return raw[: error.start].decode() if cut else raw.decode("cp1252", "ignore")


def clean(text: str) -> str:
    """One line of at most 200 characters that can be seen: nothing that controls a terminal or a layout."""
    # NUL parts the photographer's copyright from the editor's
    parts = [part for part in text.split("\0") if part.strip()]
    text = "".join(
        char if unicodedata.category(char)[0] != "C" or char in _JOINERS else " " if char.isspace() else ""
        for char in ", ".join(parts)
    )
    return " ".join(text.split())[:_MOST_CHARACTERS].rstrip()


def _taken(tags: Tags) -> str | None:
    for date, zone in ((0x9003, 0x9011), (0x9004, 0x9012)):
        found = _DATE.fullmatch(tags.text(date) or "")
        if found is None:
            continue
        moment = "{}-{}-{}T{}".format(*found.groups())
        try:
            datetime.fromisoformat(moment)
        except ValueError:
            continue
        offset = tags.text(zone) or ""
        return moment + (offset if _ZONE.fullmatch(offset) else "")
    return None


def _positive(tags: Tags, tag: int) -> float | None:
    numbers = tags.numbers(tag)
    return _short(numbers[0]) if numbers and numbers[0] > 0 else None


def _apex(tags: Tags, tag: int, factor: float) -> float | None:
    """Of a logarithmic unit: two to the power of so much."""
    numbers = tags.numbers(tag)
    return _short(2.0 ** (factor * numbers[0])) if numbers and abs(numbers[0]) <= 64 else None


def _iso(tags: Tags) -> int | None:
    # 65535: more than 16 bits can say, see one of the others
    for tag in (0x8827, 0x8832, 0x8831, 0x8833):
        numbers = tags.numbers(tag)
        if numbers and 0 < numbers[0] != 65535:
            return int(numbers[0])
    return None


def _place(tags: Tags) -> Mapping[str, float]:
    latitude, longitude = _degrees(tags, 1, "NS", 90), _degrees(tags, 3, "EW", 180)
    if latitude is None or longitude is None:
        return {}
    place = {"latitude": latitude, "longitude": longitude}
    altitude, below = tags.gps_numbers(6), tags.gps_numbers(5)
    if altitude:
        place["altitude"] = round(-altitude[0] if below and below[0] in {1, 3} else altitude[0], 2)
    return place


def _degrees(tags: Tags, tag: int, signs: str, most: int) -> float | None:
    side, numbers = tags.gps_text(tag), tags.gps_numbers(tag + 1)
    # without a hemisphere it could be either of two places
    if side is None or side not in signs or len(side) != 1 or not numbers or min(numbers) < 0:
        return None
    degrees = sum(number / 60**n for n, number in enumerate(numbers))
    return round(-degrees if side == signs[1] else degrees, 7) if degrees <= most else None


def _short(number: float) -> float | None:
    """Six digits: the rest of a fraction says nothing. None for what is nothing when it is rounded."""
    return float(f"{number:.6g}") or None
