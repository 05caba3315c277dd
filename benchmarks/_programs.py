"""Programs of others for benchmarks: fetched or installed once into a cache folder, started, ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import _common as common


class Missing(Exception):
    """Something cannot be had here; the message says why."""


def cache_folder() -> Path:
    """Where benchmarks keep what they fetch."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return cache / "tornado_media" / "bench"


def unpack(package: str, folder: Path) -> Path:
    """Fetch a Debian package, once, and unpack it without installing it.

    Raises:
        Missing: it cannot be had.
    """
    target = folder / package
    if target.is_dir():
        return target
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise Missing(f"{package} cannot be fetched: there is no apt-get here")
    folder.mkdir(parents=True, exist_ok=True)
    print(f"  fetching {package}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=folder, prefix="deb-") as name:
        partly = Path(name) / "unpacked"
        _run(["apt-get", "download", package], Path(name))
        (deb,) = Path(name).glob("*.deb")
        _run(["dpkg", "-x", str(deb), str(partly)])
        partly.rename(target)
    return target


def install(proof: Path, *commands: list[str]) -> None:
    """Run commands, unless they have run.

    Raises:
        Missing: they failed.
    """
    if proof.exists() and (proof.parent / ".installed").exists():
        return
    print(f"  installing {commands[-1][-1]}", file=sys.stderr)
    cache_folder().mkdir(parents=True, exist_ok=True)
    for argv in commands:
        _run(argv)
    (proof.parent / ".installed").touch()


def _run(argv: list[str], folder: Path | None = None) -> None:
    try:
        subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines()
        raise Missing(f"{' '.join(argv[:2])} {argv[-1]} failed: {said[-1] if said else error}") from error


def output(argv: list[str]) -> str:
    """What a program prints."""
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


@contextlib.contextmanager
def program(argv: list[str], port: int, **environment: str) -> Iterator[int]:
    """A server, once it accepts connections; its process id."""
    process = subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **environment}
    )
    with ended(process):
        deadline = common.now() + 30
        while True:
            with contextlib.suppress(ConnectionRefusedError), common.connect(port):
                break
            if process.poll() is not None or common.now() > deadline:
                raise Missing(f"{Path(argv[0]).name} did not start")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        yield process.pid


@contextlib.contextmanager
def ended(process: subprocess.Popen) -> Iterator[subprocess.Popen]:
    """A process that does not outlive its use."""
    try:
        yield process
    finally:
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        process.terminate()
        process.wait()


def free_port() -> int:
    """A port that is free now, for servers that cannot choose one."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
