import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.http.fields import content_disposition, is_active

# What the field may be, and nothing else: the parser of the tests.
PLAIN = r"[ !#-$&-.0-\[\]-~]*"
EXTENDED = r"(?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-F]{2})+"
FIELD = re.compile(rf"inline(?:; filename=\"({PLAIN})\"(?:; filename\*=UTF-8''({EXTENDED}))?)?")


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("1.jpg", 'inline; filename="1.jpg"'),
        ("a b.jpg", 'inline; filename="a b.jpg"'),
        ("it's; ok, (1).jpg", 'inline; filename="it\'s; ok, (1).jpg"'),
        ("Grüße.jpg", "inline; filename=\"Gru_e.jpg\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.jpg"),
        ("é.jpg", "inline; filename=\"e.jpg\"; filename*=UTF-8''%C3%A9.jpg"),
        ("e\u0301.jpg", "inline; filename=\"e.jpg\"; filename*=UTF-8''e%CC%81.jpg"),
        ("写真.jpg", "inline; filename=\"__.jpg\"; filename*=UTF-8''%E5%86%99%E7%9C%9F.jpg"),
        # RFC 8187 s.3.2.3.
        (
            "£ and € rates",
            "inline; filename=\"_ and _ rates\"; filename*=UTF-8''%C2%A3%20and%20%E2%82%AC%20rates",
        ),
        ('a"b.jpg', "inline; filename=\"a_b.jpg\"; filename*=UTF-8''a%22b.jpg"),
        ("100%.jpg", "inline; filename=\"100_.jpg\"; filename*=UTF-8''100%25.jpg"),
        ("a%2fb.jpg", "inline; filename=\"a_2fb.jpg\"; filename*=UTF-8''a%252fb.jpg"),
        ("*'()%", "inline; filename=\"*'()_\"; filename*=UTF-8''%2A%27%28%29%25"),
        # What could leave the field, the folder or the direction of the text.
        ("a\r\nSet-Cookie: b=c", 'inline; filename="a__Set-Cookie: b=c"'),
        ("a\x00b\x7fc\x85d", 'inline; filename="a_b_c_d"'),
        ("../../etc/passwd", 'inline; filename=".._.._etc_passwd"'),
        ("a\\b", 'inline; filename="a_b"'),
        ("photo\u202egpj.exe", 'inline; filename="photo_gpj.exe"'),
        ("a\udcff.jpg", 'inline; filename="a_.jpg"'),
        # Full-width forms come apart into what is not allowed.
        ("a\uff0fb", "inline; filename=\"a_b\"; filename*=UTF-8''a%EF%BC%8Fb"),
        ("a\uff02b", "inline; filename=\"a_b\"; filename*=UTF-8''a%EF%BC%82b"),
        ("\u2100", "inline; filename=\"a_c\"; filename*=UTF-8''%E2%84%80"),
        ("", "inline"),
    ],
)
def test_content_disposition(file_name, expected):
    assert content_disposition("inline", file_name) == expected


def test_the_disposition_type():
    assert content_disposition("attachment", "1.jpg") == 'attachment; filename="1.jpg"'
    for wrong in ["", "a b", "inline; x", "inline\r\n", 'in"line']:
        with pytest.raises(ValueError, match="not a disposition type"):
            content_disposition(wrong, "1.jpg")


@given(st.text(st.characters()))
def test_any_name_stays_in_the_field(file_name):
    match = FIELD.fullmatch(content_disposition("inline", file_name))
    assert match
    if file_name and file_name.isprintable() and not set(file_name) & set("/\\"):
        plain, extended = match.groups()
        assert (plain if extended is None else unquote(extended)) == file_name


@pytest.mark.parametrize(
    "media_type",
    [
        "text/html",
        "TEXT/HTML",
        "text/html; charset=utf-8",
        " text/html ;x=y",
        "application/xhtml+xml",
        "image/svg+xml",
        "Image/SVG+XML",
        "text/xml",
        "application/xml",
        "application/rss+xml",
        "application/atom+xml; charset=utf-8",
        "application/mathml+xml",
        "application/xslt+xml",
        "text/xsl",
        "multipart/x-mixed-replace; boundary=b",
        "multipart/related",
        "message/rfc822",
        # Nothing is said, so a browser may guess.
        "",
        ";",
        "html",
        "text/",
        "text html/x",
        "*/*",
        "unknown/unknown",
        "application/unknown",
        "text/html,image/png",
    ],
)
def test_active(media_type):
    assert is_active(media_type)


@pytest.mark.parametrize(
    "media_type",
    [
        "image/jpeg",
        "image/png",
        "image/webp",
        "video/mp4",
        "video/x-matroska",
        "audio/mpeg",
        "text/plain; charset=utf-8",
        "text/css",
        "text/vtt",
        "text/javascript",
        "application/json",
        "application/pdf",
        "application/octet-stream",
        "application/vnd.apple.mpegurl",
        "application/zip",
        "image/x-xml",
    ],
)
def test_not_active(media_type):
    assert not is_active(media_type)
