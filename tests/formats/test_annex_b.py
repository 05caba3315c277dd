"""Start codes and lengths of NAL units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.annex_b import is_annex_b, length_prefixed

units = st.lists(
    st.binary(min_size=1, max_size=20).filter(lambda unit: b"\0\0\1" not in unit and unit[-1] != 0),
    max_size=5,
)


@given(units, st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_each_unit_has_its_length(parts, zeros):
    stream = b"".join(bytes(count) + b"\0\0\1" + unit for unit, count in zip(parts, zeros, strict=False))
    expected = b"".join(len(unit).to_bytes(4) + unit for unit in parts)
    assert length_prefixed(stream + bytes(zeros[-1])) == expected


@given(st.binary(max_size=60))
def test_any_bytes(data):
    made, place = length_prefixed(data), 0
    while place < len(made):
        size = int.from_bytes(made[place : place + 4])
        assert size > 0
        place += 4 + size
    assert place == len(made)


def test_what_is_before_the_first_one_is_left_out():
    assert length_prefixed(b"abc") == b""
    assert length_prefixed(b"abc\0\0\1d\0\0\0\1\0\0\1e") == b"\0\0\0\1d\0\0\0\1e"


@pytest.mark.parametrize(
    ("extradata", "expected"),
    [
        (b"\0\0\0\1\x67", True),
        (b"\0\0\1\x67", True),
        (b"\1\x64\0\x28", False),
        (b"", False),
    ],
)
def test_which_it_is(extradata, expected):
    assert is_annex_b(extradata) is expected
