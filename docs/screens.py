"""Takes the pictures of docs/player.md: the life of a page, from the gallery to a film and back.

    .venv/bin/python docs/screens.py                    docs/screens/*.webp, of the demo folder
    .venv/bin/python docs/screens.py FOLDER FILM OUT    of a film in a folder of yours, into a folder

It starts a server and a Chromium, which must be on the PATH.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

SCREENS = Path(__file__).with_name("screens")
WIDTH = 900
"""Pixels of a picture; pages are taken wider and made smaller, so that letters are smooth."""

_WIDE = ViewportSize(width=1200, height=790)
_NARROW = ViewportSize(width=360, height=640)
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
_VIDEO = "document.querySelector('video')"
_LOADED = "![...document.querySelectorAll('.tile')].some(({ dataset }) => dataset.state === 'loading')"
_address = re.compile(r"http://\S+?/")


@contextmanager
def server(folder: str | None) -> Iterator[str]:
    """A server of a folder, of the demo's where there is None; its address, with a slash at its end."""
    command = [sys.executable, "-m", "tornado_media", "serve", "--port", "0", *([folder] if folder else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield next(found[0] for line in process.stdout or () if (found := _address.search(line)))
        finally:
            process.terminate()


class Camera:
    """Takes what a page shows.

    Args:
        page: the page.
        out: the folder for the pictures.
    """

    def __init__(self, page: Page, out: Path) -> None:
        self.page, self.out = page, out

    def take(self, name: str, width: int = WIDTH) -> None:
        """Write `name`.webp."""
        taken = Image.open(io.BytesIO(self.page.screenshot()))
        image = taken.convert("RGB").resize(
            (width, round(taken.height * width / taken.width)), Image.Resampling.LANCZOS
        )
        image.save(self.out / f"{name}.webp", quality=72, method=6)

    def wait(self, expression: str) -> None:
        """Wait until this is true; the page's policy forbids the eval of `wait_for_function`."""
        while not self.page.evaluate(expression):
            self.page.wait_for_timeout(50)

    def gallery(self, address: str) -> None:
        """The gallery, when all of its pictures are there."""
        self.page.goto(address)
        self.tiles()

    def tiles(self) -> None:
        """Wait until all pictures of the gallery are there and no longer pale."""
        self.page.wait_for_selector(".tile")
        self.wait(_LOADED)
        self.page.wait_for_timeout(600)

    def film(self, name: str) -> None:
        """From the gallery into the player, until it plays."""
        self.page.locator(".tile", has_text=name).click()
        self.playing()

    def playing(self, seconds: float = 0.0) -> None:
        """Wait until a picture of after that time is shown."""
        shown = f"{_VIDEO}.readyState > 2 && !{_VIDEO}.seeking && {_VIDEO}.currentTime > {seconds}"
        self.wait(f"Boolean({_VIDEO}) && {shown}")

    def point(self, part: float) -> tuple[float, float]:
        """The pointer onto the bar, at a part of its width."""
        box = self.page.locator("#scrubber").bounding_box() or {"x": 0, "y": 0, "width": 0, "height": 0}
        at = (box["x"] + box["width"] * part, box["y"] + box["height"] / 2)
        self.page.mouse.move(at[0], at[1] - 200)  # wakes the controls
        self.page.mouse.move(*at)
        return at


def life(camera: Camera, address: str, name: str) -> None:
    """Gallery, player, seek, quality, back: on a wide screen."""
    page = camera.page
    camera.gallery(address)
    camera.take("gallery")
    camera.film(name)
    duration = page.evaluate("Number(document.getElementById('scrubber').ariaValueMax)")
    camera.playing(min(3.0, duration / 4))
    page.mouse.move(600, 300)
    camera.take("player")
    at = camera.point(0.62)
    page.wait_for_selector(".scrubber-picture:not([hidden])")
    page.wait_for_timeout(300)
    camera.take("seek")
    page.mouse.click(*at)
    camera.playing(duration * 0.6)
    page.locator("#quality").click()
    page.wait_for_timeout(300)
    camera.take("quality")
    page.keyboard.press("Escape")
    page.locator("#back").click()
    camera.tiles()
    camera.take("back")


def phone(camera: Camera, address: str, name: str) -> None:
    """The player in the dark, 360 pixels wide, with its menu open."""
    camera.page.goto(f"{address}-/play?source=/{name}#t=4")
    camera.playing(4)
    camera.take("phone", width=360)
    camera.page.locator("#more").tap()
    camera.page.wait_for_timeout(300)
    camera.take("phone-menu", width=360)


def main(folder: str | None = None, name: str = "clip.mkv", out: str = str(SCREENS)) -> None:
    """Take all, and say how large they are."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    Path(out).mkdir(exist_ok=True)
    with server(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        wide = browser.new_context(viewport=_WIDE)
        life(Camera(wide.new_page(), Path(out)), address, name)
        wide.close()
        narrow = browser.new_context(
            viewport=_NARROW, device_scale_factor=1.5, has_touch=True, is_mobile=True, color_scheme="dark"
        )
        phone(Camera(narrow.new_page(), Path(out)), address, name)
        browser.close()
    size = sum(path.stat().st_size for path in Path(out).glob("*.webp"))
    print(f"{len(list(Path(out).glob('*.webp')))} pictures, {size // 1024} KiB")


if __name__ == "__main__":
    main(*sys.argv[1:])
