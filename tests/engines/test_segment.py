"""Segments that workers make alone: each frame once and at its time, sounds without a join, in any order."""

from __future__ import annotations

import array
import cmath
import hashlib
import io
import math
import random
import runpy
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from tornado_media.errors import SourceUnusable
from tornado_media.formats import renditions, variants
from tornado_media.formats.facts import VideoFacts

TESTS = Path(__file__).parents[1]
clips = runpy.run_path(str(TESTS / "clips.py"))
CLIPS, make, read_number = clips["CLIPS"], clips["make"], clips["read_number"]
check = runpy.run_path(str(TESTS / "hls_checker.py"))["check"]
truth = runpy.run_path(str(TESTS / "engines" / "truth.py"))

AAC_FRAME = Fraction(1024, 48000)
slow = pytest.mark.slow


@pytest.fixture
def derived(clips_folder, ffmpeg):
    """`derived("open.mp4", "-i {plain.mp4} -c:v libx264")`: a film that ffmpeg makes of others, once."""

    def build(name, arguments):
        path = clips_folder / name
        if not path.exists():
            words = [str(make(w[1:-1], clips_folder)) if w[0] == "{" else w for w in arguments.split()]
            subprocess.run([ffmpeg, "-y", "-nostdin", "-v", "error", *words, str(path)], check=True)
        return path

    return build


@pytest.fixture
def cut(opened):
    """`cut(path, stream, copy, spans)`: the initialization segment, and a segment for each span."""
    from tornado_media.engines.segment import segment

    def made(path, stream, copy, spans, order=None):
        def call(number, begin, end):
            arguments = {"stream": stream, "copy": copy, "number": number}
            return opened(segment, path, **arguments, begin=begin, end=end)

        init = call(None, *spans[0])
        numbers = range(len(spans)) if order is None else order
        return init, {number: call(number, *spans[number]) for number in numbers}

    return made


def spans_of(path, stream, copy):
    """The segments that a film is offered in, as `presets.films` asks for them."""
    facts = VideoFacts.from_info(truth["info"](path))
    if facts.video is not None and facts.video.index == stream:
        edges = [float(each.begin) for each in renditions.copied(facts)]
        return [*pairwise(edges), (edges[-1], None)]
    sound = renditions.sound_of(facts, stream)
    spans = renditions.copied_sound(sound, facts) if copy else renditions.encoded_sound(sound, facts)
    found = [tuple(map(float, spans.span(number))) for number in range(spans.count)]
    return [*found[:-1], (found[-1][0], None if copy else found[-1][1])]


def packets(path, stream):
    """Time from media time 0, bytes and whether it is a sync sample, of each packet of a stream."""
    import av

    with av.open(str(path)) as container:
        chosen = container.streams[stream]
        origin = Fraction(container.start_time or 0, av.time_base)
        return [
            (packet.pts * chosen.time_base - origin, bytes(packet), packet.is_keyframe)
            for packet in container.demux(chosen)
            if packet.size
        ]


def joined(init, segments):
    return init + b"".join(segments[number] for number in sorted(segments))


def pictures(content):
    """Time and burnt-in number of each frame, in the order in which they are shown."""
    import av

    found = []
    with av.open(io.BytesIO(content)) as container:
        for frame in container.decode(video=0):
            luma = frame.reformat(format="gray").planes[0]
            number = read_number(bytes(luma), frame.width, frame.height, luma.line_size)
            found.append((frame.time, number))
    return found


def never_late(found):
    """No sample is shown before it is decoded, and those of a segment are decoded one after the other."""
    return all(
        each.decoded == sorted(set(each.decoded))
        and all(when <= seen for when, seen in zip(each.decoded, each.shown, strict=True))
        for each in found
    )


def sound(content):
    """The samples of each channel of stereo at 48 kHz, from media time 0 on, where holes are silent."""
    import av

    left, right = array.array("f"), array.array("f")
    with av.open(io.BytesIO(content)) as container:
        for frame in container.decode(audio=0):
            begin = round(frame.time * 48000)
            for channel, plane in zip((left, right), frame.planes, strict=True):
                assert len(channel) <= begin
                channel.extend([0.0] * (begin - len(channel)))
                channel.frombytes(bytes(plane)[: 4 * frame.samples])
    return left, right


def decodes(ffmpeg, content):
    """ffmpeg decodes all of it without a complaint."""
    command = [ffmpeg, "-v", "error", "-xerror", "-i", "pipe:0", "-fps_mode", "passthrough"]
    command += ["-enc_time_base", "demux", "-f", "null", "-"]
    done = subprocess.run(command, input=content, capture_output=True)
    assert (done.returncode, done.stderr.decode()) == (0, "")


# -- pictures that are copied -----------------------------------------------------------------------------

PICTURES = {
    "plain.mkv": "avc1",
    "edited.mp4": "avc1",
    "plain.mp4": "avc1",
    "hevc.mp4": "hvc1",
    "plain.webm": "vp09",
    "tracks.mkv": "avc1",
    "television.mp4": "avc1",
    "halting.mkv": "avc1",
    "late.mkv": "avc1",
    "smooth.mp4": "avc1",
    "squeezed.mp4": "avc1",
    "ten_bits.mkv": "avc1",
    "hdr10.mkv": "hvc1",
    "says_more.mkv": "avc1",
    "says_less.mkv": "avc1",
}
QUICK = ("plain.mkv", "edited.mp4")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else slow) for name in PICTURES]
)
def test_a_copied_picture_has_each_frame_once_and_at_its_time(name, cut, clips_folder, ffmpeg):
    clip, path = CLIPS[name], make(name, clips_folder)
    spans = spans_of(path, 0, True)
    init, segments = cut(path, 0, True, spans)
    found = check(init, [segments[n] for n in range(len(spans))])
    assert init.count(PICTURES[name].encode()) == 1
    assert [each.numbers for each in found] == [[n + 1] for n in range(len(spans))]
    for each, (begin, _) in zip(found, spans, strict=True):
        assert float(each.shown[0]) == pytest.approx(begin, abs=0.0001)
        # The groups of HEVC are open: some frames are decoded after the first one and shown before it.
        opened = PICTURES[name] == "hvc1" and each.shown[0] > 0
        assert (
            0 < min(each.shown) - each.begin <= Fraction(1, 25) if opened else each.begin == min(each.shown)
        )
    assert never_late(found)
    assert found[-1].end <= max(found[-1].shown) + Fraction(61, 1000)
    seen = pictures(joined(init, segments))
    assert [number for _, number in seen] == list(range(clip.frames))
    for time, number in seen:
        assert time == pytest.approx(clip.at(number), abs=0.0011)
    decodes(ffmpeg, joined(init, segments))


OPEN = "open-gop=1:keyint=50:min-keyint=50:scenecut=0"


@pytest.mark.parametrize(
    ("name", "coder"),
    [
        ("open.mkv", f"libx264 -preset ultrafast -bf 3 -x264-params {OPEN}:b-adapt=0"),
        pytest.param(
            "open.mp4", f"libx264 -preset ultrafast -bf 3 -x264-params {OPEN}:b-adapt=0", marks=slow
        ),
        pytest.param(
            "hevc.mkv",
            f"libx265 -preset ultrafast -x265-params log-level=error:pools=2:{OPEN}",
            marks=slow,
        ),
    ],
)
def test_pictures_of_an_open_group_stay_with_it(name, coder, cut, derived, ffmpeg):
    """They are decoded after their sync sample and shown before it, and need the group before, too."""
    path = derived(name, f"-i {{plain.mkv}} -an -c:v {coder}")
    spans = spans_of(path, 0, True)
    init, segments = cut(path, 0, True, spans)
    found = check(init, [segments[n] for n in range(len(spans))])
    assert any(min(each.shown) < each.shown[0] for each in found[1:])
    for each in found:
        assert 0 <= min(each.shown) - each.begin <= Fraction(1, 25)
    assert never_late(found)
    seen = pictures(joined(init, segments))
    assert [number for _, number in seen] == list(range(300))
    assert all(time == pytest.approx(number / 25, abs=0.0011) for time, number in seen)
    decodes(ffmpeg, joined(init, segments))


@pytest.mark.parametrize("container", [pytest.param("mkv", marks=slow), "mp4"])
def test_av1(container, cut, derived, ffmpeg):
    coder = "libsvtav1 -preset 13 -g 50 -svtav1-params lp=1 -loglevel fatal"
    path = derived(f"av1.{container}", f"-i {{plain.mkv}} -an -t 5 -c:v {coder}")
    init, segments = cut(path, 0, True, spans_of(path, 0, True))
    check(init, list(segments.values()), start=0)
    assert b"av01" in init and b"av1C" in init
    assert [number for _, number in pictures(joined(init, segments))] == list(range(125))
    decodes(ffmpeg, joined(init, segments))


def test_start_codes_become_lengths(cut, derived, ffmpeg):
    """H.264 in AVI is a stream of bytes."""
    path = derived("h264.avi", "-i {plain.mkv} -an -t 5 -c:v libx264 -preset ultrafast -bf 0 -g 50")
    init, segments = cut(path, 0, True, [(0.0, 2.0), (2.0, 4.0), (4.0, None)])
    found = check(init, list(segments.values()))
    contents = [content for each in found for content in each.samples]
    assert len(contents) == 125
    assert all(int.from_bytes(content[:4]) < len(content) for content in contents)
    seen = pictures(joined(init, segments))
    assert [number for _, number in seen] == list(range(125))
    assert all(time == pytest.approx(number / 25, abs=0.0401) for time, number in seen)
    decodes(ffmpeg, joined(init, segments))


def test_the_size_of_a_picture_is_that_of_square_pixels(cut, clips_folder):
    import av

    path = make("squeezed.mp4", clips_folder)
    init, segments = cut(path, 0, True, spans_of(path, 0, True)[:1])
    assert (320 << 16).to_bytes(4) + (180 << 16).to_bytes(4) in init
    with av.open(io.BytesIO(joined(init, segments))) as container:
        picture = container.streams.video[0]
        assert (picture.width, picture.height, picture.sample_aspect_ratio) == (240, 180, Fraction(4, 3))


# -- sounds that are copied -------------------------------------------------------------------------------

SOUNDS = {
    "plain.mkv": (1, "mp4a", 1024),
    "offset.ts": (1, "mp4a", 1024),
    "plain.mp4": (1, "mp4a", 1024),
    "tracks.mkv": (2, "mp4a", 1024),
    "surround.mkv": (1, "ac-3", 1536),
    "plain.webm": (1, "Opus", 960),
    "old.avi": (1, "mp4a", 1152),
    "sound.mp3": (0, "mp4a", 1152),
    "growing.mkv": (1, "mp4a", 1024),
}
"""Stream, coding, samples in a packet."""

FIRST = -0.001
"""Seconds: packets before are of the encoder's delay, and are shown to nobody."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ("plain.mkv", "offset.ts") else slow) for name in SOUNDS]
)
def test_a_copied_sound_has_each_packet_once_and_at_its_time(name, cut, clips_folder, ffmpeg):
    stream, coding, frame = SOUNDS[name]
    path = make(name, clips_folder)
    spans = spans_of(path, stream, True)
    init, segments = cut(path, stream, True, spans)
    found = check(init, [segments[n] for n in range(len(spans))])
    assert coding.encode() in init
    whole = [(time, content) for time, content, _ in packets(path, stream) if time > FIRST]
    copied = [(time, sample) for each in found for time, sample in zip(each.shown, each.samples, strict=True)]
    header = 7 if name.endswith(".ts") else 0  # ADTS, without a checksum
    assert [sample for _, sample in copied] == [content[header:] for _, content in whole]
    for (time, _), (told, _) in zip(copied, whole, strict=True):
        assert float(time) == pytest.approx(float(told), abs=0.00105)
    # On a grid of samples, though Matroska rounds its times to milliseconds.
    assert {round((b - a) * 48000) for (a, _), (b, _) in pairwise(copied)} == {frame}
    for number, each in enumerate(found[1:], 1):
        assert FIRST <= float(each.begin) - 2 * number <= frame / 48000
    decodes(ffmpeg, joined(init, segments))


@pytest.mark.parametrize(
    ("codec", "container", "coding", "box"),
    [
        ("flac", "mkv", b"fLaC", b"dfLa"),
        ("eac3", "mkv", b"ec-3", b"dec3"),
        pytest.param("libopus", "mp4", b"Opus", b"dOps", marks=slow),
        pytest.param("libmp3lame -ar 44100", "mkv", b"mp4a", b"esds", marks=slow),
        pytest.param("libmp3lame -ar 44100", "mp4", b"mp4a", b"esds", marks=slow),
    ],
)
def test_codings_of_sound(codec, container, coding, box, cut, derived, ffmpeg):
    path = derived(f"{codec[:7]}.{container}", f"-i {{plain.mkv}} -c:v copy -c:a {codec}")
    init, segments = cut(path, 1, True, spans_of(path, 1, True))
    found = check(init, list(segments.values()))
    assert coding in init and box in init
    copied = [sample for each in found for sample in each.samples]
    assert copied == [content for time, content, _ in packets(path, 1) if time > FIRST]
    shown = [time for each in found for time in each.shown]
    assert len({b - a for a, b in pairwise(shown[:-1])}) == 1
    decodes(ffmpeg, joined(init, segments))


def test_a_sound_that_begins_late_follows_empty_segments(cut, derived, ffmpeg):
    path = derived("late.mka.mkv", "-i {plain.mkv} -itsoffset 4.5 -i {plain.mkv} -map 0:v -map 1:a -c copy")
    init, segments = cut(path, 1, True, spans_of(path, 1, True))
    found = check(init, list(segments.values()))
    assert [len(each.samples) for each in found[:2]] == [0, 0]
    assert float(found[0].begin) == pytest.approx(4.5, abs=0.022)
    assert sum(len(each.samples) for each in found) == len(packets(path, 1))
    decodes(ffmpeg, joined(init, segments))


def test_a_sound_with_a_hole_has_no_gap(cut, derived):
    """What is before the hole lasts until what is behind it, or players would stop."""
    hole = "-bsf:a noise=drop=between(pts*tb\\,3\\,8.5)"
    path = derived("hole.mkv", f"-i {{plain.mkv}} -map 0 -c copy {hole}")
    init, segments = cut(path, 1, True, spans_of(path, 1, True))
    found = check(init, list(segments.values()))
    assert [len(each.samples) > 0 for each in found] == [True, True, False, False, True, True]
    assert float(found[1].end) == pytest.approx(8.5, abs=0.03)


def test_a_sound_that_ends_before_the_film(cut, derived):
    path = derived("short.mkv", "-i {plain.mkv} -t 5 -i {plain.mkv} -map 0:v -map 1:a -c copy")
    init, segments = cut(path, 1, True, [*pairwise(range(0, 12, 2)), (10, None)])
    found = check(init, list(segments.values()))
    assert [len(each.samples) > 0 for each in found] == [True, True, True, False, False, False]
    assert float(found[-1].end) == pytest.approx(5, abs=0.05)


# -- sounds that are encoded ------------------------------------------------------------------------------

ENCODED = {"surround.mkv": 1, "interlaced.ts": 1, "early.ts": 1, "plain.mp4": 1, "sound.mp3": 0}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "surround.mkv" else slow) for name in ENCODED]
)
def test_an_encoded_sound_lies_on_its_grid(name, cut, clips_folder, ffmpeg):
    path, stream = make(name, clips_folder), ENCODED[name]
    spans = spans_of(path, stream, False)
    init, segments = cut(path, stream, False, spans)
    frames = [94] * 5 + [round(spans[-1][1] / AAC_FRAME) - 5 * 94]
    assert 90 <= frames[-1] <= 94
    whole = [segments[n] for n in range(6)]
    found = check(init, whole, start=0, seconds=[count * AAC_FRAME for count in frames])
    assert [len(each.samples) for each in found] == frames
    assert [each.numbers for each in found] == [[n + 1] for n in range(6)]
    assert b"mp4a" in init
    assert max(map(len, whole)) * 8 < 2 * variants.AUDIO_BITS
    decodes(ffmpeg, joined(init, segments))


def strength(samples, frequency, begin, end):
    """How much of a frequency there is, in samples of 48 kHz."""
    step = 2j * math.pi * frequency / 48000
    return abs(sum(samples[place] * cmath.exp(step * place) for place in range(begin, end))) / (end - begin)


@pytest.mark.parametrize(
    "name",
    ["plain.mkv", *(pytest.param(each, marks=slow) for each in ("plain.mp4", "edited.mp4", "early.ts"))],
)
def test_an_encoded_sound_is_in_time_with_the_picture(name, cut, clips_folder):
    """The higher tone of each full second, 40 ms long, begins with its picture."""
    path = make(name, clips_folder)
    init, segments = cut(path, 1, False, spans_of(path, 1, False)[:2])
    left, _ = sound(joined(init, segments))
    for second in (1, 2, 3):
        frame = round(CLIPS[name].at(25 * second) * 48000)
        places = range(frame - 480, frame + 480, 24)
        loud = [place for place in places if strength(left, 1760, place, place + 120) > 0.02]
        # what is looked at is 2.5 ms long
        assert loud and -0.0045 < (loud[0] - frame) / 48000 < 0.003


def test_all_channels_are_heard_on_their_side(cut, clips_folder):
    path = make("surround.mkv", clips_folder)
    init, segments = cut(path, 1, False, spans_of(path, 1, False)[2:3])
    sides = [channel[-60_000:-36_000] for channel in sound(joined(init, segments))]
    heard = {
        tone: [strength(side, tone, 0, 24_000) > 0.01 for side in sides] for tone in (300, 400, 500, 700, 800)
    }
    left, right, both = [True, False], [False, True], [True, True]
    assert heard == {300: left, 400: right, 500: both, 700: left, 800: right}


TONE = (
    "-f lavfi -i color=s=64x64:r=25:d=8.1,format=yuv420p -f lavfi -i sine=440:sample_rate={}:d=8.1,volume=4"
)


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("tone.flac.mkv", "flac", 44100),
        pytest.param("tone.mp3.mkv", "libmp3lame", 44100, marks=slow),
        pytest.param("tone.vorbis.mkv", "libvorbis", 44100, marks=slow),
        pytest.param("tone.ac3.mkv", "ac3", 48000, marks=slow),
        pytest.param("tone.mp3.avi", "libmp3lame", 22050, marks=slow),
        pytest.param("tone.mp2.ts", "mp2", 44100, marks=slow),
        pytest.param("tone.pcm.avi", "pcm_u8", 11025, marks=slow),
        pytest.param("tone.aac.mp4", "aac", 44100, marks=slow),
    ],
)
def test_joins_of_an_encoded_sound_are_not_heard(name, codec, rate, cut, derived):
    """A tone stays the same tone: near a join it is not further from it than elsewhere."""
    path = derived(name, f"{TONE.format(rate)} -c:v libx264 -preset ultrafast -c:a {codec}")
    init, segments = cut(path, 1, False, spans_of(path, 1, False)[:4])
    left, _ = sound(joined(init, segments))
    step, span = 2 * math.pi * 440 / 48000, 94 * 1024
    waves = [[wave(step * place) for place in range(len(left))] for wave in (math.sin, math.cos)]

    def part(begin, end):
        return [2 * sum(map(float.__mul__, left[begin:end], w[begin:end])) / (end - begin) for w in waves]

    def off(begin, end):
        pairs = zip(left[begin:end], waves[0][begin:end], waves[1][begin:end], strict=True)
        return max(abs(sample - sine * s - cosine * c) for sample, s, c in pairs)

    sine, cosine = part(48_000, 48_000 * 7)
    near = max(off(n * span - 1500, n * span + 1500) for n in (1, 2, 3))
    elsewhere = max(off(n * span + 1500, (n + 1) * span - 1500) for n in (1, 2))
    assert math.hypot(sine, cosine) > 0.2
    assert near < 1.3 * elsewhere + 0.0005
    for number in (1, 2):  # and each segment by itself is as late as the whole
        own = part(number * span + 1500, number * span + 1500 + 84 * 1091)
        turned = math.atan2(own[1], own[0]) - math.atan2(cosine, sine)
        assert abs(math.remainder(turned, 2 * math.pi)) / step < 0.02  # of a sample


def test_what_is_not_there_is_silent(cut, derived):
    """Before a sound begins, in a hole, and after its end."""
    hole = "-bsf:a noise=drop=between(pts*tb\\,5\\,6)"
    inputs = "-i {plain.mkv} -itsoffset 3.5 -i {plain.mkv} -map 0:v -map 1:a"
    path = derived("holes.mkv", f"{inputs} -c copy {hole} -t 8")
    edges = [float(94 * n * AAC_FRAME) for n in range(6)]
    init, segments = cut(path, 1, False, [*pairwise(edges)])
    left, _ = sound(joined(init, segments))
    assert len(left) == 470 * 1024
    loud = [max(map(abs, left[n * 4800 : (n + 1) * 4800])) > 0.01 for n in range(100)]
    expected = [35 <= n < 50 or 60 <= n < 80 for n in range(100)]
    assert {n for n in range(100) if loud[n] != expected[n]} <= {50, 60, 80}  # within a packet


# -- any of them ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stream", "copy"), [(0, True), (1, True), pytest.param(1, False, marks=slow)])
def test_the_order_does_not_matter(stream, copy, cut, derived):
    """Nor does the process: the bytes are those of one run through."""
    path = derived("long.mkv", "-stream_loop 1 -i {plain.mkv} -map 0 -c copy")
    spans = spans_of(path, stream, copy)[:10]
    init, segments = cut(path, stream, copy, spans)
    again, others = cut(path, stream, copy, spans, order=[7, 2, 9, 0, 8])
    assert again == init
    assert others == {number: segments[number] for number in others}
    script = (
        "import sys, os, hashlib; from tornado_media.engines.segment import segment\n"
        "stream, copy, number, begin, end = eval(sys.argv[2])\n"
        "for n in (None, number):\n"
        "    made = segment(os.open(sys.argv[1], os.O_RDONLY), 'video/x-matroska', stream=stream, copy=copy,"
        " number=n, begin=begin, end=end)\n"
        "    print(hashlib.sha256(made).hexdigest())"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(path), repr((stream, copy, 7, *spans[7]))],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split()
    assert told == [hashlib.sha256(each).hexdigest() for each in (init, segments[7])]


def test_little_is_read_for_a_segment(cut, derived):
    path = derived("longer.mkv", "-stream_loop 30 -i {plain.mkv} -map 0 -c copy")
    spans = spans_of(path, 0, True)
    before = bytes_read()
    _, segments = cut(path, 0, True, spans, order=[100])
    used = bytes_read() - before
    assert len(segments[100]) > 10_000
    assert used < path.stat().st_size / 8 and used < 1_000_000


def bytes_read():
    """Of this process, so far (proc_pid_io(5))."""
    return int(Path("/proc/self/io").read_text().split()[1])


@pytest.mark.parametrize(
    ("stream", "copy", "words"), [(7, True, "index 7"), (0, False, "no sound"), (2, True, "index 2")]
)
def test_what_is_no_stream_of_the_film(stream, copy, words, cut, clips_folder):
    with pytest.raises(SourceUnusable, match=words):
        cut(make("plain.mkv", clips_folder), stream, copy, [(0.0, 2.0)])


@pytest.mark.parametrize("content", [b"", b"no film", bytes(range(256)) * 20], ids=["empty", "text", "noise"])
def test_what_is_no_film(content, cut, tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceUnusable):
        cut(path, 0, True, [(0.0, 2.0)])


def test_a_place_after_the_end_of_a_picture(cut, clips_folder):
    with pytest.raises(SourceUnusable, match="not there"):
        cut(make("plain.mkv", clips_folder), 0, True, [(100.0, 102.0)])


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=slow if seed >= 12 else ()) for seed in range(150)]
)
def test_a_damaged_film_gives_segments_or_is_refused(seed, cut, clips_folder, tmp_path):
    chance = random.Random(seed)
    names = ["plain.mkv", "offset.ts", "surround.mkv"]
    names += ["plain.mp4", "old.avi", "hevc.mp4", "plain.webm", "growing.mp4"] if seed >= 12 else []
    path = tmp_path / (name := names[seed % len(names)])
    content = bytearray(make(name, clips_folder).read_bytes())
    for _ in range(chance.choice([0, 1, 20, 500])):
        within = len(content) if chance.random() < 0.7 else 4096
        content[chance.randrange(within)] ^= 1 << chance.randrange(8)
    path.write_bytes(content[: chance.randrange(1000, len(content))] if seed % 2 else content)
    for stream, copy in [(0, True), (1, True), (1, False)]:
        number = chance.randrange(7)
        begin = 2.0 * number if copy else float(94 * number * AAC_FRAME)
        end = begin + 2 if copy else float(94 * (number + 1) * AAC_FRAME)
        try:
            init, segments = cut(path, stream, copy, [(begin, None if copy and seed % 3 else end)])
        except SourceUnusable as error:
            assert error.detail.endswith(".") and " " in error.detail
        else:
            check(init, list(segments.values()), distinct=False)
