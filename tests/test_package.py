"""The wheel, made from the sdist and installed elsewhere: presets, pages and everything else come with it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import urllib.request
import venv
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture
def wheel(checkout: Path, tmp_path: Path) -> Path:
    """Built without a network: the test extra has what the build needs."""
    argv: list[str | Path] = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        tmp_path / "dist",
        checkout,
    ]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next((tmp_path / "dist").glob("*.whl"))


@pytest.fixture
def programs(wheel: Path, tmp_path: Path) -> Path:
    """The programs of a new environment that has the wheel; it borrows the dependencies of ours."""
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "--disable-pip-version-check",
        "--quiet",
    ]
    subprocess.run([*pip, "install", "--no-index", "--no-deps", wheel], check=True)
    packages = next((environment / "lib").glob("python3*")) / "site-packages"
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def fetch(url: str) -> tuple[str, bytes]:
    with urllib.request.urlopen(url) as response:
        return response.headers["Content-Type"], response.read()


def test_wheel(wheel: Path, programs: Path, tmp_path: Path, serving: Callable[..., str]) -> None:
    pages = [path for path in (ROOT / "static").rglob("*") if path.is_file()]
    code = set((ROOT / "tornado_media").rglob("*.py"))
    with ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    assert pages
    assert {f"tornado_media/static/{path.relative_to(ROOT / 'static')}" for path in pages} <= packed
    assert {str(path.relative_to(ROOT)) for path in code} <= packed
    assert {"tornado_media/py.typed", "tornado_media/presets/builtin.toml"} <= packed
    assert any(name.endswith("/licenses/LICENSE") for name in packed)
    assert not [name for name in packed if not name.startswith(("tornado_media/", "tornado_media-"))]

    where = "import tornado_media; print(tornado_media.__file__)"
    found = subprocess.run(
        [programs / "python", "-c", where], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()).is_relative_to(tmp_path)

    argv = [str(programs / "tornado-media"), "presets"]
    presets = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert {"original", "thumbnail", "poster", "mp4"} <= {
        line.split()[0] for line in presets.stdout.splitlines()
    }

    (tmp_path / "media").mkdir()
    Image.new("RGB", (400, 300), "teal").save(tmp_path / "media" / "1.png")
    address = serving([programs / "tornado-media", "serve", "media", "--port", "0"], cwd=tmp_path)
    assert fetch(f"{address}/-/")[0].startswith("text/html")
    for path in pages:
        assert fetch(f"{address}/-/static/{path.relative_to(ROOT / 'static')}")[1] == path.read_bytes()
    kind, content = fetch(f"{address}/1.png?size=100x100")
    assert kind.startswith("image/")
    (tmp_path / "thumbnail").write_bytes(content)
    with Image.open(tmp_path / "thumbnail") as thumbnail:
        assert thumbnail.size == (100, 75)
