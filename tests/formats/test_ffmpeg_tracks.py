from __future__ import annotations

import io
import os
import runpy
import select
import subprocess
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import av
import pytest

from tornado_media.errors import SourceUnusable
from tornado_media.formats.facts import AudioStream, SubtitleStream, VideoFacts, VideoStream
from tornado_media.formats.tracks import AUDIO_TYPES, audio_only, subtitles
from tornado_media.formats.transcode import mp4

CLIPS = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "clips.py")))
PATIENCE = 20
"""Seconds after which what does not come is missed."""

NAMES = {"mp3float": "mp3"}


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "clips"
    folder.mkdir(exist_ok=True)
    return lambda name: CLIPS.make(name, folder)


def known(name, path):
    """What a perfect probe would find."""
    truth = CLIPS.CLIPS[name]
    with av.open(str(path)) as container:
        sounds = tuple(
            AudioStream(
                index=stream.index, codec=NAMES.get(stream.codec_context.name, stream.codec_context.name)
            )
            for stream in container.streams.audio
        )
        texts = tuple(
            SubtitleStream(index=stream.index, codec="subrip", text=True)
            for stream in container.streams.subtitles
        )
        codec = container.streams.video[0].codec_context.name if truth.picture else None
        demuxers = tuple(container.format.name.split(","))
    return VideoFacts(
        duration=truth.late + truth.seconds,
        has_video=truth.picture,
        has_audio=bool(sounds),
        width=truth.width,
        height=truth.height,
        frame_rate=truth.rate,
        demuxers=demuxers,
        interlaced=truth.fields,
        video=VideoStream(index=0, codec=codec) if truth.picture else None,
        audio=sounds,
        subtitles=texts,
    )


def made(ffmpeg, commands):
    (command,) = commands
    ended = subprocess.run([ffmpeg, *command[1:]], capture_output=True, stdin=subprocess.DEVNULL)
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout


def pitch(content, begin, end):
    """Hertz of a sound between two times, by its crossings of zero."""
    with av.open(io.BytesIO(content)) as container:
        frames = list(container.decode(audio=0))
    samples = [
        (frame.time + n / frame.sample_rate, value)
        for frame in frames
        if begin <= frame.time < end
        for n, value in enumerate(memoryview(frame.planes[0]).cast("B").cast("f")[: frame.samples])
    ]
    crossings = sum((a <= 0) != (b <= 0) for (_, a), (_, b) in pairwise(samples))
    return crossings / 2 / (samples[-1][0] - samples[0][0])


# -- sound by itself --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "format_"),
    [("surround.mkv", "m4a"), ("sound.mp3", "m4a"), ("offset.ts", "opus"), ("late.mkv", "m4a")],
)
def test_a_sound_is_encoded(name, format_, clip, ffmpeg):
    path, truth = clip(name), CLIPS.CLIPS[name]
    facts = known(name, path)
    stream = facts.audio[0].index
    content = made(
        ffmpeg, audio_only(str(path), facts, stream=stream, format=format_, copy=False, bit_rate=96)
    )
    assert content[4:8] == b"ftyp" if format_ == "m4a" else content[:4] == b"\x1a\x45\xdf\xa3"
    with av.open(io.BytesIO(content)) as container:
        assert [each.type for each in container.streams] == ["audio"]
        codec = container.streams.audio[0].codec_context
        assert (codec.name, codec.channels, codec.sample_rate) == (
            "aac" if format_ == "m4a" else "opus",
            2,
            48000,
        )
        times = [frame.time for frame in container.decode(audio=0)]
    assert times[0] == pytest.approx(0, abs=0.03)
    assert times[-1] == pytest.approx(truth.late + truth.seconds, abs=0.1)
    assert len(content) * 8 / times[-1] < 120_000


@pytest.mark.parametrize(
    ("name", "format_", "codec"),
    [
        ("plain.mkv", "m4a", "aac"),
        ("offset.ts", "m4a", "aac"),
        ("surround.mkv", "m4a", "ac3"),
        ("sound.mp3", "m4a", "mp3float"),
        ("plain.webm", "opus", "opus"),
        # what cannot be in such a file is encoded all the same
        ("plain.mkv", "opus", "opus"),
    ],
)
def test_a_sound_is_copied(name, format_, codec, clip, ffmpeg):
    path = clip(name)
    facts = known(name, path)
    sound = facts.audio[0]
    commands = audio_only(str(path), facts, stream=sound.index, format=format_, copy=True, bit_rate=96)
    same = sound.codec == NAMES.get(codec, codec)
    assert ("copy" in commands[0]) == same
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    with av.open(io.BytesIO(made(ffmpeg, commands))) as container:
        assert container.streams.audio[0].codec_context.name == codec
        copied = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    headed = 7 if name == "offset.ts" else 0  # ADTS
    assert not same or copied == [packet[headed:] for packet in packets]


@pytest.mark.slow
def test_the_second_sound_is_the_second(clip, ffmpeg):
    path = clip("tracks.mkv")
    facts = known("tracks.mkv", path)
    heard = []
    for sound in facts.audio:
        commands = audio_only(str(path), facts, stream=sound.index, format="m4a", copy=False, bit_rate=96)
        heard.append(pitch(made(ffmpeg, commands), 1.4, 1.9))
    assert heard == [pytest.approx(440, rel=0.03), pytest.approx(880, rel=0.03)]


def test_fragments_come_each_second(clip, ffmpeg):
    path = clip("sound.m4a")
    facts = known("sound.m4a", path)
    content = made(ffmpeg, audio_only(str(path), facts, stream=0, format="m4a", copy=True, bit_rate=96))
    assert 10 <= content.count(b"moof") <= 14


def test_a_sound_that_is_not_there(clip):
    path = clip("silent.mp4")
    with pytest.raises(SourceUnusable, match="no sound with index 0"):
        audio_only(str(path), known("silent.mp4", path), stream=0, format="m4a", copy=False, bit_rate=96)
    assert set(AUDIO_TYPES) == {"m4a", "opus"}


# -- sound and picture copied ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "copy_video", "copy_audio"),
    [
        ("plain.mkv", True, True),
        ("hevc.mp4", True, False),
        ("hevc.mp4", False, True),
        ("offset.ts", True, True),
        ("offset.ts", False, False),
        ("interlaced.ts", False, True),
    ],
)
def test_what_is_copied_is_not_encoded(name, copy_video, copy_audio, clip, ffmpeg):
    path, truth, start = clip(name), CLIPS.CLIPS[name], 5.0
    facts = known(name, path)
    commands = mp4(
        str(path),
        facts,
        start=start,
        height=90,
        video_bitrate=None,
        audio=facts.audio[0].index,
        copy_video=copy_video,
        copy_audio=copy_audio,
    )
    content = made(ffmpeg, commands)
    with av.open(io.BytesIO(content)) as container:
        picture, sound = container.streams.video[0].codec_context, container.streams.audio[0].codec_context
        assert (picture.height, picture.codec_tag == "hvc1") == (
            180 if copy_video else 90,
            copy_video and name == "hevc.mp4",
        )
        assert sound.channels == (1 if copy_audio else 2)
        frames = [(frame.time, frame) for frame in container.decode(video=0)]
    # of a copy of MPEG-TS, which has no index, there is nothing before the next sync sample
    shown = [(time, number_of(frame)) for time, frame in frames if time >= -0.001]
    late = 1.1 if copy_video and name.endswith(".ts") else 0.05
    assert shown[0][0] <= late
    for time, number in (shown[0], shown[len(shown) // 2], shown[-1]):
        assert truth.at(number) == pytest.approx(start + time, abs=0.045)
    assert shown[-1][1] == truth.frames - 1


def number_of(frame):
    gray = frame.reformat(format="gray")
    return CLIPS.read_number(bytes(gray.planes[0]), gray.width, gray.height, gray.planes[0].line_size)


# -- subtitles --------------------------------------------------------------------------------------------


def test_subtitles_of_a_language(clip, ffmpeg):
    path = clip("tracks.mkv")
    facts = known("tracks.mkv", path)
    texts = [
        made(ffmpeg, subtitles(str(path), facts, stream=each.index)).decode() for each in facts.subtitles
    ]
    cues = "WEBVTT\n\n" + "\n".join(
        f"00:0{n * 2}.500 --> 00:0{n * 2 + 1}.500\n{{word}} {n + 1}\n" for n in range(5)
    )
    assert texts == [cues.format(word="Satz"), cues.format(word="Sentence")]


def test_subtitles_come_as_they_are_found(clip, tmp_path, ffmpeg):
    """A source of which only a part has arrived: its cues are there, and the end is not."""
    path, fifo = clip("tracks.mkv"), tmp_path / "film.mkv"
    os.mkfifo(fifo)
    (command,) = subtitles(str(fifo), known("tracks.mkv", path), stream=3, media_type="video/x-matroska")
    content = path.read_bytes()
    with subprocess.Popen(
        [ffmpeg, *command[1:]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        with open(fifo, "wb", buffering=0) as source:
            source.write(content[: len(content) // 2])
            found = b""
            while b"Satz 2" not in found and select.select([process.stdout], [], [], PATIENCE)[0]:
                found += os.read(process.stdout.fileno(), 65536)
            source.write(content[len(content) // 2 :])
        rest = process.stdout.read()
    assert process.returncode == 0
    assert b"Satz 2" in found
    assert b"Satz 5" in rest
    assert b"Satz 5" not in found


def test_subtitles_that_are_none(clip):
    path = clip("tracks.mkv")
    facts = known("tracks.mkv", path)
    with pytest.raises(SourceUnusable, match="no subtitles with index 1"):
        subtitles(str(path), facts, stream=1)
    pictures = VideoFacts(subtitles=(SubtitleStream(index=2, codec="dvd_subtitle", text=False),))
    with pytest.raises(SourceUnusable, match="pictures, not text"):
        subtitles("/f", pictures, stream=2)
