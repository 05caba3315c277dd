"""Thumbnails a second, and what one costs: this server beside others that make them by URL.

    scripts/bench thumbnails [--quick] [FOLDER]

The same photos, the same box (300x200, inside), the same quality (80; ours 81, with as many bytes), every
request of its own size so that no cache and no sharing helps anybody, two processors for everyone and their
client. Photos are those of FOLDER, else of Debian's wallpapers. The servers are measured in turns, so that
other work on the machine hits all of them; CPU time is less sensitive to it than images/s.

    thumbor                  PyPI, two processes with half of the connections each
    ipx                      npm, sharp and libvips; one process with four threads
    nginx image_filter       Debian, gd, two workers; only JPEG to JPEG
    convert a request        ImageMagick as a preset of this server
    its bare engine          the function that our workers call, in two processes with no server

Thumbor and ipx are installed into $XDG_CACHE_HOME/tornado_media/bench at the first run. One that cannot be
had is left out and named. imgproxy and imagor are in no package of Debian, PyPI or npm.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import _common as common
from _load import Failed, ask, pin, used, watched
from _peers import Peer, bare, be_bare, find_convert, ipx, nginx, ours, thumbor
from _photos import KINDS, Photo, gather
from _programs import Missing
from _quality import BOX, Judged, judge

MIXED = "mixed"
ROWS = (*KINDS, MIXED)
US = "tornado_media"


@dataclass
class Cell:
    """What was measured of one server with one kind of photos.

    Args:
        passes: over all photos in one measurement, so that it takes long enough.
        rates: images/s of each measurement.
        costs: CPU ms for each image.
        memory: the most, in MiB.
        contents: the thumbnails of the first pass.
        judged: them, looked at.
    """

    passes: int = 1
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    memory: float = 0.0
    contents: dict[Photo, bytes] = field(default_factory=dict)
    judged: list[Judged] = field(default_factory=list)


class Bench:
    """All servers and what was measured of them."""

    def __init__(self, photos: Sequence[Photo], seconds: float) -> None:
        self.peers: list[Peer] = []
        self.missing: list[str] = []
        self.cells: dict[tuple[str, str], Cell] = {}
        self.rows = {kind: [p for p in photos if p.kind == kind] for kind in KINDS} | {MIXED: list(photos)}
        self.rows = {row: members for row, members in self.rows.items() if members}
        self._seconds = seconds
        self._asked: dict[str, int] = defaultdict(int)

    def start(self, stack: contextlib.ExitStack, begin: Callable[[], contextlib.AbstractContextManager[Peer]],
              name: str) -> None:  # fmt: skip
        """Start a server, or remember why not."""
        try:
            self.peers.append(stack.enter_context(begin()))
        except Missing as error:
            self.missing.append(f"{name} is left out: {error}")

    def look(self) -> None:
        """The first pass, which is not timed: memory, and thumbnails to be judged."""
        for peer in list(self.peers):
            with self._dropping(peer):
                for row, photos in self.rows.items():
                    if row != MIXED and row in peer.kinds:
                        self.cells[peer.name, row] = self._first(peer, photos)
                firsts = [self.cells.get((peer.name, row)) for row in self.rows if row != MIXED]
                if all(firsts):
                    self.cells[peer.name, MIXED] = together([cell for cell in firsts if cell])

    def _first(self, peer: Peer, photos: Sequence[Photo]) -> Cell:
        targets = {photo: peer.target(photo.path.name, photo.kind, BOX) for photo in photos}
        with watched(peer.pids) as seen:
            begun = common.now()
            answers = ask(peer.lines, list(targets.values()))
            taken = common.now() - begun
        passes = min(8, max(1, round(self._seconds / taken)))
        return Cell(passes=passes, memory=max(seen), contents={p: answers[targets[p]] for p in photos})

    def measure(self) -> None:
        """One round: every row of every server."""
        for row, photos in self.rows.items():
            for peer in list(self.peers):
                if cell := self.cells.get((peer.name, row)):
                    with self._dropping(peer):
                        self._measure(peer, cell, photos)

    def _measure(self, peer: Peer, cell: Cell, photos: Sequence[Photo]) -> None:
        targets = [target for _ in range(cell.passes) for target in self._targets(peer, photos)]
        before, begun = used(peer.pids), common.now()
        ask(peer.lines, targets)
        cell.rates.append(len(targets) / (common.now() - begun))
        cell.costs.append((used(peer.pids) - before) / len(targets) * 1e3)

    @contextlib.contextmanager
    def _dropping(self, peer: Peer) -> Iterator[None]:
        """A server that fails is left out from then on."""
        try:
            yield
        except Failed as error:
            self.peers.remove(peer)
            self.missing.append(f"{peer.name.strip()} is left out: {error}")
            self.cells = {key: cell for key, cell in self.cells.items() if key[0] != peer.name}

    def _targets(self, peer: Peer, photos: Sequence[Photo]) -> list[str]:
        """Every photo once, in a size that this server was not asked for yet: 301, 299, 302, 298, ..."""
        self._asked[peer.name] += 1
        number = self._asked[peer.name]
        more = (number + 1) // 2 * (1 if number % 2 else -1)
        box = BOX[0] + more, BOX[1] + more
        return [peer.target(photo.path.name, photo.kind, box) for photo in photos]

    def last(self) -> None:
        """Memory again, after all that work."""
        for peer in list(self.peers):
            if cell := self.cells.get((peer.name, MIXED)):
                with self._dropping(peer), watched(peer.pids) as seen:
                    ask(peer.lines, self._targets(peer, self.rows[MIXED]))
                cell.memory = max(cell.memory, *seen)

    def judge(self) -> None:
        """Compare the first thumbnails with the best ones."""
        for cell in self.cells.values():
            cell.judged = [judge(content, photo.path) for photo, content in cell.contents.items()]

    def tell(self, rounds: int) -> None:
        """Print everything."""
        for row, photos in self.rows.items():
            sizes = [photo.megapixels for photo in photos]
            made = sum(photo.made for photo in photos)
            title = f"{row}: {len(photos)} photos of {min(sizes):.1f} to {max(sizes):.1f} megapixels"
            title += f", {made} of them made from JPEGs" if made else ""
            names = [peer.name for peer in self.peers]
            columns = ["server", "images/s", "CPU ms", "peak MiB", "KB", "SSIM", "worst"]
            common.table(
                f"{title}; medians of {rounds}",
                columns,
                [[name, *self._figures(self.cells.get((name, row)))] for name in names],
            )
            self._compare(row)

    def _figures(self, cell: Cell | None) -> list[str]:
        if cell is None:
            return ["-"] * 6
        alike = [judged.ssim for judged in cell.judged]
        size = sum(map(len, cell.contents.values())) / len(cell.contents) / 1000
        return [
            f"{common.median(cell.rates):.1f}", f"{common.median(cell.costs):.1f}", f"{cell.memory:.0f}",
            f"{size:.1f}", f"{sum(alike) / len(alike):.4f}", f"{min(alike):.4f}",
        ]  # fmt: skip

    def _compare(self, row: str) -> None:
        cells = {name: cell for (name, of), cell in self.cells.items() if of == row}
        if US not in cells:
            return
        rate, cost = common.median(cells[US].rates), common.median(cells[US].costs)
        others = [name for name in cells if US not in name and not name.startswith(" ")]
        if others:
            best = max(others, key=lambda name: common.median(cells[name].rates))
            cheap = min(others, key=lambda name: common.median(cells[name].costs))
            faster = rate / common.median(cells[best].rates)
            dearer = cost / common.median(cells[cheap].costs)
            print(f"  {faster:.2f} times the images/s of {best}, {dearer:.2f} times the CPU time of {cheap}")
        for name, cell in cells.items():
            if name.startswith(" "):
                slower = common.median([a / b for a, b in zip(cell.rates, cells[US].rates, strict=True)]) - 1
                dearer = common.median([b / a for a, b in zip(cell.costs, cells[US].costs, strict=True)]) - 1
                print(f"  the server over its bare engine: {slower:+.0%} of time, {dearer:+.0%} of CPU time")

    def differences(self) -> list[str]:
        """In what somebody's thumbnails are not what was asked."""
        found: dict[tuple[str, str], int] = defaultdict(int)
        for (name, row), cell in self.cells.items():
            for judged in cell.judged if row != MIXED else ():
                for fault in judged.faults:
                    found[name, fault] += 1
        return [f"{name}: {fault} ({count} photos)" for (name, fault), count in found.items()]


def together(cells: Sequence[Cell]) -> Cell:
    """What the first pass over all kinds gave."""
    contents = {photo: content for cell in cells for photo, content in cell.contents.items()}
    return Cell(memory=max(cell.memory for cell in cells), contents=contents)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="FOLDER", help="with photos of 1 to 17 megapixels"
    )
    parser.add_argument("--quick", action="store_true", help="less than two minutes, rougher")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="of each measurement, about")
    parser.add_argument("--photos", type=int, help="of each kind")
    parser.add_argument(
        "--only", help="names of servers, with commas: ours kept bare thumbor ipx nginx convert"
    )
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        be_bare(arguments.bare)
        return
    quick = arguments.quick
    rounds = arguments.rounds or (3 if quick else 7)
    names = (arguments.only or "ours,kept,bare,thumbor,ipx,nginx,convert").split(",")
    if quick and not arguments.only:
        names.remove("kept")
    processors = pin(2)
    with common.folder() as folder, contextlib.ExitStack() as stack:
        folder.chmod(0o755)
        (folder / "photos").mkdir(mode=0o755)
        try:
            photos = gather(arguments.folder, folder / "photos", arguments.photos or (6 if quick else 8))
        except Missing as error:
            sys.exit(str(error))
        bench = Bench(photos, arguments.seconds or (0.4 if quick else 0.7))
        for name in names:
            bench.start(stack, functools.partial(begin, name, folder), name)
        bench.look()
        end = common.now() + (60 if quick else 240)
        done = 0
        while done < rounds and (done < 2 or common.now() < end):
            bench.measure()
            done += 1
        bench.last()
        bench.judge()
    print(f"{processors} processors for each server and the client.")
    for peer in bench.peers:
        print(f"  {peer.name.strip()} {peer.version}".rstrip())
    bench.tell(done)
    print()
    for line in [*bench.missing, *bench.differences()]:
        print(f"  {line}")
    print("  target: 1.5 times the best in the mixed row, 2 times with progressive JPEGs, behind nobody")
    print("  in any; SSIM as the best, KB within 10 %; at most 10 % over the bare engine")


def begin(name: str, folder: Path) -> contextlib.AbstractContextManager[Peer]:
    """Start a server by its short name."""
    photos = folder / "photos"
    starts: dict[str, Callable[[], contextlib.AbstractContextManager[Peer]]] = {
        "ours": lambda: ours(photos, folder / name),
        "kept": lambda: ours(photos, folder / name, kept=True),
        "bare": lambda: bare(photos, __file__),
        "thumbor": lambda: thumbor(photos, folder / name),
        "ipx": lambda: ipx(photos, folder / name),
        "nginx": lambda: nginx(photos, folder / name),
        "convert": lambda: ours(photos, folder / name, convert=find_convert()),
    }
    return starts[name]()


if __name__ == "__main__":
    sys.exit(main())
