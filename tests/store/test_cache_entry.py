"""The footer of an entry: what it says comes back, and whatever was changed is no entry."""

import json
import struct
from dataclasses import replace
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.store.entry import MAX_FOOTER, SMALL, Meta, digest_of, footer_of, meta_of

KEY = "0123456789abcdef" * 2
CONTENT = b"a small picture"
META = Meta(KEY, "thumbnail", "image/jpeg", '"tag"', len(CONTENT), digest_of(CONTENT))
ENTRY = CONTENT + footer_of(META)

metas = st.builds(
    Meta,
    key=st.text("0123456789abcdef", min_size=32, max_size=32),
    preset=st.text(max_size=50),
    media_type=st.text(max_size=100),
    entity_tag=st.from_regex(r'"[!#-~]{0,80}"', fullmatch=True),
    length=st.integers(0, 2**40),
    digest=st.just("0" * 32),
).map(lambda meta: meta if meta.length <= SMALL else replace(meta, digest=None))


@given(metas)
def test_what_is_written_comes_back(meta):
    footer = footer_of(meta)
    assert len(footer) <= MAX_FOOTER
    assert meta_of(footer, meta.length + len(footer)) == meta
    assert meta_of(footer, meta.length + len(footer) + 1) is None


@given(st.binary(max_size=300), st.integers(0, 10_000))
def test_no_bytes_are_an_error(tail, size):
    assert meta_of(tail, size) is None


@given(st.integers(0, 8 * (len(ENTRY) - len(CONTENT)) - 1))
def test_every_flipped_bit_of_the_footer_is_seen(bit):
    entry = bytearray(ENTRY)
    entry[len(CONTENT) + bit // 8] ^= 1 << bit % 8
    assert meta_of(entry, len(entry)) is None


@given(st.integers(0, len(ENTRY) - 1))
def test_every_cut_is_seen(length):
    assert meta_of(ENTRY[:length], length) is None
    assert meta_of(ENTRY[len(ENTRY) - length :], length) is None


def sealed(text: bytes) -> bytes:
    """A footer whose digest fits, whatever it says."""
    return text + struct.pack(">8sI16s", b"tornmed\x01", len(text), blake2b(text, digest_size=16).digest())


GOOD = json.loads(ENTRY[len(CONTENT) : -28])
WRONG = [
    b"",
    b"[]",
    b"{}",
    b"\xff",
    b"[" * 4000,
    *(json.dumps({**GOOD, **wrong}).encode() for wrong in (
        {"key": "../../../etc/passwd"},
        {"key": KEY.upper()},
        {"key": None},
        {"more": 1},
        {"length": -1},
        {"length": float(len(CONTENT))},
        {"length": "15"},
        {"length": True},
        {"digest": None},
        {"media_type": 5},
        {"preset": []},
        {"entity_tag": 'W/"weak"'},
        {"entity_tag": '"a"\r\nX: y"'},
        {"entity_tag": None},
    )),
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG, ids=lambda text: ascii(text[-60:]))
def test_a_footer_of_another_version_is_no_entry(text):
    entry = CONTENT + sealed(text)
    assert meta_of(entry, len(entry)) is None


def test_the_footers_of_these_tests_are_otherwise_good():
    entry = CONTENT + sealed(json.dumps(GOOD).encode())
    assert meta_of(entry, len(entry)) == META


@pytest.mark.parametrize("wrong", [{"entity_tag": "no quotes"}, {"preset": "x" * 5000}, {"digest": None}])
def test_what_would_not_come_back_is_not_written(wrong):
    with pytest.raises(ValueError, match="cannot be written"):
        footer_of(replace(META, **wrong))
