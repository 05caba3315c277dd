"""A failure becomes a response: one status, one sentence, in the form that the client likes (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from tornado.web import RequestHandler

from tornado_media.errors import MediaError
from tornado_media.http.problem import problem_body
from tornado_media.web.exchange import Exchange

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


async def send_problem(exchange: Exchange, handler: RequestHandler, error: MediaError) -> None:
    """Send a failure. Its private text stays here.

    Raises:
        ClientGone: there is nobody to send to.
    """
    await send_problem_content(exchange, handler, error.status_code, error.detail, error.headers())


async def send_problem_content(
    exchange: Exchange,
    handler: RequestHandler,
    status: int,
    detail: str,
    fields: Mapping[str, str | None],
) -> None:
    """Send a status with one sentence.

    Raises:
        ClientGone: there is nobody to send to.
    """
    media_type, content = problem_body(
        status, HTTPStatus(status).phrase, detail, handler.request.headers.get("Accept")
    )
    own: dict[str, str | None] = {
        "Content-Type": media_type,
        "Cache-Control": "no-store",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": _POLICY,
    }
    await exchange.send_whole(status, {**own, **fields}, content)
