from __future__ import annotations

import io
import os
import runpy
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tornado_media.errors import BadRequest, SourceUnusable

FILMS = ["plain.mp4", "surround.mkv", "silent.mp4", "odd.mkv", "film.avi", "film.webm", "film.ts", "vfr.mkv"]


@pytest.fixture
def poster(opened, film):
    """`poster("plain.mp4", time=1.0, width=160)`: the picture, as Pillow reads it."""
    from tornado_media.engines import frame

    def make(name, **asked):
        content = opened(frame.poster, film(name), None, **{"format": "png", **asked})
        image = Image.open(io.BytesIO(content))
        image.load()
        return image

    return make


@pytest.fixture
def info(opened, film):
    import json

    from tornado_media.engines import probe

    return lambda name: json.loads(opened(probe.info, film(name), None))


@pytest.mark.slow
@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("place", ["default", "first", "middle", "last"])
def test_a_poster_of_every_film(name, place, poster, info):
    facts = info(name)
    shown = facts["streams"][0]
    time = {"default": None, "first": 0.0, "middle": 1.5, "last": facts["duration"] - 0.001}[place]
    image = poster(name, time=time, width=160, format="jpeg")
    assert (image.format, image.width) == ("JPEG", 160)
    assert image.height == round(160 * shown["height"] / shown["width"])


PICTURE = "testsrc2=size=320x180:rate=25,noise=alls=60"
"""Something that is worth showing."""

DULL = {
    "black": "color=black:size=320x180:rate=25",
    "white": "color=white:size=320x180:rate=25",
    "grey": "color=0x606468:size=320x180:rate=25",
    "a title": "color=black:size=320x180:rate=25,drawbox=100:80:120:6:white:fill",
    "out of focus": f"{PICTURE},gblur=12",
    "dark": f"{PICTURE},format=yuv420p,lutyuv=y=16+(val-16)*0.12:u=128:v=128",
    "pale": f"{PICTURE},format=yuv420p,lutyuv=y=180+(val-16)*0.1:u=128:v=128",
}


@pytest.fixture
def cut(ffmpeg, tmp_path):
    """`cut(first, second)`: a film of 6 s, 2 s of the first picture and 4 of the second; groups of 0.4 s."""

    def make(first, second):
        path = tmp_path / "cut.mp4"
        joined = f"{first},trim=duration=2[a];{second},trim=duration=4[b];[a][b]concat=n=2,format=yuv420p"
        argv = [ffmpeg, "-v", "error", "-nostdin", "-f", "lavfi", "-i", joined]
        argv += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "16", "-g", "10", str(path)]
        subprocess.run(argv, check=True)
        return path

    return make


@pytest.mark.parametrize("dull", DULL)
def test_without_a_time_it_is_a_frame_that_is_worth_showing(dull, cut, opened):
    """The first two of six seconds are dull; the search ends after two seconds, with the first good one."""
    from tornado_media.engines import frame

    path = cut(DULL[dull], PICTURE)
    made = opened(frame.poster, path, None, format="png")
    assert made == opened(frame.poster, path, None, format="png")
    assert made == opened(frame.poster, path, None, format="png", time=2.0)


@pytest.mark.parametrize("dull", DULL)
def test_the_first_good_frame_is_taken(dull, cut, opened):
    from tornado_media.engines import frame

    path = cut(PICTURE, DULL[dull])
    made = opened(frame.poster, path, None, format="png")
    assert made == opened(frame.poster, path, None, format="png", time=0.4)


def test_a_film_that_is_black_has_a_black_poster(cut, opened):
    from tornado_media.engines import frame

    made = opened(frame.poster, cut(DULL["black"], DULL["black"]), None, format="png")
    assert Image.open(io.BytesIO(made)).convert("L").getextrema()[1] < 3


def test_worth_is_highest_for_what_is_full_of_things():
    import pyvips

    from tornado_media.engines.frame import worth

    noise = pyvips.Image.perlin(160, 90, cell_size=16, uchar=True)
    detail = (noise + pyvips.Image.gaussnoise(160, 90, mean=0, sigma=20)).cast("uchar")
    flat = (noise * 0 + 90).cast("uchar")
    values = [worth(image.copy(interpretation="b-w")) for image in (flat, noise.gaussblur(6), noise, detail)]
    assert values == sorted(values)
    assert values[0] == 0
    assert values[-1] > 0.6 > values[1]


clips = runpy.run_path(str(Path(__file__).parents[1] / "clips.py"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


@pytest.mark.parametrize(
    "name", ["plain.mp4", "plain.webm", "old.avi", "offset.ts", "early.ts", "interlaced.ts", "halting.mkv"]
)
@pytest.mark.parametrize("time", [0.1, 3.3, 4.02, 7.98, 8.0, 11.5])
def test_a_time_is_exact_in_every_container(name, time, folder, opened):
    from tornado_media.engines import frame

    content = opened(frame.poster, clips["make"](name, folder), None, time=time + 0.001, format="png")
    luma = Image.open(io.BytesIO(content)).convert("L")
    # half a frame of grace: where frames are shown longer, the next one may be taken already
    seen = {clips["CLIPS"][name].seen_at(time + more) for more in (0.0, 0.025)}
    assert clips["read_number"](luma.tobytes(), *luma.size) in seen


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_looks_as_the_same_in_ordinary_video(transfer, opened, ffmpeg, tmp_path):
    """A picture up to white, sent through ffmpeg's zscale to HDR; what is not bright must come back."""
    from tornado_media.engines import frame

    colours = ["0x303030", "0x707070", "0xa0a0a0", "0x803020", "0x207040", "0x304090"]
    made = {}
    for name, filters, options in [
        ("plain", "scale=out_color_matrix=bt709,format=yuv444p", "-c:v libx264 -qp 0 -colorspace bt709"),
        (
            "hdr",
            "format=gbrp,zscale=tin=iec61966-2-1:min=gbr:pin=bt709:rin=pc:"
            f"t={transfer}:m=bt2020nc:p=bt2020:r=tv:npl=203,format=yuv444p10le",
            f"-c:v libx264 -qp 0 -colorspace bt2020nc -color_trc {transfer} -color_primaries bt2020",
        ),
    ]:
        path = tmp_path / f"{name}.mkv"
        graph = ";".join(f"color={one}:size=32x32:duration=1[c{n}]" for n, one in enumerate(colours))
        graph += f";{''.join(f'[c{n}]' for n in range(len(colours)))}hstack={len(colours)},{filters}[out]"
        argv = [ffmpeg, "-v", "error", "-nostdin", "-filter_complex", graph, "-map", "[out]"]
        subprocess.run([*argv, "-frames:v", "2", *options.split(), str(path)], check=True)
        content = opened(frame.poster, path, "video/x-matroska", time=0.0, format="png")
        made[name] = Image.open(io.BytesIO(content)).convert("RGB")
    for n, _ in enumerate(colours):
        place = (32 * n + 16, 16)
        for plain, hdr in zip(made["plain"].getpixel(place), made["hdr"].getpixel(place), strict=True):
            assert abs(plain - hdr) <= 12, (colours[n], made["hdr"].getpixel(place))


def test_a_time_names_its_own_frame_and_those_until_the_next(poster):
    """25 frames a second: 1.48 is the time of a frame, and it is shown until 1.52."""
    own = poster("surround.mkv", time=1.48).tobytes()
    assert own == poster("surround.mkv", time=1.47).tobytes() == poster("surround.mkv", time=1.49).tobytes()
    assert own != poster("surround.mkv", time=1.44).tobytes()
    assert own != poster("surround.mkv", time=1.52).tobytes()


def test_a_poster_after_the_last_frame_while_sound_goes_on(poster, info):
    assert info("long_sound.mp4")["duration"] > 4.9
    last, later = (poster("long_sound.mp4", time=time) for time in (2.96, 4.9))
    assert last.tobytes() == later.tobytes()


@pytest.mark.parametrize(
    ("name", "size"), [("turned.mp4", (180, 320)), ("squeezed.mp4", (262, 144)), ("odd.mkv", (175, 99))]
)
def test_a_poster_has_the_shape_that_is_seen(name, size, poster):
    assert poster(name, time=1.0).size == size


def test_a_turned_film_is_upright(poster):
    straight, turned = poster("plain.mp4", time=1.0), poster("turned.mp4", time=1.0)
    back = turned.transpose(Image.Transpose.ROTATE_90)
    there = {
        turn: _distance(straight, turned.transpose(turn))
        for turn in (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270)
    }
    assert back.size == straight.size
    assert min(there.values()) < 1
    # -display_rotation 90 of ffmpeg is counterclockwise: turning it back is clockwise
    assert there[Image.Transpose.ROTATE_270] < 1


@pytest.mark.parametrize("name", ["plain.mp4", "film.avi", "film.webm", "film.ts", "odd.mkv", "white.mp4"])
def test_the_colours_are_those_that_ffmpeg_shows(name, poster, film, ffmpeg):
    argv = [ffmpeg, "-v", "error", "-nostdin", "-i", str(film(name)), "-frames:v", "1"]
    argv += [
        "-vf",
        "scale=flags=accurate_rnd+full_chroma_int,format=rgb24",
        "-f",
        "image2pipe",
        "-c:v",
        "png",
        "-",
    ]
    shown = Image.open(io.BytesIO(subprocess.run(argv, capture_output=True, check=True).stdout))
    assert _distance(shown, poster(name, time=0.0)) < 1.5


@pytest.mark.parametrize("standard", ["bt709", "smpte170m"])
@pytest.mark.parametrize("range_", ["tv", "pc"])
def test_matrix_and_range_of_the_video_are_heeded(standard, range_, opened, ffmpeg, tmp_path):
    from tornado_media.engines import frame

    path = tmp_path / "red.mp4"
    argv = [
        ffmpeg,
        "-v",
        "error",
        "-nostdin",
        "-f",
        "lavfi",
        "-i",
        "color=0xc02010:size=64x64:rate=5:duration=1",
    ]
    argv += ["-vf", f"scale=out_color_matrix={standard}:out_range={range_},format=yuv444p"]
    argv += ["-colorspace", standard, "-color_range", range_, "-c:v", "libx264", "-qp", "0", str(path)]
    subprocess.run(argv, check=True)
    made = Image.open(io.BytesIO(opened(frame.poster, path, None, time=0.0, format="png")))
    red, green, blue = made.convert("RGB").getpixel((32, 32))
    assert abs(red - 0xC0) <= 3
    assert abs(green - 0x20) <= 3
    assert abs(blue - 0x10) <= 3


def test_a_poster_takes_what_a_thumbnail_takes(poster):
    assert poster("plain.mp4", width=100, height=100, fit="cover", round=50, format="webp").size == (100, 100)
    red, green, blue = poster("plain.mp4", width=64, grayscale=True).convert("RGB").split()
    assert red.tobytes() == green.tobytes() == blue.tobytes()
    assert poster("plain.mp4", width=64, rotate=90).size == (64, 114)


def test_an_interlaced_frame_is_one_field(poster):
    assert poster("interlaced.mp4", time=1.0).size == (320, 180)


@pytest.mark.parametrize("time", [3.0, 99.5])
def test_past_the_end(poster, time):
    with pytest.raises(BadRequest, match=f"time={time:g} is past the end: the video lasts 3"):
        poster("silent.mp4", time=time)


def test_no_video(poster):
    with pytest.raises(SourceUnusable, match="no video"):
        poster("sound.m4a")


def test_a_frame_that_is_too_large_is_not_decoded(poster):
    with pytest.raises(SourceUnusable, match="320 x 180"):
        poster("plain.mp4", pixels=320 * 180 - 1)


def test_a_broken_video_is_said_to_be_so(opened, film, tmp_path):
    from tornado_media.engines import frame

    path = tmp_path / "broken.mp4"
    content = bytearray(film("silent.mp4").read_bytes())
    path.write_bytes(content[: len(content) // 3])
    with pytest.raises(SourceUnusable):
        opened(frame.poster, path, None, time=0.0)
    path.write_bytes(os.urandom(4000))
    with pytest.raises(SourceUnusable):
        opened(frame.poster, path, None, time=0.0)


def _distance(one, other):
    """The mean difference of two pictures of the same size, 0 to 255."""
    assert one.size == other.size
    pairs = zip(one.convert("RGB").tobytes(), other.convert("RGB").tobytes(), strict=True)
    differences = [abs(a - b) for a, b in pairs]
    return sum(differences) / len(differences)
