"""A parser of WebVTT, written from https://www.w3.org/TR/webvtt1/ section 4; it forgives nothing."""

from __future__ import annotations

import re

TAGS = {"b", "i", "u", "c", "v", "lang", "ruby", "rt"}
TIME = re.compile(r"(?:([0-9]{2,}):)?([0-5][0-9]):([0-5][0-9])\.([0-9]{3})")
SETTING = re.compile(r"(vertical:(rl|lr)|line:[^:]+|position:[^:]+|size:[^:]+|align:[a-z]+)")
TEXT = re.compile(r"[^&<>\n\r]|&(?:amp|lt|gt|nbsp|lrm|rlm|quot|apos|#[0-9]+|#[xX][0-9a-fA-F]+);")
TAG = re.compile(r"<(/?)([a-z]+)((?:\.[\w-]+)*)(?: ([^\n\r<>]+))?>")


def seconds(text: str) -> float:
    hours, minutes, whole, thousandths = TIME.fullmatch(text).groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(whole) + int(thousandths) / 1000


def parse(text: str) -> list[tuple[float, float, str, str]]:
    """The cues of a file that follows section 4 of the standard to the letter; anything else fails."""
    header, *blocks = text.removesuffix("\n").split("\n\n")
    assert header in ("WEBVTT", "WEBVTT\n")
    assert not re.search("[\0\r]", text)
    cues, before = [], 0.0
    for block in blocks:
        timing, *lines = block.strip("\n").split("\n")
        begin, arrow, end, *settings = timing.split(" ")
        assert arrow == "-->"
        assert before <= seconds(begin) < seconds(end)
        assert all(SETTING.fullmatch(setting) for setting in settings)
        assert len({setting.partition(":")[0] for setting in settings}) == len(settings)
        assert lines
        for line in lines:
            assert line.strip()
            assert "-->" not in line
        check_text("\n".join(lines))
        before = seconds(begin)
        cues.append((seconds(begin), seconds(end), "\n".join(lines), " ".join(settings)))
    return cues


def check_text(text: str) -> None:
    """Cue text: nothing but text, references and tags that are closed in their order."""
    place, opened = 0, []
    while place < len(text):
        if (tag := TAG.match(text, place)) is not None:
            slash, name, _, annotation = tag.groups()
            assert name in TAGS
            if slash:
                assert opened.pop() == name
            else:
                opened.append(name)
                assert (annotation is not None) == (name in ("v", "lang"))
            place = tag.end()
        else:
            found = text[place] == "\n" or TEXT.match(text, place)
            assert found, text[place : place + 20]
            place += 1 if text[place] == "\n" else found.end() - place
    assert not opened
