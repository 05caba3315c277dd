import re
import string
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tornado_media.errors import BadRequest
from tornado_media.urls import (
    MAX_NAME,
    MAX_PARAMETERS,
    MAX_TARGET,
    Target,
    format_target,
    is_name,
    parse_target,
    shown,
)


@pytest.mark.parametrize(
    ("target", "path", "parameters"),
    [
        ("/", "/", ()),
        ("/1.jpg", "/1.jpg", ()),
        ("/1.jpg?", "/1.jpg", ()),
        ("/1.jpg?size=300x200", "/1.jpg", (("size", "300x200"),)),
        ("/1.jpg?b=2&a=1", "/1.jpg", (("b", "2"), ("a", "1"))),
        ("/1.jpg?&a=1&&b=2&", "/1.jpg", (("a", "1"), ("b", "2"))),
        ("/1.jpg?a=", "/1.jpg", (("a", ""),)),
        ("/1.jpg?a=b=c", "/1.jpg", (("a", "b=c"),)),
        ("/1.jpg?a=?", "/1.jpg", (("a", "?"),)),
        ("/1.jpg?a=x+y%2Bz%20", "/1.jpg", (("a", "x y+z "),)),
        ("/1.jpg?a=/b\\c%2F%5c", "/1.jpg", (("a", "/b\\c/\\"),)),
        ("/1.jpg?%73ize=1", "/1.jpg", (("size", "1"),)),
        ("/1.jpg?a=%26b%3D1", "/1.jpg", (("a", "&b=1"),)),
        ("/holiday/", "/holiday/", ()),
        ("/holiday/a%20b.jpg", "/holiday/a b.jpg", ()),
        ("/a+b.jpg", "/a+b.jpg", ()),
        ("/%252e%252e/%2541", "/%2e%2e/%41", ()),  # once, never twice
        ("/%C3%A9.jpg", "/é.jpg", ()),
        ("/e%CC%81.jpg", "/e\N{COMBINING ACUTE ACCENT}.jpg", ()),  # NFD stays NFD
        ("/\xc3\xa9.jpg", "/é.jpg", ()),  # as curl sends it
        ("/%F0%9F%98%80", "/\N{GRINNING FACE}", ()),
        ("/...", "/...", ()),
        ("/.hidden", "/.hidden", ()),
        ("/-version.jpg", "/-version.jpg", ()),
        ("/a:b;c,d@e[0]*~!$'()|^`{}<>\"", "/a:b;c,d@e[0]*~!$'()|^`{}<>\"", ()),
        ("/" + "n" * MAX_NAME, "/" + "n" * MAX_NAME, ()),
        ("http://example.org/1.jpg?a=1", "/1.jpg", (("a", "1"),)),
        ("HTTPS://[::1]:8888/1.jpg", "/1.jpg", ()),
        ("http://example.org", "/", ()),
        ("http://example.org?a=1", "/", (("a", "1"),)),
    ],
)
def test_what_a_target_means(target, path, parameters):
    assert parse_target(target) == Target(path, parameters)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("", "begins with a slash"),
        ("*", "begins with a slash"),
        ("example.org:443", "begins with a slash"),
        ("1.jpg", "begins with a slash"),
        ("../1.jpg", "begins with a slash"),
        ("?size=1", "begins with a slash"),
        ("ftp://example.org/1.jpg", "begins with a slash"),
        ("http:///1.jpg", "begins with a slash"),
        ("http://user:secret@example.org/1.jpg", "begins with a slash"),
        ("http://example.org\\@evil/1.jpg", "begins with a slash"),
        ("//etc/passwd", "Two slashes"),
        ("/a//b", "Two slashes"),
        ("/a//", "Two slashes"),
        ("http://example.org//a", "Two slashes"),
        ("/..", '".."'),
        ("/../x", '".."'),
        ("/a/../../x", '".."'),
        ("/a/..", '".."'),
        ("/./a", '"."'),
        ("/%2e%2e/a", '".."'),
        ("/%2E./a", '".."'),
        ("/a/%2e/", '"."'),
        ("/%2e%2e%2fa", "%2F"),
        ("/a%2Fb", "%2F"),
        ("/..%5c..%5cetc", "backslash"),
        ("/a\\b", "backslash"),
        ("/a%00.jpg", "control character"),
        ("/a\x00", "control character"),
        ("/a%0d%0aX: y", "control character"),
        ("/a%7f", "control character"),
        ("/a%c2%85", "control character"),
        ("/%c0%ae%c0%ae/", "UTF-8"),  # ".." overlong
        ("/%e0%80%af", "UTF-8"),  # "/" overlong
        ("/%ff", "UTF-8"),
        ("/%ed%a0%80", "UTF-8"),  # half of a surrogate pair
        ("/%f4%90%80%80", "UTF-8"),  # above U+10FFFF
        ("/%c3", "UTF-8"),
        ("/\xe9", "UTF-8"),
        ("/\u20ac", "UTF-8"),
        ("/%zz", "%25"),
        ("/100%", "%25"),
        ("/a%4", "%25"),
        ("/%u002e", "%25"),
        ("/%+1", "%25"),
        ("/" + "n" * (MAX_NAME + 1), "255 bytes"),
        ("/" + "%C3%A9" * 128, "255 bytes"),
        ("/" + "a/" * (MAX_TARGET // 2), "8192 bytes"),
        ("/a#b", "%23"),
        ("/a?b=#fff", "%23"),
        ("/a?size=1&size=1", "'size' is there twice"),
        ("/a?size=1&%73ize=2", "'size' is there twice"),
        ("/a?size", "'size' has no value"),
        ("/a?=1", "no name"),
        ("/a?a=%zz", "'a'"),
        ("/a?%zz=1", "name of a parameter"),
        ("/a?a=%ff", "'a' is not"),
        ("/a?a=%00", "'a' contains a control character"),
        ("/a?a=x%0d%0aSet-Cookie:y", "'a' contains a control character"),
        ("/a?%0a=1", "control character"),
        ("/a?" + "&".join(f"p{k}=1" for k in range(MAX_PARAMETERS + 1)), "more than 64"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_reason(target, said):
    with pytest.raises(BadRequest) as caught:
        parse_target(target)
    assert said in caught.value.detail
    assert re.fullmatch(r"[ -~]{1,300}", caught.value.detail)


@given(st.text())
@example("/%")
@example("http://")
@example("/\ud800")
def test_any_text_is_a_target_or_a_bad_request(text):
    try:
        found = parse_target(text)
    except BadRequest as error:
        assert re.fullmatch(r"[ -~]+", error.detail)
    else:
        assert_safe(found)


PIECES = [
    "/",
    "a",
    ".",
    "..",
    "%2e",
    "%2f",
    "%5c",
    "\\",
    "%00",
    "%",
    "%c0%ae",
    "?",
    "&",
    "=",
    "#",
    "+",
    "é",
    "\xc3\xa9",
]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_no_mixture_of_dangerous_pieces_gets_through(text):
    try:
        found = parse_target("/" + text)
    except BadRequest:
        return
    assert_safe(found)


def assert_safe(target):
    assert target.path.startswith("/")
    assert not {"", ".", ".."} & set(target.path.removesuffix("/").split("/")[1:])
    assert not set("\0\r\n\\") & set(target.path)
    assert len(dict(target.parameters)) == len(target.parameters)
    assert not any(set("\0\r\n") & set(name + value) for name, value in target.parameters)
    assert parse_target(format_target(target.path, dict(target.parameters))).path == target.path


letters = st.characters(exclude_categories=("Cs", "Cc"))
names = st.text(letters, min_size=1, max_size=60).filter(is_name)
paths = st.tuples(st.lists(names, max_size=5), st.booleans()).map(
    lambda found: "/" + "/".join(found[0]) + ("/" if found[1] and found[0] else "")
)


@given(
    paths,
    st.dictionaries(st.text(letters, min_size=1, max_size=9), st.text(letters, max_size=20), max_size=5),
)
def test_what_is_formatted_is_read_back(path, parameters):
    target = format_target(path, parameters)
    assert parse_target(target) == Target(path, tuple(sorted(parameters.items())))
    assert set(target) <= set(string.ascii_letters + string.digits + "-._~/%?&=")
    # The canonical form has one spelling only.
    assert format_target(path, dict(reversed(parameters.items()))) == target


def test_the_canonical_spelling():
    assert format_target("/") == "/"
    assert (
        format_target("/a b/é+.jpg", {"size": "3x2", "a": "1:30 +"})
        == "/a%20b/%C3%A9%2B.jpg?a=1%3A30%20%2B&size=3x2"
    )
    assert format_target("/a~b_c-d.e", {}) == "/a~b_c-d.e"


@given(st.text(min_size=1))
@example(".")
@example("a/b")
@example("a\\b")
@example("\udcff")
@example("x" * 256)
def test_a_name_has_a_url_if_its_url_leads_back(name):
    try:
        led_back = parse_target(f"/{quote(name, safe='')}").path == f"/{name}"
    except (BadRequest, UnicodeEncodeError):
        led_back = False
    assert is_name(name) == led_back


def test_what_clients_send_is_shown_short_and_printable():
    assert shown("size") == "'size'"
    assert shown("é\n\x1b" * 30) == ascii(("é\n\x1b" * 30)[:40] + "...")
