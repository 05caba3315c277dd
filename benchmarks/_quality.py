"""How good a thumbnail is: whether it is what was asked, and how much it looks like the best one.

The best one is made by Pillow: the whole photo decoded, sRGB, once resized with Lanczos, not compressed.
"""

from __future__ import annotations

import functools
import io
import runpy
from dataclasses import dataclass
from pathlib import Path

import pyvips
from PIL import Image, ImageCms

# as the tests compute it
ssim = runpy.run_path(str(Path(__file__).parents[1] / "tests" / "engines" / "ssim.py"))["ssim"]

QUALITY = 80
BOX = (300, 200)


@dataclass(frozen=True)
class Judged:
    """What was found of a thumbnail.

    Args:
        ssim: 1.0 is as the reference.
        faults: in what it is not what was asked, in words.
    """

    ssim: float
    faults: tuple[str, ...]


def judge(content: bytes, photo: Path) -> Judged:
    """Look at a thumbnail of a photo that was to be inside `BOX`."""
    with Image.open(io.BytesIO(content)) as image:
        faults = (*_form(image), *_size(image.size, photo))
        likeness = ssim(_vips(_srgb(image)), _vips(reference(photo, image.size)))
    return Judged(likeness, faults)


@functools.cache
def reference(photo: Path, size: tuple[int, int]) -> Image.Image:
    """The photo in a size, as well as it can be made."""
    with Image.open(photo) as image:
        return _srgb(image).resize(size, Image.Resampling.LANCZOS)


def _srgb(image: Image.Image) -> Image.Image:
    if profile := image.info.get("icc_profile"):
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if image.mode == "RGB":
                done = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"))
                return done or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError):
            pass
    return image.convert("RGB")


def _vips(image: Image.Image) -> pyvips.Image:
    return pyvips.Image.new_from_memory(image.tobytes(), image.width, image.height, 3, "uchar").copy(
        interpretation="srgb"
    )


def _form(image: Image.Image) -> list[str]:
    """In what a JPEG is not the one that everybody was asked for."""
    if image.format != "JPEG":
        return [f"{image.format}, not JPEG"]
    faults = []
    if image.info.get("progressive"):
        faults.append("progressive")
    if len(image.layer) == 3 and [layer[1:3] for layer in image.layer] != [(2, 2), (1, 1), (1, 1)]:
        faults.append("not 4:2:0")
    if list(map(sorted, image.quantization.values())) != list(map(sorted, _tables())):
        faults.append(f"tables of another quality than {QUALITY}")
    faults += [f"has {name}" for name in ("icc_profile", "exif", "xmp") if image.info.get(name)]
    return faults


@functools.cache
def _tables() -> list[list[int]]:
    made = io.BytesIO()
    Image.new("RGB", (16, 16)).save(made, "JPEG", quality=QUALITY)
    with Image.open(made) as image:
        return list(image.quantization.values())


def _size(got: tuple[int, int], photo: Path) -> list[str]:
    with Image.open(photo) as image:
        scale = min(BOX[0] / image.width, BOX[1] / image.height, 1)
        wanted = image.width * scale, image.height * scale
    right = all(abs(a - b) <= 1 for a, b in zip(got, wanted, strict=True))
    return [] if right else [f"{got[0]}x{got[1]}, not {wanted[0]:.0f}x{wanted[1]:.0f}"]
