"""The pure modules of the pages, as tables: arithmetic of time, qualities, names of codecs, URLs."""

from __future__ import annotations

import subprocess

import imageio_ffmpeg
import pytest
from playwright.sync_api import Error

CALL = """async ([module, name, values]) => {
  const found = await import(new URL(`static/${module}`, location.href).href);
  const value = found[name](...values);
  return value === undefined ? null : value;
}"""


@pytest.fixture(scope="module")
def page(chromium, server):
    """A page of the server, that may import its modules."""
    page = chromium.new_page(locale="en-US")
    page.goto(f"{server}-/?folder=/Empty/")
    yield page
    page.close()


@pytest.fixture(scope="module")
def call(page):
    """`call("clock.js", "format", 75)`: a function of a module, called in the browser."""
    return lambda module, name, *values: page.evaluate(CALL, [module, name, list(values)])


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


def test_delays_grow_unless_the_server_names_one(call):
    assert [call("clock.js", "delay", count) for count in range(1, 7)] == [0.5, 1, 2, 4, 8, 8]
    assert call("clock.js", "delay", 3, 7) == 7


MULTIVARIANT = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="de, 5.1",LANGUAGE="de",DEFAULT=YES,CHANNELS="2",URI="?preset=playlist&stream=1"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Talk",LANGUAGE="en",DEFAULT=NO,CHANNELS="2",URI="?preset=playlist&stream=2"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="en",DEFAULT=NO,FORCED=NO,URI="?preset=playlist&stream=3"
#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=500000,CODECS="avc1.640028,mp4a.40.2",RESOLUTION=1280x720,AUDIO="audio"
?preset=playlist&stream=0&copy=on
#EXT-X-STREAM-INF:BANDWIDTH=400000,CODECS="avc1.4d401e,mp4a.40.2",RESOLUTION=360x640,AUDIO="audio"
?preset=playlist&height=640
"""  # noqa: E501
BASE = "http://host/a%20b/film.mkv?preset=hls&play=aac"
ADDRESS = "http://host/a%20b/film.mkv"


def test_a_multivariant_playlist_is_read(call):
    found = call("playlists.js", "multivariant", MULTIVARIANT, BASE)
    assert found["variants"] == [
        {
            "uri": f"{ADDRESS}?preset=playlist&stream=0&copy=on",
            "width": 1280,
            "height": 720,
            "lines": 720,
            "peak": 900000,
            "average": 500000,
            "picture": ["avc1.640028"],
            "sound": ["mp4a.40.2"],
            "group": "audio",
            "copied": True,
        },
        {
            "uri": f"{ADDRESS}?preset=playlist&height=640",
            "width": 360,
            "height": 640,
            "lines": 360,
            "peak": 400000,
            "average": 400000,
            "picture": ["avc1.4d401e"],
            "sound": ["mp4a.40.2"],
            "group": "audio",
            "copied": False,
        },
    ]
    assert [(sound["name"], sound["language"], sound["usual"]) for sound in found["sounds"]] == [
        ("de, 5.1", "de", True),
        ("Talk", "en", False),
    ]
    assert found["sounds"][1]["uri"] == f"{ADDRESS}?preset=playlist&stream=2"


def test_sound_alone_has_no_lines(call):
    text = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2"\n?preset=playlist&stream=0\n'
    [variant] = call("playlists.js", "multivariant", text, BASE)["variants"]
    assert (variant["lines"], variant["picture"], variant["group"]) == (0, [], None)


def test_a_playlist_of_one_variant_and_one_sound(call):
    variant, sound = f"{ADDRESS}?preset=playlist&height=640", f"{ADDRESS}?preset=playlist&stream=2"
    lines = call("playlists.js", "only", MULTIVARIANT, BASE, variant, sound).splitlines()
    assert [line for line in lines if not line.startswith("#")] == [variant]
    [spoken] = [line for line in lines if "TYPE=AUDIO" in line]
    assert f'URI="{sound}"' in spoken and "DEFAULT=YES" in spoken
    [texts] = [line for line in lines if "TYPE=SUBTITLES" in line]
    assert f'URI="{ADDRESS}?preset=playlist&stream=3"' in texts and "DEFAULT=NO" in texts
    both = call("playlists.js", "only", MULTIVARIANT, BASE, None, None)
    assert both.count("TYPE=AUDIO") == 2 and both.count("#EXT-X-STREAM-INF") == 2


def test_a_media_playlist_is_read(call):
    text = "\r\n".join(
        [
            "#EXTM3U",
            '#EXT-X-MAP:URI="?preset=segment&height=360"',
            "#EXTINF:2.5,",
            "?preset=segment&height=360&number=0",
            "#EXTINF:0.25,",
            "?preset=segment&height=360&number=1",
            "#EXT-X-ENDLIST",
        ]
    )
    assert call("playlists.js", "media", text, BASE) == {
        "initialization": f"{ADDRESS}?preset=segment&height=360",
        "segments": [
            {"number": 0, "uri": f"{ADDRESS}?preset=segment&height=360&number=0", "start": 0, "end": 2.5},
            {"number": 1, "uri": f"{ADDRESS}?preset=segment&height=360&number=1", "start": 2.5, "end": 2.75},
        ],
        "duration": 2.75,
    }


def test_what_is_no_playlist_is_refused(call):
    for text in ("", "<html>", "#EXTM3U8"):
        with pytest.raises(Error, match="this is no playlist"):
            call("playlists.js", "media", text, BASE)


@pytest.mark.parametrize(("seconds", "place"), [(-1, 0), (0, 0), (1.99, 0), (2, 1), (4.5, 2), (99, 2)])
def test_the_segment_at_a_time(call, seconds, place):
    segments = [{"start": 0, "end": 2}, {"start": 2, "end": 4}, {"start": 4, "end": 5}]
    assert call("playlists.js", "placeAt", segments, seconds) == place


def rung(lines: int, average: float, *, copied: bool = False) -> dict[str, object]:
    return {"lines": lines, "average": average, "peak": average * 1.5, "copied": copied}


LADDER = [rung(1080, 4e6), rung(720, 2e6), rung(480, 1e6), rung(240, 3e5)]


@pytest.mark.parametrize(
    ("rungs", "pixels", "lines"),
    [
        (LADDER, 400, 240),
        (LADDER, 700, 480),
        (LADDER, 2000, 720),
        (LADDER, 10, 240),
        ([rung(1080, 4e6, copied=True), rung(480, 1e6)], 300, 1080),
        ([rung(1080, 9e6, copied=True), rung(480, 1e6)], 700, 480),
        ([rung(0, 1e5)], 0, 0),
    ],
)
def test_the_quality_to_begin_with(call, rungs, pixels, lines):
    assert rungs[call("rungs.js", "firstRung", rungs, pixels)]["lines"] == lines


@pytest.mark.parametrize(
    ("at", "pace", "ahead", "count", "pixels", "lines"),
    [
        (1, None, 0, 0, 2000, 720),  # nothing is known
        (1, 1.3, 4, 9, 2000, 720),  # just enough
        (1, 0.9, 4, 9, 2000, 480),
        (1, 0.9, 20, 9, 2000, 720),  # slow, but there is time
        (1, 0.3, 1, 1, 2000, 240),
        (0, 0.01, 0, 0, 2000, 240),
        (3, 0.1, 0, 9, 2000, 240),  # nothing is below
        (1, 9, 20, 9, 2000, 1080),
        (1, 3, 20, 9, 2000, 720),  # the better one would have 1.5
        (1, 9, 20, 2, 2000, 720),  # too soon
        (1, 9, 9, 9, 2000, 720),  # too little ahead
        (1, 9, 20, 9, 720, 720),  # the screen has no more
        (0, 99, 30, 9, 4000, 1080),
    ],
)
def test_the_quality_to_go_on_with(call, at, pace, ahead, count, pixels, lines):
    state = {"at": at, "pace": pace, "ahead": ahead, "count": count, "pixels": pixels}
    assert LADDER[call("rungs.js", "nextRung", LADDER, state)]["lines"] == lines


RUNGS = """async ([variants, known]) => {
  const { ladder } = await import(new URL('static/rungs.js', location.href).href);
  return ladder(variants, (type) => !type.includes(known)).map(({ lines }) => lines);
}"""


def test_the_ladder_has_what_the_browser_takes(page):
    names = [("avc1", 360), ("hvc1", 2160), ("avc1", 720), ("avc1", 720)]
    variants = [{"lines": lines, "picture": [name], "sound": []} for name, lines in names]
    assert page.evaluate(RUNGS, [variants, "hvc1"]) == [720, 360]
    assert page.evaluate(RUNGS, [variants, "nothing"]) == [2160, 720, 360]
    sound = [{"lines": 0, "picture": [], "sound": ["mp4a.40.2"]}]
    assert page.evaluate(RUNGS, [sound, "audio/mp4"]) == []
    assert page.evaluate(RUNGS, [sound, "video/mp4"]) == [0]


def test_the_pace_is_of_the_last_segments(page):
    pace = """async (parts) => {
      const { Pace } = await import(new URL('static/rungs.js', location.href).href);
      const pace = new Pace();
      const before = pace.value;
      for (const [seconds, took] of parts) pace.add(seconds, took);
      return [before, pace.value];
    }"""
    assert page.evaluate(pace, [[2, 1]]) == [None, 2]
    assert page.evaluate(pace, [[2, 100], [2, 1], [2, 1], [2, 1], [2, 5]]) == [None, 1]


VIDEO = {"type": "video", "codec": "h264", "codecs": "avc1.640028", "width": 640, "height": 360}
AAC = {"type": "audio", "codec": "aac", "codecs": "mp4a.40.2"}


@pytest.mark.parametrize(
    ("media_type", "how", "streams", "asked"),
    [
        ("video/mp4", "original", [VIDEO, AAC], 'video/mp4; codecs="avc1.640028, mp4a.40.2"'),
        ("video/mp4", "original", [VIDEO], 'video/mp4; codecs="avc1.640028"'),
        ("video/mp4", "original", [{**VIDEO, "codecs": None}], "video/mp4"),
        ("video/mp4", "remux", [VIDEO, AAC], None),
        ("video/x-matroska", "transcode", [VIDEO, AAC], None),
        ("audio/flac", "transcode", [{"type": "audio", "codec": "flac"}], "audio/flac"),
    ],
)
def test_what_may_be_played_as_it_is(call, media_type, how, streams, asked):
    facts = {"media_type": media_type, "streams": streams, "playback": {"how": how}}
    assert call("quality.js", "originalType", facts) == asked


def test_the_qualities_to_choose_from(call):
    offered = call("quality.js", "choices", LADDER[2:], True, 240)
    assert [(choice["value"], choice["note"]) for choice in offered] == [
        ("original", "the file"),
        ("auto", "240p"),
        (480, ""),
        (240, ""),
    ]
    assert call("quality.js", "choices", [rung(0, 1e5)], True) == []


@pytest.mark.parametrize(
    ("rate", "seconds"), [("25/1", 0.04), ("30000/1001", 1001 / 30000), (None, 0.04), ("0/0", 0.04)]
)
def test_a_frame_lasts(call, rate, seconds):
    facts = {"streams": [{"type": "video", "frame_rate": rate}]}
    assert call("quality.js", "frameSeconds", facts) == pytest.approx(seconds)


def test_the_browser_says_what_it_plays(call):
    words = call("abilities.js", "playable").split(",")
    assert words == sorted(words)
    assert {"h264", "aac", "vp9", "opus"} <= set(words)


@pytest.mark.parametrize(
    ("original", "forced", "uneven", "ways"),
    [
        (None, None, False, ["native", "mse"]),
        (None, None, True, ["mse", "native"]),
        ('video/mp4; codecs="avc1.640028"', None, False, ["original", "native", "mse"]),
        ('video/mp4; codecs="nothing"', None, False, ["native", "mse"]),
        ("audio/flac", "mse", False, ["mse"]),
        (None, "original", False, []),
        (None, "native", True, ["native"]),
    ],
)
def test_the_ways_to_play(call, original, forced, uneven, ways):
    assert call("abilities.js", "ways", original, forced, uneven) == ways


def test_whose_picture_is_copied(call):
    def info(how):
        streams = [{"type": "audio", "index": 0}, {"type": "video", "index": 1}]
        return {"streams": streams, "playback": {"streams": [{"index": 1, "how": how}]}}

    assert call("quality.js", "copiesPicture", info("copy")) is True
    assert call("quality.js", "copiesPicture", info("transcode")) is False
    assert call("quality.js", "copiesPicture", {}) is False


def test_files_of_captions_beside_a_film(call, server):
    names = [
        "film.srt",
        "film.de.vtt",
        "film.pt-BR.SRT",
        "film.the cut.vtt",
        "film.mkv",
        "film2.srt",
        "a.srt",
    ]
    files = [{"name": name, "path": f"/a b/{name}"} for name in names]
    found = call("captions.js", "sidecars", "/a b/film.mkv", files)
    assert [(choice["label"], choice["language"]) for choice in found] == [
        ("File", None),
        ("German", "de"),
        ("Brazilian Portuguese", "pt-BR"),
        ("the cut", None),
    ]
    assert found[1]["url"] == f"{server}a%20b/film.de.vtt?preset=captions"


def test_text_streams_of_a_film(call, server):
    subtitle = {"type": "subtitle", "text": True, "language": "en", "title": None, "forced": False}
    streams = [
        VIDEO,
        {**subtitle, "index": 2},
        {**subtitle, "index": 3, "text": False},
        {**subtitle, "index": 4, "language": None, "title": "Signs", "forced": True},
        {**subtitle, "index": 5, "language": None},
    ]
    found = call("captions.js", "textStreams", "/film.mkv", {"streams": streams})
    assert [choice["label"] for choice in found] == ["English", "Signs", "Track 5"]
    assert found[0]["url"] == f"{server}film.mkv?preset=subtitles&stream=2"
    assert call("menus.js", "wishedCaptions", found, "en") == "stream-2"
    assert call("menus.js", "wishedCaptions", found, None) == "stream-4"
    assert call("menus.js", "wishedCaptions", found, "fr") is None


def test_a_storyboard_is_read(call):
    text = (
        "WEBVTT\r\n\r\nNOTE a word\r\n\r\n1\r\n00:00.000 --> 00:02.500\r\n?preset=storyboard#xywh=0,0,160,90"
        "\r\n\r\n01:00:02.500 --> 01:00:05.000 align:start\r\n?preset=storyboard#xywh=160,90,160,90\r\n\r\n"
        "00:05.000 --> 00:06.000\r\nno picture\r\n"
    )
    url = f"{ADDRESS}?preset=storyboard"
    base = f"{ADDRESS}?preset=storyboard&format=vtt"
    assert call("storyboard.js", "parseStoryboard", text, base) == [
        {"start": 0, "end": 2.5, "url": url, "x": 0, "y": 0, "width": 160, "height": 90},
        {"start": 3602.5, "end": 3605, "url": url, "x": 160, "y": 90, "width": 160, "height": 90},
    ]


def test_the_chapter_at_a_time(call):
    chapters = [{"start": 5, "title": "one"}, {"start": 20, "title": "two"}]
    titles = [
        (call("scrubber.js", "chapterAt", chapters, at) or {}).get("title") for at in (0, 5, 19, 20, 99)
    ]
    assert titles == [None, "one", "one", "two", "two"]


@pytest.mark.parametrize(
    ("rate", "steps", "next_rate"), [(1, 1, 1.25), (1, -1, 0.75), (2, 1, 2), (0.5, -1, 0.5), (1.1, 1, 1.25)]
)
def test_the_next_speed(call, rate, steps, next_rate):
    assert call("menus.js", "nextSpeed", rate, steps) == next_rate


@pytest.mark.parametrize(("part", "seconds"), [(0.1, -10), (0.4, 0), (0.6, 0), (0.9, 10)])
def test_where_two_taps_jump_to(call, part, seconds):
    assert call("stage.js", "jumpAt", part) == seconds


@pytest.mark.parametrize(
    ("position", "duration", "kept"),
    [
        (5, 60, False),
        (12, 60, True),
        (49, 60, True),
        (51, 60, False),
        (3500, 3600, False),
        (3400, 3600, True),
        (12, None, True),
    ],
)
def test_a_position_that_is_worth_remembering(call, position, duration, kept):
    assert call("memory.js", "worthwhile", position, duration) is kept


@pytest.mark.slow
def test_the_oldest_position_is_forgotten(call):
    for number in range(202):
        call("memory.js", "rememberPosition", f"/{number}.mkv", 30, 60, number)
    left = [number for number in range(202) if call("memory.js", "recallPosition", f"/{number}.mkv") is None]
    assert left == [0, 1]
    call("memory.js", "rememberPosition", "/7.mkv", 59, 60, 300)
    assert call("memory.js", "recallPosition", "/7.mkv") is None


def test_the_link_to_a_time(call, server):
    assert call("menus.js", "sharedUrl", "/a b.mkv", 80.9) == f"{server}-/play?source=/a%20b.mkv#t=80"


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
        (
            ["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-pix_fmt", "yuv420p", "-an"],
            ["hvc1.1.6.L"],
        ),
        (["-c:v", "libvpx-vp9", "-deadline", "realtime", "-pix_fmt", "yuv420p", "-an"], ["vp09.00."]),
        (["-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p", "-an"], ["av01.0."]),
    ],
    ids=["high", "baseline", "aac", "opus", "flac", "hevc", "vp9", "av1"],
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
        assert "hvc1" in whole or page.evaluate("type => MediaSource.isTypeSupported(type)", whole)
    finally:
        page.close()
        path.unlink()
