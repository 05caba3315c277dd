import os
import pwd
import stat
import sys
from pathlib import Path

import imageio_ffmpeg
import pytest

from tornado_media.config import Config, ConfigError, Mistake, builtin_presets, find_program, load_config
from tornado_media.presets.plan import Limits

PRESET = """
[preset.{name}]
accepts    = ["image/*"]
media_type = "image/jpeg"
pipeline   = [["{program}", "-", "-"]]
stdin      = "source"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "presets").mkdir()
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def mistakes_of(read, *arguments):
    with pytest.raises(ConfigError) as caught:
        read(*arguments)
    assert str(caught.value) == "\n".join(map(str, caught.value.mistakes))
    return caught.value.mistakes


def program(path: Path) -> Path:
    write(path, "#!/bin/sh\n").chmod(0o755)
    return path


def test_nothing_said_is_the_defaults(folder):
    config = Config.from_mapping({}, folder)
    processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    assert (config.server.address, config.server.port, config.server.workers) == (
        "127.0.0.1",
        8888,
        processors,
    )
    assert (config.server.drain, config.server.idle_timeout, config.server.write_timeout) == (10, 60, 300)
    assert (config.slots.jobs, config.slots.streams) == (processors, 4 * processors)
    assert (config.slots.queue, config.slots.wait) == (100, 30)
    kept = config.cache
    assert (kept.bytes, kept.memory, kept.share) == (2 * 1024**3, 64 * 1024**2, 0.25)
    assert (kept.window, kept.finish, kept.failures) == (8 * 1024**2, 0.5, 5.0)
    assert kept.purge_token == ""
    assert config.sources == {}
    assert config.limits == Limits()
    assert config.default_presets == {"image/*": "thumbnail", "video/*": "poster"}
    assert config.presets_by_name == builtin_presets()
    assert config.replaced == ()


def test_everything_said(folder):
    file = write(
        folder / "c.toml",
        """
        [server]
        address = "::1"
        port = 0
        workers = 3
        drain = 0
        [slots]
        jobs = 3
        [cache]
        folder = "kept/../results"
        bytes = 0
        memory = "1 KiB"
        purge_token = "c2VjcmV0="
        [sources.a]
        root = "photos"
        prefix = "/photos/"
        listing = false
        [limits]
        total = 5
        output = "1 KiB"
        [default_preset]
        "image/png" = "original"
        """,
    )
    config = load_config(file)
    assert (config.server.address, config.server.port, config.server.workers) == ("::1", 0, 3)
    assert (config.slots.jobs, config.slots.streams) == (3, 12)
    assert (config.cache.folder, config.cache.bytes, config.cache.memory) == (folder / "results", 0, 1024)
    assert config.cache.purge_token.startswith("c2Vj")
    assert config.sources["a"].root == folder / "photos"
    assert config.sources["a"].prefix == "/photos"
    assert not config.sources["a"].listing
    assert config.limits == Limits(total=5.0, output=1024)
    assert config.default_presets == {"image/png": "original"}


def test_the_cache_folder_is_systemds_or_the_users_or_the_one_that_is_said(folder, monkeypatch):
    def found(**said):
        return Config.from_mapping({"cache": said}, folder).cache.folder

    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    assert found() == found(folder="") == Path("/home/me/.cache/tornado_media")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert found() == Path("/home/me/.cache/tornado_media")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert found() == Path("/xdg/tornado_media")
    monkeypatch.setenv("CACHE_DIRECTORY", "/var/cache/media:/var/cache/other")
    assert found() == Path("/var/cache/media")
    assert found(folder="here") == folder / "here"
    assert found(folder="~/here") == Path("/home/me/here")


def test_a_user_without_a_home_has_no_cache_folder(folder, monkeypatch):
    for name in ("HOME", "XDG_CACHE_HOME", "CACHE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)

    def nobody(_):
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert Config.from_mapping({}, folder).cache.folder is None


def test_presets_of_other_files(folder):
    write(folder / "presets" / "b.toml", PRESET.format(name="b", program="b"))
    write(
        folder / "presets" / "a.toml", PRESET.format(name="a", program="a") + '[programs]\na = "../bin/a"\n'
    )
    write(folder / "presets" / "note.txt", "not TOML")
    file = write(
        folder / "c.toml", 'presets = ["presets/*.toml"]' + PRESET.format(name="thumbnail", program="t")
    )
    config = load_config(file)
    assert list(config.presets_by_name)[-2:] == ["a", "b"]
    assert config.presets_by_name["thumbnail"].programs() == ("t",)
    assert config.replaced == ("thumbnail",)
    # Relative to the file that says it, without links followed or ".." left.
    assert config.programs == {"a": str(folder / "bin" / "a")}


def test_sources_can_be_replaced(folder, monkeypatch):
    config = Config.from_mapping({"sources": {"a": {"root": "photos"}}, "server": {"port": 1}}, folder)
    monkeypatch.chdir(folder)
    other = config.with_sources({"files": {"root": "presets"}})
    assert (list(other.sources), other.sources["files"].root) == (["files"], folder / "presets")
    assert other.server.port == 1
    with pytest.raises(ConfigError, match=r"sources\.files\.root: .* is not there"):
        config.with_sources({"files": {"root": "nowhere"}})


MISTAKES = [
    ('[server]\nport = "80"', "server.port", "valid integer"),
    ("[server]\nport = 65536", "server.port", "65535"),
    ("[server]\nprot = 80", "server.prot", "there is no such key"),
    ("[server]\ndrain = -1", "server.drain", "greater than or equal to 0"),
    ("[server]\nwrite_timeout = inf", "server.write_timeout", "finite"),
    ("[caches]\nbytes = 1", "caches", "there is no such key"),
    ("[cache]\nsize = 1", "cache.size", "there is no such key"),
    ("[cache]\nbytes = -1", "cache.bytes", "greater than or equal to 0"),
    ('[cache]\nmemory = "much"', "cache.memory", 'such as "64 MiB"'),
    ("[cache]\nshare = 1.5", "cache.share", "less than or equal to 1"),
    ("[cache]\nwindow = 0", "cache.window", "greater than 0"),
    ("[cache]\nfailures = -1", "cache.failures", "greater than or equal to 0"),
    ("[cache]\nfolder = 5", "cache.folder", "path"),
    ('[cache]\npurge_token = "a b"', "cache.purge_token", "a token has ASCII letters"),
    ("server = 5", "server", "dictionary"),
    ("[slots]\njobs = 0", "slots.jobs", "greater than or equal to 1"),
    ('[limits]\noutput = "much"', "limits.output", 'such as "64 MiB"'),
    ("[limits]\nbytes = 1", "limits.bytes", "there is no such key"),
    ("[sources.a]", "sources.a.root", "this key is missing"),
    ('[sources.a]\nroot = "nowhere"', "sources.a.root", "is not there"),
    ('[sources.a]\nroot = "c.toml"', "sources.a.root", "is no folder"),
    ('[sources.a]\nroot = "."\nprefix = "x"', "sources.a.prefix", 'begins with "/"'),
    ('[sources.a]\nroot = "."\nprefix = "/a/../b"', "sources.a.prefix", "no empty parts"),
    ('[sources.a]\nroot = "."\nprefix = "/a//b"', "sources.a.prefix", "no empty parts"),
    ('[sources.a]\nroot = "."\nprefix = "/-/x"', "sources.a.prefix", "pages of the server"),
    ('[sources.a]\nroot="."\n[sources.b]\nroot="."', "sources.b.prefix", "sources.a is mounted at / too"),
    (
        '[sources.a]\nroot="."\nprefix="/x"\n[sources.b]\nroot="."\nprefix="/x/"',
        "sources.b.prefix",
        "at /x too",
    ),
    (
        '[default_preset]\n"image/*" = "wat"',
        'default_preset."image/*"',
        "there is no preset 'wat'; there are",
    ),
    ('[default_preset]\nimage = "original"', "default_preset.image", "not a media type"),
    ('presets = ["none.toml"]', "presets", "there is no file none.toml"),
    ('presets = "none.toml"', "presets", "not a list"),
    ("[programs]\nx = 5", "programs.x", "valid string"),
    ("[preset]\nx = 5", "preset.x", "dictionary"),
    (PRESET.format(name='"a b"', program="x"), 'preset."a b"', "ASCII letters"),
    (PRESET.format(name="info", program="x"), "preset.info.engine", "planners read its result"),
    ("[preset.x]\n[preset.x.parameters]\ny = {type = 'siez'}", "preset.x.parameters.y", "no type 'siez'"),
]


@pytest.mark.parametrize(("text", "key", "message"), MISTAKES)
def test_mistakes_have_file_key_and_sentence(folder, text, key, message):
    file = write(folder / "c.toml", text)
    (mistake,) = [found for found in mistakes_of(load_config, file) if found.key == key]
    assert mistake.file == str(file)
    assert message in mistake.message
    assert mistake.preset == (key.split(".")[1].strip('"') if key.startswith("preset.x.") else mistake.preset)


def test_all_mistakes_of_all_files_are_told_at_once(folder, monkeypatch):
    monkeypatch.chdir(folder)
    broken = PRESET.format(name="x", program="p").replace("jpeg", "{wat}") + "[preset.x.limits]\ntotal = 1\n"
    write(folder / "presets" / "a.toml", broken)
    write(folder / "presets" / "b.toml", "[preset.y]\naccepts = [\n")
    write(folder / "presets" / "c.toml", PRESET.format(name="x", program="{p}") + "[server]\nport = 1\n")
    (folder / "presets" / "d.toml").write_bytes(b"# \xff")
    file = """
    presets = ["presets/*.toml"]
    [server]
    prot = 1
    [sources.a]
    root = "nowhere"
    prefix = "x"
    [sources.b]
    root = "nowhere"
    [default_preset]
    "image/*" = "x"
    """
    write(folder / "c.toml", file)
    told = [str(mistake) for mistake in mistakes_of(load_config, Path("c.toml"))]
    expected = [
        "c.toml: server.prot: there is no such key",
        'c.toml: sources.a.prefix: a prefix begins with "/"',
        "presets/a.toml: preset.x.media_type: {wat} is not known here",
        "presets/b.toml: not TOML: ",
        "presets/c.toml: server: there is no such key",
        "presets/c.toml: preset.x: it is defined in presets/a.toml too",
        "presets/c.toml: preset.x.pipeline: command 1: a program has no placeholders",
        "presets/d.toml: not UTF-8, at byte 2",
        f"c.toml: sources.b.root: {folder}/nowhere is not there",
    ]
    assert len(told) == len(expected), told
    for mistake, beginning in zip(told, expected, strict=True):
        assert mistake.startswith(beginning)
    assert "(at the end, line 2)" in told[3]


def test_a_syntax_error_has_its_line(folder):
    (mistake,) = mistakes_of(load_config, write(folder / "c.toml", "[server]\nport = 1\naddress 5\n"))
    assert mistake.message.startswith("not TOML: ")
    assert "line 3" in mistake.message


def test_a_program_is_named_by_one_file(folder):
    write(folder / "presets" / "a.toml", '[programs]\nx = "/bin/x"')
    file = write(folder / "c.toml", 'presets = ["presets/a.toml"]\n[programs]\nx = "/bin/y"')
    (mistake,) = mistakes_of(load_config, file)
    assert mistake == Mistake(
        str(folder / "presets/a.toml"), None, "programs.x", f"it is defined in {file} too"
    )


def test_a_file_that_is_not_there(folder):
    (mistake,) = mistakes_of(load_config, folder / "none.toml")
    assert str(mistake) == f"{folder}/none.toml: cannot be read: No such file or directory"


def test_programs_are_found_on_the_path_or_where_they_are_said_to_be(folder, monkeypatch):
    monkeypatch.setenv("PATH", str(folder))
    here, there = program(folder / "here"), program(folder / "photos" / "there")
    write(folder / "data", "not a program")
    said = {"alias": "here", "there": str(there), "wrong": str(folder / "data"), "here2": "nowhere"}
    assert find_program("here", {}) == str(here)
    assert find_program("alias", said) == str(here)
    assert find_program("there", said) == str(there)
    assert find_program(str(there), {}) == str(there)
    assert find_program("there", {}) is None
    assert find_program("data", {}) is None
    assert find_program("wrong", said) is None
    assert find_program("here2", said) is None


def test_ffmpeg_by_configuration_then_variable_then_package_then_path(folder, monkeypatch):
    ours, named, on_path = (program(folder / name) for name in ("ours", "named", "ffmpeg"))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("FFMPEG", str(named))
    assert find_program("ffmpeg", {"ffmpeg": str(ours)}) == str(ours)
    assert find_program("ffmpeg", {}) == str(named)
    monkeypatch.setenv("FFMPEG", str(folder / "nowhere"))
    assert find_program("ffmpeg", {}) is None
    monkeypatch.delenv("FFMPEG")
    found = find_program("ffmpeg", {})
    assert found == imageio_ffmpeg.get_ffmpeg_exe()
    assert Path(found).stat().st_mode & stat.S_IXUSR

    def no_wheel() -> str:
        raise RuntimeError("no binary for this platform")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", no_wheel)
    assert find_program("ffmpeg", {}) == str(on_path)


def test_the_registry_knows_which_programs_are_missing(folder):
    tool = program(folder / "tool")
    mapping = {
        "programs": {"a": "tool", "b": "./tool"},
        "limits": {"total": 7},
        "preset": {
            name: {"accepts": ["*/*"], "media_type": "text/plain", "pipeline": [[name], [str(tool)]]}
            for name in "ab"
        },
    }
    presets = Config.from_mapping(mapping, folder).presets()
    assert presets.programs["a"] is None
    assert presets.programs["b"] == presets.programs[str(tool)] == str(tool)
    assert presets.missing_programs("a") == ("a",)
    assert presets.missing_programs("b") == ()
    assert presets.limits == Limits(total=7.0)
    assert "ffmpeg" in presets.programs
