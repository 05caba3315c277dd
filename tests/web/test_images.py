"""Pictures over HTTP: negotiation, several sources, presets of pictures, and what the cache makes of it."""

import io
import json

import pytest
from PIL import Image

CHROME = {"Accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"}
SAFARI_13 = {"Accept": "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"}


@pytest.fixture(autouse=True)
def pictures(picture, source_folder):
    picture("1.jpg", 400, 300, folder=source_folder, quality=90)
    picture("clear.png", 100, 80, mode="RGBA", folder=source_folder)
    Image.new("RGB", (40, 40), "red").save(source_folder / "logo.png")
    (source_folder / "hidden").mkdir()
    return source_folder


def shown(answer):
    image = Image.open(io.BytesIO(answer.content))
    image.load()
    return image


@pytest.mark.parametrize(
    ("fields", "media_type"),
    [
        (CHROME, "image/avif"),
        ({"Accept": "image/webp,*/*"}, "image/webp"),
        ({"Accept": "image/avif;q=0.1,image/webp;q=0.2"}, "image/webp"),
        (SAFARI_13, "image/jpeg"),
        ({}, "image/jpeg"),
    ],
)
async def test_auto_is_what_the_client_names(serve, fields, media_type):
    async with serve() as server:
        answer = await server.get("/1.jpg?size=60x", **fields)
        assert (answer.status, answer.headers["Content-Type"]) == (200, media_type)
        assert answer.headers["Vary"] == "Accept"
        assert shown(answer).size == (60, 45)
        ending = media_type.removeprefix("image/").replace("jpeg", "jpg")
        assert f'filename="1.{ending}"' in answer.headers["Content-Disposition"]
        head = await server.get("/1.jpg?size=60x", "HEAD", **fields)
        assert (head.headers["Content-Type"], head.headers["Vary"]) == (media_type, "Accept")
        same = await server.get("/1.jpg?size=60x", If_None_Match=answer.headers["ETag"], **fields)
        assert (same.status, same.headers["Vary"]) == (304, "Accept")


async def test_one_result_for_each_format_not_for_each_accept(serve):
    """Three browsers and one that says it in the URL: two jobs."""
    async with serve() as server:
        accepts = ["image/avif,image/webp", "image/webp", "image/webp;q=0.9,*/*;q=0.1"]
        answers = [await server.get("/1.jpg?size=60x", Accept=accept) for accept in accepts]
        answers.append(await server.get("/1.jpg?size=60x&format=webp"))
        states = [answer.headers["Cache-Status"].partition("; ")[2] for answer in answers]
        assert states == ["fwd=miss; stored", "fwd=miss; stored", "hit", "hit"]
        assert answers[1].headers["ETag"] == answers[3].headers["ETag"]
        assert "Vary" not in answers[3].headers


async def test_the_short_way_knows_who_asked(serve):
    async with serve() as server:
        for _ in range(3):
            for fields, kind in ((CHROME, "AVIF"), (SAFARI_13, "JPEG"), ({"Accept": "image/webp"}, "WEBP")):
                assert shown(await server.get("/1.jpg?size=60x", **fields)).format == kind


async def test_what_is_transparent_stays_so(serve):
    async with serve() as server:
        assert shown(await server.get("/clear.png?size=60x")).mode == "RGBA"


async def test_hints_where_they_are_configured(serve):
    async with serve({"client": {"hints": True}}) as server:
        answer = await server.get("/1.jpg?size=60x&format=jpeg", **{"Sec-CH-DPR": "1.9"})
        assert shown(answer).size == (120, 90)
        assert answer.headers["Vary"] == "Sec-CH-DPR, Save-Data"
        answer = await server.get("/1.jpg?format=jpeg&fit=cover", **{"Sec-CH-Width": "150"})
        assert shown(answer).size == (160, 120)
        saved = await server.get("/1.jpg?size=300x&format=jpeg", **{"Save-Data": "on"})
        usual = await server.get("/1.jpg?size=300x&format=jpeg")
        assert len(saved.content) < len(usual.content)


async def test_a_watermark_is_another_source(serve, source_folder):
    async with serve() as server:
        target = "/1.jpg?size=200x&format=png&watermark=/logo.png&watermark_scale=0.5"
        answer = await server.get(target)
        red, green, blue = shown(answer).convert("RGB").getpixel((160, 110))
        assert red > 240
        assert max(green, blue) < 20
        Image.new("RGB", (40, 40), "lime").save(source_folder / "logo.png")
        answer = await server.get(target)
        assert shown(answer).convert("RGB").getpixel((160, 110))[1] > 240


@pytest.mark.parametrize(
    ("watermark", "status"),
    [("/nowhere.png", 404), ("logo.png", 400), ("/../x.png", 400), ("/a.txt", 422), ("/.hidden.png", 404)],
)
async def test_a_watermark_that_cannot_be(serve, watermark, status):
    async with serve() as server:
        answer = await server.get(f"/1.jpg?size=200x&watermark={watermark}")
        assert answer.status == status
        assert b"watermark" in answer.content


async def test_what_is_known_of_a_picture(serve):
    async with serve() as server:
        info = json.loads((await server.get("/1.jpg?preset=info")).content)
        assert (info["media_type"], info["width"], info["height"]) == ("image/jpeg", 400, 300)
        assert info["blurhash"]
        placeholder = await server.get("/1.jpg?preset=placeholder")
        assert placeholder.headers["Content-Type"] == "image/webp"
        assert len(placeholder.content) < 1024
        assert max(shown(placeholder).size) == 32
        palette = await server.get("/1.jpg?preset=palette&colors=3")
        assert palette.headers["Content-Type"] == "application/json"


async def test_a_parameter_that_does_not_fit_this_source(serve):
    async with serve() as server:
        for query in ("crop=500,0,10,10", "frame=5", "size=8000x8000&fit=fill"):
            answer = await server.get(f"/1.jpg?{query}&format=jpeg")
            assert answer.status == 400, query
            assert b"." in answer.content
