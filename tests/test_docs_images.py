"""docs/images.md says what is true: its tables, its examples, their pictures, and the JSON in it."""

from __future__ import annotations

import importlib.util
import io
import json
import re
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from tornado_media.config import Config
from tornado_media.formats.qualities import QUALITY, SAVE_DATA

DOCS = Path(__file__).parents[1] / "docs"
MOST = 400_000
"""Bytes of all pictures of the document, with their sources."""

_module = importlib.util.spec_from_file_location("docs_pictures", DOCS / "pictures.py")
pictures = importlib.util.module_from_spec(_module)
_module.loader.exec_module(pictures)

TEXT = (DOCS / "images.md").read_text()
EXAMPLES = pictures.examples(TEXT)
BUILTIN = Config.from_mapping({}, DOCS).presets().presets
ROWS: dict[str, list[str]] = {}
"""Rows of the tables with four columns, by parameter; of two for one name, the first."""
for line in TEXT.splitlines():
    cells = [cell.strip() for cell in line.split("|")[1:-1]]
    if len(cells) == 4 and cells[0].startswith("`"):
        ROWS.setdefault(cells[0].strip("`"), cells[1:])

OF_OTHERS = [("poster", "time"), ("info", "exif"), ("palette", "colors")]
PARAMETERS = [("thumbnail", name) for name in BUILTIN["thumbnail"].parameters] + OF_OTHERS


def values_of(parameter):
    """What the second column of a table must have in it."""
    values = getattr(parameter, "values", None)
    if values is not None:
        return [f"`{name}`" for name in values]
    if parameter.type == "boolean":
        return ["`on`", "`off`"]
    if parameter.type in ("integer", "number"):
        return [
            f"{parameter.min:g} to {parameter.max if parameter.type == 'integer' else f'{parameter.max:g}'}"
        ]
    if parameter.type == "position":
        return [f"`{name}`" for name in (*parameter.places, *parameter.found)]
    if parameter.type in ("size", "edges"):
        return [str(parameter.max).split("x")[0]]
    return []


@pytest.mark.parametrize(("preset", "name"), PARAMETERS)
def test_each_parameter_has_a_row_with_its_values_and_default(preset, name):
    parameter = BUILTIN[preset].parameters[name]
    values, default, meaning = ROWS[name]
    for value in values_of(parameter):
        assert value in values
    if parameter.default is not None and name not in ("frame", "page"):
        assert default.strip("`") == parameter.default
    assert meaning


@pytest.mark.parametrize("name", BUILTIN["thumbnail"].parameters)
def test_each_parameter_has_an_example(name):
    assert any(re.search(rf"[?&]{name}=", url) for url in EXAMPLES if pictures.picture_of(url))


def test_each_preset_of_pictures_is_there():
    assert all(f"`{name}`" in TEXT for name, preset in BUILTIN.items() if preset.accepts_type("image/png"))


def test_each_example_has_a_picture_that_is_shown_and_no_picture_is_left_over():
    shown = re.findall(r"\]\(pictures/([^)]+)\)|src=\"pictures/([^\"]+)\"", TEXT)
    names = [name for url in EXAMPLES if (name := pictures.picture_of(url))]
    there = {path.name for path in pictures.PICTURES.iterdir() if path.is_file()}
    assert len(names) == len(set(names)), "two examples have one name"
    assert there == set(names), "run docs/pictures.py"
    assert {first or second for first, second in shown} == there
    used = {url.partition("?")[0].removeprefix("/") for url in EXAMPLES}
    marks = {mark for url in EXAMPLES for mark in re.findall(r"watermark=/([^&]+)", url)}
    assert used | marks == {path.name for path in pictures.SOURCES.iterdir()}


def test_they_are_small():
    assert sum(path.stat().st_size for path in pictures.PICTURES.rglob("*") if path.is_file()) < MOST


def test_qualities_are_those_of_the_encoders():
    for name, quality in QUALITY.items():
        assert f"| `{name}` | {quality} |" in TEXT
    spoken = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF"}
    assert ", ".join(f"{spoken[name]} {quality}" for name, quality in SAVE_DATA.items()) in TEXT
    assert ", ".join(f"{quality} for {spoken[name]}" for name, quality in QUALITY.items()) in TEXT


def test_the_preset_in_it_can_be_used():
    (block,) = re.findall(r"```toml\n(.*?)```", TEXT, re.S)
    preset = Config.from_mapping(tomllib.loads(block), DOCS).presets().presets["card"]
    assert list(preset.parameters) == ["size", "fit", "format", "watermark"]


def test_links_lead_somewhere():
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", TEXT, re.M)
    }
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", TEXT):
        assert not target or (DOCS / target).exists(), target
        assert target or anchor in anchors, anchor


HASHES = {"color", "blurhash", "thumbhash", "data_url"}
"""What may differ with the version of a decoder."""


def shape(content):
    """What is compared of a picture: encoders differ in the bytes."""
    with Image.open(io.BytesIO(content)) as image:
        return image.format, image.size, getattr(image, "n_frames", 1)


async def test_every_url_is_answered_and_its_picture_is_of_that_size():
    answers = await pictures.answers(pictures.written(TEXT))
    refused = {url for url, answer in answers.items() if answer.code != 200}
    assert refused == {"/1.jpg?crop=900,0,200,100"}, [answers[url].body for url in refused]
    assert answers["/1.jpg?crop=900,0,200,100"].body.decode().strip() in TEXT
    assert set(EXAMPLES) <= set(answers)
    for url in EXAMPLES:
        if name := pictures.picture_of(url):
            assert shape(answers[url].body) == shape((pictures.PICTURES / name).read_bytes()), url
    for url, block in re.findall(r"^`(/\S+)`\n\n```json\n(.*?)```", TEXT, re.M | re.S):
        said, told = json.loads(block), json.loads(answers[url].body)
        assert list(said) == list(told), url
        facts = [key for key, value in said.items() if not isinstance(value, list) and key not in HASHES]
        assert [said[key] for key in facts] == [told[key] for key in facts], url
