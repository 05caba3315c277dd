"""Whether a client plays a file as it is, without a server that copies or encodes anything. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tornado_media.formats.browsers import AAC, CONTAINERS, LATE, MOST_CHANNELS, PIXELS
from tornado_media.formats.facts import AudioStream, VideoFacts
from tornado_media.formats.reasons import Rules, first

_OFF = 1.0
"""Seconds by which what a file says of its duration may be wrong: a player shows that, and waits for the rest
of a file that was cut off."""

_MATROSKA = frozenset({"video/x-matroska", "audio/x-matroska"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at.

    Args:
        facts: what the probe has found.
        play: words for what the client can play.
        sound: that is used; None for none.
    """

    facts: VideoFacts
    play: frozenset[str]
    sound: AudioStream | None


def why_not(asked: Asked) -> str | None:
    """Why the client cannot play the file as it is; None where it can."""
    return first(_WHY_NOT, asked)


def _container(facts: VideoFacts) -> str | None:
    # libav has one demuxer for Matroska and WebM: what the file calls itself is in its media type
    if facts.media_type in _MATROSKA:
        return None
    return next((name for name in CONTAINERS if name in facts.demuxers), None)


def _plays(codec: str | None, asked: Asked, kind: int) -> bool:
    container = _container(asked.facts)
    return container is not None and codec in CONTAINERS[container][kind] and codec in asked.play


def _is_misstated(facts: VideoFacts) -> bool:
    stated, found = facts.stated_duration, facts.duration
    return stated is not None and found is not None and abs(stated - found) > _OFF


def _picture_fits(asked: Asked) -> bool:
    video = asked.facts.video
    if video is None:
        return True
    allowed = PIXELS.get(video.codec or "", frozenset())
    return _plays(video.codec, asked, 0) and video.pixel_format in allowed and not video.interlaced


def _sound_fits(asked: Asked) -> bool:
    sound = asked.sound
    if sound is None:
        return True
    kind = sound.codec != "aac" or sound.codecs in AAC
    return _plays(sound.codec, asked, 1) and kind and (sound.channels or 0) <= MOST_CHANNELS


_WHY_NOT: Rules[Asked] = (
    (lambda a: _container(a.facts) is None, "Browsers do not open this kind of file."),
    (lambda a: _is_misstated(a.facts), "It does not last as long as it says."),
    (lambda a: abs(a.facts.start_time) > LATE, "Its times do not begin at 0, which a browser would show."),
    (lambda a: not _picture_fits(a), "The client does not play the picture as it is in the file."),
    (lambda a: len(a.facts.audio) > 1, "There are several sounds, and browsers play only the first."),
    (lambda a: bool(a.facts.audio) and a.sound is None, "No sound is wanted, and the file has one."),
    (lambda a: not _sound_fits(a), "The client does not play the sound as it is in the file."),
    (
        lambda a: a.facts.video is not None and a.facts.video.hdr == "dolby_vision",
        "Its colours are those of Dolby Vision, which few screens know.",
    ),
)
"""Why a file is not played as it is."""
