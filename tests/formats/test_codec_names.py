"""Names of codecs: those that standards give as examples, those that ffmpeg writes, and any bytes."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.codec_names import Coded, codec_name

HVCC = bytes.fromhex("01016000000090000000000060f000fcfdf8f800000f03")
AV1C = bytes.fromhex("81050c000a0b")
SPS = bytes.fromhex("0000000167640028acd940780227e5c044000003000400000300f03c60c658")
VPS_SPS = bytes.fromhex(
    "0000000140010c01ffff016000000300900000030000030078959809"
    "00000001420101016000000300900000030000030078a003c08010e5"
)


@pytest.mark.parametrize(
    ("coded", "name"),
    [
        (Coded("h264", bytes.fromhex("01640028ffe1")), "avc1.640028"),
        (Coded("h264", bytes.fromhex("0142c01effe1")), "avc1.42c01e"),
        (Coded("h264", SPS), "avc1.640028"),
        (Coded("h264", SPS[1:]), "avc1.640028"),  # a start code of three bytes
        (Coded("h264", profile="High", level=40), "avc1.640028"),
        (Coded("h264", profile="Constrained Baseline", level=31), "avc1.42401f"),
        (Coded("h264", profile="High", level=-99), None),
        (Coded("h264", profile="Mystery", level=40), None),
        (Coded("h264"), None),
        (Coded("hevc", HVCC), "hvc1.1.6.L96.90"),
        (Coded("hevc", HVCC[:1] + b"\x22\x20" + HVCC[3:]), "hvc1.2.4.H96.90"),
        (Coded("hevc", HVCC[:1] + b"\xa1" + HVCC[2:]), "hvc1.B1.6.H96.90"),
        (Coded("hevc", HVCC[:6] + b"\xb0\x00\x10\x00\x00\x00" + HVCC[12:]), "hvc1.1.6.L96.b0.0.10"),
        (Coded("hevc", HVCC[:6] + bytes(6) + HVCC[12:]), "hvc1.1.6.L96"),
        (Coded("hevc", VPS_SPS), "hvc1.1.6.L120.90"),
        (Coded("hevc", profile="Main 10", level=153), "hvc1.2.4.L153.90"),
        (Coded("hevc", profile="Rext", level=153), None),
        (Coded("hevc", HVCC[:12]), None),
        (Coded("av1", AV1C), "av01.0.05M.08"),
        (Coded("av1", bytes.fromhex("81284c00")), "av01.1.08M.10"),
        (Coded("av1", bytes.fromhex("8150ec00")), "av01.2.16H.12"),
        (Coded("av1", profile="Main", level=8, bit_depth=10), "av01.0.08M.10"),
        (Coded("av1", profile="Main"), None),
        (Coded("vp9", profile="Profile 0", width=1920, height=1080, rate=Fraction(25)), "vp09.00.40.08"),
        (Coded("vp9", profile="Profile 0", width=1920, height=1080, rate=Fraction(60)), "vp09.00.41.08"),
        (Coded("vp9", profile="Profile 2", width=3840, height=2160, bit_depth=10), "vp09.02.50.10"),
        (Coded("vp9", profile="Profile 0", level=31, width=99, height=9), "vp09.00.31.08"),
        (Coded("vp9", profile="Profile 0"), None),
        (Coded("vp9", width=1920, height=1080), None),
        (Coded("aac", bytes.fromhex("1190")), "mp4a.40.2"),
        (Coded("aac", bytes.fromhex("118856e500"), "LC"), "mp4a.40.2"),
        (Coded("aac", bytes.fromhex("1310"), "HE-AAC"), "mp4a.40.5"),  # told by the stream alone
        (Coded("aac", bytes.fromhex("2b920800")), "mp4a.40.5"),
        (Coded("aac", bytes.fromhex("eb0a0800")), "mp4a.40.29"),
        (Coded("aac", bytes.fromhex("f94c2c60")), "mp4a.40.42"),
        (Coded("aac", profile="LC"), "mp4a.40.2"),
        (Coded("aac", profile="HE-AACv2"), "mp4a.40.29"),
        (Coded("aac"), None),
        (Coded("mp3"), "mp3"),
        (Coded("opus"), "opus"),
        (Coded("flac"), "flac"),
        (Coded("ac3"), "ac-3"),
        (Coded("eac3"), "ec-3"),
        (Coded("vorbis"), "vorbis"),
        (Coded("vp8"), "vp8"),
        (Coded("mpeg2video"), None),
        (Coded("pcm_s16le"), None),
    ],
)
def test_names(coded, name):
    assert codec_name(coded) == name


@pytest.mark.parametrize(
    ("codecs", "count"),
    [
        ("-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac", 2),
        ("-c:v libx264 -preset superfast -profile:v high10 -pix_fmt yuv420p10le -c:a aac -ac 2", 2),
        ("-c:v libx264 -preset superfast -bf 2 -s 1920x1080 -pix_fmt yuv420p -c:a flac", 2),
        ("-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p -c:a libopus", 2),
        ("-c:v libsvtav1 -preset 12 -svtav1-params scd=0 -pix_fmt yuv420p -c:a libopus", 2),
        ("-c:v libsvtav1 -preset 12 -pix_fmt yuv420p10le -an", 1),
    ],
)
def test_they_are_those_that_ffmpeg_writes_into_a_manifest(codecs, count, ffmpeg, facts_of, tmp_path):
    film, manifest = tmp_path / "a.mp4", tmp_path / "a.mpd"
    inputs = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=0.4 -f lavfi -i sine=duration=0.4"
    for arguments in (f"{inputs} {codecs} {film}", f"-i {film} -c copy -f dash {manifest}"):
        argv = [ffmpeg, "-v", "error", "-nostdin", *arguments.split()]
        subprocess.run(argv, check=True, capture_output=True)
    told = re.findall(r'codecs="([^"]+)"', manifest.read_text())
    assert len(told) == count
    facts = facts_of(film)
    # an upper and a lower case hexadecimal number are the same
    assert [s.codecs.lower() for s in (facts.video, *facts.audio)] == [name.lower() for name in told]


CODECS = st.sampled_from(["h264", "hevc", "av1", "vp9", "aac", "opus", "mpeg4", ""])
PROFILES = (
    st.none() | st.sampled_from(["High", "Main", "Main 10", "LC", "Profile 0", "Profile 9"]) | st.text()
)
CODED = st.builds(
    Coded,
    CODECS,
    st.binary(max_size=200),
    PROFILES,
    st.none() | st.integers(),
    st.integers(),
    st.integers(),
    st.none() | st.fractions(min_value=0),
    st.none() | st.integers(0, 99),
)
NAME = re.compile(r"[a-z0-9]{3,6}(-3)?(\.[0-9A-Za-z]+)*")


@given(CODED)
def test_of_anything_there_is_a_name_or_none(coded):
    name = codec_name(coded)
    assert name is None or NAME.fullmatch(name)


@given(
    st.sampled_from(["h264", "hevc"]),
    st.lists(st.sampled_from([b"\0\0\1", b"\0", b"\x67", b"\x42\1", b"\3", b"d"])),
)
def test_of_any_units(codec, parts):
    name = codec_name(Coded(codec, b"".join(parts)))
    assert name is None or NAME.fullmatch(name)


@pytest.mark.parametrize("data", [b"\0\0\1" * 10**6, b"\0" * 10**7, b"\0\0\1\x67" * 10**6])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_of_very_many_bytes_only_the_first_are_looked_at(codec, data):
    assert codec_name(Coded(codec, data)) in (None, "avc1.000001")
