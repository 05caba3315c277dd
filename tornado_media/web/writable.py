"""Waits until a socket takes more, without getting into the way of Tornado, which owns it.

A loop has one registration for each descriptor, and Tornado's stream has it. A copy of the descriptor would
have to be closed before the connection could end. So all sockets that are full are in one epoll of our own,
which lives as long as there are any; a socket that Tornado closes leaves it by itself.
"""

from __future__ import annotations

import asyncio
import select
import socket
from contextlib import suppress
from typing import ClassVar
from weakref import WeakKeyDictionary


class Writable:
    """Waits for one socket.

    Args:
        connection: stays the caller's.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._descriptor = connection.fileno()
        self._watch: _Watch | None = None
        self._waiting: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        """Return when the socket takes more, when it has failed, or after `close`."""
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        if self._watch is None:
            self._watch = _Watch.of(loop)
            self._watch.add(self._descriptor, self)
        else:
            self._watch.again(self._descriptor)
        try:
            await self._waiting
        finally:
            self._waiting = None

    def wake(self) -> None:
        """End a wait."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def close(self) -> None:
        """Forget the socket. Idempotent."""
        if self._watch is not None:
            self._watch.remove(self._descriptor, self)
            self._watch = None
        self.wake()


class _Watch:
    """The epoll of a loop. Each wait asks for one event, so that a socket nobody waits for is silent."""

    _of_loops: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch]] = WeakKeyDictionary()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._waiters: dict[int, Writable] = {}
        loop.add_reader(self._epoll.fileno(), self._ready)

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> _Watch:
        """The one of this loop."""
        watch = cls._of_loops.get(loop)
        if watch is None:
            watch = cls._of_loops[loop] = cls(loop)
        return watch

    def add(self, descriptor: int, waiter: Writable) -> None:
        # The number may still be here for a socket that Tornado has closed: the new one takes its place.
        self._waiters[descriptor] = waiter
        self._epoll.register(descriptor, select.EPOLLOUT | select.EPOLLONESHOT)

    def again(self, descriptor: int) -> None:
        self._epoll.modify(descriptor, select.EPOLLOUT | select.EPOLLONESHOT)

    def remove(self, descriptor: int, waiter: Writable) -> None:
        if self._waiters.get(descriptor) is not waiter:
            return
        del self._waiters[descriptor]
        with suppress(OSError):
            # A socket that Tornado has closed is out of it already.
            self._epoll.unregister(descriptor)
        if not self._waiters:
            del self._of_loops[self._loop]
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()

    def _ready(self) -> None:
        for descriptor, _ in self._epoll.poll(0):
            self._waiters[descriptor].wake()
