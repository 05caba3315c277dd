from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.tools import encoders_of, filters_of, known_hole, version_of

YEARS = "Copyright (c) 2000-{} the FFmpeg developers\nbuilt with gcc 12\n"


@pytest.mark.parametrize(
    ("named", "version"),
    [
        ("n9.0.2-17-g2a571b6068-20260930", (9, 0, 2)),
        ("5.1.9-0+deb12u1", (5, 1, 9)),
        ("4.4.2-0ubuntu0.22.04.1", (4, 4, 2)),
        ("7.0.2-static https://johnvansickle.com/ffmpeg/ ", (7, 0, 2)),
        ("8.1", (8, 1)),
        ("8.0-full_build-www.gyan.dev", (8, 0)),
        ("n7.1", (7, 1)),
        ("N-109421-g9adf02247c-20221216", None),
        ("2026-01-05-git-2892815c45-full_build", None),
        ("git-2020-06-01-abcdef", None),
        ("", None),
    ],
)
def test_versions(named, version):
    assert version_of(f"ffmpeg version {named} {YEARS.format(2026)}") == version


@given(st.text())
def test_any_text_is_an_answer(text):
    assert version_of(text) is None or "ffmpeg version" in text
    assert isinstance(filters_of(text), frozenset)
    assert isinstance(encoders_of(text), frozenset)
    assert known_hole(None, text) is None or "ffmpeg version" in text


@pytest.mark.parametrize(
    "version", [(9, 0), (9, 0, 2), (8, 1, 2), (8, 1, 3), (8, 2), (8, 0, 3), (7, 1, 5), (10, 0)]
)
def test_mended(version):
    assert known_hole(version, "") is None


@pytest.mark.parametrize(
    "version", [(8, 1, 1), (8, 1), (8, 0, 2), (8, 0), (7, 1, 4), (7, 0, 9), (6, 1, 2), (5, 1, 9)]
)
def test_not_mended(version):
    sentence = known_hole(version, "")
    assert sentence is not None
    assert sentence.startswith(f"ffmpeg {'.'.join(map(str, version))} has the hole CVE-2026-8461")
    assert sentence.endswith(".") and "\n" not in sentence


@pytest.mark.parametrize(
    ("year", "old"), [("2025", True), ("2000-2022", True), ("2000-2026", False), ("2027", False)]
)
def test_builds_without_a_version(year, old):
    banner = f"ffmpeg version N-109421-g9adf02247c Copyright (c) {year} the FFmpeg developers"
    assert (known_hole(version_of(banner), banner) is not None) == old


OLD_FILTERS = """Filters:
  T.. = Timeline support
  .S. = Slice threading
  ..C = Command support
  A = Audio input/output
  | = Source or sink filter
 ... abench            A->A       Benchmark part of a filtergraph.
 TSC zscale            V->V       Apply resizing, colorspace and bit depth conversion.
 .S. tonemap           V->V       Conversion to/from different dynamic ranges.
 ... anullsrc          |->A       Null audio source.
 T.C overlay           VV->V      Overlay a video source on top of the input.
"""


def test_filters_of_an_old_one():
    assert filters_of(OLD_FILTERS) == {"abench", "zscale", "tonemap", "anullsrc", "overlay"}


def test_what_ours_says(ffmpeg):
    def says(*arguments):
        return subprocess.run([ffmpeg, *arguments], capture_output=True, check=True, text=True).stdout

    banner = says("-version")
    assert version_of(banner) is not None
    filters, encoders = (
        filters_of(says("-hide_banner", "-filters")),
        encoders_of(says("-hide_banner", "-encoders")),
    )
    assert {"scale", "fps", "yadif", "tpad", "setpts", "anullsrc", "concat"} <= filters
    assert {"libx264", "aac", "webvtt", "mpeg4"} <= encoders
    assert not {"Video", "=", "Audio", "Filters"}.intersection(filters | encoders)
