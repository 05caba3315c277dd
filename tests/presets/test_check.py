import pytest

from tornado_media.presets.check import read_preset
from tornado_media.presets.mistakes import PresetMistakes, joined_key
from tornado_media.presets.plan import Limits

SIZE = {"type": "size", "required": True}
QUALITY = {"type": "integer", "min": 1, "max": 100, "default": 80}
AUTO = {"type": "choice", "values": ["auto"], "default": "auto"}
FORMAT = {"type": "choice", "values": ["jpeg", "png"], "default": "jpeg"}


def pipeline(*arguments, **keys):
    return {
        "accepts": ["image/*"],
        "media_type": "image/jpeg",
        "pipeline": [["convert", "-", *arguments, "jpeg:-"]],
        "stdin": "source",
        **keys,
    }


def engine(**keys):
    return {
        "accepts": ["image/*"],
        "media_type": "image/jpeg",
        "engine": "thumbnail",
        "parameters": {"size": SIZE},
        **keys,
    }


def planner(**keys):
    return {"accepts": ["video/*"], "media_type": "video/mp4", "planner": "mp4", **keys}


def without(key, keys):
    return {name: value for name, value in keys.items() if name != key}


GOOD = {
    "plain": pipeline(),
    "by path": pipeline("{source}", stdin="none"),
    "reads nothing": pipeline(stdin="none"),
    "two commands": pipeline(pipeline=[["convert", "{source_format}:-"], ["cjpeg"]]),
    "in a group": pipeline(["-q", "{q}"], parameters={"q": without("default", QUALITY)}),
    "condition": pipeline(["{g?}", "-gray"], parameters={"g": {"type": "boolean"}}),
    "sides": pipeline("{size.width}", "{size.height}", parameters={"size": SIZE}),
    "media type of a choice": engine(
        media_type="image/{format}", parameters={"size": SIZE, "format": FORMAT}
    ),
    "media type that an engine says": engine(
        engine="storyboard",
        accepts=["video/*"],
        media_type=None,
        parameters={"format": {"type": "choice", "values": ["webp", "vtt"], "default": "vtt"}},
    ),
    "media type of the source": pipeline(media_type="{source_media_type}"),
    "media type with a parameter": pipeline(media_type="text/plain; charset=utf-8"),
    "streams": pipeline(streams=True),
    "video": planner(streams=True, cache=False, parameters={"start": {"type": "time", "default": 0}}),
    "get": pipeline(methods=["GET"]),
    "post": pipeline(methods=["POST"]),
    "get and post": pipeline("{source_format}", methods=["GET", "POST"]),
    "post for an engine": engine(methods=["POST"]),
}

BAD = [
    (pipeline(wat=1), "wat", "there is no such key"),
    (without("accepts", pipeline()), "accepts", "this key is missing"),
    (without("media_type", pipeline()), "media_type", "this key is missing"),
    (pipeline(accepts=[]), "accepts", "at least 1 item"),
    (pipeline(accepts="image/*"), "accepts", "not a list"),
    (pipeline(accepts=["IMAGE/PNG"]), "accepts[1]", "not a media type in lower case"),
    (pipeline(accepts=["image/png", "*"]), "accepts[2]", "not a media type in lower case"),
    (pipeline(methods=["PUT"]), "methods", 'it is ["GET"], ["POST"] or ["GET", "POST"]'),
    (pipeline(methods=["GET", "GET"]), "methods", 'it is ["GET"], ["POST"] or ["GET", "POST"]'),
    (pipeline(methods=[]), "methods", 'it is ["GET"], ["POST"] or ["GET", "POST"]'),
    (pipeline(methods=["post"]), "methods", 'it is ["GET"], ["POST"] or ["GET", "POST"]'),
    (pipeline(methods=["POST"], stdin="none"), "methods", 'by stdin = "source"'),
    (pipeline("{source}", methods=["GET", "POST"], stdin="none"), "methods", 'by stdin = "source"'),
    (pipeline("{source}", methods=["POST"]), "stdin", "not by both"),
    (planner(methods=["GET", "POST"]), "methods", "the planner mp4 needs a file; leave out POST"),
    (pipeline(engine="thumbnail"), "", "exactly one of pipeline, engine and planner"),
    (without("pipeline", pipeline()), "", "exactly one of pipeline, engine and planner"),
    (pipeline(media_type="jpeg"), "media_type", "'jpeg' is not a media type"),
    (pipeline(media_type="image/{format}"), "media_type", "{format} is not known here"),
    (
        pipeline(media_type="image/{size}", parameters={"size": SIZE}),
        "media_type",
        "{size} is not known here",
    ),
    (pipeline(media_type="image/{"), "media_type", "a brace without its partner"),
    (
        pipeline(media_type="image/{f}", parameters={"f": without("default", FORMAT)}),
        "media_type",
        "{f} has no value when the URL leaves it out",
    ),
    (
        pipeline(media_type="image/{f}", parameters={"f": {**FORMAT, "values": ["jpeg", "PNG"]}}),
        "media_type",
        "'image/PNG' is not a media type",
    ),
    (
        pipeline("{sise}", parameters={"size": SIZE}),
        "pipeline",
        "{sise} is not known; there are {size}, {source}",
    ),
    (pipeline("{size}", parameters={"size": SIZE, "q": QUALITY}), "parameters.q", "nothing uses it"),
    (pipeline("{q}", parameters={"q": without("default", QUALITY)}), "pipeline", 'optional group: ["{q}"]'),
    (pipeline("{q.width}", parameters={"q": QUALITY}), "pipeline", "only a size has a width"),
    (pipeline("{size.depth}", parameters={"size": SIZE}), "pipeline", "only .width and .height"),
    (pipeline("{source.name}", stdin="none"), "pipeline", "{source.name} has no parts"),
    (pipeline("{source}"), "stdin", "not by both"),
    (pipeline(stdin="file"), "stdin", "'none' or 'source'"),
    (pipeline("{Q}"), "pipeline", "command 1: argument 2"),
    (pipeline(streams="yes"), "streams", "valid boolean"),
    (pipeline(cache_control="a\r\nSet-Cookie: b"), "cache_control", "printable ASCII in one line"),
    (pipeline(parameters={"preset": SIZE}), "parameters.preset", "is taken"),
    (pipeline(parameters={"source": SIZE}), "parameters.source", "is taken"),
    (pipeline(parameters={"Size": SIZE}), "parameters.Size", "not a name for a parameter"),
    (
        pipeline(parameters={"s": {"type": "siez"}}),
        "parameters.s",
        "there is no type 'siez'; there are integer",
    ),
    (pipeline(parameters={"s": {}}), "parameters.s", "its type is missing"),
    (pipeline(parameters={"s": {"type": "size", "max": "0x0"}}), "parameters.s.max", "both sides"),
    (
        pipeline(parameters={"s": {"type": "size", "maxx": "9x9"}}),
        "parameters.s.maxx",
        "there is no such key",
    ),
    (pipeline(limits={"first_byte": 0}), "limits.first_byte", "greater than 0"),
    (pipeline(limits={"output": "64 MB of text"}), "limits.output", 'such as "64 MiB"'),
    (pipeline(limits={"output": "0"}), "limits.output", "greater than 0"),
    (pipeline(limits={"time": 5}), "limits.time", "there is no such key"),
    (
        engine(engine="thumbnial"),
        "engine",
        "there is no engine 'thumbnial'; there are thumbnail, poster, info",
    ),
    (engine(streams=True), "streams", "complete when it comes"),
    (engine(stdin="source"), "stdin", "only a pipeline has one"),
    (
        engine(parameters={"size": SIZE, "blurr": QUALITY}),
        "parameters.blurr",
        "does not take it; it takes size, fit",
    ),
    (engine(media_type="image/webp"), "media_type", "makes image/jpeg here, not image/webp"),
    (
        engine(parameters={"format": {"type": "choice", "values": ["webp"], "default": "webp"}}),
        "media_type",
        "makes image/webp here, not image/jpeg",
    ),
    (
        engine(
            media_type="image/{format}",
            parameters={"format": {"type": "choice", "values": ["auto", "bmp"], "default": "auto"}},
        ),
        "parameters.format.values",
        "makes jpeg, png, webp, avif, gif, not bmp",
    ),
    (engine(engine="palette", parameters={}), "media_type", "makes application/json here"),
    (engine(parameters_of="nothing"), "parameters_of", "no built-in preset 'nothing'"),
    (
        engine(media_type="image/{format}", parameters={"format": AUTO}),
        "parameters.format.values",
        "auto has nothing to choose from",
    ),
    (
        engine(parameters={"watermark": {"type": "source", "within": "logos"}}),
        "parameters.watermark.within",
        "begins with a slash",
    ),
    (engine(parameters={"size": QUALITY}), "parameters.size.type", "takes the type size here"),
    (planner(planner="mp5"), "planner", "there is no planner 'mp5'; there are original, mp4"),
    (planner(parameters={"start": QUALITY}), "parameters.start.type", "takes the type time here"),
    (planner(planner="original", streams=True), "streams", "runs nothing"),
    (planner(planner="original", parameters={"q": QUALITY}), "parameters.q", "it takes no parameters"),
]


@pytest.mark.parametrize("keys", GOOD.values(), ids=GOOD)
def test_good(keys):
    read_preset(keys)


@pytest.mark.parametrize(("keys", "key", "message"), BAD)
def test_bad_with_key_and_sentence(keys, key, message):
    with pytest.raises(PresetMistakes) as caught:
        read_preset(keys)
    found = dict(caught.value.mistakes)
    assert key in found, found
    assert message in found[key]


def test_all_mistakes_at_once():
    keys = pipeline("{wat}", "{source}", media_type="jpeg", parameters={"q": QUALITY})
    with pytest.raises(PresetMistakes) as caught:
        read_preset(keys)
    assert [key for key, _ in caught.value.mistakes] == ["media_type", "pipeline", "stdin", "parameters.q"]


def test_cache_off_is_no_store_unless_said():
    assert read_preset(pipeline()).cache_control == "public, max-age=3600"
    assert read_preset(pipeline(cache=False)).cache_control == "no-store"
    assert read_preset(pipeline(cache=False, cache_control="private")).cache_control == "private"


def test_limits_are_laid_over_the_defaults():
    limits = read_preset(pipeline(limits={"total": 5, "output": "1 MiB", "memory": "1GB", "cpu": 3})).limits
    assert limits.over(Limits(idle=7.0)) == Limits(
        idle=7.0, total=5.0, output=1024 * 1024, memory=1_000_000_000, cpu=3
    )


def test_programs_are_named_once():
    keys = pipeline(pipeline=[["convert", "-"], ["cjpeg"], ["convert", "-"]])
    assert read_preset(keys).programs() == ("convert", "cjpeg")
    assert read_preset(engine()).programs() == ()
    assert read_preset(planner()).programs() == ("ffmpeg",)


def test_keys_are_written_as_toml_writes_them():
    assert joined_key("default_preset", "image/*") == 'default_preset."image/*"'
    assert joined_key("a", 0, "b") == "a[1].b"
