"""Segments of a sound that is encoded: AAC that lies on a grid of frames. Runs in worker processes only.

Each segment is made alone, and must join the ones around it as if one encoder had made them all. So decoder,
resampler and encoder begin some frames before the segment and go on behind it; what they make there is left
out. By then they are where they would have been, and both encoders have seen the same samples around a join.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby
from typing import Any

import av

from tornado_media.engines.segment_clock import clock_of
from tornado_media.engines.segment_reader import Reader
from tornado_media.formats.isobmff_write import Sample, media_segment
from tornado_media.formats.renditions import AUDIO_FRAME, AUDIO_FRAMES, AUDIO_RATE
from tornado_media.formats.sound_runs import Run, runs

_BIT_RATE = 128_000
_BEFORE, _AFTER = 8, 3
"""AAC frames that are encoded around a segment and left out. Those before begin with what a decoder makes of
packets that need others before them: MP3 takes bits of some frames, Opus wants 80 ms."""

_HOLE = Fraction(15, 1000)
"""Seconds between two blocks that are one: shorter than a frame of AAC or MP3."""

_MOST = 60
"""Seconds of decoded sound for one segment; there are about three."""

_ALIGNED = 4000
"""Samples from one place to the next where samples of both rates coincide: 147 for 44.1 kHz."""


class Encoder:
    """AAC-LC, stereo, as `formats.renditions` has it."""

    def __init__(self) -> None:
        codec: Any = av.CodecContext.create("aac", "w")
        codec.sample_rate, codec.layout, codec.format = AUDIO_RATE, "stereo", "fltp"
        codec.bit_rate, codec.time_base, codec.thread_count = _BIT_RATE, Fraction(1, AUDIO_RATE), 1
        codec.options = {"aac_coder": "fast"}
        self.codec = codec

    def packets(self, left: bytes, right: bytes, first: int) -> Iterator[Any]:
        """Encode.

        Args:
            left: samples, whole frames of them, as native floats of 4 bytes.
            right: likewise.
            first: number of the first frame.
        """
        size = 4 * AUDIO_FRAME
        for place in range(0, len(left), size):
            frame = av.AudioFrame("fltp", "stereo", AUDIO_FRAME)
            frame.planes[0].update(left[place : place + size])
            frame.planes[1].update(right[place : place + size])
            frame.sample_rate, frame.time_base = AUDIO_RATE, self.codec.time_base
            frame.pts = first * AUDIO_FRAME + place // 4
            yield from self.codec.encode(frame)
        yield from self.codec.encode(None)


def segment(reader: Reader, number: int, begin: Fraction, end: Fraction | None) -> bytes:
    """The media segment of the AAC frames whose times lie in a span.

    Where there is no sound it is silent: before its beginning, in holes, and after its end.

    Args:
        reader: of a sound.
        number: of the segment.
        begin: seconds from media time 0.
        end: likewise; None for a segment of the usual length.
    """
    first = _frames_in(begin)
    frames = range(first, first + AUDIO_FRAMES if end is None else _frames_in(end))
    room = _Room((frames.start - _BEFORE) * AUDIO_FRAME, (frames.stop + _AFTER) * AUDIO_FRAME)
    blocks = _blocks(reader, Fraction(room.begin, AUDIO_RATE), Fraction(room.end, AUDIO_RATE))
    for kind, group in groupby(blocks, key=_kind):
        alike = list(group)
        for run in _runs(reader, alike, kind[0]):
            _put(room, alike[run.first : run.end], run.start)
    # libav subtracts what an encoder is late: a packet's time is that of what will be decoded from it.
    packets = Encoder().packets(bytes(room.left), bytes(room.right), frames.start - _BEFORE)
    own = [packet for packet in packets if packet.pts // AUDIO_FRAME in frames]
    samples = [Sample(bytes(packet), AUDIO_FRAME) for packet in own]
    return media_segment(number + 1, frames.start * AUDIO_FRAME, samples)


def _frames_in(seconds: Fraction) -> int:
    return round(seconds * AUDIO_RATE / AUDIO_FRAME)


class _Room:
    """Samples of two channels, silent where nothing is put.

    Args:
        begin: position of the first sample.
        end: of the first one after it.
    """

    def __init__(self, begin: int, end: int) -> None:
        self.begin, self.end = begin, end
        self.left, self.right = bytearray(4 * (end - begin)), bytearray(4 * (end - begin))

    def put(self, position: int, frame: Any) -> None:
        """Put samples at a position, as far as there is room."""
        least, most = max(position, self.begin), min(position + frame.samples, self.end)
        if least < most:
            here = slice(4 * (least - self.begin), 4 * (most - self.begin))
            there = slice(4 * (least - position), 4 * (most - position))
            self.left[here] = memoryview(frame.planes[0])[there]
            self.right[here] = memoryview(frame.planes[1])[there]


def _blocks(reader: Reader, begin: Fraction, end: Fraction) -> Iterator[Any]:
    """Decoded blocks from before a time up to after another one; what cannot be decoded is left out."""
    samples, least, most = 0, reader.stamp_at(begin), reader.stamp_at(end)
    for packet in reader.packets(max(begin, Fraction(0)), end):
        stamp = reader.stamp(packet)
        for frame in () if stamp < least else _decoded(reader, packet):
            samples += frame.samples
            yield frame
        if stamp > most or samples > _MOST * AUDIO_RATE:
            break
    yield from _decoded(reader, None)


def _decoded(reader: Reader, packet: Any) -> list[Any]:
    try:
        return [frame for frame in reader.codec.decode(packet) if frame.samples and frame.sample_rate]
    except av.FFmpegError:
        return []


def _kind(frame: Any) -> tuple[int, str, str]:
    return frame.sample_rate, frame.format.name, frame.layout.name


def _runs(reader: Reader, frames: list[Any], rate: int) -> list[Run]:
    clock = clock_of(reader, rate)
    stamped = [(None if frame.pts is None else clock.ticks(frame.pts), frame.samples) for frame in frames]
    return runs(stamped, rounded=float(reader.base * rate / 2), hole=int(_HOLE * rate))


def _put(room: _Room, frames: list[Any], start: int) -> None:
    """Resample a run, and put it where it belongs."""
    rate = frames[0].sample_rate
    step = rate // math.gcd(rate, AUDIO_RATE)
    # The resampler begins where a sample of one rate falls on one of the other, whichever segment it is for.
    silence = start % step if step <= _ALIGNED else 0
    position = (start - silence) * AUDIO_RATE // rate
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=AUDIO_RATE)
    for frame in [*([_silence(frames[0], silence)] if silence else []), *frames, None]:
        if frame is not None:
            frame.pts = None
        for made in resampler.resample(frame):
            if made is not None:
                room.put(position, made)
                position += made.samples


def _silence(like: Any, samples: int) -> Any:
    frame = av.AudioFrame(like.format.name, like.layout.name, samples)
    frame.sample_rate = like.sample_rate
    frame.time_base = like.time_base
    zero = b"\x80" if like.format.name.startswith("u8") else b"\0"
    for plane in frame.planes:
        plane.update(zero * plane.buffer_size)
    return frame
