"""Players of others play our HLS: from start to end, seeking, another quality, another sound, no error."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

TESTS = Path(__file__).parents[1]
clips = SimpleNamespace(**runpy.run_path(str(TESTS / "clips.py")))
wait_for = runpy.run_path(str(Path(__file__).with_name("waiting.py")))["wait_for"]

VIDEO = "document.querySelector('video')"
NUMBER = f"""() => {{
  const canvas = document.createElement('canvas');
  const video = {VIDEO};
  if (video.readyState < 2) return -1;
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext('2d', {{ willReadFrequently: true }}).drawImage(video, 0, 0);
  return ({clips.READ_NUMBER_JS})(canvas);
}}"""

# Each gives `other`: what tests ask of a player. `troubles` are all its errors, also those it mends itself.
HLS_JS = """(url) => {
  const video = document.querySelector('video');
  const troubles = [];
  const hls = new Hls({ enableWorker: false });
  // It calls it an error, too, when it gives up by itself what another quality makes useless.
  const own = Hls.ErrorDetails.INTERNAL_ABORTED;
  hls.on(Hls.Events.ERROR, (_, { type, details }) => details !== own && troubles.push(`${type}: ${details}`));
  window.other = {
    troubles,
    heights: () => hls.levels.map(({ height }) => height).sort((one, two) => two - one),
    take: (height) => (hls.currentLevel = hls.levels.findIndex((level) => level.height === height)),
    sounds: () => hls.audioTracks.map(({ lang }) => lang),
    hear: (language) => (hls.audioTrack = hls.audioTracks.findIndex(({ lang }) => lang === language)),
    heard: () => hls.audioTracks[hls.audioTrack].lang,
  };
  hls.loadSource(url);
  hls.attachMedia(video);
  return new Promise((resolve, reject) => {
    hls.once(Hls.Events.MANIFEST_PARSED, () => resolve());
    hls.on(Hls.Events.ERROR, (_, { details }) => reject(new Error(details)));
  });
}"""
SHAKA = """async (url) => {
  shaka.polyfill.installAll();
  const troubles = [];
  const player = new shaka.Player();
  player.addEventListener('error', ({ detail }) => troubles.push(`${detail.category}: ${detail.code}`));
  await player.attach(document.querySelector('video'));
  const tracks = () => player.getVariantTracks();
  const active = () => tracks().find((track) => track.active);
  window.other = {
    troubles,
    heights: () => [...new Set(tracks().map(({ height }) => height))].sort((one, two) => two - one),
    take: (height) => {
      player.configure({ abr: { enabled: false } });
      player.selectVariantTrack(tracks().find((track) => track.height === height), true);
    },
    sounds: () => player.getAudioTracks().map(({ language }) => language),
    hear: (language) => player.selectAudioTrack(player.getAudioTracks().find((t) => t.language === language)),
    heard: () => active().language,
  };
  await player.load(url, null, 'application/vnd.apple.mpegurl'); // from the name it would take it for a file
}"""
PLAYERS = pytest.mark.parametrize(
    ("script", "start"),
    [
        pytest.param("hls.min.js", HLS_JS, marks=pytest.mark.needs("hls.min.js"), id="hls.js"),
        pytest.param("shaka-player.compiled.js", SHAKA, marks=pytest.mark.needs("shaka-player.compiled.js"),
                     id="shaka"),
    ],
)  # fmt: skip

H264 = "-c:v libx264 -preset superfast -bf 3 -g 50 -pix_fmt yuv420p"
SOUNDS = "-map 0:v -map 1:a -map 2:a -c:a aac -metadata:s:a:0 language=ger -metadata:s:a:1 language=eng"
FILMS = {
    "copied.mkv": clips.Clip(f"{H264} {SOUNDS} -disposition:a:0 default", width=640, height=360,
                             sound=(clips.beeps(12), clips.beeps(12, 880))),
    "encoded.avi": clips.Clip("-c:v mpeg4 -q:v 4 -g 50 -c:a libmp3lame", width=640, height=360,
                              sound=(clips.beeps(12),)),
}  # fmt: skip
clips.CLIPS.update(FILMS)
LANGUAGES = {"copied.mkv": ["de", "en"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory, serve_folder):
    folder = tmp_path_factory.mktemp("films")
    for name in FILMS:
        clips.make(name, folder)
    return serve_folder(folder)


@pytest.fixture
def opened(tab, tool):
    """`opened("hls.min.js", HLS_JS, "film.mkv")`: a page of the server where a player of others plays."""

    def open_(script, start, name):
        page = tab.page
        empty = {
            "content_type": "text/html",
            "body": "<!doctype html><link rel=icon href=data:,><video muted></video>",
        }
        page.route("**/another", lambda route: route.fulfill(**empty))
        tab.open("another")
        page.add_script_tag(content=Path(tool(script)).read_text())
        page.evaluate(start, f"{tab.server}{name}?preset=hls")
        page.evaluate(f"() => void {VIDEO}.play()")
        return page

    return open_


def assert_right_picture(page, name, seconds=None):
    """The picture is that of the time of the element, or one beside it."""
    # A busy machine leaves out frames, and a pause shows the one that was painted last: so it goes there.
    page.evaluate(f"{VIDEO}.pause(), {VIDEO}.currentTime = {VIDEO}.currentTime")
    wait_for(page, f"!{VIDEO}.seeking && {VIDEO}.readyState > 1")
    now = page.evaluate(f"{VIDEO}.currentTime")
    assert seconds is None or abs(now - seconds) < 0.02
    # The element has come there a moment before it is painted.
    wait_for(page, f"Math.abs(({NUMBER})() - {FILMS[name].seen_at(now)}) <= 1", within=5)


def play_on(page, condition):
    """Plays until this is true, and for half a second more."""
    page.evaluate(f"() => void {VIDEO}.play()")
    wait_for(page, condition)
    now = page.evaluate(f"{VIDEO}.currentTime")
    wait_for(page, f"{VIDEO}.currentTime > {now + 0.5}")


@pytest.mark.slow
@PLAYERS
@pytest.mark.parametrize("name", list(FILMS))
def test_another_player_plays_it(opened, script, start, name):
    page = opened(script, start, name)
    wait_for(page, f"{VIDEO}.currentTime > 1")
    assert_right_picture(page, name)
    assert abs(page.evaluate(f"{VIDEO}.duration") - 12) < 0.1

    page.evaluate(f"{VIDEO}.currentTime = 8.3")
    assert_right_picture(page, name, 8.3)

    assert page.evaluate("other.heights()") == [360, 240]
    for height in (240, 360):
        page.evaluate(f"{VIDEO}.currentTime = 2")
        assert_right_picture(page, name, 2)
        page.evaluate("(height) => other.take(height)", height)
        play_on(page, f"{VIDEO}.videoHeight === {height}")
        assert_right_picture(page, name)

    if name in LANGUAGES:
        assert sorted(page.evaluate("other.sounds()")) == LANGUAGES[name]
        for language in reversed(LANGUAGES[name]):
            page.evaluate("(language) => other.hear(language)", language)
            play_on(page, f"other.heard() === '{language}'")
            assert_right_picture(page, name)

    page.evaluate(f"{VIDEO}.currentTime = 10.5")
    assert_right_picture(page, name, 10.5)
    page.evaluate(f"() => void {VIDEO}.play()")
    wait_for(page, f"{VIDEO}.ended")
    assert abs(page.evaluate(NUMBER) - 299) <= 1
    assert page.evaluate("other.troubles") == []
