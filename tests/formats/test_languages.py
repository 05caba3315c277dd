from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.languages import language_tag, same_language


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        ("ger", "de"),
        ("deu", "de"),
        ("de", "de"),
        ("GER", "de"),
        ("eng", "en"),
        ("fre", "fr"),
        ("fra", "fr"),
        ("chi", "zh"),
        ("zho", "zh"),
        ("pt-BR", "pt-BR"),
        ("por-BR", "pt-BR"),
        ("zh-Hant-TW", "zh-Hant-TW"),
        ("gsw", "gsw"),  # there is no shorter one
        ("und", None),
        ("mis", None),
        ("mul", None),
        ("zxx", None),
        ("UND", None),
        ("", None),
        (None, None),
        ("e", None),
        ("english", None),
        ("de_DE", None),
        ('de" onload="', None),
        ("de\n", None),
    ],
)
def test_tags(code, tag):
    assert language_tag(code) == tag


@pytest.mark.parametrize(
    ("wanted", "found", "same"),
    [
        ("en", "eng", True),
        ("eng", "en", True),
        ("en", "en-GB", True),
        ("en-GB", "en", False),
        ("ger", "deu", True),
        ("de", "de", True),
        ("de", "den", False),
        ("de", "en", False),
        ("de", None, False),
        ("de", "und", False),
        ("und", "und", False),
    ],
)
def test_the_same_language(wanted, found, same):
    assert same_language(wanted, found) is same


def test_of_the_two_codes_of_a_language_both_are_known():
    pairs = "alb:sqi arm:hye baq:eus bur:mya cze:ces dut:nld geo:kat gre:ell ice:isl mac:mkd mao:mri may:msa"
    for pair in f"{pairs} per:fas rum:ron slo:slk tib:bod wel:cym".split():
        assert len({language_tag(code) for code in pair.split(":")}) == 1


@given(st.text(max_size=20) | st.from_regex(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,2}", fullmatch=True))
def test_a_tag_can_stand_in_a_playlist(code):
    tag = language_tag(code)
    assert tag is None or re.fullmatch(r"[A-Za-z0-9-]+", tag)
    if tag is not None:
        assert language_tag(tag) == tag
        assert same_language(code, tag)
