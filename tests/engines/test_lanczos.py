"""Who makes a picture smaller, each against the sums without rounding."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageFilter, ImageStat

from tornado_media.engines import lanczos

NOISE = {"L": Image.effect_noise((640, 480), 90).filter(ImageFilter.GaussianBlur(1))}
NOISE["RGB"] = Image.merge(
    "RGB", [NOISE["L"], NOISE["L"].transpose(Image.Transpose.ROTATE_180), NOISE["L"].point(lambda v: 255 - v)]
)

WAYS = ["the library", "Pillow"]


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    use(request.param, monkeypatch)


def use(name, monkeypatch):
    if name == "Pillow":
        monkeypatch.setattr(lanczos, "_quick", None)
    elif lanczos._quick is None:
        pytest.skip("cykooz.resizer is not installed")


def exact(picture, extent, size):
    """Lanczos in floating point, one channel after the other, and rounded once."""
    bands = [
        band.convert("F")
        .resize(size, Image.Resampling.LANCZOS, (0, 0, *extent))
        .point(lambda value: value * 1 + 0.5)
        .convert("L")
        for band in picture.split()
    ]
    return Image.merge(picture.mode, bands)


def error(picture, extent, size):
    """Mean difference to the exact sums, in steps of 255."""
    made = lanczos.shrink(picture, extent, size)
    assert (made.mode, made.size) == (picture.mode, size)
    return max(ImageStat.Stat(ImageChops.difference(made, exact(picture, extent, size))).mean)


@pytest.mark.parametrize("name", WAYS)
@given(data=st.data())
def test_as_the_exact_sums(name, data):
    with pytest.MonkeyPatch.context() as monkeypatch:
        use(name, monkeypatch)
        width, height = data.draw(st.integers(9, 500)), data.draw(st.integers(9, 300))
        picture = NOISE[data.draw(st.sampled_from(sorted(NOISE)))].crop((0, 0, width, height))
        # An extent ends within the last column and row: 1365 at 1/8 are 170.625.
        extent = tuple(side - data.draw(st.integers(0, 7)) / 8 for side in (width, height))
        size = tuple(data.draw(st.integers(8, int(side))) for side in extent)
        # Each of the two passes rounds.
        assert error(picture, extent, size) < 0.6


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("mode", NOISE)
def test_the_extent_counts(mode):
    """To take 170 columns and 5/8 for 171 moves what is at the edge."""
    picture, size = NOISE[mode].crop((0, 0, 171, 101)), (90, 60)
    extent = (170.375, 100.125)
    assert error(picture, extent, size) < 0.6
    whole = lanczos.shrink(picture, (171.0, 101.0), size)
    assert max(ImageStat.Stat(ImageChops.difference(whole, exact(picture, extent, size))).mean) > 0.6


@pytest.mark.usefixtures("way")
def test_what_is_too_large_is_left_to_libvips():
    side = 1 + int(lanczos.most() ** 0.5)
    picture = Image.new("L", (side, side))
    assert lanczos.shrink(picture, (float(side), float(side)), (10, 10)) is None
    picture = picture.crop((0, 0, side, side - 2))
    assert lanczos.shrink(picture, (float(side), float(side - 2)), (10, 10)) is not None


@pytest.mark.usefixtures("way")
def test_the_picture_stays_as_it_is():
    picture = NOISE["RGB"].copy()
    lanczos.shrink(picture, (640.0, 480.0), (64, 48))
    assert picture.tobytes() == NOISE["RGB"].tobytes()


@pytest.mark.parametrize("blocked", ["", "cykooz_resizer"])
def test_with_and_without_the_library(blocked):
    """It is looked for once, when a worker starts; who has not installed it has Pillow's way."""
    code = (
        "import sys\n"
        f"sys.modules.update({{name: None for name in {blocked.split()!r}}})\n"
        "from PIL import Image\n"
        "from tornado_media.engines import lanczos\n"
        "made = lanczos.shrink(Image.new('RGB', (300, 200), (9, 8, 7)), (300.0, 200.0), (30, 20))\n"
        "print(made.size, made.getcolors(), lanczos.most())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=True
    )
    most = 200_000 if blocked or lanczos._quick is None else 2_000_000
    assert done.stdout == f"(30, 20) [(600, (9, 8, 7))] {most}\n"
