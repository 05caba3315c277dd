import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.http.conditional import Validators
from tornado_media.store import representation
from tornado_media.store.representation import SourceChanged, of_bytes, of_file, read_all


async def read(reader, size):
    content, block = bytearray(), memoryview(bytearray(size))
    while read := await reader.read_into(block):
        content += block[:read]
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
        monkeypatch.setattr(representation, "_read_cached", lambda *_: None)
    size = os.fstat(file).st_size
    result = of_file(file, size, "a/b", Validators(), "")
    assert await read(result.open(offset), 65_537) == whole(file)[offset:]


async def test_readers_do_not_disturb_each_other(file):
    result = of_file(file, 1 << 20, "a/b", Validators(), "")
    one, two, block = result.open(0), result.open(512), memoryview(bytearray(256))
    for reader in (one, two, one, two):
        await reader.read_into(block)
        assert block == bytes(range(256))


async def test_a_file_that_grows_is_not_read_past_its_promise(file):
    result = of_file(file, 1 << 20, "a/b", Validators(), "")
    os.pwrite(file, b"more", 1 << 20)
    assert len(await read_all(result)) == 1 << 20


async def test_a_file_that_shrinks_is_an_error(file):
    result = of_file(file, 1 << 20, "a/b", Validators(), "")
    os.ftruncate(file, 1000)
    with pytest.raises(SourceChanged):
        await read_all(result)


@pytest.mark.parametrize("without", ["RWF_NOWAIT", "support"])
async def test_without_nowait_a_thread_reads(file, monkeypatch, without):
    if without == "RWF_NOWAIT":
        monkeypatch.setattr(representation, "_NO_WAIT", 0)
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
    reader, got, block = result.open(offset), b"", memoryview(bytearray(size))
    while step(reader.read_into(block)) != 0:
        got += bytes(block[: min(size, len(content) - offset - len(got))])
    assert got == content[offset:]


def step(coroutine):
    """The result of a coroutine that does not wait."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


def test_the_entity_tag_names_the_bytes():
    one, same, other = (of_bytes(text, "a/b", "") for text in (b"one", b"one", b"other"))
    assert one.validators == same.validators != other.validators
    assert one.validators.entity_tag.startswith('"')
