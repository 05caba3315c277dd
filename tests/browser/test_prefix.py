"""The pages below a prefix of somebody else's application: `examples/embedded.py` in a real browser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tornado.testing import bind_unused_port

EXAMPLE = Path(__file__).parents[2] / "examples" / "embedded.py"


@pytest.fixture
def embedded(media):
    listener, port = bind_unused_port()
    listener.close()
    with subprocess.Popen(
        [sys.executable, str(EXAMPLE), str(media), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.mark.slow
def test_gallery_and_player_work_below_a_prefix(new_tab, embedded):
    tab = new_tab()
    tab.server = embedded
    page = tab.open("media/-/")
    first = page.locator(".tile[data-kind='picture']").first
    expect(first).to_have_attribute("data-state", "painted")
    page.locator(".tile", has=page.get_by_text("clip.mkv", exact=True)).click()
    expect(page.locator("#stage")).to_have_attribute("data-state", "playing")
    expect(page.locator("#scrubber")).to_have_attribute("aria-valuemax", "60.0")
    assert page.url == f"{embedded}media/-/play?source=/clip.mkv"
