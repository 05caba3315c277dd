import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.errors import BadRequest, MediaError, SourceUnusable, Unavailable
from tornado_media.presets.check import read_preset
from tornado_media.presets.make_plan import draft, make_plan
from tornado_media.presets.plan import EngineCall, Limits, Pipeline, SourceFacts
from tornado_media.presets.registry import Presets
from tornado_media.urls import Target

PHOTO = SourceFacts("/holiday/-1.jpg", "image/jpeg", "/srv/holiday/-1.jpg", 1000, 10, 20, 30)
SONG = SourceFacts("/a.mp3", "audio/mpeg", "/srv/a.mp3", 1000, 10, 20, 30)
TABLES = {
    "convert": {
        "accepts": ["image/*"],
        "media_type": "image/{format}",
        "pipeline": [
            ["convert", "{source_format}:-", "-s", "{size}", ["-r", "{rotate}"], ["{gray?}", "-g"], "{mode}"],
            ["encode", "{format}", "{background}", "{gamma}", "{gray}", "{at}"],
        ],
        "stdin": "source",
        "limits": {"total": 5},
        "parameters": {
            "size": {"type": "size", "max": "400x400", "required": True},
            "rotate": {"type": "integer", "min": -180, "max": 180},
            "gray": {"type": "boolean", "default": False},
            "format": {"type": "choice", "values": {"jpeg": "jpg", "png": "PNG32"}, "default": "jpeg"},
            "mode": {"type": "choice", "values": ["soft", "hard"], "default": "soft"},
            "background": {"type": "color", "default": "white"},
            "gamma": {"type": "number", "min": 0, "max": 10, "default": 1},
            "at": {"type": "time", "default": 0},
        },
    },
    "by-name": {
        "accepts": ["image/jpeg", "audio/*"],
        "media_type": "image/png",
        "pipeline": [["draw", "file:{source}", "{w}"]],
        "parameters": {"w": {"type": "size", "default": "x9"}},
    },
    "missing": {"accepts": ["*/*"], "media_type": "text/plain", "pipeline": [["/opt/acme/bin/secret", "-"]]},
}


def registry(builtin, **keys):
    programs = {
        "convert": "/bin/convert",
        "encode": "/bin/encode",
        "draw": "/bin/draw",
        "ffmpeg": "/bin/ffmpeg",
    }
    presets = {**builtin, **{name: read_preset(table) for name, table in TABLES.items()}}
    defaults = {"image/*": "thumbnail", "image/png": "convert", "*/*": "by-name", "video/*": "poster"}
    return Presets(presets, **{"default_presets": defaults, "programs": programs, "limits": Limits(), **keys})


@pytest.fixture(scope="module")
def presets():
    from tornado_media.config import builtin_presets

    return registry(builtin_presets())


def target(query="", path="/1.jpg"):
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return Target(path, tuple((name, value) for name, _, value in pairs))


def plan(presets, query="", source=PHOTO, facts=None):
    return make_plan(draft(target(query, source.path), presets, source), presets, facts)


def test_a_pipeline(presets):
    made = plan(presets, "preset=convert&size=300x200")
    assert made.work == Pipeline(
        (
            ("/bin/convert", "jpeg:-", "-s", "300x200", "soft"),
            ("/bin/encode", "jpg", "#ffffff", "1", "off", "0"),
        ),
        source_on_stdin=True,
    )
    assert made.preset == "convert"
    assert made.source is PHOTO
    assert made.media_type == "image/jpeg"
    assert made.limits == Limits(total=5.0)
    assert not made.streams
    assert made.cache
    assert len(made.key) == 32


def test_every_parameter_reaches_its_place(presets):
    made = plan(
        presets,
        "preset=convert&size=x40&rotate=-090&gray=yes&format=png&mode=hard&background=f00&gamma=2.50&at=1:00.5",
    )
    assert made.work.commands == (
        ("/bin/convert", "jpeg:-", "-s", "x40", "-r", "-90", "-g", "hard"),
        ("/bin/encode", "PNG32", "#ff0000", "2.5", "on", "60.5"),
    )
    assert made.media_type == "image/png"


def test_the_source_by_name(presets):
    work = plan(presets, "preset=by-name").work
    assert work == Pipeline((("/bin/draw", "file:/srv/holiday/-1.jpg", "x9"),), source_on_stdin=False)


def test_an_engine_call_is_json(presets):
    work = plan(presets, "size=300x").work
    assert work == EngineCall(
        "thumbnail",
        {
            "width": 300,
            "height": None,
            "fit": "inside",
            "position": "center",
            "dpr": 1.0,
            "rotate": 0.0,
            "round": 0,
            "grayscale": False,
            "brightness": 1.0,
            "contrast": 1.0,
            "saturation": 1.0,
            "hue": 0.0,
            "invert": False,
            "blur": 0.0,
            "sharpen": 0.0,
            "pixelate": 0,
            "watermark_position": "bottom-right",
            "watermark_opacity": 1.0,
            "watermark_scale": 0.25,
            "format": "jpeg",
            "lossless": False,
            "progressive": False,
            "strip": "all",
            "animated": False,
            "linear": False,
            "quality": 80,
            "pixels": 50_000_000,
            "frames": 250,
            "output_pixels": 25_000_000,
        },
    )
    assert json.loads(json.dumps(work.arguments)) == work.arguments


def test_limits_of_the_configuration_are_the_defaults(presets):
    limits = Limits(idle=3.0, total=4.0, pixels=9)
    made = plan(dataclasses.replace(presets, limits=limits), "preset=convert&size=1x1")
    assert made.limits == Limits(idle=3.0, total=5.0, pixels=9)
    assert plan(dataclasses.replace(presets, limits=limits), "size=1x1").work.arguments["pixels"] == 9


@pytest.mark.parametrize(
    ("media_type", "query", "preset"),
    [
        ("image/jpeg", "", "original"),
        ("application/zip", "", "original"),
        ("image/jpeg", "size=9x9", "thumbnail"),
        ("image/png", "size=9x9", "convert"),
        ("audio/mpeg", "w=9x9", "by-name"),
        ("image/jpeg", "preset=convert&size=9x9", "convert"),
    ],
)
def test_the_most_specific_default_is_selected(presets, media_type, query, preset):
    source = dataclasses.replace(PHOTO, media_type=media_type)
    assert presets.select(target(query), source)[0] == preset
    assert plan(presets, query, source).preset == preset


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        (
            "preset=nope",
            BadRequest,
            "no preset 'nope'; for image/jpeg there are original, thumbnail, info",
        ),
        ("preset=", BadRequest, "no preset ''"),
        ("preset=" + "é" * 50, BadRequest, "\\xe9..."),
        (
            "preset=convert",
            BadRequest,
            "The preset convert needs the parameter size: a size such as 300x200",
        ),
        ("size=0x0", BadRequest, "The parameter size takes a size such as 300x200, 300x or x200"),
        ("size=99999x99999", BadRequest, "from 1 to 8000x8000."),
        ("size=1x1&quality=101", BadRequest, "The parameter quality takes an integer from 1 to 100."),
        (
            "size=1x1&wat=1",
            BadRequest,
            "thumbnail has no parameter 'wat'; it takes size, fit, position, dpr,",
        ),
        ("size=1x1&size=1x1", BadRequest, "The parameter 'size' is there twice."),
        ("preset=original&size=1x1", BadRequest, "original has no parameter 'size'; it takes none."),
        ("preset=poster", SourceUnusable, "The preset poster takes video/*, and this source is image/jpeg"),
        ("preset=missing", Unavailable, "a program that is not installed on this server: secret."),
        ("preset=missing&a=1", BadRequest, "no parameter 'a'"),
    ],
)
def test_refused(presets, query, error, said):
    with pytest.raises(error) as caught:
        plan(presets, query)
    assert said in caught.value.detail
    assert "/opt" not in caught.value.detail


def test_pipelines_and_engines_need_no_facts(presets):
    for query in ["", "size=1x1", "preset=by-name", "preset=info"]:
        assert not draft(target(query), presets, SONG if "info" in query else PHOTO).needs_facts


def test_no_default_for_this_type(presets):
    bare = dataclasses.replace(presets, default_presets={"image/*": "thumbnail"})
    with pytest.raises(
        BadRequest, match="No preset is the default for audio/mpeg: add preset=NAME; there are "
    ):
        plan(bare, "size=1x1", SONG)


def test_a_missing_program_cannot_be_waited_for(presets):
    with pytest.raises(Unavailable) as caught:
        plan(presets, "preset=missing")
    assert caught.value.headers() == {}
    assert presets.missing_programs("missing") == ("/opt/acme/bin/secret",)
    assert presets.missing_programs("convert") == ()


SAME = [
    ["size=300x200", "size=300x200&rotate=0&preset=thumbnail", "fit=inside&size=0300x200&format=jpeg"],
    ["preset=convert&size=1x1&background=fff", "preset=convert&background=White&gray=0&size=1x1&at=0:00"],
]


@pytest.mark.parametrize("queries", SAME)
def test_spellings_of_one_request_have_one_key(presets, queries):
    assert len({plan(presets, query).key for query in queries}) == 1


def test_other_requests_have_other_keys(presets):
    queries = ["", "size=300x200", "size=300x", "size=x200", "size=300x200&quality=81", "preset=by-name"]
    queries += ["preset=convert&size=300x200", "preset=convert&size=300x200&rotate=0"]
    assert len({plan(presets, query).key for query in queries}) == len(queries)


@pytest.mark.parametrize("field", ["path", "media_type", "size", "mtime_ns", "inode", "device"])
def test_the_key_follows_the_source(presets, field):
    value = getattr(PHOTO, field)
    other = dataclasses.replace(PHOTO, **{field: "image/gif" if field == "media_type" else value * 2})
    assert plan(presets, "size=9x9").key != plan(presets, "size=9x9", other).key


def test_the_key_follows_definition_and_program_but_not_bounds(presets):
    def key(change=None, programs=presets.programs, **versions):
        preset = read_preset({**TABLES["by-name"], **(change or {})})
        changed = dataclasses.replace(
            presets,
            presets={**presets.presets, "by-name": preset},
            programs=programs,
            versions=versions,
        )
        return plan(changed, "preset=by-name&w=5x5").key

    assert key() == key({"about": "x", "limits": {"total": 1}, "accepts": ["*/*"]})
    assert key() == key({"parameters": {"w": {"type": "size", "default": "x8", "max": "9x9"}}})
    assert key() != key({"pipeline": [["draw", "file:{source}", "-x", "{w}"]]})
    assert key() != key({"media_type": "image/gif"})
    assert key() != key(programs={**presets.programs, "draw": "/usr/bin/draw"})
    assert key(draw="1") != key(draw="2")
    assert key(draw="1") == key(draw="1", encode="7")


def test_the_key_follows_the_texts_of_choices(presets):
    def key(texts):
        parameters = {
            **TABLES["convert"]["parameters"],
            "mode": {"type": "choice", "values": texts, "default": "soft"},
        }
        preset = read_preset({**TABLES["convert"], "parameters": parameters})
        changed = dataclasses.replace(presets, presets={"convert": preset})
        return plan(changed, "preset=convert&size=5x5").key

    assert key({"soft": "a"}) == key({"soft": "a", "hard": "b"}) != key({"soft": "b"})


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*TABLES["convert"]["parameters"], "preset", "wat"]),
            st.one_of(
                st.text(max_size=8), st.sampled_from(["1x1", "-90", "on", "png", "hard", "fff", "1.5", "-x"])
            ),
        ),
        max_size=4,
    )
)
def test_no_url_adds_arguments_or_options(presets, parameters):
    asked = Target("/1.jpg", (("preset", "convert"), ("size", "5x5"), *parameters))
    try:
        made = make_plan(draft(asked, presets, PHOTO), presets)
    except MediaError as error:
        assert error.status_code == 400
        assert error.detail.isprintable()
        return
    first, second = made.work.commands
    rotate, gray = ("-r" in first) * 2, "-g" in first
    assert len(first) == 5 + rotate + gray
    assert len(second) == 6
    options = [argument for argument in (*first[1:], *second[1:]) if argument.startswith("-")]
    # Only a parameter with a negative min may begin with "-", and then it is a number.
    assert all(option in {"-s", "-r", "-g"} or option[1:].isdecimal() for option in options)
