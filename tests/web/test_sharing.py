"""Equal requests share one job, results are kept and found again, ranges work on what still grows."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tornado_media.store.spool import SpoolReader

KIB, MIB = 1024, 1024 * 1024


def pattern(size: int) -> bytes:
    """What tests/programs/gated.py writes."""
    return b"".join(number.to_bytes(8, "big") for number in range(size // 8 + 1))[:size]


class Gate:
    """A FIFO that a program waits at, and the log of its runs."""

    def __init__(self, folder: Path, web: Any) -> None:
        self.path, self.log, self._web = folder / "gate", folder / "runs", web
        os.mkfifo(self.path)
        self.log.touch()

    @property
    def runs(self) -> int:
        return len(self.log.read_text().splitlines())

    async def open(self) -> None:
        """Let the program on; returns when it has come to the gate."""
        await self._web.open_gate(self.path)

    def stay_open(self) -> contextlib.closing[Any]:
        """Let every program on that comes to the gate, for the length of a `with` block."""
        return contextlib.closing(os.fdopen(os.open(self.path, os.O_RDWR), "w"))

    def preset(self, web: Any, first: int, rest: int = 0, status: int = 0, **keys: Any) -> dict[str, Any]:
        """A preset that runs the program up to the gate and then on; without `rest` there is no gate."""
        gate = str(self.path) if rest else "-"
        return web.program_preset("gated", str(self.log), str(first), gate, str(rest), str(status), **keys)


@pytest.fixture
def gate(tmp_path: Path, web: Any) -> Gate:
    return Gate(tmp_path, web)


async def first_bytes(reader: asyncio.StreamReader, size: int) -> bytes:
    """The first bytes of a chunked content; its header section has been read."""
    content = bytearray()
    while len(content) < size:
        length = int(await reader.readuntil(b"\r\n"), 16)
        content += await reader.readexactly(length)
        await reader.readexactly(2)
    return bytes(content)


# --- collapse


async def test_200_equal_requests_are_one_job(serve: Any, web: Any, gate: Gate) -> None:
    async with serve(p=gate.preset(web, 5 * KIB, 5 * KIB, streams=False)) as server:
        requests = [asyncio.ensure_future(server.get("/a.txt?preset=p")) for _ in range(200)]
        await web.until(lambda: web.readers(server) == 200)
        await gate.open()
        responses = await asyncio.gather(*requests)
    assert {response.content for response in responses} == {pattern(10 * KIB)}
    assert {response.status for response in responses} == {200}
    assert Counter(response.headers["Cache-Status"] for response in responses) == {
        "tornado_media; fwd=miss; stored": 1,
        "tornado_media; fwd=miss; collapsed": 199,
    }
    assert len({response.headers["ETag"] for response in responses}) == 1
    assert gate.runs == 1


@pytest.mark.slow
async def test_200_requests_for_one_thumbnail(serve: Any, web: Any, source_folder: Path, photo: Path) -> None:
    (source_folder / "1.jpg").write_bytes(photo.read_bytes())
    async with serve() as server:
        responses = await asyncio.gather(*(server.get("/1.jpg?size=300x200") for _ in range(200)))
        await web.idle(server)
        again = await server.get("/1.jpg?size=300x200")
    statuses = Counter(response.headers["Cache-Status"] for response in responses)
    assert statuses["tornado_media; fwd=miss; stored"] == 1
    assert sum(statuses.values()) == 200
    assert len({response.content for response in responses}) == 1
    assert again.headers["Cache-Status"] == "tornado_media; hit"
    assert again.content == responses[0].content
    assert again.headers["ETag"] == responses[0].headers["ETag"]


async def test_second_client_of_a_stream_begins_at_once_and_outlives_the_first(
    serve: Any, web: Any, gate: Gate
) -> None:
    async with serve(p=gate.preset(web, 300 * KIB, 3 * MIB)) as server:
        one, one_writer = await server.send("/a.txt?preset=p")
        assert (await web.read_head(one))[1]["Cache-Status"].endswith("stored")
        begin = await first_bytes(one, 300 * KIB)
        two, two_writer = await server.send("/a.txt?preset=p")
        status, fields = await web.read_head(two)
        # The program stands at its gate: these come from the spool.
        also = await first_bytes(two, 300 * KIB)
        assert (status, fields["Cache-Status"]) == (200, "tornado_media; fwd=miss; collapsed")
        assert begin == also == pattern(300 * KIB)
        one_writer.close()
        await web.until(lambda: web.readers(server) == 1)
        await gate.open()
        rest = await first_bytes(two, 3 * MIB)
        assert await two.readexactly(5) == b"0\r\n\r\n"
        two_writer.close()
        await web.idle(server)
        kept = await server.get("/a.txt?preset=p")
    assert also + rest == pattern(3 * MIB + 300 * KIB) == kept.content
    assert kept.headers["Cache-Status"] == "tornado_media; hit"
    assert kept.headers["Content-Length"] == str(3 * MIB + 300 * KIB)
    assert kept.headers["ETag"] == fields["ETag"]
    assert gate.runs == 1


async def test_job_ends_with_its_last_reader(serve: Any, web: Any, gate: Gate) -> None:
    async with serve(p=gate.preset(web, 300 * KIB, 3 * MIB)) as server:
        writers = []
        for _ in range(3):
            reader, writer = await server.send("/a.txt?preset=p")
            await web.read_head(reader)
            writers.append(writer)
        for writer in writers:
            writer.close()
        await web.idle(server)
        response = asyncio.ensure_future(server.get("/a.txt?preset=p"))
        await gate.open()
        assert (await response).content == pattern(3 * MIB + 300 * KIB)
    assert gate.runs == 2


async def test_request_that_waits_for_its_first_byte_can_leave(serve: Any, web: Any, gate: Gate) -> None:
    async with serve(p=gate.preset(web, 0, 10, streams=False)) as server:
        _, one = await server.send("/a.txt?preset=p")
        two = asyncio.ensure_future(server.get("/a.txt?preset=p"))
        await web.until(lambda: web.readers(server) == 2)
        one.close()
        await web.until(lambda: web.readers(server) == 1)
        await gate.open()
        assert (await two).content == pattern(10)
    assert gate.runs == 1


async def test_job_that_has_read_most_of_its_source_is_finished_for_nobody(
    serve: Any, web: Any, source_folder: Path, tmp_path: Path
) -> None:
    (source_folder / "large.txt").write_bytes(b"x" * 4 * MIB)
    os.mkfifo(tmp_path / "gate")
    presets = {
        name: web.program_preset("reads", str(size), str(tmp_path / "gate"), stdin="source")
        for name, size in (("little", MIB), ("most", 3 * MIB))
    }
    async with serve(**presets) as server:
        for name, finished in (("little", False), ("most", True)):
            reader, writer = await server.send(f"/large.txt?preset={name}")
            await web.read_head(reader)
            await first_bytes(reader, 1)
            (shared,) = server.media.jobs._shared
            await shared.spool.reach((3 if finished else 1) * MIB - 1)
            writer.close()
            if finished:
                await web.until(lambda: web.readers(server) == 0)
                await web.open_gate(tmp_path / "gate")
            await web.idle(server)
            # HEAD makes nothing: it tells a length only of what is kept.
            head = await server.get(f"/large.txt?preset={name}", "HEAD")
            assert ("Content-Length" in head.headers) == finished


async def test_preset_that_is_not_kept_is_not_shared(serve: Any, web: Any, gate: Gate) -> None:
    async with serve(p=gate.preset(web, 10, cache=False)) as server:
        responses = await asyncio.gather(*(server.get("/a.txt?preset=p") for _ in range(3)))
    assert {response.headers["Cache-Status"] for response in responses} == {"tornado_media; fwd=bypass"}
    assert gate.runs == 3


# --- failures


@pytest.mark.parametrize("remembered", [True, False])
async def test_failure_before_the_first_byte_fails_all_and_is_remembered(
    serve: Any, web: Any, gate: Gate, expect_log: Any, remembered: bool, tmp_path: Path
) -> None:
    config = {} if remembered else {"cache": {"failures": 0.0, "folder": str(tmp_path / "c")}}
    async with serve(config, p=gate.preset(web, 0, status=3)) as server:
        with expect_log("failed with 502"):
            responses = await asyncio.gather(*(server.get("/a.txt?preset=p") for _ in range(3)))
            later = await server.get("/a.txt?preset=p")
    assert {response.status for response in [*responses, later]} == {502}
    assert later.headers["Cache-Status"] == (
        "tornado_media; hit; detail=failed" if remembered else "tornado_media; fwd=miss"
    )
    assert gate.runs == (1 if remembered else 2)


async def test_failure_after_the_first_byte_aborts_all_and_keeps_nothing(
    serve: Any, web: Any, gate: Gate, expect_log: Any
) -> None:
    async with serve(p=gate.preset(web, 300 * KIB, 300 * KIB, 3)) as server:
        with expect_log("aborted"):
            requests = [asyncio.ensure_future(server.get("/a.txt?preset=p")) for _ in range(5)]
            await web.until(lambda: web.readers(server) == 5)
            await gate.open()
            responses = await asyncio.gather(*requests)
        with expect_log("failed with 502"):
            later = await server.get("/a.txt?preset=p")
        assert server.media.cache.stats().entries == 0
    assert [(response.status, response.complete) for response in responses] == [(200, False)] * 5
    assert later.status == 502


# --- kept results


async def test_kept_results_survive_a_restart(serve: Any, web: Any, gate: Gate, tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.mkdir(), large.mkdir()
    presets = {
        "small": Gate(small, web).preset(web, 10 * KIB, streams=False),
        "large": Gate(large, web).preset(web, 5 * MIB, streams=False),
    }
    tags = {}
    for attempt in range(2):
        async with serve(**presets) as server:
            for name, size in (("small", 10 * KIB), ("large", 5 * MIB)):
                response = await server.get(f"/a.txt?preset={name}")
                assert response.content == pattern(size)
                assert response.complete
                assert ("hit" in response.headers["Cache-Status"]) == bool(attempt)
                assert tags.setdefault(name, response.headers["ETag"]) == response.headers["ETag"]
            await web.idle(server)
    assert (small / "runs").read_text() == (large / "runs").read_text() == "run\n"


async def test_equivalent_result_is_304_without_a_run(serve: Any, web: Any, gate: Gate) -> None:
    async with serve(p=gate.preset(web, 300 * KIB, streams=False)) as server:
        tag = (await server.get("/a.txt?preset=p")).headers["ETag"]
        await server.get("/a.txt", "DELETE")
        for given in (tag, f'W/{tag}, "other"', f'"{tag[1:33]}-another"'):
            response = await server.get("/a.txt?preset=p", If_None_Match=given)
            assert (response.status, response.content) == (304, b"")
            assert response.headers["ETag"] == given.split(",")[0].removeprefix("W/")
            assert response.headers["Cache-Status"] == "tornado_media; hit; detail=equivalent"
        assert gate.runs == 1
        # A range joins bytes: only the very same will do.
        other = await server.get("/a.txt?preset=p", Range="bytes=0-1", If_Range=f'"{tag[1:33]}-another"')
        assert (other.status, len(other.content)) == (200, 300 * KIB)
        same = await server.get("/a.txt?preset=p", Range="bytes=0-1", If_Range=other.headers["ETag"])
        assert (same.status, same.content) == (206, pattern(2))
        assert (await server.get("/a.txt?preset=p", If_Match='"x"')).status == 412


async def test_changed_source_is_made_anew(serve: Any, web: Any, gate: Gate, source_folder: Path) -> None:
    async with serve(p=gate.preset(web, 10, streams=False)) as server:
        before = await server.get("/a.txt?preset=p")
        (source_folder / "a.txt").write_text("something else")
        after = await server.get("/a.txt?preset=p")
    assert before.headers["ETag"] != after.headers["ETag"]
    assert gate.runs == 2


async def test_source_that_changes_meanwhile_is_not_kept(
    serve: Any, web: Any, gate: Gate, source_folder: Path, expect_log: Any
) -> None:
    expect_log("failed with 502.*it changed")
    async with serve(p=gate.preset(web, 10, 10, streams=False), s=gate.preset(web, 10, 10)) as server:
        for name, status in (("p", 502), ("s", 200)):
            request = asyncio.ensure_future(server.get(f"/a.txt?preset={name}"))
            await web.until(lambda: web.readers(server) == 1)
            await web.until(lambda n=name: gate.runs == (1 if n == "p" else 2))
            (source_folder / "a.txt").write_text(f"changed by {name}")
            await gate.open()
            assert (await request).status == status
            await web.idle(server)
        assert server.media.cache.stats().entries == 0


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({"X_Forwarded_For": "10.0.0.1"}, 403),
        ({"Via": "1.1 proxy", "Authorization": "Bearer wrong"}, 403),
        ({"Via": "1.1 proxy", "Authorization": "secret"}, 403),
        ({"X_Forwarded_For": "10.0.0.1", "Authorization": "Bearer secret"}, 200),
    ],
)
async def test_purge(
    serve: Any, web: Any, gate: Gate, tmp_path: Path, fields: dict[str, str], status: int
) -> None:
    config = {"cache": {"purge_token": "secret", "folder": str(tmp_path / "c")}}
    async with serve(config, p=gate.preset(web, 10, streams=False)) as server:
        for _ in range(3):
            await server.get("/a.txt?preset=p")
            await web.idle(server)
        response = await server.get("/a.txt", "DELETE", **fields)
        assert response.status == status
        if status == 200:
            assert json.loads(response.content)["purged"] == 1
            assert json.loads(response.content)["bytes"] >= 10
        for _ in range(2):
            await server.get("/a.txt?preset=p")
        assert gate.runs == (2 if status == 200 else 1)
        assert (await server.get("/nothing.txt", "DELETE", **fields)).status == status


async def test_purge_of_a_running_job_keeps_and_shares_nothing_of_it(
    serve: Any, web: Any, gate: Gate
) -> None:
    async with serve(p=gate.preset(web, 10, 10, streams=False)) as server:
        before = asyncio.ensure_future(server.get("/a.txt?preset=p"))
        await web.until(lambda: gate.runs == 1)
        assert (await server.get("/a.txt", "DELETE")).status == 200
        after = asyncio.ensure_future(server.get("/a.txt?preset=p"))
        await web.until(lambda: gate.runs == 2)
        with gate.stay_open():
            assert (await before).content == (await after).content == pattern(20)
        await web.idle(server)
        assert server.media.cache.stats().entries == 1


# --- ranges


async def growing(server: Any, web: Any) -> tuple[asyncio.StreamWriter, str]:
    """A reader of the stream that has 300 KiB of it; the entity tag of the stream."""
    reader, writer = await server.send("/a.txt?preset=p")
    _, fields = await web.read_head(reader)
    await first_bytes(reader, 300 * KIB)
    return writer, fields["ETag"]


async def test_ranges_of_a_growing_spool(serve: Any, web: Any, gate: Gate) -> None:
    whole = pattern(600 * KIB)
    there = 300 * KIB
    async with serve(p=gate.preset(web, there, there)) as server:
        writer, tag = await growing(server, web)
        for asked, first, last in (
            ("bytes=0-1", 0, 1),
            ("bytes=10-19", 10, 19),
            ("bytes=100000-", 100_000, there - 1),
            (f"bytes={there - 1}-{there - 1}", there - 1, there - 1),
        ):
            for fields in ({}, {"If_Range": tag}):
                response = await server.get("/a.txt?preset=p", Range=asked, **fields)
                assert response.status == 206
                assert response.headers["Content-Range"] == f"bytes {first}-{last}/*"
                assert response.content == whole[first : last + 1]
                assert response.complete
                assert response.headers["ETag"] == tag
        for asked in ("bytes=-5", "bytes=5-4", "bytes=0-1,5-6", f"bytes={20 * MIB}-"):
            response = await server.get("/a.txt?preset=p", Range=asked)
            assert response.status == 416
            assert "Content-Range" not in response.headers
        for asked in (f"bytes={there}-", f"bytes={there}-{there + 9}", f"bytes=5-{there + 4}"):
            waiting = asyncio.ensure_future(server.get("/a.txt?preset=p", Range=asked))
            await web.until(lambda: web.readers(server) == 2)
            waiting.cancel()
            await web.until(lambda: web.readers(server) == 1)
        near = asyncio.ensure_future(server.get("/a.txt?preset=p", Range=f"bytes={there + 10}-{there + 19}"))
        wholes = [
            asyncio.ensure_future(server.get("/a.txt?preset=p", **fields))
            for fields in ({"Range": "bytes=0-"}, {"Range": "bytes=5-9", "If_Range": '"other"'})
        ]
        await web.until(lambda: web.readers(server) == 4)
        await gate.open()
        response = await near
        assert (response.status, response.content) == (206, whole[there + 10 : there + 20])
        for response in await asyncio.gather(*wholes):
            assert (response.status, response.content, response.complete) == (200, whole, True)
            assert response.headers["Accept-Ranges"] == "none"
            assert "Content-Range" not in response.headers
        writer.close()
        await web.idle(server)
        finished = await server.get("/a.txt?preset=p", Range="bytes=10-19", If_Range=tag)
        assert finished.headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
        assert finished.content == whole[10:20]
        suffix = await server.get("/a.txt?preset=p", Range="bytes=-5")
        assert (suffix.status, suffix.content) == (206, whole[-5:])
    assert gate.runs == 1


async def test_range_past_the_end_that_comes_meanwhile(serve: Any, web: Any, gate: Gate) -> None:
    async with serve(p=gate.preset(web, 300 * KIB, 10)) as server:
        writer, _ = await growing(server, web)
        waiting = asyncio.ensure_future(server.get("/a.txt?preset=p", Range=f"bytes={400 * KIB}-"))
        inside = asyncio.ensure_future(
            server.get("/a.txt?preset=p", Range=f"bytes={300 * KIB + 5}-{400 * KIB}")
        )
        await web.until(lambda: web.readers(server) == 3)
        await gate.open()
        response = await waiting
        assert response.status == 416
        assert response.headers["Content-Range"] == f"bytes */{300 * KIB + 10}"
        response = await inside
        assert response.headers["Content-Range"] == f"bytes {300 * KIB + 5}-{300 * KIB + 9}/{300 * KIB + 10}"
        writer.close()


async def test_range_of_a_growing_result_that_does_not_stream_waits_for_its_length(
    serve: Any, web: Any, gate: Gate
) -> None:
    size = 2 * MIB
    async with serve(p=gate.preset(web, size, size, streams=False)) as server:
        whole = asyncio.ensure_future(server.get("/a.txt?preset=p"))
        ranges = [
            asyncio.ensure_future(server.get("/a.txt?preset=p", Range=asked))
            for asked in (
                "bytes=0-1",
                "bytes=5-",
                f"bytes={size}-{size + 1}",
                "bytes=-3",
                "bytes=99999999-",
            )
        ]
        await web.until(lambda: web.readers(server) == 6)
        await gate.open()
        content = pattern(2 * size)
        assert (await whole).content == content
        two, rest, middle, suffix, past = await asyncio.gather(*ranges)
    assert two.headers["Content-Range"] == f"bytes 0-1/{2 * size}"
    assert rest.headers["Content-Range"] == f"bytes 5-{2 * size - 1}/{2 * size}"
    assert [two.content, rest.content] == [content[:2], content[5:]]
    assert middle.content == content[size : size + 2]
    assert (suffix.status, past.status) == (206, 416)
    assert suffix.content == content[-3:]
    assert gate.runs == 1


async def test_range_that_never_comes_is_not_waited_for_longer_than_the_program(
    serve: Any, web: Any, gate: Gate, expect_log: Any
) -> None:
    expect_log("stopped giving output")
    preset = gate.preset(web, 300 * KIB, 10, limits={"idle": 0.2})
    async with serve(p=preset) as server:
        writer, _ = await growing(server, web)
        response = await server.get("/a.txt?preset=p", Range=f"bytes={300 * KIB + 1}-")
        assert response.status in (416, 504)
        await web.idle(server)
        writer.close()


async def test_range_that_is_far_away_does_not_draw_the_writer_there(
    serve: Any, web: Any, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offsets, seek = [], SpoolReader.seek
    monkeypatch.setattr(SpoolReader, "seek", lambda self, to: offsets.append(to) or seek(self, to))
    config = {"cache": {"window": "512 KiB", "folder": str(tmp_path / "c")}}
    async with serve(config, p=gate.preset(web, 300 * KIB, 10)) as server:
        writer, _ = await growing(server, web)
        for asked in (f"bytes={60 * MIB}-", "bytes=-5", "bytes=10-19"):
            await server.get("/a.txt?preset=p", Range=asked)
        # The writer is a window ahead of the furthest reader, so none may be where it cannot wait for bytes.
        assert offsets == [0, 0, 0, 10]
        writer.close()


async def test_range_never_starts_a_stream(serve: Any, web: Any, gate: Gate) -> None:
    async with serve(p=gate.preset(web, 300 * KIB)) as server:
        for asked in ("bytes=0-1", "bytes=100-", "bytes=-5", "bytes=0-1,4-5"):
            response = await server.get("/a.txt?preset=p", Range=asked)
            assert (response.status, response.headers["Accept-Ranges"]) == (416, "none")
        assert gate.runs == 0
        assert (await server.get("/a.txt?preset=p", Range="bytes=0-")).status == 200


@pytest.mark.slow
async def test_stream_that_outgrows_its_share_is_passed_on(
    serve: Any, web: Any, gate: Gate, tmp_path: Path
) -> None:
    config = {"cache": {"bytes": "8 MiB", "folder": str(tmp_path / "c")}}
    async with serve(config, p=gate.preset(web, 3 * MIB, 3 * MIB)) as server:
        reader, writer = await server.send("/a.txt?preset=p")
        await web.read_head(reader)
        begin = await first_bytes(reader, 3 * MIB)
        # Its beginning is gone for newcomers, so this one has a job of its own.
        other = asyncio.ensure_future(server.get("/a.txt?preset=p"))
        await web.until(lambda: gate.runs == 2)
        with gate.stay_open():
            assert begin + await first_bytes(reader, 3 * MIB) == pattern(6 * MIB)
            assert (await other).content == pattern(6 * MIB)
        writer.close()
        await web.idle(server)
        assert server.media.cache.stats().entries == 0


# --- what each answer tells


async def test_every_answer_tells_where_it_came_from_and_how_long_it_took(
    serve: Any, web: Any, gate: Gate
) -> None:
    async with serve(p=gate.preset(web, 10, streams=False)) as server:
        for method, target, status, cache, parts in (
            ("OPTIONS", "/a.txt", 204, "fwd=bypass", {"total"}),
            ("HEAD", "/a.txt?preset=p", 200, "fwd=bypass", {"source", "total"}),
            ("PROPFIND", "/a.txt", 405, "fwd=bypass", {"total"}),
            ("POST", "/a.txt", 405, "fwd=bypass", {"total"}),
            ("GET", "/a.txt", 200, "fwd=bypass", {"source", "total"}),
            ("GET", "/a.txt?preset=p", 200, "fwd=miss; stored", {"source", "queue", "first-byte", "total"}),
            ("GET", "/a.txt?preset=p", 200, "hit", {"total"}),
            ("GET", "/a.txt?preset=p&", 200, "hit", {"source", "total"}),
            ("GET", "/nothing.txt", 404, "fwd=bypass", {"total"}),
            ("GET", "/a.txt?preset=nothing", 400, "fwd=bypass", {"total"}),
            ("DELETE", "/a.txt", 200, "fwd=bypass", {"total"}),
            ("GET", "/-/health", 200, "fwd=bypass", {"total"}),
        ):
            response = await server.get(target, method)
            timing = dict(part.split(";dur=") for part in response.headers["Server-Timing"].split(", "))
            assert (response.status, response.headers["Cache-Status"]) == (status, f"tornado_media; {cache}")
            assert parts <= set(timing), target
            assert all(float(duration) >= 0 for duration in timing.values())
