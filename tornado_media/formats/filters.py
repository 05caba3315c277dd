"""How ffmpeg brings any picture into the form that every browser shows: upright, square pixels, 8 bits. Pure.

ffmpeg turns a picture by its display matrix itself, before the first of these filters.
"""

from __future__ import annotations

from tornado_media.formats.facts import VideoFacts
from tornado_media.formats.tools import Tools

_TONE_MAP_NEEDS = {"zscale", "tonemap"}
_TRANSFERS = {"hlg": "arib-std-b67"}
"""Of the HDR kinds that are not PQ (SMPTE ST 2084), which Dolby Vision has below its own layer, too."""


def picture_filters(facts: VideoFacts, width: int, height: int, tools: Tools) -> tuple[str, ...]:
    """Size, pixels and colours.

    Args:
        facts: what the probe has found.
        width: of the result, pixels.
        height: likewise.
        tools: which filters there are.
    """
    return (f"scale={width}:{height}:out_range=tv", "setsar=1", *_standard_range(facts, tools))


def deinterlace(facts: VideoFacts) -> tuple[str, ...]:
    """One frame of every two fields, so that the rate stays; frames that are none of fields pass through."""
    return ("yadif=deint=interlaced",) if facts.interlaced else ()


def _standard_range(facts: VideoFacts, tools: Tools) -> tuple[str, ...]:
    hdr = None if facts.video is None else facts.video.hdr
    if hdr is None:
        return ()
    tags = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
    if tools.filters >= _TONE_MAP_NEEDS:
        return (*_tone_mapped(_TRANSFERS.get(hdr, "smpte2084")), tags)
    # HLG is made so that a screen that knows nothing of it shows a fair picture (BT.2390 section 7).
    return () if hdr == "hlg" else (_pq_by_table(), tags)


def _tone_mapped(transfer: str) -> tuple[str, ...]:
    # To linear light where 1.0 is 100 cd/m2, into the colours of BT.709, highlights rolled off, and back.
    # What the frames say of themselves is not asked: tags may be in the container alone.
    return (
        f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=tv",
        "zscale=t=linear:npl=100",
        "format=gbrpf32le",
        "zscale=p=709",
        "tonemap=tonemap=hable:desat=0",
        "zscale=t=709:m=709:r=limited",
        "format=yuv420p",
    )


def _pq_by_table() -> str:
    """Where there is no zscale: brightness alone, each of its 1024 values by itself. Colours stay a bit pale.

    The PQ curve (SMPTE ST 2084, BT.2100 table 4) gives x, light in units of 203 cd/m2, which is what BT.2408
    says a white page has. x * (1 + x / 25) / (1 + x) keeps what is dark and brings 1,000 cd/m2 to white
    (Reinhard et al. 2002, equation 4); a gamma of 2.4 makes it a value again.
    """
    value = "clip((val-64)/876,0,1)"
    light = (
        f"st(0,pow({value},1/78.84375));"
        "st(1,10000/203*pow(max(ld(0)-0.8359375,0)/(18.8515625-18.6875*ld(0)),1/0.1593017578125));"
        "64+876*pow(min(ld(1)*(1+ld(1)/25)/(1+ld(1)),1),1/2.4)"
    )
    return f"format=yuv420p10le,lutyuv=y='{light}':u='(val-512)*1.8+512':v='(val-512)*1.8+512',format=yuv420p"
