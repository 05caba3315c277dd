"""The pure modules of the pages, as tables: arithmetic of time, qualities, names of codecs, URLs."""

from __future__ import annotations

import subprocess

import imageio_ffmpeg
import pytest

CALL = """async ([module, name, values]) => {
  const found = await import(new URL(`static/${module}`, location.href).href);
  const value = found[name](...values);
  return value === undefined ? null : value;
}"""


@pytest.fixture(scope="module")
def call(chromium, server):
    """`call("clock.js", "format", 75)`: a function of a module, called in the browser."""
    page = chromium.new_page()
    page.goto(f"{server}-/?folder=/Empty/")
    yield lambda module, name, *values: page.evaluate(CALL, [module, name, list(values)])
    page.close()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (9.99, "0:09"),
        (75, "1:15"),
        (3599.9, "59:59"),
        (3675, "1:01:15"),
        (36000, "10:00:00"),
        (-3, "0:00"),
        (None, "-:--"),
    ],
)
def test_a_time_is_written(call, seconds, text):
    assert call("clock.js", "format", seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (61, "1 minute 1 second"),
        (3600, "1 hour"),
        (7325, "2 hours 2 minutes 5 seconds"),
    ],
)
def test_a_time_is_spoken(call, seconds, text):
    assert call("clock.js", "speak", seconds) == text


@pytest.mark.parametrize(
    ("fragment", "seconds"),
    [
        ("#t=40", 40),
        ("#t=40.5", 40.5),
        ("#t=40s", 40),
        ("#t=1:20", 80),
        ("#t=npt:1:01:02.5", 3662.5),
        ("#t=10,20", 10),
        ("#x=1&t=7", 7),
        ("", None),
        ("#t=", None),
        ("#t=soon", None),
        ("#t=-4", None),
        ("#t=1:2:3:4", None),
    ],
)
def test_a_fragment_names_a_time(call, fragment, seconds):
    assert call("clock.js", "parseFragment", fragment) == seconds


@pytest.mark.parametrize(
    ("seconds", "duration", "held"), [(-1, 60, 0), (30, 60, 30), (60, 60, 59.5), (99, 60, 59.5), (99, 0.2, 0)]
)
def test_a_seek_stays_inside(call, seconds, duration, held):
    assert call("clock.js", "clamp", seconds, duration) == held


@pytest.mark.parametrize(
    ("pairs", "seconds", "found"),
    [
        ([[0, 5], [10, 20]], 12, [10, 20]),
        ([[0, 5], [10, 20]], 9.95, [10, 20]),
        ([[0, 5], [10, 20]], 5, None),
        ([[0, 5]], 7, None),
        ([], 0, None),
    ],
)
def test_what_has_arrived_around_a_time(call, pairs, seconds, found):
    assert call("clock.js", "around", pairs, seconds) == found


@pytest.mark.parametrize(
    ("end", "duration", "early"), [(59, 60, False), (57, 60, True), (60.5, 60, False), (8, None, False)]
)
def test_an_end_may_be_early(call, end, duration, early):
    assert call("clock.js", "endedEarly", end, duration) is early


def test_delays_grow_unless_the_server_names_one(call):
    assert [call("clock.js", "delay", count) for count in range(1, 7)] == [0.5, 1, 2, 4, 8, 8]
    assert call("clock.js", "delay", 3, 7) == 7


@pytest.mark.parametrize(
    ("height", "offered"),
    [
        (1080, [1080, 720, 480, 360, 240, 144]),
        (534, [534, 480, 360, 240, 144]),
        (577, [576, 480, 360, 240, 144]),
        (4320, [2160, 1440, 1080, 720, 480, 360, 240, 144]),
        (100, []),
        (None, []),
    ],
)
def test_heights_at_or_below_the_source(call, height, offered):
    assert call("quality.js", "heights", height) == offered


@pytest.mark.parametrize(
    ("offered", "wanted", "usual"),
    [
        ([1080, 720, 480], None, 720),
        ([534, 480], None, 534),
        ([1080, 720, 480], 480, 480),
        ([480], 1080, 480),
        ([], 720, None),
    ],
)
def test_the_height_to_begin_with(call, offered, wanted, usual):
    assert call("quality.js", "usualHeight", offered, wanted) == usual


VIDEO = {"type": "video", "codec": "h264", "width": 640, "height": 360}
AAC = {"type": "audio", "codec": "aac"}


@pytest.mark.parametrize(
    ("media_type", "streams", "asked"),
    [
        ("video/mp4", [VIDEO, AAC], 'video/mp4; codecs="avc1.640028, mp4a.40.2"'),
        ("video/mp4", [VIDEO], 'video/mp4; codecs="avc1.640028"'),
        (
            "video/webm",
            [{"type": "video", "codec": "vp9"}, {"type": "audio", "codec": "opus"}],
            'video/webm; codecs="vp9, opus"',
        ),
        ("video/mp4", [VIDEO, {"type": "audio", "codec": "dts"}], None),
        ("video/mp4", [{**VIDEO, "pixel_format": "yuv420p10le"}], None),
        ("video/x-matroska", [VIDEO, AAC], None),
        ("video/mp4", [], None),
        ("audio/flac", [{"type": "audio", "codec": "flac"}], "audio/flac"),
    ],
)
def test_what_may_be_played_as_it_is(call, media_type, streams, asked):
    assert call("quality.js", "originalType", {"media_type": media_type, "streams": streams}) == asked


def test_urls_hold_any_name(call, server):
    odd = "/a b/100% #1?&+ü.jpg"
    encoded = "a%20b/100%25%20%231%3F%26%2B%C3%BC.jpg"
    assert call("api.js", "sourceUrl", odd) == f"{server}{encoded}"
    assert (
        call("api.js", "sourceUrl", odd, {"size": "48x48", "start": None}) == f"{server}{encoded}?size=48x48"
    )
    assert call("api.js", "folderUrl", "/") == f"{server}-/"
    assert call("api.js", "folderUrl", "/a b/", "#1.jpg") == f"{server}-/?folder=/a%20b/#%231.jpg"
    assert call("api.js", "playerUrl", "/x&y.mkv") == f"{server}-/play?source=/x%26y.mkv"
    assert call("api.js", "folderOf", "/a/b.mkv") == "/a/"
    assert call("api.js", "folderOf", "/b.mkv") == "/"


@pytest.mark.parametrize(
    ("bytes_", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (15_300, "15 kB"), (4_900_000, "4.9 MB")],
)
def test_a_size_in_words(call, bytes_, text):
    assert call("tile.js", "sizeInWords", bytes_) == text


@pytest.mark.parametrize(
    ("screen", "size"),
    [
        ((360, 740, 3), "960x1600"),
        ((1400, 900, 1), "1600x960"),
        ((1400, 900, 2), "3200x1920"),
        ((9000, 300, 1), "3840x640"),
    ],
)
def test_the_large_picture_fits_the_screen(call, screen, size):
    width, height, dense = screen
    window = {"innerWidth": width, "innerHeight": height, "devicePixelRatio": dense}
    assert call("lightbox.js", "screenSize", window) == size


MEDIA_TYPE = """async ([url, lengths]) => {
  const { mediaType } = await import(new URL('static/isobmff.js', location.href).href);
  const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
  return lengths.map((length) => mediaType(bytes.subarray(0, length || bytes.length)));
}"""


@pytest.mark.parametrize(
    ("codecs", "named"),
    [
        (
            ["-c:v", "libx264", "-profile:v", "high", "-pix_fmt", "yuv420p", "-c:a", "aac"],
            ["avc1.6400", "mp4a.40.2"],
        ),
        (["-c:v", "libx264", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-an"], ["avc1.42"]),
        (["-vn", "-c:a", "aac"], ["mp4a.40.2"]),
        (["-vn", "-c:a", "libopus"], ["opus"]),
        (["-vn", "-c:a", "flac", "-strict", "-2"], ["flac"]),
        (["-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p", "-an"], ["av01.0."]),
    ],
    ids=["high", "baseline", "aac", "opus", "flac", "av1"],
)
def test_codecs_are_read_from_the_initialization_segment(media, chromium, server, codecs, named):
    path = media / "Empty" / "codecs.mp4"  # served only while this test runs
    inputs = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=25:duration=1",
        "-f",
        "lavfi",
        "-i",
        "sine=duration=1",
    ]
    fragments = ["-movflags", "frag_keyframe+empty_moov+default_base_moof"]
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([ffmpeg, "-v", "error", *inputs, *codecs, *fragments, str(path)], check=True)
    page = chromium.new_page()
    try:
        page.goto(f"{server}-/play")
        early, whole = page.evaluate(MEDIA_TYPE, [f"{server}Empty/codecs.mp4", [60, 0]])
        assert early is None
        assert whole.startswith('video/mp4; codecs="') and whole.endswith('"')
        found = whole.removeprefix('video/mp4; codecs="').removesuffix('"').split(", ")
        assert [name.startswith(start) for name, start in zip(found, named, strict=True)] == [True] * len(
            named
        )
        assert page.evaluate("type => MediaSource.isTypeSupported(type)", whole)
    finally:
        page.close()
        path.unlink()
