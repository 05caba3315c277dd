"""The pictures of the demo folder, computed with libvips: a function a picture, each gives back an image.

Nothing is read from disk and chance has a fixed seed, so that the pictures are the same on every machine.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyvips

Color = tuple[int, int, int]
Ridge = tuple[float, float, Color]
"""A chain of mountains: its mean height and roughness, as parts of the picture's height, and its colour."""

DUSK_SKY: tuple[Color, ...] = ((38, 34, 84), (110, 62, 120), (226, 110, 98), (255, 190, 120), (255, 226, 168))
DUSK: tuple[Ridge, ...] = (
    (0.46, 0.10, (214, 132, 124)),
    (0.40, 0.13, (168, 96, 118)),
    (0.33, 0.15, (118, 68, 104)),
    (0.24, 0.15, (70, 46, 82)),
    (0.14, 0.12, (30, 24, 48)),
)
NIGHT_SKY: tuple[Color, ...] = ((4, 8, 24), (10, 24, 58), (24, 58, 96), (70, 120, 140))
NIGHT: tuple[Ridge, ...] = (
    (0.34, 0.12, (40, 78, 100)),
    (0.26, 0.14, (24, 52, 74)),
    (0.17, 0.14, (12, 30, 48)),
    (0.08, 0.10, (4, 12, 22)),
)
INK: tuple[Color, ...] = (
    (8, 10, 36),
    (20, 50, 110),
    (40, 150, 170),
    (240, 230, 190),
    (226, 110, 60),
    (90, 20, 50),
)
EMBER: tuple[Color, ...] = ((6, 4, 20), (60, 12, 70), (180, 40, 60), (250, 150, 40), (255, 245, 200))
REEF: tuple[Color, ...] = ((4, 30, 50), (10, 110, 120), (120, 210, 170), (250, 240, 200), (250, 140, 110))


def colored(values: Any, colors: Sequence[Color]) -> Any:
    """An image of numbers from 0 to 1, in colours that run through these."""
    steps, entries = len(colors) - 1, bytearray()
    for position in range(256):
        before = min(position * steps // 255, steps - 1)
        part = position * steps / 255 - before
        pairs = zip(colors[before], colors[before + 1], strict=True)
        entries += bytes(round(low + (high - low) * part) for low, high in pairs)
    table = pyvips.Image.new_from_memory(bytes(entries), 256, 1, 3, "uchar")
    return (values * 255).cast("uchar").maplut(table).copy(interpretation="srgb")


def plane(width: int, height: int, span: float) -> tuple[Any, Any]:
    """The coordinates of each pixel: (0, 0) in the middle, `span` from the left edge to the right one."""
    xyz = pyvips.Image.xyz(width, height)
    return (xyz[0] - width / 2) * (span / width), (xyz[1] - height / 2) * (span / width)


def sine(angle: Any) -> Any:
    """The sine of each pixel, in radians (libvips counts in degrees)."""
    return (angle * (180 / math.pi)).sin()


def clouds(width: int, height: int, cell: int, seed: int) -> Any:
    """Perlin noise between 0 and 1: three octaves, the largest `cell` pixels wide."""
    octaves = [
        pyvips.Image.perlin(width, height, cell_size=cell >> k, seed=seed + k) / 2**k for k in range(3)
    ]
    return ((octaves[0] + octaves[1] + octaves[2]) / 2.4 + 0.5).clamp()


def below_ridge(width: int, height: int, ridge: Ridge, chance: random.Random) -> Any:
    """For each pixel, how far it lies below the ridge. Where the right edge ends, the left one goes on."""
    mean, roughness, _ = ridge
    waves = [
        (k * math.tau / width, roughness * chance.uniform(0.3, 0.7) / k**1.25, chance.uniform(0, math.tau))
        for k in range(1, 80)
    ]
    tops = [1 - mean - sum(size * math.sin(k * x + phase) for k, size, phase in waves) for x in range(width)]
    row = array("f", (top * height for top in tops))
    line = pyvips.Image.new_from_memory(row.tobytes(), width, 1, 1, "float")
    return pyvips.Image.xyz(width, height)[1] - line.replicate(1, height)


def sky(width: int, height: int, colors: Sequence[Color]) -> Any:
    """From the first colour at the top to the last one at the bottom."""
    return colored(pyvips.Image.xyz(width, height)[1] / height, colors)


def shine(image: Any, x: float, y: float, radius: float, color: Color) -> Any:
    """The image with a sun or a moon at (x, y), and its glow."""
    xyz = pyvips.Image.xyz(image.width, image.height)
    distance = ((xyz[0] - x) ** 2 + (xyz[1] - y) ** 2) ** 0.5
    glow = (distance / (-4 * radius)).exp() * 0.8
    light = (glow > (radius - distance + 0.5).clamp()).ifthenelse(glow, (radius - distance + 0.5).clamp())
    return light * list(color) + image * (1 - light)


def ranges(image: Any, ridges: Sequence[Ridge], haze: Color, chance: random.Random) -> Any:
    """The image with mountains before it, the far ones first; each fades into haze towards its foot."""
    for ridge in ridges:
        depth = below_ridge(image.width, image.height, ridge, chance)
        mist = (depth / (image.height * 0.3)).clamp() * 0.5
        cover = (depth + 0.5).clamp()
        image = (mist * list(haze) + (1 - mist) * list(ridge[2])) * cover + image * (1 - cover)
    return image


def grain(image: Any, strength: float, seed: int) -> Any:
    """The image as a sensor would see it."""
    noise = pyvips.Image.gaussnoise(image.width, image.height, mean=0, sigma=strength, seed=seed)
    return (image + noise).cast("uchar")


def lake_at_dusk() -> Any:
    """10 megapixels (3888x2592): mountains at dusk, and their reflection in a lake."""
    # Light and air are soft: half the size is enough, and takes a quarter of the time. The grain is not.
    width, height, shore = 1944, 1296, 940
    view = shine(sky(width, shore, DUSK_SKY), 1250, 380, 55, (255, 244, 214))
    view = ranges(view, DUSK, (255, 170, 130), random.Random(11)).cast("uchar").copy_memory()
    xyz = pyvips.Image.xyz(width, height - shore)
    waves = clouds(width, height - shore, 48, 5) * (xyz[1] / 6 + 2)
    across, down = (xyz[0] + waves - 15).clamp(max=width - 2), (xyz[1] * 1.9 + waves).clamp(max=shore - 2)
    mirror = view.flip("vertical").mapim(across.bandjoin(down))
    water = mirror * 0.72 + [6, 10, 26]
    return grain(view.join(water.cast("uchar"), "vertical").resize(2), 5, 3)


def night() -> Any:
    """A portrait, 1200x1800: the moon and 900 stars above mountains."""
    width, height, chance = 1200, 1800, random.Random(8)
    dots = "".join(
        f'<circle cx="{chance.uniform(0, width):.1f}" cy="{chance.uniform(0, height * 0.7):.1f}" '
        f'r="{chance.paretovariate(3):.1f}" fill="white" opacity="{chance.uniform(0.2, 1):.2f}"/>'
        for _ in range(900)
    )
    heaven = (
        sky(width, height, NIGHT_SKY).composite(drawing(width, height, dots), "over").flatten().copy_memory()
    )
    heaven = shine(heaven, 840, 420, 68, (236, 240, 224))
    return grain(ranges(heaven, NIGHT, (60, 110, 130), chance), 3, 4)


def drawing(width: int, height: int, shapes: str) -> Any:
    """Shapes of SVG on a transparent ground."""
    root = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{shapes}</svg>'
    return pyvips.Image.svgload_buffer(root.encode())


def bubbles() -> Any:
    """Glass beads on a transparent ground, 1400x1000: the picture with an alpha channel."""
    chance, shapes = random.Random(21), []
    for number in range(46):
        hue, radius = chance.randrange(170, 340), chance.uniform(30, 170)
        shapes.append(
            f'<radialGradient id="g{number}" fx="0.32" fy="0.28">'
            f'<stop offset="0" stop-color="white" stop-opacity="0.95"/>'
            f'<stop offset="0.25" stop-color="hsl({hue},90%,72%)" stop-opacity="0.55"/>'
            f'<stop offset="1" stop-color="hsl({hue + 30},85%,45%)" stop-opacity="0.75"/></radialGradient>'
            f'<circle cx="{chance.uniform(180, 1220):.0f}" cy="{chance.uniform(180, 820):.0f}" '
            f'r="{radius:.0f}" fill="url(#g{number})"/>'
        )
    return drawing(1400, 1000, "".join(shapes))


def sunflower() -> Any:
    """The seeds of a sunflower, 1400x1400: each turned by the golden angle."""
    golden, seeds = math.pi * (3 - math.sqrt(5)), []
    for number in range(1, 1300):
        radius, angle = 17.6 * math.sqrt(number), number * golden
        seeds.append(
            f'<circle cx="{700 + radius * math.cos(angle):.1f}" cy="{700 + radius * math.sin(angle):.1f}" '
            f'r="{4.5 + 5.5 * (number / 1300) ** 0.5:.1f}" '
            f'fill="hsl({52 - 46 * number / 1300:.0f},95%,{62 - 22 * math.sin(number / 1300 * 3):.0f}%)"/>'
        )
    return drawing(1400, 1400, f'<rect width="1400" height="1400" fill="#1c1017"/>{"".join(seeds)}').flatten()


def ink() -> Any:
    """Ink in water, 2000x1400: noise that is looked up where other noise says."""
    width, height = 2000, 1400
    drift = (clouds(width, height, 320, 1).bandjoin(clouds(width, height, 320, 40)) - 0.5) * 900
    swirl = clouds(width + 900, height + 900, 256, 90).copy_memory()
    return colored(swirl.mapim(pyvips.Image.xyz(width, height) + drift + 450), INK)


def plasma() -> Any:
    """Waves that meet, 1920x1200."""
    x, y = plane(1920, 1200, 16)
    waves = sine(x) + sine(y * 1.3 + 1) + sine((x + y) * 0.7) + sine((x * x + y * y) ** 0.5 * 1.7)
    return colored(sine(waves * 1.4) * 0.5 + 0.5, EMBER)


def cells() -> Any:
    """A coral, 1600x1200: the distance to the nearest of many points."""
    distance = pyvips.Image.worley(1600, 1200, cell_size=150, seed=6) / 150
    return colored((distance * 0.8 + clouds(1600, 1200, 128, 30) * 0.35).clamp(), REEF)


def julia() -> Any:
    """The Julia set of -0.8 + 0.156i, 1440x810; brightness is the sum of exp(-|z|) along each point's way."""
    x, y = plane(1440, 810, 3.2)
    total: Any = 0
    for _ in range(60):
        x, y = (x * x - y * y - 0.8).clamp(min=-9, max=9), (x * y * 2 + 0.156).clamp(min=-9, max=9)
        total = ((x * x + y * y) ** 0.5 * -1).exp() + total
        x, y = x.copy_memory(), y.copy_memory()  # without this each round computes all rounds before it again
        total = total.copy_memory()
    return colored(sine(total * 0.42) * 0.5 + 0.5, INK)


def seahorse() -> Any:
    """The valley of the seahorses in the Mandelbrot set, 1200x800."""
    at_x, at_y = plane(1200, 800, 0.011)
    at_x, at_y = (at_x - 0.7463).copy_memory(), (at_y + 0.1102).copy_memory()
    x, y, total = at_x, at_y, at_x * 0
    for _ in range(130):
        x, y = (x * x - y * y + at_x).clamp(min=-9, max=9), (x * y * 2 + at_y).clamp(min=-9, max=9)
        total = (((x * x + y * y) ** 0.5 * -1).exp() + total).copy_memory()
        x, y = x.copy_memory(), y.copy_memory()
    return colored(sine(total * 0.21) * 0.5 + 0.5, EMBER)


def make_layers(folder: Path) -> None:
    """The layers of clip.mkv: sky.png, sun.png, and ridge0.png (the far one) to ridge2.png."""
    width, height, chance = 2560, 720, random.Random(5)
    sky(1280, height, DUSK_SKY).write_to_file(str(folder / "sky.png"))
    halo = (
        '<radialGradient id="h"><stop offset="0.2" stop-color="#fff6dc"/>'
        '<stop offset="0.24" stop-color="#ffe9b0" stop-opacity="0.45"/>'
        '<stop offset="1" stop-color="#ffd890" stop-opacity="0"/></radialGradient>'
    )
    drawing(400, 400, f'{halo}<circle cx="200" cy="200" r="200" fill="url(#h)"/>').write_to_file(
        str(folder / "sun.png")
    )
    for number, ridge in enumerate((DUSK[1], DUSK[2], DUSK[4])):
        depth = below_ridge(width, height, ridge, chance)
        mist = (depth / (height * 0.4)).clamp() * 0.5
        layer = mist * [255, 170, 130] + (1 - mist) * list(ridge[2])
        layer = layer.bandjoin((depth + 0.5).clamp() * 255).cast("uchar").copy(interpretation="srgb")
        top = max(0, math.floor(-depth.max()) + height)
        layer.crop(0, top, width, height - top).write_to_file(str(folder / f"ridge{number}.png"))


MAKERS: dict[str, Callable[[], Any]] = {
    "1.jpg": lake_at_dusk,
    "bubbles.png": bubbles,
    "cells.webp": cells,
    "ink.jpg": ink,
    "plasma.jpg": plasma,
    "sunflower.png": sunflower,
    "fractals/julia.webp": julia,
    "fractals/seahorse.jpg": seahorse,
    "mountains/night.jpg": night,
}


def make_picture(name: str, path: Path) -> None:
    """Computes one of the demo's pictures and writes it; the ending of its name says the format.

    Raises:
        OSError: libvips could not: most likely the disk is full.
    """
    options = {} if path.suffix == ".png" else {"Q": 88}
    try:
        MAKERS[name]().write_to_file(str(path), **options)
    except pyvips.Error as error:
        raise OSError(str(error).strip().splitlines()[-1]) from error
