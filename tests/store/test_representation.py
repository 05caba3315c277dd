import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.http.conditional import Validators
from tornado_media.store import blocks
from tornado_media.store.blocks import InFile, InMemory, InPipe, SourceChanged, is_cached, read_block
from tornado_media.store.representation import of_bytes, of_file, read_all


async def read(reader, size):
    content, buffer = bytearray(), memoryview(bytearray(size))
    while block := await reader.next(size):
        assert 0 < block.length <= size
        content += buffer[: await read_block(block, buffer)]
    await reader.close()
    return bytes(content)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4096)
    descriptor = os.open(path, os.O_RDWR)
    yield descriptor
    os.close(descriptor)


def whole(descriptor):
    return os.pread(descriptor, 1 << 30, 0)


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("offset", [0, 1, 1_000_000, 1 << 20])
async def test_a_file_from_any_offset(file, offset, cached, monkeypatch):
    if not cached:
        monkeypatch.setattr(blocks, "_read_cached", lambda *_: None)
    size = os.fstat(file).st_size
    result = of_file(file, size, "a/b", Validators(), "")
    assert await read(result.open(offset), 65_537) == whole(file)[offset:]


async def test_readers_do_not_disturb_each_other(file):
    result = of_file(file, 1 << 20, "a/b", Validators(), "")
    one, two, buffer = result.open(0), result.open(512), memoryview(bytearray(256))
    for reader in (one, two, one, two):
        await read_block(await reader.next(256), buffer)
        assert buffer == bytes(range(256))


async def test_a_file_that_grows_is_not_read_past_its_promise(file):
    result = of_file(file, 1 << 20, "a/b", Validators(), "")
    os.pwrite(file, b"more", 1 << 20)
    assert len(await read_all(result)) == 1 << 20


async def test_a_file_that_shrinks_is_an_error(file):
    result = of_file(file, 1 << 20, "a/b", Validators(), "")
    os.ftruncate(file, 1000)
    with pytest.raises(SourceChanged):
        await read_all(result)


async def test_a_file_that_shrinks_after_the_block_was_given_is_an_error(file):
    block = await of_file(file, 1 << 20, "a/b", Validators(), "").open(0).next(4096)
    os.ftruncate(file, 1000)
    with pytest.raises(SourceChanged):
        await read_block(block, memoryview(bytearray(4096)))


@pytest.mark.parametrize("limit", [1 << 30, 65536, 1000])
@pytest.mark.parametrize("size", [10, 1 << 20])
async def test_a_file_rewritten_while_it_is_read_never_comes_to_its_end(file, size, limit):
    os.ftruncate(file, size)
    before = os.fstat(file).st_mtime_ns

    def changed():
        return os.fstat(file).st_mtime_ns != before

    reader = of_file(file, size, "a/b", Validators(), "", changed).open(0)
    got, buffer = 0, memoryview(bytearray(min(limit, size)))
    if size > 10:
        got += await read_block(await reader.next(limit), buffer)
    os.pwrite(file, b"new", 0)
    os.utime(file, ns=(before + 1, before + 1))
    with pytest.raises(SourceChanged):
        while block := await reader.next(limit):
            got += await read_block(block, buffer)
    assert got < size


async def test_a_file_rewritten_while_its_last_bytes_are_read_is_an_error(file):
    answers = iter([False, True])
    reader = of_file(file, 1 << 20, "a/b", Validators(), "", lambda: next(answers)).open((1 << 20) - 10)
    with pytest.raises(SourceChanged):
        await reader.next(100)


@pytest.mark.parametrize("size", [10, 1 << 20])
async def test_a_file_that_does_not_change_is_read_to_its_end(file, size):
    os.ftruncate(file, size)
    result = of_file(file, size, "a/b", Validators(), "", lambda: False)
    assert await read_all(result) == whole(file)


async def test_a_file_that_only_grew_is_no_change(file):
    result = of_file(file, 1 << 20, "a/b", Validators(), "", lambda: True)
    os.pwrite(file, b"more", 1 << 20)
    assert len(await read_all(result)) == 1 << 20


async def test_a_file_gives_as_much_as_is_wanted_at_once(file):
    result = of_file(file, 1 << 20, "a/b", Validators(), "")
    assert await result.open(5).next(1 << 30) == InFile(file, 5, (1 << 20) - 5)


async def test_blocks_of_all_kinds_are_read_into_a_buffer(file):
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.write(write_end, b"pipe and more")
    for block, expected in [
        (InMemory(memoryview(b"memory")), b"memory"),
        (InFile(file, 65, 3), b"ABC"),
        (InPipe(read_end, 4), b"pipe"),
    ]:
        buffer = bytearray(b"-" * 8)
        assert await read_block(block, memoryview(buffer)) == len(expected)
        assert buffer == expected.ljust(8, b"-")
    assert os.read(read_end, 100) == b" and more"
    os.close(read_end)
    os.close(write_end)


async def test_what_was_just_written_is_in_the_page_cache(file, monkeypatch):
    if is_cached(InFile(file, 0, 1 << 20)):
        monkeypatch.setattr(blocks, "_NO_WAIT", 0)
    assert not is_cached(InFile(file, 0, 1 << 20))


@pytest.mark.parametrize("without", ["RWF_NOWAIT", "support"])
async def test_without_nowait_a_thread_reads(file, monkeypatch, without):
    if without == "RWF_NOWAIT":
        monkeypatch.setattr(blocks, "_NO_WAIT", 0)
    else:

        def unsupported(*arguments):
            if len(arguments) == 4:
                raise OSError(95, "not supported")
            return preadv(*arguments)

        preadv = os.preadv
        monkeypatch.setattr(os, "preadv", unsupported)
    assert len(await read_all(of_file(file, 1 << 20, "a/b", Validators(), ""))) == 1 << 20


@given(st.binary(max_size=1000), st.integers(0, 1000), st.integers(1, 300))
def test_bytes_from_any_offset(content, offset, size):
    offset = min(offset, len(content))
    result = of_bytes(content, "a/b", "")
    assert result.complete_length == len(content)
    reader, got = result.open(offset), b""
    while block := step(reader.next(size)):
        assert 0 < block.length <= size
        got += block.view
    assert got == content[offset:]


def step(coroutine):
    """The result of a coroutine that does not wait."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


def test_an_entity_tag_that_is_known_already():
    assert of_bytes(b"x", "a/b", "", '"known"').validators.entity_tag == '"known"'


def test_the_entity_tag_names_the_bytes():
    one, same, other = (of_bytes(text, "a/b", "") for text in (b"one", b"one", b"other"))
    assert one.validators == same.validators != other.validators
    assert one.validators.entity_tag.startswith('"')
