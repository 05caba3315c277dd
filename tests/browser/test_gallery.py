"""The gallery in a real browser, over a real server."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

ODD_NAME = "bild #1 100% & mehr?.jpg"

# The number of different colors on a coarse grid of the picture: a blank one has one.
COLORS = """image => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 16;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(image, 0, 0, 16, 16);
  const { data } = context.getImageData(0, 0, 16, 16);
  const colors = new Set();
  for (let at = 0; at < data.length; at += 4) colors.add(data.slice(at, at + 3).join());
  return { width: image.naturalWidth, colors: colors.size };
}"""


def wait_for_tiles(page: Page) -> None:
    page.wait_for_selector("#gallery[aria-busy='false'] .tile")


def picture_of(page: Page, name: str):
    return page.locator(".tile", has=page.get_by_text(name, exact=True))


def test_every_thumbnail_and_poster_is_painted(tab):
    page = tab.open("-/")
    wait_for_tiles(page)
    tiles = page.locator(".tile[data-kind='picture'], .tile[data-kind='video']")
    assert tiles.count() == 10
    for at in range(tiles.count()):
        tile = tiles.nth(at)
        tile.scroll_into_view_if_needed()
        expect(tile).to_have_attribute("data-state", "painted")
        painted = tile.locator("img:not(.tile-placeholder)").evaluate(COLORS)
        assert painted["width"] >= 240, tile.inner_text()
        assert painted["colors"] > 4, tile.inner_text()


def test_a_video_shows_its_duration(tab):
    page = tab.open("-/")
    expect(picture_of(page, "clip.mkv").locator(".tile-badge")).to_have_text("1:00")


@pytest.mark.slow
def test_other_files_lead_to_the_original(tab):
    page = tab.open("-/")
    tile = picture_of(page, "notes.txt")
    expect(tile).to_contain_text("txt")
    assert tile.locator("a").get_attribute("href") == f"{tab.server}notes.txt"


def test_folders_and_the_way_back(tab):
    page = tab.open("-/")
    page.get_by_role("link", name="Holidays").click()
    expect(page).to_have_url(re.compile(r"/-/\?folder=/Holidays/$"))
    expect(page.locator(".tile")).to_have_count(3)
    page.get_by_role("link", name="Alps").click()
    expect(page.locator("h1")).to_have_text("Alps")
    expect(page.locator(".tile")).to_have_count(1)
    assert page.locator(".crumbs a").all_inner_texts() == ["Media", "Holidays", "Alps"]
    page.go_back()
    expect(page.locator("h1")).to_have_text("Holidays")
    expect(page.locator(".tile")).to_have_count(3)
    page.locator(".crumbs a").first.click()
    expect(page.get_by_role("link", name="Holidays")).to_be_visible()


def test_a_folder_opens_by_its_address(tab):
    page = tab.open("-/?folder=/Holidays/Alps/")
    expect(page.locator("h1")).to_have_text("Alps")
    expect(page.locator(".tile")).to_have_attribute("data-state", "painted")


@pytest.mark.slow
def test_an_empty_folder_says_so(tab):
    page = tab.open("-/?folder=/Empty/")
    expect(page.get_by_role("alert")).to_contain_text("This folder is empty")


def test_a_missing_folder_says_so(new_tab):
    tab = new_tab()
    page = tab.open("-/?folder=/nowhere/")
    expect(page.get_by_role("alert")).to_contain_text("There is no such folder")
    assert any("404" in complaint for complaint in tab.complaints)
    tab.complaints.clear()


@pytest.mark.slow
def test_lightbox_by_keyboard(tab):
    page = tab.open("-/?folder=/Holidays/")
    wait_for_tiles(page)
    picture_of(page, "day-0.jpg").get_by_role("link").focus()
    page.keyboard.press("Enter")
    box = page.get_by_role("dialog")
    image = box.locator("img")
    expect(image).to_have_attribute("data-state", "sharp")
    expect(image).to_have_attribute("alt", "day-0.jpg")
    assert image.evaluate("image => image.naturalWidth") > 480
    page.keyboard.press("ArrowRight")
    expect(image).to_have_attribute("alt", "day-1.jpg")
    expect(page.locator("#lightbox-count")).to_have_text("2 of 3")
    expect(page).to_have_url(re.compile(r"#day-1\.jpg$"))
    for _ in range(8):  # the focus goes round within the dialog or to the browser, never to the page below
        page.keyboard.press("Tab")
        assert page.evaluate("!document.activeElement.closest('#gallery, .bar')")
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    expect(page).to_have_url(re.compile(r"folder=/Holidays/$"))
    assert page.evaluate("document.activeElement.closest('.tile').dataset.path") == "/Holidays/day-1.jpg"


@pytest.mark.slow
def test_back_closes_the_lightbox(tab):
    page = tab.open("-/?folder=/Holidays/")
    picture_of(page, "day-2.jpg").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("h1")).to_have_text("Holidays")


@pytest.mark.slow
def test_a_picture_opens_by_its_address(tab):
    page = tab.open(f"-/#{quote(ODD_NAME)}")
    image = page.get_by_role("dialog").locator("img")
    expect(image).to_have_attribute("data-state", "sharp")
    expect(image).to_have_attribute("alt", ODD_NAME)
    original = page.locator("#lightbox-original").get_attribute("href")
    assert original == tab.server + quote(ODD_NAME, safe="")
    assert page.request.get(original).headers["content-type"] == "image/jpeg"


@pytest.mark.slow
def test_swiping_turns_the_page(new_tab):
    page = new_tab(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True).open(
        "-/?folder=/Holidays/#day-0.jpg"
    )
    image = page.get_by_role("dialog").locator("img")
    expect(image).to_have_attribute("data-state", "sharp")
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": 280, "y": 400}]})
    for x in range(260, 90, -20):
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": 400}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(image).to_have_attribute("alt", "day-1.jpg")


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 800, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(new_tab, width, scheme):
    page = new_tab(viewport={"width": width, "height": 740}, color_scheme=scheme).open("-/")
    wait_for_tiles(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 16, 22)"
    assert dark == (scheme == "dark")
    columns = page.evaluate(
        "getComputedStyle(document.querySelector('.tiles')).gridTemplateColumns.split(' ').length"
    )
    assert columns >= 2


@pytest.mark.slow
def test_a_busy_server_is_asked_again(tab):
    """503 with Retry-After: the tile waits, then shows its picture; the refusals are made by the test."""
    page = tab.page
    refused = []

    def refuse_once(route):
        if len(refused) < 2:  # the picture's own request and the question why
            refused.append(route.request.url)
            headers = {"Retry-After": "1", "Content-Type": "application/problem+json"}
            route.fulfill(status=503, headers=headers, body='{"detail": "The server is busy."}')
        else:
            route.continue_()

    page.route(re.compile(r"day-1\.jpg\?size="), refuse_once)
    tab.open("-/?folder=/Holidays/")
    tile = picture_of(page, "day-1.jpg")
    expect(tile).to_have_attribute("data-state", "waiting")
    expect(tile).to_have_attribute("data-state", "painted")
    assert len(refused) == 2
    assert all("503" in complaint for complaint in tab.complaints)
    tab.complaints.clear()


@pytest.mark.slow
def test_a_picture_that_cannot_be_made_says_why_and_can_be_tried_again(tab):
    page = tab.page
    refuse = {"on": True}

    def answer(route):
        if refuse["on"]:
            headers = {"Content-Type": "application/problem+json"}
            route.fulfill(status=422, headers=headers, body='{"detail": "This picture is damaged."}')
        else:
            route.continue_()

    page.route(re.compile(r"day-1\.jpg\?size="), answer)
    tab.open("-/?folder=/Holidays/")
    tile = picture_of(page, "day-1.jpg")
    expect(tile).to_have_attribute("data-state", "broken")
    expect(tile).to_contain_text("This picture is damaged.")
    refuse["on"] = False
    tile.get_by_role("button", name="Try again").click()
    expect(tile).to_have_attribute("data-state", "painted")
    tab.complaints.clear()


@pytest.mark.slow
def test_pages_of_a_long_folder_follow_each_other(tab):
    """The listing is answered by the test: no folder of the suite is long enough for a second page."""
    page = tab.page
    asked = []

    def answer(route):
        after = re.search(r"after=(\d+)", route.request.url)
        first = int(after[1]) if after else 0
        asked.append(first)
        facts = {"media_type": "text/plain", "size": 1, "modified": "2026-01-02T03:04:05Z"}
        files = [{"name": f"{n}.txt", "path": f"/{n}.txt", **facts} for n in range(first, first + 40)]
        following = str(first + 40) if first < 160 else None
        route.fulfill(json={"folder": "/", "folders": [], "files": files, "next": following})

    page.route(re.compile(r"/-/list"), answer)
    tab.open("-/")
    wait_for_tiles(page)
    assert page.locator(".tile").count() < 200
    while page.locator(".tile").count() < 200:
        before = page.locator(".tile").count()
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        page.locator(".tile").nth(before).wait_for()
    assert asked == [0, 40, 80, 120, 160]
    expect(page.locator("#summary")).to_have_text("200 other files")


@pytest.mark.slow
def test_a_folder_that_may_not_be_listed_says_so_and_is_asked_once(tab):
    page = tab.page
    asked = []

    def refuse(route):
        asked.append(route.request.url)
        route.fulfill(status=403, json={"detail": "Listing is switched off."})

    page.route(re.compile(r"/-/list"), refuse)
    tab.open("-/")
    expect(page.get_by_role("alert")).to_contain_text("Listing is switched off.")
    page.mouse.wheel(0, 500)
    page.wait_for_load_state("networkidle")
    assert len(asked) == 1
    tab.complaints.clear()


@pytest.mark.slow
def test_a_listing_that_fails_can_be_tried_again(tab):
    page = tab.page
    refuse = {"on": True}

    def answer(route):
        if refuse["on"]:
            route.fulfill(status=503, json={"detail": "The disk is asleep."})
        else:
            route.continue_()

    page.route(re.compile(r"/-/list"), answer)
    tab.open("-/")
    expect(page.get_by_role("alert")).to_contain_text("The disk is asleep.")
    refuse["on"] = False
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".tile").first).to_be_visible()
    tab.complaints.clear()
