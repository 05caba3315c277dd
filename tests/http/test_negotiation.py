import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.http.negotiation import best, best_named, quality

# RFC 9110 s.12.5.1, the long example and its table.
EXAMPLE = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5"

CHROME_PAGE = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
)
CHROME_IMAGE = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
SAFARI_VIDEO = "*/*"


@pytest.mark.parametrize(
    ("accept", "media_type", "expected"),
    [
        (EXAMPLE, "text/plain;format=flowed", 1.0),
        (EXAMPLE, "text/plain", 0.7),
        (EXAMPLE, "text/html", 0.3),
        (EXAMPLE, "image/jpeg", 0.5),
        (EXAMPLE, "text/plain;format=fixed", 0.4),
        (EXAMPLE, "text/html;level=3", 0.3),
        ("audio/*; q=0.2, audio/basic", "audio/basic", 1.0),
        ("audio/*; q=0.2, audio/basic", "audio/mpeg", 0.2),
        ("audio/*; q=0.2, audio/basic", "video/mp4", 0.0),
        # No wish.
        (None, "image/webp", 1.0),
        ("", "image/webp", 1.0),
        (" , ,", "image/webp", 1.0),
        ("nonsense", "image/webp", 1.0),
        # The most specific decides, also downwards and whatever the order.
        ("image/webp;q=0, image/*", "image/webp", 0.0),
        ("image/*, image/webp;q=0", "image/webp", 0.0),
        ("*/*, image/*;q=0.1", "image/webp", 0.1),
        ("image/webp;q=0.1, image/webp;q=0.9", "image/webp", 0.9),
        # Case and white space.
        ("IMAGE/WebP ; Q=0.5", "image/webp", 0.5),
        ("image/webp", "Image/WEBP", 1.0),
        ("image/webp\t;\tq=0.5", "image/webp", 0.5),
        ("image/webp;;q=0.5;", "image/webp", 0.5),
        # Weights.
        ("image/webp;q=0", "image/webp", 0.0),
        ("image/webp;q=0.000", "image/webp", 0.0),
        ("image/webp;q=1.000", "image/webp", 1.0),
        ("image/webp;q=0.", "image/webp", 0.0),
        ("image/webp;q=0.123", "image/webp", 0.123),
        ("image/webp;q=0.5;extension=1", "image/webp", 0.5),
        # A weight that is none spoils its element and no other.
        ("image/webp;q=2, text/plain", "image/webp", 0.0),
        ("image/webp;q=1.001, text/plain", "image/webp", 0.0),
        ("image/webp;q=0.1234, text/plain", "image/webp", 0.0),
        ("image/webp;q=-1, text/plain", "image/webp", 0.0),
        ("image/webp;q=nan, text/plain", "image/webp", 0.0),
        ("image/webp;q=, text/plain", "image/webp", 0.0),
        ("image/webp;q=\u0661, text/plain", "image/webp", 0.0),
        # Types that are none.
        ("*/webp, text/plain", "image/webp", 0.0),
        ("*, text/plain", "image/webp", 0.0),
        ("image, text/plain", "image/webp", 0.0),
        ("image/webp/x, text/plain", "image/webp", 0.0),
        ("text/plain", "not a type", 0.0),
        ("text/plain", "", 0.0),
        # Parameters.
        ("text/html;level=1", "text/html", 0.0),
        ("text/html", "text/html;level=1", 1.0),
        ("text/html;level=1;q=0.4, text/html;q=0.8", "text/html;level=1;x=y", 0.4),
        ('text/html;title="a,b;q=0";q=0.4', 'text/html;title="a,b;q=0"', 0.4),
        ('text/html;title="a"', "text/html;title=a", 1.0),
        ('text/html;title="a\\"b"', 'text/html;title="a\\"b"', 1.0),
        ('text/html;title="open, image/webp', "image/webp", 0.0),
        ("application/json; charset=utf-8", "application/json", 1.0),
    ],
)
def test_quality(accept, media_type, expected):
    assert quality(accept, media_type) == expected


@pytest.mark.parametrize(
    ("accept", "offered", "expected"),
    [
        (None, ["image/jpeg", "image/webp"], "image/jpeg"),
        ("*/*", ["image/jpeg", "image/webp"], "image/jpeg"),
        (SAFARI_VIDEO, ["video/mp4", "application/vnd.apple.mpegurl"], "video/mp4"),
        ("image/webp", ["image/jpeg", "image/webp"], "image/webp"),
        ("image/jpeg;q=0.5, image/webp", ["image/jpeg", "image/webp"], "image/webp"),
        (CHROME_IMAGE, ["image/avif", "image/webp", "image/jpeg"], "image/avif"),
        (CHROME_IMAGE, ["image/jpeg", "image/avif"], "image/jpeg"),
        (CHROME_PAGE, ["text/plain", "text/html"], "text/html"),
        (CHROME_PAGE, ["application/json", "text/html"], "text/html"),
        ("text/html", ["image/jpeg"], None),
        ("image/jpeg;q=0", ["image/jpeg"], None),
        ("image/jpeg;q=0, */*", ["image/jpeg", "image/png"], "image/png"),
        ("*/*;q=0.001", ["image/jpeg"], "image/jpeg"),
        (None, [], None),
        ("*/*", [], None),
    ],
)
def test_best(accept, offered, expected):
    assert best(accept, offered) == expected


accept_fields = st.one_of(st.text(), st.text(alphabet='ab/*;,q=01.9" \\\t'))


@given(st.one_of(st.none(), accept_fields), st.sampled_from(["a/b", "a/a;b=1", "image/webp"]))
def test_any_field_gives_a_quality(accept, media_type):
    assert 0.0 <= quality(accept, media_type) <= 1.0


@given(accept_fields)
def test_the_best_is_one_of_the_offered(accept):
    offered = ["a/b", "a/a", "image/webp"]
    chosen = best(accept, offered)
    if chosen is None:
        assert all(quality(accept, media_type) == 0 for media_type in offered)
    else:
        assert quality(accept, chosen) == max(quality(accept, media_type) for media_type in offered)


@pytest.mark.parametrize(
    "accept",
    [
        '"' * 60_001,
        '"' + '\\"' * 30_000 + "\\",
        "a/b" + "; " * 30_000 + "x",
        "," * 60_000,
        "a/b;q=0.1," * 6_000,
        "!" * 60_000,
        "a/b;c=" + '"' * 60_001 + "\\",
    ],
)
def test_a_long_field_is_read(accept):
    assert 0.0 <= quality(accept, "image/webp") <= 1.0


CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
FIREFOX = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
SAFARI = (
    "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/*;q=0.8"
)


@pytest.mark.parametrize(
    ("accept", "found"),
    [
        (CHROME, "image/avif"),
        (FIREFOX, "image/avif"),
        (SAFARI, "image/avif"),
        (None, "image/jpeg"),
        ("", "image/jpeg"),
        ("*/*", "image/jpeg"),
        ("image/*", "image/jpeg"),
        ("image/webp,*/*", "image/webp"),
        ("image/webp;q=0.5,image/avif;q=0.4", "image/webp"),
        ("image/webp;q=0,image/avif;q=0", "image/jpeg"),
        ("image/webp;q=0.5,image/*;q=0.8", "image/jpeg"),
        ("image/webp;q=0.5,image/jpeg;q=0.5", "image/webp"),
        ("image/jpeg;q=0,text/html", "image/jpeg"),
        ("IMAGE/WEBP", "image/webp"),
        ("text/html,image/avif;q=nonsense,image/webp", "image/webp"),
    ],
)
def test_only_what_is_named_counts(accept, found):
    assert best_named(accept, ["image/avif", "image/webp"], "image/jpeg") == found
