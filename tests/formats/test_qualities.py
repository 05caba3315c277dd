"""The table hangs together; that the figures are right is what `benchmarks/qualities.py` is for."""

from __future__ import annotations

import pytest

from tornado_media.formats import qualities

LOSSY = ("jpeg", "webp", "avif")


def test_the_tables_name_the_same_formats():
    assert set(qualities.QUALITY) == set(qualities.SAVE_DATA) == set(LOSSY)


@pytest.mark.parametrize("format_", LOSSY)
def test_saving_is_less_than_usual_and_more_than_the_lowest(format_):
    saving, usual = qualities.SAVE_DATA[format_], qualities.QUALITY[format_]
    assert qualities.LOWEST < saving < usual <= 100
    assert usual < qualities.FULL_CHROMA


def test_jpeg_is_the_anchor():
    assert (qualities.QUALITY["jpeg"], qualities.SAVE_DATA["jpeg"]) == (80, 60)


def test_palettes_of_a_png_go_down():
    sizes = [(bits, quality) for quality, bits in qualities.PNG_PALETTES]
    assert sizes == sorted(sizes, reverse=True)
    assert {bits for bits, _ in sizes} <= {1, 2, 4, 8}  # what PNG has
