"""A real server over a folder that is made here, and a real Chromium in front of it."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import imageio_ffmpeg
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

LAUNCH = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
]
STARTS_WITHIN = 30.0  # seconds; also the patience of every wait in the page
DURATION = 60
BITS = 6  # of the second that is painted into the video's picture, so that a test can read it there
ROUND = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300">'
    '<rect width="400" height="300" fill="#234"/><circle cx="200" cy="150" r="90" fill="#e63"/>'
    '<circle cx="200" cy="150" r="50" fill="#fd3"/><rect x="20" y="20" width="60" height="40" fill="#3c9"/>'
    '<rect x="300" y="200" width="90" height="60" fill="#93c"/></svg>'
)
ODD_NAME = "bild #1 100% & mehr?.jpg"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder needs the browser."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.needs("chromium"))


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("media")
    (root / "Holidays" / "Alps").mkdir(parents=True)
    (root / "Empty").mkdir()
    for number in range(5):
        paint(root / f"picture-{number}.jpg", 900 if number % 2 else 1600, 1200, number)
    paint(root / "drawing.png", 640, 480, 6)
    paint(root / ODD_NAME, 800, 600, 7)
    (root / "round.svg").write_text(ROUND)
    for number in range(3):
        paint(root / "Holidays" / f"day-{number}.jpg", 1200, 900, 10 + number)
    paint(root / "Holidays" / "Alps" / "alp.jpg", 700, 1000, 20)
    (root / "notes.txt").write_text("On the journey.\n")
    encode(root / "clip.mkv", DURATION, "640x360")
    encode(root / "short.mp4", 8, "320x240", "-pix_fmt", "yuv420p", "-movflags", "+faststart")
    tone = ["-f", "lavfi", "-i", "sine=frequency=330:duration=20", str(root / "tone.flac")]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *tone], check=True)
    return root


def paint(path: Path, width: int, height: int, seed: int) -> None:
    """A picture of bright stripes, so that no part of its thumbnail is blank."""
    image = Image.new("RGB", (width, height), (240, 240 - 10 * seed, 120))
    draw = ImageDraw.Draw(image)
    for at in range(0, width, 60):
        draw.rectangle(
            [at, 0, at + 30, height], fill=((seed * 53) % 256, (at * 7) % 256, (seed * 91 + at) % 256)
        )
    image.save(path)


def encode(path: Path, duration: int, size: str, *options: str) -> None:
    """A video with sound whose lower sixth shows the second: BITS cells, white is 1, lowest bit at left."""
    cells = ["drawbox=x=0:y=ih*5/6:w=iw:h=ih/6:color=black:t=fill"] + [
        f"drawbox=x=iw*{bit}/{BITS}:y=ih*5/6:w=iw/{BITS}:h=ih/6:color=white:t=fill"
        f":enable='eq(mod(floor(t/{2**bit}),2),1)'"
        for bit in range(BITS)
    ]
    pattern = f"testsrc2=size={size}:rate=25:duration={duration},{','.join(cells)}"
    inputs = ["-f", "lavfi", "-i", pattern, "-f", "lavfi", "-i", f"sine=frequency=440:duration={duration}"]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-c:a", "aac", "-b:a", "64k"]
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([ffmpeg, "-v", "error", *inputs, *codecs, *options, str(path)], check=True)


@pytest.fixture(scope="session")
def serve_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], str]]:
    """`serve_folder(path)`: the address of `tornado-media serve` over a folder, with a slash at its end."""
    with contextlib.ExitStack() as servers:
        yield lambda root: servers.enter_context(serving_folder(root, tmp_path_factory.mktemp("log")))


@contextlib.contextmanager
def serving_folder(root: Path, logs: Path) -> Iterator[str]:
    log = logs / "stderr"
    command = [sys.executable, "-m", "tornado_media", "serve", str(root), "--port", "0"]
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
    try:
        yield address_of(process, log)
    finally:
        process.terminate()
        process.communicate(timeout=STARTS_WITHIN)


@pytest.fixture(scope="session")
def server(media: Path, serve_folder: Callable[[Path], str]) -> str:
    """The address of a server of `media`; a module that serves another folder has a fixture of this name."""
    return serve_folder(media)


def address_of(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
            return found[0]
    pytest.fail(f"the server did not say where it listens:\n{log.read_text(errors='replace')}")


@pytest.fixture(scope="module")  # no longer: while its loop runs, no other test can run one
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=LAUNCH)
        yield browser
        browser.close()


@dataclass
class Tab:
    """One page and what its console has said."""

    page: Page
    server: str
    complaints: list[str] = field(default_factory=list)

    def open(self, address: str) -> Page:
        self.page.goto(self.server + address)
        return self.page


@pytest.fixture
def new_tab(chromium: Browser, server: str) -> Iterator[object]:
    """Makes a Tab; keyword arguments are those of a Playwright context. No test ends with a complaint."""
    contexts: list[BrowserContext] = []
    tabs: list[Tab] = []

    def make(**options: object) -> Tab:
        context = chromium.new_context(**{"viewport": {"width": 1200, "height": 800}, **options})
        contexts.append(context)
        context.set_default_timeout(STARTS_WITHIN * 1000)
        tab = Tab(context.new_page(), server)
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.page.on(
            "console",
            lambda message: (
                tab.complaints.append(message.text) if message.type in {"error", "warning"} else None
            ),
        )
        tabs.append(tab)
        return tab

    yield make
    complaints = [complaint for tab in tabs for complaint in tab.complaints]
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def tab(new_tab: object) -> Tab:
    return new_tab()
