from __future__ import annotations

import json
import os
import random
import socket
import subprocess
from fractions import Fraction

import pytest

from tornado_media.errors import SourceUnusable
from tornado_media.formats.facts import VideoFacts
from tornado_media.formats.media_types import media_type

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

    def ask(path, kind=None, **arguments):
        kind = kind or media_type(path.read_bytes()[:4096], path.name)
        return json.loads(opened(probe.info, path, kind, **arguments))

    return ask


def test_everything_of_an_mp4(make, info):
    path = make("a.mp4", f"{PICTURE} {SOUND} {H264} -c:a aac -ac 2 -ar 48000 -metadata:s:a:0 language=fra")
    found = info(path)
    video, audio = found.pop("streams")
    assert found.pop("playback")["how"] == "original"
    assert found == {
        "media_type": "video/mp4",
        "container": "mov,mp4,m4a,3gp,3g2,mj2",
        "duration": pytest.approx(2.0, abs=0.05),
        "stated_duration": pytest.approx(2.0, abs=0.05),
        "start_time": 0.0,
        "bit_rate": pytest.approx(path.stat().st_size * 8 / 2, rel=0.05),
        "size": path.stat().st_size,
        "chapters": [],
    }
    sync_samples = video.pop("sync_samples")
    assert sync_samples["times"] == [0.0]
    assert video == {
        "index": 0,
        "type": "video",
        "codec": "h264",
        "codecs": "avc1.42c00c",
        "decoded": True,
        "profile": "Constrained Baseline",
        "level": 12,
        "language": None,
        "title": None,
        "default": True,
        "forced": False,
        "start": 0.0,
        "duration": 2.0,
        "bit_rate": pytest.approx(sync_samples["bytes"][0] * 8 / 2, rel=0.01),
        "width": 320,
        "height": 180,
        "coded_width": 320,
        "coded_height": 180,
        "rotation": 0,
        "sample_aspect_ratio": "1/1",
        "frame_rate": "25/1",
        "variable": False,
        "pixel_format": "yuv420p",
        "bit_depth": 8,
        "interlaced": False,
        "hdr": None,
        "attached_picture": False,
    }
    assert audio == {
        "index": 1,
        "type": "audio",
        "codec": "aac",
        "codecs": "mp4a.40.2",
        "decoded": True,
        "profile": "LC",
        "language": "fra",
        "title": None,
        "default": True,
        "forced": False,
        "start": 0.0,
        "duration": pytest.approx(2.0, abs=0.03),
        "bit_rate": pytest.approx(128_000, rel=0.5),
        "channels": 2,
        "sample_rate": 48000,
    }


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


def test_a_recording_that_still_runs_lasts_as_long_as_what_is_there(ffmpeg, info, tmp_path):
    argv = [ffmpeg, "-v", "error", "-nostdin", *PICTURE.split(), *H264.split(), "-f", "matroska", "pipe:1"]
    path = tmp_path / "a.mkv"
    path.write_bytes(subprocess.run(argv, check=True, capture_output=True).stdout)
    found = info(path)
    assert (found["duration"], found["stated_duration"]) == (2.0, None)
    assert (found["streams"][0]["width"], found["streams"][0]["sync_samples"]) == (320, None)


@pytest.mark.parametrize("content", [b"", b"hello\n" * 1000, b"\0" * 5000, b"\x1aE\xdf\xa3" + b"\0" * 99])
def test_no_film(content, info, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    for kind in (None, "video/mp4", "video/x-matroska", "video/mpeg"):
        with pytest.raises(SourceUnusable) as caught:
            info(path, kind)
        assert caught.value.detail.endswith(".")
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


@pytest.mark.parametrize(
    ("options", "play", "how", "streams"),
    [
        ("a.mp4 {h264} -c:a aac", "aac,h264", "original", ["copy", "copy"]),
        ("a.mkv {h264} -c:a aac", "aac,h264", "remux", ["copy", "copy"]),
        ("a.mkv {h264} -c:a ac3", "aac,h264", "transcode", ["copy", "transcode"]),
        ("a.mkv {h264} -c:a ac3", "aac,ac3,h264", "remux", ["copy", "copy"]),
        ("a.mp4 {h264} -c:a aac", "", "transcode", ["transcode", "transcode"]),
        ("a.avi -c:v mpeg4 -c:a mp3", "h264,mp3", "transcode", ["transcode", "copy"]),
        ("a.webm -c:v libvpx -deadline realtime -c:a libvorbis", "vp8,vorbis", "original", ["copy", "copy"]),
        ("a.ts {h264} -c:a aac", "aac,h264", "transcode", ["transcode", "copy"]),
    ],
)
def test_how_it_is_played(options, play, how, streams, make, info):
    name, options = options.format(h264=H264).split(" ", 1)
    found = info(make(name, f"{PICTURE} {SOUND} {options}"), play=play)["playback"]
    assert found["how"] == how
    assert [stream["how"] for stream in found["streams"]] == streams
    assert all(told["why"].endswith(".") for told in (found, *found["streams"]))


def test_the_engine_of_all_sources_passes_on_what_a_client_plays(make, opened, picture):
    from tornado_media.engines import describe

    film = make("a.mkv", f"{PICTURE} {SOUND} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a ac3")
    found = json.loads(opened(describe.info, film, play="h264,ac3", exif="none", pixels=10**6, frames=9))
    assert found["playback"]["how"] == "remux"
    assert json.loads(opened(describe.info, film))["playback"]["how"] == "transcode"
    assert "playback" not in json.loads(opened(describe.info, picture("a.png"), play="h264,ac3"))


# -- decoders that are not listed ---------------------------------------------------------------------------


@pytest.fixture(params=["avi", "mkv", "mov"])
def magic(request, make):
    """A film of a codec whose decoder has let files run code; ours cannot, and is not asked to."""
    return make(f"magic.{request.param}", f"{PICTURE} {SOUND} -c:v magicyuv -c:a pcm_s16le")


def test_it_would_be_decoded_without_the_list(magic):
    """Else the tests after this would show nothing."""
    import av

    with av.open(str(magic)) as container:
        assert container.streams.video[0].codec_context.pix_fmt is not None
        assert next(container.decode(video=0)).width == 320


def test_what_is_not_listed_is_not_decoded(magic):
    import av

    from tornado_media.engines.probe import open_container

    source = os.open(magic, os.O_RDONLY)
    try:
        with open_container(source) as container:
            # not even to find out what it is
            assert container.streams.video[0].codec_context.pix_fmt is None
            with pytest.raises(av.FFmpegError):
                next(container.decode(video=0))
        os.lseek(source, 0, os.SEEK_SET)
        with open_container(source) as container:
            assert next(container.decode(audio=0)).samples > 0
    finally:
        os.close(source)


def test_it_is_told_that_it_is_not_decoded(magic, info):
    found = info(magic)
    video = next(stream for stream in found["streams"] if stream["type"] == "video")
    assert (video["codec"], video["decoded"], video["pixel_format"]) == ("magicyuv", False, None)
    assert (video["width"], video["height"]) == (320, 180)
    facts = VideoFacts.from_info(found)
    assert (facts.has_video, facts.has_audio) == (False, True)
    told = next(each for each in found["playback"]["streams"] if each["index"] == video["index"])
    assert told == {
        "index": video["index"],
        "how": "leave out",
        "why": "It is of a kind that is not decoded here.",
    }


@pytest.mark.parametrize("engine", ["frame:poster", "storyboard:storyboard", "preview:preview"])
def test_nor_is_it_for_pictures(engine, magic, opened):
    import importlib

    module, name = engine.split(":")
    function = getattr(importlib.import_module(f"tornado_media.engines.{module}"), name)
    with pytest.raises(SourceUnusable, match="magicyuv is not decoded"):
        opened(function, magic)


# -- what is broken -----------------------------------------------------------------------------------------

KINDS = {
    "a.mp4": f"{H264} -bf 2 -c:a aac",
    "front.mp4": f"{H264} -bf 2 -c:a aac -movflags +faststart",
    "pieces.mp4": f"{H264} -bf 2 -c:a aac -movflags +frag_keyframe+empty_moov",
    "a.mkv": f"{H264} -bf 2 -c:a aac",
    "live.mkv": f"{H264} -c:a aac -live 1",
    "a.avi": "-c:v mpeg4 -c:a mp3",
    "a.ts": "-c:v mpeg2video -c:a mp2",
    "a.flv": f"{H264} -c:a aac",
}
MOST = {"a.webm": "-c:v libvpx -deadline realtime -c:a libvorbis", "a.ogv": "-c:v libtheora -c:a libvorbis"}


@pytest.fixture(scope="session")
def broken(ffmpeg, tmp_path_factory):
    """`broken("a.mp4")`: the bytes of a film that are to be broken."""
    folder = tmp_path_factory.mktemp("broken")

    def read(name):
        path = folder / name
        if not path.exists():
            options = f"{PICTURE} {SOUND} {(KINDS | MOST)[name]}".split()
            subprocess.run([ffmpeg, "-v", "error", "-nostdin", *options, str(path)], check=True)
        return path.read_bytes()

    return read


def is_told_or_refused(info, path):
    try:
        found = info(path)
    except SourceUnusable as refused:
        assert refused.detail.endswith(".")
        assert "/" not in refused.detail
        return False
    facts = VideoFacts.from_info(found)
    assert facts.duration is None or facts.duration > 0
    return True


@pytest.mark.parametrize("name", KINDS)
def test_truncated_films(name, broken, info, tmp_path):
    content = broken(name)
    path = tmp_path / name
    for part in range(1, 20):
        path.write_bytes(content[: len(content) * part // 20])
        told = is_told_or_refused(info, path)
        if name == "a.mp4":
            assert not told  # what it is stands at its end
        elif part > 10:
            assert told


@pytest.mark.parametrize("name", KINDS)
def test_the_beginning_of_truncated_films(name, broken, info, tmp_path):
    content, path = broken(name), tmp_path / name
    for length in (*range(40), *range(40, 4000, 397)):
        path.write_bytes(content[:length])
        is_told_or_refused(info, path)


def _damage(content, chance):
    """One of the ways in which bytes go wrong."""
    way = chance.randrange(4)
    if way == 0:
        for _ in range(chance.choice((1, 10, 200, 2000))):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    elif way == 1:  # where headers are
        ends = min(len(content), chance.choice((200, 2000, 20_000)))
        for _ in range(10):
            content[chance.randrange(ends)] = chance.choice((0, 255, chance.randrange(256)))
            content[-1 - chance.randrange(ends)] = chance.randrange(256)
    elif way == 2:
        place = chance.randrange(len(content))
        del content[place : place + chance.randrange(5000)]
    else:
        place = chance.randrange(len(content))
        content[place : place + 500] = chance.randbytes(500)
    return content


@pytest.mark.parametrize(
    "seed", [*range(40), *(pytest.param(n, marks=pytest.mark.slow) for n in range(40, 500))]
)
def test_damaged_films(seed, broken, info, tmp_path):
    chance = random.Random(seed)
    name = [*KINDS, *MOST][seed % len(KINDS | MOST)] if seed >= 40 else [*KINDS][seed % len(KINDS)]
    path = tmp_path / name
    path.write_bytes(_damage(bytearray(broken(name)), chance))
    is_told_or_refused(info, path)


@pytest.mark.parametrize(
    "kind", ["video/mp4", "video/x-matroska", "video/x-msvideo", "video/mp2t", "video/mpeg"]
)
def test_noise(kind, info, tmp_path):
    path = tmp_path / "film"
    for seed in range(5):
        path.write_bytes(random.Random(seed).randbytes(20_000))
        with pytest.raises(SourceUnusable):
            info(path, kind)


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
        # with the demuxer of a type, and with any that is listed
        for kind in ("video/mp4", "video/mpeg"):
            with pytest.raises(SourceUnusable):
                info(path, kind)
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
