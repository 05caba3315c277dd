"""Small files that ask for much work, much memory, or for other files: made by hand, byte by byte.

Test files run this module (`runpy`): `BOMBS` says how each is made, `reaching` makes those that name other
files. `hostile.py` beside it has small pictures of every kind, and damage to them.
"""

from __future__ import annotations

import base64
import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

MB = 1_000_000

# -- PNG ---------------------------------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + name + content + zlib.crc32(name + content).to_bytes(4)


@cache
def zeros(length: int) -> bytes:
    """So many zeros, compressed."""
    packer = zlib.compressobj(9)
    block = bytes(MB)
    parts = [packer.compress(block) for _ in range(length // MB)]
    return b"".join([*parts, packer.compress(bytes(length % MB)), packer.flush()])


def png(
    side: int,
    *,
    bits: int = 1,
    colour: int = 0,
    interlaced: bool = False,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A black square. `before` and `after` are chunks around its pixels."""
    header = struct.pack(">2I5B", side, side, bits, colour, 0, 0, interlaced)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    length = (side + side // 8 * interlaced) * (side * bits * channels // 8 + 2)
    palette = chunk(b"PLTE", bytes(6)) if colour == 3 else b""
    pixels = chunk(b"IDAT", zeros(length))
    return PNG + chunk(b"IHDR", header) + palette + before + pixels + after + chunk(b"IEND")


def frame_control(number: int, side: int, left: int = 0, *, over: bool = True) -> bytes:
    return chunk(b"fcTL", struct.pack(">5I2H2B", number, side, side, left, left, 1, 100, 1, over))


def apng(side: int, frames: int, *, told: int | None = None, part: int = 1, left: int = 0) -> bytes:
    """A canvas whose later frames are small squares."""
    pixels = zeros(part * (4 * part + 1))
    after = b"".join(
        frame_control(2 * n - 1, part, left) + chunk(b"fdAT", struct.pack(">I", 2 * n) + pixels)
        for n in range(1, frames)
    )
    control = chunk(b"acTL", struct.pack(">2I", frames if told is None else told, 0))
    return png(side, bits=8, colour=6, before=control + frame_control(0, side), after=after)


# -- GIF ---------------------------------------------------------------------------------------------------


def gif(side: int, frames: int, *, part: int = 1, behind: bytes = b"") -> bytes:
    """Frames of the one colour, in a corner of the screen."""
    head = b"GIF89a" + struct.pack("<2H3B", side, side, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    one = b"\x21\xf9\4\4\1\0\0\0" + b"," + struct.pack("<4HB", 0, 0, part, part, 0) + b"\2\2\x44\1\0"
    return head + one * frames + b";" + behind


def gif_of_large_frames(side: int, frames: int) -> bytes:
    """A first frame as large as the screen, then small ones."""
    file = io.BytesIO()
    Image.new("P", (side, side)).save(file, "GIF")
    first, small = file.getvalue(), gif(side, 1)
    return first[:-1] + small[small.index(b"\x21\xf9") : -1] * (frames - 1) + b";"


# -- WebP --------------------------------------------------------------------------------------------------


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(n + struct.pack("<I", len(c)) + c + bytes(len(c) % 2) for n, c in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def webp(width: int, height: int, frames: int) -> bytes:
    """An animation whose frames are one pixel each."""
    file = io.BytesIO()
    Image.new("RGBA", (1, 1), (255, 0, 0, 128)).save(file, "WEBP", lossless=True)
    still = file.getvalue()
    pixel = still[still.index(b"VP8L") :]
    canvas = bytes([0x12, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    frame = bytes(12) + (1).to_bytes(3, "little") + b"\0" + pixel
    return riff((b"VP8X", canvas), (b"ANIM", bytes(6)), *[(b"ANMF", frame)] * frames)


# -- JPEG --------------------------------------------------------------------------------------------------


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg(width: int, height: int, scans: int = 1, *, before: bytes = b"") -> bytes:
    """A grey progressive JPEG: a scan of the means, then scans with nothing of all other coefficients."""
    codes = bytes([0, 2, *bytes(14)])  # two codes of two bits
    tables = segment(0xC4, b"\0" + codes + b"\0\1") + segment(0xC4, b"\x10" + codes + b"\0\xe0")
    start = segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    head = b"\xff\xd8" + before + segment(0xDB, b"\0" + b"\1" * 64) + start + tables
    blocks = -(-width // 8) * -(-height // 8)
    means = segment(0xDA, b"\1\1\0\0\0\0") + bytes(blocks // 4 + 1)
    # \xe0: the rest of so many blocks is zero: 2^14 + fourteen bits
    runs = blocks // (1 << 14) + 1
    bits = "".join("01" + "0" * 14 for _ in range(runs)) + "1" * 8
    nothing = bytes(int(bits[n : n + 8], 2) for n in range(0, len(bits) - 7, 8))
    refinements = [
        segment(0xDA, b"\1\1\0\1\x3f" + bytes([high << 4 | low])) + nothing
        for high, low in [(0, 13), *((k, k - 1) for k in range(13, 0, -1))]
    ]
    repeated = b"".join(refinements[n % len(refinements)] for n in range(scans - 1))
    return head + means + repeated + b"\xff\xd9"


# -- TIFF and EXIF -----------------------------------------------------------------------------------------

Entry = tuple[int, int, int, int]
"""Tag, type, count, value."""


def directory(entries: Iterable[Entry], following: int = 0) -> bytes:
    rows = [struct.pack("<HHII", *entry) for entry in sorted(entries)]
    return struct.pack("<H", len(rows)) + b"".join(rows) + struct.pack("<I", following)


def tiff(pixels: bytes, *, following: int = 0, **tags: int) -> bytes:
    """One page; `tags` are t256=64 (short or long) and the like."""
    known = {256: 64, 257: 48, 258: 8, 259: 8, 262: 1, 273: 8, 277: 1, 278: 1 << 30, 279: len(pixels)}
    known |= {int(name[1:]): value for name, value in tags.items()}
    if 322 in known:
        known |= {324: known.pop(273), 325: known.pop(279)}
        del known[278]
    entries = [(tag, 4, 1, value) for tag, value in known.items()]
    place = 8 + len(pixels) + len(pixels) % 2
    head = b"II*\0" + struct.pack("<I", place)
    return head + pixels.ljust(place - 8, b"\0") + directory(entries, following)


def pages(count: int) -> bytes:
    """A TIFF of so many pages, all with the same pixels."""
    pixels = zeros(16)
    known = {256: 4, 257: 4, 258: 8, 259: 8, 262: 1, 273: 8, 277: 1, 278: 4, 279: len(pixels)}
    entries = [(tag, 4, 1, value) for tag, value in known.items()]
    size = len(directory(entries))
    first = 8 + len(pixels) + len(pixels) % 2
    all_pages = [directory(entries, first + size * (n + 1) if n + 1 < count else 0) for n in range(count)]
    return b"II*\0" + struct.pack("<I", first) + pixels.ljust(first - 8, b"\0") + b"".join(all_pages)


def exif(kind: str) -> bytes:
    """The data of an EXIF segment: with a circle of directories, or with counts that lead out of it."""
    if kind == "circle":
        body = directory([(0x112, 3, 1, 6), (0x8769, 4, 1, 8), (0x8825, 4, 1, 8)], following=8)
    elif kind == "counts":
        body = directory([(0x10E + n, 2 + n % 11, 0xFFFFFFFF, 0xFFFFFFF0) for n in range(500)])
    else:
        body = struct.pack("<H", 0xFFFF) + b"\x12\1" * 20_000
    return b"Exif\0\0II*\0\x08\0\0\0" + body


# -- the rest ----------------------------------------------------------------------------------------------


def saved(kind: str, **how: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "navy").save(file, kind, **how)
    return file.getvalue()


def avif(width: int, height: int) -> bytes:
    """A small AVIF that says it was large."""
    content = saved("AVIF", speed=9)
    place = content.index(b"ispe") + 8
    return content[:place] + struct.pack(">2I", width, height) + content[place + 8 :]


def turned_avif() -> bytes:
    """An AVIF with a property that whoever shows it has to heed."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved("AVIF", speed=9, exif=exif)


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("index.html", "<script>alert(1)</script>")
    return file.getvalue()


def svg(content: str, attributes: str = 'width="64" height="48"', before: str = "") -> bytes:
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f"{before}<svg {names} {attributes}>{content}</svg>".encode()


def doubled(depth: int, element: str, form: str) -> str:
    """Each level has ten of the level before it."""
    levels = [f'<g id="l0">{element}</g>']
    levels += [f'<g id="l{n}">' + form.format(n - 1) * 10 + "</g>" for n in range(1, depth)]
    return f"<defs>{''.join(levels)}</defs>" + form.format(depth - 1)


def data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def laughs(depth: int) -> str:
    entities = ['<!ENTITY l0 "lol">'] + [f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, depth)]
    return "<!DOCTYPE svg [" + "".join(entities) + "]>"


def reaching(canary: Path, address: str) -> dict[str, bytes]:
    """Pictures of vectors that refer to a file, by each way in and each form of its name."""
    named: dict[str, bytes] = {}
    forms = {"path": str(canary), "url": f"file://{canary}", "name": canary.name, "network": address}
    for form, target in forms.items():
        ways = {
            "image": svg(f'<image width="64" height="48" xlink:href="{target}"/>'),
            "image2": svg(f'<image width="64" height="48" href="{target}"/>'),
            "use": svg(f'<use href="{target}#a"/><use xlink:href="{target}#a"/>'),
            "feimage": svg(
                f'<filter id="f"><feImage href="{target}"/></filter>'
                '<rect width="64" height="48" filter="url(#f)"/>'
            ),
            "css": svg(f'<style>@import url("{target}"); rect {{ fill: url({target}#a) }}</style><rect/>'),
            "sheet": svg("<rect/>", before=f'<?xml-stylesheet type="text/css" href="{target}"?>'),
            "font": svg(
                f'<style>@font-face {{ font-family: X; src: url("{target}") }}</style>'
                '<text y="20" font-family="X">A</text>'
            ),
            "entity": svg(
                '<text y="20">&e;</text>&e;', before=f'<!DOCTYPE svg [<!ENTITY e SYSTEM "{target}">]>'
            ),
            "parameter": svg("<rect/>", before=f'<!DOCTYPE svg [<!ENTITY % e SYSTEM "{target}"> %e;]>'),
            "dtd": svg("<rect/>", before=f'<!DOCTYPE svg SYSTEM "{target}">'),
            "xinclude": svg(
                f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{target}" parse="xml"/>'
                f'<text y="20"><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{target}" '
                'parse="text"/></text>'
            ),
            "foreign": svg(f'<foreignObject><img xmlns="http://www.w3.org/1999/xhtml" src="{target}"/>'
                           "</foreignObject>"),
            "script": svg(f'<script href="{target}">fetch("{target}")</script><rect onload="fetch(1)"/>'),
        }  # fmt: skip
        named |= {f"{way}-{form}.svg": content for way, content in ways.items()}
    return named


Make = Callable[[], bytes]

BOMBS: dict[str, Make] = {
    "268mp.png": lambda: png(16384),
    "268mp-palette.png": lambda: png(16384, colour=3),
    "268mp-interlaced.png": lambda: png(16384, interlaced=True),
    "largest.png": lambda: PNG + chunk(b"IHDR", struct.pack(">2I5B", 2**31 - 1, 2**31 - 1, 1, 0, 0, 0, 0)),
    "text.png": lambda: png(8, before=chunk(b"zTXt", b"A\0\0" + zeros(100 * MB)) * 5),
    "text-international.png": lambda: png(8, before=chunk(b"iTXt", b"A\0\1\0\0\0" + zeros(100 * MB)) * 5),
    "text-behind.png": lambda: png(8, after=chunk(b"zTXt", b"A\0\0" + zeros(100 * MB)) * 5),
    "texts.png": lambda: png(8, before=chunk(b"tEXt", b"A\0b") * 100_000),
    "no-utf8.png": lambda: png(8, before=chunk(b"tEXt", b"Caf\xe9\0Caf\xe9 \xff\xfe")),
    "profile.png": lambda: png(8, colour=2, bits=8, before=chunk(b"iCCP", b"A\0\0" + zeros(100 * MB))),
    "profile-garbage.png": lambda: png(
        8, colour=2, bits=8, before=chunk(b"iCCP", b"A\0\0" + zlib.compress(b"acsp" * 999))
    ),
    "too-many-pixels.png": lambda: (
        PNG
        + chunk(b"IHDR", struct.pack(">2I5B", 8, 8, 1, 0, 0, 0, 0))
        + chunk(b"IDAT", zeros(100 * MB))
        + chunk(b"IEND")
    ),
    "empty-pixels.png": lambda: (
        PNG
        + chunk(b"IHDR", struct.pack(">2I5B", 8, 8, 1, 0, 0, 0, 0))
        + chunk(b"IDAT") * 200_000
        + chunk(b"IEND")
    ),
    "frames.png": lambda: apng(16, 50_000),
    "told-frames.png": lambda: apng(16, 2, told=2**31 - 1),
    "large-frames.png": lambda: apng(5000, 250),
    "outside.png": lambda: apng(16, 3, part=16, left=2**31 - 1),
    "100000-frames.gif": lambda: gif(1, 100_000),
    "1000-large-frames.gif": lambda: gif_of_large_frames(7000, 1000),
    "screen.gif": lambda: gif(65535, 3),
    "wide-frame.gif": lambda: gif(16, 3, part=65535),
    "frames.webp": lambda: webp(16, 16, 50_000),
    "large-frames.webp": lambda: webp(5000, 5000, 250),
    "canvas.webp": lambda: webp(16384, 16384, 2),
    "largest-canvas.webp": lambda: webp(1 << 24, 1, 2),
    "1000000-scans.jpeg": lambda: jpeg(8, 8, MB),
    "5000-scans.jpeg": lambda: jpeg(4000, 4000, 5000),
    "90-scans.jpeg": lambda: jpeg(7000, 7000, 90),
    "largest.jpeg": lambda: jpeg(8, 8)[:2] + jpeg(65500, 65500)[2:400],
    "nothing-in-it.jpeg": lambda: jpeg(6000, 6000)[:400],
    "profile-garbage.jpeg": lambda: saved("JPEG", icc_profile=b"garbage" * 1000),
    "profile-tags.jpeg": lambda: saved(
        "JPEG", icc_profile=struct.pack(">I", 1 << 20) + bytes(32) + b"acsp" + bytes(88) + b"\xff" * 9999
    ),
    "exif-circle.jpeg": lambda: saved("JPEG", exif=exif("circle")),
    "exif-counts.jpeg": lambda: saved("JPEG", exif=exif("counts")),
    "exif-many.jpeg": lambda: saved("JPEG", exif=exif("many")),
    "exif-circle.webp": lambda: saved("WEBP", exif=exif("circle")),
    "exif-circle.png": lambda: png(8, before=chunk(b"eXIf", exif("circle")[6:])),
    "comments.jpeg": lambda: jpeg(8, 8, before=segment(0xFE, b"A" * 9) * 500_000),
    "circle.tiff": lambda: tiff(zeros(64 * 48), following=8 + len(zeros(64 * 48)) + len(zeros(64 * 48)) % 2),
    "60000-pages.tiff": lambda: pages(60_000),
    "deflate.tiff": lambda: tiff(zeros(100 * MB)),
    "bands.tiff": lambda: tiff(zeros(100 * MB), t256=1000, t257=1000, t277=60_000, t284=1),
    "tiles.tiff": lambda: tiff(zeros(64 * 48), t322=1 << 30, t323=1 << 30),
    "large-tiles.tiff": lambda: tiff(zeros(100 * MB), t322=16384, t323=16384),
    "strips.tiff": lambda: tiff(zeros(64 * 48), t278=0),
    "largest.tiff": lambda: tiff(zeros(64 * 48), t256=0xFFFFFFFF, t257=0xFFFFFFFF),
    "largest.avif": lambda: avif(0xFFFFFFFF, 0xFFFFFFFF),
    "268mp.avif": lambda: avif(16384, 16384),
    "49mp.avif": lambda: avif(7000, 7000),
    "laughs.svg": lambda: svg('<text y="20">&l9;</text>', before=laughs(10)),
    "quadratic.svg": lambda: svg(
        "<text>" + "&a;" * 100_000 + "</text>", before=f'<!DOCTYPE svg [<!ENTITY a "{"A" * 3000}">]>'
    ),
    "deep.svg": lambda: svg("<g>" * 100_000 + "<rect/>" + "</g>" * 100_000),
    "uses.svg": lambda: svg(doubled(10, '<rect width="9" height="9"/>', '<use xlink:href="#l{}"/>')),
    "itself.svg": lambda: svg('<g id="a"><use href="#a"/><use href="#a"/></g>'),
    "huge.svg": lambda: svg("<rect/>", 'width="1000000000" height="1000000000"'),
    "huge-view.svg": lambda: svg("<rect/>", 'viewBox="0 0 1e9 1e9"'),
    "no-size.svg": lambda: svg("<rect/>", 'width="0" height="0"'),
    "not-a-number.svg": lambda: svg("<rect/>", 'width="1e999" height="nan" viewBox="0 0 nan inf"'),
    "blur.svg": lambda: svg(
        '<filter id="f" x="-1e6" y="-1e6" width="1e9" height="1e9"><feGaussianBlur stdDeviation="1e6"/>'
        '<feTurbulence numOctaves="1000000" baseFrequency="1e6"/><feMorphology radius="100000"/></filter>'
        '<rect width="64" height="48" filter="url(#f)"/>'
    ),
    "dashes.svg": lambda: svg('<path d="M0 0H1e9" stroke="red" stroke-dasharray="1e-3 1e-3"/>'),
    "paths.svg": lambda: svg('<path d="M0 0' + "L9 9L0 0" * 200_000 + '" stroke="red"/>'),
    "elements.svg": lambda: svg('<rect width="1" height="1"/>' * 300_000),
    "masks.svg": lambda: svg(
        "".join(f'<mask id="m{n + 1}"><rect width="9" mask="url(#m{n})"/></mask>' for n in range(999))
        + '<rect width="64" height="48" mask="url(#m999)"/>'
    ),
    "patterns.svg": lambda: svg(
        '<pattern id="p0" width="1e-3" height="1e-3"><rect width="9" height="9"/></pattern>'
        + "".join(
            f'<pattern id="p{n + 1}" width=".01" height=".01"><rect width="9" height="9" fill="url(#p{n})"/>'
            "</pattern>"
            for n in range(30)
        )
        + '<rect width="64" height="48" fill="url(#p30)"/>'
    ),
    "picture.svg": lambda: svg(f'<image width="64" height="48" href="{data_url("image/png", png(16384))}"/>'),
    "script.svg": lambda: svg('<script>for(;;);</script><rect onload="for(;;)"/>'),
    "bomb.svgz": lambda: gzip.compress(svg("<g>" + " " * 50 * MB + "</g>")),
    "a-jpeg.png": lambda: saved("JPEG"),
    "a-png.jpeg": lambda: saved("PNG"),
    "an-svg.png": lambda: svg("<rect/>"),
    "script.gif": lambda: b"GIF89a/*" + bytes(9) + b"*/=alert(1);//",
    "archive.png": lambda: saved("PNG") + archive(),
    "page.jpeg": lambda: saved("JPEG", comment=b"<html><script>alert(1)</script>") + b"<script>alert(1)",
    "archive.gif": lambda: gif(8, 2, behind=archive()),
    "no-utf8.avif": lambda: turned_avif().replace(b"irot", b"\x7f\xff\xff\xff"),
    "heads.png": lambda: PNG,
    "heads.jpeg": lambda: b"\xff\xd8\xff\xe0",
    "heads.gif": lambda: b"GIF89a",
    "heads.webp": lambda: riff(),
    "heads.tiff": lambda: b"II*\0\xff\xff\xff\xff",
    "heads.avif": lambda: b"\0\0\0\x14ftypavif\0\0\0\0avif",
}
