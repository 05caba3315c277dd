import os
import warnings

import pytest

from tornado_media.sources.local import Mount, Source, Sources

YEAR = 365 * 24 * 3600


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "1.txt"
    path.write_text("one")
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    return path


@pytest.fixture
def sources(tmp_path):
    found = Sources([Mount("all", "/", str(tmp_path), True)])
    yield found
    found.close()


def test_facts_of_a_file(sources, file):
    with sources.open("/1.txt") as source:
        status = file.stat()
        assert source.facts.path == "/1.txt"
        assert source.facts.absolute_path == str(file)
        assert source.facts.media_type == "text/plain"
        assert (source.facts.size, source.facts.mtime_ns) == (3, 1_700_000_000_123_456_789)
        assert (source.facts.inode, source.facts.device) == (status.st_ino, status.st_dev)
        assert source.last_modified == 1_700_000_000
        assert os.pread(source.file, 10, 0) == b"one"
        assert os.lseek(source.file, 0, os.SEEK_CUR) == 0  # a program reads it from its beginning
        assert not os.get_inheritable(source.file)
        assert os.get_blocking(source.file)


def test_closing_is_idempotent(sources, file):
    source = sources.open("/1.txt")
    assert repr(source) == f"<Source /1.txt open as {source.file}>"
    source.close()
    source.close()
    assert source.file == -1
    assert repr(source) == "<Source /1.txt closed>"
    sources.close()
    sources.close()


def test_a_source_outlives_its_mounts_and_its_name(sources, file):
    with sources.open("/1.txt") as source:
        sources.close()
        file.unlink()
        assert os.pread(source.file, 10, 0) == b"one"


def test_a_forgotten_source_warns(sources, file):
    source = sources.open("/1.txt")
    number = source.file
    with pytest.warns(ResourceWarning, match=r"unclosed <Source /1\.txt open as \d+>"):
        del source
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_a_closed_source_does_not_warn(sources, file):
    source = sources.open("/1.txt")
    source.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del source


def tag(sources):
    with sources.open("/1.txt") as source:
        return source.entity_tag


def test_the_entity_tag_names_the_state_of_the_file(sources, file, tmp_path):
    first, status = tag(sources), file.stat()
    assert first.startswith('"')
    assert first.endswith('"')
    assert tag(sources) == first
    assert f"{status.st_ino}" not in first
    os.utime(file, ns=(0, status.st_mtime_ns + 1))
    touched = tag(sources)
    os.utime(file, ns=(0, status.st_mtime_ns))
    assert tag(sources) == first
    with file.open("a") as appended:
        appended.write("+")
    os.utime(file, ns=(0, status.st_mtime_ns))
    grown = tag(sources)
    (tmp_path / "other").write_text("one+")
    os.utime(tmp_path / "other", ns=(0, status.st_mtime_ns))
    os.replace(tmp_path / "other", file)
    assert len({first, touched, grown, tag(sources)}) == 4


def test_row_55_a_modification_time_in_the_future_is_not_told(sources, file):
    status = file.stat()
    os.utime(file, (0, status.st_ctime + YEAR))
    with sources.open("/1.txt") as source:
        assert source.last_modified is None
        assert source.entity_tag


def test_a_modification_time_before_1970_is_a_time(sources, file):
    os.utime(file, ns=(0, -1_500_000_000))
    with sources.open("/1.txt") as source:
        assert source.last_modified == -2
        assert source.facts.mtime_ns == -1_500_000_000


@pytest.mark.parametrize("change", ["grow", "truncate", "rewrite"])
def test_row_52_a_source_that_changes_says_so(sources, file, change):
    with sources.open("/1.txt") as source:
        assert not source.changed()
        if change == "grow":
            with file.open("a") as appended:
                appended.write("more")
        elif change == "truncate":
            os.truncate(file, 1)
        else:
            file.write_text("two")
        assert source.changed()


def test_row_52_a_source_that_is_replaced_stays_what_it_was(sources, file, tmp_path):
    with sources.open("/1.txt") as source:
        (tmp_path / "new").write_text("two")
        os.replace(tmp_path / "new", file)
        assert not source.changed()
        assert os.pread(source.file, 10, 0) == b"one"


def test_a_source_is_made_of_a_descriptor_that_it_then_owns(sources, file):
    with sources.open("/1.txt") as source:
        copy = Source(source.facts, os.dup(source.file))
    assert os.pread(copy.file, 10, 0) == b"one"
    copy.close()
