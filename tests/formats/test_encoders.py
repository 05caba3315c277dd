from __future__ import annotations

import subprocess
from itertools import pairwise

import pytest

from tornado_media.formats.encoders import ENCODERS, HARDWARE, SOFTWARE, probe_command
from tornado_media.formats.facts import VideoFacts
from tornado_media.formats.tools import Tools
from tornado_media.formats.transcode import mp4


def pairs(command):
    return set(pairwise(command))


def test_the_table():
    assert next(iter(ENCODERS)) == SOFTWARE
    assert set(HARDWARE) == set(ENCODERS) - {SOFTWARE}
    assert [name for name, encoder in ENCODERS.items() if encoder.software] == [SOFTWARE]
    assert all(name == encoder.name for name, encoder in ENCODERS.items())


@pytest.mark.parametrize("name", ENCODERS)
def test_a_grid(name):
    told = ENCODERS[name].arguments(ceiling=900, buffer=800, group=48, level=40, threads=3)
    assert pairs(told) >= {
        ("-c:v", name),
        ("-g", "48"),
        ("-keyint_min", "48"),
        ("-level:v", "40"),
        ("-profile:v", "100" if name == "h264_v4l2m2m" else "high"),
        ("-maxrate", "900k"),
        ("-bufsize", "800k"),
    }
    assert ("-threads:v" in told) == (name == SOFTWARE)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("libx264", {("-crf", "23"), ("-sc_threshold", "0"), ("-preset", "veryfast")}),
        ("h264_nvenc", {("-cq", "25"), ("-b:v", "0"), ("-forced-idr", "1"), ("-no-scenecut", "1")}),
        ("h264_qsv", {("-b:v", "600k"), ("-forced_idr", "1"), ("-idr_interval", "0"), ("-bf", "0")}),
        ("h264_vaapi", {("-b:v", "600k"), ("-rc_mode", "VBR"), ("-idr_interval", "0"), ("-bf", "0")}),
        ("h264_videotoolbox", {("-b:v", "600k"), ("-bf", "0")}),
        ("h264_v4l2m2m", {("-b:v", "600k"), ("-bf", "0")}),
    ],
)
def test_what_is_peculiar(name, said):
    assert pairs(ENCODERS[name].arguments(ceiling=900, buffer=900)) >= said


@pytest.mark.parametrize("name", ENCODERS)
def test_a_bit_rate_that_was_asked_for(name):
    told = ENCODERS[name].arguments(ceiling=900, buffer=900, bit_rate=700)
    assert ("-b:v", "700k") in pairs(told)
    assert not {"-crf", "-cq"}.intersection(told)


@pytest.mark.parametrize("name", ENCODERS)
def test_a_progressive_stream(name):
    facts = VideoFacts(duration=9.0, width=320, height=180)
    (command,) = mp4(
        "/f", facts, start=0, height=180, video_bitrate=None, audio=False, tools=Tools(encoder=name)
    )
    assert ("-c:v", name) in pairs(command)
    filters = command[command.index("-vf") + 1]
    assert filters.endswith(",".join(ENCODERS[name].filters()))
    if name == "h264_vaapi":
        assert filters.endswith("format=nv12,hwupload")
        assert command.index("-vaapi_device") < command.index("-i")


def test_the_trial_of_one_that_works(ffmpeg):
    _, *arguments = probe_command(SOFTWARE, "/dev/null")
    ended = subprocess.run([ffmpeg, *arguments], capture_output=True, stdin=subprocess.DEVNULL)
    assert (ended.returncode, ended.stderr, ended.stdout) == (0, b"", b"")


# Those of Apple are in no build for Linux.
@pytest.mark.parametrize("name", [name for name in HARDWARE if name != "h264_videotoolbox"])
def test_the_options_are_known(name, ffmpeg):
    """An option that a program does not know is a failure of its own, before any device is asked for."""
    help_text = subprocess.run(
        [ffmpeg, "-hide_banner", "-h", f"encoder={name}"], capture_output=True, text=True
    )
    if "is not recognized" in help_text.stdout + help_text.stderr:
        pytest.skip(f"this ffmpeg has no {name}")
    _, *arguments = probe_command(name, "/dev/null/nothing")
    said = subprocess.run(
        [ffmpeg, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
    ).stderr
    assert "Unrecognized option" not in said
    assert "not found for" not in said
    assert "Unable to parse option value" not in said
    assert "Undefined constant" not in said
