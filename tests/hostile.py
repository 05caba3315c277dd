"""Small pictures of every kind that is read here, and damage to them. The same seed gives the same bytes.

Test files run this module (`runpy`); `bombs.py` beside it has files that were made to do harm.
"""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import pyvips
from PIL import Image, ImageCms

SIZE = 64, 48

INTERESTING = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
"""Numbers at which sizes, counts and offsets go wrong."""

SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48" viewBox="0 0 64 48">
<defs><linearGradient id="g"><stop offset="0" stop-color="red"/><stop offset="1" stop-color="#00f"/>
</linearGradient><filter id="f"><feGaussianBlur stdDeviation="2"/></filter><clipPath id="c"><circle cx="32"
cy="24" r="20"/></clipPath></defs><rect width="64" height="48" fill="url(#g)"/><g clip-path="url(#c)"
filter="url(#f)" transform="rotate(10)"><path d="M1 1 L60 40 C 10 10 20 20 30 5 z" stroke="#000"/></g>
<text x="4" y="20" font-size="9">A</text><use href="#c"/></svg>"""


def shades(mode: str = "RGB", turned: int = 0) -> Image.Image:
    """Gradients with some noise."""
    bands = [Image.linear_gradient("L").rotate(90 * (k + turned)).resize(SIZE) for k in range(len(mode))]
    noise = Image.frombytes("L", SIZE, random.Random(turned).randbytes(SIZE[0] * SIZE[1]))
    bands[0] = Image.blend(bands[0], noise, 0.1)
    return bands[0] if mode == "L" else Image.merge(mode, bands)


def saved(image: Image.Image, kind: str, **how: Any) -> bytes:
    """The bytes of a file that Pillow writes."""
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def by_vips(name: str, **how: Any) -> bytes:
    """What libvips writes and Pillow does not."""
    image = pyvips.Image.new_from_buffer(saved(shades(), "PNG"), "")
    return bytes(image.write_to_buffer(name, **how))


@cache
def healthy() -> dict[str, bytes]:
    """Name of a file: its bytes. The names say what is special."""
    moving = {"save_all": True, "append_images": [shades(turned=n) for n in (1, 2)], "duration": 50}
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x8298] = 6, "A camera", "Somebody"
    exif.get_ifd(0x8769)[0x9003] = "2024:01:02 03:04:05"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    told: dict[str, Any] = {"exif": exif, "icc_profile": profile}
    two = shades("L").convert("1")
    tiff = {
        f"{name}.tiff": saved(two if name == "group4" else shades(), "TIFF", compression=name)
        for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits", "group4")
    }
    return {
        "baseline.jpeg": saved(shades(), "JPEG", **told),
        "progressive.jpeg": saved(shades(), "JPEG", progressive=True),
        "restarts.jpeg": saved(shades(), "JPEG", restart_marker_blocks=2),
        "grey.jpeg": saved(shades("L"), "JPEG"),
        "cmyk.jpeg": saved(shades("CMYK"), "JPEG"),
        "plain.png": saved(shades(), "PNG", **told),
        "clear.png": saved(shades("RGBA"), "PNG"),
        "interlaced.png": by_vips(".png", interlace=True),
        "deep.png": saved(Image.frombytes("I;16", SIZE, bytes(range(256)) * 24), "PNG"),
        "palette.png": saved(shades().quantize(32), "PNG", transparency=3),
        "two.png": saved(two, "PNG"),
        "moving.png": saved(shades("RGBA"), "PNG", **moving, disposal=2, blend=1),
        "lossy.webp": saved(shades(), "WEBP", **told),
        "lossless.webp": saved(shades("RGBA"), "WEBP", lossless=True),
        "clear.webp": saved(shades("RGBA"), "WEBP"),
        "moving.webp": saved(shades(), "WEBP", **moving),
        "still.gif": saved(shades().quantize(64), "GIF"),
        "interlaced.gif": saved(shades().quantize(64), "GIF", interlace=1),
        "moving.gif": saved(shades(), "GIF", **moving, disposal=2),
        **tiff,
        "tiled.tiff": by_vips(".tif", tile=True, tile_width=16, tile_height=16, pyramid=True, bigtiff=True),
        "pages.tiff": saved(shades(), "TIFF", save_all=True, append_images=[shades("L", 1)]),
        "deep.tiff": saved(Image.frombytes("I;16", SIZE, bytes(range(256)) * 24), "TIFF"),
        "plain.avif": saved(shades(), "AVIF", speed=9, **told),
        "clear.avif": saved(shades("RGBA"), "AVIF", speed=9),
        "deep.avif": by_vips(".avif", bitdepth=10, effort=0),
        "moving.avif": saved(shades(), "AVIF", speed=9, **moving),
        "plain.svg": SVG.encode(),
    }  # fmt: skip


def damaged(seed: int) -> tuple[str, bytes]:
    """A name and the bytes of one of the healthy pictures after some harm. Its first bytes stay mostly, so
    that it is taken for what it was."""
    chance = random.Random(seed)
    names = sorted(healthy())
    name = names[seed % len(names)]
    content = bytearray(healthy()[name])
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        chance.choice(HARMS)(content, chance)
    if name.endswith(".png") and chance.random() < 0.7:
        content = right_sums(content)
    return f"{seed}-{name}", bytes(content)


def _cut(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content) + 1) :]


def _flip(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 2, 16)) if content else 0):
        content[_place(content, chance)] ^= 1 << chance.randrange(8)


def _scribble(content: bytearray, chance: random.Random) -> None:
    start = _place(content, chance)
    length = chance.randrange(1, 40)
    content[start : start + length] = chance.randbytes(length)


def _remove(content: bytearray, chance: random.Random) -> None:
    start = _place(content, chance)
    del content[start : start + chance.choice((1, 2, 7, 100))]


def _repeat(content: bytearray, chance: random.Random) -> None:
    start, length = _place(content, chance), chance.choice((1, 4, 60, 500))
    content[start:start] = content[start : start + length] * chance.choice((1, 2, 50))


def _number(content: bytearray, chance: random.Random) -> None:
    start, number = _place(content, chance), chance.choice(INTERESTING)
    form = chance.choice((">I", "<I", ">H", "<H", "B"))
    packed = struct.pack(form, number & (1 << 8 * struct.calcsize(form)) - 1)
    content[start : start + len(packed)] = packed


def _place(content: bytearray, chance: random.Random) -> int:
    """More often near the beginning, where the headers are."""
    if len(content) <= 12:
        return 0
    return chance.randrange(12, min(len(content), 200) if chance.random() < 0.5 else len(content))


HARMS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _cut, _flip, _flip, _flip, _flip, _scribble, _remove, _repeat, _number, _number,
)  # fmt: skip


def right_sums(content: bytearray) -> bytearray:
    """A PNG with the check sums that fit its chunks: the damage is then seen by the decoder, not by them."""
    place = 8
    while place + 12 <= len(content):
        length = int.from_bytes(content[place : place + 4])
        end = place + 8 + length
        if end + 4 > len(content):
            break
        content[end : end + 4] = zlib.crc32(content[place + 4 : end]).to_bytes(4)
        place = end + 4
    return content
