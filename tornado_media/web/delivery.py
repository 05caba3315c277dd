"""A representation becomes a response. Last station: conditions, ranges, headers, then the content.

The rules are pure code in `http/`; here they are asked in the order of RFC 9110 section 13.2.2 and their
answers are sent. A range of what is still being made is answered from the bytes that are there, and one of
a stream that does not run is refused before a program is started for it: a range never makes a job.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from tornado.httputil import HTTPHeaders
from tornado.web import RequestHandler

from tornado_media.http import account as told
from tornado_media.http.conditional import Outcome, Validators, evaluate, format_date, range_applies
from tornado_media.http.fields import is_active
from tornado_media.http.ranges import (
    UNKNOWN_END,
    ByteRange,
    RangeNotSatisfiable,
    content_range,
    multipart_byteranges,
    parse_growing_range,
    parse_range,
)
from tornado_media.store.representation import Growth, Representation
from tornado_media.web.exchange import Exchange
from tornado_media.web.problem import send_problem_content

Fields = dict[str, str | None]


async def deliver(
    exchange: Exchange, handler: RequestHandler, representation: Representation, extra: Mapping[str, str] = {}
) -> None:
    """Answer a GET or HEAD with a representation, or with what its conditions and ranges call for.

    Args:
        exchange: of the request; nothing has been sent.
        handler: of the request.
        representation: closed here, on every path.
        extra: more header fields of a response with content.

    Raises:
        ClientGone: there is nobody to send to.
        Exception: what a reader raises; the headers may be out by then.
    """
    try:
        await _deliver(exchange, handler, representation, extra)
    finally:
        await representation.close()


async def deliver_head(exchange: Exchange, media_type: str, cache_control: str, streams: bool) -> None:
    """Answer a HEAD whose content does not exist yet, without making it (RFC 9110 section 9.3.2)."""
    fields = common_fields(media_type, cache_control)
    if streams:
        fields["Accept-Ranges"] = "none"
    await exchange.send_headers(200, fields)
    await exchange.finish()


async def deliver_equivalent(exchange: Exchange, entity_tag: str, cache_control: str) -> None:
    """Answer 304: the client has a result of the same plan, so none is looked for and none is made."""
    exchange.account.cache = told.EQUIVALENT
    fields: Fields = {"Content-Type": None, "ETag": entity_tag, "Cache-Control": cache_control}
    await exchange.send_headers(304, fields)
    await exchange.finish()


async def refuse_range(exchange: Exchange, handler: RequestHandler) -> bool:
    """Answer 416 to a range that does not begin at the first byte of a stream that does not run.

    A browser that lost a live stream asks for the rest of it. A 200 would start a program anew and be read
    as if it were the same bytes; a 416 makes the player ask for what it wants. Ranges from 0 without an end
    are what browsers send first: they get the stream.

    Returns:
        Whether it was refused, so that nothing is left to do.
    """
    headers = handler.request.headers
    if handler.request.method != "GET" or "If-Range" in headers:
        # No bytes exist, so an If-Range is never met and the range does not count.
        return False
    try:
        if parse_growing_range(headers.get("Range")) is None:
            return False
    except RangeNotSatisfiable:
        pass
    await _refuse_growing(exchange, handler)
    return True


async def _refuse_growing(exchange: Exchange, handler: RequestHandler) -> None:
    detail = "These bytes are not there, and the length of this stream is unknown: ask for it without Range."
    await send_problem_content(exchange, handler, 416, detail, {"Accept-Ranges": "none"})


async def _deliver(
    exchange: Exchange, handler: RequestHandler, representation: Representation, extra: Mapping[str, str]
) -> None:
    request = handler.request
    outcome = evaluate(request.method or "GET", request.headers, representation.validators)
    validators = _validator_fields(representation.validators)
    if outcome is Outcome.FAILED:
        detail = "The source is not what If-Match or If-Unmodified-Since names any more."
        await send_problem_content(exchange, handler, 412, detail, validators)
        return
    if outcome is Outcome.NOT_MODIFIED:
        cache_control = {"Cache-Control": representation.cache_control}
        await exchange.send_headers(304, {"Content-Type": None, **validators, **cache_control})
        await exchange.finish()
        return
    fields = {
        **common_fields(representation.media_type, representation.cache_control),
        **validators,
        **extra,
    }
    length = representation.complete_length
    if length is None and representation.growth is not None:
        length = await _deliver_growing(exchange, handler, representation, representation.growth, fields)
        if length is None:
            return
        representation = replace(representation, complete_length=length, growth=None)
    if length is None:
        await exchange.send_part(200, {**fields, "Accept-Ranges": "none"}, representation, 0, None)
        return
    fields["Accept-Ranges"] = "bytes"
    try:
        ranges = _ranges(handler, request.headers, representation.validators, length)
    except RangeNotSatisfiable:
        unsatisfied = {**validators, "Content-Range": content_range(None, length), "Accept-Ranges": "bytes"}
        detail = f"The range lies outside of the content, which has {length} bytes."
        await send_problem_content(exchange, handler, 416, detail, unsatisfied)
        return
    if ranges is None:
        await exchange.send_part(200, fields, representation, 0, length)
    elif len(ranges) == 1:
        await _send_range(exchange, representation, ranges[0], fields)
    else:
        await _send_multipart(exchange, representation, ranges, fields)


async def _deliver_growing(
    exchange: Exchange,
    handler: RequestHandler,
    representation: Representation,
    growth: Growth,
    fields: Fields,
) -> int | None:
    """Answer from bytes that are still being made: all of them as they come, or a range of what is there.

    Returns:
        None when it has been answered; the length in bytes when they have become complete while a range of
        them was waited for: then nothing has been sent.

    Raises:
        MediaError: the job has failed meanwhile.
    """
    headers, spool = handler.request.headers, growth.spool
    applies = handler.request.method == "GET" and range_applies(
        headers.get("If-Range"), representation.validators
    )
    wanted: ByteRange | None = _NO_RANGE
    with suppress(RangeNotSatisfiable):
        wanted = parse_growing_range(headers.get("Range")) if applies else None
    if wanted is None:
        await exchange.send_part(200, {**fields, "Accept-Ranges": "none"}, representation, 0, None)
        return None
    # The writer follows its furthest reader: one that asks for what is far away must not draw it there.
    is_near = wanted.first_pos - spool.length <= growth.near
    reader = representation.open(wanted.first_pos if is_near else 0)
    try:
        await _wait_for(wanted, growth)
        if spool.failure is not None:
            raise spool.failure.with_traceback(None)
        if spool.complete:
            return spool.length
        if not spool.first_pos <= wanted.first_pos < spool.length:
            await _refuse_growing(exchange, handler)
            return None
        there = ByteRange(wanted.first_pos, min(wanted.last_pos, spool.length - 1))
        fields["Content-Range"] = content_range(there, None)
        fields["Content-Length"] = str(there.length)
        await exchange.send_headers(206, fields)
        await exchange.send_content(reader, there.length)
        await exchange.finish()
    finally:
        await reader.close()
    return None


# A range that only the length can make sense of, as the last bytes; it lies behind every end.
_NO_RANGE = ByteRange(UNKNOWN_END, UNKNOWN_END)


async def _wait_for(wanted: ByteRange, growth: Growth) -> None:
    """Wait for a range whose bytes will come soon: all of it, or its beginning where it has no end.

    What does not stream is waited for as a whole: then the length can be told, without which a proxy that
    asks for slices, and Safari, can do nothing with a range.
    """
    spool = growth.spool
    while not growth.streams and spool.keeps and not spool.complete and spool.failure is None:
        await spool.reach(spool.length)
    for position in (wanted.first_pos, wanted.last_pos):
        if position - spool.length > growth.near:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(growth.stall):
                await spool.reach(position)


def _ranges(
    handler: RequestHandler, headers: HTTPHeaders, validators: Validators, length: int
) -> tuple[ByteRange, ...] | None:
    if handler.request.method != "GET" or not range_applies(headers.get("If-Range"), validators):
        return None
    return parse_range(headers.get("Range"), length)


async def _send_range(
    exchange: Exchange, representation: Representation, byte_range: ByteRange, fields: Fields
) -> None:
    fields["Content-Range"] = content_range(byte_range, representation.complete_length)
    await exchange.send_part(206, fields, representation, byte_range.first_pos, byte_range.length)


async def _send_multipart(
    exchange: Exchange, representation: Representation, ranges: tuple[ByteRange, ...], fields: Fields
) -> None:
    multipart = multipart_byteranges(
        ranges, representation.complete_length, representation.media_type, secrets.token_hex(16)
    )
    fields["Content-Type"] = multipart.media_type
    fields["Content-Length"] = str(multipart.content_length)
    await exchange.send_headers(206, fields)
    for head, byte_range in multipart.parts:
        await exchange.send_bytes(head)
        await exchange.send_from(representation, byte_range.first_pos, byte_range.length)
    await exchange.send_bytes(multipart.closing)
    await exchange.finish()


def common_fields(media_type: str, cache_control: str) -> Fields:
    """The header fields of every response with content of this media type."""
    fields: Fields = {
        "Content-Type": media_type,
        "Cache-Control": cache_control,
        # The type is told by the content already; a browser that guesses again could find a script.
        "X-Content-Type-Options": "nosniff",
    }
    if is_active(media_type):
        # Somebody else's HTML or SVG, shown under our name: no script, no plugin, no own origin.
        fields["Content-Security-Policy"] = (
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        )
    return fields


def _validator_fields(validators: Validators) -> Fields:
    fields: Fields = {}
    if validators.entity_tag is not None:
        fields["ETag"] = validators.entity_tag
    if validators.last_modified is not None:
        fields["Last-Modified"] = format_date(validators.last_modified)
    return fields
