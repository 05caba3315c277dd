import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.presets.template import parse_pipeline, parse_text

VALUES = {
    "size": "300x200",
    "size.width": "300",
    "size.height": "200",
    "quality": "80",
    "quality?": "",
    "on?": "",
    "source": "/srv/a b.jpg",
    "source_format": "jpeg",
}


def render(command, values=VALUES):
    (template,) = parse_pipeline([command])
    return template.render(values)


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        (["true"], ["true"]),
        (["/opt/acme/bin/x", "-"], ["/opt/acme/bin/x", "-"]),
        (["p", "{size}>"], ["p", "300x200>"]),
        (["p", "{source_format}:-[0]"], ["p", "jpeg:-[0]"]),
        (["p", "file:{source}"], ["p", "file:/srv/a b.jpg"]),
        (["p", "scale=w={size.width}:h={size.height}"], ["p", "scale=w=300:h=200"]),
        (["p", "{size}{quality}"], ["p", "300x20080"]),
        (["p", "{{size}}", "{{{size}}}", "}}{{"], ["p", "{size}", "{300x200}", "}{"]),
        (["p", ""], ["p", ""]),
        (["p", ["-q", "{quality}"], "-"], ["p", "-q", "80", "-"]),
        (["p", ["-r", "{rotate}"], "-"], ["p", "-"]),
        (["p", ["-r", "{rotate}", "{quality}"]], ["p"]),
        (["p", ["{on?}", "-gray"]], ["p", "-gray"]),
        (["p", ["{off?}", "-gray"]], ["p"]),
        (["p", ["-gray", "{on?}", "x{quality}"]], ["p", "-gray", "x80"]),
    ],
)
def test_rendered(command, argv):
    assert render(command) == tuple(argv)


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ([], "list of commands"),
        ("convert - -", "list of commands"),
        (["convert"], "command 1: it is not a list"),
        ([[]], "command 1: the first item is the program's name"),
        ([[""]], "the program's name"),
        ([[["convert"]]], "the program's name"),
        ([["{program}"]], "what is not configured cannot be run"),
        ([["bin/x"]], "neither a name nor an absolute path"),
        ([["./x"]], "neither a name nor an absolute path"),
        ([["x\0"]], "command 1"),
        ([["p"], ["q", "a", "{"]], "command 2: argument 2: '{': a brace without"),
        ([["p", "}"]], "a brace without"),
        ([["p", "{Size}"]], "a brace without"),
        ([["p", "{}"]], "a brace without"),
        ([["p", "{size.}"]], "a brace without"),
        ([["p", 80]], "argument 1: 80 is neither text nor a group; numbers are written as text"),
        ([["p", {"a": 1}]], "neither text nor a group"),
        ([["p", []]], "writes no argument"),
        ([["p", ["{x?}"]]], "writes no argument"),
        ([["p", ["-x"]]], "has no placeholder"),
        ([["p", ["-x", ["{y}"]]]], "a group cannot hold a group"),
        ([["p", "{x?}"]], "an item of its own in a group"),
        ([["p", ["-a{x?}"]]], "an item of its own in a group"),
        ([["p", "a\0b"]], "NUL"),
    ],
)
def test_what_cannot_be_read_is_located(pipeline, message):
    with pytest.raises(ValueError) as caught:
        parse_pipeline(pipeline)
    assert message in str(caught.value)


def test_a_missing_value_outside_a_group_is_an_error():
    with pytest.raises(KeyError):
        render(["p", "{rotate}"])


def test_text_keeps_its_spelling():
    assert str(parse_text("image/{format}")) == "image/{format}"


@given(st.dictionaries(st.sampled_from(["size", "quality"]), st.text(), min_size=2))
def test_values_never_add_or_take_arguments(values):
    argv = render(["p", "-s", "{size}", "a{quality}b", ["-q", "{quality}"]], values)
    assert argv == ("p", "-s", values["size"], f"a{values['quality']}b", "-q", values["quality"])


@given(st.text())
def test_any_text_is_read_or_refused_with_a_reason(text):
    try:
        argument = parse_text(text)
    except ValueError as error:
        assert str(error)
        return
    if not argument.placeholders():
        assert argument.render({}) == text.replace("{{", "{").replace("}}", "}")
