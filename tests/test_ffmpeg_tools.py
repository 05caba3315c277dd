from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tornado_media.config import ffmpeg_tools
from tornado_media.config.ffmpeg_tools import ask, works

FAKE = """#!/bin/sh
case "$*" in
  *-version*) echo "ffmpeg version {version} Copyright (c) 2000-2026 the FFmpeg developers" ;;
  *-encoders*) echo " V....D libx264   x"; for name in {encoders}; do echo " V....D $name   x"; done ;;
  *-filters*) echo " .SC zscale   V->V   x" ;;
  *) echo "$@" >> {tried}
     case "$*" in {works}) exit 0 ;; *) echo "no such device" >&2; exit 1 ;; esac ;;
esac
"""


@pytest.fixture
def fake(tmp_path):
    """`fake(encoders=..., works=...)`: a program that says it is ffmpeg, and where its trials are written."""

    def make(version="9.0", encoders="", works="nothing"):
        program, tried = tmp_path / "ffmpeg", tmp_path / "tried"
        text = FAKE.format(version=version, encoders=encoders, works=works, tried=tried)
        program.write_text(text)
        program.chmod(0o755)
        return str(program), tried

    return make


def test_what_a_program_says(fake):
    program, tried = fake("8.1.1-1", "h264_nvenc")
    tools = ask(program)
    assert tools.version == (8, 1, 1)
    assert tools.encoders == {"libx264", "h264_nvenc"}
    assert tools.filters == {"zscale"}
    assert tools.encoder == "libx264"
    assert tools.hole is not None and "8.1.1" in tools.hole
    assert 2 <= tools.threads <= 8
    assert not tried.exists()


@pytest.mark.parametrize(
    ("there", "working", "chosen", "trials"),
    [
        ("h264_nvenc h264_qsv h264_vaapi", "*h264_qsv*", "h264_qsv", 2),
        ("h264_vaapi h264_nvenc", "*", "h264_nvenc", 1),
        ("h264_vaapi", "*h264_nvenc*", "libx264", 1),
        ("h264_v4l2m2m hevc_nvenc", "*v4l2m2m*", "h264_v4l2m2m", 1),
        ("", "*", "libx264", 0),
    ],
)
def test_the_first_that_works_is_taken(fake, there, working, chosen, trials):
    program, tried = fake(encoders=there, works=working)
    assert ask(program, "auto").encoder == chosen
    assert (len(tried.read_text().splitlines()) if tried.exists() else 0) == trials


def test_a_name_is_taken_without_a_trial(fake):
    program, tried = fake(encoders="h264_vaapi")
    assert ask(program, "h264_vaapi").encoder == "h264_vaapi"
    assert not tried.exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [("h264_nvenc", "has no encoder h264_nvenc"), ("x264", "There are software, auto, libx264")],
)
def test_an_encoder_that_is_not_there(fake, name, text):
    program, _ = fake(encoders="h264_vaapi")
    with pytest.raises(ValueError, match=text):
        ask(program, name)


@pytest.mark.parametrize("broken", ["#!/bin/sh\nexit 3\n", "not a program", None])
def test_a_program_that_says_nothing(broken, tmp_path, expect_log):
    program = tmp_path / "ffmpeg"
    if broken is not None:
        program.write_text(broken)
        program.chmod(0o755)
    with expect_log("cannot ask ffmpeg"):
        tools = ask(str(program), "auto")
    assert (tools.version, tools.encoder, tools.filters, tools.hole) == (None, "libx264", frozenset(), None)


def test_one_that_hangs_is_given_up(tmp_path, monkeypatch):
    program, fifo = tmp_path / "ffmpeg", tmp_path / "fifo"
    program.write_text(f"#!/bin/sh\nmkfifo {fifo}; exec cat {fifo}\n")
    program.chmod(0o755)
    monkeypatch.setattr(ffmpeg_tools, "TRIAL_SECONDS", 0.2)
    begun = time.monotonic()
    assert not works(str(program), "h264_vaapi", "/dev/null")
    assert time.monotonic() - begun < 5
    assert fifo.exists()


def test_ours(ffmpeg):
    tools = ask(ffmpeg)
    assert tools.version is not None and "libx264" in tools.encoders and "scale" in tools.filters
    assert works(ffmpeg, "libx264", tools.device)
    assert not works(ffmpeg, "h264_vaapi", str(Path("/dev/null")))


@pytest.mark.parametrize(
    ("version", "warns", "named"),
    [
        ("5.1.9-0+deb12u1", True, "configuration"),
        ("8.1.1", True, "environment"),
        ("n9.0.2-17-g2a571b6068-20260930", False, "configuration"),
    ],
)
def test_serve_warns_of_one_with_a_known_hole(fake, tmp_path, version, warns, named):
    """The command as it is typed: when it says that it listens, the warning is on stderr."""
    program, _ = fake(version)
    config = "" if named == "environment" else f'[programs]\nffmpeg = "{program}"\n'
    (tmp_path / "c.toml").write_text(f'[sources.a]\nroot = "."\n{config}')
    argv = [sys.executable, "-m", "tornado_media", "serve", "--config", "c.toml", "--port", "0"]
    environment = {**os.environ, **({"FFMPEG": program} if named == "environment" else {})}
    with subprocess.Popen(argv, cwd=tmp_path, env=environment, stdout=-1, stderr=-1, text=True) as server:
        assert "serves" in server.stdout.readline()
        server.terminate()
        _, said = server.communicate()
    assert server.returncode == 0
    warnings = [line for line in said.splitlines() if " WARNING " in line]
    if warns:
        assert len(warnings) == 1
        assert f"ffmpeg {version.partition('-')[0]} has the hole CVE-2026-8461" in warnings[0]
    else:
        assert not warnings
