"""The names that codecs have in playlists and in `canPlayType`: RFC 6381 and its annexes. Pure.

They are read from what the decoder is set up with ("extradata"), and from what libav has found where the
stream itself says it. Whatever the bytes are: a name, or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

_PLAIN = {
    "mp3": "mp3",
    "opus": "opus",
    "flac": "flac",
    "ac3": "ac-3",
    "eac3": "ec-3",
    "vorbis": "vorbis",
    "vp8": "vp8",
    "alac": "alac",
}
"""Codecs whose name says all. MP3 has `mp4a.6b` and `mp4a.40.34`, too, which fewer players know."""

_AAC_TYPES = {"Main": 1, "LC": 2, "SSR": 3, "LTP": 4, "HE-AAC": 5, "HE-AACv2": 29, "xHE-AAC": 42}
"""Audio object types (ISO/IEC 14496-3 table 1.17) by libav's names of profiles."""

_AVC_PROFILES = {
    "Baseline": (66, 0x00),
    "Constrained Baseline": (66, 0x40),
    "Main": (77, 0x00),
    "Extended": (88, 0x00),
    "High": (100, 0x00),
    "High 10": (110, 0x00),
    "High 4:2:2": (122, 0x00),
    "High 4:4:4 Predictive": (244, 0x00),
}
"""profile_idc and constraint flags (ITU-T H.264 section A.2) by libav's names."""

_HEVC_PROFILES = {"Main": (1, 0x60000000), "Main 10": (2, 0x20000000)}
"""profile_idc and compatibility flags (ITU-T H.265 section A.3) by libav's names."""

# VP9 Levels (webmproject.org/vp9/levels): level, luma samples a second, luma samples a picture.
_VP9_LEVELS = (
    (10, 829_440, 36_864),
    (11, 2_764_800, 73_728),
    (20, 4_608_000, 122_880),
    (21, 9_216_000, 245_760),
    (30, 20_736_000, 552_960),
    (31, 36_864_000, 983_040),
    (40, 83_558_400, 2_228_224),
    (41, 160_432_128, 2_228_224),
    (50, 311_951_360, 8_912_896),
    (51, 588_251_136, 8_912_896),
    (52, 1_176_502_272, 8_912_896),
    (60, 1_176_502_272, 35_651_584),
    (61, 2_353_004_544, 35_651_584),
    (62, 4_706_009_088, 35_651_584),
)


@dataclass(frozen=True, slots=True)
class Coded:
    """What is known of a coded stream; None where it is not.

    Args:
        codec: as libav calls it.
        extradata: the decoder configuration as the container has it, or the first headers of the stream.
        profile: as libav calls it.
        level: the number that is in the stream; 0 or less is unknown.
        width: pixels, as coded.
        height: likewise.
        rate: frames a second.
        bit_depth: bits of a sample.
    """

    codec: str
    extradata: bytes = b""
    profile: str | None = None
    level: int | None = None
    width: int = 0
    height: int = 0
    rate: Fraction | None = None
    bit_depth: int | None = None


def codec_name(coded: Coded) -> str | None:
    """The RFC 6381 name of a stream, `avc1.640028`; None where it cannot be told.

    Args:
        coded: what is known of it.
    """
    named = _NAMED.get(coded.codec)
    return _PLAIN.get(coded.codec) if named is None else named(coded)


def avc(coded: Coded) -> str | None:
    """`avc1.PPCCLL` (ISO/IEC 14496-15 section 5.3.3.1): profile, constraints and level of H.264."""
    data = coded.extradata
    if len(data) >= 4 and data[0] == 1:
        return f"avc1.{data[1:4].hex()}"
    sps = _unit(data, lambda header: header & 0x1F == 7, 1, 3)
    if sps is not None:
        return f"avc1.{sps.hex()}"
    profile = _AVC_PROFILES.get(coded.profile or "")
    if profile is None or not 0 < (coded.level or 0) < 256:
        return None
    return f"avc1.{profile[0]:02x}{profile[1]:02x}{coded.level:02x}"


def hevc(coded: Coded) -> str | None:
    """`hvc1.P.C.TL.B` (ISO/IEC 14496-15 section E.3): profile, compatibility, tier and level, constraints."""
    data = coded.extradata
    if len(data) >= 13 and data[0] == 1:
        return _hevc_name(data[1:13])
    # sps_video_parameter_set_id, sps_max_sub_layers_minus1 and a flag are one byte before profile_tier_level
    sps = _unit(data, lambda header: header >> 1 & 0x3F == 33, 3, 12)
    if sps is not None:
        return _hevc_name(sps)
    profile = _HEVC_PROFILES.get(coded.profile or "")
    if profile is None or not 0 < (coded.level or 0) < 256:
        return None
    known = (
        bytes([profile[0]]) + profile[1].to_bytes(4, "big") + b"\x90\0\0\0\0\0" + bytes([coded.level or 0])
    )
    return _hevc_name(known)


def av1(coded: Coded) -> str | None:
    """`av01.P.LLT.DD` (AV1 Codec ISO Media File Format Binding, section 5)."""
    data = coded.extradata
    if len(data) >= 4 and data[0] == 0x81:
        profile, level = data[1] >> 5, data[1] & 0x1F
        tier, high, twelve = data[2] >> 7, data[2] >> 6 & 1, data[2] >> 5 & 1
        depth = 8 if not high else 12 if twelve and profile == 2 else 10
        return f"av01.{profile}.{level:02}{'MH'[tier]}.{depth:02}"
    profiles = {"Main": 0, "High": 1, "Professional": 2}
    if coded.profile not in profiles or coded.level is None or not 0 <= coded.level < 32:
        return None
    return f"av01.{profiles[coded.profile]}.{coded.level:02}M.{coded.bit_depth or 8:02}"


def vp9(coded: Coded) -> str | None:
    """`vp09.PP.LL.DD` (VP Codec ISO Media File Format Binding); few files say the level: it is computed."""
    found = re.fullmatch(r"Profile ([0-3])", coded.profile or "")
    if found is None:
        return None
    level = coded.level if coded.level in {row[0] for row in _VP9_LEVELS} else _vp9_level(coded)
    if level is None:
        return None
    depth = coded.bit_depth or (10 if int(found[1]) >= 2 else 8)
    return f"vp09.{int(found[1]):02}.{level:02}.{depth:02}"


def aac(coded: Coded) -> str | None:
    """`mp4a.40.N`: the audio object type (RFC 6381 section 3.3, ISO/IEC 14496-3 section 1.6.2.1)."""
    data, told = coded.extradata, _AAC_TYPES.get(coded.profile or "")
    if len(data) < 2:
        return None if told is None else f"mp4a.40.{told}"
    kind = data[0] >> 3
    if kind == 31:
        kind = 32 + ((data[0] & 7) << 3 | data[1] >> 5)
    # HE-AAC may be signalled behind the configuration, or in the stream alone: libav has looked
    if kind == 2 and told in (5, 29):
        kind = told
    return f"mp4a.40.{kind}" if kind else None


_NAMED: dict[str, Callable[[Coded], str | None]] = {
    "h264": avc,
    "hevc": hevc,
    "av1": av1,
    "vp9": vp9,
    "aac": aac,
}


def _hevc_name(data: bytes) -> str | None:
    """From the first 12 bytes of profile_tier_level (ITU-T H.265 section 7.3.3)."""
    space, tier, profile = data[0] >> 6, data[0] >> 5 & 1, data[0] & 0x1F
    if not profile or not data[11]:
        return None
    # the flag of profile 0 is the first in the stream and the last in the number
    compatible = int(f"{int.from_bytes(data[1:5], 'big'):032b}"[::-1], 2)
    constraints = "".join(f".{byte:x}" for byte in data[5:11].rstrip(b"\0"))
    named = f"{('', 'A', 'B', 'C')[space]}{profile}"
    return f"hvc1.{named}.{compatible:x}.{'LH'[tier]}{data[11]}{constraints}"


def _vp9_level(coded: Coded) -> int | None:
    samples = coded.width * coded.height
    if samples <= 0:
        return None
    rate = coded.rate or Fraction(30)
    fitting = (level for level, second, most in _VP9_LEVELS if samples <= most and samples * rate <= second)
    return next(fitting, None)


_SEARCHED = 65_536
"""Bytes in which headers are looked for: they are at the beginning, and few."""


def _unit(data: bytes, wanted: Callable[[int], bool], skip: int, length: int) -> bytes | None:
    """Some bytes of the first wanted NAL unit after a start code (ITU-T H.264 and H.265 annex B)."""
    data = data[:_SEARCHED]
    place = data.find(b"\0\0\1")
    while 0 <= place < len(data) - 3:
        if wanted(data[place + 3]):
            # with some more bytes, for those that are not the stream's own (emulation prevention)
            unit = data[place + 3 : place + 3 + 2 * (skip + length)].replace(b"\0\0\3", b"\0\0")
            found = unit[skip : skip + length]
            return found if len(found) == length else None
        place = data.find(b"\0\0\1", place + 3)
    return None
