from __future__ import annotations

import pytest

from tornado_media.errors import SourceUnusable


@pytest.fixture
def captions(opened, tmp_path):
    from tornado_media.engines.captions import captions as engine

    def make(content, **asked):
        path = tmp_path / "film.srt"
        path.write_bytes(content)
        return opened(engine, path, "application/x-subrip", **asked)

    return make


def test_a_file_becomes_webvtt_in_utf8(captions):
    content = "1\r\n00:00:01,000 --> 00:00:02,000\r\nGrüße\r\n".encode("cp1252")
    assert captions(content) == "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nGrüße\n".encode()


def test_a_charset_is_heeded(captions):
    content = "1\n00:00:01,000 --> 00:00:02,000\n漢字\n".encode("shift_jis")
    assert "漢字" in captions(content, charset="shift_jis").decode()


def test_what_is_too_large_is_not_read(captions):
    from tornado_media.engines.captions import LARGEST

    with pytest.raises(SourceUnusable, match=f"more than {LARGEST} bytes"):
        captions(b" " * (LARGEST + 1))


def test_no_subtitles(captions):
    with pytest.raises(SourceUnusable, match="no subtitles"):
        captions(b"nothing of the kind")
