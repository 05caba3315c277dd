"""HLS on demand beside the raw ffmpeg command: the first segment, a whole film, a copy, a storyboard.

    first segment, and after a seek   at most 1.15 times the raw command plus 15 ms, from the request on
    a whole film                      at least 0.97 of the raw command's speed
    a segment that is copied          at most 100 ms
    a storyboard of ten minutes       against decoding every frame

The raw command is the very one that the server runs (`tornado-media render --dry-run`), read from a pipe.
Both in turn, in one run. Each round has a name of its own for the film, so nothing of it is kept; what the
probe finds is asked for before, as a player does, and told in a row of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import _common as common
from first_fragment import raw

HEIGHTS = (360, 720)
SEEK = 15
"""The segment after a seek: 30 s into the film, in the middle of a group of 10 s."""

COPIED_WITHIN = 0.1


def argv_of(clip: Path, **parameters: object) -> list[str]:
    """The raw command of a segment."""
    command = [sys.executable, "-m", "tornado_media", "render", "segment", str(clip), "--dry-run"]
    command += [f"{name}={value}" for name, value in parameters.items()]
    return shlex.split(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def get(port: int, path: str, **parameters: object) -> tuple[float, bytes]:
    """Seconds of a request, from the connection on, and the content."""
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    start = common.now()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}?{query}") as answer:
        content = answer.read()
    return common.now() - start, content


def children_seconds() -> float:
    """Processor seconds of the programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Names:
    """New names for one film: to the server each is another one."""

    def __init__(self, clip: Path) -> None:
        self._clip, self._count = clip, 0

    def next(self) -> str:
        """A name nobody has asked for."""
        self._count += 1
        name = f"{self._count}-{self._clip.name}"
        os.link(self._clip, self._clip.parent / name)
        return name


def first_segments(port: int, clip: Path, names: Names, rounds: int) -> Iterator[list[str]]:
    """Rows of the first segment of a run."""
    for height in HEIGHTS:
        for number in (0, SEEK):
            command, raws, serveds, unknown = argv_of(clip, height=height, number=number), [], [], []
            raw(command)
            for _ in range(rounds):
                raws.append(raw(command))
                name = names.next()
                unknown.append(get(port, name, preset="info")[0])
                serveds.append(get(port, name, preset="segment", height=height, number=number)[0])
                # Its run would go on for some seconds, beside the next round.
                urllib.request.urlopen(
                    urllib.request.Request(f"http://127.0.0.1:{port}/{name}", method="DELETE")
                ).close()
            limit = 1.15 * common.median(raws) + 0.015
            yield [
                f"{height} lines, {'from the start' if number == 0 else 'after a seek'}",
                *(f"{1000 * common.median(times):.0f}" for times in (raws, serveds, unknown)),
                f"{1000 * limit:.0f}",
                "met" if common.median(serveds) <= limit else "MISSED",
            ]


def whole_film(port: int, clip: Path, names: Names, height: int, rounds: int) -> list[str]:
    """The row of all segments one after the other, against the raw command; the ratio is of each round."""
    command, raws, serveds = argv_of(clip, height=height, number=0), [], []
    for _ in range(rounds):
        start = common.now()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        raws.append(common.now() - start)
        name = names.next()
        playlist = get(port, name, preset="playlist", height=height)[1].decode()
        start = common.now()
        for number in range(playlist.count("#EXTINF")):
            get(port, name, preset="segment", height=height, number=number)
        serveds.append(common.now() - start)
    ratio = common.median([raw / served for raw, served in zip(raws, serveds, strict=True)])
    return [
        f"{height} lines, the whole film",
        f"{common.median(raws):.2f}",
        f"{common.median(serveds):.2f}",
        f"{ratio:.3f}",
        "met" if ratio >= 0.97 else "MISSED",
    ]


def copied(port: int, clip: Path, names: Names, rounds: int) -> list[str]:
    """The row of a segment that is copied, each time another one of a name nobody asked for."""
    name = names.next()
    playlist = get(port, name, preset="playlist", stream=0, copy="on")[1].decode()
    count = playlist.count("#EXTINF")
    asked = {"preset": "segment", "stream": 0, "copy": "on"}
    times = [get(port, name, **asked, number=number)[0] for number in range(min(rounds, count))]
    met = "met" if common.median(times) <= COPIED_WITHIN else "MISSED"
    return [f"median of {len(times)}", f"{1000 * common.median(times):.0f}", f"{1000 * max(times):.0f}", met]


def storyboard(port: int, names: Names, clip: Path) -> list[str]:
    """The row of a storyboard, against decoding every frame."""
    start, before = common.now(), children_seconds()
    subprocess.run(
        [common.ffmpeg(), "-v", "error", "-nostdin", "-i", str(clip), "-an", "-f", "null", "-"], check=True
    )
    decoded, decoding = common.now() - start, children_seconds() - before
    seconds, content = get(port, names.next(), preset="storyboard")
    return [
        f"{decoded:.2f}",
        f"{decoding:.2f}",
        f"{seconds:.2f}",
        f"{decoded / seconds:.1f}",
        f"{len(content)}",
    ]


def copy_of(clip: Path, height: int) -> Path:
    """The film under another name, as another file."""
    return Path(shutil.copy(clip, clip.with_stem(f"{clip.stem}-{height}")))


def films(folder: Path) -> tuple[Path, Path, Path]:
    """A minute in groups of 10 s, a minute in groups of 2 s, ten minutes."""
    clip = common.make_clip(folder)
    short, long = folder / "short.mkv", folder / "long.mkv"
    make = [common.ffmpeg(), "-v", "error", "-nostdin"]
    groups = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "copy"]
    subprocess.run([*make, "-i", str(clip), *groups, str(short)], check=True)
    subprocess.run([*make, "-stream_loop", "9", "-i", str(short), "-c", "copy", str(long)], check=True)
    return clip, short, long


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    arguments = parser.parse_args()
    with common.folder() as folder:
        clip, short, long = films(folder)
        configuration = folder / "bench.toml"
        configuration.write_text(
            f'[sources.films]\nroot = "{folder}"\n[cache]\nfolder = "{folder}/cache"\n[server]\nport = 0\n'
        )
        serve = ("serve", "--config", str(configuration), "--log-level", "ERROR")
        with common.server("-m", "tornado_media", *serve) as (_, port):
            get(port, clip.name, preset="info")
            tables = {
                f"The first segment of a run, ms, medians of {arguments.rounds}": (
                    ["what", "raw", "server", "probe before", "limit", ""],
                    list(first_segments(port, clip, Names(clip), arguments.rounds)),
                ),
                f"All segments, s, medians of {arguments.rounds}": (
                    ["what", "raw", "server", "speed of raw", ""],
                    [whole_film(port, clip, Names(copy_of(clip, h)), h, arguments.rounds) for h in HEIGHTS],
                ),
                "A segment that is copied, ms": (
                    ["", "median", "longest", ""],
                    [copied(port, short, Names(short), arguments.rounds)],
                ),
                "A storyboard of ten minutes": (
                    ["every frame, s", "its processor, s", "storyboard, s", "times faster", "bytes"],
                    [storyboard(port, Names(long), long)],
                ),
            }
    if arguments.json:
        print(json.dumps({title: rows for title, (_, rows) in tables.items()}))
        return
    for title, (columns, rows) in tables.items():
        common.table(title, columns, rows)


if __name__ == "__main__":
    sys.exit(main())
