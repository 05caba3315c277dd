"""Well-formed and malformed requests: the corpus that gunicorn tests its parser with, sent to our server.

It is read from gunicorn's source distribution (MIT license), which `.ci/run` downloads and which is no part
of this project: `tests/requests/{valid,invalid}/*.http`, one request a file, with the escapes `\\r\\n`,
`\\n`, `\\t`, `\\0` and `\\xNN`, where the line ends of the file itself do not count.

Their targets do not exist here, so a 404 would tell nothing about the syntax. So GET, POST and PUT of a path
become GET of a file that is there, and a request of HTTP/1.1 without Host gets one, unless that is what the
row is about: what is well-formed is then answered with 200, and what is not with something else.
"""

from __future__ import annotations

import re
import socket
import tarfile

import pytest

SDIST = "gunicorn-27.0.1.tar.gz"

pytestmark = pytest.mark.needs(SDIST)

WAITS = 0
"""In place of a status: the request is not complete, and the server waits for the rest of it."""

# Malformed for gunicorn, but we answer 200. Why:
ACCEPTED = {
    "rfc9112_smuggle_cl_list_form_01": "`Content-Length: 5, 5` is 5, as RFC 9110 s.8.6 allows",
    # Limits that gunicorn has or is told in that test. Ours: 8 KiB of a target, 16 KiB of all fields.
    "006": "the target is longer than 4,094 bytes there; here it becomes a short one",
    "007": "a field is longer than 8,190 bytes",
    "008": "a field is longer than 8,190 bytes",
    "009": "more than 100 fields",
    "010": "more than 10 bytes in a field",
    "011": "more than 2 fields",
    "012": "more than 98 bytes in a field",
    "017": "a field is longer than 8,190 bytes",
    "limit_header_default_01": "a field is longer than 8,190 bytes",
    # Other settings of gunicorn.
    "019": "the fields of two proxies contradict each other: we read neither",
    "040": "Content_Length with an underscore: for us a field like any other, and WSGI's problem",
    "chunked_07": "Transfer_Encoding with an underscore: the same",
    # Our policy.
    "041": "two fields Content-Type in a GET, which we do not look at",
    "rfc9112_bare_lf_01": "a line that ends with LF alone, which RFC 9112 s.2.2 lets us take for a line end",
}

# Malformed for gunicorn, and refused by us with another status than 400, or not at all yet.
REFUSED_OTHERWISE = {
    "rfc9112_target_non_ascii_02": (404, "UTF-8 in a target is read as a name, as nginx does: curl sends it"),
    "003c": (405, "a method of two letters, which gunicorn does not believe in"),
    "001": (WAITS, "it ends within a field"),
    "pp_01": (WAITS, "one line, and the lines after it are missing"),
    "pp_02": (WAITS, "the same"),
    "pp_03": (WAITS, "the same"),
    "rfc9112_chunked_missing_final_crlf_01": (WAITS, "the line end after the trailer section is missing"),
}

# Well-formed for gunicorn, and not answered with 200 by us.
NOT_200 = {
    "017": (412, "its If-Match is not met"),
    "099": (WAITS, "its content has 8,599 bytes, its Content-Length says 17,914"),
    # Settings of gunicorn which allow what RFC 9112 forbids.
    "028": (400, "a space before the colon (s.5.1)"),
    "compat_obs_fold": (400, "a field in two lines (s.5.2)"),
    "compat_obs_fold_huge": (400, "a field in many lines"),
    # A line or a block of bytes by a proxy before the request, which gunicorn can be told to read.
    "pp_01": (400, "PROXY protocol 1"),
    "pp_02": (400, "PROXY protocol 1"),
    "pp_04": (400, "PROXY protocol 2"),
    "pp_05": (400, "PROXY protocol 2"),
    # Tornado knows chunked, alone and bare. We read no content: to refuse is safe, if not polite.
    "012": (400, "a trailer section"),
    "013": (400, "chunk extensions"),
    "rfc9112_chunked_ext_quoted_01": (400, "a chunk extension"),
    "025": (400, "gzip and chunked in two fields"),
    "025_line": (400, "gzip and chunked"),
    "rfc9112_smuggle_gzip_chunked_01": (400, "gzip and chunked"),
    "029": (400, "identity and chunked in two fields"),
    "030": (400, "identity and chunked in two fields"),
    "rfc9112_smuggle_te_identity_chunked_01": (400, "identity and chunked"),
    # Methods and targets.
    "031": (405, "a method that nobody knows"),
    "031compat": (405, "the same in small letters"),
    "031compat2": (405, "the same"),
    "rfc9112_target_absolute_userinfo_01": (400, "a user in a URL is an error (RFC 9110 s.4.2.4)"),
    "rfc9112_target_asterisk_options_01": (204, "OPTIONS of the server"),
    "rfc9112_target_authority_connect_01": (405, "CONNECT"),
    "rfc9112_target_authority_ipv6_01": (405, "CONNECT"),
}


def decoded(text: bytes) -> bytes:
    """The bytes of a request, from the form in which the corpus has it."""
    text = text.replace(b"\n", b"")
    for escaped, byte in ((rb"\r\n", b"\r\n"), (rb"\0", b"\0"), (rb"\n", b"\n"), (rb"\t", b"\t")):
        text = text.replace(escaped, byte)
    return re.sub(rb"\\x([0-9A-Fa-f]{2})", lambda found: bytes.fromhex(found[1].decode()), text)


def pointed_here(request: bytes) -> bytes:
    """The request for a file that is there, with a Host; see above."""
    request = re.sub(rb"^(POST|PUT) ", b"GET ", request)
    here = rb"GET \1/hello.txt HTTP/1."
    request = re.sub(rb"^GET (http://[^/ ]+|https://[^/ ]+|)/[!-~]* HTTP/1\.", here, request, flags=re.M)
    if not re.search(rb"^\s*host\s*:", request, re.I | re.M):
        request = re.sub(rb"^(\S+ \S+ HTTP/1\.1\r\n)", rb"\1Host: a\r\n", request, flags=re.M)
    return request


@pytest.fixture(scope="module")
def corpus(tool):
    """Requests by kind (`valid`, `invalid`), then by name."""
    found = {"valid": {}, "invalid": {}}
    with tarfile.open(tool(SDIST)) as archive:
        for member in archive:
            if path := re.search(r"/tests/requests/(valid|invalid)/(\w+)\.http$", member.name):
                found[path[1]][path[2]] = pointed_here(decoded(archive.extractfile(member).read()))
    return found


def status_of(server, request: bytes) -> int:
    """The status of the first response, or WAITS; a connection that is closed at once counts as 400.

    What is known to be incomplete is not waited for: our end is closed, and the server then has nothing to
    answer. So the time-out of the connection is a failure.
    """
    with server.connect() as connection:
        try:
            connection.sendall(request)
            head = connection.recv(65536)
        except ConnectionError:
            return 400
        return int(re.match(rb"HTTP/1\.1 (\d{3}) ", head)[1]) if head else 400


def waits(server, request: bytes) -> bool:
    """Whether there is no answer to what we sent when we close our end."""
    with server.connect() as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(1) == b""


def statuses(server, requests, explained):
    """The statuses of all requests that no table explains."""
    return {name: status_of(server, request) for name, request in requests.items() if name not in explained}


def test_the_corpus_is_whole(corpus):
    assert (len(corpus["valid"]), len(corpus["invalid"])) == (62, 81)
    assert ACCEPTED.keys() | REFUSED_OTHERWISE.keys() <= corpus["invalid"].keys()
    assert NOT_200.keys() <= corpus["valid"].keys()


def test_malformed_requests_are_refused(server, corpus):
    found = statuses(server, corpus["invalid"], ACCEPTED | REFUSED_OTHERWISE)
    assert {name: status for name, status in found.items() if status != 400} == {}
    assert server.get("/hello.txt").content == b"hello\n"


def test_well_formed_requests_are_answered(server, corpus):
    found = statuses(server, corpus["valid"], NOT_200)
    assert {name: status for name, status in found.items() if status != 200} == {}
    assert server.get("/hello.txt").content == b"hello\n"


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_no_mistake_here(server, corpus, name):
    assert status_of(server, corpus["invalid"][name]) == 200


@pytest.mark.parametrize(
    ("kind", "name", "status"),
    [
        *(("invalid", name, status) for name, (status, _) in REFUSED_OTHERWISE.items()),
        *(("valid", name, status) for name, (status, _) in NOT_200.items()),
    ],
)
def test_what_is_answered_otherwise(server, corpus, kind, name, status):
    request = corpus[kind][name]
    if status == WAITS:
        assert waits(server, request)
    else:
        assert status_of(server, request) == status
    assert server.get("/hello.txt").content == b"hello\n"


# The targets of which none is a path (RFC 9112 s.3.2): refused before anything looks for a file.
@pytest.mark.parametrize(
    "target", ["*", "example.com:80", "hello.txt", "//", "s://x/hello.txt", "%2Fhello.txt"]
)
def test_targets_that_are_no_path(server, target):
    assert status_of(server, f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()) == 400
