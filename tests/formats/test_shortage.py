"""Whether memory ran out, by what libraries say."""

import pytest

from tornado_media.formats.shortage import tells_of_memory, too_much


@pytest.mark.parametrize(
    "text",
    [
        "unable to call avg\n  vips_tracked: out of memory -- size == 140MB",
        "VipsJpeg: Insufficient memory (case 4)",
        "heif: Invalid input: Unspecified: Memory allocation error (2.0)",
        "webpsave: picture memory error",
        "spng: out of memory",
        "[Errno 12] Cannot allocate memory: 'fd:'",
        "(process:7): GLib-ERROR **: 09:09:09.999: ../glib/gmem.c:136: failed to allocate 8000000000 bytes",
        "memory allocation of 8000000000 bytes failed",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "unable to create thread",
        "MemoryError()",
    ],
)
def test_it_did(text):
    assert tells_of_memory(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "VipsJpeg: Premature end of JPEG file",
        "heif: Invalid input: No 'meta' box (2.102)",
        "memory of a summer",
    ],
)
def test_it_did_not(text):
    assert not tells_of_memory(text)


def test_the_sentence_tells_the_bound():
    assert "512 MiB" in too_much(512 * 1024 * 1024)
