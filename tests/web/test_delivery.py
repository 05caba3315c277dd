"""Originals and small results over a real socket: conditions, ranges, HEAD. The rules have own tables."""

import os

import pytest

CONTENT = bytes(range(256)) * 2000


@pytest.fixture
def file(source_folder):
    path = source_folder / "data.bin"
    path.write_bytes(CONTENT)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


async def test_an_original_whole(serve, file):
    async with serve() as server:
        response = await server.get("/data.bin")
    assert (response.status, response.content, response.complete) == (200, CONTENT, True)
    assert response.headers["Content-Length"] == str(len(CONTENT))
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Last-Modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert response.headers["ETag"].startswith('"')
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_head_has_the_headers_of_get(serve, file):
    async with serve() as server:
        got, head = await server.get("/data.bin"), await server.get("/data.bin", "HEAD")
    assert head.content == b""
    own = {"Date": "", "Server-Timing": ""}
    assert {**head.headers, **own} == {**got.headers, **own}


@pytest.mark.parametrize(
    ("field", "first", "last"),
    [("bytes=0-0", 0, 0), ("bytes=0-1", 0, 1), ("bytes=1000-", 1000, 511_999), ("bytes=-1", 511_999, 511_999),
     ("bytes=300000-999999999", 300_000, 511_999), ("bytes=0-", 0, 511_999)],
)  # fmt: skip
async def test_one_range(serve, file, field, first, last):
    async with serve() as server:
        response = await server.get("/data.bin", Range=field)
    assert (response.status, response.complete) == (206, True)
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/512000"
    assert response.content == CONTENT[first : last + 1]


async def test_many_ranges(serve, file):
    async with serve() as server:
        response = await server.get("/data.bin", Range="bytes=0-9, 100000-400000, -5")
    assert (response.status, response.complete) == (206, True)
    boundary = response.headers["Content-Type"].removeprefix("multipart/byteranges; boundary=")
    parts = response.content.split(b"\r\n--" + boundary.encode())
    assert parts[-1] == b"--\r\n"
    contents = [part.split(b"\r\n\r\n", 1)[1] for part in parts[:-1]]
    assert contents == [CONTENT[:10], CONTENT[100_000:400_001], CONTENT[-5:]]
    assert b"Content-Range: bytes 100000-400000/512000" in parts[1]


@pytest.mark.parametrize("field", ["bytes=512000-", "bytes=-0", "bytes=9-5", "bytes=x-y"])
async def test_no_such_range(serve, file, field):
    async with serve() as server:
        response = await server.get("/data.bin", Range=field)
    assert (response.status, response.headers["Content-Range"]) == (416, "bytes */512000")
    assert "512000 bytes" in response.text


async def test_conditions(serve, file):
    async with serve() as server:
        tag = (await server.get("/data.bin")).headers["ETag"]
        for fields, status in [
            ({"If_None_Match": tag}, 304),
            ({"If_None_Match": f'"other", W/{tag}'}, 304),
            ({"If_None_Match": '"other"'}, 200),
            ({"If_Modified_Since": "Tue, 14 Nov 2023 22:13:20 GMT"}, 304),
            ({"If_Modified_Since": "Tue, 14 Nov 2023 22:13:19 GMT"}, 200),
            ({"If_Match": '"other"'}, 412),
            ({"If_Match": tag}, 200),
            ({"If_Unmodified_Since": "Tue, 14 Nov 2023 22:13:19 GMT"}, 412),
            ({"Range": "bytes=0-9", "If_Range": tag}, 206),
            ({"Range": "bytes=0-9", "If_Range": '"other"'}, 200),
            ({"Range": "bytes=0-9", "If_Range": f"W/{tag}"}, 200),
            ({"Range": "bytes=0-9", "If_Range": "Tue, 14 Nov 2023 22:13:20 GMT"}, 206),
            ({"Range": "bytes=0-9", "If_None_Match": tag}, 304),
        ]:
            response = await server.get("/data.bin", **fields)
            assert (response.status, response.complete) == (status, True), fields
            if status in {304, 412}:
                assert response.headers["ETag"] == tag
            if status == 304:
                assert "Content-Length" not in response.headers
                assert "Content-Type" not in response.headers


async def test_a_changed_file_has_another_tag(serve, file):
    async with serve() as server:
        before = (await server.get("/data.bin")).headers["ETag"]
        file.write_bytes(CONTENT + b"more")
        after = await server.get("/data.bin", Range="bytes=0-9", If_Range=before)
    assert after.status == 200
    assert after.headers["ETag"] != before


async def test_an_empty_file(serve, source_folder):
    (source_folder / "empty").touch()
    async with serve() as server:
        response = await server.get("/empty")
        assert (response.status, response.headers["Content-Length"], response.content) == (200, "0", b"")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_small_result_is_complete_before_its_headers(serve, web, version):
    async with serve(small=web.program_preset("sized", "100000", streams=False)) as server:
        response = await server.get("/a.txt?preset=small", version=version)
        assert (response.status, response.headers["Content-Length"]) == (200, "100000")
        tag = response.headers["ETag"]
        ranged = await server.get("/a.txt?preset=small", Range="bytes=8-15", If_Range=tag)
        assert (ranged.status, ranged.content) == (206, b"0000001\n")
        assert (await server.get("/a.txt?preset=small", If_None_Match=tag)).status == 304


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("keep", [{}, {"Connection": "keep-alive"}])
async def test_a_large_result_streams(serve, web, version, keep):
    preset = web.program_preset("sized", "3000000", streams=False)
    async with serve(large=preset) as server:
        reader, writer = await server.send("/a.txt?preset=large", version=version, **keep)
        response = await web.read_response(reader)
        assert (response.status, len(response.content), response.complete) == (200, 3_000_000, True)
        assert "Content-Length" not in response.headers
        # Only the end of the connection ends it, so the connection cannot be kept.
        assert version == "1.1" or "Connection" not in response.headers
        assert response.content[-16:] == b"005b8d6\n005b8d7\n"
        writer.close()


async def test_a_connection_is_kept_for_the_next_request(serve, web):
    async with serve(stream=web.program_preset("sized", "300000")) as server:
        reader, writer = await server.connect()
        for _ in range(3):
            writer.write(web.request("/a.txt?preset=stream") + web.request("/a.txt"))
            assert len((await web.read_response(reader)).content) == 300_000
            assert (await web.read_response(reader)).content == b"hello\n"
        writer.close()


async def test_row_29_a_hundred_pipelined_requests_in_order(serve, web):
    async with serve(stream=web.program_preset("mirror", streams=False)) as server:
        reader, writer = await server.connect()
        writer.write(web.request("/a.txt") * 100)
        for _ in range(100):
            assert (await web.read_response(reader)).content == b"hello\n"
        writer.close()


async def test_html_is_shown_without_its_scripts(serve, source_folder):
    (source_folder / "x.html").write_text("<!doctype html><script>alert(1)</script>")
    async with serve() as server:
        response = await server.get("/x.html")
        assert response.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


async def test_an_accept_of_json_gets_a_problem_document(serve):
    async with serve() as server:
        response = await server.get("/missing", Accept="application/json")
        assert response.headers["Content-Type"] == "application/problem+json"
        assert '"status":404' in response.text.replace(" ", "")
