"""All kinds of films in a real browser: each plays, the right picture is there at each time, and it ends.

The films of `tests/clips.py` carry a number in each frame, which is read back from a canvas. With the
environment variable TORNADO_MEDIA_CLIPS, a folder, every video in it is tried as well: which frame is seen
there is told by what ffmpeg makes of the file.
"""

from __future__ import annotations

import base64
import os
import re
import runpy
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import imageio_ffmpeg
import pytest

TESTS = Path(__file__).parents[1]
clips = SimpleNamespace(**runpy.run_path(str(TESTS / "clips.py")))
wait_for = runpy.run_path(str(Path(__file__).with_name("waiting.py")))["wait_for"]
REAL = Path(os.environ.get("TORNADO_MEDIA_CLIPS", os.devnull))
VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mpg", ".wmv", ".flv", ".ogv")

VIDEO = "document.querySelector('video')"
CLOCK = "Number(document.getElementById('scrubber').ariaValueNow)"
STATE = "document.getElementById('stage').dataset.state"
SMALL = (32, 18)
"""Width and height of pictures that are compared."""

# What is seen: the number that is burnt in, and a small picture as RGB in base64.
LOOK = f"""(video) => {{
  const canvas = document.createElement('canvas');
  const draw = (width, height) => {{
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext('2d', {{ willReadFrequently: true }});
    context.imageSmoothingQuality = 'high';
    context.drawImage(video, 0, 0, width, height);
    return context;
  }};
  draw(video.videoWidth, video.videoHeight);
  const number = ({clips.READ_NUMBER_JS})(canvas);
  const {{ data }} = draw({SMALL[0]}, {SMALL[1]}).getImageData(0, 0, {SMALL[0]}, {SMALL[1]});
  const colours = data.filter((value, at) => at % 4 < 3);
  return {{ number, picture: btoa(String.fromCharCode(...colours)) }};
}}"""
# Frames as they are shown, each with its time: `count` of them, `apart` seconds from each other.
WATCH = f"""([count, apart]) => new Promise((resolve) => {{
  const video = {VIDEO};
  const seen = [];
  const look = (now, {{ mediaTime }}) => {{
    if (!seen.length || mediaTime >= seen.at(-1).seconds + apart)
      seen.push({{ seconds: mediaTime, ...({LOOK})(video) }});
    if (seen.length < count) video.requestVideoFrameCallback(look);
    else resolve(seen);
  }};
  video.requestVideoFrameCallback(look);
}})"""
FRAMES = "-f rawvideo -pix_fmt rgb24 -fps_mode passthrough pipe:1"


@dataclass(frozen=True)
class Numbered:
    """A film of `tests/clips.py`."""

    name: str

    @property
    def clip(self):
        return clips.CLIPS[self.name]

    @property
    def frame(self) -> float:
        """Seconds: no screen of ours has more than 60 frames a second."""
        return max(float(1 / self.clip.rate), 1 / 60)

    @property
    def still(self) -> float:
        """Seconds for which the first frame stands."""
        return self.clip.late

    @property
    def duration(self) -> float:
        return CUT_OFF.get(self.name) or self.clip.late + self.clip.seconds

    def seen(self, look, near) -> int:
        """Which frame this is; `near` seconds is where it should be."""
        return look["number"]

    def wanted(self, seconds, near) -> int:
        """Which frame should be seen."""
        return self.clip.seen_at(seconds)


class Real:
    """A film of which nothing is known: ffmpeg tells. A frame is a count of milliseconds."""

    still = None

    def __init__(self, path: Path) -> None:
        self.path, self.name, self._windows = path, path.name, {}
        self._ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
        said = self._run("-i", path, check=False, text=True).stderr  # it wants an output, but tells before
        self.frame = 1 / float(re.search(r"([\d.]+) (?:fps|tbr)", said)[1])
        hours, minutes, seconds = re.search(r"Duration: (\d+):(\d+):([\d.]+)", said).groups()
        self.duration = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        self.start = float(re.search(r"start: (-?[\d.]+)", said)[1])

    def seen(self, look, near) -> int:
        pictures = self._window(near)
        seen = base64.b64decode(look["picture"])
        unlike = {time: sum(abs(one - other) for one, other in zip(seen, picture, strict=True))
                  for time, picture in pictures.items()}  # fmt: skip
        # Where nothing moves many frames are alike: the nearest of those.
        least = min(unlike.values()) + len(seen)
        return min(
            (time for time in unlike if unlike[time] <= least), key=lambda time: abs(time - near * 1000)
        )

    def wanted(self, seconds, near) -> int:
        times = sorted(self._window(near))
        return max((time for time in times if time <= seconds * 1000 + 1), default=times[0])

    def _window(self, near) -> dict[int, bytes]:
        if near not in self._windows:
            begin = max(0.0, near - 1)
            size = f"scale={SMALL[0]}:{SMALL[1]}:flags=area,showinfo"
            where = ["-ss", str(begin), "-t", "2.5", "-copyts", "-i", self.path, "-map", "0:V:0"]
            made = self._run(*where, "-vf", size, *FRAMES.split())
            times = re.findall(r" pts_time:(-?[\d.]+)", made.stderr.decode(errors="replace"))
            length = SMALL[0] * SMALL[1] * 3
            pictures = [made.stdout[at : at + length] for at in range(0, len(made.stdout), length)]
            pairs = zip(times, pictures, strict=False)  # the filter is told of frames after the end, too
            self._windows[near] = {round((float(time) - self.start) * 1000): one for time, one in pairs}
        return self._windows[near]

    def _run(self, *arguments, check=True, text=False):
        argv = [self._ffmpeg, "-hide_banner", "-nostdin", *map(str, arguments)]
        return subprocess.run(argv, capture_output=True, check=check, text=text)


FILMS = {
    "plain.mp4": "original",
    "plain.mkv": "mse",
    "hevc.mp4": "native",
    "ten_bits.mkv": "native",
    "hdr10.mkv": "native",
    "hlg.mkv": "native",
    "odd.avi": "native",
    "odd.mkv": "native",
    "turned.mp4": "original",
    "squeezed.mp4": "original",
    "halting.mkv": "mse",
    "interlaced.ts": "native",
    "surround.mkv": "mse",
    "tracks.mkv": "mse",
    "silent.mp4": "original",
    "early.ts": "native",
    "offset.ts": "native",
    "edited.mp4": "mse",
    "late.mkv": "native",
    "says_more.mkv": "mse",
    "says_less.mkv": "mse",
    "plain.webm": "original",
    "old.avi": "native",
    "television.mp4": "original",
    "smooth.mp4": "original",
    "fast.mp4": "original",
    "long_group.mkv": "mse",
    "growing.mkv": "native",
    "growing.mp4": "original",
    "half.mp4": "mse",
}
"""The way that the player takes by itself, in a Chromium without HEVC."""

CUT_OFF = {"growing.mkv": 7.32, "growing.mp4": 8.04, "half.mp4": 7.0}
"""Seconds until the last whole frame of a film of which only the first part is there."""

QUICK = {("turned.mp4", "mse")}
"""One that is always tried: its picture is encoded, its sound comes in a rendition of its own."""


def cases():
    real = sorted(path for path in REAL.glob("*") if path.suffix in VIDEOS)
    for name, usual in FILMS.items():
        for way in dict.fromkeys([usual, "native", "mse"]):
            marks = [] if (name, way) in QUICK else [pytest.mark.slow]
            yield pytest.param(Numbered(name), way, way == usual, id=f"{name}-{way}", marks=marks)
    for path in real:
        for way in (None, "native", "mse"):
            name = f"{path.name}-{way or 'itself'}"
            yield pytest.param(Real(path), way, way is None, id=name, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="module")
def server(folder, serve_folder):
    return serve_folder(folder)


@pytest.fixture
def put(folder, clips_folder):
    """`put(film)`: its file into the folder that is served."""

    def into(film):
        if not (path := folder / film.name).exists():
            if isinstance(film, Numbered):
                path.hardlink_to(clips.make(film.name, clips_folder))
            else:
                shutil.copy(film.path, path)

    return into


def open_player(tab, name, way):
    page = tab.open(f"-/play?source=/{name}" + (f"&player={way}" if way else ""))
    wait_for(page, f"{STATE} === 'playing' && {VIDEO}.readyState > 2")
    return page


def way_of(page):
    """How it is played, as one sees from outside."""
    address = page.evaluate(f"{VIDEO}.src")
    return "mse" if address.startswith("blob:") else "native" if "preset=hls" in address else "original"


def look(page):
    return page.evaluate(f"() => ({LOOK})({VIDEO})")


def assert_shown(film, look, seconds, near=None, late=0.0):
    """The frame that was seen is the one of this time, or one beside it, or `late` seconds from it."""
    near = seconds if near is None else near
    frames = [film.wanted(seconds + off, near) for off in (-film.frame - late, film.frame + late)]
    assert frames[0] <= film.seen(look, near) <= frames[1], f"at {seconds} s"


def assert_comes(page, film, seconds):
    """The player is there; its picture comes with one of the next frames that a busy machine draws."""
    for _ in range(100):
        try:
            assert_shown(film, look(page), seconds)
        except AssertionError:
            page.evaluate("() => new Promise(requestAnimationFrame)")
        else:
            return
    assert_shown(film, look(page), seconds)


def go_to(page, seconds):
    """Seeks, and waits until the picture of there is shown."""
    page.evaluate("(hash) => { location.hash = hash; }", f"#t={seconds:.3f}")
    there = f"Math.abs({VIDEO}.currentTime - {seconds}) < 0.02 && !{VIDEO}.seeking && {VIDEO}.readyState > 1"
    wait_for(page, there)
    assert abs(page.evaluate(CLOCK) - seconds) < 0.11  # it is told in tenths


@pytest.mark.parametrize(("film", "way", "usual"), list(cases()))
def test_a_film_plays_seeks_and_ends(tab, put, film, way, usual):
    put(film)
    page = open_player(tab, film.name, None if usual else way)
    assert film.still is None or way_of(page) == way
    shown = page.evaluate(WATCH, [5, 0.2 + (film.still or 0)])
    for each in shown:
        # While it plays, a busy machine draws another frame than the one that it was told of.
        assert_shown(film, each, each["seconds"], near=1, late=0.25)
    assert len({film.seen(each, 1) for each in shown}) >= 4  # it moves
    assert (
        abs(page.evaluate("Number(document.getElementById('scrubber').ariaValueMax)") - film.duration) < 0.15
    )

    page.keyboard.press("k")
    wait_for(page, f"{VIDEO}.paused")
    for part in (0.1, 0.9, 0.5):
        seconds = round(film.duration * part, 3)
        go_to(page, seconds)
        assert_comes(page, film, seconds)

    go_to(page, round(film.duration - 1, 3))
    page.keyboard.press("k")
    wait_for(page, f"{STATE} === 'ended' && {VIDEO}.ended")
    assert_comes(page, film, film.duration)
    assert abs(page.evaluate(CLOCK) - film.duration) < 0.15
    # A browser that meets the place where the file is cut off gives up, and the player takes another way.
    assert film.still is None or film.name in CUT_OFF or way_of(page) == way


@pytest.mark.slow
@pytest.mark.parametrize("way", ["original", "native", "mse"])
@pytest.mark.parametrize("name", ["sound.m4a", "sound.mp3"])
def test_a_sound_plays_seeks_and_ends(tab, put, name, way):
    put(Numbered(name))
    page = open_player(tab, name, None if way == "original" else way)
    assert way_of(page) == way
    wait_for(page, f"{CLOCK} > 0.5 && {VIDEO}.webkitAudioDecodedByteCount > 0")
    assert abs(page.evaluate("Number(document.getElementById('scrubber').ariaValueMax)") - 12) < 0.1
    page.keyboard.press("k")
    wait_for(page, f"{VIDEO}.paused")
    for seconds in (1.2, 10.8, 6):
        go_to(page, seconds)
    go_to(page, 11)
    page.keyboard.press("k")
    wait_for(page, f"{STATE} === 'ended' && {VIDEO}.ended")
    assert abs(page.evaluate(CLOCK) - 12) < 0.1
    assert way_of(page) == way
