from __future__ import annotations

import io
import subprocess
from fractions import Fraction
from itertools import pairwise

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.errors import BadRequest, SourceUnusable
from tornado_media.formats.facts import VideoFacts
from tornado_media.formats.ffmpeg import DEMUXERS, mp4

FACTS = VideoFacts(duration=60.0, width=1920, height=1080, frame_rate=Fraction(25))
FILMS = ["plain.mp4", "surround.mkv", "silent.mp4", "odd.mkv", "film.avi", "film.webm", "film.ts", "vfr.mkv"]


def option(commands, name):
    (command,) = commands
    return command[command.index(name) + 1]


def size_of(commands):
    scale = next(part for part in option(commands, "-vf").split(",") if part.startswith("scale="))
    width, height = scale.removeprefix("scale=").split(":")[:2]
    return int(width), int(height)


def an_mp4(facts=FACTS, start=0.0, height=720, video_bitrate=None, audio=True):
    return mp4(
        "/films/-a %d.mkv", facts, start=start, height=height, video_bitrate=video_bitrate, audio=audio
    )


# -- what is said ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("commands", [an_mp4(), an_mp4(start=3.0)])
def test_every_command_keeps_to_its_file(commands):
    (command,) = commands
    source = command.index("-i")
    for name, value in (("-protocol_whitelist", "file,pipe"), ("-format_whitelist", DEMUXERS)):
        assert command.index(name) < source
        assert option(commands, name) == value
    assert command[0] == "ffmpeg"
    assert "-nostdin" in command
    assert command[source + 1] == "file:/films/-a %d.mkv"
    assert command[-1] == "pipe:1"
    assert all(isinstance(argument, str) for argument in command)


def test_no_demuxer_of_playlists():
    listed = DEMUXERS.split(",")
    assert not {"hls", "dash", "concat", "sdp", "image2", "imf", "lavfi", "tee"}.intersection(listed)


@pytest.mark.parametrize(
    ("shown", "height", "size"),
    [
        ((1920, 1080), 720, (1280, 720)),
        ((1920, 1080), 1081, (1920, 1080)),
        ((640, 360), 1080, (640, 360)),
        ((175, 99), 720, (174, 98)),
        ((1080, 1920), 720, (404, 720)),
        ((1, 1), 720, (2, 2)),
        ((1920, 1080), 145, (256, 144)),
    ],
)
def test_an_mp4_has_even_sizes_and_is_never_enlarged(shown, height, size):
    assert size_of(an_mp4(VideoFacts(width=shown[0], height=shown[1]), height=height)) == size


@given(st.integers(2, 20000), st.integers(2, 20000), st.integers(1, 5000))
def test_sizes_of_any_mp4(width, height, wanted):
    out_width, out_height = size_of(an_mp4(VideoFacts(width=width, height=height), height=wanted))
    assert out_width % 2 == out_height % 2 == 0
    assert 2 <= out_width <= width
    assert 2 <= out_height <= max(2, min(height, wanted))


@pytest.mark.parametrize("time", [60.0, 61.5])
def test_times_past_the_end(time):
    with pytest.raises(BadRequest, match=r"start=.*60 seconds"):
        an_mp4(start=time)


def test_no_video():
    facts = VideoFacts(duration=60.0, has_video=False)
    with pytest.raises(SourceUnusable, match="no video"):
        an_mp4(facts)
    with pytest.raises(SourceUnusable, match="size"):
        an_mp4(VideoFacts(duration=60.0))


def test_rates():
    assert option(an_mp4(video_bitrate=800), "-b:v") == "800k"
    assert "-crf" not in an_mp4(video_bitrate=800)[0]
    assert [option(an_mp4(height=h), "-maxrate") for h in (144, 720, 1080)] == ["500k", "3500k", "6500k"]
    assert option(an_mp4(), "-crf") == "23"


def test_sound_is_left_out():
    assert "0:a:0?" in an_mp4()[0]
    assert not {"0:a:0?", "-c:a", "-af"}.intersection(an_mp4(audio=False)[0])


# -- what comes of it -------------------------------------------------------------------------------------


def decode(ffmpeg, content):
    argv = [ffmpeg, "-nostdin", "-v", "error", "-xerror", "-i", "-", "-f", "null", "-"]
    ended = subprocess.run(argv, input=content, capture_output=True)
    assert (ended.returncode, ended.stderr.decode()) == (0, "")


@pytest.mark.parametrize("name", [*FILMS, "turned.mp4", "squeezed.mp4", "fast.mp4", "interlaced.mp4"])
@pytest.mark.parametrize("start", [0.0, 1.37])
def test_an_mp4_of_every_film(name, start, film, facts_of, run, ffmpeg):
    path = film(name)
    facts = facts_of(path)
    content = run(mp4(str(path), facts, start=start, height=120, video_bitrate=None, audio=True))
    decode(ffmpeg, content)
    with av.open(io.BytesIO(content)) as container:
        assert [stream.type for stream in container.streams] == ["video"] + ["audio"] * facts.has_audio
        video = container.streams.video[0]
        assert video.codec_context.name == "h264"
        assert video.codec_context.pix_fmt == "yuv420p"
        assert video.height == min(120, facts.height // 2 * 2)
        assert abs(video.width / video.height - facts.width / facts.height) < 0.03
        frames = [(frame.time, frame.rotation) for frame in container.decode(video)]
    times = [time for time, _ in frames]
    # where frames last 120 ms, or a seek lands on the next sync sample, the first is later
    assert times[0] == pytest.approx(0.0, abs=0.13 if name in ("vfr.mkv", "film.ts") else 0.045)
    assert times[-1] == pytest.approx(facts.duration - start, abs=0.2)
    assert all(later > earlier for earlier, later in pairwise(times))
    assert {rotation for _, rotation in frames} == {0}
    if name == "fast.mp4":
        assert len(times) <= 61 * (facts.duration - start)


def test_sound_is_stereo_and_in_step(film, facts_of, run):
    facts = facts_of(film("surround.mkv"))
    content = run(mp4(str(film("surround.mkv")), facts, start=1.2, height=120, video_bitrate=300, audio=True))
    with av.open(io.BytesIO(content)) as container:
        assert container.streams.audio[0].channels == 2
        assert next(container.decode(video=0)).time == 0
        container.seek(0)
        assert next(container.decode(audio=0)).time == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("rest", [0.001, 0.02, 0.3])
def test_an_mp4_of_the_last_fraction_of_a_second(rest, film, facts_of, run, ffmpeg):
    path = film("silent.mp4")
    facts = facts_of(path)
    content = run(
        mp4(str(path), facts, start=facts.duration - rest, height=120, video_bitrate=None, audio=True)
    )
    decode(ffmpeg, content)
    with av.open(io.BytesIO(content)) as container:
        assert next(container.decode(video=0)).time == 0


def boxes(content):
    position, found = 0, []
    while position < len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        found.append((content[position + 4 : position + 8].decode(), length))
        position += length
    return found


def test_fragments_are_short(film, facts_of, run):
    path = film("plain.mp4")
    content = run(mp4(str(path), facts_of(path), start=0, height=120, video_bitrate=None, audio=True))
    kinds = [kind for kind, _ in boxes(content)]
    assert kinds[:4] == ["ftyp", "moov", "moof", "mdat"]
    # 3 s of film in fragments of at most 200 ms
    assert kinds.count("moof") == kinds.count("mdat") >= 15
    with av.open(io.BytesIO(content)) as container:
        sync = [p.pts * p.time_base for p in container.demux(video=0) if p.size and p.is_keyframe]
    assert sync == [0, 2]


def test_metadata_is_left_out(film, facts_of, run, ffmpeg, tmp_path):
    named = tmp_path / "named.mp4"
    argv = [ffmpeg, "-v", "error", "-i", film("silent.mp4"), "-c", "copy", "-metadata", "title=At home"]
    subprocess.run([*argv, str(named)], check=True, stdin=subprocess.DEVNULL)
    assert b"At home" in named.read_bytes()
    facts = facts_of(named)
    assert b"At home" not in run(mp4(str(named), facts, start=0, height=120, video_bitrate=None, audio=True))
