"""HLS over a real socket: playlists, segments that ffmpeg and workers make, runs that viewers share."""

from __future__ import annotations

import asyncio
import json
import os
import re
import runpy
import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs

import pytest

TESTS = Path(__file__).parents[1]
clips = runpy.run_path(str(TESTS / "clips.py"))
CLIPS, make = clips["CLIPS"], clips["make"]

LOCAL = ("-protocol_whitelist", "http,tcp", "-allowed_extensions", "ALL", "-extension_picky", "0")


@pytest.fixture(scope="session")
def check():
    """`check(init, segments, start=0, seconds=[2, 2])`: on the grid, without gap and overlap."""
    return runpy.run_path(str(TESTS / "hls_checker.py"))["check"]


@pytest.fixture
def serve_clip(serve, source_folder, clips_folder):
    """`async with serve_clip("plain.mkv", idle=0.2) as server`: a film of `clips`, and a section [video]."""

    def start(name, **video):
        (source_folder / name).hardlink_to(make(name, clips_folder))
        return serve({"video": video} if video else {})

    return start


@pytest.fixture
def serve_long(serve, source_folder, clip_mkv):
    """The same with a film of 60 s, `film.mkv`, whose picture can be cut every 10 s."""

    def start(**config):
        (source_folder / "film.mkv").hardlink_to(clip_mkv)
        return serve(config)

    return start


def lines_of(playlist):
    return [line for line in playlist.text.splitlines() if line]


def variants(multivariant):
    """References of the variants in their order, and the attributes of each."""
    lines = lines_of(multivariant)
    found = {}
    for line, following in pairwise(lines):
        if line.startswith("#EXT-X-STREAM-INF:"):
            found[following] = dict(re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', line))
    return found


def renditions(multivariant):
    return re.findall(r'TYPE=(\w+).*URI="([^"]+)"', multivariant.text)


def parts(playlist):
    """The reference of the initialization segment, and seconds and reference of each segment."""
    init = re.search(r'#EXT-X-MAP:URI="([^"]+)"', playlist.text)
    found = re.findall(r"#EXTINF:([\d.]+),\n(\S+)", playlist.text)
    return init and init[1], [(float(seconds), uri) for seconds, uri in found]


def encoders(server):
    """The encoders that run now."""
    mine = set()
    for children in Path("/proc/self/task").glob("*/children"):
        mine |= {int(pid) for pid in children.read_text().split()}
    return [pid for pid in mine if b"-frames:v" in Path(f"/proc/{pid}/cmdline").read_bytes()]


async def content(server, path, reference):
    answer = await server.get(f"/{path}{reference}")
    assert (answer.status, answer.complete) == (200, True), (reference, answer.text[:200])
    return answer.content


async def test_the_playlists_of_a_film(serve_clip):
    async with serve_clip("tracks.mkv") as server:
        main = await server.get("/tracks.mkv?preset=hls")
        assert main.headers["Content-Type"] == "application/vnd.apple.mpegurl"
        assert main.headers["Content-Length"] == str(len(main.content))
        assert [kind for kind, _ in renditions(main)] == ["AUDIO", "AUDIO", "SUBTITLES", "SUBTITLES"]
        found = variants(main)
        assert {attributes["RESOLUTION"] for attributes in found.values()} == {"320x180"}
        for reference in [*found, *(uri for _, uri in renditions(main))]:
            assert reference.startswith("?preset=playlist&")
            playlist = await server.get(f"/tracks.mkv{reference}")
            init, segments = parts(playlist)
            assert lines_of(playlist)[-1] == "#EXT-X-ENDLIST"
            assert sum(seconds for seconds, _ in segments) == pytest.approx(12, abs=0.1)
            longest = max(seconds for seconds, _ in segments)
            target = int(re.search(r"#EXT-X-TARGETDURATION:(\d+)", playlist.text)[1])
            assert round(longest) <= target
            for part in [init, segments[0][1]] if init else []:
                assert (await content(server, "tracks.mkv", part))[4:8] in (b"ftyp", b"moof", b"styp")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain.mp4", "television.mp4", "surround.mkv", "old.avi", "plain.webm"])
async def test_no_part_exceeds_what_the_playlist_promises(serve_clip, name):
    async with serve_clip(name) as server:
        main = await server.get(f"/{name}?preset=hls")
        sounds = [uri for kind, uri in renditions(main) if kind == "AUDIO"]
        peaks = []
        for uri in sounds:
            _, segments = parts(await server.get(f"/{name}{uri}"))
            peaks.append(max([8 * len(await content(server, name, each)) / 2 for _, each in segments]))
        for reference, attributes in variants(main).items():
            _, segments = parts(await server.get(f"/{name}{reference}"))
            bits = [
                8 * len(await content(server, name, uri)) / seconds
                for seconds, uri in segments
                if seconds > 1
            ]
            assert max(bits) + max(peaks, default=0) <= int(attributes["BANDWIDTH"])


@pytest.mark.slow
@pytest.mark.parametrize("order", [[7, 2, 9, 0, 8], [4, 3, 2, 1, 0]])
async def test_segments_in_any_order_are_those_of_one_run(serve_long, check, order):
    """On the grid, without gap and overlap, and the same initialization segment from each run."""
    async with serve_long(video={"ahead": 3.0}) as server:
        init, segments = parts(await server.get("/film.mkv?preset=playlist&height=240"))
        found, inits = {}, set()
        for number in order:
            found[number] = await content(server, "film.mkv", segments[number][1])
            inits.add(await content(server, "film.mkv", init))
        (first,) = inits
        for number in sorted(found):
            check(first, [found[number]], start=Fraction(number * 50, 25), seconds=[2])
        whole = [found.get(n) or await content(server, "film.mkv", segments[n][1]) for n in range(10)]
        check(first, whole, start=0, seconds=[2] * 10)


async def test_ten_viewers_have_one_encoder(serve_long):
    async with serve_long(video={"ahead": 10.0, "idle": 30.0}) as server:
        init, segments = parts(await server.get("/film.mkv?preset=playlist&height=240"))
        uris = [init, *(uri for _, uri in segments[:8])]
        answers = []

        async def watch():
            for uri in uris:
                answers.append(await server.get(f"/film.mkv{uri}"))
                assert len(encoders(server)) <= 1
                assert server.media.jobs.runs.running == 1

        await asyncio.gather(*(watch() for _ in range(10)))
        assert {answer.status for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == len(uris)
        said = [answer.headers["Cache-Status"] for answer in answers]
        assert sum("fwd=miss" in each and "collapsed" not in each for each in said) == 1


@pytest.mark.slow
async def test_who_comes_later_reads_what_is_kept(serve_long, web):
    async with serve_long(video={"ahead": 60.0}) as server:
        _, segments = parts(await server.get("/film.mkv?preset=playlist&height=240"))
        for _, uri in segments[:16]:
            await content(server, "film.mkv", uri)
        (run,) = server.media.jobs.runs._runs
        await server.media.cache.drain()
        made = run.next
        for _, uri in segments[:2]:  # half a minute behind
            answer = await server.get(f"/film.mkv{uri}")
            assert answer.headers["Cache-Status"] == "tornado_media; hit"
        assert tuple(server.media.jobs.runs._runs) in [(run,), ()] and run.next >= made


@pytest.mark.slow
async def test_kept_segments_stay_within_the_bound_of_the_cache(serve_long, web, tmp_path):
    bound = 2_000_000
    kept = {"folder": str(tmp_path / "small"), "bytes": bound, "memory": 0}
    async with serve_long(video={"ahead": 60.0}, cache=kept) as server:
        total = 0
        for height in (360, 240):
            _, segments = parts(await server.get(f"/film.mkv?preset=playlist&height={height}"))
            for _, uri in segments:
                total += len(await content(server, "film.mkv", uri))
        await server.media.cache.drain()
        assert total > bound
        on_disk = sum(each.stat().st_size for each in (tmp_path / "small").rglob("*") if each.is_file())
        assert bound / 2 < on_disk <= bound + 8


async def test_an_encoder_in_hardware_that_is_not_there(serve_clip, check):
    """The film is encoded all the same: ffmpeg has this encoder, the machine has no card for it."""
    if os.path.exists("/dev/nvidiactl"):
        pytest.skip("this machine has such a card")
    async with serve_clip("old.avi", encoder="h264_nvenc") as server:
        init, segments = parts(await server.get("/old.avi?preset=playlist&height=180"))
        whole = [await content(server, "old.avi", uri) for uri in [init, segments[1][1]]]
        check(whole[0], whole[1:], start=2, seconds=[2])


async def test_nobody_watches_nothing_runs(serve_long, web):
    async with serve_long(video={"ahead": 4.0, "idle": 0.3}) as server:
        _, segments = parts(await server.get("/film.mkv?preset=playlist&height=240"))
        await content(server, "film.mkv", segments[3][1])
        (pid,) = encoders(server)
        await web.ended(pid)
        await web.until(lambda: server.media.jobs.runs.running == 0)
        again = await server.get(f"/film.mkv{segments[3][1]}")
        assert again.headers["Cache-Status"] == "tornado_media; hit"


async def test_who_leaves_at_once_leaves_no_encoder(serve_long, web):
    async with serve_long() as server:
        _, segments = parts(await server.get("/film.mkv?preset=playlist&height=240"))
        _, writer = await server.send(f"/film.mkv{segments[20][1]}")
        await web.until(lambda: bool(encoders(server)))
        (pid,) = encoders(server)
        writer.close()
        await web.ended(pid)
        await web.until(lambda: server.media.jobs.runs.running == 0)


@pytest.mark.slow
async def test_an_encoder_whose_viewer_pauses_waits_without_working(serve_long, web):
    """Blocked in its pipe: no processor time. A HEAD keeps it, and it goes on afterwards."""
    async with serve_long(video={"ahead": 4.0, "idle": 60.0}) as server:
        _, segments = parts(await server.get("/film.mkv?preset=playlist&height=360"))
        for _, uri in segments[:2]:
            await content(server, "film.mkv", uri)
        (run,) = server.media.jobs.runs._runs
        (pid,) = encoders(server)
        await web.until(lambda: run.next > run.wanted + 2 and blocked(pid))
        made, used = run.next, -1
        # What was decoded meanwhile is encoded until its queues are full, too.
        while used != ticks(pid) or not blocked(pid):
            used = ticks(pid)
            for _ in range(20):
                head = await server.get(f"/film.mkv{segments[1][1]}", method="HEAD")
                assert head.status == 200
        assert run.next == made
        for _, uri in segments[2 : made + 1]:
            assert await content(server, "film.mkv", uri)
        await web.until(lambda: run.next > made)
        assert encoders(server) == [pid]


def blocked(pid):
    """One of its threads waits in the write into the pipe, and all others for it."""
    states = [Path(path, "stat").read_text().rpartition(")")[2].split()[0] for path in tasks(pid)]
    waits = [Path(path, "wchan").read_text() for path in tasks(pid)]
    return set(states) == {"S"} and any("pipe_write" in each for each in waits)


def tasks(pid):
    return [f"/proc/{pid}/task/{name}" for name in os.listdir(f"/proc/{pid}/task")]


def ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.parametrize(
    "query",
    [
        "preset=playlist",
        "preset=playlist&height=241",
        "preset=playlist&stream=7",
        "preset=segment&height=180&number=-1",
        "preset=hls&play=h264,mp3000",
        "preset=hls&audio=fr",
    ],
)
async def test_what_is_not_there_is_400(serve_clip, query):
    async with serve_clip("tracks.mkv") as server:
        answer = await server.get(f"/tracks.mkv?{query}")
        assert answer.status == 400
        assert len(answer.text) > 20


async def test_a_segment_after_the_last_one_is_404(serve_clip):
    async with serve_clip("plain.mkv") as server:
        for query in ("height=180", "stream=0&copy=on", "stream=1", "stream=1&copy=on"):
            answer = await server.get(f"/plain.mkv?preset=segment&{query}&number=7")
            assert (answer.status, "no segment 7" in answer.text) == (404, True), query


async def test_signed_playlists_sign_their_parts(serve_clip, source_folder, serve, clips_folder):
    (source_folder / "plain.mkv").hardlink_to(make("plain.mkv", clips_folder))
    import tornado_media

    async with serve({"signing": {"keys": ["k" * 32]}}) as server:
        assert (await server.get("/plain.mkv?preset=hls")).status == 403
        main = await server.get(tornado_media.sign("/plain.mkv?preset=hls", "k" * 32, expires=4_000_000_000))
        for reference in [*variants(main), *(uri for _, uri in renditions(main))]:
            assert parse_qs(reference[1:])["expires"] == ["4000000000"]
            init, segments = parts(await server.get(f"/plain.mkv{reference}"))
            assert (await server.get(f"/plain.mkv{init}")).status == 200
            assert (await server.get(f"/plain.mkv{segments[1][1]}")).status == 200


async def demuxed(ffmpeg, url, *arguments):
    """What ffmpeg's own HLS demuxer makes of a playlist: its exit status, what it says."""
    process = await asyncio.create_subprocess_exec(
        *(ffmpeg, "-nostdin", "-v", "error", "-xerror", *LOCAL, "-i", url, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    said, complaints = await process.communicate()
    return process.returncode, said, complaints.decode()


@pytest.mark.slow
@pytest.mark.timeout(seconds=240)
@pytest.mark.parametrize(
    "name",
    [
        "plain.mp4",
        "plain.mkv",
        "tracks.mkv",
        "surround.mkv",
        "halting.mkv",
        "turned.mp4",
        "squeezed.mp4",
        "odd.avi",
        "interlaced.ts",
        "offset.ts",
        "early.ts",
        "edited.mp4",
        "late.mkv",
        "television.mp4",
        "smooth.mp4",
        "plain.webm",
        "old.avi",
        "hdr10.mkv",
        "ten_bits.mkv",
        "says_more.mkv",
        "says_less.mkv",
        "half.mp4",
        "growing.mkv",
        "silent.mp4",
        "sound.m4a",
        "sound.mp3",
    ],
)
async def test_ffmpegs_own_demuxer_agrees(serve_clip, ffmpeg, name):
    """Every variant decodes without a complaint, and lasts as long as the playlist says."""
    async with serve_clip(name) as server:
        info = json.loads((await server.get(f"/{name}?preset=info")).content)
        main = await server.get(f"/{name}?preset=hls")
        assert main.status == 200, main.text
        for reference, attributes in variants(main).items():
            sounds = [uri for kind, uri in renditions(main) if kind == "AUDIO"]
            for uri in [reference, *sounds]:
                _, segments = parts(await server.get(f"/{name}{uri}"))
                told = sum(seconds for seconds, _ in segments)
                url = f"http://127.0.0.1:{server.port}/{name}{uri}"
                status, said, complaints = await demuxed(
                    ffmpeg, url, "-map", "0", "-copyts", "-f", "framehash", "-hash", "crc32", "-"
                )
                assert (status, complaints) == (0, ""), (uri, complaints)
                assert info["duration"] - 0.3 < told < info["duration"] + 0.15
                assert end_of(said.decode()) == pytest.approx(told, abs=0.12), (uri, attributes)


def end_of(hashes):
    """Seconds from media time 0 to the end of the last frame, in the output of the muxer framehash."""
    (base,) = set(re.findall(r"#tb 0: (\S+)", hashes))
    rows = [list(map(str.strip, line.split(","))) for line in hashes.splitlines() if line[:1].isdigit()]
    return float(max(int(row[2]) + int(row[3]) for row in rows) * Fraction(base))
