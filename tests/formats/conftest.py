"""Small films of many kinds, made once by the bundled ffmpeg, and what is done to them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tornado_media.formats.facts import VideoFacts

PICTURE = "-f lavfi -i testsrc2=size={size}:rate={rate}:duration={seconds}"
SOUND = "-f lavfi -i sine=frequency=440:duration={seconds}"
H264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"

FILMS = {
    "plain.mp4": f"{PICTURE} {SOUND} {H264} -g 50 -c:a aac",
    "surround.mkv": f"{PICTURE} {SOUND} {H264} -g 500 -c:a aac -ac 6",
    "silent.mp4": f"{PICTURE} {H264}",
    "odd.mkv": "-f lavfi -i testsrc=size=175x99:rate=25:duration={seconds} -pix_fmt yuv420p -c:v ffv1",
    "squeezed.mp4": PICTURE.replace("{size}", "180x144") + f" {H264} -vf setsar=16/11",
    "film.avi": f"{PICTURE} {SOUND} -c:v mpeg4 -c:a mp3",
    "film.webm": f"{PICTURE} {SOUND} -c:v libvpx -deadline realtime -cpu-used 8 -c:a libvorbis",
    "film.ts": f"{PICTURE} {SOUND} -c:v mpeg2video -c:a mp2",
    "vfr.mkv": f"{PICTURE} {H264} -vf select='not(mod(n\\,3))+lt(n\\,20)' -fps_mode vfr",
    "long_sound.mp4": f"{PICTURE} {SOUND.replace('{seconds}', '5')} {H264} -c:a aac",
    "white.mp4": "-f lavfi -i color=white:size=320x180:rate=25:duration=1 " + H264,
    "fast.mp4": PICTURE.replace("{rate}", "120") + f" {H264}",
    "interlaced.mp4": f"{PICTURE} {H264} -flags +ilme+ildct -x264-params tff=1",
    "sound.m4a": f"{SOUND} -c:a aac",
}


def make(ffmpeg: str, arguments: str, path: Path) -> Path:
    """Run ffmpeg with arguments that hold {size}, {rate} and {seconds}."""
    filled = arguments.format(size="320x180", rate="25", seconds="3")
    subprocess.run([ffmpeg, "-v", "error", "-nostdin", "-y", *filled.split(), str(path)], check=True)
    return path


@pytest.fixture(scope="session")
def film(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`film("odd.mkv")`: its path; made when first asked for."""
    folder = tmp_path_factory.mktemp("films")

    def get(name: str) -> Path:
        path = folder / name
        if not path.exists() and name == "turned.mp4":
            turned = f"-display_rotation 90 -i {get('plain.mp4')} -c copy"
            make(ffmpeg, turned.replace("{", "{{"), path)
        elif not path.exists():
            make(ffmpeg, FILMS[name], path)
        return path

    return get


@pytest.fixture(scope="session")
def facts_of() -> Callable[[Path], VideoFacts]:
    """`facts_of(path)`: what the probe engine finds."""
    from tornado_media.engines import probe

    def facts(path: Path) -> VideoFacts:
        source = os.open(path, os.O_RDONLY)
        try:
            return VideoFacts.from_info(json.loads(probe.info(source, "video/mp4")))
        finally:
            os.close(source)

    return facts


@pytest.fixture
def run(ffmpeg: str) -> Callable[[tuple[tuple[str, ...], ...]], bytes]:
    """`run(commands)`: the stdout of the one command, which must end well and say nothing."""

    def execute(commands: tuple[tuple[str, ...], ...]) -> bytes:
        (command,) = commands
        assert command[0] == "ffmpeg"
        ended = subprocess.run([ffmpeg, *command[1:]], capture_output=True, stdin=subprocess.DEVNULL)
        assert (ended.returncode, ended.stderr.decode()) == (0, "")
        return ended.stdout

    return execute
