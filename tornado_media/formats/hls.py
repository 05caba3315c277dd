"""HLS playlists as text: RFC 8216 and its second edition (draft-pantos-hls-rfc8216bis). Pure.

References are relative and have a query only, `?preset=segment&height=360&number=7`, so a playlist is right
behind any prefix, proxy or rewriting of paths.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from urllib.parse import urlencode

MEDIA_TYPE = "application/vnd.apple.mpegurl"

_VERSION = 7
"""Of the protocol: EXT-X-MAP outside of I-frame playlists came with 6, and Apple wants 7 for fMP4."""

_reference = re.compile(r'^\?[^\r\n]*|(?<=URI=")\?[^"]*', re.MULTILINE)
_unquotable = re.compile(r'[\x00-\x1f\x7f"]')


@dataclass(frozen=True, slots=True)
class Variant:
    """One quality of a film: EXT-X-STREAM-INF (RFC 8216 section 4.3.4.2).

    Args:
        uri: of its media playlist.
        bandwidth: bits a second that no segment exceeds, with the sound that goes with it.
        average: bits a second of all of it.
        codecs: RFC 6381 names of all its streams.
        width: pixels, as it is seen; None for sound only.
        height: likewise.
        rate: frames a second.
        hdr: `PQ` or `HLG`; None for a standard picture.
        audio: there is sound, in renditions of its own.
        subtitles: there are some.
    """

    uri: str
    bandwidth: int
    average: int
    codecs: tuple[str, ...]
    width: int | None = None
    height: int | None = None
    rate: Fraction | None = None
    hdr: str | None = None
    audio: bool = False
    subtitles: bool = False


@dataclass(frozen=True, slots=True)
class Rendition:
    """A sound or subtitles: EXT-X-MEDIA (RFC 8216 section 4.3.4.1).

    Args:
        kind: `AUDIO` or `SUBTITLES`.
        uri: of its media playlist.
        name: for people; unique in its kind.
        language: RFC 5646; None when unknown.
        default: played when the user has not chosen.
        forced: subtitles that are needed to follow the film.
        channels: of a sound.
    """

    kind: str
    uri: str
    name: str
    language: str | None = None
    default: bool = False
    forced: bool = False
    channels: int | None = None


def reference(preset: str, **values: object) -> str:
    """A relative reference to the same source; None values are left out, True is `on`."""
    said = {name: "on" if value is True else value for name, value in values.items() if value is not None}
    return "?" + urlencode({"preset": preset, **said}, safe=",")


def multivariant(variants: Iterable[Variant], renditions: Iterable[Rendition] = ()) -> str:
    """A multivariant playlist; the first variant is what a player begins with."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{_VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    lines += [_media(rendition) for rendition in renditions]
    for variant in variants:
        lines += [_stream_inf(variant), variant.uri]
    return "\n".join([*lines, ""])


def media_playlist(segments: Sequence[tuple[Fraction | float, str]], initialization: str | None) -> str:
    """A media playlist of something that is complete (VOD).

    Args:
        segments: seconds and the reference of each.
        initialization: reference of the initialization segment; None where there is none (WebVTT).
    """
    # Nearly all have the same length, and a film of hours has thousands: each length is looked at once.
    groups = [(seconds, [uri for _, uri in same]) for seconds, same in groupby(segments, key=itemgetter(0))]
    longest = max((math.floor(seconds + Fraction(1, 2)) for seconds, _ in groups), default=1)
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{_VERSION}",
        f"#EXT-X-TARGETDURATION:{max(1, longest)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    if initialization is not None:
        lines.append(f'#EXT-X-MAP:URI="{initialization}"')
    for seconds, uris in groups:
        told = f"#EXTINF:{float(seconds):.6f},"
        lines += [line for uri in uris for line in (told, uri)]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def references(playlist: str, changed: Callable[[str], str]) -> str:
    """A playlist with each of its references changed, to be signed for example.

    Args:
        playlist: of this module.
        changed: from a reference to another one.
    """
    return _reference.sub(lambda found: changed(found[0]), playlist)


def _media(rendition: Rendition) -> str:
    attributes = {
        "TYPE": rendition.kind,
        "GROUP-ID": _quoted(rendition.kind.lower()),
        "NAME": _quoted(rendition.name),
        "LANGUAGE": None if rendition.language is None else _quoted(rendition.language),
        "DEFAULT": "YES" if rendition.default else "NO",
        "AUTOSELECT": "YES",
        "FORCED": ("YES" if rendition.forced else "NO") if rendition.kind == "SUBTITLES" else None,
        "CHANNELS": None if rendition.channels is None else _quoted(str(rendition.channels)),
        "URI": _quoted(rendition.uri),
    }
    return f"#EXT-X-MEDIA:{_attributes(attributes)}"


def _stream_inf(variant: Variant) -> str:
    attributes = {
        "BANDWIDTH": str(variant.bandwidth),
        "AVERAGE-BANDWIDTH": str(variant.average),
        "CODECS": _quoted(",".join(variant.codecs)) if variant.codecs else None,
        "RESOLUTION": f"{variant.width}x{variant.height}" if variant.width else None,
        "FRAME-RATE": None if variant.rate is None else f"{float(variant.rate):.3f}",
        "VIDEO-RANGE": variant.hdr,
        "AUDIO": _quoted("audio") if variant.audio else None,
        "SUBTITLES": _quoted("subtitles") if variant.subtitles else None,
        "CLOSED-CAPTIONS": "NONE" if variant.width else None,
    }
    return f"#EXT-X-STREAM-INF:{_attributes(attributes)}"


def _attributes(attributes: dict[str, str | None]) -> str:
    return ",".join(f"{name}={value}" for name, value in attributes.items() if value is not None)


def _quoted(text: str) -> str:
    # A quoted string has no way to write these (RFC 8216 section 4.2).
    return '"' + _unquotable.sub(" ", text) + '"'
