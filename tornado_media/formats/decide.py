"""What is done to a film before a client can play it, stream by stream, and why. Pure.

Each rule is a row: when it holds, and the sentence that is told then. The first one that holds decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeVar

from tornado_media.errors import BadRequest
from tornado_media.formats.facts import AudioStream, VideoFacts, VideoStream
from tornado_media.formats.languages import same_language

How = Literal["original", "remux", "transcode", "none"]

PLAYED = frozenset({"aac", "h264"})
"""What every browser plays."""

LONGEST_GROUP = 10.0
"""Seconds from one sync sample to the next in a picture that is copied: so long may a segment be."""

_LATE = 0.2
"""Seconds: a picture whose first sync sample comes later has frames before it that nobody can decode; and a
file whose times begin later has another clock in a browser than in `info`."""

_OFF = 1.0
"""Seconds by which what a file says of its duration may be wrong: a player shows that, and waits for the rest
of a file that was cut off."""

_MP4_PICTURES = frozenset({"h264", "hevc", "av1", "vp9"})
_MP4_SOUNDS = frozenset({"aac", "mp3", "opus", "flac", "ac3", "eac3"})
"""Codecs that browsers take in fragmented MP4."""

_AAC = frozenset({"mp4a.40.2", "mp4a.40.5", "mp4a.40.29"})
"""AAC that browsers decode: LC, and HE-AAC, which is LC with SBR or with PS."""

_PIXELS = {
    "h264": frozenset({"yuv420p", "yuvj420p"}),
    "hevc": frozenset({"yuv420p", "yuvj420p", "yuv420p10le"}),
    "av1": frozenset({"yuv420p", "yuvj420p", "yuv420p10le", "gray"}),
    "vp9": frozenset({"yuv420p", "yuvj420p"}),
    "vp8": frozenset({"yuv420p"}),
}
"""What browsers decode: 4:2:0, of 8 bits, or 10 where the usual profile has them."""

_MOST_CHANNELS = 8

_NAMES = {
    "h264": "H.264",
    "hevc": "HEVC",
    "mpeg4": "MPEG-4 Part 2",
    "mpeg2video": "MPEG-2",
    "mpeg1video": "MPEG-1",
    "mjpeg": "Motion JPEG",
    "vc1": "VC-1",
    "ac3": "AC-3",
    "eac3": "E-AC-3",
    "opus": "Opus",
    "vorbis": "Vorbis",
}
"""What people call codecs, where it is not their name in capitals."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is done to one stream.

    Args:
        index: of the stream.
        copy: it is copied; else it is encoded.
        why: a sentence.
        whole: it could be copied in one piece, though perhaps not in segments.
    """

    index: int
    copy: bool
    why: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done to a film.

    Args:
        how: `original`: the client plays the file itself. `remux`: what is used is copied into fragmented
            MP4. `transcode`: picture or usual sound is encoded. `none`: there is nothing to play.
        why: a sentence.
        video: of the first moving picture; None where there is none.
        audio: one for each sound, in the order of the file.
        usual_audio: index of the sound that is used unless somebody chooses another; None for no sound.
    """

    how: How
    why: str
    video: Choice | None = None
    audio: tuple[Choice, ...] = ()
    usual_audio: int | None = None

    @property
    def sound(self) -> Choice | None:
        """What is done to the usual sound."""
        return next((choice for choice in self.audio if choice.index == self.usual_audio), None)


def decide(facts: VideoFacts, play: frozenset[str] = PLAYED, audio: str = "on") -> Decision:
    """How a client gets a film.

    Args:
        facts: what the probe has found.
        play: words for what the client can play: `h264`, `aac`, ...
        audio: `on`: the usual sound; `off`: none; the index of a stream; a language.

    Raises:
        BadRequest: there is no such sound.
    """
    usual = usual_sound(facts, audio)
    video = None if facts.video is None else _picture(facts.video, play)
    sounds = tuple(_sound(stream, play) for stream in facts.audio)
    if video is None and usual is None:
        return Decision("none", "There is neither a picture nor a sound to play.", None, sounds)
    why_not = _first(_ORIGINAL, _Asked(facts, play, usual))
    if why_not is None:
        why = "The client plays the file as it is."
        return Decision("original", why, video, sounds, None if usual is None else usual.index)
    used = [video, *(choice for choice in sounds if usual is not None and choice.index == usual.index)]
    encoded = [choice.why for choice in used if choice is not None and not choice.copy]
    how: How = "transcode" if encoded else "remux"
    return Decision(how, " ".join(encoded) or why_not, video, sounds, None if usual is None else usual.index)


def played(words: str | None) -> frozenset[str]:
    """The codecs in the parameter `play`.

    Args:
        words: `h264,aac`; None: those that every browser plays.
    """
    return PLAYED if words is None else frozenset(words.split(",")) - {""}


def playback(info: Mapping[str, object], play: frozenset[str] = PLAYED) -> dict[str, object]:
    """What `info` says of how a film is played: `how`, `why`, and the same for each of its streams.

    Args:
        info: the JSON of the probe.
        play: words for what the client can play.

    Raises:
        ValueError: the JSON is not what the probe writes.
    """
    facts = VideoFacts.from_info(info)
    decision = decide(facts, play)
    chosen = {choice.index: choice for choice in (decision.video, *decision.audio) if choice is not None}
    texts = {stream.index: stream.text for stream in facts.subtitles}
    streams = info.get("streams")
    told = []
    for stream in streams if isinstance(streams, list) else []:
        index = stream.get("index")
        if (
            stream.get("type") in ("video", "audio")
            and index in chosen
            and not stream.get("attached_picture")
        ):
            choice = chosen[index]
            copied = choice.copy or decision.how == "original"
            how, why = ("copy" if copied else "transcode"), choice.why
            if copied and not choice.copy:
                why = decision.why
        elif index in texts:
            how = "transcode" if texts[index] else "leave out"
            why = "It becomes WebVTT." if texts[index] else "These subtitles are pictures, not text."
        else:
            how, why = "leave out", _left_out(stream)
        told.append({"index": index, "how": how, "why": why})
    return {"how": decision.how, "why": decision.why, "streams": told}


def usual_sound(facts: VideoFacts, audio: str = "on") -> AudioStream | None:
    """The sound that is used: the one asked for, else the one the file calls usual, else the first.

    Args:
        facts: what the probe has found.
        audio: as `decide` has it.

    Raises:
        BadRequest: there is no such sound.
    """
    if audio == "off":
        return None
    fitting: Sequence[AudioStream] = facts.audio
    if audio != "on":
        if audio.isdecimal():
            fitting = [sound for sound in facts.audio if sound.index == int(audio)]
        else:
            fitting = [sound for sound in facts.audio if same_language(audio, sound.language)]
        if not fitting:
            raise BadRequest(f"There is no sound audio={audio}; there are {_listed(facts.audio)}.")
    return next((sound for sound in fitting if sound.default), fitting[0] if fitting else None)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the rules for the whole file look at."""

    facts: VideoFacts
    play: frozenset[str]
    sound: AudioStream | None


_T = TypeVar("_T")
_Rules = Sequence[tuple[Callable[[_T], bool], str]]


def _first(rules: _Rules[_T], value: _T) -> str | None:
    return next((sentence for holds, sentence in rules if holds(value)), None)


# -- one stream -------------------------------------------------------------------------------------------

_PICTURE: _Rules[VideoStream] = (
    (lambda s: s.codec not in _MP4_PICTURES, "{name} cannot be in fragmented MP4."),
    (lambda s: s.codecs is None, "Nothing in the file says which {name} this is."),
    (lambda s: s.pixel_format not in _PIXELS[s.codec or ""], "Browsers do not decode {name} in {pixels}."),
    (lambda s: s.interlaced, "It is interlaced, which browsers show as combs."),
    (lambda s: s.hdr == "dolby_vision", "Its colours are those of Dolby Vision, which few screens know."),
    (lambda s: s.rotation != 0, "It is turned, which not every player does with fragments."),
)
"""Why a picture is not copied at all."""

_UNCUT: _Rules[VideoStream] = (
    (lambda s: s.sync_samples is None or not s.sync_samples.times, "It has no index, so it cannot be cut."),
    (lambda s: _first_sync(s) - s.start > _LATE, "Its first frames need others that are not there."),
    (lambda s: _first_sync(s) < 0, "It begins before the film."),
    (lambda s: _first_sync(s) > _LATE, "It begins after the film, which not every player of HLS heeds."),
    (lambda s: _longest_group(s) > LONGEST_GROUP, "It can be cut only every {longest:.0f} s."),
)
"""Why a picture is not copied in segments."""

_SOUND: _Rules[AudioStream] = (
    (lambda s: s.codec not in _MP4_SOUNDS, "{name} cannot be in fragmented MP4."),
    (lambda s: s.codecs is None, "Nothing in the file says which {name} this is."),
    (lambda s: s.codec == "aac" and s.codecs not in _AAC, "Browsers do not decode this kind of AAC."),
    (lambda s: (s.channels or 0) > _MOST_CHANNELS, "It has more than 8 channels."),
)


def _picture(stream: VideoStream, play: frozenset[str]) -> Choice:
    why = _first(_PICTURE, stream) or _not_played(stream.codec, play)
    uncut = why or _first(_UNCUT, stream)
    words = _words(stream) | {"pixels": stream.pixel_format, "longest": _longest_group(stream)}
    sentence = uncut or "The client plays {name}."
    return Choice(stream.index, uncut is None, sentence.format(**words), why is None)


def _sound(stream: AudioStream, play: frozenset[str]) -> Choice:
    why = _first(_SOUND, stream) or _not_played(stream.codec, play)
    uncut = why or (
        "It begins after the film, which not every player of HLS heeds." if stream.start > _LATE else None
    )
    sentence = uncut or "The client plays {name}."
    return Choice(stream.index, uncut is None, sentence.format(**_words(stream)), why is None)


def _not_played(codec: str | None, play: frozenset[str]) -> str | None:
    return None if codec in play else "The client does not play {name}."


def _first_sync(stream: VideoStream) -> float:
    return stream.sync_samples.times[0] if stream.sync_samples and stream.sync_samples.times else 0.0


def _longest_group(stream: VideoStream) -> float:
    if stream.sync_samples is None:
        return 0.0
    edges = [*stream.sync_samples.times, *([] if stream.end is None else [stream.end])]
    return max((later - earlier for earlier, later in pairwise(edges)), default=0.0)


def _words(stream: VideoStream | AudioStream) -> dict[str, object]:
    return {"name": _NAMES.get(stream.codec or "", (stream.codec or "this codec").upper())}


def _left_out(stream: Mapping[str, object]) -> str:
    if stream.get("decoded") is False:
        return "It is of a kind that is not decoded here."
    if stream.get("attached_picture"):
        return "It is a cover."
    return "Only the first picture is used." if stream.get("type") == "video" else "It is no media."


def _listed(sounds: Sequence[AudioStream]) -> str:
    return ", ".join(f"{s.index} ({s.language})" if s.language else str(s.index) for s in sounds) or "none"


# -- the file as it is ------------------------------------------------------------------------------------

_CONTAINERS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "mp4": (frozenset({"h264", "hevc", "av1", "vp9"}), _MP4_SOUNDS),
    "webm": (frozenset({"vp8", "vp9", "av1"}), frozenset({"opus", "vorbis"})),
    "ogg": (frozenset(), frozenset({"opus", "vorbis", "flac"})),
    "mp3": (frozenset(), frozenset({"mp3"})),
    "flac": (frozenset(), frozenset({"flac"})),
    "aac": (frozenset(), frozenset({"aac"})),
}
"""Containers that browsers open: which pictures and sounds they take in them."""

_MATROSKA = frozenset({"video/x-matroska", "audio/x-matroska"})


def _container(facts: VideoFacts) -> str | None:
    # libav has one demuxer for Matroska and WebM: what the file calls itself is in its media type
    if facts.media_type in _MATROSKA:
        return None
    return next((name for name in _CONTAINERS if name in facts.demuxers), None)


def _plays(codec: str | None, asked: _Asked, kind: int) -> bool:
    container = _container(asked.facts)
    return container is not None and codec in _CONTAINERS[container][kind] and codec in asked.play


def _is_misstated(facts: VideoFacts) -> bool:
    stated, found = facts.stated_duration, facts.duration
    return stated is not None and found is not None and abs(stated - found) > _OFF


def _picture_fits(asked: _Asked) -> bool:
    video = asked.facts.video
    if video is None:
        return True
    allowed = _PIXELS.get(video.codec or "", frozenset())
    return _plays(video.codec, asked, 0) and video.pixel_format in allowed and not video.interlaced


def _sound_fits(asked: _Asked) -> bool:
    sound = asked.sound
    if sound is None:
        return True
    kind = sound.codec != "aac" or sound.codecs in _AAC
    return _plays(sound.codec, asked, 1) and kind and (sound.channels or 0) <= _MOST_CHANNELS


_ORIGINAL: _Rules[_Asked] = (
    (lambda a: _container(a.facts) is None, "Browsers do not open this kind of file."),
    (lambda a: _is_misstated(a.facts), "It does not last as long as it says."),
    (lambda a: abs(a.facts.start_time) > _LATE, "Its times do not begin at 0, which a browser would show."),
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
