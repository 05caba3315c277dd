"""Servers that make only what is signed."""

import time

import pytest

from tornado_media import sign

KEY = "a key of some length"
KEYS = {"signing": {"keys": ["an older one, kept a while", KEY]}}


@pytest.fixture(autouse=True)
def photo_to_sign(picture, source_folder):
    picture("1.jpg", 120, 90, folder=source_folder)


async def test_only_what_is_signed_is_made(serve):
    async with serve(KEYS) as server:
        answer = await server.get(sign("/1.jpg?size=30x20&format=jpeg", KEY))
        assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
        for target in ("/1.jpg?size=30x20", "/1.jpg?size=30x20&signature=x", "/1.jpg?preset=original"):
            assert (await server.get(target)).status == 403
        assert (await server.get("/1.jpg")).status == 200


async def test_nothing_is_looked_at_before_the_signature(serve):
    async with serve(KEYS) as server:
        assert (await server.get("/not-there.jpg?size=1x1")).status == 403
        assert (await server.get("/1.jpg?size=wrong")).status == 403


async def test_originals_may_need_one_too(serve):
    async with serve({"signing": {"keys": [KEY], "originals": True}}) as server:
        assert (await server.get("/1.jpg")).status == 403
        assert (await server.get(sign("/1.jpg", KEY))).status == 200


async def test_without_keys_a_signature_is_a_mistake(serve):
    async with serve() as server:
        assert (await server.get(sign("/1.jpg?size=30x20", KEY))).status == 400


async def test_a_url_that_expires_is_not_kept_longer(serve):
    async with serve(KEYS) as server:
        target = sign("/1.jpg?size=30x20", KEY, expires=int(time.time()) + 100)
        for _ in range(2):
            answer = await server.get(target)
            assert answer.status == 200
            assert 90 <= int(answer.headers["Cache-Control"].rpartition("=")[2]) <= 100
        passed = sign("/1.jpg?size=30x20", KEY, expires=int(time.time()) - 1)
        assert (await server.get(passed)).status == 403


async def test_a_signed_target_is_answered_the_short_way_a_changed_one_never(serve):
    async with serve(KEYS) as server:
        target = sign("/1.jpg?size=30x20", KEY)
        first, second = await server.get(target), await server.get(target)
        assert "hit" in second.headers["Cache-Status"]
        assert second.content == first.content
        assert (await server.get(target.replace("30x20", "30x21"))).status == 403
