"""Makes the pictures of docs/images.md: each example in it is a URL, and its picture is what we answer.

    .venv/bin/python docs/pictures.py              all pictures, from docs/pictures/sources
    .venv/bin/python docs/pictures.py --sources    before that the sources, from the demo's pictures

An example is a URL of a source with parameters in a code span. `picture_of` says which file shows it, so the
document is the only list of them. What no example asks for any more is removed.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from tornado_media.app import Media, application
from tornado_media.config import Config

DOCUMENT = Path(__file__).with_name("images.md")
PICTURES = Path(__file__).with_name("pictures")
SOURCES = PICTURES / "sources"
BROWSER = {"Accept": "image/webp,image/*"}
"""What is said to the server: so `format=auto` is WebP, which every reader of the document can show."""

_example = re.compile(r"`(/[a-z0-9]+\.[a-z0-9]+\?[^`\s]+)`")
_written = re.compile(r"/[a-z0-9]+\.[a-z0-9]+\?[^\s`'\"<>)]+")
_NO_PICTURE = {"info", "hashes", "palette", "mp4"}
_ENDINGS = {"jpeg": ".jpg", "png": ".png", "gif": ".gif", "avif": ".avif"}


def examples(document: str) -> list[str]:
    """The URLs in code spans, each once, in their order."""
    return list(dict.fromkeys(_example.findall(document)))


def written(document: str) -> list[str]:
    """All URLs of sources with parameters, those of HTML and shells too."""
    return list(dict.fromkeys(url.replace("&amp;", "&") for url in _written.findall(document)))


def picture_of(url: str) -> str | None:
    """The name of the file that shows an example: the URL with dashes. None for what is no picture."""
    path, _, query = url.partition("?")
    values = dict(parse_qsl(query))
    if values.get("preset") in _NO_PICTURE:
        return None
    words = re.sub(r"[^a-z0-9.]+", "-", unquote(f"{Path(path).stem}-{query}").lower()).strip("-")
    return words + _ENDINGS.get(values.get("format", "auto"), ".webp")


async def answers(urls: Collection[str], fields: Mapping[str, str] = BROWSER) -> dict[str, HTTPResponse]:
    """What a server of the sources answers, by URL."""
    media = Media(
        Config.from_mapping(
            {
                "sources": {"examples": {"root": str(SOURCES)}},
                "cache": {"bytes": 0},
                "server": {"workers": 2},
            },
            SOURCES,
        )
    )
    server, client = HTTPServer(application(media)), AsyncHTTPClient(force_instance=True)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    address = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"

    async def ask(url: str) -> HTTPResponse:
        return await client.fetch(address + url, headers=dict(fields), raise_error=False, request_timeout=60)

    try:
        return dict(zip(urls, await asyncio.gather(*map(ask, urls)), strict=True))
    finally:
        client.close()
        server.stop()
        await server.close_all_connections()
        await media.close()


def make_sources() -> None:
    """The sources but for logo.svg, which is written by hand."""
    import subprocess
    import tempfile

    import imageio_ffmpeg
    import pyvips

    from tornado_media.demo import pictures, videos

    def small(name: str, width: int) -> pyvips.Image:
        whole = pictures.MAKERS[name]().copy_memory()
        return whole.thumbnail_image(width).copy_memory()

    lake = small("1.jpg", 960).copy()
    about = {
        "ifd0-Make": "Tornado",
        "ifd0-Model": "Pinhole 1",
        "ifd0-Artist": "tornado_media",
        "ifd0-Copyright": "The tornado_media authors, Apache License 2.0",
        "ifd2-DateTimeOriginal": "2025:06:21 21:43:00",
        "ifd3-GPSLatitude": "46/1 33/1 0/1",
        "ifd3-GPSLatitudeRef": "N",
        "ifd3-GPSLongitude": "8/1 33/1 0/1",
        "ifd3-GPSLongitudeRef": "E",
    }
    for name, value in about.items():
        lake.set_type(pyvips.GValue.gstr_type, f"exif-{name}", value)
    lake.write_to_file(str(SOURCES / "1.jpg"), Q=82, optimize_coding=True)

    noise, beige = pyvips.Image.gaussnoise(480, 360, sigma=2, mean=0, seed=1), [238, 232, 220]
    paper = noise + beige
    scan = paper.insert(small("cells.webp", 320), 96, 48).cast("uchar").copy(interpretation="srgb")
    scan.write_to_file(str(SOURCES / "scan.jpg"), Q=70, optimize_coding=True)

    dots = small("sunflower.png", 560)
    dots.write_to_file(str(SOURCES / "dots.png"), palette=True, Q=60, bitdepth=4)

    def ball(step: int) -> pyvips.Image:
        height = 76 - 60 * (1 - ((step - 6) / 6) ** 2)
        shadow = 12 + (76 - height) / 6
        return pictures.drawing(
            160,
            100,
            f'<ellipse cx="80" cy="92" rx="{shadow:.1f}" ry="4" fill="#7a4a8c"/>'
            f'<circle cx="80" cy="{height:.1f}" r="15" fill="#e8703a"/>',
        )

    frames = pyvips.Image.arrayjoin([ball(step) for step in range(12)], across=1).copy()
    frames.set_type(pyvips.GValue.gint_type, "page-height", 100)
    frames.set_type(pyvips.GValue.array_int_type, "delay", [70] * 12)
    frames.set_type(pyvips.GValue.gint_type, "loop", 0)
    frames.write_to_file(str(SOURCES / "ball.gif"), bitdepth=4)

    def page(dots_at: list[tuple[int, int]]) -> pyvips.Image:
        pips = "".join(f'<circle cx="{x}" cy="{y}" r="14" fill="#3a2a5c"/>' for x, y in dots_at)
        sheet = '<rect width="150" height="212" fill="#eee8dc"/>'
        return pictures.drawing(150, 212, sheet + pips).flatten()

    pages = pyvips.Image.arrayjoin([page([(75, 106)]), page([(45, 60), (105, 152)])], across=1).copy()
    pages.set_type(pyvips.GValue.gint_type, "page-height", 212)
    pages.write_to_file(str(SOURCES / "pages.tif"), compression="lzw")

    with tempfile.TemporaryDirectory() as folder:
        layers = Path(folder)
        pictures.make_layers(layers)
        film = layers / "clip.mkv"
        videos.encode(videos.clip(layers), videos.CLIP_SECONDS, film, lambda part: None)
        command = (
            f"-v error -y -nostdin -ss 8 -t 48 -i {film} -an "
            "-vf setpts=PTS/6,fps=10,scale=320:-2 -c:v libx264 -preset slow -crf 34 -pix_fmt yuv420p"
        )
        argv = [imageio_ffmpeg.get_ffmpeg_exe(), *command.split(), str(SOURCES / "clip.mp4")]
        subprocess.run(argv, check=True)


async def main() -> int:
    """Make all, and say how large they are."""
    if sys.argv[1:] == ["--sources"]:
        make_sources()
    urls = [url for url in examples(DOCUMENT.read_text()) if picture_of(url)]
    failed, made = 0, set()
    for url, answer in (await answers(urls)).items():
        name = str(picture_of(url))
        if answer.code != 200:
            failed += 1
            print(f"{answer.code} {url}: {answer.body.decode(errors='replace').strip()}", file=sys.stderr)
            continue
        (PICTURES / name).write_bytes(answer.body)
        made.add(name)
    if not failed:
        for path in PICTURES.iterdir():
            if path.is_file() and path.name not in made:
                path.unlink()
    size = sum(path.stat().st_size for path in PICTURES.rglob("*") if path.is_file())
    print(f"{len(made)} pictures; with their sources {size // 1024} KiB")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
