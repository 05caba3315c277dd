"""What speed costs: each shortcut of `decode`, and the whole engine, against a full decode and Lanczos.

The bound of 0.98 was met by 37 real photographs of 1 to 16 megapixels too, which are not ours to keep here.
"""

from __future__ import annotations

import os
import runpy
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tornado_media.engines import decode

import pyvips  # isort: skip (`decode` has told libvips how to behave, before it is loaded)

# Tests are imported one by one (--import-mode=importlib), so what they share is no module for them.
ssim = runpy.run_path(str(Path(__file__).with_name("ssim.py")))["ssim"]

BOUND = 0.98

SIZES = {"even": (1024, 768), "odd": (1021, 763)}
SAVED = {
    "baseline.jpg": {"quality": 88},
    "444.jpg": {"quality": 92, "subsampling": 0},
    "422.jpg": {"quality": 85, "subsampling": 1},
    "progressive.jpg": {"quality": 88, "progressive": True},
    "progressive444.jpg": {"quality": 92, "progressive": True, "subsampling": 0},
    "a.webp": {"quality": 85, "method": 0},
    "lossless.webp": {"lossless": True, "method": 0, "quality": 10},
    "a.png": {"compress_level": 1},
    "alpha.png": {"compress_level": 1},
    "a.tif": {},
    "a.avif": {"quality": 85, "speed": 10},
}
FACTORS = (1.3, 1.9, 2.6, 4.4, 5.2, 8.2, 10.1, 14.6)
"""How much smaller: just above and below where another scale is taken."""


def photograph(width, height):
    """Noise of all sizes, as much of each but the finest, as photographs have; and an edge."""
    layers = []
    for octave in range(8):
        size = (width >> octave) + 3, (height >> octave) + 3
        bands = [pyvips.Image.gaussnoise(*size, sigma=20, mean=0, seed=8 * octave + b) for b in range(3)]
        strength = (0.6, 1.2, 1.2)[octave] if octave < 3 else 1
        layer = bands[0].bandjoin([bands[0] + bands[1] * 0.3, bands[0] + bands[2] * 0.3]) * strength
        layers.append(layer.resize(2**octave).crop(0, 0, width, height))
    xyz = pyvips.Image.xyz(width, height)
    disc = (((xyz[0] - width / 2) ** 2 + (xyz[1] - height / 2) ** 2) ** 0.5 < height / 3) * 0.3
    return (sum(layers[1:], layers[0]) + disc + 110).cast("uchar").copy_memory()


@pytest.fixture(scope="session")
def photographs(tmp_path_factory):
    """`photographs(size, name)`: one that is saved in some way."""
    folder = tmp_path_factory.mktemp("golden")

    def make(size, name):
        path = folder / f"{size}-{name}"
        if not path.exists():
            image = photograph(*SIZES[size])
            picture = Image.frombytes("RGB", SIZES[size], bytes(image.write_to_memory()))
            if name == "alpha.png":
                picture.putalpha(Image.linear_gradient("L").resize(SIZES[size]))
            picture.save(path, **SAVED[name])
        return path

    return make


TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "tif": "image/tiff",
    "avif": "image/avif",
}


def ours(path, size):
    source = os.open(path, os.O_RDONLY)
    try:
        with decode.open_picture(source, TYPES[path.suffix[1:]], pixels=50_000_000, frames=1) as picture:
            return picture.decode((float(size[0]), float(size[1]))).copy_memory()
    finally:
        os.close(source)


def from_pillow(image):
    image = image if image.mode in ("RGB", "RGBA") else image.convert("RGB")
    pixels = pyvips.Image.new_from_memory(image.tobytes(), *image.size, len(image.mode), "uchar")
    return pixels.copy(interpretation="srgb")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "name"),
    [("even", "baseline.jpg"), ("even", "progressive.jpg"), *(("odd", name) for name in SAVED)],
)
def test_shortcuts_look_like_lanczos(size, name, photographs):
    path = photographs(size, name)
    with Image.open(path) as reference:
        reference.load()
    found = {}
    for factor in FACTORS:
        small = round(reference.width / factor), round(reference.height / factor)
        wanted = from_pillow(reference.resize(small, Image.Resampling.LANCZOS))
        found[factor] = ssim(wanted, ours(path, small))
    assert min(found.values()) >= BOUND, found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["baseline.jpg", "progressive.jpg"])
def test_a_real_size(name, photo, tmp_path):
    path = tmp_path / "a.jpg"
    with Image.open(photo) as image:
        image.save(path, quality=88, progressive=name == "progressive.jpg")
    with Image.open(path) as reference:
        for size in ((300, 200), (1200, 800)):
            wanted = from_pillow(reference.resize(size, Image.Resampling.LANCZOS))
            assert ssim(wanted, ours(path, size)) >= BOUND


@pytest.mark.needs("convert")
@pytest.mark.parametrize("name", ["baseline.jpg", "progressive.jpg", "a.png", "a.webp"])
def test_as_imagemagick_has_it(name, photographs, tool, tmp_path):
    path, result = photographs("odd", name), tmp_path / "theirs.ppm"
    with Image.open(path) as image:
        image.convert("RGB").save(tmp_path / "whole.ppm")
    for size in ((200, 149), (600, 448)):
        resize = ["-filter", "Lanczos", "-resize", f"{size[0]}x{size[1]}!"]
        subprocess.run(
            [tool("convert"), f"ppm:{tmp_path / 'whole.ppm'}", *resize, f"ppm:{result}"], check=True
        )
        with Image.open(result) as wanted:
            assert ssim(from_pillow(wanted), ours(path, size)) >= BOUND


def test_the_measure_sees_what_it_should(photographs):
    """A shift by half a pixel, blur, and aliasing all fail."""
    with Image.open(photographs("odd", "baseline.jpg")) as image:
        whole = image.convert("RGB")
    small = round(whole.width / 4.3), round(whole.height / 4.3)
    good = from_pillow(whole.resize(small, Image.Resampling.LANCZOS))
    assert ssim(good, good) == pytest.approx(1)
    shifted = whole.resize(small, Image.Resampling.LANCZOS, box=(2.2, 0, whole.width, whole.height))
    for bad in (
        from_pillow(shifted),
        good.gaussblur(0.6),
        from_pillow(whole.resize(small, Image.Resampling.NEAREST)),
    ):
        assert ssim(good, bad) < BOUND
