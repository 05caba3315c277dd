"""How the times of a stream are told in its segments. Runs in worker processes only."""

from __future__ import annotations

from tornado_media.engines.segment_reader import Packet, Reader
from tornado_media.errors import SourceUnusable
from tornado_media.formats.sample_times import Clock, timescale_of

_FRAMES = {"ac3": 1536}
"""Samples in a packet, of codecs for which libav does not say it."""


def clock_of(reader: Reader, rate: int | None = None) -> Clock:
    """A picture in units of its container, a sound in its samples.

    Args:
        reader: of the stream.
        rate: samples a second of a sound, as its decoder says; as its container says where None.

    Raises:
        SourceUnusable: nobody knows how many samples a second a sound has.
    """
    if reader.stream.type == "video":
        return Clock(reader.base, reader.origin, timescale_of(reader.base))
    rate = rate or reader.codec.sample_rate
    if not rate:
        raise SourceUnusable("The sample rate of this sound cannot be found.")
    first = reader.first
    if first is None:
        return Clock(reader.base, reader.origin, rate)
    return Clock(reader.base, reader.origin, rate, _samples_in(reader, first), reader.stamp(first))


def _samples_in(reader: Reader, packet: Packet) -> int:
    """Samples that each packet of a sound has; 0 where they differ, or nobody knows."""
    name, extradata = reader.codec.codec.canonical_name, reader.codec.extradata or b""
    if name == "flac":
        # STREAMINFO: least and most samples in a block (RFC 9639 section 8.2)
        least, most = int.from_bytes(extradata[:2]), int.from_bytes(extradata[2:4])
        return least if least == most else 0
    if name == "vorbis":
        return 0
    if reader.codec.frame_size:
        return int(reader.codec.frame_size)
    exact = (packet.duration or 0) * reader.base * reader.codec.sample_rate
    return _FRAMES.get(name, int(exact) if exact.denominator == 1 else 0)
