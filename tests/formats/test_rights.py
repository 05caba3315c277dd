from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tornado_media.formats.rights import Rights, find_rights

NOTHING = Rights()


def data_set(number, text, record=2):
    return struct.pack(">BBBH", 0x1C, record, number, len(text)) + text


IPTC = (
    data_set(0, b"\0\4") + data_set(80, "Zoë".encode()) + data_set(116, b"(c) IPTC") + data_set(116, b"two")
)


def resource(number, data, name=b""):
    text = bytes([len(name)]) + name
    text += b"\0" * (len(text) % 2)
    return (
        b"8BIM"
        + struct.pack(">H", number)
        + text
        + struct.pack(">I", len(data))
        + data
        + b"\0" * (len(data) % 2)
    )


def photoshop(*resources):
    return b"Photoshop 3.0\0" + b"".join(resources)


def xmp(inside, more=""):
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" {more}>{inside}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


BOTH = (
    "<dc:creator><rdf:Seq><rdf:li>Ada</rdf:li><rdf:li>Bob</rdf:li></rdf:Seq></dc:creator>"
    '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">(c) XMP</rdf:li></rdf:Alt></dc:rights>'
)


def exif(creator="", notice=""):
    block = Image.Exif()
    block[0x0110] = "a camera"
    for tag, text in ((0x013B, creator), (0x8298, notice)):
        if text:
            block[tag] = text
    return block.tobytes()


@pytest.mark.parametrize(
    ("blocks", "wanted"),
    [
        ({}, NOTHING),
        ({"exif": exif("Eve", "(c) EXIF")}, Rights("Eve", "(c) EXIF")),
        ({"exif": exif("Eve", "one\0two")}, Rights("Eve", "one, two")),
        ({"iptc": IPTC}, Rights("Zoë", "(c) IPTC")),
        ({"iptc": photoshop(resource(0x0404, IPTC))}, Rights("Zoë", "(c) IPTC")),
        (
            {"iptc": photoshop(resource(1005, b"odd", b"name"), resource(0x0404, IPTC, b"four"))},
            Rights("Zoë", "(c) IPTC"),
        ),
        ({"iptc": data_set(80, b"envelope", record=1)}, NOTHING),
        ({"xmp": xmp(BOTH)}, Rights("Ada", "(c) XMP")),
        ({"xmp": xmp("", 'dc:rights="short"')}, Rights("", "short")),
        ({"xmp": xmp("<dc:rights>not a list</dc:rights>")}, NOTHING),
        ({"exif": exif("", "(c) EXIF"), "iptc": IPTC, "xmp": xmp(BOTH)}, Rights("Zoë", "(c) EXIF")),
        ({"exif": exif("Eve"), "xmp": xmp(BOTH)}, Rights("Eve", "(c) XMP")),
    ],
)
def test_where_rights_are_found(blocks, wanted):
    assert find_rights(**blocks) == wanted


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"not XML",
        xmp(BOTH)[:-20],
        xmp(BOTH).decode().encode("utf-16"),
        b'<!DOCTYPE x [<!ENTITY e "grows">]>' + xmp(BOTH.replace("Ada", "&e;")),
        xmp(BOTH.replace("Ada", "&unknown;")),
        xmp(BOTH) + b" " * (1 << 20),
    ],
)
def test_what_cannot_be_read_is_not_there(packet):
    assert find_rights(xmp=packet) == NOTHING


def test_a_text_is_one_short_line():
    found = find_rights(xmp=xmp(BOTH.replace("Ada", "A\n\u202ed\u0085a" + "a" * 5_000)))
    assert len(found.creator) == 200
    assert found.creator.isprintable()


@pytest.mark.parametrize(
    "rights", [Rights("a", "b"), Rights("", "abc"), Rights("abcd", ""), Rights("Zoë", "作者 " * 20), NOTHING]
)
def test_a_block_of_ours_as_pillow_reads_it(rights):
    block = Image.Exif()
    block.load(rights.to_exif())
    found = {tag: text.encode("latin-1").decode() for tag, text in block.items()}
    wanted = {0x013B: rights.creator, 0x8298: rights.notice}
    assert found == {tag: text for tag, text in wanted.items() if text}


words = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=40)


@given(words, words)
def test_what_is_written_is_read_again(creator, notice):
    assert find_rights(exif=Rights(creator, notice).to_exif()) == Rights(creator, notice)


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_are_an_error(data, prefixed):
    for text in (data, photoshop(resource(0x0404, IPTC))[: len(data)] + data, IPTC[: len(data)] + data):
        find_rights(exif=text, iptc=text, xmp=text)


@given(st.data())
def test_no_damage_is_an_error(data):
    for whole in (photoshop(resource(1, b"x", b"y"), resource(0x0404, IPTC)), IPTC, xmp(BOTH)):
        broken = bytearray(whole)
        broken[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
        found = find_rights(iptc=bytes(broken), xmp=bytes(broken))
        assert max(map(len, (found.creator, found.notice))) <= 200
