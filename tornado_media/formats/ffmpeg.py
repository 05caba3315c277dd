"""What ffmpeg is told, as pure functions: facts and parameters in, commands out.

The planner of the preset `mp4`. It runs nothing and opens nothing; the program's name is the bare `ffmpeg`,
which the caller replaces. Every argument is understood by ffmpeg 5.1 to 9.0.
"""

from __future__ import annotations

from math import floor

from tornado_media.errors import BadRequest, SourceUnusable
from tornado_media.formats.facts import VideoFacts

Command = tuple[str, ...]
"""A program's name and its arguments."""

PROTOCOLS = "file,pipe"
"""How ffmpeg may open things at all: no network, no data: or concat: names."""

DEMUXERS = (
    "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf,mxf,gxf,nut,dv,rm,ivf,wtv,mpegvideo,m4v,h264,hevc,vc1,"
    "wav,w64,aiff,caf,mp3,aac,ac3,eac3,flac,amr,ape,tta,wv,au,dsf"
)
"""Containers that hold their own media. Playlists and scripts (hls, dash, concat, sdp, imf, image patterns)
are absent: a file that is one in disguise would open other files. Costs nothing: 15.6 ms to open an MP4 with
it, 15.8 without."""

MAX_PIXELS = 67_108_864
"""Largest frame that is decoded: 8192 x 8192. 8K video is half of that; a bomb is more."""

MAX_FRAME_RATE = 60
"""Frames a second of what we encode: what browsers and H.264 level 4.2 at 1080p are made for."""

GROUP_SECONDS = 2
"""Seconds from one sync sample to the next. By time, not by frames, so that variable rates keep to it."""

FRAGMENT_MICROSECONDS = 200_000
"""Longest fragment. See `mp4` for the figures."""

_BIT_RATES = ((240, 500), (360, 1000), (480, 1800), (720, 3500), (1080, 6500), (1440, 12000))
_LARGEST_BIT_RATE = 25_000


def mp4(
    source: str, facts: VideoFacts, *, start: float, height: int, video_bitrate: int | None, audio: bool
) -> tuple[Command, ...]:
    """A live fragmented MP4 on stdout, H.264 and AAC, for `<video src>`.

    The timestamps of the result begin at 0; a player adds `start`.

    Why these options: time to the first complete fragment (moof + mdat) of a 1080p H.264 MKV at 720p on two
    cores with ffmpeg 9.0.2, the quality at 1400 kbit/s (SSIM), and the size at equal crf:

        frag_keyframe alone, groups of 2 s      1,030 ms
        -frag_duration 200 ms                     362 ms   17.38 dB   100 %
        the same, rc-lookahead 5, not 10          254 ms   17.13 dB    85 % (at 0.8 dB less)   <- this
        the same, rc-lookahead 5, sliced threads  251 ms
        the same, -tune zerolatency               169 ms   16.35 dB   136 %
        a short first group, then groups of 2 s   283 ms, but then nothing for 1.2 s

    Fragments of 200 ms cost 1 KiB a second more than fragments of a group. `-analyzeduration 0` and a small
    `-probesize` gained nothing (395 and 413 ms), and would miss streams of an MPEG-TS. A seek adds the
    decoding from the sync sample before, 0.6 s here in groups of 10 s.

    Args:
        source: the file's absolute path.
        facts: what the probe engine found in it.
        start: seconds from the start of the source.
        height: the result is at most that high, in pixels. It is never enlarged.
        video_bitrate: kbit/s; None: constant quality, with a ceiling that suits the height.
        audio: sound too, if there is any.

    Raises:
        BadRequest: `start` is at or past the end.
        SourceUnusable: there is no video in the source.
    """
    out_width, out_height = _even_size(facts, height)
    _check_start(start, facts)
    sound = audio and facts.has_audio
    filters = [
        *_deinterlace(facts),
        *([f"fps={MAX_FRAME_RATE}"] if (facts.frame_rate or 0) > MAX_FRAME_RATE else []),
        f"scale={out_width}:{out_height}:out_range=tv",
        "setsar=1",
        "format=yuv420p",
    ]
    command = (
        *_input(source, start=_on_frame(start, facts)),
        *("-map", "0:V:0", *(("-map", "0:a:0?") if sound else ()), "-sn", "-dn"),
        *("-map_metadata", "-1", "-map_chapters", "-1"),
        *("-vf", ",".join(filters)),
        *("-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high"),
        *_rate_control(min(out_width, out_height), video_bitrate),
        *("-x264-params", "rc-lookahead=5:sync-lookahead=0"),
        *("-force_key_frames", f"expr:gte(t,n_forced*{GROUP_SECONDS})", "-sc_threshold", "0"),
        *(_sound() if sound else ()),
        # delay_moov: edit lists are then known, and times begin at 0 in spite of B-frames and AAC's priming.
        # It waits for the first fragment, without which no player can show anything.
        *("-movflags", "+frag_keyframe+delay_moov+default_base_moof"),
        *("-frag_duration", str(FRAGMENT_MICROSECONDS), "-f", "mp4", "pipe:1"),
    )
    return (command,)


def common() -> tuple[str, ...]:
    """The program and what every ffmpeg command begins with: no terminal, and only warnings on stderr."""
    return ("ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "warning")


def safe_input(source: str) -> tuple[str, ...]:
    """The input and what every ffmpeg command says of it: the one place of the safety arguments.

    Args:
        source: an absolute path. `file:` keeps ffmpeg from reading it as an option or another protocol.
    """
    limits = ("-protocol_whitelist", PROTOCOLS, "-format_whitelist", DEMUXERS, "-max_pixels", str(MAX_PIXELS))
    return (*limits, "-i", f"file:{source}")


def _input(source: str, *, start: float) -> Command:
    return (*common(), *(("-ss", f"{start:.6f}") if start > 0 else ()), *safe_input(source))


def _on_frame(start: float, facts: VideoFacts) -> float:
    # The frame that is seen at `start` began before it. From its own time on, the first timestamp is 0 and
    # there is a frame even in the last fraction of a second. 1 ms: Matroska rounds its times to that.
    if facts.frame_rate is None:
        return start
    rate = float(facts.frame_rate)
    return max(0.0, floor(start * rate + 0.01) / rate - 0.001)


def _check_start(start: float, facts: VideoFacts) -> None:
    if facts.duration is not None and start >= facts.duration and start > 0:
        raise BadRequest(f"start={start:g} is past the end: the video lasts {facts.duration:g} seconds.")


def _shown(facts: VideoFacts) -> tuple[int, int]:
    if not facts.has_video:
        raise SourceUnusable("There is no video in this source.")
    if facts.width is None or facts.height is None:
        raise SourceUnusable("The size of this video's picture cannot be found.")
    return facts.width, facts.height


def _even_size(facts: VideoFacts, height: int) -> tuple[int, int]:
    # 4:2:0 needs even numbers; rounding the height down keeps "never enlarged"
    shown_width, shown_height = _shown(facts)
    out_height = max(2, min(height, shown_height) // 2 * 2)
    out_width = max(2, min(round(shown_width * out_height / shown_height / 2) * 2, shown_width // 2 * 2))
    return out_width, out_height


def _deinterlace(facts: VideoFacts) -> list[str]:
    return ["yadif=deint=interlaced"] if facts.interlaced else []


def _rate_control(short_side: int, video_bitrate: int | None) -> tuple[str, ...]:
    if video_bitrate is not None:
        return (
            "-b:v",
            f"{video_bitrate}k",
            "-maxrate",
            f"{video_bitrate * 3 // 2}k",
            *_buffer(video_bitrate),
        )
    ceiling = next((rate for size, rate in _BIT_RATES if short_side <= size), _LARGEST_BIT_RATE)
    return ("-crf", "23", "-maxrate", f"{ceiling}k", *_buffer(ceiling))


def _buffer(bit_rate: int) -> tuple[str, str]:
    return ("-bufsize", f"{bit_rate * 2}k")


def _sound() -> tuple[str, ...]:
    # async fills holes in the timestamps with silence; first_pts does so when the sound begins late
    return ("-c:a", "aac", "-ac", "2", "-ar", "48000", "-b:a", "128k", "-af", "aresample=async=1:first_pts=0")
