"""Segments of what is copied: samples of the source in other boxes. Runs in worker processes only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice

from av.bitstream import BitStreamFilterContext

from tornado_media.engines.segment_clock import clock_of
from tornado_media.engines.segment_reader import Packet, Reader
from tornado_media.errors import SourceUnusable
from tornado_media.formats.annex_b import is_annex_b, length_prefixed
from tornado_media.formats.isobmff_write import Sample, media_segment
from tornado_media.formats.sample_times import Clock, beginning, decode_times, durations

_FOLLOWING = 32
"""Packets after a sync sample that tell which pictures are shown before it."""


def picture(reader: Reader, number: int, begin: Fraction, end: Fraction | None) -> bytes:
    """The media segment of the pictures from one sync sample up to another.

    Args:
        reader: of a picture.
        number: of the segment.
        begin: time of the sync sample that it begins with, seconds from media time 0.
        end: time of that which the next one begins with; None for the last segment.

    Raises:
        SourceUnusable: there is no sync sample.
    """
    found = reader.packets(begin, end, sync=True)
    packets = _from_sync(found, reader, begin)
    own, edge = _up_to_sync(packets, reader, end)
    if not own and edge is None:
        raise SourceUnusable("This part of the film is damaged, or not there.")
    clock = clock_of(reader)
    shown = [clock.ticks(reader.stamp(packet)) for packet in own]
    further = [] if edge is None else [edge, *islice(packets, _FOLLOWING)]
    following = [clock.ticks(reader.stamp(packet)) for packet in further]
    time = max(0, beginning([*shown, *following]))
    if following:
        until = max(time, beginning(following))
        decoded = decode_times(shown, time, until)
    else:
        ends = max(time, _end(own, shown, clock))
        decoded = decode_times(shown, time, ends)
        until = ends - (shown[-1] - decoded[-1])  # nothing seems to be shown after the end
    offsets = [seen - when for seen, when in zip(shown, decoded, strict=True)]
    return _segment(reader, number, own, decoded, until, offsets)


def sound(reader: Reader, number: int, begin: Fraction, end: Fraction | None) -> bytes:
    """The media segment of the packets of a sound whose times lie in a span; it may be empty.

    A hole in a sound counts as part of the packet before it, so what follows has no gap to what was before.

    Args:
        reader: of a sound.
        number: of the segment.
        begin: seconds from media time 0.
        end: likewise; None for the last segment.
    """
    clock = clock_of(reader)
    before, own, following = _in_span(reader, begin, end)
    shown = [clock.ticks(reader.stamp(packet)) for packet in own]
    if following is not None:
        until = clock.ticks(reader.stamp(following))
    elif own:
        until = _end(own, shown, clock)
    elif before is not None:  # the sound ends before the film
        until = _end([before], [clock.ticks(reader.stamp(before))], clock)
    else:
        until = int(begin * clock.timescale)
    time = max(0, shown[0] if own else until)
    decoded = decode_times(shown, time, max(time, until))
    return _segment(reader, number, own, decoded, max(time, until), [0] * len(own))


def as_in_mp4(reader: Reader, packets: Iterable[Packet]) -> Iterator[Packet]:
    """Packets without the headers that AAC has outside of MP4 (ADTS)."""
    if reader.codec.codec.canonical_name != "aac" or reader.codec.extradata:
        yield from packets
        return
    headed = BitStreamFilterContext("aac_adtstoasc", reader.stream)
    for packet in packets:
        yield from headed.filter(packet)


def _from_sync(packets: Iterator[Packet], reader: Reader, begin: Fraction) -> Iterator[Packet]:
    """Packets from the first sync sample on that is not before a time."""
    least = reader.stamp_at(begin)
    for packet in packets:
        if packet.is_keyframe and reader.stamp(packet) >= least:
            yield packet
            yield from packets


def _up_to_sync(
    packets: Iterator[Packet], reader: Reader, end: Fraction | None
) -> tuple[list[Packet], Packet | None]:
    """Packets before a sync sample that is not before a time, and that one."""
    own: list[Packet] = []
    most = None if end is None else reader.stamp_at(end)
    for packet in packets:
        if most is not None and packet.is_keyframe and reader.stamp(packet) >= most:
            return own, packet
        own.append(packet)
    return own, None


def _in_span(
    reader: Reader, begin: Fraction, end: Fraction | None
) -> tuple[Packet | None, list[Packet], Packet | None]:
    """Packets whose times lie in a span, with one before and one behind."""
    before: Packet | None = None
    own: list[Packet] = []
    least, most = reader.stamp_at(begin), None if end is None else reader.stamp_at(end)
    for packet in reader.packets(begin, end):
        stamp = reader.stamp(packet)
        if most is not None and stamp >= most:
            return before, own, packet
        if stamp >= least:
            own.append(packet)
        elif not own:
            before = packet
    return before, own, None


def _end(own: Sequence[Packet], shown: Sequence[int], clock: Clock) -> int:
    """When the last packet of the stream ends that is shown, in ticks."""
    last, packet = max(zip(shown, own, strict=True), key=lambda each: each[0])
    lasts = int((packet.duration or 0) * clock.base * clock.timescale)
    usual = clock.frame or (last - min(shown)) // max(1, len(shown) - 1) or clock.timescale // 25
    return last + (lasts or usual)


def _segment(
    reader: Reader, number: int, packets: list[Packet], decoded: list[int], until: int, offsets: list[int]
) -> bytes:
    contents = [bytes(packet) for packet in as_in_mp4(reader, packets)]
    picture = reader.stream.type == "video"
    sync = [packet.is_keyframe or not picture for packet in packets]
    if picture and is_annex_b(reader.codec.extradata or b""):
        contents = [length_prefixed(content) for content in contents]
    lasting = durations(decoded, until)
    samples = [Sample(*each) for each in zip(contents, lasting, offsets, sync, strict=True)]
    return media_segment(number + 1, decoded[0] if decoded else until, samples)
