import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tornado_media.presets.parameter import Parameter, SourcePath

adapter = TypeAdapter(Parameter)
POSITION = adapter.validate_python({"type": "position"})
BOX = adapter.validate_python({"type": "box"})
EDGES = adapter.validate_python({"type": "edges", "max": 100})
SOURCE = adapter.validate_python({"type": "source"})
LOGOS = adapter.validate_python({"type": "source", "within": "/logos/"})
LOGO = adapter.validate_python({"type": "source", "within": "/logos/1.png"})


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (POSITION, "top-left", "top-left"),
        (POSITION, "attention", "attention"),
        (POSITION, "0.3,0.7", "0.3,0.7"),
        (POSITION, ".30,0.70000", "0.3,0.7"),
        (POSITION, "0,1", "0,1"),
        (POSITION, "1.0,0.0", "1,0"),
        (BOX, "10,0,300,0200", "10,0,300,200"),
        (BOX, "0,0,1,1", "0,0,1,1"),
        (BOX, "0.1,0.,0.5,1.0", "0.1000,0.0000,0.5000,1.0000"),
        (BOX, "0,0,.5,1", "0.0000,0.0000,0.5000,1.0000"),
        (EDGES, "10", "10"),
        (EDGES, "10,10", "10"),
        (EDGES, "10,20,10,20", "10,20"),
        (EDGES, "10,20,30,20", "10,20,30,20"),
        (SOURCE, "/a b/ö.png", SourcePath("/a b/ö.png")),
        (LOGOS, "/logos/a/1.png", SourcePath("/logos/a/1.png")),
        (LOGO, "/logos/1.png", SourcePath("/logos/1.png")),
    ],
)
def test_one_value_has_one_form(parameter, text, value):
    assert parameter.parse(text) == value
    assert parameter.parse(parameter.canonical(value)) == value


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        (POSITION, ""),
        (POSITION, "middle"),
        (POSITION, "0.3"),
        (POSITION, "0.3,0.7,0.1"),
        (POSITION, "1.1,0"),
        (POSITION, "-0.1,0"),
        (POSITION, "1e-1,0"),
        (POSITION, "nan,0"),
        (BOX, "1,2,3"),
        (BOX, "0,0,0,5"),
        (BOX, "0,0,5,5.5"),
        (BOX, "0.1,0.1,0.0,0.5"),
        (BOX, "-1,0,5,5"),
        (BOX, "٣,0,5,5"),
        (EDGES, "101"),
        (EDGES, "1,2,3"),
        (EDGES, "-1"),
        (EDGES, ""),
        (SOURCE, "logo.png"),
        (SOURCE, "/../etc/passwd"),
        (SOURCE, "/a//b"),
        (SOURCE, "/a/"),
        (SOURCE, "/a\\b"),
        (SOURCE, "/a\0b"),
        (SOURCE, "http://elsewhere/1.png"),
        (LOGOS, "/logos"),
        (LOGOS, "/logosx/1.png"),
        (LOGOS, "/photos/1.png"),
        (LOGO, "/logos/1.pngx"),
    ],
)
def test_refused(parameter, text):
    with pytest.raises(ValueError, match=r"."):
        parameter.parse(text)


@given(st.text(max_size=30))
def test_any_text_is_a_value_with_one_form_or_refused(text):
    for parameter in (POSITION, BOX, EDGES, SOURCE):
        try:
            value = parameter.parse(text)
        except ValueError:
            continue
        assert parameter.canonical(parameter.parse(parameter.canonical(value))) == parameter.canonical(value)


@pytest.mark.parametrize("within", ["logos", "/a//b", "/../x", ""])
def test_a_place_for_sources_is_a_path(within):
    with pytest.raises(ValidationError):
        adapter.validate_python({"type": "source", "within": within})


def test_a_default_is_a_source():
    assert adapter.validate_python({"type": "source", "default": "/1.png"}).default == "/1.png"
    with pytest.raises(ValidationError):
        adapter.validate_python({"type": "source", "default": "/logos/"})
