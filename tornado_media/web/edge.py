"""The edge of a request: whatever happens inside becomes a response, an abort, or nothing at all.

This is the one place of the web side that catches everything. Before the headers a failure has a status;
after them it can only be an abort, or a cut film would look complete.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from tornado.web import RequestHandler

from tornado_media.errors import MediaError
from tornado_media.store.blocks import SourceChanged
from tornado_media.web.disconnect import while_connected
from tornado_media.web.exchange import WRITE_TIMEOUT, ClientGone, Exchange
from tornado_media.web.problem import send_problem

log = logging.getLogger("tornado_media")


class InternalError(MediaError):
    """A defect of this server (500)."""

    status_code = 500


async def answer(
    handler: RequestHandler,
    respond: Callable[[Exchange], Awaitable[None]],
    write_timeout: float = WRITE_TIMEOUT,
) -> None:
    """Respond to a request; returns when the response is complete, aborted, or wanted by nobody.

    Args:
        handler: of the request; nothing has been sent by it.
        respond: sends the response through the exchange; it is cancelled when the client leaves.
        write_timeout: seconds that the client may take nothing.
    """
    exchange = Exchange(handler, write_timeout)

    async def guarded() -> None:
        try:
            await respond(exchange)
        except MediaError as error:
            await _failed(exchange, handler, error)
        except SourceChanged as change:
            await _failed(
                exchange, handler, InternalError("The source changed meanwhile.", private=str(change))
            )
        except ClientGone:
            raise
        except Exception as error:  # the edge of a request
            log.exception("%s: a defect of the server", _name(handler))
            await _failed(exchange, handler, InternalError("The server failed.", private=repr(error)))

    try:
        if not await while_connected(handler, guarded()):
            exchange.abort()
    except ClientGone:
        exchange.abort()
    finally:
        exchange.close()


async def _failed(exchange: Exchange, handler: RequestHandler, error: MediaError) -> None:
    if exchange.headers_sent:
        exchange.abort()
        log.warning("%s aborted: %s %s", _name(handler), error.detail, error.private)
        return
    # What has no private text is told to the client in full: a full queue must not fill the log.
    level = logging.WARNING if error.status_code >= 500 and error.private else logging.INFO
    log.log(level, "%s failed with %d: %s %s", _name(handler), error.status_code, error.detail, error.private)
    await send_problem(exchange, handler, error)


def _name(handler: RequestHandler) -> str:
    # ascii(): a target is somebody else's text and must not write lines of its own into the log.
    return f"{handler.request.method} {handler.request.uri!a}"
