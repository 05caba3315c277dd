"""One process that serves: listens, tells its address, and goes down in order.

SIGTERM or SIGINT: stop accepting at once, let what runs end for the drain time, abort the rest, exit with 0.
A second signal does not wait.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
from collections.abc import Callable

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from tornado_media.app import Media, application
from tornado_media.config import Config

log = logging.getLogger("tornado_media")

MAX_HEADER = 16 * 1024
"""Bytes of a request's header section, as nginx and node have it (8 and 16 KiB)."""

MAX_CONTENT = 64 * 1024
"""Bytes of a request's content: nothing here reads one."""


def run(config: Config, address: str, port: int, tell: Callable[[str], None]) -> int:
    """Serve until a signal comes.

    Args:
        config: what is served.
        address: to listen on.
        port: to listen on; 0 takes a free one.
        tell: gets the line that says where we listen.

    Returns:
        The exit status.

    Raises:
        OSError: the address cannot be had.
    """
    _more_descriptors()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(config, address, port, tell))


async def _serve(config: Config, address: str, port: int, tell: Callable[[str], None]) -> int:
    media = Media(config)
    server = HTTPServer(
        media.hot.in_front_of(application(media)),
        idle_connection_timeout=config.server.idle_timeout,
        body_timeout=config.server.idle_timeout,
        max_header_size=MAX_HEADER,
        max_body_size=MAX_CONTENT,
    )
    stop, hurry = asyncio.Event(), asyncio.Event()

    def signalled() -> None:
        (hurry if stop.is_set() else stop).set()

    # What is here now stays for the life of the process: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled)
    try:
        sockets = bind_sockets(port, address)
        server.add_sockets(sockets)
        media.start()
        where = sockets[0].getsockname()
        for source in config.sources.values():
            tell(f"tornado_media serves {source.root} at {_url(where[0], where[1])}{source.prefix[1:]}")
        tell(f"Gallery: {_url(where[0], where[1])}-/   (Ctrl-C stops)")
        await stop.wait()
        log.info("stopping: what runs has %g s to end", config.server.drain)
        server.stop()
        drained = asyncio.ensure_future(media.jobs.drain(config.server.drain))
        hurried = asyncio.ensure_future(hurry.wait())
        await asyncio.wait([drained, hurried], return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
        hurried.cancel()
        await asyncio.gather(drained, hurried, return_exceptions=True)
    finally:
        await media.close()
        await server.close_all_connections()
    return 0


def _url(address: str, port: int) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{port}/"


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _more_descriptors() -> None:
    # A stream takes about five; the soft limit is 1024 on most systems for the sake of select(2).
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
