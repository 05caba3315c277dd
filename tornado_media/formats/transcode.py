"""How ffmpeg makes a picture that browsers play out of any other: a run of segments, or one stream. Pure.

`grid_run` is the picture of HLS, `mp4` a progressive stream with sound. They run nothing and open nothing;
the program's name is the bare `ffmpeg`, which the caller replaces. Every argument is understood by ffmpeg 5.1
to 9.0.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from fractions import Fraction

from tornado_media.errors import BadRequest
from tornado_media.formats.encoders import ENCODERS
from tornado_media.formats.facts import VideoFacts
from tornado_media.formats.filters import deinterlace, picture_filters
from tornado_media.formats.grid import Grid
from tornado_media.formats.rungs import MAX_FRAME_RATE, Rung, ceiling_of, even_size, rung_at, rungs, shown
from tornado_media.formats.safety import Command, common, safe_input
from tornado_media.formats.sound import copied, stereo_aac
from tornado_media.formats.tools import Tools

__all__ = ["FRAGMENT_MICROSECONDS", "GROUP_SECONDS", "MAX_FRAME_RATE", "Rung", "grid_run", "mp4", "rungs"]

GROUP_SECONDS = 2
"""Seconds from one sync sample to the next. By time, not by frames, so that variable rates keep to it."""

FRAGMENT_MICROSECONDS = 200_000
"""Longest fragment. See `mp4` for the figures."""

_NO_INDEX = frozenset({"mpegts", "mpeg"})
"""Demuxers that jump to any packet, not to a sync sample."""

_BLIND = 5
"""Seconds that such a jump goes too far back, so that there is a sync sample on the way. Broadcast has one
every half second to two seconds."""

_REORDERED = 0.5
"""Seconds that a jump goes back where nobody knows the sync samples. An MP4's index has decode times, so it
finds a sync sample that is shown later than the target, by as much as B-frames delay the picture."""

_AHEAD = 0.3
"""Seconds that a target is behind its sync sample in other containers: ffmpeg itself goes back there when a
picture has B-frames, by 3/23 (9.0) or nearly 0.2 (7.0), and would land on the sync sample before."""

_LONGEST_GROUP = 30
"""Seconds. Where the last known sync sample is longer ago, the index is not whole."""

_STREAM_ONLY = ("-map_metadata", "-1", "-map_chapters", "-1")


def grid_run(
    source: str,
    facts: VideoFacts,
    grid: Grid,
    *,
    height: int,
    first: int,
    tools: Tools,
    media_type: str | None = None,
) -> Command:
    """A run: the picture from one segment of the grid to the end, as fragmented MP4 on stdout, H.264.

    There is one `moof` and `mdat` for each segment, its `tfdt` is `grid.ticks`, its first frame a sync
    sample, and the initialization segment is the same in every run. Frame n of the grid is what the source
    shows at n / R, half a frame more or less. There are exactly as many frames as the grid has: a source that
    ends before its time shows its last frame, one that begins late its first one. A jump to where nothing can
    be decoded any more gives an initialization segment alone.

    How it keeps to that:

    - `-copyts` and `setpts` count from media time 0. Without them ffmpeg counts from its own idea of the
      beginning, which for an MPEG-TS is that of the streams that are mapped.
    - The jump is to a sync sample before the segment (`-noaccurate_seek`), and `fps` drops what is too early:
      so the frame that is still seen when the segment begins is there, be it 1 s old.
    - `negative_cts_offsets` makes decode times begin with the first frame's own in spite of B-frames, and
      `frag_discont` lets them begin anywhere. Both need that no edit list is written.

    Time until the first segment of a run was there, 1080p H.264 MKV at 360p and 720p, ffmpeg 9.0.2, two cores
    with other work on them; after the slash processor time. Rough:

        veryfast, rc-lookahead 5         500 / 840 ms     990 / 1,610 ms   <- this
        rc-lookahead 10                  525 / 930      1,090 / 1,710
        rc-lookahead 0                   467 / 780      1,010 / 1,640
        sliced threads                   481 / 820        980 / 1,640
        no B-frames                      588 / 1,010      754 / 1,350, with 1.2 to 1.5 times the bits
        superfast                        467 / 800        850 / 1,400, 1.5 to 2 times
        ultrafast                        408 / 670        530 / 940, 2.8 to 5.6 times
        decoding in slices               712 / 890        980 / 1,620

    Decoding the source is the most of it. The bits are those of two real clips at the same crf.

    libavformat, when it reads such a stream again, shows all frames later by the delay of the B-frames (it
    adds what is negative); browsers and players do not.

    Args:
        source: the file's absolute path.
        facts: what the probe has found in it.
        grid: of the whole film.
        height: lines of the result; never more than the source has.
        first: the segment to begin with, from 0.
        tools: which encoder and which filters there are.
        media_type: by our own look at the source's bytes.

    Raises:
        ValueError: there is no such segment.
        SourceUnusable: there is no picture in the source.
    """
    if not 0 <= first < grid.count:
        raise ValueError(f"no segment {first}: there are {grid.count}")
    rung, encoder, start = rung_at(facts, height, grid.rate), ENCODERS[tools.encoder], grid.start(first)
    filters = (
        f"setpts=round(PTS-{facts.start_time:.6f}/TB)",
        *deinterlace(facts),
        f"fps={grid.rate}:start_time={float(start):.6f}:round=near",
        "tpad=stop=-1:stop_mode=clone",
        *picture_filters(facts, rung.width, rung.height, tools),
        *encoder.filters(),
    )
    return (
        *(*common(), *encoder.setup(tools.device), "-copyts", "-noaccurate_seek"),
        *_seek(_jump(start, facts, grid.rate)),
        *safe_input(source, media_type=media_type, threads=tools.threads),
        *("-map", "0:V:0", "-an", "-sn", "-dn", *_STREAM_ONLY),
        *("-vf", ",".join(filters), "-fps_mode", "passthrough"),
        *("-frames:v", str(grid.frames - first * grid.group)),
        *encoder.arguments(
            ceiling=rung.ceiling,
            buffer=rung.buffer,
            group=grid.group,
            level=rung.level,
            threads=tools.threads,
        ),
        *("-video_track_timescale", str(grid.timescale), "-avoid_negative_ts", "disabled"),
        *("-use_editlist", "0", "-movflags"),
        "+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets+frag_discont+skip_trailer",
        *("-f", "mp4", "pipe:1"),
    )


def mp4(
    source: str,
    facts: VideoFacts,
    *,
    start: float,
    height: int,
    video_bitrate: int | None,
    audio: bool | int,
    copy_video: bool = False,
    copy_audio: bool = False,
    tools: Tools | None = None,
    media_type: str | None = None,
) -> tuple[Command, ...]:
    """A live fragmented MP4 on stdout, H.264 and AAC or copies of what there is, for `<video src>`.

    The timestamps of the result begin at 0; a player adds `start`. A copy begins with the sync sample before
    `start`, and an edit list says from where on it is shown.

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
        height: the result is at most that high, in pixels. It is never enlarged. A copy keeps its own.
        video_bitrate: kbit/s; None: constant quality, with a ceiling that suits the height.
        audio: sound too, if there is any; a number is the index of a stream.
        copy_video: the picture is not encoded: the caller knows that the client plays it.
        copy_audio: likewise the sound.
        tools: which encoder and which filters there are.
        media_type: by our own look at the source's bytes.

    Raises:
        BadRequest: `start` is at or past the end.
        SourceUnusable: there is no video in the source.
    """
    known, sound = tools or Tools(), _sound_map(facts, audio)
    shown(facts)
    _check_start(start, facts)
    begin, rest = _accurate(start, facts) if not copy_video else (start, 0.0)
    picture = _copied_picture(facts) if copy_video else _encoded_picture(facts, height, video_bitrate, known)
    command = (
        *(*common(), *(() if copy_video else ENCODERS[known.encoder].setup(known.device))),
        *_seek(begin),
        *safe_input(source, media_type=media_type, threads=known.threads),
        *(*_seek(rest), "-map", "0:V:0", *sound, "-sn", "-dn", *_STREAM_ONLY),
        *picture,
        *((copied(facts, None if audio is True else audio) if copy_audio else stereo_aac()) if sound else ()),
        # delay_moov: edit lists are then known, and times begin at 0 in spite of B-frames and AAC's priming.
        # It waits for the first fragment, without which no player can show anything.
        *("-movflags", "+frag_keyframe+delay_moov+default_base_moof"),
        *("-frag_duration", str(FRAGMENT_MICROSECONDS), "-f", "mp4", "pipe:1"),
    )
    return (command,)


def _encoded_picture(facts: VideoFacts, height: int, video_bitrate: int | None, tools: Tools) -> Command:
    out_width, out_height = even_size(facts, height)
    encoder = ENCODERS[tools.encoder]
    filters = (
        *deinterlace(facts),
        *([f"fps={MAX_FRAME_RATE}"] if (facts.frame_rate or 0) > MAX_FRAME_RATE else []),
        *picture_filters(facts, out_width, out_height, tools),
        *encoder.filters(),
    )
    if video_bitrate is None:
        ceiling = ceiling_of(min(out_width, out_height))
        buffer = ceiling * 2
    else:
        ceiling, buffer = video_bitrate * 3 // 2, video_bitrate * 2
    return (
        *("-vf", ",".join(filters)),
        *encoder.arguments(ceiling=ceiling, buffer=buffer, bit_rate=video_bitrate, threads=tools.threads),
        *("-force_key_frames", f"expr:gte(t,n_forced*{GROUP_SECONDS})"),
    )


def _copied_picture(facts: VideoFacts) -> Command:
    # Apple's players know HEVC by hvc1 alone, ffmpeg writes hev1 by itself.
    codec = None if facts.video is None else facts.video.codec
    return ("-c:v", "copy", *(("-tag:v", "hvc1") if codec == "hevc" else ()))


def _sound_map(facts: VideoFacts, audio: bool | int) -> Command:
    if audio is False or not facts.has_audio:
        return ()
    return ("-map", "0:a:0?" if audio is True else f"0:{audio}")


def _seek(seconds: float | Fraction) -> Command:
    return ("-ss", f"{float(seconds):.6f}") if seconds > 0 else ()


def _jump(start: Fraction, facts: VideoFacts, rate: Fraction) -> float:
    """Where ffmpeg is told to jump to for what is seen at `start`: not later, and not a group too early."""
    if start == 0:
        return 0.0
    if _NO_INDEX.intersection(facts.demuxers):
        return float(start) - _BLIND
    # A sync sample of less than half a frame later is what is seen at the start, too: times are rounded.
    reach = float(start + Fraction(2, 5) / rate)
    sync = None if facts.video is None else facts.video.sync_samples
    here = bisect_right(sync.times, reach) if sync is not None else 0
    if sync is None or here == 0 or reach - sync.times[here - 1] > _LONGEST_GROUP:
        return float(start) - _REORDERED
    found = sync.times[here - 1]
    following = sync.times[here] if here < len(sync.times) else math.inf
    return found + _AHEAD if found + _AHEAD < following and "mov" not in facts.demuxers else found


def _accurate(start: float, facts: VideoFacts) -> tuple[float, float]:
    """Seconds that ffmpeg jumps, and seconds that it decodes and drops after that."""
    begin = _on_frame(start, facts)
    rest = min(begin, _BLIND) if _NO_INDEX.intersection(facts.demuxers) else 0.0
    return begin - rest, rest


def _on_frame(start: float, facts: VideoFacts) -> float:
    # The frame that is seen at `start` began before it. From its own time on, the first timestamp is 0 and
    # there is a frame even in the last fraction of a second. 1 ms: Matroska rounds its times to that.
    if facts.frame_rate is None:
        return start
    rate = float(facts.frame_rate)
    return max(0.0, math.floor(start * rate + 0.01) / rate - 0.001)


def _check_start(start: float, facts: VideoFacts) -> None:
    if facts.duration is not None and start >= facts.duration and start > 0:
        raise BadRequest(f"start={start:g} is past the end: the video lasts {facts.duration:g} seconds.")
