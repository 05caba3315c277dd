"""The commands as a user types them, each in a process of its own."""

import json
import subprocess
import sys

import pytest
from PIL import Image

from tornado_media import sign
from tornado_media.store.entry import Meta
from tornado_media.store.folder import Folder
from tornado_media.store.generation import Generation
from tornado_media.store.layout import source_of


def run(*arguments, cwd, status=0, text=True):
    done = subprocess.run(
        [sys.executable, "-m", "tornado_media", *map(str, arguments)], cwd=cwd, capture_output=True, text=text
    )
    assert done.returncode == status, done.stderr
    return done


@pytest.fixture
def jpeg(picture):
    return picture("1.jpg", 800, 600)


def test_render_to_a_file(jpeg, tmp_path):
    run("render", "thumbnail", "1.jpg", "size=300x200", "-o", "small.jpg", cwd=tmp_path)
    with Image.open(tmp_path / "small.jpg") as small:
        assert small.size == (267, 200)
    assert [path.name for path in tmp_path.iterdir() if "small" in path.name] == ["small.jpg"]


@pytest.mark.slow
def test_render_to_stdout(jpeg, tmp_path):
    done = run("render", "original", "1.jpg", cwd=tmp_path, text=False)
    assert done.stdout == jpeg.read_bytes()


@pytest.mark.slow
def test_render_that_fails_leaves_the_file_as_it_was(tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"junk" * 1000)
    (tmp_path / "small.jpg").write_text("before")
    done = run("render", "thumbnail", "bad.jpg", "size=30x30", "-o", "small.jpg", cwd=tmp_path, status=1)
    assert done.stderr.startswith("Error: ")
    assert (tmp_path / "small.jpg").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.jpg", "small.jpg"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["thumbnail", "1.jpg", "size=0x0"], "size"),
        (["thumbnail", "1.jpg", "size"], "NAME=VALUE"),
        (["thumbnail", "1.jpg", "size=3x3", "size=3x3"], "twice"),
        (["nothing", "1.jpg"], "nothing"),
        (["mp4", "1.jpg"], "mp4"),
        (["thumbnail", "none.jpg"], "none.jpg"),
    ],
)
def test_render_says_what_is_wrong(jpeg, tmp_path, arguments, said):
    done = subprocess.run(
        [sys.executable, "-m", "tornado_media", "render", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode in {1, 2}
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_dry_run_prints_what_would_run(jpeg, tmp_path, clip_mkv):
    done = run("render", "thumbnail", "1.jpg", "size=300x200", "--dry-run", cwd=tmp_path)
    assert done.stdout.startswith("engine thumbnail(")
    done = run("render", "mp4", clip_mkv, "start=31.7", "height=240", "--dry-run", cwd=tmp_path)
    assert f"file:{clip_mkv}" in done.stdout
    assert "-ss 31." in done.stdout
    assert run("render", "original", "1.jpg", "--dry-run", cwd=tmp_path).stdout == "the source's own bytes\n"


def test_presets_lists_parameters_bounds_and_what_is_missing(tmp_path):
    config = tmp_path / "c.toml"
    config.write_text(
        '[sources.a]\nroot = "."\n'
        '[preset.acme]\nabout = "Needs a program."\naccepts = ["image/*"]\nmedia_type = "image/png"\n'
        'pipeline = [["acme-nowhere", "-"]]\nstdin = "source"\n'
    )
    listed = run("presets", "--config", config, cwd=tmp_path).stdout
    for words in (
        "thumbnail",
        "from 1 to 100",
        "default inside",
        "8000x8000",
        "mp4",
        "poster",
        "original",
        "info",
    ):
        assert words in listed
    assert "missing program: acme-nowhere" in listed


@pytest.mark.slow
def test_check_says_every_mistake(tmp_path):
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text('[sources.a]\nroot = "."\n')
    assert "no mistakes" in run("check", good, cwd=tmp_path).stdout
    bad.write_text(
        '[sources.a]\nroot = "missing"\n[server]\nprot = 1\n'
        '[preset.x]\naccepts = ["image/*"]\nmedia_type = "image/png"\npipeline = [["convert", "{sise}"]]\n'
    )
    done = run("check", bad, cwd=tmp_path, status=1)
    for words in ("bad.toml", "sources.a.root", "server.prot", "preset.x", "sise"):
        assert words in done.stderr
    run("check", tmp_path / "none.toml", cwd=tmp_path, status=1)


@pytest.mark.slow
def test_cache_stats_purge_clear(tmp_path):
    config = tmp_path / "c.toml"
    config.write_text('[sources.a]\nroot = "."\n[cache]\nfolder = "kept"\n')
    assert "results: 0" in run("cache", "stats", "--config", config, cwd=tmp_path).stdout
    assert "removed: 0 results, 0 B" in run("cache", "clear", "--config", config, cwd=tmp_path).stdout
    assert not (tmp_path / "kept").exists()

    folder = Folder(tmp_path / "kept")
    folder.make()
    generation = Generation(folder.generation)
    before = generation.now
    for number, path in enumerate(["/a b/100%.jpg", "/a b/100%.jpg", "/2.jpg"]):
        meta = Meta(f"{number:032x}", "thumbnail", "image/jpeg", '"tag"', 2000, None)
        folder.write(source_of(path), meta, b"x" * 2000)
    told = run("cache", "stats", "--config", config, cwd=tmp_path).stdout
    assert "results: 3\n" in told
    assert "size:    12.0 KiB of 2.0 GiB" in told
    assert str(tmp_path / "kept") in told

    assert generation.now == before
    assert "removed: 0 results" in run("cache", "purge", "/none", "--config", config, cwd=tmp_path).stdout
    told = run("cache", "purge", "/a b/100%25.jpg", "--config", config, cwd=tmp_path).stdout
    assert told.startswith("removed: 2 results, 4.3 KiB")
    assert [entry.source for entry in folder.list()] == [source_of("/2.jpg")]
    told = run("cache", "clear", "--config", config, cwd=tmp_path).stdout
    assert told.startswith("removed: 1 results, 2.2 KiB")
    assert folder.list() == []
    assert int.from_bytes(generation.now) == int.from_bytes(before) + 3


@pytest.mark.parametrize("source", ["1.jpg", "/a/../b", "/1.jpg?size=3x3", "/100%"])
def test_cache_purge_takes_the_path_of_a_url(tmp_path, source):
    assert "SOURCE" in run("cache", "purge", source, cwd=tmp_path, status=2).stderr


def test_version_and_help(tmp_path):
    assert run("--version", cwd=tmp_path).stdout.startswith("tornado-media, version ")
    assert json.dumps(run("--help", cwd=tmp_path).stdout).count("serve")


@pytest.mark.slow
def test_sign(tmp_path):
    config = tmp_path / "media.toml"
    config.write_text('[signing]\nkeys = ["a key of some length"]\n')
    done = run("sign", "/1.jpg?size=300x200", "--config", config, cwd=tmp_path)
    assert done.stdout.strip() == sign("/1.jpg?size=300x200", "a key of some length")
    done = run("sign", "/1.jpg?size=300x200", "--config", config, "--seconds", 60, cwd=tmp_path)
    assert "expires=" in done.stdout
    assert "begins with a slash" in run("sign", "1.jpg", "--config", config, cwd=tmp_path, status=1).stderr
    config.write_text("")
    assert "no key" in run("sign", "/1.jpg", "--config", config, cwd=tmp_path, status=1).stderr
