"""What every test gets: tools or a named skip, a watch over the log, a watch over leaks, a loop, media.

Each test fails when it logs a warning nobody expected, or leaves a descriptor, a child process, a thread
or an asyncio task behind. Warnings of Python are errors too (setup.cfg).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import logging
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import hypothesis
import imageio_ffmpeg
import pytest
from PIL import Image
from tornado.ioloop import IOLoop

pytest_plugins = ["pytester"]

# How long an example takes is the machine's affair.
hypothesis.settings.register_profile(
    "tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("quick", hypothesis.settings.get_profile("tests"), max_examples=20)

SETTLE = 2.0
"""Seconds that tasks and threads have to end by themselves after a test; a wait ends when they do."""

OTHER_NAMES = {
    "chromium": ("chromium-browser", "google-chrome"),
    # Debian has it outside of the PATH of a user who is not root.
    "nginx": ("/usr/sbin/nginx",),
}

OWN_TOOLS = Path(__file__).parents[1] / ".venv" / "conformance"
"""What `.ci/run` fetches from PyPI besides the packages of the tests: programs and archives."""


# -- tools: @pytest.mark.needs("chromium", "convert") ---------------------------------------------------


def find_tool(name: str) -> str | None:
    """The path of a program, under its own name or another that it goes by, or of what CI has fetched."""
    if (own := OWN_TOOLS / name).exists():
        return str(own)
    return next(filter(None, map(shutil.which, (name, *OTHER_NAMES.get(name, ())))), None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--strict-tools", action="store_true", help="a missing tool is a failure")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
        # Not for all tests: to make a loop and to look for what it leaves takes longer than most of them.
        item.fixturenames.append("io_loop")
    needed = [tool for marker in item.iter_markers("needs") for tool in marker.args]
    missing = [tool for tool in dict.fromkeys(needed) if find_tool(tool) is None]
    if missing:
        stop = pytest.fail if item.config.getoption("strict_tools") else pytest.skip
        stop(f"not installed: {', '.join(missing)}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section("not run here")
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        terminalreporter.line(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("quick" if "not slow" in config.getoption("markexpr") else "tests")


# -- slow: the suite that a developer runs takes less than three minutes -----------------------------------

FEW = {
    "tests/browser": 1, "tests/conformance": 1, "tests/engines": 2, "tests/formats/test_ffmpeg": 1,
    "tests/formats/test_media_types": 2, "tests/processes": 2, "tests/test_": 2, "tests/web": 1,
}  # fmt: skip
"""Where tests start programs or decode pictures: how many rows of each table are not slow."""


@pytest.hookimpl(tryfirst=True)  # before pytest looks for the marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rows: dict[str, list[pytest.Item]] = {}
    for item in items:
        rows.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for test, table in rows.items():
        few = next((n for start, n in FEW.items() if test.startswith(start)), len(table))
        quick = [item for item in table if item.get_closest_marker("slow") is None]
        # From the first to the last: a table begins with what is usual and ends with what is odd.
        kept = {round(place * (len(quick) - 1) / (few - 1)) for place in range(few)} if few > 1 else {0}
        for place, item in enumerate(quick):
            if place not in kept:
                item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """`tool("chromium")`: the path of a program that the test's marker `needs` has made sure of."""

    def path_of(name: str) -> str:
        path = find_tool(name)
        assert path is not None, f"mark the test: @pytest.mark.needs({name!r})"
        return path

    return path_of


# -- log: a WARNING or an ERROR that nobody expected fails the test ---------------------------------------


class ExpectedLog:
    """Log lines that a test provokes: at least one must come, any number may.

    `expect_log("pattern")` looks until the test ends; `with expect_log("pattern"):` until the block ends.
    """

    def __init__(self, pattern: str, level: str = "WARNING", logger: str = "") -> None:
        self.pattern, self.level, self.logger = re.compile(pattern), level, logger
        self.lines: list[str] = []
        self.closed = False

    def takes(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        fits = (
            not self.closed
            and record.levelname == self.level
            and f"{record.name}.".startswith(f"{self.logger}." if self.logger else "")
            and self.pattern.search(message) is not None
        )
        if fits:
            self.lines.append(message)
        return fits

    def close(self) -> None:
        self.closed = True
        if not self.lines:
            pytest.fail(f"no {self.level} was logged that matches {self.pattern.pattern!r}", pytrace=False)

    def __enter__(self) -> ExpectedLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        self.closed = True


class LogWatch(logging.Handler):
    """Keeps every line from WARNING up that no ExpectedLog takes."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        self.expected: list[ExpectedLog] = []
        self.unexpected: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        taken = [expected.takes(record) for expected in self.expected]
        if not any(taken):
            self.unexpected.append(self.format(record))


@pytest.fixture(autouse=True)
def log_watch() -> Iterator[LogWatch]:
    watch, root = LogWatch(), logging.getLogger()
    root.addHandler(watch)
    handlers, level = root.handlers[:], root.level
    yield watch
    # A test of the log's own configuration may have replaced them.
    root.handlers[:] = [handler for handler in handlers if handler is not watch]
    root.setLevel(level)
    if watch.unexpected:
        pytest.fail("logged, but not expected:\n" + "\n".join(watch.unexpected), pytrace=False)
    for expected in watch.expected:
        if not expected.closed:
            expected.close()


@pytest.fixture
def expect_log(log_watch: LogWatch) -> Callable[..., ExpectedLog]:
    """`expect_log(pattern, level="WARNING", logger="")`: this line is meant to come. See ExpectedLog."""

    def expect(pattern: str, level: str = "WARNING", logger: str = "") -> ExpectedLog:
        log_watch.expected.append(ExpectedLog(pattern, level, logger))
        return log_watch.expected[-1]

    return expect


# -- results that a server of a test keeps ----------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Servers that are told of no cache folder keep their results here, also those in other processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CACHE_DIRECTORY", raising=False)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("a file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


# -- leaks: what a test opens or starts, it closes or ends ------------------------------------------------


def open_descriptors() -> set[str]:
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the one that listed the folder
            found.add(f"descriptor {number}: {os.readlink(f'/proc/self/fd/{number}')}")
    return found


def child_processes() -> dict[int, str]:
    found = {}
    for children in Path("/proc/self/task").glob("*/children"):
        text = ""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that ends just now
            text = children.read_text()
        for pid in map(int, text.split()):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ").strip()
                zombie = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
                found[pid] = f"process {pid}: {'a zombie: nobody waited for it' if zombie else command}"
    return found


def end_process(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


CALL_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[CALL_FAILED] = item.stash.get(CALL_FAILED, False) or report.failed
    return report


def pytest_collection_finish() -> None:
    # Modules live as long as the run: out of the collector's sight, a collection costs 1 ms and not 60.
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest, log_watch: LogWatch) -> Iterator[None]:
    descriptors, processes, threads = open_descriptors(), child_processes(), set(threading.enumerate())
    yield
    gc.collect()
    # What pytest remembers of each test adds up, and every later collection would look at it again.
    gc.freeze()
    deadline = time.monotonic() + SETTLE
    for thread in set(threading.enumerate()) - threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    left_processes = {pid: name for pid, name in child_processes().items() if pid not in processes}
    left = sorted(open_descriptors() - descriptors) + list(left_processes.values())
    left += [f"thread {thread.name}" for thread in threading.enumerate() if thread not in threads]
    for pid in left_processes:
        end_process(pid)
    # The traceback of a failed test keeps its local variables alive: what it holds is not a leak.
    if left and not request.node.stash.get(CALL_FAILED, False):
        pytest.fail("left behind:\n" + "\n".join(left), pytrace=False)


async def leftover_tasks() -> list[str]:
    """Gives the loop's tasks SETTLE seconds to end, then cancels and names those that did not."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SETTLE
    while (tasks := asyncio.all_tasks() - {asyncio.current_task()}) and loop.time() < deadline:
        await asyncio.wait(tasks, timeout=deadline - loop.time(), return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()
    return [f"task {task.get_name()}: {task.get_coro()}" for task in tasks]


@pytest.fixture
def io_loop(request: pytest.FixtureRequest, no_leaks: None) -> Iterator[IOLoop]:
    """The loop of `async def` tests. The one of pytest-tornasync would close what a test left open."""
    loop = IOLoop(make_current=False)
    asyncio.set_event_loop(loop.asyncio_loop)
    yield loop
    left = loop.run_sync(leftover_tasks)
    asyncio.set_event_loop(None)
    loop.close()
    if left and not request.node.stash.get(CALL_FAILED, False):
        pytest.fail("left behind:\n" + "\n".join(left), pytrace=False)


# -- processes that a test starts ------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project without what is ignored by git, in a folder whose name has spaces."""
    root, copy = Path(__file__).parents[1], tmp_path / "a check out"
    ignored = (root / ".gitignore").read_text().split()
    names = shutil.ignore_patterns(".git", *(name.rstrip("/") for name in ignored))
    return Path(shutil.copytree(root, copy, symlinks=True, ignore=names))


@pytest.fixture
def serving() -> Iterator[Callable[..., str]]:
    """`serving([program, ...], **how_to_start)`: runs a server until the test ends; gives its address."""
    with contextlib.ExitStack() as stack:

        def serve(argv: list[str | Path], **how_to_start: Any) -> str:
            process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, **how_to_start)
            stack.enter_context(process)
            stack.callback(process.terminate)
            assert process.stdout is not None
            for line in process.stdout:
                if address := re.search(r"http://[^/\s]+", line):
                    return address[0]
            return pytest.fail(f"{argv} ended and printed no address")

        yield serve


# -- media: made here, once a run, when a test first asks -------------------------------------------------


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    """The path of the ffmpeg that comes with the package."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JPEG of 10 megapixels (3888x2592): gradients under the noise of a sensor, about 5 MB."""
    path, size = tmp_path_factory.mktemp("photo") / "1.jpg", (3888, 2592)
    gradient = Image.linear_gradient("L")
    light = Image.merge("RGB", [gradient.rotate(angle).resize(size) for angle in (0, 90, 180)])
    noise = Image.effect_noise((972, 648), 60).resize(size)
    Image.blend(light, noise.convert("RGB"), 0.25).save(path, quality=90)
    return path


@pytest.fixture(scope="session")
def clips_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where films of `tests/clips.py` are made, once for all tests; they only read them."""
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def clip_mkv(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str) -> Path:
    """60 s of a running clock: 640x360, 25 frames/s, H.264 in groups of 10 s, and a 440 Hz tone in AAC."""
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    inputs = "-f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=frequency=440 -t 60"
    video = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 250 -keyint_min 250 -sc_threshold 0"
    audio = "-c:a aac -ar 48000 -ac 2"
    command = f"-v error -nostdin {inputs} {video} {audio}"
    subprocess.run([ffmpeg, *command.split(), str(path)], check=True)
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """`picture("a.png", 640, 480, mode="RGBA", folder=None, **how_to_save)`; the name says the format."""

    def make(
        name: str = "picture.jpg",
        width: int = 640,
        height: int = 480,
        *,
        mode: str = "RGB",
        folder: Path | None = None,
        **how_to_save: Any,
    ) -> Path:
        path = (folder or tmp_path) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        bands = [Image.linear_gradient("L").rotate(90 * k).resize((width, height)) for k in range(len(mode))]
        image = bands[0] if mode == "L" else Image.merge(mode, bands)
        image.save(path, **how_to_save)
        return path

    return make


@pytest.fixture
def media_folder(tmp_path: Path, photo: Path, picture: Callable[..., Path]) -> Path:
    """A folder to serve: `1.jpg` (10 megapixels), `holiday/2.png` (with alpha), `hello.txt`."""
    folder = tmp_path / "media"
    picture("holiday/2.png", 300, 200, mode="RGBA", folder=folder)
    (folder / "hello.txt").write_text("hello\n")
    os.link(photo, folder / "1.jpg")
    return folder


_PICTURE = "-f lavfi -i testsrc2=size={size}:rate={rate}:duration={seconds}"
_SOUND = "-f lavfi -i sine=frequency=440:duration={seconds}"
_H264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"

_FILMS = {
    "plain.mp4": f"{_PICTURE} {_SOUND} {_H264} -g 50 -c:a aac",
    "surround.mkv": f"{_PICTURE} {_SOUND} {_H264} -g 500 -c:a aac -ac 6",
    "silent.mp4": f"{_PICTURE} {_H264}",
    "odd.mkv": "-f lavfi -i testsrc=size=175x99:rate=25:duration={seconds} -pix_fmt yuv420p -c:v ffv1",
    "squeezed.mp4": _PICTURE.replace("{size}", "180x144") + f" {_H264} -vf setsar=16/11",
    "film.avi": f"{_PICTURE} {_SOUND} -c:v mpeg4 -c:a mp3",
    "film.webm": f"{_PICTURE} {_SOUND} -c:v libvpx -deadline realtime -cpu-used 8 -c:a libvorbis",
    "film.ts": f"{_PICTURE} {_SOUND} -c:v mpeg2video -c:a mp2",
    "vfr.mkv": f"{_PICTURE} {_H264} -vf select='not(mod(n\\,3))+lt(n\\,20)' -fps_mode vfr",
    "long_sound.mp4": f"{_PICTURE} {_SOUND.replace('{seconds}', '5')} {_H264} -c:a aac",
    "white.mp4": "-f lavfi -i color=white:size=320x180:rate=25:duration=1 " + _H264,
    "fast.mp4": _PICTURE.replace("{rate}", "120") + f" {_H264}",
    "interlaced.mp4": f"{_PICTURE} {_H264} -flags +ilme+ildct -x264-params tff=1",
    "sound.m4a": f"{_SOUND} -c:a aac",
}


def _make_film(ffmpeg: str, arguments: str, path: Path) -> Path:
    """Run ffmpeg with arguments that hold {size}, {rate} and {seconds}."""
    filled = arguments.format(size="320x180", rate="25", seconds="3")
    subprocess.run([ffmpeg, "-v", "error", "-nostdin", "-y", *filled.split(), str(path)], check=True)
    return path


@pytest.fixture
def descriptor_of(tmp_path: Path) -> Iterator[Callable[[bytes], int]]:
    """`descriptor_of(content)`: an open descriptor of a file with it."""
    descriptors: list[int] = []

    def keep(content: bytes) -> int:
        path = tmp_path / f"source {len(descriptors)}"
        path.write_bytes(content)
        descriptors.append(os.open(path, os.O_RDONLY))
        return descriptors[-1]

    yield keep
    for descriptor in descriptors:
        os.close(descriptor)


@pytest.fixture(scope="session")
def film(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`film("odd.mkv")`: its path; made when first asked for."""
    folder = tmp_path_factory.mktemp("films")

    def get(name: str) -> Path:
        path = folder / name
        if not path.exists() and name == "turned.mp4":
            turned = f"-display_rotation 90 -i {get('plain.mp4')} -c copy"
            _make_film(ffmpeg, turned.replace("{", "{{"), path)
        elif not path.exists():
            _make_film(ffmpeg, _FILMS[name], path)
        return path

    return get
