from __future__ import annotations

import mmap
import random
import subprocess
from io import BytesIO
from itertools import product

import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageFilter, ImageStat

from tornado_media.formats import jpeg
from tornado_media.formats.jpeg import Component, Frame, Segment, Unusual, segments
from tornado_media.formats.jpeg_coarse import coarse

SAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
EXACT = ["4:4:4", "4:2:2"]
SIZES = [(160, 120), (163, 121), (17, 33)]


def photo(size: tuple[int, int] = (160, 120), mode: str = "RGB", seed: int = 1) -> Image.Image:
    """Something with soft areas, edges and fine grain, in every channel."""
    chance = random.Random(seed)

    def plane() -> Image.Image:
        soft = Image.frombytes("L", (8, 8), chance.randbytes(64)).resize(size, Image.Resampling.BICUBIC)
        grain = Image.frombytes("L", size, chance.randbytes(size[0] * size[1]))
        edges = Image.frombytes("L", (20, 20), chance.randbytes(400)).resize(size, Image.Resampling.NEAREST)
        return Image.blend(Image.blend(soft, edges, 0.3), grain.filter(ImageFilter.BoxBlur(1)), 0.3)

    return Image.merge(mode, [plane() for _ in mode]) if len(mode) > 1 else plane()


def stripes(size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Grain and lines so fine that half the size cannot show them."""
    chance = random.Random(7)
    grain = Image.frombytes("L", size, chance.randbytes(size[0] * size[1]))
    lines = Image.frombytes("L", size, bytes(x * 147 % 256 for _ in range(size[1]) for x in range(size[0])))
    return Image.merge("RGB", [Image.blend(grain, lines, 0.5)] * 3)


def encoded(picture: Image.Image, sampling: str = "4:2:0", *, progressive: bool = True, **more) -> bytes:
    file = BytesIO()
    if picture.mode == "RGB":
        more["subsampling"] = SAMPLING[sampling]
    picture.save(file, "JPEG", progressive=progressive, **({"quality": 85} | more))
    return file.getvalue()


def cjpeg(picture: Image.Image, *options: str) -> bytes:
    file = BytesIO()
    picture.save(file, "PPM")
    return subprocess.run(["cjpeg", *options], input=file.getvalue(), capture_output=True, check=True).stdout


def decoded(content: bytes, scale: int = 1) -> Image.Image:
    """The decode by libvips, which must not find fault with a byte."""
    image = pyvips.Image.jpegload_buffer(content, shrink=scale, fail_on="warning")
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[image.bands]
    return Image.frombytes(mode, (image.width, image.height), image.write_to_memory())


def error(one: Image.Image, other: Image.Image) -> float:
    """Root mean square of the difference, over all channels, in levels of 255."""
    square = ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).rms
    return max(square)


def small(content: bytes, scale: int, whole: Image.Image) -> tuple[Image.Image, Image.Image]:
    """A picture made from a scaled decode, and what it should be. The sizes divide by eight."""
    size = (whole.width * 4 // (scale * 5), whole.height * 4 // (scale * 5))
    picture = decoded(content, scale).resize(size, Image.Resampling.LANCZOS)
    return picture, whole.resize(size, Image.Resampling.LANCZOS)


def parts(content: bytes) -> list[bytes]:
    """The segments of a file, with SOI before and EOI behind."""
    found = [content[each.start : each.end] for each in segments(memoryview(content))]
    return [b"\xff\xd8", *found, b"\xff\xd9"]


def marked(content: bytes, marker: int) -> list[Segment]:
    return [each for each in segments(memoryview(content)) if each.marker == marker]


PROGRESSIVE = encoded(photo())
BASELINE = encoded(photo(), progressive=False)


@pytest.mark.parametrize(("mode", "size"), list(product([*EXACT, "L", "CMYK"], SIZES)))
def test_an_eighth_is_the_same_in_every_pixel(mode, size):
    picture = photo(size, mode if mode in ("L", "CMYK") else "RGB")
    whole = encoded(picture, mode)
    less = coarse(whole, 8)
    assert len(less) < 0.75 * len(whole)
    assert decoded(less, 8) == decoded(whole, 8)
    assert Image.open(BytesIO(less)).size == size


@pytest.mark.parametrize(
    ("mode", "scale", "progressive", "quality"),
    [
        (mode, scale, progressive, quality)
        for mode, scale, progressive, quality in product(
            [*SAMPLING, "L", "CMYK"], (8, 4, 2), (True, False), (50, 75, 90, 98)
        )
        if progressive or scale < 8
    ],
)
def test_a_small_picture_is_as_near_to_a_full_decode(mode, scale, progressive, quality):
    picture = photo((320, 240), mode if mode in ("L", "CMYK") else "RGB")
    whole = encoded(picture, mode, progressive=progressive, quality=quality)
    less = coarse(whole, scale)
    full = decoded(whole)
    assert error(*small(less, scale, full)) <= error(*small(whole, scale, full)) + 2.0


@pytest.mark.parametrize(("scale", "progressive"), [(4, True), (2, True), (4, False), (2, False)])
def test_what_is_too_fine_is_not_folded_back(scale, progressive):
    whole = encoded(stripes(), "4:4:4", progressive=progressive, quality=95)
    full = decoded(whole)
    assert error(*small(coarse(whole, scale), scale, full)) < 0.9 * error(*small(whole, scale, full))


@pytest.mark.parametrize(("scale", "share"), [(8, 0.45), (4, 0.65), (2, 0.9)])
def test_fewer_bytes(scale, share):
    whole = encoded(photo((320, 240)), quality=90)
    assert len(coarse(whole, scale)) < share * len(whole)


def test_fine_quantizers_lose_more_bits():
    lengths = {}
    for quality in (50, 85, 95, 99):
        whole = encoded(photo(), "4:4:4", quality=quality)
        lengths[quality] = len(marked(coarse(whole, 2), jpeg.SOS))
    assert lengths == {50: 10, 85: 7, 95: 6, 99: 6}


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (8, 8), (9, 1000), (641, 16)])
def test_any_size(size):
    for sampling, scale in product(SAMPLING, (8, 4, 2)):
        whole = encoded(photo(size), sampling)
        less = coarse(whole, scale)
        assert Image.open(BytesIO(less)).size == size
        if min(size) >= scale:
            assert decoded(less, scale).size == decoded(whole, scale).size


def test_restart_markers_stay():
    for scale in (8, 4, 2):
        whole = encoded(photo(), "4:4:4", restart_marker_rows=1)
        less = coarse(whole, scale)
        assert b"\xff\xd3" in less
        assert error(decoded(less, scale), decoded(whole, scale)) <= (0 if scale == 8 else 6)


def test_sixteen_bit_quantizers():
    """Shifting up makes quantizers of 200 so large."""
    coarsest = [1 if at // 8 + at % 8 < 3 else 200 for at in range(64)]
    whole = encoded(photo(), "4:4:4", qtables=[coarsest, coarsest], quality=50)  # 50: as they are
    less = coarse(whole, 2)
    assert [less[each.data] >> 4 for each in marked(less, jpeg.DQT)] == [1, 1, 1]
    assert error(decoded(less, 2), decoded(whole, 2)) < 6


@pytest.mark.parametrize("scale", [8, 4, 2])
def test_components_that_share_a_table_need_not_share_the_new_one(scale):
    table = [1 + at // 8 + at % 8 for at in range(64)]
    one, two = (encoded(photo(), "4:2:0", qtables=tables, quality=50) for tables in ([table], [table, table]))
    assert len(marked(one, jpeg.DQT)) < len(marked(two, jpeg.DQT))
    assert decoded(coarse(one, scale), scale) == decoded(coarse(two, scale), scale)


def test_metadata_stay():
    exif = Image.Exif()
    exif[0x8298], exif[0x0112] = "Copyright somebody", 6
    profile = bytes(range(256)) * 300  # more than one segment holds
    whole = encoded(photo(), exif=exif, icc_profile=profile, comment=b"a comment")
    photoshop = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x05\x1c\x02\x78\0\0\0"
    packet = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"
    more = b"http://ns.adobe.com/xmp/extension/\0" + bytes(1000)
    added = [
        bytes([0xFF, marker]) + (len(data) + 2).to_bytes(2, "big") + data
        for marker, data in ((0xED, photoshop), (0xE1, packet), (0xE1, more))
    ]
    first, *rest = parts(whole)
    whole = b"".join([first, *added, *rest])
    less = coarse(whole, 8)
    before, after = pyvips.Image.jpegload_buffer(whole), pyvips.Image.jpegload_buffer(less)
    fields = [
        name for name in before.get_fields() if name.endswith("-data") or name.startswith(("exif", "jpeg"))
    ]
    assert {"exif-data", "xmp-data", "iptc-data", "icc-profile-data"} <= set(fields)
    for name in fields:
        assert after.get(name) == before.get(name), name
    assert after.get("orientation") == 6
    assert added[2] not in less


def test_views_and_maps(tmp_path):
    expected = coarse(PROGRESSIVE, 8)
    assert coarse(memoryview(b"x" + PROGRESSIVE)[1:], 8) == expected
    path = tmp_path / "a.jpg"
    path.write_bytes(PROGRESSIVE)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert coarse(memoryview(mapped), 8) == expected


@pytest.mark.parametrize("tail", [b"", b"\0", b"\xff", b"\xff\xd8\xff", PROGRESSIVE])
def test_bytes_behind_the_end_are_left_out(tail):
    assert coarse(PROGRESSIVE + tail, 8) == coarse(PROGRESSIVE, 8)


def test_fill_bytes_before_markers():
    filled = b"\xff\xd8" + b"".join(b"\xff\xff\xff" + part for part in parts(PROGRESSIVE)[1:])
    assert coarse(filled, 8) == coarse(PROGRESSIVE, 8)


def test_unknown_scale():
    for scale in (0, 1, 3, 16):
        with pytest.raises(ValueError, match=str(scale)):
            coarse(PROGRESSIVE, scale)


# Scan scripts as in libjpeg's wizard.txt: components, frequencies, high and low bits.
SCRIPTS = {
    "the mean of each component alone": "0: 0-0,0,1; 1: 0-0,0,1; 2: 0-0,0,1; 0: 1-63,0,0; 1: 1-63,0,0;"
    " 2: 1-63,0,0; 2: 0-0,1,0; 1: 0-0,1,0; 0: 0-0,1,0;",
    "no refinement": "0 1 2: 0-0,0,0; 0: 1-4,0,0; 1: 1-63,0,0; 2: 1-63,0,0; 0: 5-24,0,0; 0: 25-63,0,0;",
    "four steps": "0 1 2: 0-0,0,3; 0 1 2: 0-0,3,2; 0: 1-63,0,3; 1: 1-63,0,3; 2: 1-63,0,3; 0: 1-63,3,2;"
    " 0: 1-63,2,1; 0: 1-63,1,0; 1: 1-63,3,2; 2: 1-63,3,2; 1: 1-63,2,1; 2: 1-63,2,1; 1: 1-63,1,0;"
    " 2: 1-63,1,0; 0 1 2: 0-0,2,1; 0 1 2: 0-0,1,0;",
    "a different number of steps": "0 1 2: 0-0,0,0; 0: 1-2,0,2; 0: 3-63,0,1; 1: 1-63,0,0; 2: 1-63,0,0;"
    " 0: 1-2,2,1; 0: 1-63,1,0;",
    "chroma first": "0 1 2: 0-0,0,0; 2: 1-63,0,0; 1: 1-5,0,0; 1: 6-63,0,0; 0: 1-63,0,1; 0: 1-63,1,0;",
}


@pytest.mark.needs("cjpeg")
@pytest.mark.parametrize("sampling", ["1x1", "2x1", "1x2", "2x2", "4x1", "1x4"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_scan_scripts(tmp_path, script, sampling):
    path = tmp_path / "scans"
    path.write_text(SCRIPTS[script])
    for quality in ("60", "92", "98"):
        whole = cjpeg(
            photo((200, 150)), "-quality", quality, "-sample", sampling, "-restart", "1", "-scans", str(path)
        )
        assert jpeg.frame(whole).progressive
        for scale in (8, 4, 2):
            less = coarse(whole, scale)
            exact = scale == 8 and sampling in ("1x1", "2x1", "1x2", "4x1", "1x4")
            assert error(decoded(less, scale), decoded(whole, scale)) <= (0 if exact else 8)


@pytest.mark.needs("cjpeg")
def test_which_scans_stay(tmp_path):
    spans = [(0, 0), (1, 3), (4, 4), (5, 23), (24, 24), (25, 63)]
    path = tmp_path / "scans"
    path.write_text("".join(f"0: {first}-{last},0,0;" for first, last in spans))
    whole = cjpeg(photo(mode="L"), "-scans", str(path))
    for scale, count in ((8, 1), (4, 3), (2, 5)):
        less = coarse(whole, scale)
        assert [(less[each.header - 3], less[each.header - 2]) for each in marked(less, jpeg.SOS)] == spans[
            :count
        ]


def with_scans(count: int) -> bytes:
    """One block, grey. After the mean 63 scans, each of one frequency, and then refinements, all of zeros."""
    content = encoded(photo((8, 8), "L"))
    mean = marked(content, jpeg.SOS)[0]
    table = b"\xff\xc4\0\x14\x10\1" + bytes(15) + b"\0"  # the code of one bit 0: the end of the block
    alone = count - 65
    scans = [(0, 0, 0x10), *((at, at, 1) for at in range(1, 64))]
    scans += [*((at, at, 0x10) for at in range(1, alone)), (alone, 63, 0x10)]
    return b"".join(
        [content[: mean.end], table, *(scan_header(b"\1", *scan) + b"\x7f" for scan in scans), b"\xff\xd9"]
    )


@pytest.mark.parametrize(("count", "rewritten"), [(99, True), (100, True), (101, False), (128, False)])
def test_most_scans(count, rewritten):
    whole = with_scans(count)
    assert len(marked(whole, jpeg.SOS)) == count
    less = coarse(whole, 8)
    assert (less is not None) == rewritten
    assert decoded(less or whole, 8) == decoded(whole, 8)


@pytest.mark.needs("cjpeg")
def test_arithmetic_coding_is_left_alone():
    for options in (["-arithmetic"], ["-arithmetic", "-progressive"]):
        content = cjpeg(photo(), *options)
        assert jpeg.frame(content).arithmetic
        assert coarse(content, 4) is None


def changed(marker: int, at: int, value: int) -> bytes:
    """A progressive file with one byte of the parameters of its first segment of a kind changed."""
    content = bytearray(PROGRESSIVE)
    content[marked(PROGRESSIVE, marker)[0].data + at] = value
    return bytes(content)


def rearranged(order) -> bytes:
    pieces = parts(PROGRESSIVE)
    scans = [at for at, piece in enumerate(pieces) if piece[1] == jpeg.SOS]
    return b"".join(pieces[at] for at in order(list(range(len(pieces))), scans))


def scan_header(components: bytes, *numbers: int) -> bytes:
    names = b"".join(bytes([each, 0]) for each in components)
    return (
        b"\xff\xda" + (6 + len(names)).to_bytes(2, "big") + bytes([len(components)]) + names + bytes(numbers)
    )


def refined_by_two() -> bytes:
    """Luma goes from two missing bits to none at once: the second refinement of luma is left out."""
    pieces = parts(PROGRESSIVE)
    first, *_, last = (at for at, each in enumerate(pieces) if each.startswith(scan_header(b"\1", 1, 63)[:9]))
    pieces[first] = pieces[first].replace(b"\x3f\x21", b"\x3f\x20", 1)
    return b"".join(pieces[:last] + pieces[last + 1 :])


def two_in_one() -> bytes:
    pieces = parts(PROGRESSIVE)
    chroma = [
        at for at, each in enumerate(pieces) if each[:2] == b"\xff\xda" and each[4:6] in (b"\1\2", b"\1\3")
    ]
    headers = [pieces[at][7:10] for at in chroma]
    assert headers == [b"\1\x3f\1", b"\1\x3f\1", b"\1\x3f\x10", b"\1\x3f\x10"]
    for at in chroma[::2]:
        pieces[at] = scan_header(b"\2\3", *pieces[at][7:10]) + pieces[at][10:]
    return b"".join(each for at, each in enumerate(pieces) if at not in chroma[1::2])


FRAME = marked(PROGRESSIVE, 0xC2)[0]
TABLE = marked(PROGRESSIVE, jpeg.DQT)[0]
FIRST_SCAN = marked(PROGRESSIVE, jpeg.SOS)[0]
LEFT_ALONE = {
    "nothing": b"",
    "text": b"a JPEG",
    "a PNG": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "only a start": b"\xff\xd8",
    "start and end": b"\xff\xd8\xff\xd9",
    "no end": PROGRESSIVE[:-2],
    "half an end": PROGRESSIVE[:-1],
    "no start": PROGRESSIVE[2:],
    "half a scan": PROGRESSIVE[: FIRST_SCAN.header + 20],
    "an end in a scan": PROGRESSIVE[: FIRST_SCAN.header + 20] + b"\xff\xd9",
    "half a frame header": PROGRESSIVE[: FRAME.data + 3],
    "no frame header": PROGRESSIVE[: FRAME.start] + PROGRESSIVE[FRAME.end :],
    "two frame headers": PROGRESSIVE[: FRAME.end] + PROGRESSIVE[FRAME.start :],
    "a start inside": PROGRESSIVE[: FRAME.start] + b"\xff\xd8" + PROGRESSIVE[FRAME.start :],
    "arithmetic conditioning": PROGRESSIVE[: FRAME.start] + b"\xff\xcc\0\2" + PROGRESSIVE[FRAME.start :],
    "a number of lines": PROGRESSIVE[: FIRST_SCAN.end]
    + b"\xff\xdc\0\4\0\x78"
    + PROGRESSIVE[FIRST_SCAN.end :],
    "height to come": changed(0xC2, 1, 0)[: FRAME.data + 2] + b"\0" + PROGRESSIVE[FRAME.data + 3 :],
    "12 bits": changed(0xC2, 0, 12),
    "arithmetic": PROGRESSIVE.replace(b"\xff\xc2\0\x11", b"\xff\xca\0\x11"),
    "lossless": PROGRESSIVE.replace(b"\xff\xc2\0\x11", b"\xff\xc3\0\x11"),
    "hierarchical": PROGRESSIVE.replace(b"\xff\xc2\0\x11", b"\xff\xc6\0\x11"),
    "sequential with progressive scans": PROGRESSIVE.replace(b"\xff\xc2\0\x11", b"\xff\xc1\0\x11"),
    "sampling of 0": changed(0xC2, 7, 0x02),
    "not an SOI": b"\xff\xd9" + PROGRESSIVE[2:],
    "progressive with sequential scans": BASELINE.replace(b"\xff\xc0\0\x11", b"\xff\xc2\0\x11"),
    "refined by two bits": refined_by_two(),
    "two components in a fine scan": two_in_one(),
    "a long quantizer table of 24 bits": PROGRESSIVE[: TABLE.start]
    + b"\xff\xdb\0\xc3\x20"
    + bytes(192)
    + PROGRESSIVE[TABLE.start :],
    "a table that is not there": changed(0xC2, 8, 3),
    "a table that cannot be": changed(0xC2, 8, 4),
    "two components of one name": changed(0xC2, 9, PROGRESSIVE[FRAME.data + 6]),
    "a scan of an unknown component": changed(jpeg.SOS, 1, 77),
    "a scan of one component twice": changed(jpeg.SOS, 3, PROGRESSIVE[FIRST_SCAN.data + 1]),
    "a scan header of another length": changed(jpeg.SOS, 0, 2),
    "a mean with more": changed(jpeg.SOS, 8, 5),
    "frequency 64": changed(jpeg.SOS, 8, 64),
    "14 missing bits": changed(jpeg.SOS, 9, 14),
    "refined before it came": changed(jpeg.SOS, 9, 0x21),
    "a quantizer table of 24 bits": changed(jpeg.DQT, 0, 0x20),
    "half a quantizer table": changed(jpeg.DQT, 0, 0x10),
    "data behind fill bytes": PROGRESSIVE[: FIRST_SCAN.end] + b"\xff\xff\0" + PROGRESSIVE[FIRST_SCAN.end :],
    "an empty scan": PROGRESSIVE[: FIRST_SCAN.header] + PROGRESSIVE[FIRST_SCAN.end :],
    "a scan is missing": rearranged(lambda all_, scans: [at for at in all_ if at != scans[3]]),
    "a refinement is missing": rearranged(lambda all_, scans: [at for at in all_ if at != scans[-1]]),
    "a scan comes twice": rearranged(lambda all_, scans: sorted([*all_, scans[1]])),
    "refined too early": rearranged(
        lambda all_, scans: [*all_[:-2], all_[-2]][: scans[0]] + all_[scans[6] :]
    ),
    "tables between scans": rearranged(lambda all_, scans: [*all_[: scans[0] + 1], 2, *all_[scans[0] + 1 :]]),
    "too many scans": rearranged(
        lambda all_, scans: [*all_[: scans[0]], *[scans[0]] * 101, *all_[scans[1] :]]
    ),
    "too many segments": b"\xff\xd8" + b"\xff\xfe\0\2" * jpeg.MOST_SEGMENTS + PROGRESSIVE[2:],
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_left_alone(name):
    assert LEFT_ALONE[name] != PROGRESSIVE
    for scale in (8, 4, 2):
        assert coarse(LEFT_ALONE[name], scale) is None


def test_a_baseline_file_has_nothing_to_leave_out_at_an_eighth():
    assert coarse(BASELINE, 8) is None
    assert coarse(BASELINE, 4) is not None


@pytest.mark.parametrize("content", [PROGRESSIVE, BASELINE], ids=["progressive", "baseline"])
def test_every_file_that_is_cut_short_is_left_alone(content):
    for length in range(0, len(content), 7):
        assert coarse(content[:length], 4) is None


@pytest.mark.parametrize("content", [PROGRESSIVE, BASELINE], ids=["progressive", "baseline"])
def test_bytes_that_are_kept_are_not_changed(content):
    """Damage in what is needed is still there for the decoder to find."""
    scan = marked(content, jpeg.SOS)[0]
    damaged = bytearray(content)
    damaged[scan.header + 50 : scan.header + 60] = b"\xaa" * 10
    less = coarse(bytes(damaged), 4)
    assert damaged[scan.header : scan.end] in less


def test_a_single_scan_is_not_looked_through(monkeypatch):
    expected = coarse(BASELINE + b"\0", 4)  # which does not end as it should, so that all of it is looked at

    def look(view: memoryview, at: int) -> int:
        raise AssertionError

    monkeypatch.setattr(jpeg, "_end_of_scan", look)
    assert coarse(BASELINE, 4) == expected
    assert coarse(BASELINE, 2) is not None


@pytest.mark.needs("cjpeg")
def test_a_sequential_file_of_several_scans(tmp_path):
    path = tmp_path / "scans"
    path.write_text("0; 1; 2;")
    whole = cjpeg(photo(), "-quality", "85", "-scans", str(path))
    assert jpeg.frame(whole).sequential
    assert len(marked(whole, jpeg.SOS)) == 3
    for scale in (4, 2):
        assert error(decoded(coarse(whole, scale), scale), decoded(whole, scale)) <= 6
        assert coarse(whole[:-200], scale) is None


def opened(content: bytes) -> tuple[int, int, int] | None:
    try:
        image = pyvips.Image.jpegload_buffer(content)
    except pyvips.Error:
        return None
    return image.width, image.height, image.bands


def check(content: bytes, scale: int) -> None:
    less = coarse(content, scale)
    if less is not None:
        assert len(less) <= len(content) + 4 * 131
        before = opened(content)
        assert before is None or opened(less) == before
        with Image.open(BytesIO(less)) as picture:
            assert before is None or picture.size == before[:2]


SCALES = st.sampled_from([8, 4, 2])
PLACES = st.integers(0, len(PROGRESSIVE) - 1)
TINY = encoded(photo((24, 16)), restart_marker_blocks=1)


@given(st.binary() | st.binary().map(lambda tail: b"\xff\xd8" + tail), SCALES)
def test_any_bytes(content, scale):
    assert coarse(content, scale) is None
    jpeg.frame(content)


@settings(max_examples=300)
@given(st.sampled_from([TINY, encoded(photo((24, 16), "CMYK"))]), st.data(), SCALES)
def test_damaged_files(content, data, scale):
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(changed) - 1))
        action = data.draw(st.sampled_from(["set", "insert", "delete"]))
        if action == "set":
            changed[at] = data.draw(st.sampled_from([0, 1, 0xFF, 0xD9, 0xDA]) | st.integers(0, 255))
        elif action == "insert":
            changed[at:at] = data.draw(st.binary(max_size=4))
        else:
            del changed[at : at + data.draw(st.integers(1, 40))]
    check(bytes(changed), scale)


@settings(max_examples=150)
@given(st.data(), SCALES)
def test_segments_in_any_order(data, scale):
    first, *middle, last = parts(TINY)
    order = data.draw(st.lists(st.sampled_from(middle), max_size=25) | st.permutations(middle))
    check(b"".join([first, *order, last]), scale)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            encoded(photo((163, 121))),
            Frame(0xC2, 8, 163, 121, (Component(1, 2, 2, 0), Component(2, 1, 1, 1), Component(3, 1, 1, 1))),
        ),
        (encoded(photo((9, 8), "L"), progressive=False), Frame(0xC0, 8, 9, 8, (Component(1, 1, 1, 0),))),
        (PROGRESSIVE[: FRAME.start], None),
        (b"", None),
        (b"GIF89a" + bytes(20), None),
        (changed(0xC2, 5, 5), None),
        (LEFT_ALONE["hierarchical"], None),
        (LEFT_ALONE["a table that cannot be"], None),
        (LEFT_ALONE["two components of one name"], None),
        (LEFT_ALONE["height to come"], None),
    ],
)
def test_frame(content, expected):
    assert jpeg.frame(content) == expected


def test_frame_needs_no_more_than_the_header():
    assert jpeg.frame(PROGRESSIVE[: FRAME.end]) == jpeg.frame(PROGRESSIVE)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("arithmetic", "arithmetic"), ("lossless", "lossless"), ("12 bits", "progressive")],
)
def test_kinds(name, kind):
    found = jpeg.frame(LEFT_ALONE[name])
    assert [
        each for each in ("sequential", "progressive", "arithmetic", "lossless") if getattr(found, each)
    ] == [kind]


@pytest.mark.parametrize(
    ("factors", "scale", "expected"),
    [
        # what jpeg_calc_output_dimensions() of libjpeg-turbo 3 says
        ([(1, 1), (1, 1), (1, 1)], 8, [1, 1, 1]),
        ([(2, 2), (1, 1), (1, 1)], 8, [1, 2, 2]),
        ([(2, 2), (1, 1), (1, 1)], 4, [2, 4, 4]),
        ([(2, 2), (1, 1), (1, 1)], 2, [4, 8, 8]),
        ([(2, 2), (1, 1), (1, 1)], 1, [8, 8, 8]),
        ([(2, 1), (1, 1), (1, 1)], 8, [1, 1, 1]),
        ([(1, 2), (1, 1), (1, 1)], 4, [2, 2, 2]),
        ([(4, 2), (1, 1), (1, 1)], 8, [1, 2, 2]),
        ([(4, 4), (1, 1), (2, 2)], 8, [1, 4, 2]),
        ([(2, 2)], 8, [1]),
        ([(3, 3), (1, 1), (2, 2)], 8, [1, 1, 1]),
    ],
)
def test_samples_of_a_block(factors, scale, expected):
    components = tuple(Component(name, *each, 0) for name, each in enumerate(factors))
    found = Frame(0xC2, 8, 100, 100, components)
    assert [found.samples(each, scale) for each in components] == expected


def test_segments_tell_what_is_unusual():
    with pytest.raises(Unusual):
        list(segments(memoryview(b"\xff\xd8\xff")))
