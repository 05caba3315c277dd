"""The servers that make thumbnails: how each is installed, started and asked for the same.

All give baseline JPEG with 4:2:0 and without metadata, of quality 80 (ours of 81, which takes as many bytes),
inside a box, and keep no results; where a server's default is another one, it is told so here. What is
installed goes into the cache folder, once.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from _load import Http, Line, Pipe
from _photos import BASELINE, JPEGS, KINDS, PNG, PROGRESSIVE, WEBP
from _programs import Missing, cache_folder, ended, free_port, install, output, program, unpack

QUALITY = 80
OUR_QUALITY = 81
"""With our quantization tables as many bytes as QUALITY gives with those of T.81, which the others have."""
PROCESSES = 2
IN_FLIGHT = 4
"""Requests at once for each server: while two are worked on, two wait."""


@dataclass
class Peer:
    """A server that runs.

    Args:
        name: in tables.
        version: of it and of what it decodes with.
        pids: of its processes; what they started belongs to it.
        lines: to ask it.
        target: of a photo's name and kind inside a box.
        kinds: of photos that it makes a JPEG of.
    """

    name: str
    version: str
    pids: list[int]
    lines: Sequence[Line]
    target: Callable[[str, str, tuple[int, int]], str]
    kinds: Sequence[str] = KINDS


@contextlib.contextmanager
def ours(photos: Path, folder: Path, *, kept: bool = False, convert: str | None = None) -> Iterator[Peer]:
    """This server: its engine, or ImageMagick as a program for each request."""
    folder.mkdir()
    size = "" if kept else "bytes = 0\nmemory = 0\n"
    text = f"[server]\nworkers = {PROCESSES}\n[slots]\njobs = {PROCESSES}\n"
    text += f'[cache]\nfolder = "{folder}/kept"\n{size}[sources.photos]\nroot = "{photos}"\n'
    if convert:
        text += CONVERT % json.dumps(convert)
    (folder / "ours.toml").write_text(text)
    preset = "preset=convert&" if convert else f"quality={OUR_QUALITY}&format=jpeg&"
    argv = [sys.executable, "-m", "tornado_media", "serve", "--port", "0", "--log-level", "WARNING"]
    process = subprocess.Popen(
        [*argv, "--config", str(folder / "ours.toml")], stdout=subprocess.PIPE, text=True
    )
    with ended(process):
        assert process.stdout is not None
        line = process.stdout.readline()
        if "://" not in line:
            raise Missing(f"it did not start: {line}")
        port = int(line.split("://")[1].split(":")[1].split("/")[0])
        name = (
            "convert a request, by us"
            if convert
            else "tornado_media, results kept"
            if kept
            else "tornado_media"
        )
        version = imagemagick(convert) if convert else our_version()
        lines = [Http(port) for _ in range(IN_FLIGHT)]
        yield Peer(name, version, [process.pid], lines, lambda n, k, b: f"/{n}?{preset}size={b[0]}x{b[1]}")


CONVERT = """
[preset.convert]
accepts    = ["image/*"]
media_type = "image/jpeg"
stdin      = "source"
pipeline   = [[%s, "-limit", "thread", "1", "-define", "jpeg:size={size}", "{source_format}:-",
               "-auto-orient", "-resize", "{size}", "-strip", "-quality", "80", "-sampling-factor", "4:2:0",
               "-interlace", "none", "jpeg:-"]]
[preset.convert.parameters]
size = { type = "size", max = "1000x1000", required = true }
"""


@contextlib.contextmanager
def bare(photos: Path, program: str) -> Iterator[Peer]:
    """Our engine in two processes with no server: a line goes in, a picture comes out."""
    argv = [sys.executable, program, "--bare", str(photos)]
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(ended(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)))
            for _ in range(PROCESSES)
        ]
        lines = [Pipe(process) for process in processes]
        pids = [process.pid for process in processes]
        yield Peer("  its bare engine", "", pids, lines, lambda n, k, b: f"{n} {MEDIA[k]} {b[0]} {b[1]}")


MEDIA = {PROGRESSIVE: "image/jpeg", BASELINE: "image/jpeg", PNG: "image/png", WEBP: "image/webp"}


def be_bare(photos: Path) -> None:
    """Be one of the processes of `bare`."""
    from tornado_media.engines.bounds import keep_memory
    from tornado_media.engines.worker import load

    keep_memory()
    engine = load("thumbnail")
    for line in sys.stdin:
        name, media_type, width, height = line.split()
        source = os.open(photos / name, os.O_RDONLY)
        box = {"width": int(width), "height": int(height), "fit": "inside", "format": "jpeg"}
        content = engine(source, media_type, **box, quality=OUR_QUALITY, pixels=50_000_000)
        os.close(source)
        sys.stdout.buffer.write(b"%d\n%s" % (len(content), content))
        sys.stdout.buffer.flush()


@contextlib.contextmanager
def thumbor(photos: Path, folder: Path) -> Iterator[Peer]:
    """Two of its processes, with half of the requests each."""
    python = cache_folder() / "thumbor" / "bin" / "python"
    make = [sys.executable, "-m", "venv", "--clear", str(python.parents[1])]
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    install(python, make, [*pip, "install", "thumbor>=7.8,<8"])
    code = "import PIL, thumbor; print(thumbor.__version__, 'Pillow', PIL.__version__)"
    version = output([str(python), "-c", code])
    folder.mkdir()
    (folder / "thumbor.conf").write_text(THUMBOR % (str(photos), QUALITY))
    with contextlib.ExitStack() as stack:
        pids, lines = [], []
        for _ in range(PROCESSES):
            port = free_port()
            argv = [str(python), "-m", "thumbor.server", "--ip", "127.0.0.1", "--port", str(port)]
            argv += ["--conf", str(folder / "thumbor.conf"), "--log-level", "error"]
            pids.append(stack.enter_context(program(argv, port)))
            lines += [Http(port) for _ in range(IN_FLIGHT // PROCESSES)]

        def target(name: str, kind: str, box: tuple[int, int]) -> str:
            filters = "" if kind in JPEGS else "filters:format(jpeg)/"
            return f"/unsafe/fit-in/{box[0]}x{box[1]}/{filters}{name}"

        yield Peer("thumbor", version, pids, lines, target)


THUMBOR = """
LOADER = "thumbor.loaders.file_loader"
FILE_LOADER_ROOT_PATH = %r
STORAGE = "thumbor.storages.no_storage"
QUALITY = %d
PROGRESSIVE_JPEG = False
RESPECT_ORIENTATION = True
"""


@contextlib.contextmanager
def ipx(photos: Path, folder: Path) -> Iterator[Peer]:
    """One process, which has four threads for pictures, as it has by default."""
    if not (node := shutil.which("node")) or not (npm := shutil.which("npm")):
        raise Missing("there is no node or no npm here")
    home = cache_folder() / "ipx"
    package = home / "node_modules" / "ipx" / "package.json"
    install(
        package, [npm, "install", "--prefix", str(home), "--no-audit", "--no-fund", "--silent", "ipx@^3.1"]
    )
    launcher, port = home / "serve.mjs", free_port()
    launcher.write_text(IPX)
    sharp = json.loads((home / "node_modules" / "sharp" / "package.json").read_text())["version"]
    version = (
        f"{json.loads(package.read_text())['version']} sharp {sharp}, node {output([node, '--version'])}"
    )
    with program([node, str(launcher), str(photos), str(port)], port, NODE_ENV="production") as pid:
        lines = [Http(port) for _ in range(IN_FLIGHT)]
        yield Peer(
            "ipx",
            version,
            [pid],
            lines,
            lambda n, k, b: f"/s_{b[0]}x{b[1]},fit_inside,q_{QUALITY},f_jpeg/{n}",
        )


# Progressive by default, which no argument of its own program changes; hence these lines out of its manual.
IPX = """
import { createServer } from "node:http";
import { createIPX, createIPXNodeServer, ipxFSStorage } from "ipx";
const storage = ipxFSStorage({ dir: process.argv[2] });
const ipx = createIPX({ storage, sharpOptions: { jpegProgressive: false } });
createServer(createIPXNodeServer(ipx)).listen(Number(process.argv[3]), "127.0.0.1");
"""


@contextlib.contextmanager
def nginx(photos: Path, folder: Path) -> Iterator[Peer]:
    """Two workers with image_filter (gd). It answers in the format of the source: only JPEGs compare."""
    binary = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if not binary:
        raise Missing("nginx is not installed: apt-get install nginx libnginx-mod-http-image-filter")
    module = Path("/usr/lib/nginx/modules/ngx_http_image_filter_module.so")
    if not module.exists():
        unpacked = unpack("libnginx-mod-http-image-filter", cache_folder())
        module = unpacked / module.relative_to("/")
    folder.mkdir(mode=0o755)
    port, file = free_port(), folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    file.write_text(NGINX % {"photos": photos, "folder": folder, "port": port, "module": module, "user": user,
                             "workers": PROCESSES, "quality": QUALITY})  # fmt: skip
    version = subprocess.run([binary, "-v"], capture_output=True, text=True, check=True).stderr
    with program([binary, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(file)], port) as pid:
        # It closes each connection, so that the next request goes to the worker that has nothing to do.
        lines = [Http(port) for _ in range(IN_FLIGHT)]
        yield Peer("nginx image_filter", version.split("/")[1].strip(), [pid], lines,
                   lambda n, k, b: f"/{n}?w={b[0]}&h={b[1]}", JPEGS)  # fmt: skip


NGINX = """
load_module %(module)s;
daemon off; worker_processes %(workers)d; pid %(folder)s/nginx.pid; error_log %(folder)s/error.log; %(user)s
events {}
http {
  access_log off; types { image/jpeg jpg; } keepalive_timeout 0;
  client_body_temp_path %(folder)s/t1; proxy_temp_path %(folder)s/t2; fastcgi_temp_path %(folder)s/t3;
  uwsgi_temp_path %(folder)s/t4; scgi_temp_path %(folder)s/t5;
  image_filter_buffer 64M; image_filter_jpeg_quality %(quality)d; image_filter_interlace off;
  server { listen 127.0.0.1:%(port)d; root %(photos)s; location / { image_filter resize $arg_w $arg_h; } }
}
"""


def our_version() -> str:
    """This server and its libvips."""
    import pyvips

    import tornado_media

    return f"{tornado_media.__version__} libvips {'.'.join(str(pyvips.version(k)) for k in range(3))}"


def find_convert() -> str:
    """ImageMagick."""
    for name in ("convert-im6.q16", "magick", "convert"):
        if path := shutil.which(name):
            return path
    raise Missing("ImageMagick is not installed: apt-get install imagemagick")


def imagemagick(path: str) -> str:
    """Its version."""
    return " ".join(output([path, "-version"]).split()[1:3])
