"""Videos that were made to do harm, or came to harm: to a real server with real workers and a real ffmpeg.

Whatever is asked of them, the answer is a result, or a sentence with 4xx, or a stream that is seen to be cut
off. Nothing outside of the file is read or called, nothing of it is shown or logged; the server, its workers
and other requests are unharmed.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import os
import random
import re
import runpy
import socket
import subprocess
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from PIL import Image

import tornado_media
from tornado_media.errors import MediaError
from tornado_media.formats import safety
from tornado_media.presets.plan import Pipeline, Segment
from tornado_media.sources.opening import open_source
from tornado_media.urls import parse_target

TESTS = Path(__file__).parents[1]
videos = SimpleNamespace(**runpy.run_path(str(TESTS / "hostile_videos.py")))

PACKAGE = Path(tornado_media.__file__).parent
BUILTIN = tomllib.loads((PACKAGE / "presets" / "builtin.toml").read_text())["preset"]

CANARY = "0f3c-a-canary-of-the-tests-9b71"

HANGS = 150.0
"""Seconds after which an answer is taken for one that never comes: more than any preset's limits."""

QUERIES = (
    "preset=info",
    "preset=poster&size=80x&format=jpeg",
    "preset=mp4",
    "preset=mp4&height=144&start=0.5",
    "preset=hls",
    "preset=playlist&height=90",
    "preset=playlist&stream=1",
    "preset=segment&height=90",
    "preset=segment&height=90&number=0",
    "preset=segment&stream=1&number=0",
    "preset=segment&stream=0&copy=on&number=0",
    "preset=segment&stream=1&copy=on",
    "preset=storyboard&tiles=5",
    "preset=storyboard&tiles=5&format=vtt",
    "preset=preview&width=80",
    "preset=captions",
    "preset=subtitles",
    "preset=subtitles&stream=2",
    "preset=playlist&stream=2",
    "preset=audio",
    "preset=audio&format=webm&bit_rate=32",
    "preset=poster&time=1.5&size=40x&format=png",
    "preset=playlist&stream=0&copy=on",
    "preset=info&play=hevc,vp9,opus",
)

EACH = (
    "preset=info",
    "preset=poster&size=80x&format=jpeg",
    "preset=mp4&height=144&start=0.5",
    "preset=hls",
    "preset=playlist&height=90",
    "preset=segment&height=90&number=0",
    "preset=segment&stream=0&copy=on&number=0",
    "preset=storyboard&tiles=5",
    "preset=preview&width=80",
    "preset=captions",
    "preset=subtitles",
    "preset=audio",
)
"""At least one for each preset."""

FEW = EACH[1:3] + EACH[5:6] + EACH[9:]

STREAMED = frozenset({"mp4", "audio", "subtitles"})
"""Presets that send their headers before all is made."""

SAFE = {
    "-protocol_whitelist": safety.PROTOCOLS,
    "-format_whitelist": safety.DEMUXERS,
    "-codec_whitelist": safety.DECODERS,
    "-max_pixels": str(safety.MAX_PIXELS),
}
"""What every command says before its source."""

COMMANDS = STREAMED | {"segment"}
"""Presets that run ffmpeg. Nobody reads what it says of a source: to us it is a program that failed, 502."""

MOST = 200_000
"""Bytes of a stream that are read: a film may say that it lasts for ever, and then it does."""

LEAKS = re.compile(
    r"Traceback|Errno|Error\(|ffmpeg|/tmp|/home|libav|\bav\.|worker|pipe:|file:", re.IGNORECASE
)
"""What a public sentence does not say."""


@dataclass
class Answer:
    """What came, and whether that was the end."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    complete: bool

    @property
    def text(self):
        return self.content.decode()


@pytest.fixture
def folder(source_folder):
    (source_folder / "fine.mp4").write_bytes(videos.films()["film.mp4"])
    return source_folder


@pytest.fixture
def server_of(serve, web, tmp_path):
    """A server of two workers that keeps nothing; `limits` are more limits of the presets of films."""

    @contextlib.asynccontextmanager
    async def start(**limits):
        config = {
            "server": {"workers": 2},
            "cache": {"folder": str(tmp_path / "cache"), "memory": 0, "bytes": 0, "failures": 0.0},
            "video": {"idle": 0.5},
        }
        names = {preset_of(query) for query in QUERIES}
        tables = {name: table for name, table in BUILTIN.items() if name in names}
        tables = {name: {**t, "limits": {**t.get("limits", {}), **limits}} for name, t in tables.items()}
        async with serve(config, **tables) as server:
            server.read_head = web.read_head
            yield server

    return start


def preset_of(query):
    return query.partition("&")[0].removeprefix("preset=")


def asked(server, queries=QUERIES):
    """The queries whose presets are there."""
    return [query for query in queries if preset_of(query) in server.media.presets.presets]


def fault(answer, query, late=False):
    """What is wrong with an answer; None for nothing.

    Args:
        late: a deadline may have passed.
    """
    if answer.status != 200:
        right = 400 <= answer.status < 500 or (answer.status == 502 and preset_of(query) in COMMANDS)
        return _fault_of_refusal(answer) if right or (late and answer.status == 504) else answer.text
    if not answer.complete:
        return None if preset_of(query) in STREAMED else "cut off"
    kind, content = answer.headers["Content-Type"].partition(";")[0], answer.content
    if kind == "application/json":
        json.loads(content)
    elif kind.startswith("image/"):
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    elif kind in ("video/mp4", "audio/mp4"):
        kinds = [name for name, _ in videos.boxes(content)]
        return None if kinds[0] in (b"ftyp", b"styp", b"moof", b"sidx", b"prft") else repr(kinds)
    else:
        beginning = {
            "application/vnd.apple.mpegurl": b"#EXTM3U\n",
            "text/vtt": b"WEBVTT",
            "audio/webm": b"\x1a\x45\xdf\xa3",
        }[kind]
        return None if content.startswith(beginning) else f"no {kind}: {content[:40]!r}"
    return None


def _fault_of_refusal(answer):
    text = answer.text.strip()
    words = text.partition(": ")[2]
    helpful = len(words) > 20 and words.endswith(".") and "\n" not in text
    return None if helpful and not LEAKS.search(words) else f"not a helpful sentence: {text!r}"


async def ask(server, name, query):
    """An answer; of one that comes as it is made the first MOST bytes, then the client leaves."""
    target = f"/{quote(name)}?{query}"
    async with asyncio.timeout(HANGS):
        if preset_of(query) not in STREAMED:
            return await server.get(target)
        # Without chunks: the end is that of the connection, or a reset where the stream is cut off.
        reader, writer = await server.send(target, version="1.0")
        try:
            status, fields = await server.read_head(reader)
            content, block, reset = bytearray(), b"-", False
            with contextlib.suppress(ConnectionResetError):
                reset = True
                while block and len(content) < MOST:
                    content += (block := await reader.read(65536))
                reset = False
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
    return Answer(status, fields, bytes(content), not reset and not block)


async def ask_fine(server, number=0):
    """A healthy film, in a way that was not asked for yet."""
    answer = await ask(server, "fine.mp4", f"preset=poster&size={10 + number}x&format=jpeg")
    assert (answer.status, fault(answer, "preset=poster")) == (200, None), answer.text


async def wrongs(server, folder, files, queries=QUERIES, *, watch=lambda answer: None, late=()):
    """Ask for each file in all ways: what went wrong, and how often was answered what.

    Args:
        files: name: how its bytes are made, or its bytes.
        watch: looks at each answer; what is wrong with it, or None.
        late: names of files for which a deadline may pass.
    """
    wrong, counted = [], Counter()
    for number, (name, content) in enumerate(files.items()):
        (folder / name).write_bytes(content() if callable(content) else content)
        for query in asked(server, queries):
            answer = await ask(server, name, query)
            counted[answer.status] += 1
            counted[f"{answer.status} {preset_of(query)}"] += 1
            if said := fault(answer, query, name in late) or watch(answer):
                wrong.append((name, query, answer.status, said))
        if number % 10 == 0:
            await ask_fine(server, number)
        (folder / name).unlink()
    return wrong, counted


# -- a canary, and somebody who listens ---------------------------------------------------------------------


class Canary:
    """Files with a secret, outside of what is served and in it, and a listener at a port.

    Args:
        outside: a folder that is not served.
        inside: one that is.
        listener: a socket that listens.
    """

    def __init__(self, outside, inside, listener):
        self.listener, self.port = listener, listener.getsockname()[1]
        film = videos.films()["film.ts"]
        self.paths = [outside / "canary.ts", outside / "canary.txt", inside / "beside.ts"]
        for path in self.paths:
            path.write_bytes(film if path.suffix == ".ts" else f"{CANARY}\n".encode() * 50)
        encoded = f"-i canary.ts -c copy -metadata service_name={CANARY} secret.ts"
        videos.encode(encoded, outside)
        for path in (self.paths[0], self.paths[2]):
            path.write_bytes((outside / "secret.ts").read_bytes())
        (outside / "secret.ts").unlink()
        self.forms = {
            "path": str(self.paths[0]),
            "text": str(self.paths[1]),
            "url": f"file://{self.paths[0]}",
            "name": "beside.ts",
            "up": f"../{outside.name}/canary.ts",
            "network": f"http://127.0.0.1:{self.port}/canary.ts",
            "tcp": f"tcp://127.0.0.1:{self.port}",
        }
        self.tricks = {
            "concat": f"concat:{self.paths[0]}|{self.paths[1]}",
            "subfile": f"subfile,,start,0,end,9400,,:{self.paths[0]}",
            "crypto": f"crypto:{self.paths[0]}",
            "async": f"async:file:{self.paths[0]}",
            "cache": f"cache:{self.paths[0]}",
            "pipe": "pipe:0",
        }
        self.rest()

    def rest(self):
        for path in self.paths:
            os.utime(path, (0, 0))

    def touched(self):
        """What was read or called since the last `rest`."""
        found = [path.name for path in self.paths if path.stat().st_atime != 0]
        try:
            self.listener.accept()[0].close()
            found.append("the network")
        except BlockingIOError:
            pass
        return found

    def fault(self, answer):
        """What is wrong with an answer: it shows the secret, or was made of what is elsewhere."""
        if CANARY.encode() in answer.content or CANARY in str(answer.headers):
            return "the secret"
        touched = self.touched()
        self.rest()
        return f"touched: {touched}" if touched else None


@pytest.fixture
def canary(tmp_path, folder):
    outside = tmp_path / "outside"
    outside.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        canary = Canary(outside, folder, listener)
        canary.paths[0].read_bytes()
        if canary.touched() != ["canary.ts"]:
            pytest.skip("this file system does not note when a file is read")
        canary.rest()
        yield canary


@pytest.fixture
def all_logged(caplog):
    caplog.set_level(logging.DEBUG)
    yield caplog
    assert CANARY not in caplog.text


FEWER_FORMS = ("path", "name", "network")
FEWER_FILMS = {
    *("alias-path.mov", "linked-path.mkv", "gab2-segment-network.avi", "gab2-range-path.avi"),
    *("gab2-concat-name.avi", "url-path.mov"),
}


@pytest.mark.parametrize("some", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.timeout(seconds=600)
async def test_scripts_that_name_other_files(server_of, folder, canary, all_logged, some):
    """A playlist, a manifest, a concat script: refused, under any name and in any disguise."""
    forms = {name: canary.forms[name] for name in FEWER_FORMS} if some else {**canary.forms, **canary.tricks}
    (folder / "ASSETMAP.xml").write_bytes(videos.asset_map(str(canary.paths[0])))
    files = videos.reaching(forms, canary.port)
    if some:
        files = dict(list(files.items())[::5])
    async with server_of() as server:
        wrong, counted = await wrongs(server, folder, files, FEW if some else EACH, watch=canary.fault)
    assert not wrong, "\n".join(map(str, wrong))
    assert set(counted) - {422} == {
        f"422 {preset_of(query)}" for query in asked(server, FEW if some else EACH)
    }


@pytest.mark.parametrize("some", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.timeout(seconds=600)
async def test_films_that_name_other_files(server_of, folder, canary, all_logged, expect_log, some):
    """Data references, linked segments, attachments, a playlist as the subtitles of an AVI."""
    expect_log(EXPECTED.pattern)  # a picture that is elsewhere
    forms = {name: canary.forms[name] for name in FEWER_FORMS}
    tricks = {} if some else {**canary.forms, **canary.tricks}
    files = videos.embedding(forms, tricks)
    if some:
        files = {name: content for name, content in files.items() if name in FEWER_FILMS}
    async with server_of() as server:
        wrong, counted = await wrongs(server, folder, files, FEW if some else EACH, watch=canary.fault)
    assert not wrong, "\n".join(map(str, wrong))
    assert counted["200 poster"] > len(files) / 2


READ_BY_OTHERS = {
    "hls-segment-path.mp4": "-allowed_extensions ALL -extension_picky 0",
    "hls-segment-network.mp4": "-extension_picky 0 -protocol_whitelist file,http,tcp",
    "hls-main-path.mp4": "-allowed_extensions ALL -extension_picky 0",
    "concat-path.mp4": "-safe 0",
    "concat-network.mp4": "-safe 0 -protocol_whitelist file,http,tcp",
    "dash-list-path.mp4": "",
    "cpl.mp4": "",
    "alias-path.mov": "-enable_drefs 1 -use_absolute_path 1",
    "alias-name.mov": "-enable_drefs 1",
}
"""Files, and what an ffmpeg of today must be told so that it believes them, as older ones did."""


@pytest.mark.parametrize("name", READ_BY_OTHERS)
def test_they_would_be_read_without_our_arguments(folder, canary, ffmpeg, name):
    """Else the tests before would show nothing."""
    (folder / "ASSETMAP.xml").write_bytes(videos.asset_map(str(canary.paths[0])))
    files = videos.reaching(canary.forms, canary.port) | videos.embedding(canary.forms)
    # An ffmpeg of today takes nothing for a playlist that is not called one.
    path = folder / (f"{name}.m3u8" if name.startswith("hls") else name)
    path.write_bytes(files[name])
    argv = [
        ffmpeg,
        "-v",
        "error",
        "-nostdin",
        *READ_BY_OTHERS[name].split(),
        "-i",
        str(path),
        "-f",
        "null",
        "-",
    ]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        if "network" in name:
            canary.listener.settimeout(20)
            canary.listener.accept()[0].close()
            process.kill()
        else:
            process.wait(60)
            assert canary.touched() == ["beside.ts" if "name" in name else "canary.ts"]


async def test_a_film_is_not_read_for_its_subtitles_but_they_are_there(server_of, folder):
    """The stream of texts in an AVI is one that an honest one may have."""
    (folder / "a.avi").write_bytes(videos.embedding({"path": "/a"})["gab2-srt.avi"])
    async with server_of() as server:
        answer = await ask(server, "a.avi", "preset=info")
        assert [stream["type"] for stream in json.loads(answer.content)["streams"]] == ["video", "subtitle"]


# -- subtitles in files of their own -------------------------------------------------------------------------

SUBRIP = "1\n00:00:01,000 --> 00:00:02,000\n{}\n"


ODD = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\n\nWEBVTT\n\nSTYLE\n::cue { background: url(http://127.0.0.1/) }\n\nREGION\nid:x",
    "--> 00:00:09,000\n2\n00:00:03,000 --> 00:00:04,000 line:0 <b onclick='x'>\n<c.x>&#60;</c>",
    "{\\p1}" * 5000,
    "<" * 50_000,
    "{" * 50_000,
    "<i>" * 20_000,
    "\x1b[31m\u202e\ufeff\ud7ff\uffff",
    "&" + "a" * 100_000,
)


async def test_odd_subtitles_are_only_text(server_of, folder):
    async with server_of() as server:
        for number, text in enumerate(ODD):
            (folder / f"{number}.srt").write_text(SUBRIP.format(text))
            answer = await ask(server, f"{number}.srt", "preset=captions")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert (answer.status, fault(answer, "preset=captions")) == (200, None)
            head, *cues = answer.text.split("\n\n")
            assert head.strip() == "WEBVTT"
            # Nothing but cues, with nothing in them but the tags of cues (WebVTT section 4.2.2).
            assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3} --> ", cue) for cue in cues if cue)
            assert not re.search(r"<(?!/?(?:c|i|b|u|ruby|rt|v|lang)[.\s>])|\0|-->.*-->", answer.text)
        await ask_fine(server)


async def test_what_is_no_subtitles_is_none(server_of, folder):
    large = SUBRIP.format("a") + "a" * 9_000_000
    files = [videos.hls("a.srt"), b"<html>\n" + SUBRIP.encode(), b"words", large.encode()]
    async with server_of() as server:
        for number, content in enumerate(files):
            for ending in ("srt", "vtt", "ass", "txt"):
                (folder / f"{number}.{ending}").write_bytes(content)
                answer = await ask(server, f"{number}.{ending}", "preset=captions")
                assert (answer.status, fault(answer, "preset=captions")) == (422, None), answer.text


# -- names --------------------------------------------------------------------------------------------------

NAMES = (
    "-i.mp4",
    "-version",
    "--help.mp4",
    "-f lavfi -i color.mp4",
    "concat:other.mp4|other.mp4",
    "concat:other.mp4",
    "subfile,,start,0,end,99,,:other.mp4",
    "crypto:other.mp4",
    "pipe:0",
    "pipe:",
    "fd:0.mp4",
    "file:other.mp4",
    "data:video,mp4;base64,AAAA",
    "http:",
    "http:127.0.0.1:{port}",
    "tcp:127.0.0.1:{port}",
    "lavfi:color",
    "%03d.mp4",
    "%d-%s-%n-%x.mp4",
    "[0-9]*?.mp4",
    "*.mp4",
    "{other,fine}.mp4",
    "a'b\"c;$(id)`id`&|<>.mp4",
    "a=b:c,d[e];f.mp4",
    "  spaces  .mp4",
    "Größe 日本 \u202e.mp4",
    "film.m3u8",
    "film.txt",
    "film.mpd",
    "film.ffconcat",
    "x" * 250 + ".mp4",
)


@pytest.mark.slow
async def test_any_name_is_only_a_name(server_of, folder, canary, all_logged):
    """Nothing in a name is an option, a protocol, a pattern or a text for a shell: each film is itself."""
    fine = videos.films()["film.mp4"]
    red = "-f lavfi -i color=red:size=160x90:duration=2 -c:v libx264 -pix_fmt yuv420p"
    for name in ("other.mp4", "001.mp4", "000.mp4", "0a.mp4"):
        videos.encode(f"{red} {name}", folder)
    async with server_of() as server:
        queries = [query for query in asked(server, EACH) if preset_of(query) not in ("captions", "info")]
        expected = {query: await ask(server, "fine.mp4", query) for query in queries}
        assert {answer.status for answer in expected.values()} == {200}
        for name in (name.replace("{port}", str(canary.port)) for name in NAMES):
            (folder / name).write_bytes(fine)
            for query in queries:
                answer = await ask(server, name, query)
                assert answer.content == expected[query].content, (name, query, answer.text)
                assert canary.fault(answer) is None, (name, query)
            (folder / name).unlink()


def commands_of(work):
    """All commands that a plan may run."""
    if isinstance(work, Segment):
        work = work.pipeline(work.number or 0)
    return [*work.commands, *(work.otherwise or ())] if isinstance(work, Pipeline) else []


@pytest.mark.slow
async def test_every_command_that_is_planned_is_bound(server_of, folder):
    """What ffmpeg is told of its source, whichever container, name and preset it is."""
    bound, planned = set(), set()
    async with server_of() as server:
        queries = asked(server, QUERIES)
        for name, content in videos.films().items():
            (folder / f"-i %d.{name}").write_bytes(content)
            for query in queries:
                target = parse_target(f"/-i%20%25d.{name}?{query}")
                with await open_source(server.media.sources, target.path) as source:
                    try:
                        plan = await server.media.planning.plan(target, source)
                    except MediaError:
                        continue
                planned.add(preset_of(query))
                for program, *arguments in commands_of(plan.work):
                    assert program == server.media.presets.programs["ffmpeg"]
                    assert arguments.count("-i") == 1
                    place = arguments.index("-i")
                    assert arguments[place + 1] == f"file:{folder}/-i %d.{name}"
                    before = arguments[:place]
                    told = {option: before[before.index(option) + 1] for option in SAFE}
                    assert told == SAFE, (name, query)
                    assert "-nostdin" in before
                    assert 1 <= int(before[before.index("-threads") + 1]) <= 8
                    demuxer = "-f" in before and before[before.index("-f") + 1]
                    assert demuxer == safety.demuxer_of(source.facts.media_type) or name == "film.mpg"
                    bound.add(preset_of(query))
    assert bound == COMMANDS
    assert planned == {preset_of(query) for query in queries} - {"captions"}


# -- what must not be decoded, and bombs --------------------------------------------------------------------


async def test_magicyuv_is_told_but_not_decoded(server_of, folder, expect_log, ffmpeg):
    (folder / "a.avi").write_bytes(videos.magicyuv())
    argv = [ffmpeg, "-v", "error", "-nostdin", "-i", str(folder / "a.avi"), "-f", "null", "-"]
    assert subprocess.run(argv, check=True, capture_output=True).stderr == b""
    async with server_of() as server:
        wrong, counted = await wrongs(server, folder, {"a.avi": videos.magicyuv()})
    assert not wrong, "\n".join(map(str, wrong))
    decoded = ("poster", "storyboard", "preview", "mp4", "segment")
    assert not any(counted[f"200 {preset}"] for preset in decoded)


async def test_a_film_that_says_it_lasts_for_ever_has_no_playlist(server_of, folder):
    """The server itself writes playlists: of ten million seconds it would do nothing else for minutes."""
    (folder / "a.mp4").write_bytes(videos.BOMBS["one-frame-for-ever.mp4"]())
    async with server_of() as server:
        assert json.loads((await ask(server, "a.mp4", "preset=info")).content)["duration"] > 10**7
        for query in ("preset=hls", "preset=playlist&height=90", "preset=segment&height=90&number=0"):
            answer = await ask(server, "a.mp4", query)
            assert (answer.status, fault(answer, query)) == (422, None)
            assert "it lasts" in answer.text


EXPECTED = re.compile(r"failed with 50[24]: |aborted: ")
"""What is logged of ffmpeg when it fails. A defect of the server is an error in the log: never expected."""

LONG = {"edits.mp4", "10000000-samples.mp4", "100000-tags.mkv", "1000-scans.avi", "comments.flac"}
"""Those that libav takes the square of their length for, or as long as it may."""


@pytest.mark.slow
@pytest.mark.timeout(seconds=900)
@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi", "other"])
async def test_bombs(server_of, folder, expect_log, kind):
    known = ("mp4", "mkv", "avi")
    files = {
        name: make
        for name, make in videos.BOMBS.items()
        if (ending := name.rpartition(".")[2]) == kind or (kind == "other" and ending not in known)
    }
    expect_log(EXPECTED.pattern)
    async with server_of(cpu=4) as server:
        wrong, _ = await wrongs(server, folder, files, EACH, late=LONG)
    assert not wrong, "\n".join(map(str, wrong))


# -- damage: each has a number ------------------------------------------------------------------------------


async def storm(server, folder, seeds):
    """Ask for damaged films, four at a time, and for a healthy one meanwhile.

    Returns:
        How often was answered what.
    """
    left, counted = iter(seeds), Counter()
    queries = asked(server)

    async def attack():
        for seed in left:
            name, content = videos.damaged(seed)
            (folder / name).write_bytes(content)
            query = queries[random.Random(-seed).randrange(len(queries))]
            answer = await ask(server, name, query)
            said = fault(answer, query, late=True)
            assert said is None, f"seed {seed}: {name}?{query}: {answer.status} {said}"
            (folder / name).unlink()
            counted[answer.status if answer.complete else "cut off"] += 1
            counted[f"{answer.status} {preset_of(query)}"] += 1
            if seed % 10 == 0:
                await ask_fine(server, seed)

    async with asyncio.TaskGroup() as attackers:
        for _ in range(4):
            attackers.create_task(attack())
    await ask_fine(server)
    return counted


@pytest.mark.slow
async def test_damage(server_of, folder, log_watch):
    async with server_of(cpu=10) as server:
        counted = await storm(server, folder, range(33))
    log_watch.unexpected[:] = [line for line in log_watch.unexpected if not EXPECTED.search(line)]
    assert counted[200] > 5
    assert counted[422] > 5


@pytest.mark.slow
@pytest.mark.timeout(seconds=900)
async def test_much_damage(server_of, folder, expect_log):
    number = int(os.environ.get("SEEDS", "500"))  # more of them, for a night
    expect_log(EXPECTED.pattern)
    async with server_of(cpu=10) as server:
        counted = await storm(server, folder, range(1000, 1000 + number))
    print(sorted(counted.items(), key=str))
    assert counted[200] > number / 10
    assert counted[422] > number / 10
