"""The renditions of a film over HLS: pictures and sounds, and the segments of each. Pure.

Picture and sound are renditions of their own, so each stream is copied or encoded by itself, and one sound
serves all qualities. A picture that is encoded lies on a grid of frames, a sound that is encoded on a grid of
AAC frames; what is copied is cut where the source can be cut.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from tornado_media.errors import BadRequest, NotFound, SourceUnusable
from tornado_media.formats.facts import AudioStream, SyncSamples, VideoFacts, VideoStream
from tornado_media.formats.grid import SECONDS, Grid, grid_of
from tornado_media.formats.hls import media_playlist, reference
from tornado_media.formats.rungs import MAX_FRAME_RATE, Rung, rungs

AUDIO_RATE = 48_000
AUDIO_FRAME = 1024
"""Samples of an AAC-LC frame (ISO/IEC 14496-3)."""

AUDIO_FRAMES = 94
"""Frames of a segment of sound that is encoded: 2.00533 s."""

LONGEST = 48 * 3600
"""Seconds of a film that is cut into segments. A file of 40 KB can say that it lasts for ever, and the server
itself writes the playlist: that of two days has 5 MB and takes a fifth of a second."""

_RUMP = Fraction(1, 10)
"""Seconds. A rest of a copied sound that is not longer belongs to the segment before: it may be empty."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A segment of a copied picture.

    Args:
        begin: time of the sync sample that it begins with, seconds from media time 0.
        end: that of the next segment, or the end of the film.
        size: bytes of the source, roughly.
    """

    begin: float
    end: float
    size: int


@lru_cache(maxsize=64)  # of two hours 10 ms, and each segment is planned with them
def cuts(sync: SyncSamples, end: float) -> tuple[Cut, ...]:
    """The segments of a copied picture: each begins with the first sync sample 2 s after the last beginning.

    Args:
        sync: of the picture.
        end: when its last frame ends, seconds.
    """
    times, found = sync.times, [0]
    while (following := bisect_left(times, times[found[-1]] + SECONDS, found[-1] + 1)) < len(times):
        found.append(following)
    edges = [*found, len(times)]
    return tuple(
        Cut(
            times[first],
            times[last] if last < len(times) else max(end, times[first]),
            sum(sync.bytes[first:last]),
        )
        for first, last in pairwise(edges)
    )


def grid(facts: VideoFacts) -> Grid:
    """The grid of a film's picture when it is encoded.

    Raises:
        SourceUnusable: there is no picture, or nobody knows how long it lasts.
    """
    picture = picture_of(facts)
    end = _end(picture.end, facts)
    return grid_of(picture.frame_rate, end, variable=picture.variable, most=MAX_FRAME_RATE)


@dataclass(frozen=True, slots=True)
class Spans:
    """The segments of a sound: all are equally long but the last one. Times in seconds from media time 0.

    Args:
        step: how long each of them is.
        count: how many there are.
        end: of the last one.
    """

    step: Fraction
    count: int
    end: Fraction

    def span(self, number: int) -> tuple[Fraction, Fraction]:
        """When a segment begins and ends.

        Args:
            number: from 0.
        """
        begin = number * self.step
        return begin, begin + self.step if number < self.count - 1 else self.end

    @property
    def lengths(self) -> list[Fraction]:
        """How long each segment is."""
        return [*[self.step] * (self.count - 1), self.end - (self.count - 1) * self.step]


def encoded_sound(stream: AudioStream, facts: VideoFacts) -> Spans:
    """The segments of a sound that is encoded: whole frames of AAC.

    Raises:
        SourceUnusable: nobody knows how long it lasts.
    """
    end = _exactly(_end(stream.end, facts))
    frame = Fraction(AUDIO_FRAME, AUDIO_RATE)
    frames = max(1, math.ceil(end / frame))
    return Spans(AUDIO_FRAMES * frame, -(-frames // AUDIO_FRAMES), frames * frame)


def copied_sound(stream: AudioStream, facts: VideoFacts) -> Spans:
    """The segments of a sound that is copied: one for each 2 s.

    Raises:
        SourceUnusable: nobody knows how long it lasts.
    """
    end = _exactly(_end(stream.end, facts))
    return Spans(Fraction(SECONDS), max(1, math.ceil((end - _RUMP) / SECONDS)), end)


def playlist(facts: VideoFacts, height: int | None, stream: int | None, copy: bool) -> str:
    """The media playlist of one rendition.

    Args:
        facts: what the probe has found.
        height: lines of a picture that is encoded.
        stream: index of a stream: a sound, a picture to be copied, subtitles.
        copy: the stream is copied.

    Raises:
        BadRequest: there is no such rendition.
        SourceUnusable: it cannot be made of this source.
    """
    if height is not None:
        rung_of(facts, height)
        lines = grid(facts)
        last = lines.count - 1
        return _numbered([*[lines.length(0)] * last, lines.length(last)], height=height)
    picture = facts.video
    if picture is not None and stream == picture.index and copy:
        # From media time 0 on, whenever the picture begins: a playlist has no other beginning.
        found = [0.0, *(cut.end for cut in copied(facts))]
        return _numbered([after - before for before, after in pairwise(found)], stream=stream, copy=True)
    if any(text.index == stream and text.text for text in facts.subtitles):
        return media_playlist([(_end(None, facts), reference("subtitles", stream=stream))], None)
    sound = sound_of(facts, stream)
    spans = copied_sound(sound, facts) if copy else encoded_sound(sound, facts)
    return _numbered(spans.lengths, stream=stream, copy=copy or None)


def rung_of(facts: VideoFacts, height: int) -> Rung:
    """The quality of a number of lines.

    Raises:
        BadRequest: there is none.
    """
    found = rungs(facts)
    for rung in found:
        if rung.height == height:
            return rung
    known = ", ".join(str(rung.height) for rung in found)
    raise BadRequest(f"height={height} is no quality of this video; there are {known}.")


def sound_of(facts: VideoFacts, stream: int | None) -> AudioStream:
    """A sound by the index of its stream.

    Raises:
        BadRequest: there is none.
    """
    for sound in facts.audio:
        if sound.index == stream:
            return sound
    known = ", ".join(str(sound.index) for sound in facts.audio) or "none"
    raise BadRequest(f"It needs height=LINES, or stream=INDEX of a sound; sounds are {known}.")


def copied(facts: VideoFacts) -> tuple[Cut, ...]:
    """The segments of a picture that is copied.

    Raises:
        SourceUnusable: it cannot be cut: nobody knows where its sync samples are.
    """
    picture = picture_of(facts)
    if picture.sync_samples is None or not picture.sync_samples.times:
        raise SourceUnusable("This video cannot be cut without encoding it: it has no index.")
    return cuts(picture.sync_samples, _end(picture.end, facts))


def check_number(number: int | None, count: int) -> None:
    """Whether there is such a segment.

    Raises:
        NotFound: there is not.
    """
    if number is not None and number >= count:
        raise NotFound(f"There is no segment {number}; the last one is {count - 1}.")


def _numbered(lengths: Sequence[Fraction | float], **values: object) -> str:
    initialization = reference("segment", **values)
    uris = (f"{initialization}&number={number}" for number in range(len(lengths)))
    return media_playlist([*zip(lengths, uris, strict=True)], initialization)


def picture_of(facts: VideoFacts) -> VideoStream:
    """The picture of a film.

    Raises:
        SourceUnusable: there is none.
    """
    if facts.video is None:
        raise SourceUnusable("There is no video in this source.")
    return facts.video


def _end(end: float | None, facts: VideoFacts) -> float:
    known = end if end is not None else facts.duration
    if not known:
        raise SourceUnusable("Nobody knows how long this lasts; the preset mp4 streams it without a length.")
    if not known <= LONGEST:
        raise SourceUnusable(
            f"It says that it lasts {known:.3g} seconds; of more than {LONGEST} no segments are made."
        )
    return known


def _exactly(seconds: float) -> Fraction:
    """To a microsecond, as the probe has written it."""
    return Fraction(seconds).limit_denominator(1_000_000)
