"""The main job, end to end: real pictures and films through real programs, as `conf/` has them."""

import asyncio
import contextlib
import io
import json
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tornado_media import Media, load_config
from tornado_media.app import application

CONF = Path(__file__).parents[2] / "conf" / "tornado_media.toml"


@pytest.fixture
def serve_conf(web, media_folder, clip_mkv):
    """The reference configuration, serving the folder of the tests."""

    @contextlib.asynccontextmanager
    async def serve():
        (media_folder / "clip.mkv").symlink_to("film.mkv")
        (media_folder / "film.mkv").hardlink_to(clip_mkv)
        config = load_config(CONF).with_sources({"test": {"root": str(media_folder)}})
        media = Media(config)
        async with web.listening(application(media), media) as server:
            yield server

    return serve


@pytest.mark.parametrize(
    "query",
    [
        "size=300x200",
        "size=300x200&preset=thumbnail&quality=80",
        pytest.param("preset=imagemagick&size=300x200", marks=pytest.mark.needs("convert")),
        pytest.param("preset=mozjpeg&size=300x200", marks=pytest.mark.needs("convert", "cjpeg")),
        pytest.param("preset=vipsthumbnail&size=300x200", marks=pytest.mark.needs("vipsthumbnail")),
    ],
)
async def test_a_thumbnail_of_ten_megapixels(serve_conf, query):
    async with serve_conf() as server:
        response = await server.get(f"/1.jpg?{query}")
        assert (response.status, response.headers["Content-Type"]) == (200, "image/jpeg")
        assert response.headers["Content-Length"] == str(len(response.content))
        assert response.headers["ETag"].startswith('"')
        with Image.open(io.BytesIO(response.content)) as small:
            small.load()
            assert small.format == "JPEG"
            assert small.size == (300, 200)


async def test_the_form_of_a_request_does_not_change_the_bytes(serve_conf):
    async with serve_conf() as server:
        one = await server.get("/1.jpg?size=300x200")
        other = await server.get("/1.jpg?quality=80&size=300x200&preset=thumbnail&fit=inside")
        assert one.headers["ETag"] == other.headers["ETag"]
        assert one.content == other.content


async def test_a_live_film_from_31_7_decodes(serve_conf, ffmpeg):
    async with serve_conf() as server:
        response = await server.get("/clip.mkv?preset=mp4&height=180&start=31.7")
        assert (response.status, response.complete) == (200, True)
        assert response.headers["Content-Type"] == "video/mp4"
        assert response.headers["Accept-Ranges"] == "none"
        assert response.headers["Cache-Control"] == "no-store"
    assert response.content[4:8] == b"ftyp"
    done = subprocess.run(
        [ffmpeg, "-v", "error", "-xerror", "-i", "-", "-f", "null", "-"],
        input=response.content,
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")


async def test_a_poster_and_the_facts(serve_conf):
    async with serve_conf() as server:
        poster = await server.get("/clip.mkv?size=320x320&time=12")
        with Image.open(io.BytesIO(poster.content)) as frame:
            assert frame.size == (320, 180)
        facts = json.loads((await server.get("/clip.mkv?preset=info")).content)
        assert facts["duration"] == pytest.approx(60, abs=0.1)
        late = await server.get("/clip.mkv?preset=mp4&start=61")
        assert late.status == 400
        assert "60" in late.text
        assert (await server.get("/1.jpg?preset=mp4")).status == 422


async def test_a_broken_picture_is_422_and_the_worker_lives(serve_conf, media_folder):
    (media_folder / "bad.jpg").write_bytes((media_folder / "1.jpg").read_bytes()[:4000])
    async with serve_conf() as server:
        before = server.media.workers.running
        assert (await server.get("/bad.jpg?size=300x200")).status == 422
        assert (await server.get("/1.jpg?size=300x200")).status == 200
        assert server.media.workers.running == max(1, before)


# -- slots over HTTP -----------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def full_server(serve, web):
    """A server with one slot, the request that has it and the one that waits for it."""
    config = {"slots": {"streams": 1, "queue": 1}}
    async with serve(config, silent=web.program_preset("silent", "10", cache=False)) as server:
        running = await server.send("/a.txt?preset=silent")
        await web.read_head(running[0])
        waiting = await server.send("/a.txt?preset=silent")
        while not server.media.jobs.streams.waiting:
            await asyncio.sleep(0)
        yield server, running, waiting


async def test_a_full_server_waits_in_order_then_says_503(serve, web):
    async with full_server(serve, web) as (server, running, waiting):
        streams = server.media.jobs.streams
        refused = await server.get("/a.txt?preset=silent")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
        assert (await server.get("/a.txt")).status == 200
        running[1].close()
        status, _ = await web.read_head(waiting[0])
        assert status == 200
        waiting[1].close()
        while streams.running:
            await asyncio.sleep(0)


async def test_a_waiter_whose_client_left_is_removed(serve, web):
    async with full_server(serve, web) as (server, running, waiting):
        streams = server.media.jobs.streams
        waiting[1].close()
        while streams.waiting:
            await asyncio.sleep(0)
        assert streams.running == 1
        running[1].close()
        while streams.running:
            await asyncio.sleep(0)


@pytest.mark.slow
async def test_a_client_that_leaves_a_picture_ends_its_worker_only(serve, picture, source_folder):
    picture("big.png", 6000, 6000, folder=source_folder)
    async with serve() as server:
        reader, writer = await server.send("/big.png?size=300x200")
        while not server.media.jobs.jobs.running:
            await asyncio.sleep(0)
        writer.close()
        while server.media.jobs.jobs.running:
            await asyncio.sleep(0)
        assert (await server.get("/big.png?size=30x20")).status == 200
        assert reader is not None
