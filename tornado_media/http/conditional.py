"""Preconditions of RFC 9110 section 13: may the request go on, or does the client have it already.

Asked by `delivery` once the representation is known and the response would be 2xx: with any other status
the preconditions are ignored (section 13.2.1). This module must not read a clock or a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

# https://www.rfc-editor.org/rfc/rfc9110.html#section-8.8.3
#
#    entity-tag = [ weak ] opaque-tag
#    weak       = %s"W/"
#    opaque-tag = DQUOTE *etagc DQUOTE
#    etagc      = %x21 / %x23-7E / obs-text
#
# A comma is an etagc, so a list of tags cannot be split at its commas.
_entity_tag = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_separator = re.compile(r"[ \t,]*")
_delimiter = re.compile(r"[ \t]*(?:,|\Z)")

# https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.7
#
#    HTTP-date    = IMF-fixdate / obs-date
#    IMF-fixdate  = day-name "," SP day SP month SP year SP time-of-day SP GMT
#    rfc850-date  = day-name-l "," SP day "-" month "-" 2DIGIT SP time-of-day SP GMT
#    asctime-date = day-name SP month SP ( 2DIGIT / ( SP 1DIGIT )) SP time-of-day SP year
#
# A recipient must accept all three. SP may be repeated: people write dates by hand. The name of the day is
# not compared with the date: it says nothing that the date does not say.
_SHORT_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_day_name, _day_name_l = "|".join(_SHORT_DAYS), "|".join(_LONG_DAYS)
_month = f"(?P<month>{'|'.join(_MONTHS)})"
_time_of_day = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_http_dates = (
    re.compile(f"(?:{_day_name}), +(?P<day>[0-9]{{2}}) +{_month} +(?P<year>[0-9]{{4}}) +{_time_of_day} +GMT"),
    re.compile(f"(?:{_day_name_l}), +(?P<day>[0-9]{{2}})-{_month}-(?P<year>[0-9]{{2}}) +{_time_of_day} +GMT"),
    re.compile(f"(?:{_day_name}) +{_month} +(?P<day>[0-9]{{1,2}}) +{_time_of_day} +(?P<year>[0-9]{{4}})"),
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The first and the last second that four digits of a year can name.
_FIRST_SECOND = -62_135_596_800
_LAST_SECOND = 253_402_300_799

# A file that is written twice in one second has one Last-Modified for two contents. After the second is
# over this cannot happen any more; one more second for clocks that lag (the kernel stamps files with the
# time of its last tick).
_SETTLED_AFTER = 2


class Outcome(Enum):
    """What the preconditions say: go on, 304 Not Modified, or 412 Precondition Failed."""

    PROCEED = auto()
    NOT_MODIFIED = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class Validators:
    """What names the state of a representation.

    Args:
        entity_tag: with its quotes, `"1a2b"` or `W/"1a2b"`; None when it has none.
        last_modified: whole seconds since 1970 UTC, from `settled_last_modified`; None when not known.
    """

    entity_tag: str | None = None
    last_modified: int | None = None


def settled_last_modified(mtime_ns: int, now: float) -> int | None:
    """The Last-Modified of a file, or None while a second write could still have the same one.

    A date that is given out only once its second is over is a strong validator in the sense of section
    8.8.2.2, so If-Range may trust it. A modification time in the future is not given out either, which
    section 8.8.2.1 asks for. The entity tag serves in the meantime.

    Args:
        mtime_ns: modification time, nanoseconds since 1970.
        now: seconds since 1970.
    """
    second = mtime_ns // 1_000_000_000
    return second if now >= second + _SETTLED_AFTER else None


def evaluate(method: str, fields: Mapping[str, str], validators: Validators) -> Outcome:
    """Evaluate the preconditions in the order of section 13.2.2; its fifth step is `range_applies`.

    Args:
        method: of the request.
        fields: of the request, by their canonical names (`If-None-Match`) or without regard to case.
        validators: of the selected representation, which must exist.
    """
    if method in {"CONNECT", "OPTIONS", "TRACE"}:
        return Outcome.PROCEED  # they select no representation (section 13.2.1)
    reads = method in {"GET", "HEAD"}
    if not _unchanged(fields, validators):
        return Outcome.FAILED
    if (if_none_match := fields.get("If-None-Match")) is not None:
        if not _names(if_none_match, validators.entity_tag, weak=True):
            return Outcome.PROCEED
        return Outcome.NOT_MODIFIED if reads else Outcome.FAILED
    if reads and _is_fresh(fields.get("If-Modified-Since"), validators.last_modified):
        return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def equivalent_tag(fields: Mapping[str, str], key: str) -> str | None:
    """The tag by which a client shows that it has a result of this plan, whichever run made its bytes.

    A result's tag begins with the key of its plan. Two results of one plan are equivalent, which is what
    If-None-Match asks for (weak comparison, section 8.8.3.2), although their bytes may differ, for which
    If-Range and If-Match compare the whole tag.

    Args:
        fields: of the request.
        key: of the plan.

    Returns:
        The tag, quotes included and without `W/`, or None.
    """
    if "If-Match" in fields or "If-Unmodified-Since" in fields:
        return None
    for tag in entity_tags(fields.get("If-None-Match") or ""):
        opaque = tag.removeprefix("W/")
        if opaque.startswith(f'"{key}-'):
            return opaque
    return None


def range_applies(if_range: str | None, validators: Validators) -> bool:
    """Whether the Range field counts: the client's part and ours are of the same bytes (section 13.1.5).

    A tag is compared strongly. A date must be exactly ours; it is strong because `settled_last_modified`
    gives out no date that could still name two contents. Whatever is neither is a mismatch: the whole
    representation is sent, which is never wrong.

    Args:
        if_range: the value of the If-Range field, or None, with which every range applies.
        validators: of the selected representation.
    """
    if if_range is None:
        return True
    value = if_range.strip(" \t")
    if _entity_tag.fullmatch(value):
        return _same(value, validators.entity_tag, weak=False)
    date = parse_date(value)
    return date is not None and date == validators.last_modified


def entity_tags(field: str) -> tuple[str, ...]:
    """The entity tags of an If-Match or If-None-Match list, each with its quotes.

    A list that is malformed names the tags before the place where it breaks: they were said clearly.

    Args:
        field: the value of the field; `*` is not a list and has no tags.
    """
    tags = []
    position = _skip(_separator, field, 0)
    while match := _entity_tag.match(field, position):
        delimiter = _delimiter.match(field, match.end())
        if delimiter is None:
            break
        tags.append(match.group())
        position = _skip(_separator, field, delimiter.end())
    return tuple(tags)


def format_date(timestamp: int) -> str:
    """A date as every sender must write it (IMF-fixdate, section 5.6.7).

    Args:
        timestamp: seconds since 1970 UTC; a file can have a time that no date can name, and then the
            nearest date that can be named is written.
    """
    clamped = min(max(timestamp, _FIRST_SECOND), _LAST_SECOND)
    date = _EPOCH + timedelta(seconds=clamped)
    day_name, month = _SHORT_DAYS[date.weekday()], _MONTHS[date.month - 1]
    return f"{day_name}, {date.day:02} {month} {date.year:04} {date:%H:%M:%S} GMT"


def parse_date(text: str) -> int | None:
    """The seconds since 1970 UTC that a date names, or None when it is not an HTTP-date.

    Two digits of a year mean 1970 to 2069. Section 5.6.7 counts fifty years from today; there is no clock
    here, and nothing that is served was changed before 1970.

    Args:
        text: a field value in one of the three formats of section 5.6.7.
    """
    stripped = text.strip(" \t")
    for pattern in _http_dates:
        if match := pattern.fullmatch(stripped):
            return _seconds(match)
    return None


def _seconds(match: re.Match[str]) -> int | None:
    year, second = int(match["year"]), int(match["second"])
    if len(match["year"]) == 2:
        year += 2000 if year < 70 else 1900
    if second > 60:  # 60 is a leap second, which datetime does not know
        return None
    month = _MONTHS.index(match["month"]) + 1
    try:
        minute = datetime(
            year, month, int(match["day"]), int(match["hour"]), int(match["minute"]), tzinfo=UTC
        )
    except ValueError:  # the 30th of February
        return None
    return (minute - _EPOCH) // timedelta(seconds=1) + second


def _unchanged(fields: Mapping[str, str], validators: Validators) -> bool:
    # Steps 1 and 2: the date is not looked at when there are tags.
    if (if_match := fields.get("If-Match")) is not None:
        return _names(if_match, validators.entity_tag, weak=False)
    date = _date(fields.get("If-Unmodified-Since"))
    # A date that cannot be read or compared is ignored (section 13.1.4).
    return date is None or validators.last_modified is None or validators.last_modified <= date


def _is_fresh(if_modified_since: str | None, last_modified: int | None) -> bool:
    date = _date(if_modified_since)
    return date is not None and last_modified is not None and last_modified <= date


def _date(field: str | None) -> int | None:
    return None if field is None else parse_date(field)


def _names(field: str, entity_tag: str | None, *, weak: bool) -> bool:
    # `*` names any representation that exists, even one without a tag.
    if field.strip(" \t") == "*":
        return True
    return any(_same(tag, entity_tag, weak=weak) for tag in entity_tags(field))


def _same(tag: str, entity_tag: str | None, *, weak: bool) -> bool:
    # Section 8.8.3.2: weak comparison looks at the opaque tags only; strong needs both to be strong.
    if entity_tag is None:
        return False
    if weak:
        return tag.removeprefix("W/") == entity_tag.removeprefix("W/")
    return tag == entity_tag and not tag.startswith("W/")


def _skip(pattern: re.Pattern[str], field: str, position: int) -> int:
    match = pattern.match(field, position)
    return position if match is None else match.end()
