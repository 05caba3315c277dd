"""The files in conf/: each loads as it is, the reference tells the truth, each example really runs."""

import re
import shutil
import subprocess
import tomllib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tornado_media.config import (
    Cache,
    Client,
    Config,
    ConfigError,
    Server,
    Signing,
    builtin_presets,
    load_config,
)
from tornado_media.presets.make_plan import draft, make_plan
from tornado_media.presets.plan import SourceFacts
from tornado_media.presets.preset import PresetLimits
from tornado_media.urls import Target

CONF = Path(__file__).parent.parent / "conf"
REFERENCE = CONF / "tornado_media.toml"
EXAMPLES = sorted((CONF / "presets").glob("*.toml"))


@pytest.fixture(scope="module")
def presets():
    return load_config(REFERENCE).presets()


def uncommented(text):
    """The reference with its commented settings switched on; prose stays a comment."""
    setting = re.compile(r'^# (?=\[[a-z_.]+\]$|"?[a-z_/*]+"? *= )', re.MULTILINE)
    return setting.sub("", text)


def test_the_reference_holds_the_defaults(tmp_path):
    reference, defaults = load_config(REFERENCE), Config.from_mapping({}, tmp_path)
    for name in ("server", "slots", "cache", "client", "signing", "limits", "sources", "default_presets"):
        assert getattr(reference, name) == getattr(defaults, name)


def test_every_setting_of_the_reference_is_real():
    table = tomllib.loads(uncommented(REFERENCE.read_text(encoding="utf-8")))
    assert set(table["server"]) == set(Server.model_fields)
    assert set(table["slots"]) == {"jobs", "streams", "queue", "wait"}
    assert set(table["cache"]) == set(Cache.model_fields)
    assert set(table["sources"]["photos"]) == {"root", "prefix", "listing"}
    assert set(table["client"]) == set(Client.model_fields)
    assert set(table["signing"]) == set(Signing.model_fields)
    assert set(table["limits"]) == set(PresetLimits.model_fields)
    assert "small" in table["preset"]
    with pytest.raises(ConfigError) as caught:
        Config.from_mapping(table, CONF)
    assert {mistake.key for mistake in caught.value.mistakes} == {"sources.photos.root", "sources.films.root"}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_each_example_loads_alone(file):
    config = Config.from_mapping({"presets": [str(file)]}, CONF)
    assert config.replaced == ()
    assert len(config.presets_by_name) == len(builtin_presets()) + 1


def test_each_example_is_run_below():
    names = {name for file in EXAMPLES for name in tomllib.loads(file.read_text(encoding="utf-8"))["preset"]}
    assert names == {"imagemagick", "mozjpeg", "vipsthumbnail", "waveform", "gif", "acme-sharpen"}


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A picture under a name that programs could take for an option, a format or a pattern."""
    path = tmp_path_factory.mktemp("photos") / "-define %d[0] msl:1.jpg"
    picture = Image.linear_gradient("L").resize((1200, 900)).convert("RGB")
    picture.save(path, "JPEG", quality=90)
    return path


@pytest.fixture(scope="module")
def clear(tmp_path_factory):
    """A PNG that is transparent everywhere."""
    path = tmp_path_factory.mktemp("clear") / "clear.png"
    Image.new("RGBA", (600, 300), (0, 0, 0, 0)).save(path)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory, presets):
    path = tmp_path_factory.mktemp("films") / "-i 1%d.mp4"
    inputs = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=3", "-f", "lavfi", "-i", "sine=220:d=3"]
    argv = [presets.programs["ffmpeg"], "-v", "error", *inputs, "-shortest", f"file:{path}"]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    return path


def make(presets, path, media_type, preset, **parameters):
    """What a preset makes of a file: its plan, and its content or None where a program failed."""
    status = path.stat()
    facts = SourceFacts(
        f"/{path.name}",
        media_type,
        str(path),
        status.st_size,
        status.st_mtime_ns,
        status.st_ino,
        status.st_dev,
    )
    asked = tuple((name, str(value)) for name, value in parameters.items())
    plan = make_plan(draft(Target(facts.path, (("preset", preset), *asked)), presets, facts), presets)
    content, failed = path.read_bytes() if plan.work.source_on_stdin else b"", False
    for command in plan.work.commands:
        done = subprocess.run(command, input=content, capture_output=True, check=False, timeout=60)
        content, failed = done.stdout, failed or done.returncode != 0
    return plan, None if failed else content


def picture_of(made):
    plan, content = made
    assert content is not None
    picture = Image.open(BytesIO(content))
    picture.load()
    assert Image.MIME[picture.format] == plan.media_type
    return picture


@pytest.mark.needs("convert")
def test_imagemagick(presets, photo, clear):
    assert picture_of(make(presets, photo, "image/jpeg", "imagemagick", size="300x200")).size == (267, 200)
    assert picture_of(make(presets, photo, "image/jpeg", "imagemagick", size="300x")).size == (300, 225)
    assert picture_of(make(presets, photo, "image/jpeg", "imagemagick", size="x90", rotate=90)).size == (
        90,
        120,
    )
    # Never larger than the source.
    assert picture_of(make(presets, photo, "image/jpeg", "imagemagick", size="4000x4000")).size == (1200, 900)
    assert picture_of(make(presets, photo, "image/jpeg", "imagemagick", size="90x90", gray="on")).mode == "L"
    red = picture_of(make(presets, clear, "image/png", "imagemagick", size="90x90", background="f00"))
    assert red.getpixel((45, 20))[0] > 250
    assert red.getpixel((45, 20))[1] < 5


@pytest.mark.needs("convert")
def test_imagemagick_takes_no_other_coder(presets, tmp_path):
    path = tmp_path / "1.jpg"
    path.write_text(
        "push graphic-context\nviewbox 0 0 10 10\nimage over 0,0 0,0 'label:x'\npop graphic-context\n"
    )
    assert make(presets, path, "image/jpeg", "imagemagick", size="9x9")[1] is None


@pytest.mark.needs("convert", "cjpeg")
def test_mozjpeg(presets, photo):
    small = make(presets, photo, "image/jpeg", "mozjpeg", size="300x200", quality=10)
    large = make(presets, photo, "image/jpeg", "mozjpeg", size="300x200", quality=95, progressive="off")
    assert picture_of(small).size == picture_of(large).size == (267, 200)
    assert "progressive" in picture_of(small).info
    assert "progressive" not in picture_of(large).info
    assert len(small[1]) < len(large[1])


@pytest.mark.needs("vipsthumbnail")
def test_vipsthumbnail(presets, photo, tmp_path):
    assert picture_of(make(presets, photo, "image/jpeg", "vipsthumbnail", size="300x200")).size == (267, 200)
    webp = make(presets, photo, "image/jpeg", "vipsthumbnail", size="x90", format="webp", quality=50)
    assert webp[0].media_type == "image/webp"
    assert picture_of(webp).size == (120, 90)
    short = tmp_path / "short.jpg"
    short.write_bytes(photo.read_bytes()[: photo.stat().st_size // 2])
    assert make(presets, short, "image/jpeg", "vipsthumbnail", size="300x200")[1] is None


def test_waveform(presets, film):
    made = make(presets, film, "video/mp4", "waveform", width=200, height=40, color="f00")
    picture = picture_of(made).convert("RGBA")
    assert picture.size == (200, 40)
    assert any(color[:3] == (255, 0, 0) and color[3] for _, color in picture.getcolors(8000))


def test_gif(presets, film):
    picture = picture_of(
        make(presets, film, "video/mp4", "gif", start="0:01", duration="1.0", width=160, fps=5)
    )
    assert picture.size == (160, 90)
    assert picture.n_frames == 5


def test_ffmpeg_opens_nothing_that_a_file_names(presets, film, tmp_path):
    playlist = tmp_path / "1.mp4"
    playlist.write_text(f"ffconcat version 1.0\nfile '{film}'\n")
    assert make(presets, playlist, "video/mp4", "gif")[1] is None


@pytest.mark.needs("convert")
def test_proprietary(presets, photo):
    soft = make(presets, photo, "image/jpeg", "acme-sharpen", size="120x90", strength=0)
    hard = make(presets, photo, "image/jpeg", "acme-sharpen", size="120x90", mode="hard", strength=100)
    assert picture_of(soft).size == picture_of(hard).size == (120, 90)
    assert soft[1] != hard[1]


def test_the_stand_in_fails_as_a_program_does(presets):
    path = presets.programs["acme-sharpen"]
    assert path == shutil.which(str(CONF.parent / "examples" / "acme-sharpen"))
    cut = subprocess.run([path], input=b"P6\n9 9\n255\nabc", capture_output=True, check=False)
    assert (cut.returncode, cut.stdout, cut.stderr) == (1, b"", b"acme-sharpen: the picture is cut short\n")
    assert subprocess.run([path, "--strength", "101"], capture_output=True, check=False).returncode == 2
