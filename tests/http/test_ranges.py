import email
import email.policy
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tornado_media.http.ranges import (
    UNKNOWN_END,
    ByteRange,
    MultipartByteranges,
    RangeNotSatisfiable,
    content_range,
    multipart_byteranges,
    parse_growing_range,
    parse_range,
)

WHOLE = None  # 200, all of it
NO = RangeNotSatisfiable  # 416


def answer(field, complete_length):
    try:
        ranges = parse_range(field, complete_length)
    except RangeNotSatisfiable:
        return NO
    return WHOLE if ranges is None else [(found.first_pos, found.last_pos) for found in ranges]


# The rows of ParseRangeTests in range_test.go of Go's net/http (version 1.19, The Go Authors), in their
# order. Go gives start and length; here are first and last position. Go has one "nothing" for what is here
# either WHOLE or NO.
GO_PARSE_RANGE = [
    ("", 0, WHOLE),
    ("", 1000, WHOLE),
    ("foo", 0, WHOLE),  # Go: 416. Not the unit bytes, so it must be ignored (RFC 9110 s.14.2)
    ("bytes=", 0, NO),  # Go: 200. Malformed: a set has at least one range; nginx: 416
    ("bytes=7", 10, NO),
    ("bytes= 7 ", 10, NO),
    ("bytes=1-", 0, WHOLE),  # Go 1.19: 416, later versions 200, as nginx: nothing to cut in an empty file
    ("bytes=5-4", 10, NO),
    ("bytes=0-2,5-4", 10, NO),
    ("bytes=2-5,4-3", 10, NO),
    ("bytes=--5,4--3", 10, NO),
    ("bytes=A-", 10, NO),
    ("bytes=A- ", 10, NO),
    ("bytes=A-Z", 10, NO),
    ("bytes= -Z", 10, NO),
    ("bytes=5-Z", 10, NO),
    ("bytes=Ran-dom, garbage", 10, NO),
    ("bytes=0x01-0x02", 10, NO),
    ("bytes=         ", 10, NO),  # Go: 200, see `bytes=`
    ("bytes= , , ,   ", 10, NO),  # Go: 200, see `bytes=`
    ("bytes=0-9", 10, [(0, 9)]),
    ("bytes=0-", 10, [(0, 9)]),
    ("bytes=5-", 10, [(5, 9)]),
    ("bytes=0-20", 10, [(0, 9)]),
    ("bytes=15-,0-5", 10, [(0, 5)]),
    ("bytes=1-2,5-", 10, [(1, 2), (5, 9)]),
    ("bytes=-2 , 7-", 11, WHOLE),  # Go: 9-10 and 7-10. They overlap, and one simple rule refuses that
    ("bytes=0-0 ,2-2, 7-", 11, [(0, 0), (2, 2), (7, 10)]),
    ("bytes=-5", 10, [(5, 9)]),
    ("bytes=-15", 10, [(0, 9)]),
    ("bytes=0-499", 10000, [(0, 499)]),
    ("bytes=500-999", 10000, [(500, 999)]),
    ("bytes=-500", 10000, [(9500, 9999)]),
    ("bytes=9500-", 10000, [(9500, 9999)]),
    ("bytes=0-0,-1", 10000, [(0, 0), (9999, 9999)]),
    ("bytes=500-600,601-999", 10000, [(500, 600), (601, 999)]),
    ("bytes=500-700,601-999", 10000, WHOLE),  # Go: 500-700 and 601-999. They overlap, see above
    ("bytes=   1 -2   ,  4- 5, 7 - 8 , ,,", 11, [(1, 2), (4, 5), (7, 8)]),
]

# The rows of ServeFileRangeTests in fs_test.go of the same: a file of 11 bytes, the status as Go sends it.
GO_SERVE_FILE = [
    (None, WHOLE),
    ("bytes=0-4", [(0, 4)]),
    ("bytes=2-", [(2, 10)]),
    ("bytes=-5", [(6, 10)]),
    ("bytes=3-7", [(3, 7)]),
    ("bytes=0-0,-2", [(0, 0), (9, 10)]),
    ("bytes=0-1,5-8", [(0, 1), (5, 8)]),
    ("bytes=0-1,5-", [(0, 1), (5, 10)]),
    ("bytes=5-1000", [(5, 10)]),
    ("bytes=0-,1-,2-,3-,4-", WHOLE),
    ("bytes=0-9", [(0, 9)]),
    ("bytes=0-10", [(0, 10)]),
    ("bytes=0-11", [(0, 10)]),
    ("bytes=10-11", [(10, 10)]),
    ("bytes=10-", [(10, 10)]),
    ("bytes=11-", NO),
    ("bytes=11-12", NO),
    ("bytes=12-12", NO),
    ("bytes=11-100", NO),
    ("bytes=12-100", NO),
    ("bytes=100-", NO),
    ("bytes=100-1000", NO),
]

# What nginx's own tests ask of its range filter (nginx-tests, range.t): a file of 1,000 bytes.
NGINX = [
    ("bytes=0-8", [(0, 8)]),
    ("bytes=-10", [(990, 999)]),
    ("bytes=990-", [(990, 999)]),
    ("bytes=990-1990", [(990, 999)]),
    ("bytes=0-9, -10, 10-19", [(0, 9), (990, 999), (10, 19)]),
    ("bytes=0-9, -10, 100000-, 10-19", [(0, 9), (990, 999), (10, 19)]),
    ("bytes=100000-", NO),
    ("bytes=alpha", NO),
    ("bytes=10-alpha", NO),
    ("bytes=10", NO),
    ("bytes=10-11 12-", NO),
    ("bytes=0-10001", [(0, 999)]),
    ("bytes=0-10001, 0-0", WHOLE),
]

OURS = [
    # The examples of RFC 9110 s.14.1.2.
    ("bytes=0-999, 4500-5499, -1000", 10000, [(0, 999), (4500, 5499), (9000, 9999)]),
    ("bytes=500-700,601-999", 10000, WHOLE),
    # Edges of a representation.
    ("bytes=0-0", 1, [(0, 0)]),
    ("bytes=-1", 1, [(0, 0)]),
    ("bytes=-1", 10, [(9, 9)]),
    ("bytes=0-", 1, [(0, 0)]),
    ("bytes=1-", 1, NO),
    ("bytes=-0", 10, NO),
    ("bytes=-0,0-0", 10, [(0, 0)]),
    ("bytes=-00000", 10, NO),
    ("bytes=0-0", 0, WHOLE),
    ("bytes=-1", 0, WHOLE),
    ("bytes=-0", 0, WHOLE),
    ("bytes=5-4", 0, NO),  # malformed stays malformed
    # Touching is not overlapping, in any order; one byte shared is.
    ("bytes=5-9,0-4", 10, [(5, 9), (0, 4)]),
    ("bytes=0-4,4-9", 10, WHOLE),
    ("bytes=4-9,0-4", 10, WHOLE),
    ("bytes=0-9,2-3", 10, WHOLE),
    ("bytes=2-3,2-3", 10, WHOLE),
    # Clipped to the representation they would overlap, but the second begins after its end.
    ("bytes=5-,20-30", 10, [(5, 9)]),
    # Units.
    ("Bytes=0-1", 10, [(0, 1)]),
    ("BYTES=0-1", 10, [(0, 1)]),
    ("  bytes=0-1\t", 10, [(0, 1)]),
    ("items=0-1", 10, WHOLE),
    ("seconds=1-2", 10, WHOLE),
    ("bytes", 10, WHOLE),
    ("bytes 0-1", 10, WHOLE),
    ("bytes =0-1", 10, WHOLE),
    ("byte\u017f=0-1", 10, WHOLE),
    ("bytes=bytes=0-1", 10, NO),
    ("bytes=0-1,bytes=2-3", 10, NO),  # two Range fields, joined
    # What a lax number parser takes for a number.
    ("bytes=+1-2", 10, NO),
    ("bytes=1-+2", 10, NO),
    ("bytes=-+5", 10, NO),
    ("bytes=--5", 10, NO),
    ("bytes=1_0-2_0", 100, NO),
    ("bytes=1.0-2", 10, NO),
    ("bytes=1e1-", 100, NO),
    ("bytes=\u0661-\u0662", 10, NO),
    ("bytes=\u0661-2", 10, NO),
    ("bytes=1-\u0662", 10, NO),
    ("bytes=-\u0662", 10, NO),
    ("bytes=\u00b2-", 10, NO),
    ("bytes=0\u20131", 10, NO),
    ("bytes=1\x0b-2", 10, NO),
    ("bytes=1-2\n", 10, NO),
    ("bytes=1\u00a0-2", 10, NO),
    ("bytes=1 2-3", 10, NO),
    ("bytes=-", 10, NO),
    ("bytes= - ", 10, NO),
    ("bytes=0-1;2-3", 10, NO),
    ("bytes=0-1-2", 10, NO),
    # Large numbers: CVE-2017-7529 was a sum of suffixes that went round.
    ("bytes=0-9223372036854775807", 10, [(0, 9)]),
    ("bytes=9223372036854775807-", 10, NO),
    ("bytes=-9223372036854775807", 10, [(0, 9)]),
    ("bytes=-17,-9223372036854775797", 1000, WHOLE),
    ("bytes=0-18446744073709551615", 10, NO),  # 20 digits
    ("bytes=0-9999999999999999999", 10, [(0, 9)]),  # 19
    ("bytes=00000000000000000001-2", 10, NO),  # 20 digits are too many, whatever they say
    ("bytes=0-" + "9" * 400, 10, NO),
    ("bytes=" + "9" * 100_000 + "-", 10, NO),
    # A file larger than 32 bits count.
    ("bytes=5000000000-", 5_000_000_001, [(5_000_000_000, 5_000_000_000)]),
]


@pytest.mark.parametrize(("field", "complete_length", "expected"), GO_PARSE_RANGE + OURS)
def test_parse_range(field, complete_length, expected):
    assert answer(field, complete_length) == expected


@pytest.mark.parametrize(("field", "expected"), GO_SERVE_FILE)
def test_the_ranges_of_a_served_file(field, expected):
    assert answer(field, 11) == expected


@pytest.mark.parametrize(("field", "expected"), NGINX)
def test_the_ranges_that_nginx_tests(field, expected):
    assert answer(field, 1000) == expected


def test_sixteen_ranges_are_enough():
    def field(count):
        return "bytes=" + ",".join(f"{2 * index}-{2 * index}" for index in range(count))

    assert answer(field(16), 1000) == [(2 * index, 2 * index) for index in range(16)]
    assert answer(field(17), 1000) is WHOLE
    # Those outside of the representation count: it is the request that looks like an attack.
    assert answer(field(17), 5) is WHOLE
    # Empty elements of the list do not.
    assert answer("bytes=" + ",, ," * 100 + "0-0", 1000) == [(0, 0)]


@pytest.mark.parametrize(
    "field",
    [
        "bytes=0-" + "".join(f",5-{index}" for index in range(1000)),  # CVE-2011-3192
        "bytes=" + ",".join(["0-"] * 1000),
        "bytes=" + ",".join(f"{index}-{index + 10}" for index in range(1000)),
    ],
)
def test_a_thousand_overlapping_ranges_send_the_whole(field):
    assert answer(field, 1_000_000) is WHOLE


@pytest.mark.parametrize(
    "field",
    [
        "bytes=" + "0" * 60_000,  # CVE-2025-62727
        "bytes=" + " " * 60_000 + "x",
        "bytes=0" + " " * 60_000 + "x",
        "bytes=0-" + "\t" * 60_000 + "x",
        "bytes=" + "-" * 60_000,
    ],
)
def test_a_long_field_is_refused(field):
    assert answer(field, 10) is NO


range_fields = st.one_of(
    st.text(),
    st.text().map("bytes={}".format),
    st.text(alphabet="0123456789-, \t").map("bytes={}".format),
    st.lists(
        st.tuples(
            st.one_of(st.just(""), st.integers(0, 300)),
            st.one_of(st.just(""), st.integers(0, 300)),
        ).map(lambda pair: f"{pair[0]}-{pair[1]}"),
        max_size=20,
    ).map(lambda specs: "bytes=" + ",".join(specs)),
)


@given(range_fields, st.integers(0, 300))
@example("bytes=-0", 0)
def test_any_field_is_answered_within_bounds(field, complete_length):
    try:
        ranges = parse_range(field, complete_length)
    except RangeNotSatisfiable:
        return
    if ranges is None:
        return
    assert 1 <= len(ranges) <= 16
    assert all(0 <= found.first_pos <= found.last_pos < complete_length for found in ranges)
    positions = [position for found in ranges for position in range(found.first_pos, found.last_pos + 1)]
    assert len(positions) == len(set(positions)) <= complete_length


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 10**12))
def test_one_range_is_what_a_slice_is(first_pos, more, complete_length):
    last_pos = first_pos + more
    found = answer(f"bytes={first_pos}-{last_pos}", complete_length)
    sliced = range(complete_length)[first_pos : last_pos + 1]
    assert found == ([(sliced[0], sliced[-1])] if sliced else NO)


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_a_suffix_is_what_a_slice_is(suffix_length, complete_length):
    sliced = range(complete_length)[-suffix_length:]
    assert answer(f"bytes=-{suffix_length}", complete_length) == [(sliced[0], sliced[-1])]


@pytest.mark.parametrize(
    ("byte_range", "complete_length", "expected"),
    [
        (ByteRange(0, 1), 10, "bytes 0-1/10"),
        (ByteRange(0, 0), 1, "bytes 0-0/1"),
        (ByteRange(42, 1233), 1234, "bytes 42-1233/1234"),
        (ByteRange(42, 1233), None, "bytes 42-1233/*"),
        (None, 1234, "bytes */1234"),
        (None, 0, "bytes */0"),
    ],
)
def test_content_range(byte_range, complete_length, expected):
    assert content_range(byte_range, complete_length) == expected


def test_content_range_of_nothing_known():
    with pytest.raises(ValueError, match="a range or a complete length"):
        content_range(None, None)


def test_the_length_of_a_range_counts_both_ends():
    assert ByteRange(5, 5).length == 1
    assert ByteRange(0, 499).length == 500


def message(frame: MultipartByteranges, content: bytes) -> bytes:
    parts = (head + content[found.first_pos : found.last_pos + 1] for head, found in frame.parts)
    return b"".join(parts) + frame.closing


def test_multipart_is_exact():
    content = b"0123456789"
    frame = multipart_byteranges([ByteRange(0, 1), ByteRange(9, 9)], 10, "image/png", "THIS_IS")
    assert frame.media_type == "multipart/byteranges; boundary=THIS_IS"
    assert message(frame, content) == (
        b"--THIS_IS\r\n"
        b"Content-Type: image/png\r\n"
        b"Content-Range: bytes 0-1/10\r\n"
        b"\r\n"
        b"01\r\n"
        b"--THIS_IS\r\n"
        b"Content-Type: image/png\r\n"
        b"Content-Range: bytes 9-9/10\r\n"
        b"\r\n"
        b"9\r\n"
        b"--THIS_IS--\r\n"
    )
    assert frame.content_length == len(message(frame, content))


def test_multipart_of_a_representation_without_a_media_type():
    frame = multipart_byteranges([ByteRange(0, 1), ByteRange(3, 3)], None, "", "b")
    assert frame.parts[0][0] == b"--b\r\nContent-Range: bytes 0-1/*\r\n\r\n"


@given(
    st.binary(min_size=1, max_size=200).flatmap(
        lambda content: st.tuples(
            st.just(content),
            st.lists(
                st.tuples(st.integers(0, len(content) - 1), st.integers(0, len(content) - 1)).map(
                    lambda pair: ByteRange(min(pair), max(pair))
                ),
                min_size=1,
                max_size=16,
            ),
        )
    )
)
def test_multipart_is_read_by_another_parser(content_and_ranges):
    content, ranges = content_and_ranges
    boundary = "0f3a9c1e5b7d2468-not-in-the-content"
    frame = multipart_byteranges(ranges, len(content), "video/mp4", boundary)
    sent = message(frame, content)
    assert frame.content_length == len(sent)
    # The delimiters are unique, so cutting at them is a parser that shares nothing with ours.
    pieces = re.split(rb"(?:\A|\r\n)--" + boundary.encode() + rb"(?:\r\n|--\r\n\Z)", sent)
    assert (pieces[0], pieces[-1]) == (b"", b"")
    for piece, byte_range in zip(pieces[1:-1], ranges, strict=True):
        head, _, body = piece.partition(b"\r\n\r\n")
        fields = email.message_from_bytes(head, policy=email.policy.HTTP)
        assert fields["Content-Type"] == "video/mp4"
        assert fields["Content-Range"] == content_range(byte_range, len(content))
        assert body == content[byte_range.first_pos : byte_range.last_pos + 1]


@pytest.mark.parametrize("boundary", ["", "a" * 71, "a b", "a\r\nb", 'a"b', "a=b", "ä", "a\n"])
def test_a_boundary_that_needs_quotes_is_refused(boundary):
    with pytest.raises(ValueError, match="not a boundary"):
        multipart_byteranges([ByteRange(0, 1)], 10, "image/png", boundary)


@pytest.mark.parametrize("media_type", ["image/png\r\nX: y", "image/png\n", "image/png\x00"])
def test_a_media_type_cannot_add_a_field(media_type):
    with pytest.raises(ValueError, match="not a media type"):
        multipart_byteranges([ByteRange(0, 1)], 10, media_type, "b")


def test_multipart_of_no_range_is_refused():
    with pytest.raises(ValueError, match="at least one part"):
        multipart_byteranges([], 10, "image/png", "b")


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (None, None),
        ("items=0-5", None),
        ("bytes=0-", None),
        ("bytes=0-1", ByteRange(0, 1)),
        ("bytes=5-", ByteRange(5, UNKNOWN_END)),
        ("bytes=5-9", ByteRange(5, 9)),
        ("bytes=0-4611686018427387903", None),
        ("bytes=5-9999999999999999999", ByteRange(5, UNKNOWN_END)),
        # Overlapping and far too many ranges do not count, as everywhere.
        ("bytes=0-9,5-6", None),
        ("bytes=" + ",".join(f"{n}-" for n in range(1000)), None),
    ],
)
def test_growing_range(field, expected):
    assert parse_growing_range(field) == expected


@pytest.mark.parametrize(
    "field", ["bytes=-5", "bytes=0-1,4-5", "bytes=5-4", "bytes=x", "bytes=9999999999999999999-", "bytes="]
)
def test_growing_range_that_cannot_be(field):
    with pytest.raises(RangeNotSatisfiable):
        parse_growing_range(field)
