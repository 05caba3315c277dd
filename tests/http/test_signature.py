import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.errors import BadRequest, Forbidden
from tornado_media.http.signature import sign, until, verified
from tornado_media.urls import Target, format_target, parse_target

KEY, OLD, OTHER = "k" * 16, "o" * 20, "x" * 16
NOW = 1_790_000_000.5


def test_what_is_signed_is_the_canonical_target():
    signed = sign("/a%62.jpg?size=300x200&fit=cover", KEY)
    text = "/ab.jpg?fit=cover&size=300x200"
    digest = hmac.new(KEY.encode(), text.encode(), hashlib.sha256).digest()
    assert signed == f"{text}&signature={base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
    assert sign("/1.jpg", KEY).startswith("/1.jpg?signature=")


def test_a_known_vector():
    # openssl dgst -sha256 -hmac kkkkkkkkkkkkkkkk -binary | basenc --base64url, of /1.jpg?size=300x200
    assert sign("/1.jpg?size=300x200", KEY).endswith("&signature=WwDqObJVqyng8Ly_1Mf_NRH_KFyY-S6fxzdXesQDU9A")


@pytest.mark.parametrize("keys", [[KEY], [OLD, KEY], [KEY, OLD]])
def test_any_key_may_have_signed(keys):
    signed = parse_target(sign("/1.jpg?size=300x200", KEY))
    assert verified(signed, keys, NOW) == (Target("/1.jpg", (("size", "300x200"),)), None)


def test_order_and_encoding_do_not_matter():
    signature = parse_target(sign("/1.jpg?size=300x200&fit=cover", KEY)).parameters[-1][1]
    other = parse_target(f"/%31.jpg?signature={signature}&fit=c%6fver&size=300x200")
    assert verified(other, [KEY], NOW)[0].path == "/1.jpg"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda signed: signed.replace("300", "301"), "does not fit"),
        (lambda signed: signed.replace("/1.jpg", "/2.jpg"), "does not fit"),
        (lambda signed: signed[:-1], "does not fit"),
        (lambda signed: signed + "x", "does not fit"),
        (lambda signed: signed[:-43] + signed[-43:].swapcase(), "does not fit"),
        (lambda signed: signed + "&fit=cover", "does not fit"),
        (lambda signed: signed.partition("&")[0], "has no signature"),
        (lambda signed: signed.partition("=")[0] + "=%C3%BC&signature=%C3%BC", "does not fit"),
    ],
)  # fmt: skip
def test_what_was_changed_is_refused(change, said):
    with pytest.raises(Forbidden, match=said):
        verified(parse_target(change(sign("/1.jpg?size=300x200", KEY))), [KEY], NOW)


def test_another_key_is_refused():
    with pytest.raises(Forbidden):
        verified(parse_target(sign("/1.jpg?size=300x200", OTHER)), [KEY, OLD], NOW)


def test_expiry_is_signed_and_heeded():
    signed = sign("/1.jpg?size=9x9", KEY, expires=1_790_000_001)
    assert verified(parse_target(signed), [KEY], NOW) == (Target("/1.jpg", (("size", "9x9"),)), 1_790_000_001)
    with pytest.raises(Forbidden, match="time of this URL has passed"):
        verified(parse_target(signed), [KEY], NOW + 1)
    with pytest.raises(Forbidden, match="does not fit"):
        verified(parse_target(signed.replace("expires=1790000001", "expires=1790000009")), [KEY], NOW)
    with pytest.raises(Forbidden, match="does not fit"):
        verified(
            parse_target(signed.replace("&expires=1790000001", "").replace("expires=1790000001&", "")),
            [KEY],
            NOW,
        )


def test_without_keys_nothing_is_signed():
    assert verified(Target("/1.jpg"), [], NOW) == (Target("/1.jpg"), None)
    for name in ("signature", "expires"):
        with pytest.raises(BadRequest, match="no keys"):
            verified(Target("/1.jpg", ((name, "1"),)), [], NOW)


def test_what_is_signed_is_not_signed_again():
    with pytest.raises(BadRequest):
        sign(sign("/1.jpg", KEY), KEY)


def test_an_expiry_that_is_no_time():
    text = "/1.jpg?expires=soon"
    digest = hmac.digest(KEY.encode(), text.encode(), "sha256")
    signature = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    with pytest.raises(BadRequest):
        verified(parse_target(f"{text}&signature={signature}"), [KEY], NOW)


names = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=9
)


@given(names.filter(lambda name: name not in {".", ".."}), st.dictionaries(names, names, max_size=4))
def test_whatever_can_be_asked_can_be_signed(name, parameters):
    parameters = {key: value for key, value in parameters.items() if key not in {"signature", "expires"}}
    signed = sign(format_target(f"/{name}", parameters), KEY)
    found, expires = verified(parse_target(signed), [KEY], NOW)
    assert (found.path, dict(found.parameters), expires) == (f"/{name}", parameters, None)


@pytest.mark.parametrize(
    ("cache_control", "seconds", "kept"),
    [
        ("public, max-age=3600", 60, "public, max-age=60"),
        ("public, max-age=3600, s-maxage=9", 60, "public, max-age=60, s-maxage=9"),
        ("no-store", 60, "no-store"),
    ],
)
def test_nobody_keeps_it_longer_than_its_url_is_good(cache_control, seconds, kept):
    assert until(cache_control, seconds) == kept
