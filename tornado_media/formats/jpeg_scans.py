"""The scans of a JPEG file and the tables they use: what `jpeg_coarse` has to know before it leaves some out.

Nothing here decodes: of a scan only its header is read. Section numbers are those of ITU-T T.81.
"""

from __future__ import annotations

from dataclasses import dataclass

from tornado_media.formats.jpeg import DQT, SOS, Component, Frame, Segment, Unusual, read_frame, segments

FREQUENCIES = 64
"""Coefficients of a block, in the order of the file: the mean first."""

MOST_SCANS = 100
"""Encoders write about ten. T.81 allows some thousands, which only an attack would use."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan header (B.2.3).

    Args:
        components: identifiers of those it holds.
        first: frequency, 0 to 63 (start of spectral selection).
        last: frequency that ends it.
        high: how many low bits were missing before it; 0 for a first scan of its frequencies.
        low: how many are missing after it.
    """

    components: tuple[int, ...]
    first: int
    last: int
    high: int
    low: int


class Layout:
    """A whole file, read but not decoded.

    Args:
        view: the content.
        head: the first scan is taken for all of the rest, as in `jpeg.segments`.

    Attributes:
        view: the content.
        frame: what the frame header says.
        segments: between SOI and EOI.
        scans: by the place of their segment.

    Raises:
        Unusual: it is not whole, not laid out as encoders do it, or not a Huffman-coded picture of 8 bits.
    """

    def __init__(self, view: memoryview, *, head: bool = False) -> None:
        self.view = view
        self.segments: list[Segment] = []
        self.scans: dict[int, Scan] = {}
        self._tables: dict[int, tuple[int, ...]] = {}
        self._frame: Frame | None = None
        for segment in segments(view, head=head):
            self.segments.append(segment)
            if segment.is_frame:
                self._add_frame(segment)
            elif segment.marker == DQT:
                self._add_tables(segment)
            elif segment.marker == SOS:
                self._add_scan(segment)

    @property
    def frame(self) -> Frame:
        """What the frame header says."""
        if self._frame is None:
            raise Unusual
        return self._frame

    def table(self, component: Component) -> tuple[int, ...]:
        """The quantizers of a component, one for each frequency."""
        if component.table not in self._tables:
            raise Unusual
        return self._tables[component.table]

    def arrivals(self) -> dict[int, list[int]]:
        """How many low bits of each frequency of each component are missing when it comes first.

        In a sequential file, none.

        Raises:
            Unusual: a scan comes out of turn, or something is missing at the end (G.1.1.1).
        """
        names = [each.identifier for each in self.frame.components]
        arrivals = {name: [0] * FREQUENCIES for name in names}
        missing: dict[int, list[int | None]] = {name: [None] * FREQUENCIES for name in names}
        for scan in self.scans.values():
            _check_scan(scan, self.frame)
            for name in scan.components:
                span = slice(scan.first, scan.last + 1)
                length = scan.last + 1 - scan.first
                if missing[name][span] != [scan.high or None] * length:
                    raise Unusual
                missing[name][span] = [scan.low] * length
                if not scan.high:
                    arrivals[name][span] = [scan.low] * length
        if any(each != 0 for name in names for each in missing[name]):
            raise Unusual
        return arrivals

    def _add_frame(self, segment: Segment) -> None:
        frame = read_frame(self.view, segment)
        if self._frame or frame.precision != 8 or not (frame.sequential or frame.progressive):
            raise Unusual
        self._frame = frame

    def _add_tables(self, segment: Segment) -> None:
        """Quantization tables (B.2.4.1). If they changed between scans it would matter who used which."""
        data, at = bytes(self.view[segment.data : segment.header]), 0
        while at < len(data):
            width, name = 1 + (data[at] >> 4), data[at] & 15
            values = data[at + 1 : at + 1 + FREQUENCIES * width]
            if width > 2 or name > 3 or len(values) < FREQUENCIES * width or self.scans:
                raise Unusual
            high = zip(values[::2], values[1::2], strict=True) if width == 2 else ()
            self._tables[name] = tuple(one << 8 | two for one, two in high) or tuple(values)
            at += 1 + len(values)

    def _add_scan(self, segment: Segment) -> None:
        data = bytes(self.view[segment.data : segment.header])
        components = tuple(data[1:-3:2])
        names = {each.identifier for each in self.frame.components}
        if not components or len(data) != 4 + 2 * len(components) or data[0] != len(components):
            raise Unusual
        if not names.issuperset(components) or len(self.scans) == MOST_SCANS:
            raise Unusual
        self.scans[segment.start] = Scan(components, data[-3], data[-2], data[-1] >> 4, data[-1] & 15)


def _check_scan(scan: Scan, frame: Frame) -> None:
    """Whether the numbers of a scan are allowed (table B.3 and G.1.1.1)."""
    if frame.sequential:
        if (scan.first, scan.last, scan.high, scan.low) != (0, FREQUENCIES - 1, 0, 0):
            raise Unusual
        return
    mean = scan.first == 0
    if mean != (scan.last == 0) or not scan.first <= scan.last < FREQUENCIES:
        raise Unusual
    if not mean and len(scan.components) > 1:
        raise Unusual
    if scan.high and scan.low != scan.high - 1:
        raise Unusual
