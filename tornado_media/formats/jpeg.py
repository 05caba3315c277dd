"""How a JPEG file is laid out: its segments, and what its frame header says.

`jpeg_coarse` rewrites files with this; nothing here decodes a pixel. Every look at the content is bounded;
what is not laid out as encoders do it raises `Unusual`: such a file is left to the decoder as it is.
Names and section numbers are those of ITU-T T.81 (https://www.w3.org/Graphics/JPEG/itu-t81.pdf).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

# Second bytes of markers (T.81, table B.1).
SOS, DQT = 0xDA, 0xDB
_EOI, _DHT, _DRI, _COMMENT, _APPLICATIONS = 0xD9, 0xC4, 0xDD, 0xFE, range(0xE0, 0xF0)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, 0xCC}
_SEQUENTIAL, _PROGRESSIVE, _ARITHMETIC, _LOSSLESS = (0xC0, 0xC1), 0xC2, range(0xC9, 0xD0), (0xC3, 0xCB)
_HIERARCHICAL = (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF)
_EXPECTED = _FRAMES | {SOS, DQT, _DHT, _DRI, _COMMENT, *_APPLICATIONS}
_SOI = b"\xff\xd8"

# The literal first byte lets `re` run at the speed of memchr. In entropy-coded data 0xFF is followed by
# 0x00 or by the number of a restart marker (T.81, B.1.1.5).
_after_scan = re.compile(rb"\xff[^\x00\xd0-\xd7]")

_fill = re.compile(rb"\xff+")

MOST_SEGMENTS = 2000
"""A 7 MB block of metadata needs 120 segments, a profile at most 255."""

BLOCK = 8
"""Samples in a row of a block."""


class Unusual(Exception):
    """The content is no JPEG file, not a whole one, or one that encoders do not write."""


class Segment(NamedTuple):
    """One marker with what belongs to it; places are offsets in the content, in bytes.

    Args:
        marker: its second byte.
        start: of its 0xFF.
        data: of its parameters, behind the two bytes of their length.
        header: behind its parameters.
        end: behind it all. Differs from `header` for a scan only: there it includes the entropy-coded data.
    """

    marker: int
    start: int
    data: int
    header: int
    end: int

    @property
    def is_frame(self) -> bool:
        """Whether it is a frame header."""
        return self.marker in _FRAMES


@dataclass(frozen=True, slots=True)
class Component:
    """One colour channel of a frame.

    Args:
        identifier: its name in scan headers.
        horizontal: sampling factor, 1 to 4.
        vertical: sampling factor, 1 to 4.
        table: which quantization table it uses, 0 to 3.
    """

    identifier: int
    horizontal: int
    vertical: int
    table: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What the frame header says (T.81, B.2.2).

    Args:
        marker: second byte of its marker: the coding process.
        precision: bits of a sample.
        width: in pixels, as coded (before EXIF orientation).
        height: in pixels, as coded.
        components: in the order of the file.
    """

    marker: int
    precision: int
    width: int
    height: int
    components: tuple[Component, ...]

    @property
    def sequential(self) -> bool:
        """Whether it is Huffman-coded, lossy, and each component comes in one scan: baseline or extended."""
        return self.marker in _SEQUENTIAL

    @property
    def progressive(self) -> bool:
        """Whether it is Huffman-coded and comes in scans from coarse to fine."""
        return self.marker == _PROGRESSIVE

    @property
    def arithmetic(self) -> bool:
        """Whether its entropy coding is arithmetic."""
        return self.marker in _ARITHMETIC

    @property
    def lossless(self) -> bool:
        """Whether it has samples instead of DCT coefficients."""
        return self.marker in _LOSSLESS

    def samples(self, component: Component, scale: int) -> int:
        """How many samples in a row libjpeg makes of a block of a component when it decodes at 1/`scale`.

        Subsampled chroma is not made smaller and then larger again: where both directions allow it, its
        blocks are decoded at twice the size (`jpeg_calc_output_dimensions` in libjpeg's jdmaster.c).

        Args:
            component: of this frame.
            scale: 1, 2, 4 or 8.
        """
        least = samples = BLOCK // scale
        across = max(each.horizontal for each in self.components) * least
        down = max(each.vertical for each in self.components) * least
        while (
            samples < BLOCK
            and across % (component.horizontal * samples * 2) == 0
            and down % (component.vertical * samples * 2) == 0
        ):
            samples *= 2
        return samples


def frame(content: bytes | memoryview) -> Frame | None:
    """The facts in the header of a JPEG file, or None for what is no JPEG or has an unusual header.

    Args:
        content: the file, or as much from its start as holds the frame header.
    """
    view = memoryview(content)
    try:
        for segment in segments(view):
            if segment.is_frame:
                return read_frame(view, segment)
    except Unusual:
        pass
    return None


def segments(view: memoryview, *, head: bool = False) -> Iterator[Segment]:
    """What stands between SOI and EOI, in the order of the file. Bytes behind EOI are not looked at.

    Args:
        view: the file.
        head: only up to the first scan, which is taken for all of the rest: to look for its end costs more
            than all that is before it.

    Raises:
        Unusual: the content ends before EOI, or something stands where it should not, or there is too much.
    """
    if bytes(view[:2]) != _SOI:
        raise Unusual
    at = len(_SOI)
    for _ in range(MOST_SEGMENTS):
        at = _marker(view, at)
        marker = view[at + 1]
        if marker == _EOI:
            return
        data = at + 4
        header = at + 2 + int.from_bytes(view[at + 2 : data], "big")
        if marker not in _EXPECTED:
            raise Unusual
        if marker == SOS and head:
            yield Segment(marker, at, data, header, len(view))
            return
        end = _end_of_scan(view, header) if marker == SOS else header
        yield Segment(marker, at, data, header, end)
        at = end
    raise Unusual


def read_frame(view: memoryview, segment: Segment) -> Frame:
    """What the segment of a frame header says.

    Raises:
        Unusual: its numbers are outside of what T.81 allows, or it belongs to a hierarchy of frames, or the
            height is not known yet (T.81, B.2.5).
    """
    data = bytes(view[segment.data : segment.header])
    if segment.marker in _HIERARCHICAL or len(data) < 6:
        raise Unusual
    components = tuple(
        Component(name, sampling >> 4, sampling & 15, table)
        for name, sampling, table in zip(data[6::3], data[7::3], data[8::3], strict=False)
    )
    height, width = int.from_bytes(data[1:3], "big"), int.from_bytes(data[3:5], "big")
    if (
        not (width and height and 1 <= len(components) <= 4)
        or (data[5], len(data)) != (len(components), 6 + 3 * len(components))
        or len({each.identifier for each in components}) < len(components)
        or any(not (1 <= each.horizontal <= 4 and 1 <= each.vertical <= 4) for each in components)
        or any(each.table > 3 for each in components)
    ):
        raise Unusual
    return Frame(segment.marker, data[0], width, height, components)


def _marker(view: memoryview, at: int) -> int:
    """Where the last of the 0xFF before the second byte of a marker stands (T.81, B.1.1.2: fill bytes)."""
    found = _fill.match(view, at)
    if found is None or found.end() >= len(view):
        raise Unusual
    return found.end() - 1


def _end_of_scan(view: memoryview, at: int) -> int:
    """Where entropy-coded data ends. Fill bytes inside it, which no encoder writes, end it too early."""
    found = _after_scan.search(view, at)
    if found is None or found.start() == at:
        raise Unusual
    return found.start()
