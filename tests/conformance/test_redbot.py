"""What REDbot and httplint (PyPI; `.ci/run` gives them an environment of their own) say to our responses.

REDbot asks for a resource in several ways: with conditions, ranges and codings. httplint reads one message.
Both give notes; none may be of level BAD, and each WARN is explained here.
"""

from __future__ import annotations

import json
import re
import subprocess

import pytest

# Notes of level WARN: why they are no mistake of ours.
EXPLAINED = {
    "CONTENT_TYPE_MISMATCH": "its detector has no rule that finds what ffmpeg's fragmented MP4 begins with",
    "STORE_PUBLIC_UNNECESSARY": "`public` lets a cache keep what was asked for with Authorization: intended",
    "RANGE_CL_FULL": "the file is so short that REDbot's range is all of it",
}

# What must have been found good, by target: REDbot says nothing on what it did not try.
FILE = {"CL_CORRECT", "RANGE_CORRECT", "INM_304", "IMS_304", "DATE_CORRECT"}
KEPT = {"CL_CORRECT", "RANGE_CORRECT", "INM_304", "DATE_CORRECT"}
STREAM = {"DATE_CORRECT"}


@pytest.mark.slow
@pytest.mark.needs("redbot")
@pytest.mark.parametrize(
    ("target", "good"),
    [
        ("/1.jpg", FILE),
        ("/hello.txt", FILE),
        ("/1.jpg?size=300x200", KEPT),
        ("/hello.txt?preset=sized", STREAM),
        ("/clip.mkv?preset=mp4&height=144", STREAM),
        ("/-/", set()),
        ("/nothing", set()),
    ],
)
def test_redbot(server, tool, target, good):
    server.get(target)  # so that a result that is kept has been made
    command = [tool("redbot"), "-o", "har", f"{server.url}{target}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    entry = json.loads(done.stdout)["log"]["entries"][0]
    notes = {note["note_id"]: (note["level"], note["summary"]) for note in entry["_red_messages"]}
    assert {name: note for name, note in notes.items() if note[0] == "BAD"} == {}
    assert {name for name, (level, _) in notes.items() if level == "WARN"} <= EXPLAINED.keys()
    assert good <= {name for name, (level, _) in notes.items() if level == "GOOD"}


# Messages that REDbot does not ask for: the line and fields of the request, then the status.
REQUESTS = [
    ("GET /hello.txt", "", 200),
    ("GET /hello.txt", "Range: bytes=1-2", 206),
    ("GET /hello.txt", "Range: bytes=0-0,2-2", 206),
    ("GET /hello.txt", "Range: bytes=9-", 416),
    ("GET /hello.txt", "If-None-Match: *", 304),
    ("GET /hello.txt", 'If-Match: "another"', 412),
    ("GET /hello.txt?preset=sized", "Range: bytes=5-", 416),
    ("GET /hello.txt?preset=no", "", 400),
    ("GET /nothing", "", 404),
    ("GET /", "", 302),
    ("GET /-/list?folder=/", "", 200),
    ("POST /hello.txt", "Content-Length: 0", 405),
    ("OPTIONS /hello.txt", "", 204),
]

# What httplint calls BAD and RFC 9110 s.15.3.7.2 demands: several ranges have a Content-Range in each part.
MISTAKEN = ["This response is partial, but doesn't have a Content-Range header."]


@pytest.mark.needs("httplint")
@pytest.mark.parametrize(("line", "field", "status"), REQUESTS)
def test_httplint(server, tool, line, field, status):
    fields = "".join(f"{part}\r\n" for part in ("Host: a", "Connection: close", field) if part)
    with server.connect() as connection, connection.makefile("rb") as file:
        connection.sendall(f"{line} HTTP/1.1\r\n{fields}\r\n".encode())
        response = file.read()
    assert response.startswith(b"HTTP/1.1 %d " % status)
    command = [tool("httplint"), "-n"]
    done = subprocess.run(command, input=response, capture_output=True, check=True, timeout=60)
    notes = re.findall(r"^\* \[(\w+)\] (.*)", done.stdout.decode(), re.M)
    assert notes, done
    assert [text for level, text in notes if level == "BAD"] == (MISTAKEN if "," in field else [])
