"""Waiting for a full socket that somebody else owns."""

import asyncio
import socket

import pytest

from tornado_media.web.writable import Writable, _Watch


@pytest.fixture
def ends():
    """A full socket, and the one that takes from it."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    fill(ours)
    yield ours, theirs
    ours.close()
    theirs.close()


def fill(connection):
    try:
        while True:
            connection.send(bytes(65536))
    except BlockingIOError:
        return


def take_all(connection):
    while connection.recv(1 << 20, socket.MSG_DONTWAIT | socket.MSG_PEEK):
        connection.recv(1 << 20)
        try:
            connection.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        except BlockingIOError:
            return


async def waiting(writable):
    task = asyncio.ensure_future(writable.wait())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_a_wait_ends_when_there_is_room_and_so_does_the_next(ends):
    ours, theirs = ends
    writable = Writable(ours)
    for _ in range(3):
        task = await waiting(writable)
        take_all(theirs)
        await task
        fill(ours)
    writable.close()


async def test_a_socket_that_nobody_waits_for_is_silent(ends, monkeypatch):
    ours, theirs = ends
    calls = []
    ready = _Watch._ready
    monkeypatch.setattr(_Watch, "_ready", lambda self: calls.append(1) or ready(self))
    writable = Writable(ours)
    task = await waiting(writable)
    take_all(theirs)
    await task
    calls.clear()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not calls
    writable.close()


async def test_close_ends_a_wait(ends):
    writable = Writable(ends[0])
    task = await waiting(writable)
    writable.close()
    writable.close()
    await task


async def test_a_peer_that_leaves_ends_a_wait(ends):
    writable = Writable(ends[0])
    task = await waiting(writable)
    ends[1].close()
    await task
    writable.close()


async def test_one_that_waits_does_not_disturb_another(ends):
    first, second = Writable(ends[0]), Writable(ends[1])
    fill_back = ends[1]
    fill_back.setblocking(False)
    fill(fill_back)
    one, two = await waiting(first), await waiting(second)
    first.close()
    await one
    assert not two.done()
    take_all(ends[0])
    await two
    second.close()
    assert not _Watch._of_loops


async def test_a_number_that_is_used_again_belongs_to_the_new_socket(ends):
    """The first connection is closed by Tornado before its exchange has noticed."""
    pair = socket.socketpair()
    pair[0].setblocking(False)
    fill(pair[0])
    number = pair[0].fileno()
    first = Writable(pair[0])
    lost = await waiting(first)
    pair[0].close()
    again = socket.socketpair()
    assert again[0].fileno() == number
    again[0].setblocking(False)
    fill(again[0])
    second = Writable(again[0])
    task = await waiting(second)
    first.close()
    await lost
    take_all(again[1])
    await task
    second.close()
    for one in (pair[1], *again):
        one.close()
