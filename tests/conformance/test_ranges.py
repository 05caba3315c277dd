"""Ranges over a socket: the rows that Go's net/http has for its file server, and requests with If-Range.

The rows of Go's `ParseRangeTests` (range_test.go) are in tests/http/test_ranges.py, with its policy beside
ours where they differ. What a header field means is decided there; here is what is then sent.
"""

from __future__ import annotations

import email
import email.policy
import email.utils
import re

import pytest

# The rows of ServeFileRangeTests in fs_test.go of Go's net/http (version 1.19, The Go Authors), in their
# order: the field, the status, and each range as its first and last position in the 11 bytes of the file.
GO_SERVE_FILE = [
    (None, 200, []),
    ("bytes=0-4", 206, [(0, 4)]),
    ("bytes=2-", 206, [(2, 10)]),
    ("bytes=-5", 206, [(6, 10)]),
    ("bytes=3-7", 206, [(3, 7)]),
    ("bytes=0-0,-2", 206, [(0, 0), (9, 10)]),
    ("bytes=0-1,5-8", 206, [(0, 1), (5, 8)]),
    ("bytes=0-1,5-", 206, [(0, 1), (5, 10)]),
    ("bytes=5-1000", 206, [(5, 10)]),
    ("bytes=0-,1-,2-,3-,4-", 200, []),  # Go: their sum is more than the file. We: they overlap
    ("bytes=0-9", 206, [(0, 9)]),
    ("bytes=0-10", 206, [(0, 10)]),
    ("bytes=0-11", 206, [(0, 10)]),
    ("bytes=10-11", 206, [(10, 10)]),
    ("bytes=10-", 206, [(10, 10)]),
    ("bytes=11-", 416, []),
    ("bytes=11-12", 416, []),
    ("bytes=12-12", 416, []),
    ("bytes=11-100", 416, []),
    ("bytes=12-100", 416, []),
    ("bytes=100-", 416, []),
    ("bytes=100-1000", 416, []),
]

# The rows of ParseRangeTests on which Go and we disagree, as they look from outside. The file has 11 bytes.
POLICY = [
    ("foo", 200, []),  # Go: 416. A unit that is not known is ignored (RFC 9110 s.14.2)
    ("bytes=", 416, []),  # Go: 200. Malformed: a set has at least one range
    ("bytes= , , ,   ", 416, []),  # Go: 200, as above
    ("bytes=-2 , 7-", 200, []),  # Go: 206 with both. They overlap, and we then send the whole
    ("bytes=7", 416, []),  # malformed; RFC 9110 allows to ignore it, Go and nginx refuse as we do
    ("bytes=5-4", 416, []),  # the same
]

CONTENT = b"0123456789A"


@pytest.mark.parametrize(("field", "status", "ranges"), GO_SERVE_FILE + POLICY)
def test_the_ranges_of_a_file(server, field, status, ranges):
    answer = server.get("/eleven.txt", **({} if field is None else {"Range": field}))
    assert answer.status == status
    assert answer.headers["Accept-Ranges"] == "bytes"
    expected = [(f"bytes {first}-{last}/11", CONTENT[first : last + 1]) for first, last in ranges]
    if status == 200:
        assert answer.content == CONTENT
        assert answer.headers["Content-Range"] is None
    elif status == 416:
        assert answer.headers["Content-Range"] == "bytes */11"
    elif len(ranges) == 1:
        assert (answer.headers["Content-Range"], answer.content) == expected[0]
    else:
        assert answer.headers["Content-Range"] is None
        assert parts(answer) == expected


@pytest.mark.parametrize("field", [field for field, *_ in GO_SERVE_FILE if field])
def test_head_ignores_ranges(server, field):
    answer = server.get("/eleven.txt", method="HEAD", Range=field)
    assert (answer.status, answer.headers["Content-Length"], answer.content) == (200, "11", b"")


def parts(answer):
    """Content-Range and content of each part, by the parser of Python's email package."""
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.content, policy=email.policy.HTTP)
    assert message.get_content_type() == "multipart/byteranges"
    assert not message.defects
    found = []
    for part in message.iter_parts():
        assert part.get_content_type() == "text/plain"
        found.append((part["Content-Range"], part.get_payload(decode=True)))
    return found


# RFC 9110 s.13.1.5: the validator must match by the strong comparison, or the whole is sent.
@pytest.mark.parametrize(
    ("validator", "status"),
    [
        ("{tag}", 206),
        ("W/{tag}", 200),  # a weak one never matches
        ('"another"', 200),
        ('"', 200),
        ("{unquoted}", 200),
        ("{tag}, {tag}", 200),  # one validator, not a list
        ("*", 200),
        ("{later}", 200),  # a date must match exactly
        ("{earlier}", 200),
        ("not a date", 200),
    ],
)
@pytest.mark.parametrize("target", ["/eleven.txt", "/big.bin", "/1.jpg?size=300x200"])
def test_if_range(server, target, validator, status):
    whole = server.get(target)
    tag = whole.headers["ETag"]
    modified = email.utils.parsedate_to_datetime(whole.headers["Last-Modified"] or whole.headers["Date"])
    values = {
        "tag": tag,
        "unquoted": tag.strip('"'),
        "date": whole.headers["Last-Modified"],
        "later": email.utils.format_datetime(modified.replace(year=modified.year + 1), usegmt=True),
        "earlier": email.utils.format_datetime(modified.replace(year=modified.year - 1), usegmt=True),
    }
    answer = server.get(target, Range="bytes=2-5", If_Range=validator.format(**values))
    assert answer.status == status
    assert answer.content == (whole.content[2:6] if status == 206 else whole.content)


def test_if_range_with_the_date_of_the_file(server):
    """A date is a strong validator when it lies a while before the response (RFC 9110 s.8.8.2.2)."""
    date = server.get("/eleven.txt").headers["Last-Modified"]
    answer = server.get("/eleven.txt", Range="bytes=2-5", If_Range=date)
    assert (answer.status, answer.content) == (206, CONTENT[2:6])


THOUSAND = {
    "the same": "bytes=" + ",".join(["0-"] * 1000),
    "ever longer": "bytes=0-" + "".join(f",5-{5 + index}" for index in range(1000)),
    "ladder": "bytes=" + ",".join(f"{index}-{index + 10}" for index in range(1000)),
}


@pytest.mark.parametrize("field", THOUSAND.values(), ids=THOUSAND.keys())
def test_a_thousand_overlapping_ranges(server, big, field):
    """CVE-2011-3192: each answer is the file once, and the server does not grow by the sum of the ranges."""
    server.get("/big.bin")
    before = server.peak_memory()
    for _ in range(5):
        answer = server.get("/big.bin", Range=field)
        assert (answer.status, len(answer.content)) == (200, len(big))
        assert answer.content == big
    assert server.peak_memory() - before < 8 * 1024 * 1024


def test_a_range_far_behind_the_end(server, big):
    answer = server.get("/big.bin", Range=f"bytes={2**63 - 1}-")
    assert answer.status == 416
    assert re.fullmatch(rf"bytes \*/{len(big)}", answer.headers["Content-Range"])
