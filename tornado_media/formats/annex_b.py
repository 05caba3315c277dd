"""H.264 and HEVC from streams of bytes, as MP4 has them: lengths in the place of start codes. Pure.

ITU-T H.264 and H.265, annex B; ISO/IEC 14496-15 section 5.3.2, with lengths of 4 bytes.
"""

from __future__ import annotations

_START = b"\0\0\1"


def is_annex_b(extradata: bytes) -> bool:
    """Whether what a decoder is set up with has start codes: a record for MP4 begins with its version, 1."""
    return extradata[:4] == b"\0" + _START or extradata[:3] == _START


def length_prefixed(sample: bytes) -> bytes:
    """A sample with a length before each of its NAL units, in the place of start codes.

    Args:
        sample: with start codes; what is before the first one is left out.
    """
    parts = list[bytes]()
    start = sample.find(_START)
    while start >= 0:
        following = sample.find(_START, start + 3)
        # A unit ends with a bit that is 1, so zeros behind it are of the next start code, or padding.
        unit = sample[start + 3 : following if following >= 0 else None].rstrip(b"\0")
        if unit:
            parts += [len(unit).to_bytes(4), unit]
        start = following
    return b"".join(parts)
