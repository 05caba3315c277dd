"""Notices that a client has left, also when Tornado cannot: after a pipelined second request.

Tornado listens for the end of a connection only while its read buffer is empty. One byte that the client
sent after its request, a pipelined GET for instance, and a disconnect goes unnoticed until the next write
fails, which may be never while a program is silent. So each connection that waits is also watched here, by
one epoll of our own for EPOLLRDHUP. Where there is no epoll, Tornado's own way has to do.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from tornado.iostream import IOStream
from tornado.web import RequestHandler

from tornado_media.web.exchange import connection_of


class DisconnectWatch:
    """One epoll for all watched connections of a loop. It exists while there are any."""

    _of_loops: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, DisconnectWatch]] = WeakKeyDictionary()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[], None]] = {}
        # Not the number of callbacks: two connections may have one descriptor, when Tornado has closed the
        # first and its handler still cleans up.
        self._watched = 0
        loop.add_reader(self._epoll.fileno(), self._ready)

    @classmethod
    @contextmanager
    def watching(cls, connection: socket.socket, left: Callable[[], None]) -> Iterator[None]:
        """Call `left` on the loop, at most once, when the peer closes, resets or half-closes."""
        loop = asyncio.get_running_loop()
        watch = cls._of_loops.get(loop)
        if watch is None:
            watch = cls._of_loops[loop] = cls(loop)
        descriptor = connection.fileno()
        watch._watched += 1
        try:
            watch._add(descriptor, left)
            yield
        finally:
            watch._remove(descriptor, left)
            watch._watched -= 1
            if not watch._watched:
                del cls._of_loops[loop]
                loop.remove_reader(watch._epoll.fileno())
                watch._epoll.close()

    def _add(self, descriptor: int, left: Callable[[], None]) -> None:
        self._callbacks[descriptor] = left
        self._epoll.register(descriptor, select.EPOLLRDHUP)

    def _remove(self, descriptor: int, left: Callable[[], None]) -> None:
        # Tornado may have closed the socket, and its number may be another connection's by now.
        if self._callbacks.get(descriptor) is left:
            del self._callbacks[descriptor]
            self._unregister(descriptor)

    def _unregister(self, descriptor: int) -> None:
        try:
            self._epoll.unregister(descriptor)
        except OSError:
            # Tornado has closed the socket, which took it out of the epoll.
            return

    def _ready(self) -> None:
        for descriptor, _ in self._epoll.poll(0):
            self._unregister(descriptor)
            self._callbacks[descriptor]()


async def while_connected(handler: RequestHandler, work: Coroutine[Any, Any, None]) -> bool:
    """Run work for a request; cancel it at once when the client leaves.

    Args:
        handler: whose client is watched.
        work: what is done for it.

    Returns:
        Whether the work came to its end; False when the client left before.
    """
    task = asyncio.ensure_future(work)
    gone = False

    def left() -> None:
        nonlocal gone
        # Once: a second time would interrupt the cleaning up.
        if not gone and not task.done():
            gone = True
            task.cancel()

    with _watching(handler, left):
        try:
            await task
        except asyncio.CancelledError:
            if not gone:
                raise
            return False
    return True


@contextmanager
def _watching(handler: RequestHandler, left: Callable[[], None]) -> Iterator[None]:
    connection = connection_of(handler)

    def closed() -> None:
        handler.on_connection_close()
        left()

    # Both ways are needed: when Tornado closes the socket first, it is gone from the epoll without a word.
    connection.set_close_callback(closed)
    stream = connection.stream
    try:
        if stream is None or stream.closed():
            left()
            yield
        elif isinstance(stream, IOStream) and hasattr(select, "epoll"):
            with DisconnectWatch.watching(stream.socket, left):
                yield
        else:
            yield
    finally:
        connection.set_close_callback(handler.on_connection_close)
