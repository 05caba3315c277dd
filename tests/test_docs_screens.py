"""The pictures of docs/player.md are there, none is left over, and together they are small."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).parents[1] / "docs"
MOST = 400_000
"""Bytes of all of them."""


def test_each_picture_is_shown_and_small():
    shown = re.findall(r"\]\((screens/[^)]+)\)", (DOCS / "player.md").read_text())
    there = sorted((DOCS / "screens").iterdir())
    assert sorted(shown) == [f"screens/{path.name}" for path in there]
    assert sum(path.stat().st_size for path in there) < MOST
    for path in there:
        with Image.open(path) as image:
            assert image.format == "WEBP"
            assert min(image.size) >= 300
