import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.httputil import HTTPHeaders

from tornado_media.http.conditional import (
    Outcome,
    Validators,
    entity_tags,
    equivalent_tag,
    evaluate,
    format_date,
    parse_date,
    range_applies,
    settled_last_modified,
)

PROCEED, NOT_MODIFIED, FAILED = Outcome.PROCEED, Outcome.NOT_MODIFIED, Outcome.FAILED

# Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 s.5.6.7.
MODIFIED = 784_111_777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
EARLIER = "Sun, 06 Nov 1994 08:49:36 GMT"
LATER = "Sun, 06 Nov 1994 08:49:38 GMT"
FUTURE = "Fri, 25 Feb 2174 09:42:23 GMT"

TAG = Validators('"tag"', MODIFIED)
WEAK = Validators('W/"tag"', MODIFIED)
NO_TAG = Validators(None, MODIFIED)
NO_DATE = Validators('"tag"', None)
NOTHING = Validators()

IF_NONE_MATCH = [
    ('"tag"', TAG, NOT_MODIFIED),
    ('"other"', TAG, PROCEED),
    ('"TAG"', TAG, PROCEED),
    ('W/"tag"', TAG, NOT_MODIFIED),
    ('"tag"', WEAK, NOT_MODIFIED),
    ('W/"tag"', WEAK, NOT_MODIFIED),
    ('"a", "b", "tag" , "c"', TAG, NOT_MODIFIED),
    ('"a","tag"', TAG, NOT_MODIFIED),
    ('\t"a" ,\t"tag"', TAG, NOT_MODIFIED),
    (', ,"tag",,', TAG, NOT_MODIFIED),
    ('"other", W/"tag"', WEAK, NOT_MODIFIED),
    ("*", TAG, NOT_MODIFIED),
    (" * ", NOTHING, NOT_MODIFIED),
    ('"tag"', NO_TAG, PROCEED),
    ('"a,b"', Validators('"a,b"'), NOT_MODIFIED),
    ('"x", "a,b", "y"', Validators('"a,b"'), NOT_MODIFIED),
    ('"x,"tag","y"', TAG, PROCEED),
    ('""', Validators('""'), NOT_MODIFIED),
    ('"\xe9\xff"', Validators('"\xe9\xff"'), NOT_MODIFIED),
    # Malformed: a tag that is not one names nothing, and what comes after it is not looked for.
    ("", TAG, PROCEED),
    (",", TAG, PROCEED),
    ("tag", TAG, PROCEED),
    ('"tag', TAG, PROCEED),
    ('tag"', TAG, PROCEED),
    ("'tag'", TAG, PROCEED),
    ('w/"tag"', TAG, PROCEED),
    ('W/ "tag"', TAG, PROCEED),
    ("W/", TAG, PROCEED),
    ('"tag"-gzip', TAG, PROCEED),
    ('bad, "tag"', TAG, PROCEED),
    ('"tag", bad', TAG, NOT_MODIFIED),
    ('"a b", "tag"', TAG, PROCEED),
    ('"tag"\n', TAG, PROCEED),
    ('*, "tag"', TAG, PROCEED),
    ('"x", *', TAG, PROCEED),
]

IF_MATCH = [
    ('"tag"', TAG, PROCEED),
    ('"Z", "tag"', TAG, PROCEED),
    ('"foo", "bar", \t"tag" , "baz"', TAG, PROCEED),
    ('"other"', TAG, FAILED),
    ('W/"tag"', TAG, FAILED),
    ('"tag"', WEAK, FAILED),
    ('W/"tag"', WEAK, FAILED),
    ("*", TAG, PROCEED),
    ("*", NOTHING, PROCEED),
    ('"tag"', NO_TAG, FAILED),
    ("", TAG, FAILED),
    ("tag", TAG, FAILED),
    ('"a,tag"', TAG, FAILED),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("field", "validators", "expected"), IF_NONE_MATCH)
def test_if_none_match(method, field, validators, expected):
    assert evaluate(method, {"If-None-Match": field}, validators) is expected


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
@pytest.mark.parametrize(("field", "validators", "expected"), IF_MATCH)
def test_if_match(method, field, validators, expected):
    assert evaluate(method, {"If-Match": field}, validators) is expected


@pytest.mark.parametrize(
    ("field", "validators", "expected"),
    [
        (DATE, TAG, NOT_MODIFIED),
        (LATER, TAG, NOT_MODIFIED),
        (EARLIER, TAG, PROCEED),
        (FUTURE, TAG, NOT_MODIFIED),
        ("Tue, 19 Jan 2038 03:14:08 GMT", TAG, NOT_MODIFIED),  # one second more than 32 bits hold
        (DATE, NO_TAG, NOT_MODIFIED),
        (DATE, NO_DATE, PROCEED),
        (DATE, NOTHING, PROCEED),
        ("Sunday, 06-Nov-94 08:49:37 GMT", TAG, NOT_MODIFIED),
        ("Sun Nov  6 08:49:37 1994", TAG, NOT_MODIFIED),
        ("yesterday", TAG, PROCEED),
        ("", TAG, PROCEED),
        (f"{DATE}; length=42", TAG, PROCEED),
        (f"{DATE},{DATE}", TAG, PROCEED),
        (str(MODIFIED), TAG, PROCEED),
    ],
)
def test_if_modified_since(field, validators, expected):
    assert evaluate("GET", {"If-Modified-Since": field}, validators) is expected
    assert evaluate("HEAD", {"If-Modified-Since": field}, validators) is expected


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_if_modified_since_is_for_reading(method):
    assert evaluate(method, {"If-Modified-Since": LATER}, TAG) is PROCEED


@pytest.mark.parametrize(
    ("field", "validators", "expected"),
    [
        (DATE, TAG, PROCEED),
        (LATER, TAG, PROCEED),
        (EARLIER, TAG, FAILED),
        (EARLIER, NO_TAG, FAILED),
        (EARLIER, NO_DATE, PROCEED),
        ("Sun Nov  6 08:49:36 1994", TAG, FAILED),
        ("yesterday", TAG, PROCEED),
        ("", TAG, PROCEED),
    ],
)
def test_if_unmodified_since(field, validators, expected):
    assert evaluate("GET", {"If-Unmodified-Since": field}, validators) is expected
    assert evaluate("PUT", {"If-Unmodified-Since": field}, validators) is expected


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_if_none_match_guards_a_write(method):
    assert evaluate(method, {"If-None-Match": "*"}, TAG) is FAILED
    assert evaluate(method, {"If-None-Match": '"tag"'}, TAG) is FAILED
    assert evaluate(method, {"If-None-Match": '"other"'}, TAG) is PROCEED


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, PROCEED),
        # A date is not looked at beside its tags, whatever it says.
        ({"If-Match": '"tag"', "If-Unmodified-Since": EARLIER}, PROCEED),
        ({"If-Match": '"other"', "If-Unmodified-Since": LATER}, FAILED),
        ({"If-None-Match": '"other"', "If-Modified-Since": LATER}, PROCEED),
        ({"If-None-Match": "bad", "If-Modified-Since": LATER}, PROCEED),
        ({"If-None-Match": '"tag"', "If-Modified-Since": EARLIER}, NOT_MODIFIED),
        # Failing comes before having it already.
        ({"If-Match": '"other"', "If-None-Match": '"tag"'}, FAILED),
        ({"If-Unmodified-Since": EARLIER, "If-None-Match": '"tag"'}, FAILED),
        ({"If-Unmodified-Since": EARLIER, "If-Modified-Since": LATER}, FAILED),
        # And passing the first does not excuse from the second.
        ({"If-Match": '"tag"', "If-None-Match": '"tag"'}, NOT_MODIFIED),
        ({"If-Match": '"tag"', "If-Modified-Since": LATER}, NOT_MODIFIED),
        ({"If-Unmodified-Since": LATER, "If-None-Match": '"other"'}, PROCEED),
    ],
)
def test_the_order_of_preconditions(fields, expected):
    assert evaluate("GET", fields, TAG) is expected


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT"])
def test_methods_that_select_no_representation(method):
    fields = {"If-Match": '"other"', "If-None-Match": "*", "If-Unmodified-Since": EARLIER}
    assert evaluate(method, fields, TAG) is PROCEED


def test_the_fields_of_a_real_request():
    fields = HTTPHeaders.parse('if-none-match: "a"\r\nIF-NONE-MATCH: "tag"\r\n')
    assert evaluate("GET", fields, TAG) is NOT_MODIFIED


@pytest.mark.parametrize(
    ("if_range", "validators", "expected"),
    [
        (None, TAG, True),
        (None, NOTHING, True),
        ('"tag"', TAG, True),
        (' "tag"\t', TAG, True),
        ('"other"', TAG, False),
        ('"tag"', NO_TAG, False),
        # Strong comparison: a weak tag on either side is not enough.
        ('W/"tag"', TAG, False),
        ('"tag"', WEAK, False),
        ('W/"tag"', WEAK, False),
        # A date must be ours, not only late enough.
        (DATE, TAG, True),
        (DATE, NO_TAG, True),
        (EARLIER, TAG, False),
        (LATER, TAG, False),
        (FUTURE, TAG, False),
        (DATE, NO_DATE, False),
        (DATE, NOTHING, False),
        ("Sunday, 06-Nov-94 08:49:37 GMT", TAG, True),
        ("Sun Nov  6 08:49:37 1994", TAG, True),
        # Not a list, not a star, not anything else.
        ('"tag", "other"', TAG, False),
        ("*", TAG, False),
        ("", TAG, False),
        ("wrong", TAG, False),
        ("tag", TAG, False),
        ('"tag', TAG, False),
        ('w/"tag"', TAG, False),
        (f"{DATE},{DATE}", TAG, False),
    ],
)
def test_range_applies(if_range, validators, expected):
    assert range_applies(if_range, validators) is expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ('"a"', ('"a"',)),
        ('W/"a"', ('W/"a"',)),
        ('"a", W/"b,c" ,, "d"', ('"a"', 'W/"b,c"', '"d"')),
        ('"a", "b', ('"a"',)),
        ('"a" "b"', ()),
        ("*", ()),
        ("", ()),
        # The rows of Test_scanETag in Go's fs_test.go (version 1.19, The Go Authors).
        ('W/"etag-1"', ('W/"etag-1"',)),
        ('"etag-2"', ('"etag-2"',)),
        ('"etag-1", "etag-2"', ('"etag-1"', '"etag-2"')),
        ("W/", ()),
        ('W/"truc', ()),
        ('w/"case-sensitive"', ()),
        ('"spaced etag"', ()),
    ],
)
def test_entity_tags(field, expected):
    assert entity_tags(field) == expected


tags = st.builds(
    '{}"{}"'.format,
    st.sampled_from(["", "W/"]),
    st.text(
        st.characters(
            min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"\x7f', exclude_categories=["Cc"]
        )
    ),
)


@given(st.lists(tags), st.sampled_from([",", ", ", " ,\t", ",, ,"]))
def test_a_list_of_tags_is_read_as_written(written, separator):
    assert entity_tags(separator.join(written)) == tuple(written)


@given(st.text())
def test_any_list_is_read(field):
    assert all(tag in field for tag in entity_tags(field))


@given(st.text(), st.sampled_from([TAG, WEAK, NO_TAG, NO_DATE, NOTHING]))
def test_any_value_is_judged(field, validators):
    names = ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"]
    for name in names:
        assert evaluate("GET", {name: field}, validators) in Outcome
    range_applies(field, validators)


@pytest.mark.parametrize("field", [" " * 60_000 + "x", ", " * 30_000, '"' * 60_001, '"a", ' * 10_000 + "x"])
def test_a_long_list_is_read(field):
    assert len(entity_tags(field)) <= 10_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", MODIFIED),
        ("Sunday, 06-Nov-94 08:49:37 GMT", MODIFIED),
        ("Sun Nov  6 08:49:37 1994", MODIFIED),
        ("  Sun, 06 Nov 1994 08:49:37 GMT\t", MODIFIED),
        ("Sun,  06   Nov 1994  08:49:37  GMT", MODIFIED),
        ("Sunday,  06-Nov-94  08:49:37  GMT", MODIFIED),
        ("Sun  Nov  6  08:49:37  1994", MODIFIED),
        ("Sun Nov 06 08:49:37 1994", MODIFIED),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
        ("Wed, 08 Jul 2037 22:53:52 GMT", 0x7F000000),
        ("Tue, 19 Jan 2038 03:14:08 GMT", 0x7FFFFFFF + 1),
        ("Fri, 25 Feb 2174 09:42:23 GMT", 0x17FFFFFFF),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
        ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800),  # a leap second that was
        ("Mon, 06 Nov 1994 08:49:37 GMT", MODIFIED),  # it was a Sunday
        # Two digits of a year.
        ("Thursday, 01-Jan-70 00:00:00 GMT", 0),
        ("Tuesday, 01-Jan-69 00:00:00 GMT", 3_124_224_000),
        ("Friday, 31-Dec-99 23:59:59 GMT", 946_684_799),
        # Not dates.
        ("", None),
        ("Sun, 6 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37", None),
        ("Sun, 06 Nov 1994 08:49:37 UTC", None),
        ("Sun, 06 Nov 1994 08:49:37 +0000", None),
        ("Sun, 06 Nov 1994 08:49:37 PST", None),
        ("Sun, 06 Nov 94 08:49:37 GMT", None),
        ("06 Nov 1994 08:49:37 GMT", None),
        ("Son, 06 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 nov 1994 08:49:37 GMT", None),
        ("Sun, 31 Feb 1994 08:49:37 GMT", None),
        ("Thu, 29 Feb 1900 08:49:37 GMT", None),
        ("Sun, 00 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 24:00:00 GMT", None),
        ("Sun, 06 Nov 1994 08:60:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:61 GMT", None),
        ("Sun, 06 Nov 0000 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 8:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT\n", None),
        ("Sun,\u00a006 Nov 1994 08:49:37 GMT", None),
        ("Sun, \u0660\u0666 Nov 1994 08:49:37 GMT", None),
        ("Sun Nov  6 08:49:37 1994 GMT", None),
        ("1994-11-06T08:49:37Z", None),
        ("784111777", None),
        ("-1", None),
    ],
)
def test_parse_date(text, expected):
    assert parse_date(text) == expected


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (MODIFIED, DATE),
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        (2**31, "Tue, 19 Jan 2038 03:14:08 GMT"),
        (-62_135_596_800, "Mon, 01 Jan 0001 00:00:00 GMT"),
        # A file can have any time; a date has a year of four digits.
        (2**62, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (-(2**62), "Mon, 01 Jan 0001 00:00:00 GMT"),
    ],
)
def test_format_date(timestamp, expected):
    assert format_date(timestamp) == expected


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_a_date_is_read_as_written(timestamp):
    assert parse_date(format_date(timestamp)) == timestamp


@given(st.integers(0, 253_402_300_799))
def test_dates_are_written_as_the_standard_library_does(timestamp):
    assert format_date(timestamp) == email.utils.formatdate(timestamp, usegmt=True)


@given(st.text())
def test_any_text_is_a_date_or_not(text):
    assert parse_date(text) is None or isinstance(parse_date(text), int)


@pytest.mark.parametrize(
    ("mtime_ns", "now", "expected"),
    [
        (100_000_000_000, 160.0, 100),
        (100_999_999_999, 160.0, 100),
        (100_999_999_999, 102.0, 100),
        (100_000_000_000, 101.9, None),  # another write could still be stamped with second 100
        (100_999_999_999, 101.5, None),
        (100_000_000_000, 100.0, None),
        (200_000_000_000, 100.0, None),  # in the future
        (-1, 100.0, -1),
        (0, 100.0, 0),
    ],
)
def test_settled_last_modified(mtime_ns, now, expected):
    assert settled_last_modified(mtime_ns, now) == expected


KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("fields", "tag"),
    [
        ({}, None),
        ({"If-None-Match": f'"{KEY}-1"'}, f'"{KEY}-1"'),
        ({"If-None-Match": f'W/"{KEY}-1"'}, f'"{KEY}-1"'),
        ({"If-None-Match": f'"other", W/"x,y", "{KEY}-2", "{KEY}-3"'}, f'"{KEY}-2"'),
        ({"If-None-Match": f'"{KEY}"'}, None),
        ({"If-None-Match": f'"x{KEY}-1"'}, None),
        ({"If-None-Match": f'"{KEY[:-1]}-1"'}, None),
        ({"If-None-Match": "*"}, None),
        ({"If-None-Match": f'"{KEY}-1'}, None),
        ({"If-None-Match": f'"{KEY}-1"', "If-Match": "*"}, None),
        ({"If-None-Match": f'"{KEY}-1"', "If-Unmodified-Since": "x"}, None),
        ({"If-Match": f'"{KEY}-1"'}, None),
    ],
)
def test_equivalent_tag(fields, tag):
    assert equivalent_tag(fields, KEY) == tag
