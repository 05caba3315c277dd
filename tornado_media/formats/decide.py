"""What is done to a film before a client can play it, stream by stream, and why. Pure.

Each rule is a row: when it holds, and the sentence that is told then. The first one that holds decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from tornado_media.errors import BadRequest
from tornado_media.formats.browsers import AAC, LATE, MOST_CHANNELS, MP4_PICTURES, MP4_SOUNDS, PIXELS, PLAYED
from tornado_media.formats.facts import AudioStream, VideoFacts, VideoStream
from tornado_media.formats.languages import same_language
from tornado_media.formats.originals import Asked, why_not
from tornado_media.formats.reasons import Rules, first

How = Literal["original", "remux", "transcode", "none"]

LONGEST_GROUP = 10.0
"""Seconds from one sync sample to the next in a picture that is copied: so long may a segment be."""

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
    not_as_it_is = why_not(Asked(facts, play, usual))
    if not_as_it_is is None:
        why = "The client plays the file as it is."
        return Decision("original", why, video, sounds, None if usual is None else usual.index)
    used = [video, *(choice for choice in sounds if usual is not None and choice.index == usual.index)]
    encoded = [choice.why for choice in used if choice is not None and not choice.copy]
    how: How = "transcode" if encoded else "remux"
    return Decision(
        how, " ".join(encoded) or not_as_it_is, video, sounds, None if usual is None else usual.index
    )


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


# -- one stream -------------------------------------------------------------------------------------------

_PICTURE: Rules[VideoStream] = (
    (lambda s: s.codec not in MP4_PICTURES, "{name} cannot be in fragmented MP4."),
    (lambda s: s.codecs is None, "Nothing in the file says which {name} this is."),
    (lambda s: s.pixel_format not in PIXELS[s.codec or ""], "Browsers do not decode {name} in {pixels}."),
    (lambda s: s.interlaced, "It is interlaced, which browsers show as combs."),
    (lambda s: s.hdr == "dolby_vision", "Its colours are those of Dolby Vision, which few screens know."),
    (lambda s: s.rotation != 0, "It is turned, which not every player does with fragments."),
)
"""Why a picture is not copied at all."""

_UNCUT: Rules[VideoStream] = (
    (lambda s: s.sync_samples is None or not s.sync_samples.times, "It has no index, so it cannot be cut."),
    (lambda s: _first_sync(s) - s.start > LATE, "Its first frames need others that are not there."),
    (lambda s: _first_sync(s) < 0, "It begins before the film."),
    (lambda s: _first_sync(s) > LATE, "It begins after the film, which not every player of HLS heeds."),
    (lambda s: _longest_group(s) > LONGEST_GROUP, "It can be cut only every {longest:.0f} s."),
)
"""Why a picture is not copied in segments."""

_SOUND: Rules[AudioStream] = (
    (lambda s: s.codec not in MP4_SOUNDS, "{name} cannot be in fragmented MP4."),
    (lambda s: s.codecs is None, "Nothing in the file says which {name} this is."),
    (lambda s: s.codec == "aac" and s.codecs not in AAC, "Browsers do not decode this kind of AAC."),
    (lambda s: (s.channels or 0) > MOST_CHANNELS, "It has more than 8 channels."),
)


def _picture(stream: VideoStream, play: frozenset[str]) -> Choice:
    why = first(_PICTURE, stream) or _not_played(stream.codec, play)
    uncut = why or first(_UNCUT, stream)
    words = _words(stream) | {"pixels": stream.pixel_format, "longest": _longest_group(stream)}
    sentence = uncut or "The client plays {name}."
    return Choice(stream.index, uncut is None, sentence.format(**words), why is None)


def _sound(stream: AudioStream, play: frozenset[str]) -> Choice:
    why = first(_SOUND, stream) or _not_played(stream.codec, play)
    uncut = why or (
        "It begins after the film, which not every player of HLS heeds." if stream.start > LATE else None
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
