"""Fragmented MP4 as it comes: cut into an initialization segment and media segments. Pure.

ISO/IEC 14496-12 (ISO-BMFF) sections 4.2 (boxes) and 8.8 (movie fragments), RFC 8216 section 3.3. What lies
inside of an initialization segment is for `isobmff_tracks`.
"""

from __future__ import annotations

from tornado_media.formats.isobmff_boxes import BrokenStream

__all__ = ["BrokenStream", "Fragmenter"]

_HEADER = 8
_LARGE_HEADER = 16

_BEFORE = frozenset({b"styp", b"emsg", b"prft"})
"""Boxes before a `moof` that belong to its segment. All others there are left out: an index of the file that
is cut (`sidx`, `ssix`, `mfra`) and padding (`free`, `skip`)."""


class Fragmenter:
    """Cuts a fragmented MP4 that comes in arbitrary pieces.

    The initialization segment is everything up to and with `moov`. After it each `moof` and its `mdat` are a
    piece, with the `styp`, `emsg` and `prft` right before it; other boxes between pieces are dropped, so the
    offsets in the fragments must be relative to their `moof` (`default-base-is-moof`). Between `moof` and
    `mdat` nothing is dropped, since the offsets count it.

    It holds one piece at most. Each byte is copied twice, whatever the sizes of what is fed are.

    Args:
        largest_bytes: of a piece.
    """

    def __init__(self, largest_bytes: int) -> None:
        self._largest = largest_bytes
        self._header = bytearray()
        self._piece = bytearray()
        self._kind = b""
        self._left = 0
        self._keeps = False
        self._begun = False
        self._in_fragment = False

    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        """Take what came.

        Args:
            data: the next bytes; they are not needed after the call.

        Returns:
            The pieces that are complete now, in their order.

        Raises:
            BrokenStream: not a fragmented MP4, or a piece is too large.
        """
        view, position, pieces = memoryview(data).cast("B"), 0, list[bytes]()
        while position < len(view):
            if self._left:
                position += self._take(view[position : position + self._left])
            else:
                position += self._open(view[position : position + _LARGE_HEADER])
            if not self._left and self._kind and self._ends_piece():
                pieces.append(bytes(self._piece))
                self._piece.clear()
        return pieces

    def end(self) -> list[bytes]:
        """The stream is at its end.

        Returns:
            Always an empty list: a piece is given as soon as its last byte has come.

        Raises:
            BrokenStream: it ends inside of a piece, or before the initialization segment is complete.
        """
        if self._header or self._left or self._piece:
            raise BrokenStream("the stream ends in the middle of a box or a fragment")
        if not self._begun:
            raise BrokenStream("the stream ends before its initialization segment")
        return []

    def _take(self, part: memoryview) -> int:
        if self._keeps:
            self._piece += part
        self._left -= len(part)
        return len(part)

    def _open(self, part: memoryview) -> int:
        """Take what is missing of a header (section 4.2.2); how many bytes that were."""
        self._kind = b""
        taken = 0
        for length in (_HEADER, _LARGE_HEADER):
            missing = max(0, length - len(self._header))
            self._header += part[taken : taken + missing]
            taken += min(missing, len(part) - taken)
            if len(self._header) < length:
                return taken
            if int.from_bytes(self._header[:4]) != 1:
                break
        self._begin_box()
        return taken

    def _begin_box(self) -> None:
        header = self._header
        size, kind = int.from_bytes(header[:4]), bytes(header[4:8])
        if len(header) == _LARGE_HEADER:
            size = int.from_bytes(header[8:])
        if size < len(header):
            raise BrokenStream(f"box {kind!r} says that it has {size} bytes")
        self._check(kind)
        self._keeps = not self._begun or self._in_fragment or kind in _BEFORE or kind == b"moof"
        if self._keeps and len(self._piece) + size > self._largest:
            raise BrokenStream(f"a piece has more than {self._largest} bytes: box {kind!r} has {size}")
        if self._keeps:
            self._piece += header
        self._in_fragment |= kind == b"moof"
        self._kind, self._left = kind, size - len(header)
        header.clear()

    def _check(self, kind: bytes) -> None:
        if not self._begun:
            if not self._piece and kind != b"ftyp":
                raise BrokenStream(f"the stream begins with box {kind!r}, not with ftyp")
            if kind in (b"moof", b"mdat"):
                raise BrokenStream(f"box {kind!r} comes before moov")
        elif (kind == b"mdat") != self._in_fragment and kind in (b"mdat", b"moof"):
            raise BrokenStream(f"box {kind!r} comes " + ("twice" if self._in_fragment else "without moof"))
        elif kind in (b"ftyp", b"moov"):
            raise BrokenStream(f"box {kind!r} comes again")

    def _ends_piece(self) -> bool:
        """The box that has just been taken is the last one of a piece."""
        kind, self._kind = self._kind, b""
        if not self._begun:
            self._begun = kind == b"moov"
            return self._begun
        if kind == b"mdat":
            self._in_fragment = False
            return True
        return False
