"""The read end of a pipe, where its bytes stay and where they are read."""

import asyncio
import os

import pytest

from tornado_media.processes.output import BufferedOutput, PipeOutput, open_output
from tornado_media.store.blocks import InMemory, InPipe, read_block
from tornado_media.store.spool_file import rest, taken

KINDS = [PipeOutput, BufferedOutput]


def pipe(kind):
    read_end, write_end = os.pipe()
    return kind(read_end), os.fdopen(write_end, "wb", buffering=0)


async def content(block):
    buffer = bytearray(block.length)
    await read_block(block, memoryview(buffer))
    return bytes(buffer)


async def waiting(output):
    """A `next` that waits already."""
    task = asyncio.ensure_future(output.next(100))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not task.done()
    return task


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_there_then_what_comes_then_the_end(kind):
    output, writer = pipe(kind)
    writer.write(b"0123456789")
    assert await content(await output.next(4)) == b"0123"
    assert await content(await output.next(100)) == b"456789"
    task = await waiting(output)
    writer.write(b"more")
    assert await content(await task) == b"more"
    task = await waiting(output)
    writer.close()
    assert await task is None
    assert await output.next(100) is None
    output.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_bytes_before_the_end_are_not_lost(kind):
    output, writer = pipe(kind)
    writer.write(b"last")
    writer.close()
    assert await content(await output.next(100)) == b"last"
    assert await output.next(100) is None
    output.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_close_ends_a_wait_and_frees_the_descriptor(kind):
    output, writer = pipe(kind)
    descriptor = output.fileno()
    task = await waiting(output)
    output.close()
    with pytest.raises(OSError):
        os.fstat(descriptor)
    assert await task is None
    assert output.closed
    assert await output.next(100) is None
    output.close()
    with pytest.raises(BrokenPipeError):
        writer.write(b"x")
    writer.close()


async def test_a_number_that_is_used_again_is_not_watched_any_more():
    """The loop must not keep a registration for a descriptor that has been closed."""
    output, writer = pipe(PipeOutput)
    descriptor = output.fileno()
    task = await waiting(output)
    output.close()
    other, other_writer = os.pipe()
    assert other == descriptor
    assert asyncio.get_running_loop().remove_reader(descriptor) is False
    assert await task is None
    os.close(other)
    os.close(other_writer)
    writer.close()


async def test_a_block_that_is_taken_while_the_output_is_closed_is_of_the_same_pipe():
    read_end, write_end = os.pipe()
    output = PipeOutput(read_end)
    os.write(write_end, b"its bytes")
    block = await output.next(100)
    output.close()
    assert output.closed
    assert await output.next(100) is None
    other = os.open(os.devnull, os.O_RDONLY)
    assert other != read_end
    assert taken(rest(block, 4)) == b"its bytes"[:5]
    assert taken(rest(block, 5)) == b"ytes"
    del block
    assert os.dup(other) == read_end  # now it is closed
    for descriptor in (other, read_end, write_end):
        os.close(descriptor)


async def test_a_cancelled_wait_leaves_the_loop_and_the_bytes():
    output, writer = pipe(PipeOutput)
    task = await waiting(output)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert asyncio.get_running_loop().remove_reader(output.fileno()) is False
    writer.write(b"kept")
    assert await content(await output.next(100)) == b"kept"
    output.close()
    writer.close()


async def test_the_bytes_stay_in_the_pipe():
    output, writer = pipe(open_output)
    writer.write(b"0123456789")
    assert await output.next(6) == InPipe(output.fileno(), 6)
    assert os.read(output.fileno(), 100) == b"0123456789"
    output.close()
    writer.close()


async def test_without_splice_they_are_read(monkeypatch):
    monkeypatch.delattr(os, "splice")
    output, writer = pipe(open_output)
    writer.write(b"0123456789")
    assert await output.next(6) == InMemory(memoryview(b"012345"))
    output.close()
    writer.close()


async def test_bytes_that_come_between_the_two_questions_are_given(monkeypatch):
    """FIONREAD says 0, then they come, then the read that looks for the end finds them."""
    from tornado_media.processes import output as module

    output, writer = pipe(PipeOutput)
    monkeypatch.setattr(module, "_waiting_in", lambda pipe: writer.write(b"now") and 0)
    assert await output.next(100) == InMemory(memoryview(b"now"))
    output.close()
    writer.close()


@pytest.fixture(scope="session")
def uvloop():
    """The module; its first loop of a process makes a pipe that stays."""
    uvloop = pytest.importorskip("uvloop")
    uvloop.new_event_loop().close()
    return uvloop


@pytest.mark.parametrize("kind", KINDS)
async def test_uvloop_does_too(kind, uvloop):
    async def all_of_it():
        output, writer = pipe(kind)
        task = asyncio.ensure_future(output.next(100))
        await asyncio.sleep(0)
        writer.write(b"x")
        block = await task
        assert await content(block) == b"x"
        task = asyncio.ensure_future(output.next(100))
        await asyncio.sleep(0)
        output.close()
        assert await task is None
        writer.close()

    def run():
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(all_of_it())

    await asyncio.to_thread(run)
