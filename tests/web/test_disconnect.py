"""Watching connections for their end, where descriptors come and go."""

import asyncio
import os
import socket

from tornado_media.web.disconnect import DisconnectWatch


async def left_within(connection, peer):
    """Whether the end of a peer is told to who watches the connection."""
    told = asyncio.Event()
    with DisconnectWatch.watching(connection, told.set):
        peer.close()
        async with asyncio.timeout(5):
            await told.wait()


async def test_a_peer_that_closes():
    connection, peer = socket.socketpair()
    await left_within(connection, peer)
    connection.close()


async def test_descriptor_that_is_another_connections_by_now():
    first, first_peer = socket.socketpair()
    with DisconnectWatch.watching(first, lambda: None):
        number = first.fileno()
        second, second_peer = socket.socketpair()
        # As when Tornado closes a socket, and the next one that is accepted gets its number.
        os.dup2(second.fileno(), number)
        with DisconnectWatch.watching(first, lambda: None):
            pass
        # The watch still works for who comes now, and is taken down only after all.
        await left_within(second, second_peer)
    assert not DisconnectWatch._of_loops
    for connection in (first, first_peer, second):
        connection.close()
