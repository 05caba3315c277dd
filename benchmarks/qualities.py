"""Which qualities of WebP and AVIF look like a JPEG of 80, and what they cost: bytes and processor time.

Each photograph of a folder (without one: three pictures of the demo, which are no photographs) is cut to each
size. For WebP and AVIF the lowest quality is searched whose SSIM is that of the JPEG. Where the package
`ssimulacra2` is installed, the same is done for its score, which knows more about eyes. The figures in
`tornado_media/formats/qualities.py` come from here; SSIM is that of the tests.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import os
import runpy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _common import median, table

from tornado_media.engines.decode import open_picture
from tornado_media.engines.encode import encode
from tornado_media.formats.qualities import QUALITY, SAVE_DATA

import pyvips  # isort: skip (`decode` has told libvips how to behave, before it is loaded)

# as the tests compute it
ssim = runpy.run_path(str(Path(__file__).parents[1] / "tests" / "engines" / "ssim.py"))["ssim"]

FORMATS = ("webp", "avif")
Score = Callable[[Any, Any], float]


def ssimulacra2() -> Score | None:
    """Its score: 90 cannot be told from the original, 70 is high quality, 50 medium."""
    if importlib.util.find_spec("ssimulacra2") is None:
        return None
    from ssimulacra2 import compute_ssimulacra2

    def as_png(image: Any) -> io.BytesIO:
        return io.BytesIO(image.pngsave_buffer(compression=0))

    return lambda one, other: float(compute_ssimulacra2(as_png(one), as_png(other)))


def pictures(folder: Path | None, width: int, height: int) -> list[Any]:
    """What is encoded: the middle of each photograph, in memory."""
    if folder is None:
        from tornado_media.demo.pictures import lake_at_dusk, night, seahorse

        whole = [make() for make in (lake_at_dusk, night, seahorse)]
    else:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".jpeg"})
        whole = [photograph(path, width, height) for path in files]
    return [
        image.thumbnail_image(width, height=height, crop="centre").colourspace("srgb").copy_memory()
        for image in whole
    ]


def photograph(path: Path, width: int, height: int) -> Any:
    """A picture of at least that size."""
    source = os.open(path, os.O_RDONLY)
    try:
        with open_picture(source, "image/jpeg", pixels=10**8, frames=1) as picture:
            return picture.decode((2 * width, 2 * height)).copy_memory()
    finally:
        os.close(source)


def decoded(content: bytes) -> Any:
    """The picture of a file."""
    return pyvips.Image.new_from_buffer(content, "").copy_memory()


def cpu_ms(function: Callable[[], bytes]) -> float:
    """Processor time in milliseconds, the least of three."""
    times = []
    for _ in range(3):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times) * 1000


def alike(image: Any, score: Score, wanted: float, format_: str) -> tuple[int, int]:
    """The lowest quality with that score, and its bytes."""
    low, high = 1, 100
    content = b""
    while low < high:
        middle = (low + high) // 2
        tried = encode(image, format=format_, quality=middle)
        if score(image, decoded(tried)) >= wanted:
            high, content = middle, tried
        else:
            low = middle + 1
    return high, len(content or encode(image, format=format_, quality=high))


def look_alikes(title: str, images: list[Any], score: Score, anchor: int) -> None:
    """A table: medians and quartiles over the pictures."""
    jpegs = [encode(image, format="jpeg", quality=anchor) for image in images]
    wanted = [score(image, decoded(jpeg)) for image, jpeg in zip(images, jpegs, strict=True)]
    rows = []
    for format_ in FORMATS:
        found = [alike(image, score, least, format_) for image, least in zip(images, wanted, strict=True)]
        qualities = sorted(quality for quality, _ in found)
        parts = [size / len(jpeg) for (_, size), jpeg in zip(found, jpegs, strict=True)]
        quarter = len(qualities) // 4
        rows.append(
            [
                format_,
                f"{median(qualities):.0f}",
                f"{qualities[quarter]} to {qualities[-1 - quarter]}",
                f"{median(parts):.2f}",
            ]
        )
    table(
        f"{title} {median(wanted):.3f}, as a JPEG of {anchor}", ["format", "quality", "half", "bytes"], rows
    )


def costs(images: list[Any]) -> None:
    """What our own qualities cost."""
    rows = []
    for name, chosen in (("", QUALITY), (" (Save-Data)", SAVE_DATA)):
        for format_, quality in chosen.items():
            contents = [encode(image, format=format_, quality=quality) for image in images]
            times = [
                cpu_ms(lambda i=image, f=format_, q=quality: encode(i, format=f, quality=q))
                for image in images
            ]
            scores = [ssim(image, decoded(one)) for image, one in zip(images, contents, strict=True)]
            rows.append(
                [
                    f"{format_} {quality}{name}",
                    f"{median(times):.1f}",
                    f"{median([len(one) / 1000 for one in contents]):.1f}",
                    f"{median(scores):.4f}",
                ]
            )
    table("what is chosen", ["format", "CPU ms", "KB", "SSIM"], rows)


def main() -> None:
    """Both tables for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="photographs (JPEG)")
    parser.add_argument("--sizes", nargs="+", default=["300x200", "1200x800"])
    arguments = parser.parse_args()
    other = ssimulacra2()
    for size in arguments.sizes:
        width, height = map(int, size.split("x"))
        images = pictures(arguments.folder, width, height)
        print(f"\n{size}: {len(images)} pictures")
        for anchor in (QUALITY["jpeg"], SAVE_DATA["jpeg"]):
            look_alikes("SSIM", images, ssim, anchor)
            if other:
                look_alikes("ssimulacra2", images, other, anchor)
        costs(images)


if __name__ == "__main__":
    main()
