from __future__ import annotations

import subprocess
from fractions import Fraction

import pytest

from tornado_media.formats.facts import AudioStream, SubtitleStream, VideoFacts, VideoStream
from tornado_media.formats.ffmpeg import audio_only, common, grid_run, mp4, safe_input, subtitles
from tornado_media.formats.grid import Grid
from tornado_media.formats.media_types import _SOURCE_FORMATS
from tornado_media.formats.safety import DECODERS, DEMUXERS, demuxer_of
from tornado_media.formats.tools import Tools

FACTS = VideoFacts(
    duration=4.0,
    width=320,
    height=180,
    frame_rate=Fraction(25),
    video=VideoStream(index=0, codec="h264"),
    audio=(AudioStream(index=1, codec="aac"),),
    subtitles=(SubtitleStream(index=2, codec="subrip", text=True),),
)
GRID = Grid(Fraction(25), 50, 100)
OTHERS = {"vvc", "libdav1d", "libaom-av1", "libvpx", "libvpx-vp9", "libopus", "libspeex", "libvorbis"} | {
    "libopencore_amrnb",
    "libopencore_amrwb",
}
"""Names that a build may lack."""


def every_command(path, media_type=None):
    yield grid_run(str(path), FACTS, GRID, height=90, first=0, tools=Tools(), media_type=media_type)
    for copy in (False, True):
        yield from mp4(
            str(path),
            FACTS,
            start=0,
            height=90,
            video_bitrate=None,
            audio=True,
            copy_video=copy,
            copy_audio=copy,
            media_type=media_type,
        )
        yield from audio_only(
            str(path), FACTS, stream=1, format="m4a", copy=copy, bit_rate=96, media_type=media_type
        )
    yield from subtitles(str(path), FACTS, stream=2, media_type=media_type)


def test_every_command_says_what_is_safe():
    for command in every_command("/films/-a %d.mkv", "video/x-matroska"):
        source = command.index("-i")
        assert command[source + 1] == "file:/films/-a %d.mkv"
        before = command[:source]
        assert before[:2] == ("ffmpeg", "-nostdin")
        for name, value in {
            "-protocol_whitelist": "file,pipe",
            "-format_whitelist": DEMUXERS,
            "-codec_whitelist": DECODERS,
            "-max_pixels": "67108864",
            "-f": "matroska",
        }.items():
            assert before[before.index(name) + 1] == value
        assert 1 <= int(before[before.index("-threads") + 1]) <= 8
        assert command.count("-i") == 1


@pytest.mark.parametrize("kind", ["concat", "hls", "sdp", "ffmetadata", "image"])
@pytest.mark.parametrize("media_type", [None, "video/mp4"])
def test_a_script_in_disguise_opens_nothing(kind, media_type, tmp_path, ffmpeg):
    canary = tmp_path / "canary.mp4"
    make = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=4 -f lavfi -i sine=duration=4 -c:v libx264"
    argv = [ffmpeg, "-v", "error", "-nostdin", *make.split(), str(canary)]
    subprocess.run(argv, check=True)
    scripts = {
        "concat": "ffconcat version 1.0\nfile canary.mp4\n",
        "hls": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\ncanary.mp4\n#EXT-X-ENDLIST\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
        "ffmetadata": ";FFMETADATA1\ntitle=x\n",
        "image": "P5 16 16 255\n" + "x" * 256,
    }
    disguised = tmp_path / "film.mp4"
    disguised.write_text(scripts[kind])
    # The one that would be read without our arguments is not: the test can fail.
    if kind == "concat":
        plain = [ffmpeg, "-v", "error", "-nostdin", "-safe", "0", "-i", str(disguised), "-f", "null", "-"]
        assert subprocess.run(plain, capture_output=True).returncode == 0
    for command in every_command(disguised, media_type):
        ended = subprocess.run([ffmpeg, *command[1:]], capture_output=True, stdin=subprocess.DEVNULL)
        assert ended.returncode != 0
        assert ended.stdout == b""


@pytest.mark.parametrize("codec", ["magicyuv", "dirac", "flashsv"])
def test_a_decoder_that_is_not_listed_does_not_run(codec, tmp_path, ffmpeg):
    if codec == "dirac":
        pixels, codec, name = "yuv420p", "vc2", "film.mkv"
    else:
        pixels, name = ("gbrp", "film.avi") if codec == "magicyuv" else ("bgr24", "film.flv")
    path = tmp_path / name
    make = f"-f lavfi -i testsrc2=size=320x180:rate=25:duration=1 -c:v {codec} -pix_fmt {pixels} -strict -1"
    subprocess.run([ffmpeg, "-v", "error", "-nostdin", *make.split(), str(path)], check=True)
    ending = ("-f", "null", "-")
    plain = [ffmpeg, "-v", "error", "-nostdin", "-i", str(path), *ending]
    assert subprocess.run(plain, capture_output=True).returncode == 0
    ended = subprocess.run([ffmpeg, *common()[1:], *safe_input(str(path)), *ending], capture_output=True)
    assert ended.returncode != 0
    assert b"not on whitelist" in ended.stderr


def test_the_decoders_exist(ffmpeg):
    listed = subprocess.run([ffmpeg, "-hide_banner", "-decoders"], capture_output=True, check=True, text=True)
    there = {line.split()[1] for line in listed.stdout.splitlines() if len(line.split()) > 1}
    names = DECODERS.split(",")
    assert len(names) == len(set(names))
    assert set(names) - OTHERS <= there
    assert not {"magicyuv", "gif", "exr", "jpeg2000", "snow", "lagarith", "dvbsub"}.intersection(names)


def test_each_media_type_has_a_demuxer_of_the_list():
    allowed = set(DEMUXERS.split(","))
    for media_type in _SOURCE_FORMATS:
        name = demuxer_of(media_type)
        assert name is None or name in allowed
        if media_type.partition("/")[0] in ("audio", "video"):
            assert name is not None or media_type in ("video/mpeg", "audio/wav"), media_type
    assert demuxer_of(None) is demuxer_of("text/plain") is None


def test_a_wrong_demuxer_is_not_corrected(tmp_path, ffmpeg):
    path = tmp_path / "film.mp4"
    make = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=1 -f matroska"
    subprocess.run([ffmpeg, "-v", "error", "-nostdin", *make.split(), str(path)], check=True)
    said = {
        media_type: subprocess.run(
            [ffmpeg, *common()[1:], *safe_input(str(path), media_type=media_type), "-f", "null", "-"],
            capture_output=True,
        ).returncode
        for media_type in (None, "video/x-matroska", "video/mp4")
    }
    assert said[None] == said["video/x-matroska"] == 0 != said["video/mp4"]
