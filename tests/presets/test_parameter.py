import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tornado_media.presets.parameter import Boolean, Parameter, Size

adapter = TypeAdapter(Parameter)


def parameter(**keys):
    return adapter.validate_python(keys)


QUALITY = parameter(type="integer", min=1, max=100)
ROTATE = parameter(type="integer", min=-180, max=180)
COUNT = parameter(type="integer", min=0, max=9)
GAMMA = parameter(type="number", min=0.1, max=10)
OFFSET = parameter(type="number", min=-5, max=5.5)
SIZE = parameter(type="size", max="4000x3000")
FIT = parameter(type="choice", values=["inside", "cover"])
MODE = parameter(type="choice", values={"soft": "-blur 1", "hard": ""})
AUDIO = parameter(type="boolean")
COLOR = parameter(type="color")
TIME = parameter(type="time", max=7200)

ALL = [QUALITY, ROTATE, GAMMA, OFFSET, SIZE, FIT, MODE, AUDIO, COLOR, TIME]

ACCEPTED = [
    (QUALITY, "80", 80, "80"),
    (QUALITY, "080", 80, "80"),
    (QUALITY, "1", 1, "1"),
    (QUALITY, "100", 100, "100"),
    (ROTATE, "-90", -90, "-90"),
    (ROTATE, "-0", 0, "0"),
    (GAMMA, "1.50", 1.5, "1.5"),
    (GAMMA, "2", 2.0, "2"),
    (GAMMA, "0.100000", 0.1, "0.1"),
    (OFFSET, "-0.0", 0.0, "0"),
    (OFFSET, "-0.000001", -0.000001, "-0.000001"),
    (SIZE, "300x200", Size(300, 200), "300x200"),
    (SIZE, "300x", Size(300, None), "300x"),
    (SIZE, "x200", Size(None, 200), "x200"),
    (SIZE, "0300x0200", Size(300, 200), "300x200"),
    (SIZE, "4000x3000", Size(4000, 3000), "4000x3000"),
    (FIT, "cover", "cover", "cover"),
    (MODE, "soft", "soft", "soft"),
    (AUDIO, "yes", True, "on"),
    (AUDIO, "0", False, "off"),
    (COLOR, "#fff", "#ffffff", "#ffffff"),
    (COLOR, "FFF", "#ffffff", "#ffffff"),
    (COLOR, "3b82f680", "#3b82f680", "#3b82f680"),
    (COLOR, "3b82f6ff", "#3b82f6", "#3b82f6"),
    (COLOR, "White", "#ffffff", "#ffffff"),
    (TIME, "31.7", 31.7, "31.7"),
    (TIME, "31.700123", 31.7, "31.7"),
    (TIME, "0.0005", 0.001, "0.001"),
    (TIME, "0.9996", 1.0, "1"),
    (TIME, "1:02", 62.0, "62"),
    (TIME, "90:00", 5400.0, "5400"),
    (TIME, "1:02:03.5", 3723.5, "3723.5"),
    (TIME, "007", 7.0, "7"),
]

REFUSED = [
    (
        QUALITY,
        [
            "0",
            "101",
            "-1",
            "-0",
            "+80",
            "8_0",
            "8.0",
            "1e1",
            " 80",
            "80 ",
            "",
            "٨٠",
            "８０",
            "0x10",
            "9" * 5000,
        ],
    ),
    (COUNT, ["-0", "-00", "+0"]),
    (ROTATE, ["-181", "181", "--1", "-", "+1"]),
    (GAMMA, ["0.05", "10.1", "nan", "inf", "1e0", ".5", "1.", "1,5", "1.2345678", "-1", "-0"]),
    (OFFSET, ["-5.1", "5.6", "-inf"]),
    (
        SIZE,
        [
            "0x0",
            "0x",
            "x0",
            "0x200",
            "x",
            "",
            "300",
            "300X200",
            "4001x1",
            "1x3001",
            "99999x99999",
            "300x200>",
        ],
    ),
    (SIZE, ["-1x5", "300x200x1", "٣x٣", "3 x3", "300x200\n", "9999999x1"]),
    (FIT, ["Inside", "inside ", "", "fill", "-inside"]),
    (MODE, ["-blur 1", "SOFT"]),
    (AUDIO, ["ON", "2", "", "o", "None"]),
    (COLOR, ["##fff", "ff", "ffff", "fffff", "0xffffff", "rebeccapurple", "", "#", "#ggg", "blac\u212a"]),
    (
        TIME,
        [
            "-1",
            "7200.001",
            "1:60",
            "1:60:00",
            "1:2:3:4",
            "",
            ":5",
            "5:",
            "1.",
            ".5",
            "nan",
            "1e3",
            "1:-1",
            "１",
        ],
    ),
]


@pytest.mark.parametrize(("parameter_", "text", "value", "canonical"), ACCEPTED)
def test_accepted(parameter_, text, value, canonical):
    read = parameter_.parse(text)
    assert read == value
    assert type(read) is type(value)
    assert parameter_.canonical(read) == canonical


@pytest.mark.parametrize(("parameter_", "text"), [(p, text) for p, texts in REFUSED for text in texts])
def test_refused_with_what_is_accepted(parameter_, text):
    with pytest.raises(ValueError, match=f"^{re.escape(parameter_.accepts())}$"):
        parameter_.parse(text)


@pytest.mark.parametrize(
    ("parameter_", "accepts"),
    [
        (QUALITY, "an integer from 1 to 100"),
        (GAMMA, "a number from 0.1 to 10, with at most 6 decimals"),
        (SIZE, "a size such as 300x200, 300x or x200, from 1 to 4000x3000"),
        (FIT, "one of inside, cover"),
        (TIME, "a time from 0 to 7200 seconds, such as 31.7 or 1:02:03.5"),
    ],
)
def test_accepts_is_a_phrase(parameter_, accepts):
    assert parameter_.accepts() == accepts


def near_misses():
    return st.one_of(st.text(), st.from_regex(r"[-+#]?[0-9a-fx:._]{0,12}", fullmatch=True))


@given(text=near_misses(), index=st.integers(0, len(ALL) - 1))
def test_any_text_is_a_value_with_one_form_or_refused(text, index):
    parameter_ = ALL[index]
    try:
        value = parameter_.parse(text)
    except ValueError as error:
        assert str(error) == parameter_.accepts()
        return
    canonical = parameter_.canonical(value)
    assert parameter_.parse(canonical) == value
    assert parameter_.canonical(parameter_.parse(canonical)) == canonical
    assert re.fullmatch(r"[!-~]+", canonical)
    if canonical.startswith("-"):
        assert parameter_.type in {"integer", "number"}
        assert parameter_.min < 0


@given(st.integers(-5_000_000, 5_500_000))
def test_numbers_keep_six_decimals(millionths):
    text = f"{millionths / 1_000_000:.6f}"
    assert OFFSET.parse(OFFSET.canonical(OFFSET.parse(text))) == OFFSET.parse(text)


@given(st.integers(0, 7_200_000))
def test_times_keep_milliseconds(milliseconds):
    value = TIME.parse(f"{milliseconds / 1000:.3f}")
    assert round(value * 1000) == milliseconds
    assert TIME.parse(TIME.canonical(value)) == value


def test_a_table_of_choices_has_texts_for_the_program():
    assert MODE.argument("soft") == "-blur 1"
    assert MODE.canonical("soft") == "soft"
    assert FIT.argument("cover") == "cover"


@pytest.mark.parametrize(
    ("keys", "value", "canonical"),
    [
        ({"type": "boolean", "default": True}, True, "on"),
        ({"type": "boolean", "default": "no"}, False, "off"),
        ({"type": "integer", "min": 0, "max": 9, "default": 5}, 5, "5"),
        ({"type": "number", "min": 0, "max": 9, "default": 1e-05}, 1e-05, "0.00001"),
        ({"type": "time", "default": 0}, 0.0, "0"),
        ({"type": "time", "default": "1:00"}, 60.0, "60"),
        ({"type": "color", "default": "white"}, "#ffffff", "#ffffff"),
    ],
)
def test_defaults_are_kept_in_canonical_form(keys, value, canonical):
    made = parameter(**keys)
    assert made.default == canonical
    assert made.default_value == value
    assert made.always_set


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"type": "integer", "min": 1, "max": 9, "default": 10}, "its default is not an integer from 1 to 9"),
        ({"type": "integer", "min": 9, "max": 1}, "its min is above its max"),
        ({"type": "integer", "min": 1}, "Field required"),
        ({"type": "integer", "min": "1", "max": 9}, "valid integer"),
        ({"type": "integer", "min": 1, "max": 9, "step": 2}, "Extra inputs"),
        ({"type": "integer", "min": 1, "max": 9, "default": True}, "its default is not"),
        ({"type": "integer", "min": 1, "max": 9, "default": 5, "required": True}, "leave one of the two out"),
        ({"type": "number", "min": float("nan"), "max": 9}, "finite number"),
        ({"type": "size", "max": "4000x"}, "both sides"),
        ({"type": "size", "default": "0x0"}, "its default is not a size"),
        ({"type": "choice", "values": []}, "nothing to choose"),
        ({"type": "choice", "values": ["a", "a"]}, "twice"),
        ({"type": "choice", "values": ["-x"]}, "not a name for URLs"),
        ({"type": "choice", "values": ["a b"]}, "not a name for URLs"),
        ({"type": "choice", "values": [1]}, "valid string"),
        ({"type": "choice", "values": {"a": "x\0"}}, "NUL"),
        ({"type": "boolean", "required": "yes"}, "valid boolean"),
        ({"type": "string"}, "does not match any of the expected tags"),
        ({}, "Unable to extract tag"),
    ],
)
def test_wrong_declarations(keys, message):
    with pytest.raises(ValidationError, match=message):
        parameter(**keys)


def test_parameters_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        QUALITY.max = 1000
    assert set(Boolean.words) == {"on", "off", "true", "false", "1", "0", "yes", "no"}
