from __future__ import annotations

import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tornado_media.formats.exif import clean, decoded, selected

MAIN, CAMERA, PLACE = 0, 0x8769, 0x8825
ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SIGNED = 2, 3, 4, 5, 7, 10


def block(fields, order="<", head=b"", pointer=LONG):
    """An EXIF block of `{directory: [(tag, type, count, raw value), ...]}`, with nothing checked."""
    parts = {name: fields.get(name, []) for name in (MAIN, CAMERA, PLACE)}
    starts, at = {}, 8
    for name, entries in parts.items():
        starts[name] = at
        at += 2 + 12 * (len(entries) + (2 if name == MAIN else 0)) + 4
    tail = b""
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    for name, entries in parts.items():
        if name == MAIN:
            pointers = [(p, pointer, 1, struct.pack(order + "I", starts[p])) for p in (CAMERA, PLACE)]
            entries = [*entries, *pointers]
        out += struct.pack(order + "H", len(entries))
        for tag, kind, count, raw in entries:
            if len(raw) > 4:
                raw, tail = struct.pack(order + "I", at + len(tail)), tail + raw
            out += struct.pack(order + "HHI", tag, kind, count) + raw.ljust(4, b"\0")
        out += bytes(4)
    return head + out + tail


def text(tag, raw):
    return (tag, ASCII, len(raw), raw)


def rational(tag, *numbers, order="<"):
    return (tag, RATIONAL, len(numbers) // 2, struct.pack(f"{order}{len(numbers)}I", *numbers))


def short(tag, value, order="<"):
    return (tag, SHORT, 1, struct.pack(order + "H", value))


def by_pillow(**place):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "Canon", "Canon EOS R5", "Firmware 1.8"
    exif[0x013B], exif[0x8298] = "Ansel", "(c) 2024 Ansel"
    camera = exif.get_ifd(CAMERA)
    camera |= {0x829A: 1 / 640, 0x829D: 2.8, 0x8827: 400, 0x920A: 85.0, 0xA434: "RF85mm F1.2"}
    camera |= {0x9003: "2024:05:17 18:04:31", 0x9011: "+02:00"}
    # what is nobody's business
    camera |= {
        0xA430: "Owner Name",
        0xA431: "SERIAL123",
        0x9286: b"ASCII\0\0\0private comment",
        0x927C: b"maker",
    }
    exif.get_ifd(PLACE).update(
        place or {1: "N", 2: (48.0, 12.0, 33.57), 3: "E", 4: (16.0, 22.0, 11.9), 6: 171.4}
    )
    return exif.tobytes()


def test_a_block_of_a_camera():
    assert selected(by_pillow()) == {
        "make": "Canon",
        "model": "Canon EOS R5",
        "lens": "RF85mm F1.2",
        "taken": "2024-05-17T18:04:31+02:00",
        "exposure_time": pytest.approx(1 / 640, rel=1e-5),
        "aperture": 2.8,
        "iso": 400,
        "focal_length": 85.0,
        "artist": "Ansel",
        "copyright": "(c) 2024 Ansel",
        "software": "Firmware 1.8",
    }


def test_the_place_is_told_only_when_asked():
    data = by_pillow()
    place = {
        "latitude": 48 + 12 / 60 + 33.57 / 3600,
        "longitude": 16 + 22 / 60 + 11.9 / 3600,
        "altitude": 171.4,
    }
    assert set(selected(data, gps=True)) - set(selected(data)) == set(place)
    found = {name: selected(data, gps=True)[name] for name in place}
    assert found == pytest.approx(place, abs=1e-6)
    shown = json.dumps(selected(data))
    assert not any(digits in shown for digits in ("48.", "33.5", "16.3", "11.9", "171"))
    everything = json.dumps(selected(data, gps=True))
    assert not any(secret in everything for secret in ("Owner", "SERIAL", "private", "maker"))


@pytest.mark.parametrize("head", [b"", b"Exif\0\0"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_byte_orders(order, head):
    fields = {
        MAIN: [text(0x010F, b"Leica\0"), text(0x0110, b"M6\0")],
        CAMERA: [short(0x8827, 100, order), rational(0x829D, 14, 10, order=order)],
        PLACE: [text(1, b"S\0"), rational(2, 33, 1, 51, 1, 0, 1, order=order)],
    }
    fields[PLACE] += [text(3, b"W\0"), rational(4, 70, 1, 30, 1, 0, 1, order=order)]
    fields[PLACE] += [(5, 1, 1, b"\1"), rational(6, 25, 10, order=order)]
    assert selected(block(fields, order, head), gps=True) == {
        "make": "Leica",
        "model": "M6",
        "iso": 100,
        "aperture": 1.4,
        "latitude": -33.85,
        "longitude": -70.5,
        "altitude": -2.5,
    }


def test_a_pointer_may_have_a_type_of_its_own():
    assert selected(block({CAMERA: [short(0x8827, 100)]}, pointer=13)) == {"iso": 100}


@pytest.mark.parametrize(
    ("directory", "entries", "found"),
    [
        # wrong types
        (MAIN, [(0x010F, SHORT, 1, b"\1\0")], {}),
        (MAIN, [(0x010F, UNDEFINED, 5, b"Canon")], {}),
        (MAIN, [(0x010F, 99, 5, b"Canon")], {}),
        (CAMERA, [text(0x829A, b"1/60\0")], {}),
        (CAMERA, [text(0x8827, b"400\0")], {}),
        # numbers that say nothing
        (CAMERA, [rational(0x829A, 1, 0)], {}),
        (CAMERA, [rational(0x829A, 0, 0)], {}),
        (CAMERA, [rational(0x829D, 0, 1)], {}),
        (CAMERA, [short(0x8827, 0)], {}),
        (CAMERA, [(0x829D, 11, 1, struct.pack("<f", math.nan))], {}),
        (CAMERA, [(0x829D, 12, 1, struct.pack("<d", math.inf))], {}),
        (CAMERA, [(0x829D, 12, 1, struct.pack("<d", 5e-324))], {"aperture": 5e-324}),
        (CAMERA, [(0x829D, SIGNED, 1, struct.pack("<ii", -28, 10))], {}),
        # other ways to say it
        (CAMERA, [(0x9201, SIGNED, 1, struct.pack("<ii", 6, 1))], {"exposure_time": 0.015625}),
        (CAMERA, [rational(0x9202, 4, 1)], {"aperture": 4.0}),
        (CAMERA, [(0x9201, SIGNED, 1, struct.pack("<ii", -(2**31), 1))], {}),
        (CAMERA, [short(0x8827, 65535), (0x8832, LONG, 1, struct.pack("<I", 102400))], {"iso": 102400}),
        (CAMERA, [(0x8827, SHORT, 2, struct.pack("<HH", 200, 0))], {"iso": 200}),
        # dates
        (CAMERA, [text(0x9003, b"2024:02:30 10:00:00\0")], {}),
        (CAMERA, [text(0x9003, b"0000:00:00 00:00:00\0")], {}),
        (CAMERA, [text(0x9003, b"    :  :     :  :  \0")], {}),
        (CAMERA, [text(0x9003, b"2024:02:29 10:00:00\0")], {"taken": "2024-02-29T10:00:00"}),
        (CAMERA, [text(0x9003, b"2024-02-29\0")], {}),
        (
            CAMERA,
            [text(0x9003, b"\0"), text(0x9004, b"2001:02:03 04:05:06\0")],
            {"taken": "2001-02-03T04:05:06"},
        ),
        (
            CAMERA,
            [text(0x9003, b"2001:02:03 04:05:06\0"), text(0x9011, b"<b>\0\0\0")],
            {"taken": "2001-02-03T04:05:06"},
        ),
        # texts
        (MAIN, [text(0x010F, b"")], {}),
        (MAIN, [text(0x010F, b"   \0\0")], {}),
        (MAIN, [text(0x010F, b"Canon      \0\0\0\0")], {"make": "Canon"}),
        (MAIN, [text(0x010F, b"no end")], {"make": "no end"}),
        (MAIN, [text(0x013B, "Zoë 写真".encode() + b"\0")], {"artist": "Zoë 写真"}),
        (MAIN, [text(0x013B, "Zoë".encode("latin-1"))], {"artist": "Zoë"}),
        (MAIN, [text(0x8298, b"photographer\0editor\0")], {"copyright": "photographer, editor"}),
        (MAIN, [text(0x8298, b" \0editor\0")], {"copyright": "editor"}),
        (MAIN, [text(0x0131, b"a\x1b[31mb\x07\r\n\tc\0")], {"software": "a[31mb c"}),
        (MAIN, [text(0x0131, "a\u202eb\u2066c\ufeffd\u2028e".encode())], {"software": "abcd e"}),
        (MAIN, [(0x013B, 129, 5, "Zoë".encode() + b"\0")], {"artist": "Zoë"}),
        # counts and places that are not there
        (MAIN, [(0x010F, ASCII, 2**32 - 1, b"12345678")], {"make": "12345678"}),
        (MAIN, [(0x010F, ASCII, 100, b"\xff\xff\xff\xff")], {}),
        (CAMERA, [(0x829D, RATIONAL, 1, b"\xf0\xff\xff\xff")], {}),
        (CAMERA, [(0x829D, RATIONAL, 0, b"")], {}),
        (CAMERA, [(0x8827, SHORT, 2**31, struct.pack("<HHHH", 200, 0, 0, 0))], {"iso": 200}),
    ],
)
def test_odd_fields(directory, entries, found):
    assert selected(block({directory: entries})) == found


@pytest.mark.parametrize(
    "entries",
    [
        [text(1, b"N\0"), rational(2, 48, 1, 12, 1, 0, 1)],
        [rational(2, 48, 1, 12, 1, 0, 1), rational(4, 16, 1, 22, 1, 0, 1)],
        [text(1, b"N\0"), rational(2, 91, 1, 0, 1, 0, 1), text(3, b"E\0"), rational(4, 16, 1, 0, 1, 0, 1)],
        [text(1, b"N\0"), rational(2, 0, 0, 0, 0, 0, 0), text(3, b"E\0"), rational(4, 0, 0, 0, 0, 0, 0)],
        [text(1, b"NS\0"), rational(2, 4, 1, 0, 1, 0, 1), text(3, b"E\0"), rational(4, 16, 1, 0, 1, 0, 1)],
        [text(1, b"E\0"), rational(2, 4, 1, 0, 1, 0, 1), text(3, b"N\0"), rational(4, 16, 1, 0, 1, 0, 1)],
    ],
)
def test_half_a_place_is_none(entries):
    assert selected(block({PLACE: entries}), gps=True) == {}


def test_long_texts_are_cut():
    data = block({MAIN: [text(0x010F, b"x" * 60_000), text(0x013B, "é".encode() * 30_000)]})
    assert selected(data) == {"make": "x" * 200, "artist": "é" * 200}


def test_a_directory_that_names_itself():
    data = bytearray(block({MAIN: [text(0x010F, b"ab\0")]}))
    # both pointers to the main directory
    for entry in (22, 34):
        data[entry + 8 : entry + 12] = struct.pack("<I", 8)
    assert selected(bytes(data), gps=True) == {"make": "ab"}


@pytest.mark.parametrize("data", [b"", b"Exif\0\0", b"II", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM*\0" * 9])
def test_no_block(data):
    assert selected(data, gps=True) == {}


@given(st.integers(0, 10_000))
def test_cut_anywhere(length):
    data = by_pillow()
    whole = selected(data, gps=True)
    # a text or a date may be shorter, nothing else changes
    for name, value in selected(data[: length % len(data)], gps=True).items():
        assert str(whole[name]).startswith(str(value)[:10]) or isinstance(value, str)


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=20))
def test_changed_anywhere(changes):
    data = bytearray(by_pillow())
    for at, value in changes:
        data[at % len(data)] = value
    harmless(selected(bytes(data), gps=True))


@given(st.binary(max_size=300), st.sampled_from([b"II*\0\x08\0\0\0", b"Exif\0\0MM\0*\0\0\0\x08", b""]))
def test_any_bytes(data, head):
    harmless(selected(head + data, gps=True))


def harmless(found):
    json.dumps(found, allow_nan=False).encode()
    for value in found.values():
        if isinstance(value, str):
            assert 0 < len(value) <= 200
            assert value.isprintable() or any(joiner in value for joiner in "\u200c\u200d")
        else:
            assert math.isfinite(value)


@given(st.text(max_size=300))
def test_clean_is_clean(raw):
    found = clean(raw)
    assert clean(found) == found
    assert len(found) <= 200
    assert "\n" not in found
    assert "\0" not in found


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_a_character_that_we_cut(cut):
    raw = (b"x" * cut + "写".encode() * 400)[:1024]
    assert decoded(raw) == "x" * cut + "写" * ((1024 - cut) // 3)
