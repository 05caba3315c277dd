"""What a film is offered as over HLS: the multivariant playlist, with its qualities, sounds and texts. Pure.

Which segments each of them has is for `renditions`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tornado_media.errors import SourceUnusable
from tornado_media.formats.decide import Decision, decide
from tornado_media.formats.facts import AudioStream, VideoFacts, VideoStream
from tornado_media.formats.hls import Rendition, Variant, multivariant, reference
from tornado_media.formats.languages import language_tag
from tornado_media.formats.renditions import copied, grid, picture_of
from tornado_media.formats.rungs import rungs

AUDIO_CODEC = "mp4a.40.2"
AUDIO_BITS = 160_000
"""Bits a second that a segment of it may have: 128 kbit/s, its peaks and its boxes."""

_PEAK = 1.25
"""What a segment of a sound has more than the mean."""

_MOST_BITS = {"mp3": 320_000, "ac3": 640_000, "eac3": 1_024_000, "opus": 510_000}
"""Bits a second that a codec is used with at most."""

_BOXES = 1.02
"""What the boxes around copied samples add."""

_EASY = 10_000_000
"""Bits a second: a copied picture below is what a player begins with."""

_FIRST = 720
"""Lines: what a player begins with where a picture is encoded, or the next one below."""


def main_playlist(facts: VideoFacts, play: frozenset[str], audio: str) -> str:
    """The multivariant playlist of a film: its qualities, sounds and texts.

    Args:
        facts: what the probe has found.
        play: what the client can play.
        audio: which sound is the usual one; `off` for none.

    Raises:
        SourceUnusable: there is neither picture nor sound that could be offered.
    """
    decision = decide(facts, play, audio)
    sounds = list(_sounds(facts, decision, audio))
    texts = list(_texts(facts))
    if facts.video is None:
        if not sounds:
            raise SourceUnusable("There is neither video nor sound in this source.")
        usual = next((s for s in sounds if s.rendition.default), sounds[0])
        alone = Variant(usual.rendition.uri, usual.bits, usual.bits, (usual.codecs,))
        return multivariant([alone])
    variants = [_with_sound(variant, sounds, bool(texts)) for variant in _pictures(facts, decision)]
    return multivariant(variants, [*(sound.rendition for sound in sounds), *texts])


@dataclass(frozen=True, slots=True)
class _Sound:
    rendition: Rendition
    codecs: str
    bits: int


def _sounds(facts: VideoFacts, decision: Decision, audio: str) -> Iterator[_Sound]:
    if audio == "off":
        return
    names: set[str] = set()
    for stream, choice in zip(facts.audio, decision.audio, strict=True):
        language = language_tag(stream.language)
        name = _name(stream.title, language, len(names) + 1, "Sound", names)
        rendition = Rendition(
            "AUDIO",
            reference("playlist", stream=stream.index, copy=choice.copy or None),
            name,
            language,
            default=stream.index == decision.usual_audio,
            channels=stream.channels if choice.copy else 2,
        )
        codecs = stream.codecs if choice.copy else None
        yield _Sound(rendition, codecs or AUDIO_CODEC, _copied_bits(stream) if choice.copy else AUDIO_BITS)


def _copied_bits(stream: AudioStream) -> int:
    """Bits a second that a segment of a copied sound has at most; a guess where the file does not say any."""
    if stream.bit_rate:
        return math.ceil(stream.bit_rate * _PEAK)
    if stream.codec == "flac":  # of what it is compressed from
        return (stream.sample_rate or 48_000) * (stream.channels or 2) * 16
    return _MOST_BITS.get(stream.codec or "", 2 * AUDIO_BITS)


def _texts(facts: VideoFacts) -> Iterator[Rendition]:
    names: set[str] = set()
    for stream in facts.subtitles:
        if stream.text:
            language = language_tag(stream.language)
            name = _name(stream.title, language, len(names) + 1, "Subtitles", names)
            uri = reference("playlist", stream=stream.index)
            yield Rendition("SUBTITLES", uri, name, language, stream.default, stream.forced)


def _name(title: str | None, language: str | None, number: int, kind: str, names: set[str]) -> str:
    """A name for people that no other rendition of the kind has."""
    wanted = title or language or f"{kind} {number}"
    name = wanted if wanted not in names else f"{wanted} {number}"
    names.add(name)
    return name


def _pictures(facts: VideoFacts, decision: Decision) -> list[Variant]:
    """All qualities; first the one that a player begins with."""
    picture, lines, offered = picture_of(facts), grid(facts), rungs(facts)
    found = [
        Variant(
            reference("playlist", height=rung.height),
            rung.bandwidth,
            rung.average,
            (rung.codecs,),
            rung.width,
            rung.height,
            lines.rate,
        )
        for rung in offered
    ]
    usual = next((n for n, rung in enumerate(offered) if min(rung.width, rung.height) <= _FIRST), 0)
    found.insert(0, found.pop(usual))
    if decision.video is not None and decision.video.copy:
        own = _as_it_is(facts, picture)
        found = [each for each in found if each.height != own.height]
        found.insert(0 if own.bandwidth <= _EASY or not found else 1, own)
    return found


def _as_it_is(facts: VideoFacts, picture: VideoStream) -> Variant:
    segments = copied(facts)
    peak = max(8 * cut.size / max(cut.end - cut.begin, 0.1) for cut in segments)
    length = max(segments[-1].end - segments[0].begin, 0.1)
    mean = 8 * sum(cut.size for cut in segments) / length
    return Variant(
        reference("playlist", stream=picture.index, copy=True),
        math.ceil(peak * _BOXES),
        math.ceil(mean * _BOXES),
        (picture.codecs,) if picture.codecs else (),
        picture.width,
        picture.height,
        picture.frame_rate,
        hdr={"pq": "PQ", "hlg": "HLG"}.get(picture.hdr or ""),
    )


def _with_sound(variant: Variant, sounds: Sequence[_Sound], texts: bool) -> Variant:
    loudest = max((sound.bits for sound in sounds), default=0)
    return replace(
        variant,
        bandwidth=variant.bandwidth + loudest,
        average=variant.average + loudest,
        codecs=(*variant.codecs, *dict.fromkeys(sound.codecs for sound in sounds)),
        audio=bool(sounds),
        subtitles=texts,
    )
