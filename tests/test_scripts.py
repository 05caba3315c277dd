"""The scripts, as somebody runs them who has just cloned the project, in a folder with spaces.

Nothing is downloaded: the copy's .venv sees the packages of the environment that runs the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import urllib.request
import venv
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

SCRIPTS = ("serve", "test", "check", "bench")
ROOT = Path(__file__).parents[1]


def fake_python(folder: Path, script: str) -> dict[str, str]:
    """An environment whose only Python is this shell script, named python3."""
    folder.mkdir()
    for name in ("sh", "dirname", "cat", "cksum"):
        real = next(path for where in os.defpath.split(":") if (path := Path(where) / name).exists())
        (folder / name).symlink_to(real)
    (folder / "python3").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "python3").chmod(0o755)
    return {"PATH": str(folder), "HOME": str(folder)}


@pytest.fixture
def ready(checkout: Path) -> tuple[Path, dict[str, str]]:
    """A copy with a .venv into which nothing must be downloaded, and the environment for its scripts."""
    venv.create(checkout / ".venv", symlinks=True)
    packages = next((checkout / ".venv" / "lib").glob("python3*")) / "site-packages"
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return checkout, {**os.environ, "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}


@pytest.mark.parametrize("name", [*SCRIPTS, "_environment", "../.ci/run"])
def test_shell_can_read_it(name: str) -> None:
    shell = "bash" if name.startswith("../") else "sh"
    subprocess.run([shell, "-n", str(ROOT / "scripts" / name)], check=True)


@pytest.mark.parametrize("name", SCRIPTS)
def test_may_be_run(name: str) -> None:
    assert os.access(ROOT / "scripts" / name, os.X_OK)


def test_old_python(checkout: Path, tmp_path: Path) -> None:
    old = 'if [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi'
    environment = fake_python(tmp_path / "bin", old)
    done = subprocess.run([checkout / "scripts" / "serve"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "needs Python 3.11 or newer; python3 is Python 3.9.2." in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_ensurepip(checkout: Path, tmp_path: Path) -> None:
    script = f'case "$*" in *ensurepip*) exit 1;; esac; exec "{sys.executable}" "$@"'
    environment = fake_python(tmp_path / "bin", script)
    done = subprocess.run([checkout / "scripts" / "serve"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_serve(ready: tuple[Path, dict[str, str]], serving: Callable[..., str], tmp_path: Path) -> None:
    root, environment = ready
    (tmp_path / "my pictures").mkdir()
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "my pictures" / "1.png")
    argv = [root / "scripts" / "serve", "my pictures", "--port", "0"]
    # Not from the project's folder: DIR belongs to the folder that the caller is in.
    address = serving(argv, env=environment, cwd=tmp_path)
    with urllib.request.urlopen(f"{address}/1.png") as response:
        assert response.headers["Content-Type"] == "image/png"


@pytest.mark.slow
def test_installs_once_and_again_when_setup_cfg_changes(ready: tuple[Path, dict[str, str]]) -> None:
    root, environment = ready

    def said() -> str:
        argv = [str(root / "scripts" / "serve"), "--help"]
        done = subprocess.run(argv, env=environment, cwd="/", capture_output=True, text=True, check=True)
        assert "Usage: tornado-media serve" in done.stdout
        return str(done.stderr)

    assert said().startswith("Installing tornado_media into ")
    assert said() == ""
    with (root / "setup.cfg").open("a") as config:
        config.write("\n")
    assert said().startswith("Installing tornado_media into ")


@pytest.mark.slow
def test_test_and_bench(ready: tuple[Path, dict[str, str]]) -> None:
    root, environment = ready
    (root / "tests" / "test_it.py").write_text(
        "import pytest\n@pytest.mark.needs('no-such-tool')\ndef test_it(): pass\n"
    )
    (root / "benchmarks" / "greet.py").write_text("import sys\nprint('hello', *sys.argv[1:])\n")

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        command = [str(root / "scripts" / argv[0]), *argv[1:]]
        return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True)

    lenient = run("test", "tests/test_it.py")
    assert lenient.returncode == 0, lenient.stdout + lenient.stderr
    assert "not run here" in lenient.stdout
    assert "1 skipped" in lenient.stdout
    strict = run("test", "--strict", "tests/test_it.py")
    assert strict.returncode == 1
    assert "not installed: no-such-tool" in strict.stdout
    bench = run("bench", "greet", "--times", "3")
    assert bench.stdout == "== greet\nhello --times 3\n"
