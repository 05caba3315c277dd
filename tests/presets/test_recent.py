from __future__ import annotations

from tornado_media.presets.recent import Recent


def test_the_least_recently_used_goes():
    recent = Recent(2)
    assert recent.get("a") is None
    assert recent.keep("a", 1) == 1
    recent.keep("b", 2)
    assert recent.get("a") == 1
    recent.keep("c", 3)
    assert [recent.get(key) for key in "abc"] == [1, None, 3]


def test_what_is_kept_again_is_the_newer_one():
    recent = Recent(2)
    recent.keep("a", 1)
    recent.keep("b", 2)
    recent.keep("a", 9)
    recent.keep("c", 3)
    assert [recent.get(key) for key in "abc"] == [9, None, 3]
