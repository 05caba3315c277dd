from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageCms

from tornado_media.formats.icc import profile_name


def profile(tag):
    return bytes(128) + struct.pack(">I4sII", 1, b"desc", 144, len(tag)) + tag


def old(text, length=None):
    return b"desc\0\0\0\0" + struct.pack(">I", len(text) if length is None else length) + text


def new(text, length=None, at=28):
    raw = text.encode("utf-16-be")
    fields = (1, 12, b"en", b"US", len(raw) if length is None else length, at)
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", *fields) + raw


def test_a_profile_of_a_library():
    assert profile_name(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()) == "sRGB built-in"


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        (old(b"Adobe RGB (1998)\0"), "Adobe RGB (1998)"),
        (new("Display P3"), "Display P3"),
        (new("Größe 写"), "Größe 写"),
        (old(b"Adobe RGB\0", 2**32 - 1), "Adobe RGB"),
        (new("Display P3", 2**32 - 1), "Display P3"),
        (old(b"a\x1b\n\xffb"), "a ÿb"),
        (old(b"x" * 5000), "x" * 200),
        (new("x" * 5000), "x" * 200),
        (new("ab\ud83d".encode("utf-16-be", "surrogatepass").decode("utf-16-be", "ignore"), at=2**31), None),
        (old(b""), None),
        (b"mluc\0\0\0\0" + bytes(4), None),
        (b"text\0\0\0\0abc", None),
        (b"", None),
    ],
)
def test_names(tag, name):
    assert profile_name(profile(tag)) == name


@given(st.binary(max_size=300))
def test_any_bytes(tail):
    for data in (tail, bytes(128) + tail, profile(b"mluc" + tail), profile(b"desc" + tail)):
        name = profile_name(data)
        assert name is None or 0 < len(name.encode()) <= 800
