import json
import os

import pytest


async def test_the_pages_come_with_a_strict_policy(serve):
    async with serve() as server:
        for path, media_type in [
            ("/-/", "text/html; charset=utf-8"),
            ("/-/play?source=/clip.mkv", "text/html; charset=utf-8"),
            ("/-/static/gallery.js", "text/javascript; charset=utf-8"),
            ("/-/static/style.css", "text/css; charset=utf-8"),
        ]:
            response = await server.get(path)
            assert (response.status, response.headers["Content-Type"]) == (200, media_type)
            assert "script-src 'self'" in response.headers["Content-Security-Policy"]
            assert "unsafe" not in response.headers["Content-Security-Policy"]
            again = await server.get(path, If_None_Match=response.headers["ETag"])
            assert again.status == 304


@pytest.mark.parametrize(
    "path", ["/-", "/-/nothing", "/-/static/", "/-/static/none.js", "/-/static/%2e%2e/app.py"]
)
async def test_no_such_page(serve, path):
    async with serve() as server:
        assert (await server.get(path)).status in {400, 404}


async def test_health(serve, web):
    config = {"slots": {"jobs": 3, "streams": 5}, "programs": {"nothing": "/no/where"}}
    async with serve(config, silent=web.program_preset("silent", "10", pipeline=[["nothing"]])) as server:
        health = json.loads((await server.get("/-/health")).content)
    assert health["status"] == "ok"
    assert health["jobs"] == {"slots": 3, "running": 0, "waiting": 0}
    assert health["streams"] == {"slots": 5, "running": 0, "waiting": 0}
    assert "nothing" in health["missing_programs"]


async def test_the_list_of_a_folder(serve, picture, source_folder):
    picture("holiday/10.jpg", 40, 30, folder=source_folder)
    picture("holiday/2.jpg", 40, 30, folder=source_folder)
    async with serve() as server:
        top = json.loads((await server.get("/-/list")).content)
        assert top["folders"] == [{"name": "holiday", "path": "/holiday/"} | top["folders"][0]]
        assert [file["path"] for file in top["files"]] == ["/a.txt"]
        holiday = json.loads((await server.get("/-/list?folder=/holiday/")).content)
        assert [file["name"] for file in holiday["files"]] == ["2.jpg", "10.jpg"]
        assert holiday["files"][0]["media_type"] == "image/jpeg"
        assert holiday["files"][0]["size"] == os.stat(source_folder / "holiday/2.jpg").st_size
        assert holiday["next"] is None


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("folder=/none/", 404),
        ("folder=/../", 400),
        ("folder=x", 400),
        ("colour=red", 400),
        ("folder=/a.txt", 404),
    ],
)
async def test_lists_that_cannot_be(serve, query, status):
    async with serve() as server:
        assert (await server.get(f"/-/list?{query}")).status == status


async def test_a_folder_leads_to_its_gallery(serve, source_folder):
    (source_folder / "my holiday").mkdir()
    async with serve() as server:
        assert (await server.get("/")).headers["Location"] == "/-/?folder=/"
        response = await server.get("/my%20holiday")
        assert (response.status, response.headers["Location"]) == (302, "/-/?folder=/my%20holiday/")
        assert (await server.get("/my%20holiday/?size=3x3")).status == 404


async def test_listing_can_be_switched_off(serve, source_folder):
    config = {"sources": {"test": {"root": str(source_folder), "listing": False}}}
    async with serve(config) as server:
        assert (await server.get("/-/list")).status == 403
        assert (await server.get("/")).status == 404
        assert (await server.get("/a.txt")).status == 200
