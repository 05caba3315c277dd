"""Pictures as a browser gets them: the format by negotiation, pixels by its screen, a placeholder first."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

MODERN = re.compile(r"image/(?:avif|webp)")
SIZES = """image => ({ natural: image.naturalWidth / image.naturalHeight, width: image.naturalWidth,
  height: image.naturalHeight, frame: image.getBoundingClientRect().toJSON() })"""


@pytest.fixture
def dense(new_tab):
    """A page on a screen with two device pixels for each CSS pixel; `page.pictures` are its answers."""
    page = new_tab(viewport={"width": 1100, "height": 900}, device_scale_factor=2).page
    page.pictures = []
    page.on("response", lambda response: page.pictures.append(response))
    return page


def painted(page: Page, server: str):
    page.goto(f"{server}-/")
    page.wait_for_selector("#gallery[aria-busy='false'] .tile")
    tiles = page.locator(".tile[data-kind='picture']")
    for at in range(tiles.count()):
        tiles.nth(at).scroll_into_view_if_needed()
        expect(tiles.nth(at)).to_have_attribute("data-state", "painted")
    return tiles


def test_thumbnails_come_as_avif_or_webp_and_sharp(dense, server):
    tiles = painted(dense, server)
    thumbnails = [each for each in dense.pictures if "size=" in each.url and "preset=poster" not in each.url]
    assert len(thumbnails) >= 7
    for each in thumbnails:
        assert MODERN.fullmatch(each.headers["content-type"]), each.url
        assert each.headers["vary"] == "Accept"
        assert "dpr=2" in urlsplit(each.url).query
    for at in range(tiles.count()):
        image = tiles.nth(at).locator("img:not(.tile-placeholder)")
        if ".svg" in (image.get_attribute("src") or ""):
            continue
        sizes = image.evaluate(SIZES)
        frame = sizes["frame"]
        # Two pixels for each of the page, or all that the source has: `object-fit: cover` in the frame.
        shown = max(frame["width"], frame["height"] * sizes["natural"])
        # A picture of a `srcset` says its size in pixels of the page.
        assert 2 * sizes["width"] >= min(2 * shown * 0.95, 640), tiles.nth(at).inner_text()


@pytest.mark.slow
def test_a_placeholder_is_there_until_the_picture_is(dense, server):
    """Thumbnails are held back: the page then has placeholders, and nothing else."""
    held = []
    dense.route(re.compile(r"\?.*size="), lambda route: held.append(route))
    dense.goto(f"{server}-/")
    tile = dense.locator(".tile[data-kind='picture']").first
    placeholder = tile.locator(".tile-placeholder.is-there")
    expect(placeholder).to_be_visible()
    assert 16 <= placeholder.evaluate("image => image.naturalWidth") <= 32
    expect(placeholder).to_have_css("opacity", "1")
    expect(tile).to_have_attribute("data-state", "loading")
    small = [each for each in dense.pictures if "preset=placeholder" in each.url]
    assert small
    assert all(each.ok and len(each.body()) < 1024 for each in small)
    for route in held:
        route.continue_()
    dense.unroute(re.compile(r"\?.*size="))
    expect(tile).to_have_attribute("data-state", "painted")
    expect(tile.locator(".tile-placeholder")).to_have_css("opacity", "0")
