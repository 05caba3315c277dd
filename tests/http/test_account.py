"""Cache-Status and Server-Timing: what a response tells of itself."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.http import account as told
from tornado_media.http.account import Account


def test_times_are_in_milliseconds_and_total_comes_last():
    account = Account(began=10.0)
    account.add("source", 0.001)
    account.add("first-byte", 0.25)
    account.add("source", 0.0021)
    assert account.fields(10.5) == {
        "Cache-Status": "tornado_media; fwd=bypass",
        "Server-Timing": "source;dur=3.1, first-byte;dur=250.0, total;dur=500.0",
    }


@pytest.mark.parametrize(
    "value",
    [told.HIT, told.FAILED, told.EQUIVALENT, told.MISS, told.STORED, told.COLLAPSED, told.BYPASS],
)
def test_each_value_is_an_item_of_rfc_9211(value):
    assert Account(0.0, value).fields(0.0)["Cache-Status"] == f"tornado_media; {value}"
    # RFC 9211 section 2: hit and fwd exclude each other; stored and collapsed go with fwd.
    names = [part.split("=")[0] for part in value.split("; ")]
    assert ("hit" in names) != ("fwd" in names)
    assert set(names) <= {"hit", "fwd", "stored", "collapsed", "detail"}
    assert "fwd" in names or not {"stored", "collapsed"} & set(names)
    # RFC 9211 section 2.2 registers these two among others.
    assert re.search("fwd=(?!miss|bypass)", value) is None


@given(seconds=st.floats(min_value=0, max_value=1e6), now=st.floats(min_value=0, max_value=1e6))
def test_durations_are_plain_decimals(seconds, now):
    account = Account(0.0)
    account.add("queue", seconds)
    assert re.fullmatch(
        r"queue;dur=[0-9]+\.[0-9], total;dur=[0-9]+\.[0-9]", account.fields(now)["Server-Timing"]
    )
