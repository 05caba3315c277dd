"""The demo folder: it is made once, whole, and never at the cost of a file that was there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tornado_media.demo import PICTURES, VIDEOS, demo_folder, is_complete

FORMATS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}


def start(folder: Path) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "tornado_media.demo", str(folder)]
    return subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by two runs at the same time, after one that was interrupted."""
    folder = tmp_path_factory.mktemp("cache") / "demo"
    left = folder.with_name(".demo.part")
    left.mkdir()
    (left / "half.mkv").write_bytes(b"half")
    for run in [start(folder), start(folder)]:
        stderr = run.communicate()[1]
        assert run.returncode == 0, stderr
    return folder


@pytest.mark.parametrize(
    ("cache", "expected"),
    [
        ("/var/tmp/x", "/var/tmp/x/tornado_media"),
        ("", "/h/.cache/tornado_media"),
        ("rel", "/h/.cache/tornado_media"),
    ],
)
def test_demo_folder(monkeypatch: pytest.MonkeyPatch, cache: str, expected: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    monkeypatch.setenv("HOME", "/h")
    assert demo_folder().parent == Path(expected)


def test_empty_folder_is_not_complete(tmp_path: Path) -> None:
    assert not is_complete(tmp_path)


@pytest.mark.slow
def test_all_files_are_there_and_nothing_else(demo: Path) -> None:
    assert is_complete(demo)
    found = {str(path.relative_to(demo)) for path in demo.rglob("*") if path.is_file()}
    assert found == {*PICTURES, *VIDEOS}
    assert [path.name for path in demo.parent.iterdir()] == ["demo"]
    assert sum((demo / name).stat().st_size for name in found) < 60_000_000


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_picture(demo: Path, name: str) -> None:
    with Image.open(demo / name) as image:
        image.load()
        assert image.format == FORMATS[Path(name).suffix]
        grays = [gray for gray, count in enumerate(image.convert("L").histogram()) if count]
        assert max(grays) - min(grays) > 100, "nearly of one colour"


@pytest.mark.slow
def test_photo_has_10_megapixels_and_bubbles_an_alpha_channel(demo: Path) -> None:
    with Image.open(demo / "1.jpg") as photo, Image.open(demo / "bubbles.png") as bubbles:
        assert photo.width * photo.height >= 10_000_000
        assert bubbles.mode == "RGBA"
        assert bubbles.getchannel("A").getextrema() == (0, 255)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "seconds", "codecs"),
    [("clip.mkv", "00:01:00.00", ("mpeg4", "ac3")), ("fractal.mp4", "00:00:12.00", ("h264", "aac"))],
)
def test_video(demo: Path, ffmpeg: str, name: str, seconds: str, codecs: tuple[str, str]) -> None:
    argv = [ffmpeg, "-hide_banner", "-nostats", "-xerror", "-i", str(demo / name), "-f", "null", "-"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert f"Duration: {seconds}" in done.stderr
    found = tuple(re.findall(r"Stream #0.*?(?:Video|Audio): (\w+)", done.stderr))
    assert found[:2] == codecs


@pytest.mark.slow
def test_second_run_does_nothing(demo: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in demo.rglob("*")}
    run = start(demo)
    assert run.communicate()[1] == ""
    assert run.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in demo.rglob("*")} == before


def test_publish_keeps_what_is_there(tmp_path: Path) -> None:
    from tornado_media.demo.__main__ import publish

    part, folder = tmp_path / "part", tmp_path / "mine"
    for name in PICTURES + VIDEOS:
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        (part / name).write_text("of the demo")
    folder.mkdir()
    (folder / "1.jpg").write_text("mine")
    (folder / "letter.txt").write_text("mine too")
    publish(part, folder)
    assert is_complete(folder)
    assert (folder / "1.jpg").read_text() == "mine"
    assert (folder / "letter.txt").read_text() == "mine too"
    assert (folder / "clip.mkv").read_text() == "of the demo"
    assert not part.exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = start(tmp_path / "file" / "demo")
    stderr = run.communicate()[1]
    assert run.returncode == 1
    assert stderr.startswith("The demo folder could not be made: ")
    assert len(stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [[], ["--help"], ["a", "b"]])
def test_usage(arguments: list[str]) -> None:
    argv = [sys.executable, "-m", "tornado_media.demo", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "usage: python -m tornado_media.demo FOLDER\n"


def test_positions() -> None:
    from tornado_media.demo.videos import positions

    report = ["frame=1\n", "out_time_us=N/A\n", "out_time_us=1500000\n", "progress=end\n"]
    assert list(positions(iter(report))) == [1.5]
