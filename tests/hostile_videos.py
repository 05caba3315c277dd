"""Small videos of every container, damage to them, and files that were made to do harm, byte by byte.

Test files run this module (`runpy`):

    films()                    name: bytes of a small healthy film of each container
    damaged(seed)              a name, and the bytes of one of them after some harm
    reaching(forms)            scripts and playlists that name other files, in many disguises
    embedding(forms)           true containers that name other files, or hold a playlist
    BOMBS                      how each small file is made that asks for much
"""

from __future__ import annotations

import io
import random
import re
import runpy
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import imageio_ffmpeg
from PIL import Image

hostile = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("hostile.py"))))
bombs = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("bombs.py"))))

SECONDS = 2
WIDTH, HEIGHT = 160, 90
TITLE = "A film for tests"

# -- healthy films ------------------------------------------------------------------------------------------

_INPUTS = (
    f"-f lavfi -i testsrc2=size={WIDTH}x{HEIGHT}:rate=25:duration={SECONDS} "
    f"-f lavfi -i sine=frequency=440:duration={SECONDS} -i texts.srt"
)
_BOTH, _ALL = "-map 0:v -map 1:a", "-map 0:v -map 1:a -map 2:s"
_H264 = "-c:v libx264 -preset ultrafast -bf 2 -g 12 -pix_fmt yuv420p"

_FILMS = {
    "film.mp4": f"{_ALL} {_H264} -c:a aac -c:s mov_text",
    "fragments.mp4": f"{_BOTH} {_H264} -c:a aac -movflags frag_keyframe+empty_moov+default_base_moof",
    "film.mkv": f"{_ALL} {_H264} -c:a aac -c:s srt",
    "film.webm": f"{_ALL} -c:v libvpx -deadline realtime -cpu-used 8 -g 12 -c:a libvorbis -c:s webvtt",
    "film.avi": f"{_BOTH} -c:v mpeg4 -g 12 -c:a mp3",
    "film.ts": f"{_BOTH} {_H264} -c:a aac",
    "film.flv": f"{_BOTH} {_H264} -c:a aac",
    "film.ogv": f"{_BOTH} -c:v libtheora -g 12 -c:a libvorbis",
    "film.wmv": f"{_BOTH} -c:v wmv2 -g 12 -c:a wmav2",
    "film.mov": f"{_BOTH} -c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16le",
    "film.mpg": f"{_BOTH} -c:v mpeg2video -g 12 -c:a mp2",
}
_TEXTS = "1\n00:00:00,200 --> 00:00:00,900\nOne\n\n2\n00:00:01,000 --> 00:00:01,800\n<i>Two</i>\n"


@cache
def films() -> dict[str, bytes]:
    """Name of a file: its bytes. All have a picture and a sound; MP4, MKV and WebM texts too."""
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "texts.srt").write_text(_TEXTS)
        for name, arguments in _FILMS.items():
            encode(f"{_INPUTS} {arguments} -metadata title='' {name}", Path(folder))
            made[name] = (Path(folder) / name).read_bytes()
    return made


def encode(arguments: str, folder: Path) -> None:
    """Run ffmpeg in a folder."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", "-bitexact"]
    subprocess.run([*command, *arguments.split()], cwd=folder, check=True)


# -- damage -------------------------------------------------------------------------------------------------


def damaged(seed: int) -> tuple[str, bytes]:
    """A name and the bytes of one of the healthy films after some harm. The first bytes stay mostly, so that
    it is taken for what it was."""
    chance = random.Random(seed)
    names = sorted(films())
    name = names[seed % len(names)]
    content = bytearray(films()[name])
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        start, end = _part(content, chance)
        part = content[start:end]
        chance.choice(hostile.HARMS)(part, chance)
        content[start:end] = part
    return f"{seed}-{name}", bytes(content)


def _part(content: bytearray, chance: random.Random) -> tuple[int, int]:
    """More often of what says how the rest is to be read, which is most of what a decoder believes."""
    index = content.rfind(b"moov")
    if index > 0 and chance.random() < 0.6:
        return index, len(content)
    if chance.random() < 0.5:
        return 0, min(len(content), 3000)
    return 0, len(content)


# -- MP4 and MOV (ISO/IEC 14496-12) --------------------------------------------------------------------------

_FULL = 8
"""Bytes before the entries of a box with a version, flags and a count."""


def box(kind: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I", len(content) + 8) + kind + content


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4])
        yield content[at + 4 : at + 8], content[at + 8 : at + size]
        at += size


Change = Callable[[bytes], bytes]


def changed(content: bytes, path: str, change: Change, only: int | None = None) -> bytes:
    """The same boxes, with the content of those at a path changed. What is before stays where it is.

    Args:
        content: of a file or a box.
        path: kinds of boxes with slashes.
        change: from the content of one to another.
        only: the number of the first box of the path that is meant; None for all.
    """
    kind, _, rest = path.partition("/")
    parts, number = [], 0
    for name, inner in boxes(content):
        new = inner
        if name == kind.encode() and (only is None or number == only or kind == "moov"):
            new = changed(inner, rest, change, only if kind == "moov" else None) if rest else change(inner)
        number += name == kind.encode()
        parts.append(box(name, new))
    return b"".join(parts)


def put(at: int, form: str, *values: int) -> Change:
    """A change: numbers, big-endian, at a place."""
    packed = struct.pack(f">{form}", *values)
    return lambda content: content[:at] + packed + content[at + len(packed) :]


def entries(count: int, *rows: bytes) -> Change:
    """A change: other entries behind version and flags, and a count that may not be true."""
    return lambda content: content[:4] + struct.pack(">I", count) + b"".join(rows)


def mp4(*changes: tuple[str, Change], only: int | None = 0) -> bytes:
    """The healthy MP4 with changes, if not said otherwise of its picture's track alone."""
    content = films()["film.mp4"]
    for path, change in changes:
        content = changed(content, path, change, only)
    return content


def with_moov(before: bytes, head: bytes | None = None) -> bytes:
    """The healthy MP4 with something in front of its `moov`, or with another head of it."""
    content = films()["film.mp4"]
    at = content.index(b"moov") - 4
    return content[:at] + before + (content[at : at + 8] if head is None else head) + content[at + 8 :]


STBL = "moov/trak/mdia/minf/stbl"


def bits(*numbers: tuple[int, int] | int) -> bytes:
    """Bits of H.264: (value, length), or a number in Exp-Golomb code; then the stop bit."""
    text = ""
    for number in numbers:
        if isinstance(number, int):
            code = f"{number + 1:b}"
            text += "0" * (len(code) - 1) + code
        else:
            text += f"{number[0]:0{number[1]}b}"
    text += "1"
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8)


def avc_configuration(width: int, height: int) -> bytes:
    """An `avcC` of H.264 whose frames are so large (ISO/IEC 14496-10 section 7.3.2.1)."""
    blocks = (width // 16 - 1, height // 16 - 1)
    sps = b"\x67\x42\xc0\x3e" + bits(0, 0, 2, 1, (0, 1), *blocks, (1, 1), (1, 1), (0, 1), (0, 1))
    pps = b"\x68\xce\x3c\x80"
    head = b"\1\x42\xc0\x3e\xff\xe1"
    return head + struct.pack(">H", len(sps)) + sps + b"\1" + struct.pack(">H", len(pps)) + pps


def large_h264(side: int, *, told: bool) -> bytes:
    """An MP4 whose H.264 has frames of a size that the container tells, or hides."""

    def entry(content: bytes) -> bytes:
        if told:
            content = put(24, "HH", side, side)(content)
        return content[:78] + changed(content[78:], "avcC", lambda _: avc_configuration(side, side))

    def stsd(content: bytes) -> bytes:
        return content[:_FULL] + changed(content[_FULL:], "avc1", entry)

    track = ("moov/trak/tkhd", put(76, "II", side << 16, side << 16))
    return mp4((f"{STBL}/stsd", stsd), *([track] if told else []))


def many_tracks(count: int) -> bytes:
    """The picture's track so many times."""

    def moov(content: bytes) -> bytes:
        tracks = [inner for kind, inner in boxes(content) if kind == b"trak"]
        others = [box(kind, inner) for kind, inner in boxes(content) if kind != b"trak"]
        first = changed(box(b"trak", tracks[0]), "trak/tkhd", lambda c: c)
        more = (changed(first, "trak/tkhd", put(12, "I", n)) for n in range(1, count + 1))
        return b"".join((others[0], *more, *others[1:]))

    return mp4(("moov", moov))


def nested(kind: bytes, depth: int, inner: bytes = b"") -> bytes:
    """A box in a box in a box."""
    heads = (struct.pack(">I", 8 * level + len(inner)) + kind for level in range(depth, 0, -1))
    return b"".join(heads) + inner


def fragment(samples: int) -> bytes:
    """A movie fragment that says it has so many samples, each of the default size, in 20 bytes."""
    tfhd = box(b"tfhd", b"\0\2\0\x38", struct.pack(">IIII", 1, 1, 1, 0))
    trun = box(b"trun", b"\0\0\0\0", struct.pack(">I", samples))
    moof = box(b"moof", box(b"mfhd", bytes(8)), box(b"traf", tfhd, trun))
    return moof + box(b"mdat", bytes(64))


def referring(kind: bytes, target: str) -> bytes:
    """A MOV whose picture lies in another file: a data reference (section 8.7.2; QuickTime's alias)."""
    url = target.encode() + b"\0"
    if kind == b"alis":
        name = Path(target).name.encode()[:63]
        volume = b"disk".ljust(27, b"\0")
        path = b"disk:" + target.strip("/").replace("/", ":").encode()
        path += bytes(len(path) % 2)
        head = bytes(10) + bytes([4]) + volume + bytes(12) + bytes([len(name)]) + name.ljust(63, b"\0")
        # How many folders lead up from the film and down to its target, or none: then the whole path.
        near = "/" not in target
        url = head + bytes(16) + struct.pack(">HH", near, near) + bytes(16)
        url += struct.pack(">HH", 2, len(path)) + path + b"\xff\xff\0\0"
    reference = box(kind, bytes(4), url)
    content = films()["film.mov"]
    size = box(b"dref", bytes(4), struct.pack(">I", 1), reference)
    return changed(content, "moov/trak/mdia/minf/dinf/dref", lambda _: size[8:])


# -- AVI ----------------------------------------------------------------------------------------------------


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def listed(form: bytes, *chunks: bytes, name: bytes = b"LIST") -> bytes:
    return chunk(name, form + b"".join(chunks))


@cache
def jpeg(width: int = WIDTH, height: int = HEIGHT) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def avi(
    frames: list[bytes] | None = None,
    *,
    codec: bytes = b"MJPG",
    size: tuple[int, int] = (WIDTH, HEIGHT),
    micros: int = 40_000,
    scale: int = 1,
    rate: int = 25,
    told: int = 25,
    texts: tuple[bytes, ...] = (),
    more: bytes = b"",
) -> bytes:
    """A film of JPEG frames, and a stream of texts, all put together here.

    Args:
        frames: of the picture.
        codec: of it.
        size: of a frame.
        micros: microseconds of a frame.
        scale: by which `rate` is divided: frames a second.
        rate: see `scale`.
        told: how many frames the header says there are.
        texts: packets of the stream of texts.
        more: chunks in the list of the picture's stream.
    """
    frames = [jpeg()] * 25 if frames is None else frames
    width, height = size
    streams = 1 + bool(texts)
    avih = struct.pack("<14I", micros, 0, 0, 0x10, told, 0, streams, 0, width, height, 0, 0, 0, 0)
    form = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, codec, 0, 0, 0, 0, 0)
    lists = [listed(b"strl", _strh(b"vids", codec, scale, rate, told), chunk(b"strf", form), more)]
    if texts:
        lists.append(listed(b"strl", _strh(b"txts", b"\0\0\0\0", 1, 1, 1), chunk(b"strf", b"")))
    packets = [chunk(b"01tx", text) for text in texts] + [chunk(b"00dc", frame) for frame in frames]
    body = (listed(b"hdrl", chunk(b"avih", avih), *lists), listed(b"movi", *packets))
    return listed(b"AVI ", *body, name=b"RIFF")


def _strh(kind: bytes, codec: bytes, scale: int, rate: int, length: int) -> bytes:
    numbers = (0, 0, 0, scale, rate, 0, length, 0, 0xFFFFFFFF, 0, 0, 0)
    return chunk(b"strh", kind + codec + struct.pack("<12I", *numbers))


def avi_with_index(codec: bytes) -> bytes:
    """A film of a codec, with the index that it begins with sync samples."""
    film = avi(codec=codec)
    at, rows = film.index(b"movi") + 4, b""
    start = at
    while at < len(film):
        size = int.from_bytes(film[at + 4 : at + 8], "little")
        rows += film[at : at + 4] + struct.pack("<III", 0x10, at - start + 4, size)
        at += 8 + size + size % 2
    return listed(film[8:], chunk(b"idx1", rows), name=b"RIFF")


def gab2(content: bytes) -> bytes:
    """Texts in a stream of an AVI: a whole file in a packet, which players open as a file of its own."""
    title = "texts".encode("utf-16-le") + b"\0\0"
    head = b"GAB2\0\2\0" + struct.pack("<I", len(title)) + title
    return head + b"\4\0" + struct.pack("<I", len(content)) + content


# -- Matroska (RFC 9559) ------------------------------------------------------------------------------------


def element(ident: int, *contents: bytes | int | str | float, size: int | None = None) -> bytes:
    """An element of EBML; `size` is what it says of its length, where that is not true."""
    content = b"".join(map(_ebml_bytes, contents))
    length = (1 << 56 | (len(content) if size is None else size)).to_bytes(8)
    return ident.to_bytes((ident.bit_length() + 7) // 8) + length + content


def _ebml_bytes(value: bytes | int | str | float) -> bytes:
    if isinstance(value, float):
        return struct.pack(">d", value)
    if isinstance(value, int):
        return value.to_bytes(8)
    return value.encode() if isinstance(value, str) else value


_EBML = element(0x1A45DFA3, element(0x4282, "matroska"), element(0x4287, 4), element(0x4285, 2))


def matroska(
    frames: list[bytes] | None = None,
    *,
    codec: str = "V_MJPEG",
    size: tuple[int, int] = (WIDTH, HEIGHT),
    scale: int = 1_000_000,
    duration: float | None = 1000.0,
    info: bytes = b"",
    entry: bytes = b"",
    entries: bytes = b"",
    more: bytes = b"",
) -> bytes:
    """A film of JPEG frames at 25 a second, put together here.

    Args:
        frames: of the picture.
        codec: of it.
        size: of a frame.
        scale: nanoseconds of a tick.
        duration: in ticks; None says nothing.
        info: more elements of the information on the segment.
        entry: more elements of the picture's track.
        entries: more tracks.
        more: more elements of the segment, before the first cluster.
    """
    frames = [jpeg()] * 25 if frames is None else frames
    known = element(0x2AD7B1, scale) + (b"" if duration is None else element(0x4489, duration))
    video = element(0xE0, element(0xB0, size[0]), element(0xBA, size[1]))
    track = element(0xAE, *_numbered(1), element(0x83, 1), element(0x86, codec), video, entry)
    blocks = [element(0xA3, b"\x81" + struct.pack(">hB", 40 * n, 0x80) + f) for n, f in enumerate(frames)]
    parts = (
        element(0x1549A966, known, info),
        element(0x1654AE6B, track, entries),
        more,
        element(0x1F43B675, element(0xE7, 0), *blocks),
    )
    return _EBML + element(0x18538067, *parts)


def _numbered(number: int) -> tuple[bytes, bytes]:
    return element(0xD7, number), element(0x73C5, number)


def deep_matroska(ident: int, depth: int) -> bytes:
    """An element in an element in an element, 13 bytes of head each or less."""
    head = ident.to_bytes((ident.bit_length() + 7) // 8)
    each = len(head) + 8
    return b"".join(head + (1 << 56 | each * level).to_bytes(8) for level in range(depth - 1, -1, -1))


def linked(target: str) -> bytes:
    """A Matroska that goes on in other files (section 17), and has some of them attached."""
    other = bytes(range(16))
    info = (
        element(0x73A4, b"\1" * 16)
        + element(0x3CB923, other)
        + element(0x3C83AB, target)
        + element(0x3EB923, other)
        + element(0x3E83BB, target)
    )
    atom = element(0xB6, *_chapter(1), element(0x6E67, other), element(0x6EBC, 1))
    edition = element(0x1043A770, element(0x45B9, element(0x45DD, 1), element(0x45DB, 1), atom))
    files = element(0x1941A469, *(_attached(name, target) for name in ("../../a.ttf", "/etc/a.ttf", target)))
    return matroska(info=info, more=edition + files)


def _chapter(number: int) -> tuple[bytes, bytes, bytes]:
    return element(0x73C4, number), element(0x91, 0), element(0x92, 10**9)


def _attached(name: str, target: str) -> bytes:
    kind = "application/vnd.apple.mpegurl"
    content = hls(target)
    return element(
        0x61A7, element(0x466E, name), element(0x4660, kind), element(0x465C, content), element(0x46AE, 7)
    )


# -- others -------------------------------------------------------------------------------------------------


def transport_packets(pid: int, section: bytes) -> bytes:
    """A section of MPEG-TS in packets (ISO/IEC 13818-1 section 2.4.4)."""
    section += _mpeg_sum(section)
    rest, packets, number = b"\0" + section, [], 0
    while rest:
        head = struct.pack(">BHB", 0x47, (0x4000 if not number else 0) | pid, 0x10 | number % 16)
        packets.append((head + rest[:184]).ljust(188, b"\xff"))
        rest, number = rest[184:], number + 1
    return b"".join(packets)


def _mpeg_sum(section: bytes) -> bytes:
    total = 0xFFFFFFFF
    for byte in section:
        total ^= byte << 24
        for _ in range(8):
            total = (total << 1 ^ (0x04C11DB7 if total & 0x80000000 else 0)) & 0xFFFFFFFF
    return total.to_bytes(4)


def section(kind: int, number: int, content: bytes) -> bytes:
    return struct.pack(">BHHBBB", kind, 0xB000 | len(content) + 9, number, 0xC1, 0, 0) + content


def many_programs(programs: int, streams: int) -> bytes:
    """A transport stream of so many programs, each with so many streams that are never there."""
    content = b"".join(struct.pack(">HH", n + 1, 0xE000 | 32 + n) for n in range(programs))
    packets = [transport_packets(0, section(0, 1, content))]
    pid = 32 + programs
    for n in range(programs):
        rows = b""
        for _ in range(streams):
            rows += struct.pack(">BHH", 0x1B, 0xE000 | pid, 0xF000)
            pid = pid + 1 if pid < 8000 else 32 + programs
        packets.append(
            transport_packets(32 + n, section(2, n + 1, struct.pack(">HH", 0xFFFF, 0xF000) + rows))
        )
    return b"".join(packets) * 3


def ogg_page(serial: int, content: bytes, *, flags: int = 2, number: int = 0) -> bytes:
    """A page of Ogg (RFC 3533 section 6) with a packet of less than 64 KiB."""
    lacing = bytes([255] * (len(content) // 255) + [len(content) % 255])
    head = b"OggS\0" + bytes([flags]) + struct.pack("<qII", 0, serial, number)
    page = head + bytes(4) + bytes([len(lacing)]) + lacing + content
    total = 0
    for byte in page:
        total ^= byte << 24
        for _ in range(8):
            total = (total << 1 ^ (0x04C11DB7 if total & 0x80000000 else 0)) & 0xFFFFFFFF
    return page[:22] + struct.pack("<I", total) + page[26:]


def many_oggs(count: int) -> bytes:
    """An Ogg of so many streams of Theora."""
    picture = b"\x80theora\3\2\1" + struct.pack(">HH", WIDTH // 16, HEIGHT // 16 + 1) + bytes(30)
    return b"".join(ogg_page(serial, picture) for serial in range(count)) + films()["film.ogv"]


def deep_flv(depth: int) -> bytes:
    """An FLV whose first script has an object in an object in an object."""
    script = b"\2\0\nonMetaData" + b"\3\0\1a" * depth
    tag = b"\x12" + len(script).to_bytes(3) + bytes(7) + script
    return films()["film.flv"][:13] + tag + len(tag).to_bytes(4) + films()["film.flv"][13:]


# -- what names other files ---------------------------------------------------------------------------------


def hls(target: str, way: str = "segment") -> bytes:
    """A playlist that names a file in one of the ways that there are (RFC 8216)."""
    head = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n"
    segment = f"#EXTINF:4,\n{target}\n#EXT-X-ENDLIST\n"
    texts = {
        "segment": f"{head}{segment}",
        "range": f"{head}#EXT-X-BYTERANGE:188@0\n{segment}",
        "map": f'{head}#EXT-X-MAP:URI="{target}"\n{segment}',
        "key": f'{head}#EXT-X-KEY:METHOD=AES-128,URI="{target}",IV=0x{"0" * 32}\n{segment}',
        "main": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\n{target}\n",
        "media": f'#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",DEFAULT=YES,URI="{target}"\n'
        f'#EXT-X-STREAM-INF:BANDWIDTH=100000,AUDIO="a"\n{target}\n',
        "old": f"#EXTM3U\n{segment}",
    }
    return texts[way].encode()


HLS_WAYS = ("segment", "range", "map", "key", "main", "media", "old")


def mpd(target: str, way: str = "list") -> bytes:
    """A manifest of DASH that names a file (ISO/IEC 23009-1)."""
    kinds = {
        "base": f"<BaseURL>{target}</BaseURL>",
        "list": f'<SegmentList duration="4"><Initialization sourceURL="{target}"/>'
        f'<SegmentURL media="{target}"/></SegmentList>',
        "template": f'<SegmentTemplate duration="4" initialization="{target}" media="{target}"/>',
    }
    return (
        '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT4S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
        '<AdaptationSet mimeType="video/mp4" contentType="video"><Representation id="1" bandwidth="100000" '
        f'width="160" height="90" codecs="avc1.640028">{kinds[way]}</Representation></AdaptationSet>'
        "</Period></MPD>\n"
    ).encode()


def sdp(port: int) -> bytes:
    """A session that is somewhere on the network (RFC 8866)."""
    text = (
        f"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video {port} RTP/AVP 96"
    )
    return f"{text}\r\na=rtpmap:96 H264/90000\r\n".encode()


_UUID = "urn:uuid:{:08}-0000-0000-0000-000000000000"
CPL = (
    '<?xml version="1.0"?>\n<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
    f"<Id>{_UUID.format(1)}</Id><ContentTitle>x</ContentTitle><EditRate>25 1</EditRate><SegmentList><Segment>"
    f"<Id>{_UUID.format(2)}</Id><SequenceList><cc:MainImageSequence "
    f'xmlns:cc="http://www.smpte-ra.org/ns/2067-2/2020"><Id>{_UUID.format(3)}</Id>'
    f"<TrackId>{_UUID.format(4)}</TrackId><ResourceList><Resource><Id>{_UUID.format(5)}</Id>"
    f"<EditRate>25 1</EditRate><IntrinsicDuration>25</IntrinsicDuration><RepeatCount>1</RepeatCount>"
    f"<TrackFileId>{_UUID.format(6)}</TrackFileId></Resource></ResourceList></cc:MainImageSequence>"
    "</SequenceList></Segment></SegmentList></CompositionPlaylist>\n"
).encode()
"""A composition of IMF (SMPTE ST 2067-3); `asset_map` beside it says where its track file is."""


def asset_map(target: str) -> bytes:
    """The ASSETMAP.xml of `CPL` (SMPTE ST 429-9)."""
    chunks = f"<ChunkList><Chunk><Path>{target}</Path></Chunk></ChunkList>"
    asset = f"<Asset><Id>{_UUID.format(6)}</Id>{chunks}</Asset>"
    return (
        '<?xml version="1.0"?>\n<AssetMap xmlns="http://www.smpte-ra.org/schemas/429-9/2007/AM">'
        f"<Id>{_UUID.format(9)}</Id><AssetList>{asset}</AssetList></AssetMap>\n"
    ).encode()


def disguises(script: bytes) -> dict[str, bytes]:
    """A script with something before it, so that it looks like something else, or like nothing."""
    return {
        "plain.mp4": script,
        "plain.mkv": script,
        "plain.ts": script,
        "mark.mp4": b"\xef\xbb\xbf" + script,
        "spaces.mp4": b" \t\r\n  " + script,
        "nul.mp4": b"\0" + script,
        "utf16.mp4": script.decode().encode("utf-16"),
        "tag.mp3": b"ID3\4\0\0\0\0\0\x14" + bytes(20) + script,
        "tag.mp4": b"ID3\4\0\0\0\0\0\x0a" + b"TIT2\0\0\0\0\0\0" + script,
        "large_tag.mp3": b"ID3\4\0\0\0\1\x20\0" + bytes(20_480) + script,
        "ftyp.mp4": box(b"ftyp", b"isom\0\0\0\0mp42isom") + script,
        "free.mov": box(b"wide") + script,
        "ebml.mkv": _EBML + script,
        "riff.avi": b"RIFF\xff\xff\xff\x7fAVI " + script,
        "ogg.ogv": ogg_page(1, b"\x80theora" + bytes(40)) + script,
        "flv.flv": b"FLV\1\5\0\0\0\x09\0\0\0\0" + script,
        "asf.wmv": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + script,
        "mpeg.mpg": b"\0\0\1\xba" + script,
        "packets.ts": (b"G" + bytes(187)) * 6 + script,
        "comb.ts": comb_of(script),
    }


def comb_of(script: bytes) -> bytes:
    """A script of lines with comments, which has the mark of a packet of MPEG-TS every 188 bytes."""
    lines = script.split(b"\n")
    text = bytearray(b"\n".join([lines[0], *(b"#" + b"-" * 90 for _ in range(60)), *lines[1:]]))
    first = text.index(b"#-") + 2
    for at in range(first % 188 if first % 188 > len(lines[0]) else first % 188 + 188, len(text), 188):
        if text[at] == ord("-"):
            text[at] = ord("G")
    return bytes(text)


def reaching(forms: Mapping[str, str], port: int) -> dict[str, bytes]:
    """Scripts that name other files, by each way in, each form of a name, and in each disguise.

    Args:
        forms: names of a file, or addresses, by what is special about them.
        port: that somebody listens at.
    """
    named: dict[str, bytes] = {}
    for form, target in forms.items():
        named |= {f"hls-{way}-{form}.mp4": hls(target, way) for way in HLS_WAYS}
        named |= {f"dash-{way}-{form}.mp4": mpd(target, way) for way in ("base", "list", "template")}
        named[f"entity-{form}.mp4"] = mpd("&e;").replace(
            b"?>\n", f'?>\n<!DOCTYPE MPD [<!ENTITY e SYSTEM "{target}">]>\n'.encode(), 1
        )
        named[f"concat-{form}.mp4"] = f"ffconcat version 1.0\nfile '{target}'\n".encode()
        named[f"bare_concat-{form}.mp4"] = f"file '{target}'\n".encode()
        named[f"pls-{form}.mp4"] = f"[playlist]\nFile1={target}\nNumberOfEntries=1\nVersion=2\n".encode()
        named[f"asx-{form}.mp4"] = f'<asx version="3"><entry><ref href="{target}"/></entry></asx>'.encode()
        named[f"xspf-{form}.mp4"] = (
            f"<playlist><trackList><track><location>{target}</location></track></trackList></playlist>".encode()
        )
        named[f"smil-{form}.mp4"] = f'<smil><body><video src="{target}"/></body></smil>'.encode()
        named[f"avisynth-{form}.mp4"] = f'DirectShowSource("{target}")\n'.encode()
        named[f"list-{form}.m3u8"] = f"{target}\n".encode()
    named["cpl.mp4"] = CPL
    named["sdp.mp4"] = sdp(port)
    named["rtsp.mp4"] = f"#EXTM3U\n#EXTINF:4,\nrtsp://127.0.0.1:{port}/a\n".encode()
    named["vobsub.mp4"] = b"# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\n"
    for way, script in (("hls", hls), ("concat", _concat), ("dash", mpd)):
        for form in ("path", "network"):
            for disguise, content in disguises(script(forms[form])).items():
                named[f"{way}-{form}-{disguise}"] = content
    return named


def _concat(target: str) -> bytes:
    return f"ffconcat version 1.0\nfile '{target}'\n".encode()


def embedding(forms: Mapping[str, str], tricks: Mapping[str, str] = {}) -> dict[str, bytes]:
    """True films of which a part names other files, so that the rest can be shown.

    Args:
        forms: names of a file, or addresses, by what is special about them.
        tricks: more of them, for playlists only.
    """
    named = {f"gab2-segment-{form}.avi": avi(texts=(gab2(hls(target)),)) for form, target in tricks.items()}
    for form, target in forms.items():
        named[f"url-{form}.mov"] = referring(b"url ", target)
        named[f"alias-{form}.mov"] = referring(b"alis", target)
        named[f"linked-{form}.mkv"] = linked(target)
        for way in HLS_WAYS:
            named[f"gab2-{way}-{form}.avi"] = avi(texts=(gab2(hls(target, way)),))
        for disguise in ("mark.mp4", "spaces.mp4", "tag.mp4", "ftyp.mp4"):
            named[f"gab2-{disguise[:-4]}-{form}.avi"] = avi(texts=(gab2(disguises(hls(target))[disguise]),))
        named[f"gab2-concat-{form}.avi"] = avi(texts=(gab2(_concat(target)),))
        named[f"gab2-dash-{form}.avi"] = avi(texts=(gab2(mpd(target)),))
        named[f"texts-{form}.mkv"] = with_codec_private(hls(target))
    named["gab2-sdp.avi"] = avi(texts=(gab2(sdp(9)),))
    named["gab2-srt.avi"] = avi(texts=(gab2(_TEXTS.encode()),))
    named["gab2-gab2.avi"] = avi(texts=(gab2(avi(texts=(gab2(hls(forms["path"])),))),))
    return named


def with_codec_private(content: bytes) -> bytes:
    """A Matroska whose second track is a text with such a head, and such a line."""
    text = element(
        0xAE, *_numbered(2), element(0x83, 17), element(0x86, "S_TEXT/ASS"), element(0x63A2, content)
    )
    return matroska(entries=text)


# -- what asks for much -------------------------------------------------------------------------------------

PNG_BOMB = 20_000
MB = 1_000_000


def _comments(count: int) -> bytes:
    """Vorbis comments (section 5.2.1 of its specification), each with a name of its own."""
    rows = [f"KEY{n}=1".encode() for n in range(count)]
    body = b"".join(struct.pack("<I", len(row)) + row for row in rows)
    return struct.pack("<I", 0) + struct.pack("<I", count) + body


def _flac_of_comments(count: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        encode("-f lavfi -i sine=duration=1 a.flac", Path(folder))
        content = (Path(folder) / "a.flac").read_bytes()
    comments = _comments(count)
    info = content[4:42]
    return (
        b"fLaC" + info[:1].replace(b"\x80", b"\0") + info[1:] + b"\x84" + len(comments).to_bytes(3) + comments
    )


def magicyuv() -> bytes:
    """A true film of a codec whose decoder let a file run code (CVE-2026-8461)."""
    with tempfile.TemporaryDirectory() as folder:
        source = f"testsrc2=size={WIDTH}x{HEIGHT}:rate=25:duration=1"
        encode(f"-f lavfi -i {source} -c:v magicyuv -pix_fmt gbrp a.avi", Path(folder))
        return (Path(folder) / "a.avi").read_bytes()


def _tags(count: int) -> bytes:
    rows = (element(0x67C8, element(0x45A3, f"KEY{n}"), element(0x4487, "1")) for n in range(count))
    return element(0x1254C367, element(0x7373, element(0x63C0), *rows))


def _many_entries(count: int) -> bytes:
    kind = element(0x83, 1) + element(0x86, "V_MJPEG") + element(0xE0, element(0xB0, 16), element(0xBA, 16))
    return b"".join(element(0xAE, *_numbered(n + 2), kind) for n in range(count))


Make = Callable[[], bytes]

BOMBS: dict[str, Make] = {
    "20000x20000.mkv": lambda: matroska(
        [bombs.png(PNG_BOMB)] * 5, codec="V_MS/VFW/FOURCC", size=(PNG_BOMB, PNG_BOMB), entry=_vfw(PNG_BOMB)
    ),
    "hides-20000x20000.mkv": lambda: matroska(
        [bombs.png(PNG_BOMB)] * 5, codec="V_MS/VFW/FOURCC", entry=_vfw(WIDTH)
    ),
    "20000x20000.avi": lambda: avi([bombs.png(PNG_BOMB)] * 5, codec=b"MPNG", size=(PNG_BOMB, PNG_BOMB)),
    "hides-20000x20000.avi": lambda: avi([bombs.png(PNG_BOMB)] * 5, codec=b"MPNG"),
    "later-20000x20000.avi": lambda: avi([bombs.png(64)] * 20 + [bombs.png(PNG_BOMB)] * 5, codec=b"MPNG"),
    "jpeg-40000x40000.avi": lambda: avi([bombs.jpeg(40_000, 40_000)]),
    "1000-scans.avi": lambda: avi([bombs.jpeg(4000, 4000, 1000)] * 3, size=(4000, 4000)),
    "20000x20000.mp4": lambda: large_h264(20_000, told=True),
    "hides-20000x20000.mp4": lambda: large_h264(20_000, told=False),
    "8176x8176.mp4": lambda: large_h264(8176, told=True),
    "ten-million-seconds.mp4": lambda: mp4(
        ("moov/mvhd", put(12, "II", 1, 10**7)),
        ("moov/trak/mdia/mdhd", put(12, "II", 1, 10**7)),
        ("moov/trak/tkhd", put(20, "I", 10**7)),
    ),
    "one-frame-for-ever.mp4": lambda: mp4(
        (f"{STBL}/stts", entries(2, struct.pack(">4I", 1, 2**31 - 1, SECONDS * 25 - 1, 1))),
        ("moov/trak/mdia/mdhd", put(12, "II", 1, 2**32 - 1)),
    ),
    "ten-million-seconds.mkv": lambda: matroska(duration=1e10),
    "infinite.mkv": lambda: matroska(duration=float("inf")),
    "no-number.mkv": lambda: matroska(duration=float("nan")),
    "negative.mkv": lambda: matroska(duration=-1e9),
    "zero-scale.mkv": lambda: matroska(scale=0),
    "huge-scale.mkv": lambda: matroska(scale=2**63 - 1),
    "zero-time-scale.mp4": lambda: mp4(
        ("moov/mvhd", put(12, "I", 0)), ("moov/trak/mdia/mdhd", put(12, "I", 0)), only=None
    ),
    "huge-time-scale.mp4": lambda: mp4(("moov/trak/mdia/mdhd", put(12, "I", 2**32 - 1))),
    "no-durations.mp4": lambda: mp4((f"{STBL}/stts", entries(1, struct.pack(">2I", 50, 0)))),
    "negative-durations.mp4": lambda: mp4((f"{STBL}/stts", entries(1, struct.pack(">2I", 50, 2**32 - 1)))),
    "1000000000-frames-a-second.mkv": lambda: matroska(entry=element(0x23E383, 1)),
    "1000000000-frames-a-second.avi": lambda: avi(rate=10**9),
    "1000000000-frames-a-second.mp4": lambda: mp4(
        ("moov/trak/mdia/mdhd", put(12, "II", 10**9, 50)),
        (f"{STBL}/stts", entries(1, struct.pack(">2I", 50, 1))),
    ),
    "no-rate.avi": lambda: avi(scale=0, rate=0, micros=0),
    "slow.avi": lambda: avi(scale=2**32 - 1, rate=1, micros=2**32 - 1),
    "told-frames.avi": lambda: avi(told=2**32 - 1),
    "index.avi": lambda: avi(
        more=chunk(b"indx", struct.pack("<HBBI4s3I", 4, 0, 0, 2**31 - 1, b"00dc", 0, 0, 0) + bytes(64))
    ),
    "edits.mp4": lambda: mp4(
        ("moov/trak/edts/elst", entries(100_000, *[struct.pack(">3I", 1, 0, 1 << 16)] * 100_000))
    ),
    "edit-before.mp4": lambda: mp4(
        ("moov/trak/edts/elst", entries(1, struct.pack(">3I", 2000, 2**31, 1 << 16)))
    ),
    "told-edits.mp4": lambda: mp4(("moov/trak/edts/elst", entries(2**32 - 1, bytes(24)))),
    "4000000000-samples.mp4": lambda: mp4(
        (f"{STBL}/stsz", lambda c: c[:4] + struct.pack(">2I", 1, 2**32 - 1)),
        (f"{STBL}/stsc", entries(1, struct.pack(">3I", 1, 2**31 - 1, 1))),
        (f"{STBL}/stts", entries(1, struct.pack(">2I", 2**32 - 1, 1))),
    ),
    "100000000-samples.mp4": lambda: mp4(
        (f"{STBL}/stsz", lambda c: c[:4] + struct.pack(">2I", 1, 10**8)),
        (f"{STBL}/stsc", entries(1, struct.pack(">3I", 1, 10**8, 1))),
        (f"{STBL}/stts", entries(1, struct.pack(">2I", 10**8, 1))),
    ),
    "10000000-samples.mp4": lambda: mp4(
        (f"{STBL}/stsz", lambda c: c[:4] + struct.pack(">2I", 1, 10**7)),
        (f"{STBL}/stsc", entries(1, struct.pack(">3I", 1, 10**7, 1))),
        (f"{STBL}/stts", entries(1, struct.pack(">2I", 10**7, 1))),
        (f"{STBL}/stss", entries(0)),
    ),
    "told-samples.mp4": lambda: mp4(
        *((f"{STBL}/{kind}", entries(2**32 - 1, bytes(64))) for kind in ("stts", "stsc", "stco", "ctts"))
    ),
    "100000000-in-a-fragment.mp4": lambda: films()["fragments.mp4"] + fragment(10**8),
    "4000000000-in-a-fragment.mp4": lambda: films()["fragments.mp4"] + fragment(2**32 - 1),
    "fragments.mp4": lambda: films()["fragments.mp4"] + fragment(1) * 30_000,
    "3000-tracks.mp4": lambda: many_tracks(3000),
    "5000-tracks.mkv": lambda: matroska(entries=_many_entries(5000)),
    "6000-streams.ts": lambda: many_programs(40, 190),
    "4000-streams.ogv": lambda: many_oggs(4000),
    "deep.mp4": lambda: films()["film.mp4"] + nested(b"udta", 100_000),
    "deep-moov.mp4": lambda: with_moov(nested(b"moov", 50_000)),
    "deep-trak.mov": lambda: mp4(("moov/trak/mdia", lambda c: c + nested(b"minf", 50_000))),
    "deep-chapters.mkv": lambda: matroska(
        more=element(0x1043A770, element(0x45B9, deep_matroska(0xB6, 50_000)))
    ),
    "deep-tags.mkv": lambda: matroska(
        more=element(0x1254C367, element(0x7373, deep_matroska(0x67C8, 50_000)))
    ),
    "deep.flv": lambda: deep_flv(100_000),
    "huge-moov.mp4": lambda: with_moov(b"", b"\0\0\0\1moov\x7f" + b"\xff" * 7),
    "huge-moov-first.mp4": lambda: with_moov(b"\xff\xff\xff\xf0moov"),
    "huge-segment.mkv": lambda: _EBML + element(0x18538067, element(0x1549A966, size=2**55)),
    "huge-attachment.mkv": lambda: matroska(
        more=element(
            0x1941A469, element(0x61A7, element(0x465C, bytes(99), size=2**40), size=2**41), size=2**42
        )
    ),
    "huge-private.mkv": lambda: matroska(entry=element(0x63A2, bytes(99), size=2**31)),
    "500000-boxes.mp4": lambda: with_moov(box(b"free") * 500_000),
    "100000-tags.mkv": lambda: matroska(more=_tags(100_000)),
    "100000-chapters.mkv": lambda: matroska(
        more=element(0x1043A770, element(0x45B9, *(element(0xB6, *_chapter(n + 1)) for n in range(100_000))))
    ),
    "5000-attachments.mkv": lambda: matroska(
        more=element(0x1941A469, *(_attached(f"{n}.ttf", "a.ts") for n in range(5000)))
    ),
    "cover.mkv": lambda: matroska(
        more=element(
            0x1941A469,
            element(
                0x61A7,
                element(0x466E, "cover.png"),
                element(0x4660, "image/png"),
                element(0x465C, bombs.png(PNG_BOMB)),
                element(0x46AE, 7),
            ),
        )
    ),
    "packed.mkv": lambda: matroska(
        [zlib.compress(bytes(200 * MB), 9)] * 5,
        entry=element(0x6D80, element(0x6240, element(0x5034, element(0x4254, 0)))),
    ),
    "comments.flac": lambda: _flac_of_comments(100_000),
    "empty-frames.avi": lambda: avi([jpeg()] + [b""] * 200_000, told=200_000),
    "empty-frames.mkv": lambda: matroska([jpeg()] + [b""] * 800),
    "no-frames.mkv": lambda: matroska([]),
    "unknown-codec.avi": lambda: avi_with_index(codec=b"\xff\0ZZ"),
    "unknown-codec.mkv": lambda: matroska(codec="V_NOBODY/KNOWS"),
    "unknown-codec.mp4": lambda: mp4((f"{STBL}/stsd", lambda c: c[:12] + b"zzzz" + c[16:])),
    "no-kind.mp4": lambda: re.sub(b"vide|soun|avc1|mp4a", b"meta", films()["fragments.mp4"]),
    "no-tracks.mkv": lambda: _EBML + element(0x18538067, element(0x1549A966, element(0x2AD7B1, MB))),
    "0x0.mkv": lambda: matroska(size=(0, 0)),
    "1x65535.avi": lambda: avi([jpeg(1, 65_500)] * 5, size=(1, 65_500)),
    "2147483647.avi": lambda: avi(size=(2**31 - 1, 2**31 - 1)),
}


def _vfw(side: int) -> bytes:
    """The CodecPrivate of a codec of AVI: a header of a bitmap."""
    return element(0x63A2, struct.pack("<IiiHH4sIiiII", 40, side, side, 1, 24, b"MPNG", 0, 0, 0, 0, 0))
