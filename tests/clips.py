"""Small films for tests: every frame carries its number, and what is peculiar about a film is known.

The number is burnt in as 16 black or white blocks in the top eighth of the picture, bit 0 at the left: each
is a sixteenth of the width, so that it can be read back after any scaling. `read_number` does so in Python,
from a plane of luma; READ_NUMBER_JS in a browser, from a canvas.

    make("plain.mp4", folder) -> Path      a film of CLIPS, made once in each folder
"""

from __future__ import annotations

import contextlib
import os
import random
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg

BLOCKS = 16
"""Bits of a number, and blocks across the picture."""

READ_NUMBER_JS = """(canvas) => {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let number = 0;
  for (let block = 0; block < 16; block++) {
    const x = Math.floor((block + 0.5) * canvas.width / 16), y = Math.floor(canvas.height / 16);
    const [red, green, blue] = context.getImageData(x, y, 1, 1).data;
    if (red + green + blue > 384) number |= 1 << block;
  }
  return number;
}"""
"""A function of a canvas on which a frame was drawn, as large as the canvas: gives its number."""


@dataclass(frozen=True)
class Clip:
    """A film and the truth about it.

    Args:
        arguments: for ffmpeg, after the inputs.
        rate: frames a second, as they were made.
        frames: how many; of a film that is cut off (`whole` is false), before the cut.
        width: as it is to be seen: upright, with square pixels.
        height: likewise.
        sound: lavfi sources, one for each audio track.
        picture: there is one. If not, `frames` is what the sound's length corresponds to.
        coded: width and height of the frames that are given to ffmpeg, where it is not what is seen.
        late: seconds of media time before the first frame.
        time: seconds from the first frame to a frame; None for a constant rate.
        gray: without colours, which are extreme where white is 10,000 cd/m2.
        noise: chance instead of a moving ramp, from the middle on.
        fields: each frame is made of two fields, which show different moments but have the same number.
        files: more inputs, by name.
        again: input and output arguments of a second pass, without encoding.
        change: what is done to the bytes at the end.
        piped: ffmpeg writes to a pipe, so that it cannot go back and fill in what it knows at the end.
        whole: nothing is cut off.
        stated: seconds that the header states, where that is wrong.
    """

    arguments: str
    rate: Fraction = Fraction(25)
    frames: int = 300
    width: int = 320
    height: int = 180
    sound: tuple[str, ...] = ()
    picture: bool = True
    coded: tuple[int, int] | None = None
    late: float = 0.0
    time: Callable[[int], float] | None = None
    gray: bool = False
    noise: bool = False
    fields: bool = False
    files: dict[str, str] = field(default_factory=dict)
    again: tuple[str, str] | None = None
    change: Callable[[bytes], bytes] | None = None
    piped: bool = False
    whole: bool = True
    stated: float | None = None

    @property
    def seconds(self) -> float:
        """From the first frame to the end of the last one."""
        return float(self.frames / self.rate)

    def at(self, number: int) -> float:
        """When a frame begins, in seconds of media time."""
        return self.late + (float(number / self.rate) if self.time is None else self.time(number))

    def seen_at(self, seconds: float) -> int:
        """The number of the frame that is seen at a time; the first or the last one outside of the film."""
        began = [number for number in range(self.frames) if self.at(number) <= seconds + 1e-6]
        return began[-1] if began else 0


def beeps(seconds: float, frequency: int = 440) -> str:
    """A source of sound for lavfi: a tone, and a higher one at each full second."""
    return f"sine=frequency={frequency}:beep_factor=4:sample_rate=48000:duration={seconds:g}"


def _around(seconds: float) -> str:
    # Six channels with different tones, none of them silent.
    tones = "|".join(f"0.1*sin(2*PI*{frequency}*t)" for frequency in (300, 400, 500, 60, 700, 800))
    return f"aevalsrc='{tones}':channel_layout=5.1:sample_rate=48000:duration={seconds:g}"


def _halting(number: int) -> float:
    # 25 frames a second for 4 s, 10 for 5 s, 50 for 3 s: 300 frames in 12 s, as a camera in changing light.
    if number < 100:
        return number / 25
    return 4 + (number - 100) / 10 if number < 150 else 9 + (number - 150) / 50


def _cut(part: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(len(content) * part)]


def _stating(seconds: float) -> Callable[[bytes], bytes]:
    """The Duration of a Matroska file (RFC 9559 section 5.1.2.10), in its usual milliseconds, changed."""

    def change(content: bytes) -> bytes:
        place = content.index(b"\x44\x89\x88") + 3
        return content[:place] + struct.pack(">d", seconds * 1000) + content[place + 8 :]

    return change


def _cues(word: str) -> str:
    lines = (
        f"{n + 1}\n00:00:{n * 2:02},500 --> 00:00:{n * 2 + 1:02},500\n{word} {n + 1}\n" for n in range(5)
    )
    return "\n".join(lines)


_CHAPTERS = (
    ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=5000\ntitle=Beginning\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=5000\nEND=12000\ntitle=The rest\n"
)
_TRACKS = (
    "-map 0:v -map 1:a -map 2:a -map 3 -map 4 -map_chapters 5 -c:s srt "
    "-metadata:s:a:0 language=ger -metadata:s:a:1 language=eng -metadata:s:s:0 language=ger "
    "-metadata:s:s:1 language=eng -metadata:s:a:1 title=Commentary -disposition:a:0 default"
)
_H264 = "-c:v libx264 -preset superfast -bf 3 -b_strategy 0 -g 50 -pix_fmt yuv420p"
_HEVC = "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=50:bframes=2:pools=2"
_BT2020 = "-pix_fmt yuv420p10le -vf setparams=color_primaries=bt2020:colorspace=bt2020nc:range=tv:color_trc="
_PQ = ":colorprim=bt2020:colormatrix=bt2020nc:transfer=smpte2084:range=limited:hdr10=1:max-cll=1000,400"
_HLG = ":colorprim=bt2020:colormatrix=bt2020nc:transfer=arib-std-b67:range=limited"
_AAC = "-c:a aac -b:a 96k"
_TONE = (beeps(12),)
_PRIMING = 1024 / 48000
"""Seconds that the first packet of AAC is before its sound, and the picture."""

CLIPS: dict[str, Clip] = {
    "plain.mp4": Clip(f"{_H264} {_AAC} -movflags +faststart", sound=_TONE),
    "plain.mkv": Clip(f"{_H264} {_AAC}", sound=_TONE),
    "hevc.mp4": Clip(f"{_HEVC} -pix_fmt yuv420p -tag:v hvc1 {_AAC}", sound=_TONE),
    "ten_bits.mkv": Clip(f"{_H264} -pix_fmt yuv420p10le {_AAC}", sound=_TONE),
    "hdr10.mkv": Clip(f"{_HEVC}{_PQ} {_BT2020}smpte2084 {_AAC}", gray=True, sound=_TONE),
    "hlg.mkv": Clip(f"{_HEVC}{_HLG} {_BT2020}arib-std-b67", gray=True, frames=200),
    "odd.avi": Clip("-c:v mjpeg -q:v 3 -pix_fmt yuvj444p", width=321, height=181),
    "odd.mkv": Clip("-c:v ffv1 -pix_fmt yuv420p", width=321, height=181, frames=200),
    "turned.mp4": Clip(
        f"-vf transpose=cclock {_H264} {_AAC}",
        width=180,
        height=320,
        sound=_TONE,
        again=("-display_rotation -90", ""),
    ),
    "squeezed.mp4": Clip(f"-vf setsar=4/3 {_H264} {_AAC}", coded=(240, 180), sound=_TONE),
    "halting.mkv": Clip(
        r"-vf settb=1/1000,setpts=if(lt(N\,100)\,40*N\,if(lt(N\,150)\,4000+100*(N-100)\,9000+20*(N-150))) "
        f"-fps_mode passthrough -enc_time_base 1/1000 {_H264} {_AAC}",
        time=_halting,
        sound=_TONE,
    ),
    "interlaced.ts": Clip(
        "-vf tinterlace=interleave_top,fieldorder=tff -c:v mpeg2video -q:v 3 -g 12 -bf 2 -flags +ilme+ildct "
        "-c:a mp2",
        fields=True,
        late=0.01,  # MP2 begins earlier by so much
        sound=_TONE,
    ),
    "surround.mkv": Clip(f"{_H264} -c:a ac3 -b:a 384k", sound=(_around(12),)),
    "tracks.mkv": Clip(
        f"{_H264} {_AAC} {_TRACKS}",
        sound=(beeps(12), beeps(12, 880)),
        files={"de.srt": _cues("Satz"), "en.srt": _cues("Sentence"), "chapters.txt": _CHAPTERS},
    ),
    "silent.mp4": Clip(f"{_H264} -movflags +faststart"),
    "sound.m4a": Clip(_AAC, picture=False, sound=_TONE),
    "sound.mp3": Clip("-c:a libmp3lame -b:a 96k", picture=False, sound=_TONE),
    # Times of an MPEG-TS wrap around after 26.5 hours: the first ones are just before that.
    "early.ts": Clip(
        f"{_H264} {_AAC} -muxdelay 0 -muxpreload 0 -output_ts_offset 95443.2 -mpegts_flags +resend_headers",
        late=_PRIMING,
        sound=_TONE,
    ),
    "offset.ts": Clip(
        f"{_H264} {_AAC} -muxdelay 0 -muxpreload 0 -output_ts_offset 12345.678", late=_PRIMING, sound=_TONE
    ),
    "edited.mp4": Clip(
        f"{_H264} {_AAC} -output_ts_offset 0.48 -movflags +faststart", late=_PRIMING, sound=_TONE
    ),
    "late.mkv": Clip(
        f"-vf setpts=PTS+1.4/TB -fps_mode passthrough {_H264} {_AAC}", late=1.4, sound=(beeps(13.4),)
    ),
    "says_more.mkv": Clip(f"{_H264} {_AAC}", sound=_TONE, change=_stating(40), stated=40),
    "says_less.mkv": Clip(f"{_H264} {_AAC}", sound=_TONE, change=_stating(5), stated=5),
    "growing.mkv": Clip(
        f"{_H264} {_AAC} -f matroska -live 1", sound=_TONE, piped=True, change=_cut(0.6), whole=False
    ),
    "growing.mp4": Clip(
        f"{_H264} {_AAC} -f mp4 -movflags +frag_keyframe+empty_moov+default_base_moof",
        late=0.08,  # no edit list for the B-frames
        sound=_TONE,
        piped=True,
        change=_cut(0.6),
        whole=False,
    ),
    "half.mp4": Clip(
        f"{_H264} {_AAC} -movflags +faststart", sound=_TONE, change=_cut(0.6), whole=False, stated=12
    ),
    "plain.webm": Clip(
        "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 300k -g 50 -pix_fmt yuv420p -c:a libopus",
        sound=_TONE,
    ),
    "old.avi": Clip("-c:v mpeg4 -q:v 4 -g 50 -c:a libmp3lame -avoid_negative_ts disabled", sound=_TONE),
    "television.mp4": Clip(f"{_H264} {_AAC}", rate=Fraction(30000, 1001), frames=360, sound=_TONE),
    "smooth.mp4": Clip(f"{_H264} {_AAC}", rate=Fraction(60), frames=480, sound=(beeps(8),)),
    "fast.mp4": Clip(_H264, rate=Fraction(120), frames=720),
    "long_group.mkv": Clip(
        f"{_H264} -g 250 -keyint_min 250 -sc_threshold 0 {_AAC}", frames=600, sound=(beeps(24),)
    ),
    "noise.mkv": Clip("-c:v mpeg2video -q:v 4 -g 25 -pix_fmt yuv420p", frames=200, noise=True),
}  # fmt: skip


def make(name: str, folder: Path) -> Path:
    """A film of CLIPS; it is made when the folder has it not yet. Another process may do the same.

    Args:
        name: of CLIPS.
        folder: where it is and stays.
    """
    path = folder / name
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=folder) as work:
            os.replace(_made(CLIPS[name], name, Path(work)), path)
    return path


def read_number(luma: bytes, width: int, height: int, stride: int | None = None) -> int:
    """The number that is burnt into a frame.

    Args:
        luma: one byte for each pixel, as in yuv420p or gray.
        width: pixels in a row.
        height: rows.
        stride: bytes from one row to the next; as many as pixels where None.
    """
    row = (height // BLOCKS) * (width if stride is None else stride)
    samples = (luma[row + (2 * block + 1) * width // (2 * BLOCKS)] for block in range(BLOCKS))
    return sum(1 << block for block, sample in enumerate(samples) if sample > 126)


def frames(clip: Clip) -> Iterator[bytes]:
    """The frames of a film as they are given to the encoder, in yuv420p."""
    width, height = clip.coded or (clip.width, clip.height)
    top = max(1, height // 8)
    # Not 1 to 254 but the range of television; a ramp that moves shows stutter and errors of the decoder.
    ramp = bytes(60 + abs((x % 240) - 120) for x in range(3 * width + 240))
    chance = random.Random(clip.frames)
    chroma = -(-width // 2) * -(-height // 2)
    for moment in range(clip.frames * (2 if clip.fields else 1)):
        number = moment // 2 if clip.fields else moment
        if clip.noise and number >= clip.frames // 2:
            below = chance.randbytes(width * (height - top))
        else:
            start = moment * 2 % 240
            below = ramp[start : start + width] * (height - top)
        blue, red = (128, 128) if clip.gray else (110 + number // 2 % 40, 150 - number // 3 % 40)
        yield b"".join((_blocks(number, width) * top, below, bytes([blue]) * chroma, bytes([red]) * chroma))


def _blocks(number: int, width: int) -> bytes:
    return bytes(235 if number >> x * BLOCKS // width & 1 else 16 for x in range(width))


def _made(clip: Clip, name: str, work: Path) -> Path:
    for file, text in clip.files.items():
        (work / file).write_text(text)
    _encode(clip, name, work)
    if clip.again is not None:
        before, after = clip.again
        first = f"first-{name}"
        os.replace(work / name, work / first)
        _run([*before.split(), "-i", first, "-map", "0", "-c", "copy", *after.split(), name], work)
    if clip.change is not None:
        (work / name).write_bytes(clip.change((work / name).read_bytes()))
    return work / name


def _encode(clip: Clip, name: str, work: Path) -> None:
    width, height = clip.coded or (clip.width, clip.height)
    rate = clip.rate * 2 if clip.fields else clip.rate
    raw = [
        "-f",
        "rawvideo",
        "-pix_fmt",
        "yuv420p",
        "-s",
        f"{width}x{height}",
        "-r",
        str(rate),
        "-i",
        "pipe:0",
    ]
    inputs = list(raw) if clip.picture else []
    for sound in clip.sound:
        inputs += ["-f", "lavfi", "-i", sound]
    for file in clip.files:
        inputs += ["-i", file]
    command = [*inputs, *clip.arguments.split()]
    with open(work / name, "wb") as piped:
        output, target = (piped, "pipe:1") if clip.piped else (None, name)
        _run([*command, target], work, frames(clip) if clip.picture else None, output)


def _run(
    arguments: list[str], work: Path, given: Iterator[bytes] | None = None, output: object = None
) -> None:
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", "-nostats", *arguments]
    argv[1:1] = [] if given is not None else ["-nostdin"]
    stdin = subprocess.DEVNULL if given is None else subprocess.PIPE
    with subprocess.Popen(argv, cwd=work, stdin=stdin, stdout=output, stderr=subprocess.PIPE) as process:  # type: ignore[call-overload]
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # what it says tells more
                for frame in given or ():
                    process.stdin.write(frame)
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        said = process.stderr.read().decode(errors="replace")
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {said}")
