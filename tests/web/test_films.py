"""What is made of films besides HLS, over a real socket: one piece, sound, text, small pictures."""

from __future__ import annotations

import io
import json
import runpy
import subprocess
from pathlib import Path

import pytest
from PIL import Image

clips = runpy.run_path(str(Path(__file__).parents[1] / "clips.py"))
CLIPS, make = clips["CLIPS"], clips["make"]


@pytest.fixture
def serve_clip(serve, source_folder, clips_folder):
    """`async with serve_clip("plain.mkv") as server`: films of `clips`."""

    def start(*names, **config):
        for name in names:
            (source_folder / name).hardlink_to(make(name, clips_folder))
        return serve(config)

    return start


@pytest.fixture
def streams_of(ffmpeg, tmp_path):
    """Codec, size or channels, and seconds of each stream of a content, which decodes without a complaint."""

    def read(content):
        import av

        path = tmp_path / "made"
        path.write_bytes(content)
        command = [ffmpeg, "-nostdin", "-v", "error", "-xerror", "-i", str(path), "-f", "null", "-"]
        decoded = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (decoded.returncode, decoded.stderr) == (0, "")
        with av.open(str(path)) as container:
            found = {}
            for packet in container.demux():
                if packet.pts is not None:
                    end = float((packet.pts + packet.duration) * packet.time_base)
                    found[packet.stream.index] = max(end, found.get(packet.stream.index, 0.0))
            return {
                stream.codec_context.name: (getattr(stream, "height", None), found[stream.index])
                for stream in container.streams
            }

    return read


@pytest.mark.parametrize(
    ("name", "query", "video", "audio"),
    [
        ("plain.mkv", "", "h264", "aac"),
        ("surround.mkv", "", "h264", "aac"),
        ("surround.mkv", "&play=h264,ac3", "h264", "ac3"),
        ("hevc.mp4", "&play=hevc,aac", "hevc", "aac"),
        ("hevc.mp4", "", "h264", "aac"),
        ("plain.webm", "&play=vp9,opus", "libvpx-vp9", "libopus"),
        ("tracks.mkv", "&audio=off", "h264", None),
        ("tracks.mkv", "&audio=en", "h264", "aac"),
        ("odd.avi", "", "h264", None),
        ("offset.ts", "", "h264", "aac"),
    ],
)
async def test_a_film_in_one_piece(serve_clip, streams_of, name, query, video, audio):
    async with serve_clip(name) as server:
        answer = await server.get(f"/{name}?preset=mp4{query}")
        assert (answer.status, answer.complete, answer.headers["Content-Type"]) == (200, True, "video/mp4")
        found = streams_of(answer.content)
        names = {"vp9": "libvpx-vp9", "opus": "libopus"}
        found = {names.get(codec, codec): what for codec, what in found.items()}
        assert set(found) == {video, audio} - {None}
        clip = CLIPS[name]
        assert found[video][1] == pytest.approx(clip.late + clip.seconds, abs=0.15)


@pytest.mark.parametrize(
    ("name", "query", "media_type", "codec"),
    [
        ("tracks.mkv", "", "audio/mp4", "aac"),
        ("tracks.mkv", "&audio=en&bit_rate=64", "audio/mp4", "aac"),
        ("surround.mkv", "", "audio/mp4", "aac"),
        ("plain.mkv", "&format=webm", "audio/webm", "opus"),
        ("plain.webm", "&format=webm", "audio/webm", "opus"),
        ("sound.mp3", "", "audio/mp4", "aac"),
        ("sound.m4a", "&format=webm&bit_rate=48", "audio/webm", "opus"),
        ("interlaced.ts", "", "audio/mp4", "aac"),
    ],
)
async def test_the_sound_alone(serve_clip, streams_of, name, query, media_type, codec):
    async with serve_clip(name) as server:
        answer = await server.get(f"/{name}?preset=audio{query}")
        assert (answer.status, answer.complete, answer.headers["Content-Type"]) == (200, True, media_type)
        ((found, (_, seconds)),) = streams_of(answer.content).items()
        assert found.removeprefix("lib") == codec
        assert seconds == pytest.approx(12, abs=0.15)


async def test_a_film_without_sound_has_none(serve_clip):
    async with serve_clip("silent.mp4") as server:
        answer = await server.get("/silent.mp4?preset=audio")
        assert (answer.status, "no sound" in answer.text) == (422, True)


async def test_subtitles(serve_clip):
    async with serve_clip("tracks.mkv", "plain.mkv") as server:
        info = json.loads((await server.get("/tracks.mkv?preset=info")).content)
        texts = [stream["index"] for stream in info["streams"] if stream["type"] == "subtitle"]
        assert len(texts) == 2
        for query, word in [("", "Satz 1"), (f"&stream={texts[1]}", "Sentence 1")]:
            answer = await server.get(f"/tracks.mkv?preset=subtitles{query}")
            assert answer.headers["Content-Type"] == "text/vtt"
            assert answer.text.startswith("WEBVTT\n\n00:00.500 --> 00:01.500\n" + word)
        assert (await server.get("/tracks.mkv?preset=subtitles&stream=0")).status == 400
        assert (await server.get("/plain.mkv?preset=subtitles")).status == 422


async def test_captions_beside_a_film(serve, source_folder):
    text = "1\r\n00:00:01,000 --> 00:00:02,000\r\nGrüße\r\n"
    (source_folder / "film.de.srt").write_bytes(text.encode("cp1252"))
    (source_folder / "film.ssa").write_text(
        "[Script Info]\n\n[Events]\nFormat: Start, End, Text\nDialogue: 0:00:03.00,0:00:04.00,{\\i1}so\n"
    )
    async with serve() as server:
        answer = await server.get("/film.de.srt?preset=captions")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/vtt")
        assert answer.text == "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nGrüße\n"
        answer = await server.get("/film.ssa?preset=captions")
        assert answer.text.endswith("<i>so</i>\n")
        assert (await server.get("/a.txt?preset=captions")).status == 422


async def test_pictures_of_a_film(serve_clip):
    async with serve_clip("plain.mkv") as server:
        sheet = await server.get("/plain.mkv?preset=storyboard&tiles=9")
        assert sheet.headers["Content-Type"] == "image/webp"
        assert Image.open(io.BytesIO(sheet.content)).size == (480, 270)
        sheet = await server.get("/plain.mkv?preset=storyboard&tiles=4&width=80&format=jpeg")
        assert sheet.headers["Content-Type"] == "image/jpeg"
        assert Image.open(io.BytesIO(sheet.content)).size == (160, 90)
        told = await server.get("/plain.mkv?preset=storyboard&tiles=9&format=vtt")
        assert told.headers["Content-Type"] == "text/vtt"
        assert told.text.count("?preset=storyboard&width=160&tiles=9#xywh=") == 9
        moving = await server.get("/plain.mkv?preset=preview")
        assert moving.headers["Content-Type"] == "image/webp"
        assert Image.open(io.BytesIO(moving.content)).n_frames == 30


async def test_info_says_how_it_is_played(serve_clip):
    async with serve_clip("surround.mkv", "plain.mp4") as server:
        for path, query, how in [
            ("surround.mkv", "", "transcode"),
            ("surround.mkv", "&play=h264,ac3", "remux"),
            ("plain.mp4", "", "original"),
            ("plain.mp4", "&play=vp9,opus", "transcode"),
        ]:
            info = json.loads((await server.get(f"/{path}?preset=info{query}")).content)
            assert info["playback"]["how"] == how
            assert info["playback"]["why"].endswith(".")
            assert [stream["index"] for stream in info["playback"]["streams"]] == [0, 1]
