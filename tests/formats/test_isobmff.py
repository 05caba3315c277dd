"""Fragmented MP4 in arbitrary pieces: an initialization segment and media segments, or BrokenStream."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.formats.isobmff import BrokenStream, Fragmenter

LARGEST = 10_000


def box(kind, content=b"", *, large=False):
    size = 8 + 8 * large + len(content)
    head = (1).to_bytes(4) + kind + size.to_bytes(8) if large else size.to_bytes(4) + kind
    return head + content


INIT = box(b"ftyp", b"iso6\0\0\0\0") + box(b"moov", b"tracks")
FRAGMENT = box(b"moof", b"times") + box(b"mdat", b"samples")

contents = st.binary(max_size=40)
kept = st.builds(box, st.sampled_from([b"styp", b"emsg", b"prft"]), contents, large=st.booleans())
dropped = st.builds(box, st.sampled_from([b"sidx", b"ssix", b"free", b"mfra", b"uuid"]), contents)
within = st.builds(box, st.sampled_from([b"free", b"uuid", b"styp"]), contents)


@st.composite
def inits(draw):
    middle = draw(
        st.lists(st.builds(box, st.sampled_from([b"free", b"sidx", b"uuid"]), contents), max_size=2)
    )
    return INIT[: len(INIT) - 14] + b"".join(middle) + box(b"moov", draw(contents), large=draw(st.booleans()))


@st.composite
def fragments(draw):
    """What comes, and what is to be left of it."""
    before = draw(st.lists(st.tuples(st.booleans(), kept, dropped), max_size=3))
    between = b"".join(draw(st.lists(within, max_size=2)))
    moof, mdat = (box(k, draw(contents), large=draw(st.booleans())) for k in (b"moof", b"mdat"))
    own = moof + between + mdat
    came = b"".join(a if keep else b for keep, a, b in before)
    return came + own, b"".join(a for keep, a, _ in before if keep) + own


@st.composite
def streams(draw):
    init, parts = draw(inits()), draw(st.lists(fragments(), max_size=4))
    return init + b"".join(came for came, _ in parts), [init, *(left for _, left in parts)]


def fed(content, cuts=()):
    fragmenter = Fragmenter(LARGEST)
    edges = [0, *sorted(cut % (len(content) + 1) for cut in cuts), len(content)]
    pieces = [piece for a, b in pairwise(edges) for piece in fragmenter.feed(content[a:b])]
    return pieces + fragmenter.end()


@given(streams(), st.lists(st.integers(0, 2000), max_size=30))
def test_any_split_gives_the_same_pieces(stream, cuts):
    content, expected = stream
    assert fed(content, cuts) == expected


@given(streams())
def test_byte_by_byte(stream):
    content, expected = stream
    assert fed(content, range(len(content))) == expected


def test_a_piece_is_given_with_its_last_byte():
    fragmenter = Fragmenter(LARGEST)
    content = INIT + FRAGMENT
    given_at = [n for n in range(len(content)) if fragmenter.feed(content[n : n + 1])]
    assert given_at == [len(INIT) - 1, len(content) - 1]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_what_was_fed_is_not_needed_any_more(kind):
    data = bytearray(INIT + FRAGMENT[:20])
    fragmenter = Fragmenter(LARGEST)
    assert fragmenter.feed(kind(data)) == [INIT]
    data[:] = bytes(len(data))
    assert fragmenter.feed(FRAGMENT[20:]) == [FRAGMENT]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_are_pieces_or_broken(content, cuts):
    try:
        pieces = fed(content, cuts)
    except BrokenStream as error:
        assert str(error)
    else:
        assert pieces and all(pieces)


@given(streams(), st.data())
def test_a_damaged_stream_is_pieces_or_broken(stream, data):
    content = bytearray(stream[0])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    fragmenter, held = Fragmenter(200), 0
    try:
        for n in range(0, len(content), 7):
            held += 7
            for piece in fragmenter.feed(content[n : n + 7]):
                assert len(piece) <= 200
                held = 0
        fragmenter.end()
    except BrokenStream:
        pass


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "before its initialization segment"),
        (INIT[:5], "in the middle"),
        (INIT[:29], "in the middle"),
        (INIT[:16], "in the middle"),
        (INIT + FRAGMENT[:10], "in the middle"),
        (INIT + FRAGMENT[:13], "in the middle"),
        (INIT + box(b"styp"), "in the middle"),
        (box(b"moov"), "begins with box b'moov'"),
        (INIT[:16] + FRAGMENT, "before moov"),
        (INIT + INIT, "comes again"),
        (INIT + box(b"mdat"), "without moof"),
        (INIT + box(b"moof") + box(b"moof"), "twice"),
        (INIT + box(b"moof") + box(b"moov"), "comes again"),
        (b"\0\0\0\7ftyp", "7 bytes"),
        (b"\0\0\0\0ftyp", "0 bytes"),
        (b"\0\0\0\1ftyp" + (15).to_bytes(8), "15 bytes"),
        (INIT + box(b"moof", bytes(LARGEST)), "more than 10000 bytes"),
        (INIT + box(b"moof") + b"\0\0\0\1mdat" + b"\xff" * 8, "more than 10000 bytes"),
        (INIT + box(b"moof", bytes(6000)) + box(b"mdat", bytes(6000))[:20], "more than 10000 bytes"),
    ],
)
def test_what_is_broken(content, words):
    with pytest.raises(BrokenStream, match=words):
        fed(content)


def test_what_is_dropped_has_no_bound():
    fragmenter = Fragmenter(100)
    assert fragmenter.feed(INIT) == [INIT]
    assert fragmenter.feed(box(b"free", bytes(5000)) + FRAGMENT) == [FRAGMENT]
    assert fragmenter.end() == []
