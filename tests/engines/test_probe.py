from __future__ import annotations

import json
import os
import socket
import subprocess
from fractions import Fraction

import pytest

from tornado_media.errors import SourceUnusable

PICTURE = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2"
SOUND = "-f lavfi -i sine=frequency=440:duration=2"
H264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"


@pytest.fixture
def make(ffmpeg, tmp_path):
    def run(name, arguments):
        path = tmp_path / name
        subprocess.run([ffmpeg, "-v", "error", "-nostdin", *arguments.split(), str(path)], check=True)
        return path

    return run


@pytest.fixture
def info(opened):
    from tornado_media.engines import probe

    def ask(path, media_type="video/mp4"):
        return json.loads(opened(probe.info, path, media_type))

    return ask


def test_everything_of_an_mp4(make, info):
    path = make("a.mp4", f"{PICTURE} {SOUND} {H264} -c:a aac -ac 2 -ar 48000 -metadata:s:a:0 language=fra")
    found = info(path)
    video, audio = found.pop("streams")
    assert found == {
        "media_type": "video/mp4",
        "container": "mov,mp4,m4a,3gp,3g2,mj2",
        "duration": pytest.approx(2.0, abs=0.05),
        "start_time": 0.0,
        "bit_rate": pytest.approx(path.stat().st_size * 8 / 2, rel=0.05),
        "size": path.stat().st_size,
    }
    assert video == {
        "index": 0,
        "type": "video",
        "codec": "h264",
        "profile": "Constrained Baseline",
        "language": None,
        "default": True,
        "duration": 2.0,
        "width": 320,
        "height": 180,
        "coded_width": 320,
        "coded_height": 180,
        "rotation": 0,
        "frame_rate": "25/1",
        "pixel_format": "yuv420p",
        "interlaced": False,
        "attached_picture": False,
    }
    assert (audio["index"], audio["type"], audio["codec"], audio["profile"]) == (1, "audio", "aac", "LC")
    assert (audio["channels"], audio["sample_rate"], audio["language"]) == (2, 48000, "fra")


@pytest.mark.parametrize(
    ("name", "options", "container", "codecs"),
    [
        ("a.mkv", f"{H264} -c:a aac", "matroska,webm", ["h264", "aac"]),
        ("a.webm", "-c:v libvpx -deadline realtime -c:a libvorbis", "matroska,webm", ["vp8", "vorbis"]),
        ("a.avi", "-c:v mpeg4 -c:a mp3", "avi", ["mpeg4", "mp3"]),
        ("a.ts", "-c:v mpeg2video -c:a mp2", "mpegts", ["mpeg2video", "mp2"]),
        ("a.flv", f"{H264} -c:a aac", "flv", ["h264", "aac"]),
    ],
)
def test_containers(name, options, container, codecs, make, info):
    found = info(make(name, f"{PICTURE} {SOUND} {options}"))
    assert found["container"] == container
    assert found["duration"] == pytest.approx(2.0, abs=0.15)
    assert sorted(stream["codec"] for stream in found["streams"]) == sorted(codecs)
    video = next(stream for stream in found["streams"] if stream["type"] == "video")
    assert (video["width"], video["height"], video["frame_rate"]) == (320, 180, "25/1")


@pytest.mark.parametrize(("counterclockwise", "rotation"), [(90, 270), (180, 180), (270, 90)])
def test_a_turned_picture(counterclockwise, rotation, make, info):
    plain = make("plain.mp4", f"{PICTURE} {H264}")
    turned = make("turned.mp4", f"-display_rotation {counterclockwise} -i {plain} -c copy")
    (video,) = info(turned)["streams"]
    assert video["rotation"] == rotation
    assert (video["width"], video["height"]) == ((320, 180) if rotation == 180 else (180, 320))
    assert (video["coded_width"], video["coded_height"]) == (320, 180)


def test_pixels_that_are_not_square(make, info):
    (video,) = info(make("a.mp4", f"{PICTURE} {H264} -vf scale=180:144,setsar=16/11"))["streams"]
    assert (video["width"], video["height"], video["coded_width"]) == (262, 144, 180)


def test_interlaced(make, info):
    (video,) = info(make("a.mp4", f"{PICTURE} {H264} -flags +ilme+ildct -x264-params tff=1"))["streams"]
    assert video["interlaced"] is True


def test_a_joined_film_keeps_its_rate(make, info):
    # joined files have a hole at each joint, where the sound was longer: the average is not 25
    part = make("part.mp4", f"{PICTURE} {SOUND.replace('=2', '=2.06')} {H264} -c:a aac")
    joined = make("joined.mp4", f"-stream_loop 9 -i {part} -c copy")
    assert info(joined)["streams"][0]["frame_rate"] == "25/1"


def test_a_variable_rate_is_an_average(make, info):
    film = make("a.mkv", f"{PICTURE} {H264} -vf select=not(mod(n\\,3))+lt(n\\,25) -fps_mode vfr")
    rate = Fraction(info(film)["streams"][0]["frame_rate"])
    assert 10 < rate <= 25


def test_sound_alone_and_its_cover(make, info):
    (stream,) = info(make("a.m4a", f"{SOUND} -c:a aac"), "audio/mp4")["streams"]
    assert (stream["type"], stream["channels"]) == ("audio", 1)
    cover = make("cover.png", "-f lavfi -i color=red:size=64x64:duration=1 -frames:v 1")
    song = make("a.mp3", f"{SOUND} -i {cover} -map 0 -map 1 -c:a mp3 -c:v copy -disposition:v attached_pic")
    audio, picture = info(song, "audio/mpeg")["streams"]
    assert (audio["codec"], picture["attached_picture"], picture["frame_rate"]) == ("mp3", True, None)


def test_a_recording_that_still_runs_has_no_duration(ffmpeg, info, tmp_path):
    argv = [ffmpeg, "-v", "error", "-nostdin", *PICTURE.split(), *H264.split(), "-f", "matroska", "pipe:1"]
    path = tmp_path / "a.mkv"
    path.write_bytes(subprocess.run(argv, check=True, capture_output=True).stdout)
    found = info(path)
    assert found["duration"] is None
    assert found["streams"][0]["width"] == 320


@pytest.mark.parametrize("content", [b"", b"hello\n" * 1000, b"\0" * 5000, b"\x1aE\xdf\xa3" + b"\0" * 99])
def test_no_film(content, info, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceUnusable) as caught:
        info(path)
    assert "/" not in caught.value.detail


def test_a_truncated_film(make, info):
    # without its index, which is at the end, an MP4 is nothing; an MKV still has its beginning
    path = make("a.mp4", f"{PICTURE} {H264}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceUnusable, match="damaged"):
        info(path)
    path = make("a.mkv", f"{PICTURE} {H264}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert info(path)["streams"][0]["codec"] == "h264"


def test_a_picture_is_no_film(picture, info):
    with pytest.raises(SourceUnusable):
        info(picture("a.png"))


# -- fault 66: a playlist or a script that calls itself a film ---------------------------------------------

SCRIPTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n",
    "hls map": '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI="{target}"\n#EXTINF:2,\na.m4s\n',
    "hls concat": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nconcat:{target}|{target}\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile '{target}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" '
    'bandwidth="1"><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
}


@pytest.fixture(scope="session")
def canary(ffmpeg, tmp_path_factory):
    path = tmp_path_factory.mktemp("canary") / "canary.mp4"
    argv = [ffmpeg, "-v", "error", "-nostdin", *PICTURE.split(), *H264.split(), str(path)]
    subprocess.run(argv, check=True)
    return path


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("reached_by", ["path", "name", "network"])
@pytest.mark.parametrize("program", ["info", "poster", "mp4"])
def test_a_script_opens_nothing(script, reached_by, program, canary, info, opened, ffmpeg, listener):
    from tornado_media.formats import facts
    from tornado_media.formats import ffmpeg as commands

    os.utime(canary, (0, 0))  # reading it would move the first of these
    target = {
        "path": str(canary),
        "name": canary.name,
        "network": f"http://127.0.0.1:{listener.getsockname()[1]}/canary.mp4",
    }[reached_by]
    path = canary.with_name("film.mp4")
    path.write_text(SCRIPTS[script].format(target=target))
    if program == "info":
        with pytest.raises(SourceUnusable):
            info(path)
    elif program == "poster":
        from tornado_media.engines.frame import poster

        with pytest.raises(SourceUnusable):
            opened(poster, path, "video/mp4", time=0.0)
    else:
        known = facts.VideoFacts(duration=2.0, width=320, height=180, frame_rate=Fraction(25))
        ((_, *arguments),) = commands.mp4(
            str(path), known, start=0.0, height=180, video_bitrate=None, audio=True
        )
        ended = subprocess.run([ffmpeg, *arguments], stdin=subprocess.DEVNULL, capture_output=True)
        assert ended.returncode != 0
        assert ended.stdout == b""
    assert canary.stat().st_atime == 0
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_script_would_work_without_the_whitelist(canary, ffmpeg):
    """Else the test before would show nothing."""
    path = canary.with_name("film.mp4")
    path.write_text(SCRIPTS["ffconcat"].format(target=canary.name))
    argv = [ffmpeg, "-v", "error", "-nostdin", "-i", str(path), "-f", "null", "-"]
    assert subprocess.run(argv, capture_output=True).returncode == 0
