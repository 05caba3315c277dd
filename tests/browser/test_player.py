"""The player in a real browser: the picture itself says which second it is from."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

# Reads the second from the cells in the lower sixth of the picture; -1 while there is none.
PICTURE = """() => {
  const video = document.querySelector('video');
  if (video.readyState < 2) return -1;
  const canvas = document.createElement('canvas');
  canvas.width = 120;
  canvas.height = 60;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(video, 0, 0, 120, 60);
  let second = 0;
  for (let bit = 0; bit < 6; bit += 1) {
    const [red, green, blue] = context.getImageData((bit + 0.5) * 20, 55, 1, 1).data;
    if (red + green + blue > 384) second += 2 ** bit;
  }
  return second;
}"""
BRIGHT = """() => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 32;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(document.querySelector('video'), 0, 0, 32, 32);
  const { data } = context.getImageData(0, 0, 32, 24);
  return data.filter((value, at) => at % 4 < 3).reduce((sum, value) => sum + value, 0) / (32 * 24 * 3);
}"""
STATE = "document.getElementById('stage').dataset.state"
CLOCK = "Number(document.getElementById('scrubber').ariaValueNow)"


DIAGNOSIS = """() => {
  const video = document.querySelector('video');
  const pairs = ranges =>
    Array.from({ length: ranges.length }, (_, at) => [ranges.start(at), ranges.end(at)]);
  return JSON.stringify({
    state: document.getElementById('stage').dataset.state,
    notice: document.getElementById('notice-text').textContent,
    clock: document.getElementById('scrubber').ariaValueNow,
    at: video.currentTime, paused: video.paused, seeking: video.seeking, ready: video.readyState,
    network: video.networkState, error: video.error?.message, buffered: pairs(video.buffered), src: video.src,
  });
}"""


def position(page: Page) -> float:
    return float(page.locator("#scrubber").get_attribute("aria-valuenow"))


def wait_for(page: Page, expression: str, within: float = 30.0) -> None:
    """Waits until this is true in the page. (The page's policy forbids the eval of `wait_for_function`.)"""
    end = time.monotonic() + within
    while not page.evaluate(expression):
        if time.monotonic() > end:
            pytest.fail(f"not within {within} s: {expression}\n{page.evaluate(DIAGNOSIS)}")
        page.wait_for_timeout(20)


def wait_for_playing(page: Page) -> None:
    wait_for(page, f"{STATE} === 'playing' && document.querySelector('video').readyState > 2")


def wait_until(page: Page, seconds: float) -> None:
    """Waits for the clock to say so."""
    wait_for(page, f"{CLOCK} >= {seconds}")


def press_scrubber(page: Page, seconds: float, duration: float = 60) -> None:
    box = page.locator("#scrubber").bounding_box()
    page.mouse.click(box["x"] + box["width"] * seconds / duration, box["y"] + box["height"] / 2)


def assert_right_clock(page: Page) -> None:
    """The picture is from the second that the clock shows."""
    page.evaluate("document.querySelector('video').pause()")
    wait_for(page, "!document.querySelector('video').seeking")
    assert abs(page.evaluate(PICTURE) + 0.5 - position(page)) < 0.9


def play(tab, address: str) -> Page:
    page = tab.open(f"-/play?source={address}")
    wait_for_playing(page)
    return page


@pytest.mark.slow
def test_an_mkv_plays_and_seeks_to_40_seconds_within_2(tab):
    page = play(tab, "/clip.mkv")
    wait_until(page, 1)
    assert page.evaluate("document.querySelector('video').currentTime") > 0.5
    assert page.evaluate(BRIGHT) > 40
    expect(page.locator("#duration")).to_have_text("1:00")
    assert abs(float(page.locator("#scrubber").get_attribute("aria-valuemax")) - 60) < 0.5

    press_scrubber(page, 40)
    wait_for(page, f"{STATE} === 'playing' && ({PICTURE})() >= 40", within=2)
    first = position(page)
    assert 39.5 <= first <= 43
    wait_until(page, first + 1)
    assert_right_clock(page)


@pytest.mark.slow
def test_keys_move_the_clock(tab):
    page = play(tab, "/clip.mkv")
    page.keyboard.press("3")
    wait_until(page, 18.5)
    wait_for_playing(page)
    assert 18 <= position(page) < 23
    page.keyboard.press("ArrowLeft")
    wait_until(page, 13)
    assert position(page) < 19
    page.keyboard.press("l")
    wait_until(page, 23)
    wait_for_playing(page)
    assert_right_clock(page)
    page.keyboard.press("Home")
    wait_for(page, f"{CLOCK} < 1")
    page.keyboard.press("m")
    expect(page.locator("#mute")).to_have_attribute("aria-label", "Unmute")


def test_a_deep_link_starts_there(tab):
    page = play(tab, "/clip.mkv#t=25")
    assert 24.9 <= position(page) < 29
    assert_right_clock(page)


def test_pause_and_play_again(tab):
    page = play(tab, "/clip.mkv")
    page.locator("#play").click()
    expect(page.locator("#play")).to_have_attribute("aria-label", "Play")
    held = position(page)
    page.keyboard.press("k")
    wait_until(page, held + 0.5)


def test_a_short_way_back_needs_no_new_stream(tab):
    streams = []
    tab.page.on(
        "request", lambda request: streams.append(request.url) if "preset=mp4" in request.url else None
    )
    page = play(tab, "/clip.mkv#t=20")
    wait_until(page, 22.5)
    press_scrubber(page, 20.5)
    wait_for(page, f"{CLOCK} < 22")
    wait_for_playing(page)
    assert_right_clock(page)
    assert len(streams) == 1


@pytest.mark.slow
def test_the_end_and_again(tab):
    page = play(tab, "/clip.mkv#t=57")
    wait_for(page, f"{STATE} === 'ended'")
    assert 59 <= position(page) <= 60.5
    page.locator("#play").click()
    wait_for(page, f"{CLOCK} < 10")
    wait_for_playing(page)
    assert_right_clock(page)


def test_another_quality_goes_on_at_the_same_place(tab):
    page = play(tab, "/clip.mkv#t=30")
    page.locator("#quality").click()
    assert page.get_by_role("menuitemradio").all_inner_texts()[1:] == ["240p", "144p"]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#quality-now")).to_have_text("240p")
    wait_for(page, "document.querySelector('video').videoHeight === 240")
    wait_for_playing(page)
    assert 29.9 <= position(page) < 36
    assert_right_clock(page)


def test_a_stream_that_ends_too_early_goes_on(tab):
    """The first stream is whole but eight seconds long: the test gives another one in its place."""
    page = tab.page
    cut = []

    def cut_once(route):
        if cut:
            return route.continue_()
        response = route.fetch(url=route.request.url.replace("clip.mkv", "short.mp4"))
        cut.append(response.status)
        return route.fulfill(status=200, content_type="video/mp4", body=response.body())

    page.route(re.compile(r"clip\.mkv\?preset=mp4"), cut_once)
    play(tab, "/clip.mkv")
    wait_for(
        page,
        "document.querySelector('video').readyState && document.querySelector('video').buffered.end(0) > 9",
    )
    assert cut == [200]
    press_scrubber(page, 9)
    wait_for_playing(page)
    wait_until(page, 9.5)
    assert_right_clock(page)


def test_a_stream_that_is_cut_off_goes_on(tab, cut_off_server):
    starts = []

    def note(request):
        if "preset=mp4" in request.url:
            starts.append(float((re.findall(r"start=([\d.]+)", request.url) or ["0"])[0]))

    tab.page.on("request", note)
    tab.server = cut_off_server
    page = play(tab, "/clip.mkv")
    wait_for(page, "document.querySelector('video').buffered.end(0) > 10")
    assert len(starts) == 2
    assert starts[0] == 0 < starts[1] < 10
    wait_until(page, starts[1] + 0.5)
    assert_right_clock(page)
    assert page.evaluate("document.querySelector('video').buffered.length") == 1
    assert all("ERR_" in complaint for complaint in tab.complaints)
    tab.complaints.clear()


def test_without_media_source_a_seek_is_a_new_stream(tab):
    tab.page.add_init_script("delete window.MediaSource; delete window.ManagedMediaSource")
    streams = []
    tab.page.on(
        "request", lambda request: streams.append(request.url) if "preset=mp4" in request.url else None
    )
    page = play(tab, "/clip.mkv#t=10")
    assert_right_clock(page)
    page.keyboard.press("k")
    press_scrubber(page, 40)
    wait_for(page, f"{STATE} === 'playing' && ({PICTURE})() >= 40")
    assert_right_clock(page)
    assert [re.findall(r"start=(\d+)", url) for url in streams] == [
        ["10"],
        [str(int(position(page) // 40 * 40))],
    ]


def test_a_busy_server_is_asked_again(tab):
    page = tab.page
    refused = []

    def refuse_once(route):
        if refused:
            return route.continue_()
        refused.append(route.request.url)
        return route.fulfill(
            status=503, headers={"Retry-After": "1"}, json={"detail": "All slots are taken."}
        )

    page.route(re.compile(r"preset=mp4"), refuse_once)
    tab.open("-/play?source=/clip.mkv#t=15")
    expect(page.locator("#notice")).to_contain_text("All slots are taken. Trying again in 1 s.")
    expect(page.locator("#position")).to_have_text("0:15")
    wait_for_playing(page)
    expect(page.locator("#notice")).to_be_hidden()
    assert 14.9 <= position(page) < 19
    assert all("503" in complaint for complaint in tab.complaints)
    tab.complaints.clear()


def test_a_missing_source_is_told_in_words(tab):
    page = tab.open("-/play?source=/nowhere.mkv")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    tab.complaints.clear()


def test_what_the_browser_can_play_is_not_transcoded(tab):
    asked = []
    tab.page.on("request", lambda request: asked.append(request.url))
    page = play(tab, "/short.mp4")
    expect(page.locator("#quality-now")).to_have_text("Original")
    assert not [url for url in asked if "preset=mp4" in url]
    press_scrubber(page, 5, duration=8)
    wait_until(page, 5.3)
    assert_right_clock(page)


def test_without_a_duration_the_bar_ends_where_the_data_ends(tab):
    def forget_duration(route):
        facts = route.fetch().json()
        route.fulfill(json={**facts, "duration": None})

    tab.page.route(re.compile(r"preset=info"), forget_duration)
    page = play(tab, "/clip.mkv")
    wait_until(page, 1)
    expect(page.locator(".time-total")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    wait_until(page, 5.5)
    wait_for_playing(page)
    assert position(page) <= float(page.locator("#scrubber").get_attribute("aria-valuemax")) < 60
    assert_right_clock(page)


def test_sound_alone_plays(tab):
    page = play(tab, "/tone.flac")
    wait_until(page, 0.5)
    expect(page.locator("#duration")).to_have_text("0:20")
    expect(page.locator("#audio-mark")).to_be_visible()
    expect(page.locator("#fullscreen")).to_be_hidden()
    press_scrubber(page, 10, duration=20)
    wait_until(page, 9.5)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_can_use_it(new_tab, scheme):
    options = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    page = play(new_tab(color_scheme=scheme, **options), "/clip.mkv")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for name in ("#play", "#mute", "#quality", "#fullscreen"):
        box = page.locator(name).bounding_box()
        assert box["width"] >= 40 and box["x"] >= 0 and box["x"] + box["width"] <= 360
    box = page.locator("#scrubber").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    wait_until(page, 29.5)
    wait_for_playing(page)
    assert_right_clock(page)


def test_the_slider_speaks(tab):
    page = play(tab, "/clip.mkv#t=10")
    slider = page.get_by_role("slider", name="Position")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^1\d seconds of 1 minute$"))


def test_the_way_back_leads_to_the_folder(tab):
    page = play(tab, "/clip.mkv")
    page.locator("#back").click()
    expect(page.locator(".tile", has_text="clip.mkv")).to_be_visible()
