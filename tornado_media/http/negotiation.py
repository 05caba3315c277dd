"""The Accept field of RFC 9110 section 12.5.1: how much a client wants each media type.

Asked where there is a choice: the format of a thumbnail, the form of a problem. This module must not know
what is offered, and it never refuses: a field that cannot be read is a client without a wish.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# https://www.rfc-editor.org/rfc/rfc9110.html#section-12.5.1
#
#    Accept        = #( media-range [ weight ] )
#    media-range   = ( "*/*" / ( type "/" "*" ) / ( type "/" subtype ) ) parameters
#    parameters    = *( OWS ";" OWS [ token "=" ( token / quoted-string ) ] )
#    weight        = OWS ";" OWS "q=" qvalue
#    qvalue        = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
#
# A quoted string may hold a comma or a semicolon; one without its end goes to the end of the field. The
# possessive quantifiers keep the time linear: what is read is never read again.
_quoted_string = r'"(?:[^"\\]|\\.|\\\Z)*+(?:"|\Z)'
_element = re.compile(rf'(?:[^,"]|{_quoted_string})++', re.DOTALL)
_piece = re.compile(rf'(?:[^;"]|{_quoted_string})++', re.DOTALL)
_type = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]++)/([!#$%&'*+\-.^_`|~0-9A-Za-z]++)")
_qvalue = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class _MediaRange:
    main: str
    sub: str
    parameters: frozenset[tuple[str, str]]
    weight: float

    @property
    def specificity(self) -> tuple[bool, bool, int]:
        return self.main != "*", self.sub != "*", len(self.parameters)

    def matches(self, offer: _MediaRange) -> bool:
        return (
            self.main in {"*", offer.main}
            and self.sub in {"*", offer.sub}
            and self.parameters <= offer.parameters
        )


def quality(accept: str | None, media_type: str) -> float:
    """How much the client wants a media type: 0.0 (not at all) to 1.0.

    The most specific range that matches decides, not the first and not the highest.

    Args:
        accept: the value of the Accept field. None, or a value that names no media range, accepts all.
        media_type: what is offered, with its parameters if it has any.
    """
    return _weight(_media_ranges(accept), media_type)


def best(accept: str | None, offered: Sequence[str]) -> str | None:
    """The media type that the client wants most, or None when it accepts none.

    Args:
        accept: the value of the Accept field, or None.
        offered: media types; of two that the client wants equally the earlier one is taken.
    """
    media_ranges = _media_ranges(accept)
    weights = [_weight(media_ranges, media_type) for media_type in offered]
    highest = max(weights, default=0.0)
    return offered[weights.index(highest)] if highest > 0 else None


def best_named(accept: str | None, offered: Sequence[str], plain: str) -> str:
    """The media type for a client of whom it is not known that it can use all that are offered.

    `*/*` and `image/*` were sent by clients long before there was WebP: they are no promise. So only what the
    client names counts, against what every client can use.

    Args:
        accept: the value of the Accept field, or None.
        offered: media types; of two that the client wants equally the earlier one is taken.
        plain: what every client can use; also the answer to a client that accepts nothing that there is.
    """
    media_ranges = _media_ranges(accept)
    named = {f"{media_range.main}/{media_range.sub}" for media_range in media_ranges}
    weights = {each: _weight(media_ranges, each) for each in offered if each in named}
    highest = max(weights.values(), default=0.0)
    if highest <= 0.0 or highest < _weight(media_ranges, plain):
        return plain
    return next(each for each, weight in weights.items() if weight == highest)


def _weight(media_ranges: Sequence[_MediaRange], media_type: str) -> float:
    if not media_ranges:
        return 1.0
    offer = _media_range(media_type)
    if offer is None:
        return 0.0
    matching = [media_range for media_range in media_ranges if media_range.matches(offer)]
    # The weight as the second key: a range that is named twice counts as the kinder one.
    decisive = max(
        matching, key=lambda media_range: (media_range.specificity, media_range.weight), default=None
    )
    return 0.0 if decisive is None else decisive.weight


def _media_ranges(accept: str | None) -> list[_MediaRange]:
    # An element that cannot be read is left out; the others still say what is wanted.
    elements = _element.findall(accept or "")
    return [found for element in elements if (found := _media_range(element)) is not None]


def _media_range(text: str) -> _MediaRange | None:
    # Parameters are compared without regard to case. The charset is left out: many clients ask for
    # `application/json; charset=utf-8`, and all the text that we make is UTF-8.
    pieces = [piece.strip(" \t").lower() for piece in _piece.findall(text)]
    match = _type.fullmatch(pieces[0]) if pieces else None
    if match is None or (match[1] == "*" and match[2] != "*"):
        return None
    parameters: set[tuple[str, str]] = set()
    for piece in pieces[1:]:
        name, _, value = piece.partition("=")
        if name == "q":  # what follows the weight was once an extension and means nothing (RFC 9110)
            if not _qvalue.fullmatch(value):
                return None
            return _MediaRange(match[1], match[2], frozenset(parameters), float(value))
        if piece and name != "charset":
            parameters.add((name, _unquote(value)))
    return _MediaRange(match[1], match[2], frozenset(parameters), 1.0)


def _unquote(value: str) -> str:
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", r"\1", value[1:].removesuffix('"'), flags=re.DOTALL)
