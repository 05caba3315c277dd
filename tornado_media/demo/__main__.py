"""`python -m tornado_media.demo FOLDER`: makes the demo folder, once, with a progress bar on stderr.

The files are made beside FOLDER and it appears when it is complete, by one rename: a run that was
interrupted leaves nothing that looks finished, and the next one begins again. Two runs at once: the second
waits for the first. A FOLDER that exists already keeps all its files; it only gets those it lacks.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from tornado_media.demo import PICTURES, VIDEOS, is_complete

Step = Callable[[Callable[[float], None]], None]
"""Makes one file, and calls its argument with how far it is, 0 to 1."""

WEIGHTS = {"clip.mkv": 12.0, "fractal.mp4": 7.0, "1.jpg": 3.0, "fractals/seahorse.jpg": 3.0}
"""Shares of the bar that differ from 1, about the seconds that each takes."""


@contextmanager
def only_one(parent: Path) -> Iterator[None]:
    """Holds a lock on a folder, which ends with this process however it ends, and leaves no file behind."""
    descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def steps(part: Path) -> dict[str, Step]:
    """What is to be done, the longest first."""
    from tornado_media.demo import (
        pictures,
        videos,
    )  # here, so that --help and a folder that is there cost nothing

    def picture(name: str) -> Step:
        def step(_: Callable[[float], None]) -> None:
            pictures.make_picture(name, part / name)

        return step

    def clip(progress: Callable[[float], None]) -> None:
        layers = part / ".layers"
        layers.mkdir()
        pictures.make_layers(layers)
        videos.encode(videos.clip(layers), videos.CLIP_SECONDS, part / "clip.mkv", progress)
        shutil.rmtree(layers)

    def fractal(progress: Callable[[float], None]) -> None:
        videos.encode(videos.fractal(), videos.FRACTAL_SECONDS, part / "fractal.mp4", progress)

    return {"clip.mkv": clip, "fractal.mp4": fractal, **{name: picture(name) for name in PICTURES}}


def make_files(part: Path, console: Console) -> None:
    """Makes every file of the demo in an empty folder, two at a time."""
    for name in PICTURES:
        (part / name).parent.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("Making the demo folder"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    todo, stopped = steps(part), threading.Event()
    with Progress(*columns, console=console) as bar, ThreadPoolExecutor(2) as executor:
        task = bar.add_task("", total=sum(WEIGHTS.get(name, 1.0) for name in todo))

        def run(name: str, step: Step) -> None:
            weight, shown = WEIGHTS.get(name, 1.0), 0.0

            def progress(part_done: float) -> None:
                nonlocal shown
                if stopped.is_set():  # an encoder that reports its progress is told here, and ended
                    raise CancelledError
                bar.advance(task, (part_done - shown) * weight)
                shown = part_done

            step(progress)
            progress(1.0)

        running = [executor.submit(run, name, step) for name, step in todo.items()]
        try:
            for future in as_completed(running):
                future.result()
        except BaseException:
            stopped.set()
            executor.shutdown(wait=False, cancel_futures=True)
            raise
        bar.update(task, completed=bar.tasks[task].total)  # a sum of fractions stays a little below


def publish(part: Path, folder: Path) -> None:
    """Turns the finished `part` into `folder`, or gives an existing one the files that it lacks."""
    if not folder.exists():
        part.rename(folder)
        return
    for name in PICTURES + VIDEOS:
        if not (folder / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).rename(folder / name)
    shutil.rmtree(part)


def make_demo(folder: Path, console: Console) -> None:
    """Makes the demo folder unless it is complete.

    Args:
        folder: where; its parents are made too.
        console: shows the progress.
    """
    if is_complete(folder):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with only_one(folder.parent):
        if is_complete(folder):  # another run made it while this one waited
            return
        part = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)  # of a run that was interrupted
        part.mkdir()
        try:
            make_files(part, console)
            publish(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def main() -> int:
    """The command: one argument, the folder."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print("usage: python -m tornado_media.demo FOLDER", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        make_demo(Path(sys.argv[1]).absolute(), Console(stderr=True))
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        print(f"The demo folder could not be made: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError:
        print("The demo folder could not be made: ffmpeg failed, and says why above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
