"""Photographs for benchmarks: out of Debian's packages of wallpapers, or out of a folder of the user.

They are real ones, and none is in the repository: packages are fetched once, into the cache folder. Left out
are those that servers may honestly show in different ways (transparent parts, EXIF orientation), and what is
not a photograph's size.
"""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from _programs import Missing, cache_folder, unpack
from PIL import Image, UnidentifiedImageError

PACKAGES = ("mate-backgrounds", "gnome-backgrounds", "lomiri-wallpapers-16.04", "lomiri-wallpapers-20.04",
            "ukui-wallpapers")  # fmt: skip
PROGRESSIVE, BASELINE, PNG, WEBP = KINDS = ("progressive JPEG", "baseline JPEG", "PNG", "WebP")
JPEGS = (PROGRESSIVE, BASELINE)
SUFFIXES = {PROGRESSIVE: "jpg", BASELINE: "jpg", PNG: "png", WEBP: "webp"}
FEWEST = 3
"""A kind with fewer photos is filled up from JPEGs."""


@dataclass(frozen=True)
class Photo:
    """A source.

    Args:
        path: where it is; its name is that in URLs.
        kind: one of `KINDS`.
        size: width and height in pixels.
        made: it was made from a JPEG.
    """

    path: Path
    kind: str
    size: tuple[int, int]
    made: bool = False

    @property
    def megapixels(self) -> float:
        """Millions of pixels."""
        return self.size[0] * self.size[1] / 1e6


def gather(given: Path | None, folder: Path, most: int) -> list[Photo]:
    """Photos of every kind, in a folder of their own with short names.

    Args:
        given: a folder with pictures; None takes those of `PACKAGES`.
        folder: where to put them.
        most: of progressive JPEGs, and of baseline ones; of the others three quarters of it.

    Raises:
        Missing: there are none.
    """
    found = [photo for path in _files(given or _packages()) if (photo := look(path))]
    chosen: list[Photo] = []
    for kind in KINDS:
        share = most if kind in JPEGS else most * 3 // 4
        chosen += _spread([photo for photo in found if photo.kind == kind], share)
    jpegs = [photo for photo in chosen if photo.kind in JPEGS]
    for kind in (PNG, WEBP):
        missing = FEWEST - sum(photo.kind == kind for photo in chosen)
        chosen += [_make(photo, kind, folder) for photo in _spread(jpegs, max(0, missing))]
    if not chosen:
        raise Missing(f"no photos of 1 to 17 megapixels in {given or 'the packages'}")
    return [_place(photo, folder, number) for number, photo in enumerate(chosen)]


def look(path: Path) -> Photo | None:
    """What a file is, if it is a photo that can be used."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            kind = {"PNG": PNG, "WEBP": WEBP, "JPEG": BASELINE}.get(image.format or "")
            usual = image.getexif().get(0x0112, 1) == 1 and getattr(image, "n_frames", 1) == 1
            if kind is None or not usual or not 1e6 <= image.width * image.height <= 17e6:
                return None
            if image.mode not in ("RGB", "RGBA") or (image.mode == "RGBA" and not _opaque(image)):
                return None
            if kind == BASELINE and image.info.get("progressive"):
                kind = PROGRESSIVE
            return Photo(path, kind, image.size)
    except (UnidentifiedImageError, OSError, SyntaxError):
        return None


def _opaque(image: Image.Image) -> bool:
    extrema = image.getchannel("A").getextrema()
    return extrema == (255, 255)


def _files(root: Path) -> list[Path]:
    suffixes = {".jpg", ".jpeg", ".png", ".webp"}
    return sorted(
        p for p in root.rglob("*") if p.suffix.lower() in suffixes and not p.is_symlink() and p.is_file()
    )


def _spread(photos: Sequence[Photo], most: int) -> list[Photo]:
    """At most so many, from small to large files, evenly."""
    ordered = sorted(photos, key=lambda photo: (photo.path.stat().st_size, photo.path.name))
    count = min(most, len(ordered))
    return [ordered[k * (len(ordered) - 1) // max(1, count - 1)] for k in range(count)]


def _make(photo: Photo, kind: str, folder: Path) -> Photo:
    path = folder / f"made-{len(list(folder.iterdir()))}.{SUFFIXES[kind]}"
    with Image.open(photo.path) as image:
        image.save(path, quality=90)
    return Photo(path, kind, photo.size, made=True)


def _place(photo: Photo, folder: Path, number: int) -> Photo:
    path = folder / f"{number:02}.{SUFFIXES[photo.kind]}"
    shutil.copyfile(photo.path, path)
    path.chmod(0o644)  # nginx's workers are somebody else when root runs this
    return Photo(path, photo.kind, photo.size, photo.made)


def _packages() -> Path:
    folder = cache_folder() / "photos"
    for package in PACKAGES:
        try:
            unpack(package, folder)
        except Missing as error:
            print(f"  {error}", file=sys.stderr)
    if not folder.is_dir():
        raise Missing(f"no photos: name a FOLDER with some, or run this where apt-get has {PACKAGES[0]}")
    return folder
