import asyncio
import os

from tornado_media.processes import stderr
from tornado_media.processes.stderr import StderrTail


async def test_the_end_is_kept_and_the_writer_never_blocks():
    tail = StderrTail()
    writer = os.dup(tail.write_end)
    tail.start()
    loop = asyncio.get_running_loop()
    for letter in b"abc":
        await loop.run_in_executor(None, os.write, writer, bytes([letter]) * 100_000)
    os.write(writer, b"\nlast words \xff")
    os.close(writer)
    tail.close()
    assert tail.text.endswith("last words \ufffd")
    assert len(tail.text) <= stderr.TAIL
    tail.close()


async def test_close_before_start_frees_both_ends():
    tail = StderrTail()
    tail.close()
    assert tail.text == ""
