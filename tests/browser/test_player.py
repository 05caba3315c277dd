"""The player in a real browser: the picture itself says which second it is from."""

from __future__ import annotations

import re
import runpy
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest
from playwright.sync_api import Page, expect

wait_for = runpy.run_path(str(Path(__file__).with_name("waiting.py")))["wait_for"]

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
VIDEO = "document.querySelector('video')"
CUES = f"""() => [...{VIDEO}.textTracks].filter(track => track.mode === 'showing')
  .flatMap(track => [...(track.activeCues ?? [])].map(cue => cue.text))"""

WAYS = pytest.mark.parametrize("way", ["native", "mse"])
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
SUBTITLES = "1\n00:00:00,000 --> 00:00:59,000\nHello <i>there</i>\n"
SIDECAR = "WEBVTT\n\n00:00.000 --> 00:59.000\nGuten Tag\n"
CHAPTERS = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1
START=0
END=20
title=Beginning
[CHAPTER]
TIMEBASE=1/1
START=20
END=60
title=Middle
"""


@pytest.fixture(scope="module")
def film(media: Path) -> Iterator[str]:
    """The path of the clip with a second sound, subtitles, chapters, and a file of captions beside it."""
    folder = media / "Empty"  # they are there only as long as the tests of this module run
    made = [folder / name for name in ("film.mkv", "film.de.vtt", "film.srt.tmp", "film.chapters.tmp")]
    made[1].write_text(SIDECAR)
    made[2].write_text(SUBTITLES)
    made[3].write_text(CHAPTERS)
    inputs = ["-i", str(media / "clip.mkv"), "-f", "lavfi", "-i", "sine=frequency=660:duration=60"]
    inputs += ["-f", "srt", "-i", str(made[2]), "-f", "ffmetadata", "-i", str(made[3])]
    maps = ["-map", "0:v", "-map", "0:a", "-map", "1:a", "-map", "2:s", "-map_chapters", "3"]
    codecs = ["-c", "copy", "-c:a:1", "aac", "-b:a:1", "64k", "-ar:a:1", "48000", "-c:s", "srt"]
    words = ["-metadata:s:a:0", "language=ger", "-metadata:s:a:1", "language=eng"]
    words += ["-metadata:s:a:1", "title=Commentary", "-metadata:s:s:0", "language=eng"]
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([ffmpeg, "-v", "error", *inputs, *maps, *codecs, *words, str(made[0])], check=True)
    yield "/Empty/film.mkv"
    for path in made:
        path.unlink()


def position(page: Page) -> float:
    return float(page.locator("#scrubber").get_attribute("aria-valuenow"))


def wait_for_playing(page: Page) -> None:
    wait_for(page, f"{STATE} === 'playing' && {VIDEO}.readyState > 2")


def wait_until(page: Page, seconds: float) -> None:
    """Waits for the clock to say so."""
    wait_for(page, f"{CLOCK} >= {seconds}")


def press_scrubber(page: Page, seconds: float, duration: float = 60) -> None:
    box = page.locator("#scrubber").bounding_box()
    page.mouse.click(box["x"] + box["width"] * seconds / duration, box["y"] + box["height"] / 2)


def assert_right_clock(page: Page) -> None:
    """The picture is from the second that the clock shows."""
    page.evaluate(f"{VIDEO}.pause()")
    wait_for(page, f"!{VIDEO}.seeking")
    assert abs(page.evaluate(PICTURE) + 0.5 - position(page)) < 0.9


def play(tab, source: str, way: str | None = None, fragment: str = "") -> Page:
    forced = f"&player={way}" if way else ""
    page = tab.open(f"-/play?source={source}{forced}{fragment}")
    wait_for_playing(page)
    return page


def choose(page: Page, menu: str, name: str | re.Pattern[str]) -> None:
    page.locator(menu).click()
    page.locator(f"{menu}-list").get_by_role("menuitemradio", name=name).click()


def noted(tab, part: str) -> list[str]:
    """The addresses with this part that the page asks for from now on."""
    found: list[str] = []
    tab.page.on("request", lambda request: found.append(request.url) if part in request.url else None)
    return found


@pytest.mark.slow
@WAYS
def test_an_mkv_plays_and_seeks_to_40_seconds_within_2(tab, way):
    page = play(tab, "/clip.mkv", way)
    wait_until(page, 1)
    assert page.evaluate(f"{VIDEO}.currentTime") > 0.5
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
@pytest.mark.parametrize(
    ("source", "forced", "begins"),
    [
        ("/clip.mkv", "", "blob:"),  # its picture is copied
        ("/clip.mkv", "&player=native", "blob:"),  # a playlist of one quality
        ("/clip.mkv", "&player=mse", "blob:"),
        ("/short.mp4", "", "http"),
        ("/short.mp4", "&player=mse", "blob:"),
    ],
)
def test_the_way_that_is_taken(tab, source, forced, begins):
    page = tab.open(f"-/play?source={source}{forced}")
    wait_for_playing(page)
    assert page.evaluate(f"{VIDEO}.src").startswith(begins)


@pytest.mark.slow
@WAYS
def test_keys_move_the_clock(tab, way):
    page = play(tab, "/clip.mkv", way)
    page.keyboard.press("3")
    wait_until(page, 18.0)
    wait_for_playing(page)
    assert 18 <= position(page) < 23
    page.keyboard.press("ArrowLeft")
    wait_for(page, f"{CLOCK} < 18")
    page.keyboard.press("l")
    wait_until(page, 22)
    wait_for_playing(page)
    assert_right_clock(page)
    page.keyboard.press("Home")
    wait_for(page, f"{CLOCK} < 1")
    page.keyboard.press("m")
    expect(page.locator("#mute")).to_have_attribute("aria-label", "Unmute")


@pytest.mark.slow
@WAYS
def test_held_keys_end_at_the_last_place(tab, way):
    page = play(tab, "/clip.mkv", way)
    page.keyboard.press("k")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    wait_for(page, f"{STATE} === 'paused' && !{VIDEO}.seeking && {CLOCK} >= 30")
    assert 30 <= position(page) < 33
    wait_for(page, f"({PICTURE})() >= 30")
    assert_right_clock(page)


@pytest.mark.slow
def test_one_frame_on_and_back(tab):
    page = play(tab, "/clip.mkv", "mse", "#t=10")
    page.keyboard.press(".")
    wait_for(page, f"{VIDEO}.paused && !{VIDEO}.seeking")
    before = page.evaluate(f"{VIDEO}.currentTime")
    page.keyboard.press(".")
    wait_for(page, f"!{VIDEO}.seeking && {VIDEO}.currentTime > {before}")
    assert abs(page.evaluate(f"{VIDEO}.currentTime") - before - 0.04) < 0.001
    page.keyboard.press(",")
    wait_for(page, f"!{VIDEO}.seeking && Math.abs({VIDEO}.currentTime - {before}) < 0.001")


@pytest.mark.slow
def test_frame_by_frame_to_the_last_one(tab):
    page = play(tab, "/short.mp4", fragment="#t=7")
    page.keyboard.press("k")
    wait_for(page, f"{VIDEO}.paused && !{VIDEO}.seeking")
    for _ in range(26):
        page.keyboard.press(".")
        wait_for(page, f"!{VIDEO}.seeking")
    assert 7.96 < page.evaluate(f"{VIDEO}.currentTime") < 8
    assert page.evaluate(PICTURE) == 7
    assert page.evaluate(STATE) == "paused"


@pytest.mark.slow
@WAYS
def test_a_deep_link_starts_there(tab, way):
    page = play(tab, "/clip.mkv", way, "#t=25")
    assert 24.9 <= position(page) < 29
    assert_right_clock(page)


@WAYS
def test_pause_and_play_again(tab, way):
    page = play(tab, "/clip.mkv", way)
    page.locator("#play").click()
    expect(page.locator("#play")).to_have_attribute("aria-label", "Play")
    held = position(page)
    page.keyboard.press("k")
    wait_until(page, held + 0.5)


@pytest.mark.slow
def test_a_short_way_back_asks_for_nothing(tab):
    segments = noted(tab, "number=")
    page = play(tab, "/clip.mkv", "mse", "#t=20")
    wait_until(page, 22.5)
    press_scrubber(page, 20.5)
    wait_for(page, f"{CLOCK} < 22")
    wait_for_playing(page)
    assert_right_clock(page)
    assert len(segments) == len(set(segments))
    assert min(int(re.search(r"number=(\d+)", url)[1]) for url in segments) >= 2  # from 20 s on


@pytest.mark.slow
def test_no_more_than_half_a_minute_is_fetched_ahead(tab):
    segments = noted(tab, "number=")
    page = play(tab, "/clip.mkv", "mse")
    page.keyboard.press("k")
    wait_for(page, f"{VIDEO}.buffered.length && {VIDEO}.buffered.end(0) >= 29")
    page.wait_for_timeout(300)
    assert page.evaluate(f"{VIDEO}.buffered.end(0)") < 34
    assert max(int(re.search(r"number=(\d+)", url)[1]) for url in segments) <= 16


@pytest.mark.slow
def test_what_is_not_wanted_any_more_is_given_up(tab):
    page = tab.page
    held = []
    page.route(re.compile(r"number=(0|1)(&|$)"), lambda route: held.append(route))  # never answered
    given_up = []
    page.on("requestfailed", lambda request: given_up.append(request.url))
    tab.open("-/play?source=/clip.mkv&player=mse")
    wait_for(page, f"{STATE} === 'loading'")
    while len(held) < 2:
        page.wait_for_timeout(20)
    page.keyboard.press("5")
    wait_for_playing(page)
    assert position(page) >= 29
    assert len([url for url in given_up if "number=0" in url]) == 2
    page.unroute_all(behavior="ignoreErrors")


@pytest.mark.slow
@WAYS
def test_the_end_and_again(tab, way):
    page = play(tab, "/clip.mkv", way, "#t=57")
    wait_for(page, f"{STATE} === 'ended'")
    assert 59 <= position(page) <= 60.5
    assert page.evaluate(PICTURE) == 59
    assert abs(page.evaluate(f"{VIDEO}.duration") - 60) < 0.1
    page.locator("#play").click()
    wait_for(page, f"{CLOCK} < 10")
    wait_for_playing(page)
    assert_right_clock(page)


@pytest.mark.slow
@WAYS
def test_another_quality_goes_on_at_the_same_place(tab, way):
    page = play(tab, "/clip.mkv", way, "#t=30")
    wait_for(page, "!document.getElementById('quality').hidden")
    expect(page.locator("#quality-now")).to_have_text("Auto")
    page.locator("#quality").click()
    names = [text.split("\n")[0] for text in page.get_by_role("menuitemradio").all_inner_texts()]
    assert names[:3] == ["Auto", "360p", "240p"]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#quality-now")).to_have_text("240p")
    wait_for(page, f"{VIDEO}.videoHeight === 240")
    wait_for_playing(page)
    assert 29.9 <= position(page) < 36
    assert_right_clock(page)


@pytest.mark.slow
def test_another_quality_keeps_what_is_there(tab):
    page = play(tab, "/clip.mkv", "mse", "#t=30")
    wait_for(page, f"{VIDEO}.buffered.end(0) >= 59")
    choose(page, "#quality", "240p")
    wait_for(page, f"{VIDEO}.videoHeight === 240")
    assert page.evaluate(f"{VIDEO}.buffered.length") == 1
    assert page.evaluate(f"{VIDEO}.buffered.start(0)") <= 30.01


@pytest.mark.slow
def test_a_slow_connection_gets_a_coarser_picture(tab):
    tab.page.set_viewport_size({"width": 1200, "height": 800})
    tab.open("-/")
    network = tab.page.context.new_cdp_session(tab.page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": 25_000, "uploadThroughput": 100_000}
    network.send("Network.enable")
    page = tab.open("-/play?source=/clip.mkv&player=mse")
    wait_for_playing(page)
    network.send("Network.emulateNetworkConditions", slow)
    page.keyboard.press("7")
    wait_for(page, f"{VIDEO}.videoHeight && {VIDEO}.videoHeight < 360", within=60)
    expect(page.locator("#quality-now")).to_have_text("Auto")


@pytest.mark.slow
def test_a_stream_that_is_cut_off_goes_on(tab):
    page = tab.page
    cut = []

    def cut_once(route):
        if cut:
            return route.continue_()
        cut.append(route.request.url)
        return route.abort("connectionreset")

    page.route(re.compile(r"stream=0&copy=on&number=1$"), cut_once)
    play(tab, "/clip.mkv", "mse")
    wait_for(page, f"{VIDEO}.buffered.end(0) > 12")
    assert len(cut) == 1
    expect(page.locator("#notice")).to_be_hidden()
    wait_until(page, 1)
    assert_right_clock(page)
    assert all("ERR_" in complaint for complaint in tab.complaints)
    tab.complaints.clear()


@pytest.mark.slow
@pytest.mark.parametrize("refused", ["preset=hls", "preset=playlist", "number="])
def test_a_busy_server_is_asked_again(tab, refused):
    page = tab.page
    refusals = []

    def refuse_once(route):
        if len(refusals) > 1:
            return route.continue_()
        refusals.append(route.request.url)
        return route.fulfill(
            status=503, headers={"Retry-After": "1"}, json={"detail": "All slots are taken."}
        )

    page.route(re.compile(refused), refuse_once)
    tab.open("-/play?source=/clip.mkv&player=mse#t=15")
    expect(page.locator("#notice")).to_contain_text("All slots are taken. Trying again in 1 s.")
    expect(page.locator("#position")).to_have_text("0:15")
    wait_for_playing(page)
    expect(page.locator("#notice")).to_be_hidden()
    assert 14.9 <= position(page) < 19
    assert all("503" in complaint for complaint in tab.complaints)
    tab.complaints.clear()


@pytest.mark.slow
def test_a_busy_server_is_asked_again_by_the_browser_itself(tab):
    page = tab.page
    refusals = []

    def refuse(route):
        refusals.append(route.request.url)
        if len(refusals) > 2:
            return route.continue_()
        return route.fulfill(
            status=503, headers={"Retry-After": "1"}, json={"detail": "All slots are taken."}
        )

    page.route(re.compile("preset=hls"), refuse)
    tab.open("-/play?source=/clip.mkv&player=native#t=15")
    expect(page.locator("#notice")).to_contain_text("All slots are taken. Trying again in 1 s.")
    wait_for_playing(page)
    assert 14.9 <= position(page) < 19
    assert_right_clock(page)
    assert all("503" in complaint for complaint in tab.complaints)
    tab.complaints.clear()


@pytest.mark.slow
def test_a_refusal_is_told_with_a_button(tab):
    page = tab.page
    refusal = {"status": 422, "json": {"detail": "The film is broken here."}}
    page.route(re.compile(r"number=\d"), lambda route: route.fulfill(**refusal))
    tab.open("-/play?source=/clip.mkv&player=mse")
    expect(page.locator("#notice")).to_have_text(re.compile("The film is broken here."))
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    wait_for_playing(page)
    assert all("422" in complaint for complaint in tab.complaints)
    tab.complaints.clear()


def test_a_missing_source_is_told_in_words(tab):
    page = tab.open("-/play?source=/nowhere.mkv")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    tab.complaints.clear()


@pytest.mark.slow
def test_a_server_that_is_busy_at_first_is_asked_again(tab):
    page = tab.page
    refusals = []

    def refuse_once(route):
        if refusals:
            return route.continue_()
        refusals.append(route.request.url)
        return route.fulfill(
            status=503, headers={"Retry-After": "1"}, json={"detail": "All slots are taken."}
        )

    page.route(re.compile("preset=info"), refuse_once)
    tab.open("-/play?source=/short.mp4")
    expect(page.locator("#notice")).to_contain_text("All slots are taken. Trying again in 1 s.")
    wait_for_playing(page)
    expect(page.locator("#notice")).to_be_hidden()
    assert all("503" in complaint for complaint in tab.complaints)
    tab.complaints.clear()


@pytest.mark.slow
def test_what_the_browser_can_play_is_not_transcoded(tab):
    segments = noted(tab, "preset=segment")
    page = play(tab, "/short.mp4")
    expect(page.locator("#quality-now")).to_have_text("Original")
    press_scrubber(page, 5, duration=8)
    wait_until(page, 5.3)
    assert_right_clock(page)
    assert not segments


@pytest.mark.slow
def test_an_original_that_does_not_decode_is_played_otherwise(tab):
    page = tab.page
    junk = {"status": 200, "content_type": "video/mp4", "body": b"junk" * 1000}
    page.route(re.compile(r"//[^/]+/short\.mp4$"), lambda route: route.fulfill(**junk))
    play(tab, "/short.mp4")
    assert page.evaluate(f"{VIDEO}.src").startswith("blob:")
    expect(page.locator("#quality-now")).to_have_text("Auto")
    expect(page.locator("#notice")).to_be_hidden()


@pytest.mark.slow
def test_from_the_original_to_another_quality_and_back(tab):
    page = play(tab, "/short.mp4")
    wait_for(page, "!document.getElementById('quality').hidden")
    choose(page, "#quality", "Auto")
    wait_for(page, f"{VIDEO}.src.startsWith('blob:')")
    wait_for_playing(page)
    assert_right_clock(page)
    choose(page, "#quality", "Original")
    wait_for(page, f"{VIDEO}.src.endsWith('/short.mp4') && {VIDEO}.readyState > 1")
    assert_right_clock(page)


@pytest.mark.slow
def test_sound_alone_plays(tab):
    page = play(tab, "/tone.flac")
    wait_until(page, 0.5)
    expect(page.locator("#duration")).to_have_text("0:20")
    expect(page.locator("#audio-mark")).to_be_visible()
    expect(page.locator("#fullscreen")).to_be_hidden()
    expect(page.locator("#quality")).to_be_hidden()
    press_scrubber(page, 10, duration=20)
    wait_until(page, 9.5)


@pytest.mark.slow
@WAYS
def test_another_sound(tab, film, way):
    asked = noted(tab, "preset=segment&stream=")

    def sounds():
        return {re.search(r"stream=(\d+)", url)[1] for url in asked} - {"0"}  # that is the picture

    page = play(tab, film, way, "#t=10")
    assert sounds() == {"1"}
    choose(page, "#more", re.compile("Commentary"))
    wait_for_playing(page)
    end = time.monotonic() + 10
    while len(sounds()) == 1 and time.monotonic() < end:
        page.wait_for_timeout(20)
    assert sounds() == {"1", "2"}
    expect(page.locator("#said")).to_have_text("Sound: English, Commentary")
    held = position(page)
    assert 10 <= held < 15
    wait_until(page, held + 0.5)
    assert_right_clock(page)


@pytest.mark.slow
@WAYS
def test_captions(tab, film, way):
    page = play(tab, film, way, "#t=10")
    expect(page.locator("#captions")).to_be_visible()
    choose(page, "#captions", "English")
    wait_for(page, f"({CUES})().join().includes('Hello') || ({CUES})().join().includes('Line')")
    choose(page, "#captions", "German")
    wait_for(page, f"({CUES})().length === 1 && !({CUES})()[0].includes('Hello')")
    page.keyboard.press("c")
    expect(page.locator("#captions")).to_have_attribute("aria-label", "Captions: off")
    assert page.evaluate(CUES) == []
    page.keyboard.press("c")
    expect(page.locator("#captions")).to_have_attribute("aria-label", "Captions: German")

    page.reload()
    wait_for(page, f"({CUES})().length === 1")
    expect(page.locator("#captions")).to_have_attribute("aria-label", "Captions: German")


@pytest.mark.slow
def test_a_picture_of_what_is_under_the_pointer(tab, film):
    page = play(tab, film)
    box = page.locator("#scrubber").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    picture = page.locator(".scrubber-picture")
    expect(picture).to_be_visible()
    expect(page.locator(".scrubber-words")).to_have_text(re.compile(r"^0:(29|30)\s+Middle$"))
    first = picture.evaluate("node => node.style.background")
    assert "preset=storyboard" in first
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
    assert picture.evaluate("node => node.style.background") != first
    page.mouse.move(600, 200)
    expect(page.locator(".scrubber-tip")).to_have_css("opacity", "0")


@pytest.mark.slow
def test_chapters_are_marks_on_the_bar(tab, film):
    page = play(tab, film, fragment="#t=25")
    marks = page.locator(".scrubber-mark")
    assert marks.evaluate_all("nodes => nodes.map(node => parseFloat(node.style.left))") != []
    slider = page.get_by_role("slider", name="Position")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^2\d seconds of 1 minute, Middle$"))


@pytest.mark.slow
@WAYS
def test_the_speed(tab, way):
    page = play(tab, "/clip.mkv", way)
    page.keyboard.press(">")
    expect(page.locator("#said")).to_have_text("Speed 1.25×")
    choose(page, "#more", "2×")
    assert page.evaluate(f"{VIDEO}.playbackRate") == 2
    wait_for(page, "!document.getElementById('quality').hidden")
    choose(page, "#quality", re.compile("^240p"))
    wait_for(page, f"{VIDEO}.videoHeight === 240")
    assert page.evaluate(f"{VIDEO}.playbackRate") == 2
    page.keyboard.press("<")
    assert page.evaluate(f"{VIDEO}.playbackRate") == 1.75


@pytest.mark.slow
def test_a_link_to_this_time(new_tab):
    tab = new_tab(permissions=["clipboard-read", "clipboard-write"])
    page = play(tab, "/clip.mkv", None, "#t=20")
    page.locator("#more").click()
    page.get_by_role("menuitem", name="Copy link at this time").click()
    expect(page.locator("#said")).to_have_text("The link is in the clipboard.")
    link = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(re.escape(tab.server) + r"-/play\?source=/clip\.mkv#t=2\d", link)
    assert page.url == link


@pytest.mark.slow
def test_the_keys_are_shown(tab):
    page = play(tab, "/clip.mkv")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    at = page.locator("#play").get_attribute("aria-label")
    page.keyboard.press("k")  # the player must not hear this
    assert page.locator("#play").get_attribute("aria-label") == at
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


@pytest.mark.slow
def test_a_source_goes_on_where_it_was_left(tab):
    page = play(tab, "/clip.mkv", None, "#t=20")
    wait_until(page, 20.2)
    tab.open("-/")
    page = play(tab, "/clip.mkv")
    assert 20 <= position(page) < 25
    assert_right_clock(page)
    page.keyboard.press("End")
    wait_for(page, f"{CLOCK} > 59")
    tab.open("-/")
    page = play(tab, "/clip.mkv")
    assert position(page) < 5


@pytest.mark.slow
@WAYS
def test_a_pause_keeps_the_encoder(tab, way):
    """Nobody asks for anything while all is paused, so the page says that it is still there."""
    page = play(tab, "/clip.mkv", way)
    page.keyboard.press("k")
    said = []
    page.on("request", lambda request: said.append(request.url) if request.method == "HEAD" else None)
    wait_for(page, f"{VIDEO}.paused")
    end = time.monotonic() + 12
    while len(said) < 2 and time.monotonic() < end:
        page.wait_for_timeout(50)
    assert len(said) >= 2
    assert all(re.search(r"preset=segment&(height=\d+|stream=0&copy=on)&number=\d+$", url) for url in said)
    page.keyboard.press("k")
    wait_until(page, position(page) + 0.3)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_can_use_it(new_tab, film, scheme):
    page = play(new_tab(color_scheme=scheme, **PHONE), film)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    wait_for(page, "!document.getElementById('quality').hidden")
    for name in ("#play", "#mute", "#captions", "#quality", "#more", "#fullscreen"):
        box = page.locator(name).bounding_box()
        assert box["width"] >= 40 and box["x"] >= 0 and box["x"] + box["width"] <= 360
    box = page.locator("#scrubber").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    wait_until(page, 29.5)
    wait_for_playing(page)
    assert_right_clock(page)
    page.locator("#more").tap()
    box = page.locator("#more-list").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360 and box["y"] + box["height"] <= 740
    page.get_by_role("menuitemradio", name="1.5×").tap()
    assert page.evaluate(f"{VIDEO}.playbackRate") == 1.5


@pytest.mark.slow
def test_two_taps_jump_and_one_shows_the_controls(new_tab):
    page = play(new_tab(**PHONE), "/clip.mkv", None, "#t=20")
    box = page.locator("#video").bounding_box()
    middle = box["y"] + box["height"] / 3
    page.touchscreen.tap(box["x"] + box["width"] * 0.9, middle)
    page.touchscreen.tap(box["x"] + box["width"] * 0.9, middle)
    wait_until(page, 30)
    assert position(page) < 36
    wait_for_playing(page)
    page.touchscreen.tap(box["x"] + box["width"] * 0.5, middle)
    page.wait_for_timeout(400)
    hidden = page.evaluate("document.getElementById('stage').classList.contains('stage-idle')")
    page.touchscreen.tap(box["x"] + box["width"] * 0.5, middle)
    wait_for(
        page,
        f"document.getElementById('stage').classList.contains('stage-idle') === {str(not hidden).lower()}",
    )
    assert page.evaluate(STATE) == "playing"


@pytest.mark.slow
def test_the_slider_speaks(tab):
    page = play(tab, "/clip.mkv", None, "#t=10")
    slider = page.get_by_role("slider", name="Position")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^1\d seconds of 1 minute$"))


@pytest.mark.slow
def test_sliders_have_their_own_keys_and_the_player_the_others(tab):
    page = play(tab, "/short.mp4")
    page.keyboard.press("k")
    page.locator("#volume").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(f"{VIDEO}.volume") == pytest.approx(0.99)
    page.keyboard.press("k")
    wait_for(page, f"{STATE} === 'playing'")
    page.keyboard.press("k")
    held = position(page)
    page.locator("#scrubber").focus()
    page.keyboard.press("ArrowUp")  # further, as a slider's, not louder
    wait_for(page, f"{CLOCK} >= {min(held + 4.9, 7.4)}")
    assert page.evaluate(f"{VIDEO}.volume") == pytest.approx(0.99)


@pytest.mark.slow
def test_every_control_has_a_name(tab, film):
    page = play(tab, film)
    names = page.locator("#controls button:visible, .bar a").evaluate_all(
        "nodes => nodes.map(node => node.getAttribute('aria-label') ?? node.textContent.trim())"
    )
    assert len(names) >= 8 and all(names)
    page.locator("#more").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "menuitem"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "more"


def test_the_way_back_leads_to_the_folder(tab):
    page = play(tab, "/clip.mkv")
    page.locator("#back").click()
    expect(page.locator(".tile", has_text="clip.mkv")).to_be_visible()


@pytest.mark.slow
@WAYS
def test_the_engine_alone_on_a_page_of_ones_own(tab, way):
    page = tab.page
    body = "<!doctype html><link rel=icon href=data:,><video muted></video>"
    page.route("**/own", lambda route: route.fulfill(content_type="text/html", body=body))
    tab.open("own")
    page.evaluate(
        """async (way) => {
  const { playable } = await import("/-/static/abilities.js");
  const { info } = await import("/-/static/api.js");
  const { Playback } = await import("/-/static/playback.js");
  const facts = await info("/clip.mkv", playable());
  const video = document.querySelector("video");
  window.playback = new Playback(video, "/clip.mkv", facts, { forced: way });
  playback.open(20);
  playback.play();
}""",
        way,
    )
    wait_for(page, f"{VIDEO}.currentTime > 20.3 && playback.position > 20.3 && playback.way === '{way}'")
    assert page.evaluate(PICTURE) == int(page.evaluate(f"{VIDEO}.currentTime"))
    page.evaluate("playback.close()")
    wait_for(page, f"{VIDEO}.networkState === 0 && !{VIDEO}.getAttribute('src')")
    # The element is somebody else's now: whatever it does, the engine brings nothing back.
    page.evaluate(
        f"['stalled', 'error', 'loadeddata'].forEach((type) => {VIDEO}.dispatchEvent(new Event(type)))"
    )
    asked = noted(tab, "clip.mkv")
    page.evaluate("() => new Promise((done) => setTimeout(done, 1500))")  # longer than the watch takes
    assert asked == []
