import dataclasses

import pytest

from tornado_media.config import builtin_presets
from tornado_media.formats.qualities import QUALITY
from tornado_media.http.hints import SILENT, Client
from tornado_media.presets.make_plan import draft, make_plan
from tornado_media.presets.negotiate import Negotiation
from tornado_media.presets.plan import SourceFacts
from tornado_media.presets.registry import Presets
from tornado_media.urls import Target

PHOTO = SourceFacts("/1.jpg", "image/jpeg", "/srv/1.jpg", 1, 2, 3)
DRAWING = SourceFacts("/1.png", "image/png", "/srv/1.png", 1, 2, 3, alpha=True)
CARTOON = SourceFacts("/1.gif", "image/gif", "/srv/1.gif", 1, 2, 3, alpha=True, animated=True)
BOTH = "image/avif,image/webp,*/*;q=0.8"


def presets(**rules):
    return Presets(builtin_presets(), negotiation=Negotiation(**{"avif_pixels": 100_000, **rules}))


def plan(query, client=SILENT, source=PHOTO, **rules):
    there = presets(**rules)
    pairs = [pair.partition("=") for pair in query.split("&")]
    asked = Target(source.path, (("preset", "thumbnail"), *((name, value) for name, _, value in pairs)))
    return make_plan(draft(asked, there, source, client), there)


@pytest.mark.parametrize(
    ("source", "query", "accept", "found"),
    [
        (PHOTO, "size=300x200", BOTH, "avif"),
        (PHOTO, "size=300x200", "image/webp", "webp"),
        (PHOTO, "size=300x200", "*/*", "jpeg"),
        (PHOTO, "size=300x200", None, "jpeg"),
        (PHOTO, "size=400x300", BOTH, "webp"),
        (PHOTO, "size=300x200&dpr=2", BOTH, "webp"),
        (PHOTO, "size=300x", BOTH, "avif"),
        (PHOTO, "size=400x", BOTH, "webp"),
        (PHOTO, "rotate=90", BOTH, "webp"),
        (PHOTO, "size=300x200&format=png", BOTH, "png"),
        (PHOTO, "size=300x200&lossless=on", "*/*", "png"),
        (PHOTO, "size=300x200&lossless=on", BOTH, "webp"),
        (DRAWING, "size=300x200", "*/*", "png"),
        (DRAWING, "size=300x200", BOTH, "avif"),
        (CARTOON, "size=300x200", "*/*", "png"),
        (CARTOON, "size=300x200", BOTH, "avif"),
        (CARTOON, "size=300x200&animated=on", BOTH, "webp"),
        (CARTOON, "size=300x200&animated=on", "image/avif", "gif"),
        (CARTOON, "size=300x200&animated=on&lossless=on", "image/avif", "png"),
    ],
)
def test_the_format_that_a_client_gets(source, query, accept, found):
    made = plan(query, Client(accept=accept), source)
    assert made.media_type == f"image/{found}"
    assert made.work.arguments["format"] == found
    assert made.vary == (() if "format=" in query else ("Accept",))


def test_one_key_for_one_result_whatever_accept_looks_like():
    chrome = plan("size=300x200", Client(accept=BOTH))
    others = [Client(accept="image/avif"), Client(accept="image/avif;q=0.9,image/webp;q=0.9")]
    assert {plan("size=300x200", other).key for other in others} == {chrome.key}
    assert plan("size=300x200&format=avif").key == chrome.key
    assert plan("size=300x200", Client(accept="image/webp")).key != chrome.key


def test_formats_are_as_configured():
    assert plan("size=9x9", Client(accept=BOTH), formats=("webp", "avif")).media_type == "image/webp"
    assert plan("size=9x9", Client(accept=BOTH), formats=()).media_type == "image/jpeg"


EAGER = Client(dpr=1.7, width=700, save_data=True)


def test_the_quality_that_a_format_has_by_itself_is_no_other_request():
    assert plan("size=300x200").key == plan("size=300x200&format=jpeg&quality=80").key
    assert plan("size=300x200&format=webp").work.arguments["quality"] == QUALITY["webp"]
    assert "quality" not in plan("size=300x200&format=png").work.arguments
    assert "quality" not in plan("size=300x200&format=webp&lossless=on").work.arguments


def test_hints_say_nothing_unless_they_are_configured():
    made = plan("size=300x200", EAGER)
    assert made.key == plan("size=300x200").key
    assert made.vary == ("Accept",)


@pytest.mark.parametrize(
    ("query", "client", "expected"),
    [
        ("size=300x200", Client(dpr=1.7), {"dpr": 2.0}),
        ("size=300x200", Client(dpr=1.0), {"dpr": 1.0}),
        ("size=300x200", Client(dpr=9.0), {"dpr": 3.0}),
        ("size=300x200&dpr=1", Client(dpr=2.0), {"dpr": 1.0}),
        ("size=300x200", Client(width=700), {"width": 300}),
        ("fit=cover", Client(width=700, dpr=2.0), {"width": 800, "height": None, "dpr": None}),
        ("fit=cover", Client(width=9000), {"width": 2000}),
        ("format=webp", Client(save_data=True), {"quality": 50}),
        ("format=webp&quality=90", Client(save_data=True), {"quality": 90}),
        ("format=png", Client(save_data=True), {"quality": None}),
    ],
)
def test_hints_are_rounded_up_to_steps_and_never_change_what_the_url_says(
    query, client, expected, monkeypatch
):
    monkeypatch.setattr("tornado_media.presets.negotiate.SAVING", {"webp": 50})
    arguments = plan(query, client, hints=True).work.arguments
    assert {name: arguments.get(name) for name in expected} == expected


def test_vary_names_all_that_was_looked_at():
    assert plan("rotate=90", SILENT, hints=True).vary == ("Accept", "Sec-CH-DPR", "Sec-CH-Width", "Save-Data")
    assert plan("size=9x9&dpr=1&quality=9&format=png", SILENT, hints=True).vary == ()


def test_a_hint_beyond_what_a_preset_allows_changes_nothing():
    there = presets(hints=True)
    small = builtin_presets()["thumbnail"].model_copy()
    parameters = {**small.parameters, "dpr": small.parameters["dpr"].model_copy(update={"max": 1.5})}
    there = dataclasses.replace(
        there, presets={"thumbnail": small.model_copy(update={"parameters": parameters})}
    )
    asked = Target("/1.jpg", (("preset", "thumbnail"), ("size", "9x9")))
    assert draft(asked, there, PHOTO, Client(dpr=3.0)).values["dpr"] == 1.0
