from __future__ import annotations

import io
import runpy
import struct
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import pytest

from tornado_media.errors import SourceUnusable
from tornado_media.formats.encoders import ENCODERS
from tornado_media.formats.facts import SyncSamples, VideoFacts, VideoStream
from tornado_media.formats.grid import Grid, grid_of
from tornado_media.formats.rungs import rung_at
from tornado_media.formats.tools import Tools
from tornado_media.formats.transcode import grid_run

CLIPS = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "clips.py")))
TOOLS = Tools(filters=frozenset({"zscale", "tonemap"}), threads=2)

QUICK = ["plain.mp4", "late.mkv", "halting.mkv", "edited.mp4", "offset.ts", "turned.mp4", "long_group.mkv"]
SLOW = [
    "plain.mkv", "hevc.mp4", "ten_bits.mkv", "hdr10.mkv", "hlg.mkv", "odd.avi", "odd.mkv", "squeezed.mp4",
    "interlaced.ts", "surround.mkv", "tracks.mkv", "silent.mp4", "early.ts", "says_more.mkv", "says_less.mkv",
    "plain.webm", "old.avi", "television.mp4", "smooth.mp4", "fast.mp4",
]  # fmt: skip


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "clips"
    folder.mkdir(exist_ok=True)
    return lambda name: CLIPS.make(name, folder)


def known(name, path, *, indexed=True):
    """What a perfect probe would find."""
    truth = CLIPS.CLIPS[name]
    with av.open(str(path)) as container:
        start, demuxers = (container.start_time or 0) / 1e6, tuple(container.format.name.split(","))
        times = sorted(
            float(packet.pts * packet.time_base) - start
            for packet in container.demux(video=0)
            if packet.is_keyframe and packet.pts is not None
        )
    hdr = {"hdr10.mkv": "pq", "hlg.mkv": "hlg"}.get(name)
    sync = SyncSamples(tuple(times), (1000,) * len(times)) if indexed else None
    picture = VideoStream(index=0, variable=truth.time is not None, hdr=hdr, sync_samples=sync)
    return VideoFacts(
        duration=truth.late + truth.seconds,
        width=truth.width,
        height=truth.height,
        frame_rate=truth.rate,
        start_time=start,
        demuxers=demuxers,
        interlaced=truth.fields,
        video=picture,
    )


def grid_for(name):
    truth = CLIPS.CLIPS[name]
    return grid_of(truth.rate, truth.late + truth.seconds, variable=truth.time is not None)


def segments(ffmpeg, command):
    """The initialization segment, and the bytes of each moof and mdat."""
    ended = subprocess.run([ffmpeg, *command[1:]], capture_output=True, stdin=subprocess.DEVNULL)
    assert ended.returncode == 0, ended.stderr.decode()
    kinds, pieces = zip(*boxes(ended.stdout), strict=True)
    assert kinds == ("ftyp", "moov", *("moof", "mdat") * (len(kinds) // 2 - 1))
    pairs = zip(pieces[2::2], pieces[3::2], strict=True)
    return pieces[0] + pieces[1], [moof + mdat for moof, mdat in pairs]


def boxes(content):
    position = 0
    while position < len(content):
        length, kind = struct.unpack_from(">I4s", content, position)
        yield kind.decode(), content[position : position + length]
        position += length


def inside(content, *path):
    for kind in path:
        content = next(body for name, body in boxes(content) if name == kind)[8:]
    return content


def times(segment):
    """The decode time of a segment, and the composition times of its samples, in ticks."""
    tfdt, tfhd, trun = (inside(segment, "moof", "traf", kind) for kind in ("tfdt", "tfhd", "trun"))
    (begin,) = struct.unpack_from(">Q" if tfdt[0] else ">I", tfdt, 4)
    flags = int.from_bytes(tfhd[1:4], "big")
    place = 8 + 8 * bool(flags & 1) + 4 * bool(flags & 2)
    default = struct.unpack_from(">I", tfhd, place)[0] if flags & 8 else 0
    flags, count = int.from_bytes(trun[1:4], "big"), struct.unpack_from(">I", trun, 4)[0]
    place, now, shown = 8 + 4 * bool(flags & 1) + 4 * bool(flags & 4), begin, []
    for _ in range(count):
        duration = default
        if flags & 0x100:
            (duration,) = struct.unpack_from(">I", trun, place)
        place += 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400))
        offset = struct.unpack_from(">i" if trun[0] else ">I", trun, place)[0] if flags & 0x800 else 0
        place += 4 * bool(flags & 0x800)
        shown.append(now + offset)
        now += duration
    return begin, now, shown


def numbers(content):
    with av.open(io.BytesIO(content)) as container:
        for frame in container.decode(video=0):
            gray = frame.reformat(format="gray")
            plane = gray.planes[0]
            yield CLIPS.read_number(bytes(plane), gray.width, gray.height, plane.line_size)


def decodes(ffmpeg, content):
    argv = [
        ffmpeg,
        "-nostdin",
        "-v",
        "error",
        "-xerror",
        "-err_detect",
        "explode",
        "-i",
        "-",
        "-f",
        "null",
        "-",
    ]
    ended = subprocess.run(argv, input=content, capture_output=True)
    return (ended.returncode, ended.stderr.decode()) == (0, "")


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_two_runs_are_one_film(name, clip, ffmpeg):
    path, truth, grid = clip(name), CLIPS.CLIPS[name], grid_for(name)
    facts, later = known(name, path), grid.count // 2
    commands = [grid_run(str(path), facts, grid, height=90, first=first, tools=TOOLS) for first in (0, later)]
    (init, first_run), (again, second_run) = (segments(ffmpeg, command) for command in commands)
    assert init == again
    assert len(first_run) == grid.count
    joined = [*first_run[:later], *second_run]
    assert len(joined) == grid.count
    ticks = grid.timescale / grid.rate
    for number, segment in enumerate(joined):
        begin, end, shown = times(segment)
        assert begin == grid.ticks(number)
        assert end - begin == grid.length(number) * grid.timescale
        assert sorted(shown) == [begin + n * ticks for n in range(len(shown))]
        assert shown[0] == begin
    assert decodes(ffmpeg, init + b"".join(joined))
    found = list(numbers(init + b"".join(joined)))
    assert len(found) == grid.frames
    for n, number in enumerate(found):
        # what is shown began at most half a frame later, and nothing else did so after it
        limit = float((n + Fraction(1, 2)) / grid.rate)
        assert number == 0 or truth.at(number) <= limit + 0.001, n
        assert number == truth.frames - 1 or truth.at(number + 1) >= limit - 0.001, n


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("plain.mp4", 2),
        ("edited.mp4", 2),
        ("late.mkv", 3),
        ("long_group.mkv", 7),
        ("old.avi", 2),
        ("hevc.mp4", 1),
    ],
)
def test_a_film_whose_sync_samples_are_unknown(name, first, clip, ffmpeg):
    path, truth, grid = clip(name), CLIPS.CLIPS[name], grid_for(name)
    facts = known(name, path, indexed=False)
    command = grid_run(str(path), facts, grid, height=90, first=first, tools=TOOLS)
    init, found = segments(ffmpeg, command)
    shown = next(numbers(init + found[0]))
    assert abs(truth.at(shown) - float(grid.start(first))) <= float(Fraction(1, 2) / grid.rate) + 0.001


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize(
    ("name", "group", "first", "shown"),
    [
        # At 4.08 s a frame is seen that began at 4.0 and lasts until 4.1: it is before the target.
        ("halting.mkv", 51, 2, 100),
        # The sync sample at 4.0 s has a decode time of 3.92: an index of decode times finds it for 3.92.
        ("plain.mp4", 49, 2, 98),
        ("plain.mkv", 49, 2, 98),
    ],
)
def test_a_segment_that_begins_beside_a_frame(name, group, first, shown, indexed, clip, ffmpeg):
    path = clip(name)
    facts, grid = known(name, path, indexed=indexed), Grid(Fraction(25), group, 300)
    init, found = segments(ffmpeg, grid_run(str(path), facts, grid, height=90, first=first, tools=TOOLS))
    assert next(numbers(init + found[0])) == shown


@pytest.mark.parametrize("name", ["plain.mkv", "plain.mp4", "long_group.mkv"])
def test_a_jump_does_not_decode_a_group_too_many(name, clip, ffmpeg):
    path, grid = clip(name), grid_for(name)
    facts, segment = known(name, path), 5 if name == "long_group.mkv" else 3
    assert float(grid.start(segment)) in facts.video.sync_samples.times
    command = list(grid_run(str(path), facts, grid, height=90, first=segment, tools=TOOLS))
    command[command.index("-vf") + 1] = "showinfo," + command[command.index("-vf") + 1]
    command[command.index("warning")] = "info"
    command[command.index("-frames:v") + 1] = "1"
    said = subprocess.run(
        [ffmpeg, *command[1:]], capture_output=True, stdin=subprocess.DEVNULL
    ).stderr.decode()
    first = next(line for line in said.splitlines() if "pts_time:" in line)
    assert float(first.partition("pts_time:")[2].split()[0]) == float(grid.start(segment))


def test_a_source_that_ends_early_shows_its_last_frame(clip, ffmpeg):
    path = clip("silent.mp4")
    grid, facts = Grid(Fraction(25), 50, 340), known("silent.mp4", path)
    init, found = segments(ffmpeg, grid_run(str(path), facts, grid, height=90, first=5, tools=TOOLS))
    assert len(found) == 2
    assert list(numbers(init + b"".join(found))) == [*range(250, 300), *[299] * 40]


def test_no_segment_has_more_bits_than_its_bandwidth(clip, ffmpeg):
    path, grid = clip("noise.mkv"), grid_for("noise.mkv")
    facts = known("noise.mkv", path)
    rung = rung_at(facts, 180, grid.rate)
    init, found = segments(ffmpeg, grid_run(str(path), facts, grid, height=180, first=0, tools=TOOLS))
    rates = [len(segment) * 8 / float(grid.length(number)) for number, segment in enumerate(found)]
    assert max(rates) <= rung.bandwidth
    assert sum(rates) / len(rates) <= rung.average
    # the noise comes all at once, and is more than the ceiling allows
    assert rates[0] < rung.average / 3 < rung.average < rates[2]
    avc = init.index(b"avcC") + 4
    assert f"avc1.{init[avc + 1 : avc + 4].hex()}" == rung.codecs


@pytest.mark.parametrize("filters", [set(), {"zscale", "tonemap"}])
def test_a_bright_picture_becomes_a_standard_one(filters, clip, ffmpeg):
    path, grid = clip("hdr10.mkv"), grid_for("hdr10.mkv")
    facts, tools = known("hdr10.mkv", path), Tools(filters=frozenset(filters))
    init, found = segments(ffmpeg, grid_run(str(path), facts, grid, height=180, first=4, tools=tools))
    with av.open(io.BytesIO(init + found[0])) as container:
        frame = next(container.decode(video=0))
        assert (frame.format.name, container.streams.video[0].codec_context.color_trc) == ("yuv420p", 1)
        plane = frame.planes[0]
        luma, middle = bytes(plane), plane.line_size * 100
    assert CLIPS.read_number(luma, 320, 180, plane.line_size) == 200
    # A code of 60 to 180 of 255 in PQ is 2 to 1,000 cd/m2: dark to white in a standard picture.
    ramp = luma[middle : middle + 320]
    assert min(ramp) < 60 and max(ramp) > 200


def test_the_limits_of_a_run(clip):
    path, grid = clip("silent.mp4"), grid_for("silent.mp4")
    facts = known("silent.mp4", path)
    for number in (-1, grid.count):
        with pytest.raises(ValueError, match="no segment"):
            grid_run(str(path), facts, grid, height=90, first=number, tools=TOOLS)
    with pytest.raises(SourceUnusable, match="no video"):
        grid_run(str(path), replace(facts, has_video=False), grid, height=90, first=0, tools=TOOLS)


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder_is_told_the_grid(name, clip):
    facts = known("silent.mp4", clip("silent.mp4"))
    tools = Tools(encoder=name, device="/dev/dri/renderD129")
    command = grid_run("/film", facts, grid_for("silent.mp4"), height=90, first=1, tools=tools)

    def option(named):
        return command[command.index(named) + 1]

    assert option("-c:v") == name
    assert option("-g") == option("-keyint_min") == "50"
    assert option("-level:v") == "21"
    assert option("-maxrate") == option("-bufsize") == "500k"
    assert ("-b:v" in command) != ("-crf" in command)
    assert (option("-bf") == "0") if name != "libx264" else "-bf" not in command
    last = option("-vf").split(",")[-1]
    assert last == {
        "libx264": "format=yuv420p",
        "h264_nvenc": "format=yuv420p",
        "h264_vaapi": "hwupload",
    }.get(name, "format=nv12")
    if name == "h264_vaapi":
        assert option("-vaapi_device") == "/dev/dri/renderD129"
        assert command.index("-vaapi_device") < command.index("-i")
