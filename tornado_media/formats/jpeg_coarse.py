"""Of a JPEG, what a small picture needs: bytes in, bytes out, before libjpeg sees them.

libjpeg can make a picture of 1/2, 1/4 or 1/8 of the size straight from the DCT coefficients. Of a progressive
file it must read everything first: the coefficients come scan by scan, coarse ones first, and each scan goes
over the whole picture. Most bytes and most of the time go into scans that such a picture hardly shows; here
they are left out. What is made here is for libjpeg, and for that one scale: nobody should keep it or send it.
"""

from __future__ import annotations

from tornado_media.formats.jpeg import BLOCK, DQT, SOS, Frame, Segment, Unusual, frame
from tornado_media.formats.jpeg_scans import Layout

LOSS = {1: 0.0, 2: 16.0, 4: 6.5, 8: 3.0}
"""How much of a coefficient may be cut off, for each number of samples that a row of its block becomes.

A pixel changes by an eighth of it. Found on photographs: where the result is at least 1.25 times smaller than
the decode, the SSIM of luma against a full decode and a Lanczos filter stays above 0.98."""

_EOI = b"\xff\xd9"
_LARGEST_QUANTIZER, _MOST_LOW_BITS = 0xFFFF, 13  # T.81, tables B.4 and B.3
_MORE_XMP = b"http://ns.adobe.com/xmp/extension/"


def _zigzag() -> list[tuple[int, int]]:
    """The frequencies, across and down, in the order of the file (T.81, figure A.6)."""
    square = [(across, down) for across in range(BLOCK) for down in range(BLOCK)]
    return sorted(square, key=lambda at: (sum(at), at[sum(at) % 2]))


_WANTED = {size: [max(frequency) < size for frequency in _zigzag()] for size in (1, 2, 4, 8)}
"""Which frequencies, in the order of the file, a grid of size x size samples can hold."""

_LAST = {size: max(at for at, wanted in enumerate(_WANTED[size]) if wanted) for size in _WANTED}


def coarse(content: bytes | memoryview, scale: int) -> bytes | None:
    """A JPEG file whose decode at 1/`scale` stands for that of the whole file, but is faster and smoother.

    Three things are changed:

    - Frequencies too fine for the small grid get a quantizer of 0 and so vanish. libjpeg's small transforms
      take the mean of neighbours, which would fold them back into the picture as other frequencies. This is
      done to sequential files, too. T.81 has no quantizer of 0; libjpeg multiplies by it. It also does not
      smooth blocks where it finds one; else it would, because it thinks that scans are still to come.
    - Scans of a progressive file that hold nothing else are left out.
    - So are scans that only refine, where quantizers are so small that it hardly shows (`LOSS`). What stays
      is made to look complete: shifted down in the scan header and up in the quantizer.

    At 1/8 nothing is lost of components that are not subsampled in both directions: each of their pixels is
    the mean of a block, and all scans with means stay. Damage in a scan that is left out is not found; that
    it is there, and that the file ends as it should, is.

    Args:
        content: the file.
        scale: 2, 4 or 8: what the decoder will be told.

    Returns:
        A file of the same dimensions, with all metadata that libvips reads. None where there is nothing to
        gain, or the file is not whole or not laid out as encoders do it: then decode the content itself.

    Raises:
        ValueError: there is no such scale.
    """
    if scale not in (2, 4, 8):
        raise ValueError(f"scale {scale}")
    found = frame(content)
    if found is None or (found.sequential and scale == BLOCK):
        return None  # of a sequential file the means cannot be had without the rest
    try:
        return _Rewriting(_layout(memoryview(content), found), scale).content()
    except Unusual:
        return None


def _layout(view: memoryview, found: Frame) -> Layout:
    """The layout of a file; of one with a single scan only what is before its data."""
    if found.sequential and view[-len(_EOI) :] == _EOI:
        layout = Layout(view, head=True)
        if all(len(scan.components) == len(found.components) for scan in layout.scans.values()):
            return layout
    return Layout(view)


class _Rewriting:
    """The change of one file."""

    def __init__(self, layout: Layout, scale: int) -> None:
        self._layout, self._components = layout, layout.frame.components
        self._sizes = {each.identifier: layout.frame.samples(each, scale) for each in self._components}
        self._arrivals = layout.arrivals()
        self._cuts = {
            each.identifier: _cut(layout.table(each), LOSS[self._sizes[each.identifier]])
            for each in self._components
        }
        self._kept = self._needed()

    def _needed(self) -> set[int]:
        """The scans that stay, by their places. A refinement can be read only after all that it refines."""
        needed = set()
        until = {name: _LAST[size] for name, size in self._sizes.items()}
        for place, scan in reversed(self._layout.scans.items()):
            name = scan.components[0]
            if scan.first == 0:
                needed.add(place)
            elif scan.first <= until[name] and not 0 < scan.high <= self._cuts[name]:
                needed.add(place)
                until[name] = max(until[name], scan.last)
        return needed

    def content(self) -> bytes:
        """The changed file."""
        view = self._layout.view
        parts: list[bytes | memoryview] = [b"\xff\xd8"]
        for segment in self._layout.segments:
            whole = view[segment.start : segment.end]
            if segment.is_frame:
                parts += [*self._tables(), self._frame(bytearray(whole))]
            elif segment.marker == SOS:
                if segment.start in self._kept:
                    parts += [self._scan(segment), view[segment.header : segment.end]]
            elif segment.marker != DQT and whole[4 : 4 + len(_MORE_XMP)] != _MORE_XMP:
                parts.append(whole)
        return b"".join(parts if len(view) == self._layout.segments[-1].end else [*parts, _EOI])

    def _tables(self) -> list[bytes]:
        """A quantization table for each component."""
        tables = []
        for name, component in enumerate(self._components):
            cut, size = self._cuts[component.identifier], self._sizes[component.identifier]
            missing = self._arrivals[component.identifier]
            values = [
                quantizer << (min(missing[at], cut) if at else 0) if _WANTED[size][at] else 0
                for at, quantizer in enumerate(self._layout.table(component))
            ]
            largest = max(values)
            if largest > _LARGEST_QUANTIZER:
                raise Unusual
            if largest < 256:
                tables += [b"\xff\xdb\0\x43", bytes([name]), bytes(values)]
            else:
                tables += [b"\xff\xdb\0\x83", bytes([0x10 | name])]
                tables += [value.to_bytes(2, "big") for value in values]
        return tables

    @staticmethod
    def _frame(whole: bytearray) -> bytes:
        """The frame header, with the new tables."""
        whole[12::3] = bytes(range(whole[9]))
        return bytes(whole)

    def _scan(self, segment: Segment) -> bytes:
        """A scan header that says nothing is missing in the end."""
        scan = self._layout.scans[segment.start]
        header = bytearray(self._layout.view[segment.start : segment.header])
        if scan.first:
            cut = self._cuts[scan.components[0]]
            high, low = max(0, scan.high - cut), max(0, scan.low - cut)
            header[-1] = high << 4 | low
        return bytes(header)


def _cut(table: tuple[int, ...], loss: float) -> int:
    """How many low bits the coefficients of a component may lose."""
    middle = sum(table[1:6]) / 5
    return max(cut for cut in range(_MOST_LOW_BITS + 1) if middle * ((1 << cut) - 1) <= loss)
