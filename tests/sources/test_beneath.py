import ctypes
import errno
import os
import subprocess
import sys

import pytest

from tornado_media.sources import beneath
from tornado_media.sources.beneath import has_cached_lookup, has_openat2, open_beneath, open_cached

WAYS = ["openat2", "walk"]


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """Both ways, as the kernel would choose them."""
    if request.param == "walk":
        monkeypatch.setattr(beneath, "has_openat2", lambda: False)
    elif not has_openat2():
        pytest.skip("not here: openat2")
    return request.param


@pytest.fixture
def tree(tmp_path):
    """A folder with files and links, and a file beside it that must not be reached."""
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (tmp_path / "root-private").mkdir()
    for path in (root / "1.txt", root / "a" / "b" / "2.txt"):
        path.write_text("inside")
    for path in (tmp_path / "secret.txt", tmp_path / "root-private" / "1.txt"):
        path.write_text("outside")
    (root / "inside.txt").symlink_to("a/b/2.txt")
    (root / "a" / "up.txt").symlink_to("../1.txt")
    (root / "folder").symlink_to("a/b")
    (root / "chain").symlink_to("folder")
    (root / "out.txt").symlink_to("../secret.txt")
    (root / "absolute.txt").symlink_to(tmp_path / "secret.txt")
    (root / "home.txt").symlink_to(root / "1.txt")  # back inside, but by way of the outside
    (root / "outside").symlink_to("..")
    (root / "a" / "far").symlink_to("../../root-private")
    (root / "loop").symlink_to("loop")
    (root / "broken").symlink_to("nothing")
    (root / "magic").symlink_to("/proc/self/root")
    return root


@pytest.fixture
def root(tree):
    descriptor = os.open(tree, os.O_PATH | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def read(root, relative, way=open_beneath):
    """What is in the file, or the name of the error."""
    try:
        file = way(root, relative, os.O_RDONLY)
    except OSError as error:
        return errno.errorcode[error.errno]
    try:
        return os.read(file, 100).decode()
    finally:
        os.close(file)


TABLE = [  # path, with openat2, with the walk
    ("1.txt", "inside", "inside"),
    ("a/b/2.txt", "inside", "inside"),
    ("./a/./b/2.txt", "inside", "inside"),
    ("a//b/2.txt", "inside", "inside"),
    ("nothing", "ENOENT", "ENOENT"),
    ("nothing/1.txt", "ENOENT", "ENOENT"),
    ("1.txt/", "ENOTDIR", "ENOTDIR"),
    ("1.txt/x", "ENOTDIR", "ENOTDIR"),
    ("n" * 256, "ENAMETOOLONG", "ENAMETOOLONG"),
    ("a/" * 3000 + "x", "ENAMETOOLONG", "ENOENT"),
    ("\0", "EINVAL", "EINVAL"),
    ("\ud800", "EILSEQ", "EILSEQ"),
    ("..", "EXDEV", "EXDEV"),
    ("../secret.txt", "EXDEV", "EXDEV"),
    ("a/../../secret.txt", "EXDEV", "EXDEV"),
    ("a/../1.txt", "EXDEV", "EXDEV"),
    ("/etc/passwd", "EXDEV", "EXDEV"),
    ("inside.txt", "inside", "ELOOP"),
    ("a/up.txt", "inside", "ELOOP"),
    ("folder/2.txt", "inside", "ELOOP"),
    ("chain/2.txt", "inside", "ELOOP"),
    ("out.txt", "EXDEV", "ELOOP"),
    ("absolute.txt", "EXDEV", "ELOOP"),
    ("home.txt", "EXDEV", "ELOOP"),
    ("outside/secret.txt", "EXDEV", "ELOOP"),
    ("outside/root/1.txt", "EXDEV", "ELOOP"),
    ("a/far/1.txt", "EXDEV", "ELOOP"),
    ("loop", "ELOOP", "ELOOP"),
    ("loop/1.txt", "ELOOP", "ELOOP"),
    ("broken", "ENOENT", "ELOOP"),
    ("magic/etc/passwd", "EXDEV", "ELOOP"),
]


@pytest.mark.parametrize(("relative", "openat2", "walk"), TABLE)
def test_what_lies_beneath(way, root, relative, openat2, walk):
    assert read(root, relative) == {"openat2": openat2, "walk": walk}[way]


@pytest.mark.parametrize("relative", [".", "", "./", "a", "a/", "a/b/"])
def test_folders_are_opened_too(way, root, tree, relative):
    file = open_beneath(root, relative, os.O_PATH | os.O_DIRECTORY)
    try:
        assert os.path.samestat(os.fstat(file), os.stat(tree / relative))
    finally:
        os.close(file)


@pytest.mark.parametrize("relative", ["out.txt", "outside", "loop", "broken/"])
def test_a_link_itself_is_never_opened(way, root, relative):
    with pytest.raises(OSError, match=r"symbolic|cross-device|No such"):
        open_beneath(root, relative, os.O_PATH)


def test_programs_do_not_inherit_it(way, root):
    file = open_beneath(root, "1.txt", os.O_RDONLY)
    assert not os.get_inheritable(file)
    os.close(file)


def failing(number):
    """A system call that fails."""

    def call(*_):
        ctypes.set_errno(number)
        return -1

    return call


@pytest.mark.parametrize("number", ["EAGAIN", "EINTR"])
def test_an_interrupted_call_is_made_again(root, monkeypatch, number):
    if not has_openat2():
        pytest.skip("not here: openat2")
    call, failure, failures = beneath._syscall(), failing(getattr(errno, number)), [1, 2, 3]

    def sometimes(*arguments):
        return failure() if failures and failures.pop() else call(*arguments)

    monkeypatch.setattr(beneath, "_syscall", lambda: sometimes)
    assert read(root, "1.txt") == "inside"
    monkeypatch.setattr(beneath, "_syscall", lambda: failing(errno.EAGAIN))
    assert read(root, "1.txt") == "EAGAIN"


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_a_kernel_or_a_container_without_the_call_is_noticed(monkeypatch, number):
    has_openat2.cache_clear()
    monkeypatch.setattr(beneath, "_syscall", lambda: failing(number))
    assert not has_openat2()
    has_openat2.cache_clear()


SWAP = """
import os, sys
os.chdir(sys.argv[1])
os.write(1, b".")
while True:
    os.rename("album", "aside")
    os.rename("link", "album")
    os.rename("album", "link")
    os.rename("aside", "album")
"""


@pytest.mark.parametrize("relative", ["album/1.txt", "album"])
def test_row_53_a_folder_that_is_swapped_for_a_link_meanwhile(way, root, tree, tmp_path, relative):
    # In turns there is a folder with a file, and a link of the same name that leads out; or the same with
    # the file itself.
    outside = tmp_path / "album"
    if relative == "album":
        (tree / "album").write_text("inside")
        outside.write_text("outside")
    else:
        (tree / "album").mkdir()
        (tree / "album" / "1.txt").write_text("inside")
        outside.mkdir()
        (outside / "1.txt").write_text("outside")
    (tree / "link").symlink_to("../album")
    with subprocess.Popen([sys.executable, "-c", SWAP, tree], stdout=subprocess.PIPE) as swapper:
        assert swapper.stdout is not None
        swapper.stdout.read(1)  # it has begun
        seen = dict.fromkeys(["inside", "ENOENT", "ENOTDIR", "EXDEV", "ELOOP", "EAGAIN"], 0)
        # Anything else is a KeyError. Then until both have been seen, which is at once nearly always.
        try:
            while sum(seen.values()) < 5000 or not seen["inside"] or not seen["EXDEV"] + seen["ELOOP"]:
                seen[read(root, relative)] += 1
        finally:
            swapper.kill()


@pytest.fixture
def cached():
    if not has_cached_lookup():
        pytest.skip("not here: openat2 with RESOLVE_CACHED")


@pytest.mark.parametrize(("relative", "openat2", "walk"), TABLE)
def test_a_lookup_without_waiting_finds_the_same(cached, root, clock_goes_on, relative, openat2, walk):
    clock_goes_on()
    read(root, relative)  # now the names are in the kernel's cache, or the lack of them
    assert read(root, relative, open_cached) in (openat2, "EAGAIN" if openat2 != "inside" else "inside")


def test_a_lookup_without_waiting_can_stay_on_one_filesystem(cached):
    root = os.open("/", os.O_PATH | os.O_DIRECTORY)
    flags = os.O_PATH | os.O_DIRECTORY
    try:
        os.close(open_beneath(root, "proc", flags))
        os.close(open_cached(root, "proc", flags))
        with pytest.raises(OSError) as failed:
            open_cached(root, "proc", flags, one_filesystem=True)
        assert failed.value.errno in (errno.EXDEV, errno.EAGAIN)
    finally:
        os.close(root)


def test_a_lookup_without_waiting_does_not_wait(root, monkeypatch):
    if not has_cached_lookup():
        pytest.skip("not here: openat2 with RESOLVE_CACHED")
    calls = []

    def waits(*arguments):
        calls.append(arguments)
        return failing(errno.EAGAIN)()

    monkeypatch.setattr(beneath, "_syscall", lambda: waits)
    assert read(root, "1.txt", open_cached) == "EAGAIN"
    assert len(calls) == 1  # not made again, as a lookup that may take its time would be


def test_a_kernel_that_cannot_promise_not_to_wait(root, monkeypatch):
    has_openat2()  # is remembered, and must not be asked for the first time below
    has_cached_lookup.cache_clear()
    monkeypatch.setattr(beneath, "_syscall", lambda: failing(errno.EINVAL))
    assert not has_cached_lookup()
    monkeypatch.undo()
    assert read(root, "1.txt", open_cached) == "EAGAIN"
    has_cached_lookup.cache_clear()
