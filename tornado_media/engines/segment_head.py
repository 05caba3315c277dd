"""Initialization segments: what a decoder must know before the first sample. Runs in worker processes only.

libav knows how each codec is described in MP4 (`avcC`, `hvcC`, `av1C`, `vpcC`, `esds`, `dOps`, `dfLa`,
`dac3`, `dec3`); some of that is in the first packets only. So it writes a small file of them, and its
description is taken from there. All else is written by `formats.isobmff_write`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import Any

import av

from tornado_media.engines.probe import duration_of
from tornado_media.engines.segment_clock import clock_of
from tornado_media.engines.segment_copy import as_in_mp4
from tornado_media.engines.segment_encode import Encoder
from tornado_media.engines.segment_reader import Packet, Reader
from tornado_media.engines.streams import square_width
from tornado_media.errors import SourceUnusable
from tornado_media.formats.isobmff_tracks import coding
from tornado_media.formats.isobmff_write import initialization_segment
from tornado_media.formats.renditions import AUDIO_FRAME, AUDIO_RATE

_PACKETS = 8
"""The first ones that are looked at: E-AC-3 has a sample in several."""

_OPTIONS = {"movflags": "empty_moov+delay_moov+default_base_moof", "use_editlist": "0"}


def copied(reader: Reader) -> bytes:
    """The initialization segment of a stream that is copied.

    Args:
        reader: of the stream.

    Raises:
        SourceUnusable: there is no packet.
    """
    clock, first = clock_of(reader), reader.first
    if first is None:
        raise SourceUnusable("This stream does not begin where the film does, and cannot be copied.")
    packets = islice(reader.packets(reader.seconds(first), None), _PACKETS)
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4", options=_OPTIONS) as output:
        stream = output.add_stream_from_template(reader.stream, opaque=True)
        _mux(output, stream, as_in_mp4(reader, packets))
    coded = coding(sink.getvalue())
    if reader.stream.type == "video":
        coded = replace(coded, width=square_width(reader.stream) << 16)  # libav says how many are stored
    return initialization_segment(coded, clock.timescale, duration_of(reader.container))


def encoded(reader: Reader) -> bytes:
    """The initialization segment of a sound that is encoded.

    Args:
        reader: of a sound.
    """
    silence = bytes(4 * 2 * AUDIO_FRAME)
    encoder = Encoder()
    packets = list(encoder.packets(silence, silence, 0))
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4", options=_OPTIONS) as output:
        stream: Any = output.add_stream("aac", rate=AUDIO_RATE, layout="stereo")
        stream.codec_context.extradata = encoder.codec.extradata
        _mux(output, stream, packets)
    return initialization_segment(coding(sink.getvalue()), AUDIO_RATE, duration_of(reader.container))


def _mux(output: av.container.OutputContainer, stream: Any, packets: Iterable[Packet]) -> None:
    for place, packet in enumerate(packets):
        if packet.has_sidedata("new_extradata"):
            stream.codec_context.extradata = bytes(packet.get_sidedata("new_extradata"))
        packet.stream = stream
        packet.pts = packet.dts = place * (packet.duration or 1)
        output.mux(packet)
