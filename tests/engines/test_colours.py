"""Profiles by Pillow's Little CMS, which is set up once, against those by libvips."""

from __future__ import annotations

import random

import pytest

from tornado_media.engines import colours, decode  # noqa: F401

import pyvips  # isort: skip (`decode` has told libvips how to behave, before it is loaded)


def image(profile, size=(70, 50)):
    pixels = random.Random(3).randbytes(size[0] * size[1] * 3)
    made = pyvips.Image.new_from_memory(pixels, *size, 3, "uchar").copy(interpretation="srgb", xres=11.0)
    made.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    made.set_type(pyvips.GValue.gint_type, "orientation", 6)
    return made


@pytest.fixture(scope="module")
def wide():
    return bytes(pyvips.Operation.call("profile_load", "p3"))


def test_the_pixels_are_those_of_libvips(wide):
    seen = image(wide)
    wanted = seen.icc_transform("srgb", embedded=True, intent="perceptual", depth=8)
    found = colours.to_srgb(seen)
    assert (found - wanted).abs().max() == 0
    assert (seen - wanted).abs().max() > 20  # else nothing would be tested
    assert (found.interpretation, found.format) == ("srgb", "uchar")


def test_only_the_profile_is_gone(wide):
    found = colours.to_srgb(image(wide))
    assert not found.get_typeof("icc-profile-data")
    assert (found.get("orientation"), found.xres) == (6, 11.0)


def test_a_profile_is_set_up_once(wide):
    colours._transform.cache_clear()
    for size in ((70, 50), (40, 40), (9, 99)):
        colours.to_srgb(image(wide, size))
    assert colours._transform.cache_info().misses == 1


def test_a_large_image_streams(wide, monkeypatch):
    wanted = colours.to_srgb(image(wide)).copy_memory()
    monkeypatch.setattr(colours, "_MOST", 70 * 50 - 1)
    colours._transform.cache_clear()
    assert (colours.to_srgb(image(wide)) - wanted).abs().max() == 0
    assert colours._transform.cache_info().misses == 0


def test_what_little_cms_cannot_have_is_not_read_before(wide, monkeypatch):
    """An image that comes from a file is read once: libvips needs it."""
    noise = image(wide)
    content = bytes(noise.pngsave_buffer(keep="icc"))
    monkeypatch.setattr(colours, "_transform", lambda profile: None)
    streamed = pyvips.Image.new_from_buffer(content, "", access="sequential")
    wanted = noise.icc_transform("srgb", embedded=True, intent="perceptual", depth=8)
    assert (colours.to_srgb(streamed).copy_memory() - wanted).abs().max() == 0
