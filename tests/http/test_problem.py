import html.parser
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.http.problem import problem_body

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
PROBLEM = "application/problem+json"

HOSTILE = "<script>alert(1)</script> \"'&amp; </p></title></style> $title ${detail}"


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []
        self.text = {}

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        if self.tags:
            self.text[self.tags[-1]] = self.text.get(self.tags[-1], "") + data


def page(content: bytes) -> Page:
    read = Page()
    read.feed(content.decode())
    read.close()
    return read


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, TEXT),
        ("", TEXT),
        ("*/*", TEXT),
        ("text/plain", TEXT),
        ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", TEXT),
        ("image/png", TEXT),
        ("text/*", TEXT),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
        ("text/html", HTML),
        ("application/json;q=0.5, text/html", HTML),
        ("application/json", PROBLEM),
        ("application/problem+json", PROBLEM),
        ("application/json; charset=utf-8", PROBLEM),
        ("application/*", PROBLEM),
        ("application/json, */*;q=0.5", PROBLEM),
        ("text/html;q=0.5, application/json", PROBLEM),
        # Wanted as much as text is not preferred to it.
        ("application/json, text/plain, */*", TEXT),
    ],
)
def test_the_form_that_the_client_reads(accept, media_type):
    assert problem_body(404, "Not Found", "There is no /1.jpg.", accept)[0] == media_type


def test_text_is_one_line():
    assert problem_body(404, "Not Found", "There is no /1.jpg.", None) == (
        TEXT,
        b"404 Not Found: There is no /1.jpg.\n",
    )
    assert problem_body(404, "Not Found", "", None)[1] == b"404 Not Found\n"
    assert problem_body(400, "Bad Request", "größe=1", None)[1] == "400 Bad Request: größe=1\n".encode()


def test_text_drives_no_terminal():
    content = problem_body(404, "Not Found", "a\r\nb\x1b[31mc\x00d\u202ee\udcfff\u2028g", None)[1]
    assert content.decode() == "404 Not Found: a\ufffd\ufffdb\ufffd[31mc\ufffdd\ufffde\ufffdf\ufffdg\n"


def test_json_has_the_members_of_the_rfc():
    media_type, content = problem_body(400, "Bad Request", "size: at most 4000x4000.", "application/json")
    assert media_type == PROBLEM
    assert json.loads(content) == {
        "status": 400,
        "title": "Bad Request",
        "detail": "size: at most 4000x4000.",
    }


def test_json_extensions_stand_beside_the_members_and_never_replace_them():
    extensions = {"parameter": "size", "accepts": ["1x1", "4000x4000"], "status": 200, "when": {1}}
    content = problem_body(400, "Bad Request", "No.", "application/json", extensions)[1]
    assert json.loads(content) == {
        "status": 400,
        "title": "Bad Request",
        "detail": "No.",
        "parameter": "size",
        "accepts": ["1x1", "4000x4000"],
        "when": "{1}",
    }


def test_json_carries_any_text():
    content = problem_body(404, "Not Found", 'a"\n\udcff\u2028<é', "application/json")[1]
    assert json.loads(content)["detail"] == 'a"\n\udcff\u2028<é'


def test_the_page_is_complete():
    media_type, content = problem_body(404, "Not Found", "There is no /1.jpg.", "text/html")
    read = page(content)
    assert media_type == HTML
    assert content.startswith(b"<!DOCTYPE html>\n")
    assert read.text["title"] == "404 Not Found\n"
    assert read.text["p"].strip() == "There is no /1.jpg."
    assert b'name="color-scheme" content="light dark"' in content
    assert b'name="viewport"' in content
    assert b"$" not in content


def test_the_page_escapes_everything():
    plain = page(problem_body(404, "Not Found", "x", "text/html")[1])
    _, content = problem_body(404, HOSTILE, HOSTILE, "text/html")
    read = page(content)
    assert read.tags == plain.tags
    assert read.text["p"].strip() == HOSTILE
    assert b"<script" not in content


@given(st.text(st.characters()), st.text(), st.sampled_from([None, "text/html", "application/json"]))
def test_any_text_is_told(title, detail, accept):
    media_type, content = problem_body(500, title, detail, accept)
    text = content.decode()
    if media_type == TEXT:
        assert text.count("\n") == 1
        assert text.endswith("\n")
    elif media_type == HTML:
        assert page(content).tags == page(problem_body(500, "x", "x", "text/html")[1]).tags
    else:
        assert json.loads(text)["title"] == title
