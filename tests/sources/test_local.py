import contextlib
import ctypes
import errno
import os
import socket
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tornado_media.errors import BadRequest, Forbidden, MediaError, NotFound, Unavailable
from tornado_media.sources import beneath, local
from tornado_media.sources import mounts as mounts_module
from tornado_media.sources.filesystems import keeps_names_in_memory
from tornado_media.sources.local import Mount, SourceIsFolder, Sources
from tornado_media.urls import format_target, parse_target


@pytest.fixture
def tree(tmp_path):
    """`root` is served, `other` at /holiday/more/, and what else there is must not be reached."""
    root, other = tmp_path / "root", tmp_path / "other"
    for folder in (root / "holiday" / "more", root / ".git", root / "-", other, tmp_path / "root-private"):
        folder.mkdir(parents=True)
    texts = {
        "root/1.txt": "one",
        "root/holiday/2.txt": "two",
        "root/holiday/more/shadowed.txt": "shadowed",
        "root/.env": "secret",
        "root/.git/config": "secret",
        "root/-/own.txt": "secret",
        "root/-version.txt": "dash",
        "other/3.txt": "three",
        "root-private/4.txt": "secret",
        "secret.txt": "secret",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (root / "in.txt").symlink_to("holiday/2.txt")
    (root / "in").symlink_to("holiday")
    (root / "out.txt").symlink_to("../secret.txt")
    (root / "private").symlink_to("../root-private")
    (root / "etc").symlink_to("/etc")
    (root / "loop").symlink_to("loop")
    (root / "broken").symlink_to("nothing")
    os.mkfifo(root / "pipe")
    (root / "null").symlink_to("/dev/null")
    return tmp_path


def mounts(tree, listing=True):
    return [
        Mount("root", "/", str(tree / "root"), listing),
        Mount("other", "/holiday/more", str(tree / "other"), True),
    ]


@pytest.fixture
def sources(tree):
    found = Sources(mounts(tree))
    yield found
    found.close()


def text_of(sources, path):
    with sources.open(path) as source:
        return os.pread(source.file, 100, 0).decode()


@pytest.mark.parametrize(
    ("path", "text", "where"),
    [
        ("/1.txt", "one", "root/1.txt"),
        ("/holiday/2.txt", "two", "root/holiday/2.txt"),
        ("/-version.txt", "dash", "root/-version.txt"),
        ("/holiday/more/3.txt", "three", "other/3.txt"),
        ("/in.txt", "two", "root/holiday/2.txt"),
        ("/in/2.txt", "two", "root/holiday/2.txt"),
        ("/in/more/shadowed.txt", "shadowed", "root/holiday/more/shadowed.txt"),
    ],
)
def test_files_are_found(sources, tree, path, text, where):
    assert text_of(sources, path) == text
    with sources.open(path) as source:
        assert source.facts.path == path
        assert source.facts.absolute_path == str(tree / where)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/", SourceIsFolder),
        ("/holiday", SourceIsFolder),
        ("/holiday/", SourceIsFolder),
        ("/holiday/more", SourceIsFolder),
        ("/in", SourceIsFolder),
        ("/nothing", NotFound),
        ("/nothing/", NotFound),
        ("/broken", NotFound),
        ("/holiday/more/shadowed.txt", NotFound),
        ("/1.txt/", NotFound),
        ("/1.txt/x", NotFound),
        ("/1.TXT", NotFound),
        ("/" + "n" * 255, NotFound),
        ("/" + "n/" * 3000, NotFound),
        ("/.env", NotFound),
        ("/.git/config", NotFound),
        ("/holiday/.", NotFound),
        ("/-", NotFound),
        ("/-/own.txt", NotFound),
        # parse_target lets none of these through; a path may come from elsewhere.
        ("/../secret.txt", NotFound),
        ("/holiday/../1.txt", NotFound),
        ("../secret.txt", NotFound),
        ("1.txt", NotFound),
        ("", NotFound),
        ("/\0", NotFound),
        ("/1.txt\0", NotFound),
        ("/\ud800", NotFound),
        ("/out.txt", Forbidden),
        ("/private/4.txt", Forbidden),
        ("/etc/passwd", Forbidden),
        ("/etc", Forbidden),
        ("/loop", Forbidden),
        ("/null", Forbidden),
        ("/pipe", Forbidden),
    ],
)
def test_what_is_not_served(sources, tree, path, error):
    with pytest.raises(MediaError) as caught:
        sources.open(path)
    assert type(caught.value) is error
    assert str(tree) not in caught.value.detail
    assert "secret" not in caught.value.detail or "secret" in path
    assert caught.value.detail.isascii()


@pytest.mark.parametrize("path", ["/pipe", "/socket"])
def test_what_is_no_file_is_seen_without_waiting(tree, sources, path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tree / "root" / "socket"))
        with pytest.raises(Forbidden, match="no file"):
            sources.open(path)


def test_without_openat2_links_are_refused(sources, monkeypatch):
    monkeypatch.setattr(beneath, "has_openat2", lambda: False)
    assert text_of(sources, "/holiday/2.txt") == "two"
    for path in ("/in.txt", "/in/2.txt", "/out.txt", "/etc/passwd", "/loop", "/null"):
        with pytest.raises(Forbidden, match="link"):
            sources.open(path)
    assert [entry.name for entry in sources.list("/").folders] == ["holiday"]
    assert [entry.name for entry in sources.list("/").files] == ["-version.txt", "1.txt"]


def test_without_proc_the_path_is_put_together(sources, tree, monkeypatch):
    def no_proc(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "readlink", no_proc)
    with sources.open("/holiday/more/3.txt") as source:
        assert source.facts.absolute_path == str(tree / "other" / "3.txt")


def test_a_root_that_is_a_link_is_served_where_it_leads(tree):
    (tree / "link").symlink_to("root")
    sources = Sources([Mount("link", "/", str(tree / "link"), True)])
    with sources.open("/1.txt") as source:
        assert source.facts.absolute_path == str(tree / "root" / "1.txt")
    sources.close()


def test_a_root_that_is_moved_stays_the_root(sources, tree):
    (tree / "root").rename(tree / "moved")
    (tree / "root").mkdir()
    with sources.open("/1.txt") as source:
        assert source.facts.absolute_path == str(tree / "moved" / "1.txt")


def test_names_that_only_look_deleted(sources, tree):
    (tree / "root" / "1.txt (deleted)").write_text("here")
    assert text_of(sources, "/1.txt (deleted)") == "here"


@pytest.mark.parametrize(("how", "error"), [("delete", NotFound), ("move", Forbidden), ("beside", Forbidden)])
def test_what_leaves_between_two_system_calls(sources, tree, monkeypatch, how, error):
    set_blocking = os.set_blocking

    def leave(file, blocking):
        set_blocking(file, blocking)
        if how == "delete":
            (tree / "root" / "1.txt").unlink()
        else:
            away = tree / "away.txt" if how == "move" else tree / "root-private" / "1.txt"
            (tree / "root" / "1.txt").rename(away)

    monkeypatch.setattr(os, "set_blocking", leave)
    with pytest.raises(error):
        sources.open("/1.txt")


def test_a_file_without_permission(tree):
    if os.geteuid() == 0:
        # Root may read everything, so another user has to try.
        code = (
            "import os, sys; from tornado_media.sources.local import *; from tornado_media.errors import *\n"
            "s = Sources([Mount('r', '/', sys.argv[1], True)])\n"
            "os.setresuid(65534, 65534, 65534)\n"
            "for path in ('/1.txt', '/holiday/2.txt'):\n"
            "    try: s.open(path)\n"
            "    except Forbidden as e: print(e)\n"
            "print([e.name for e in s.list('/').files])\n"
        )
        (tree / "root" / "1.txt").chmod(0)
        (tree / "root" / "holiday").chmod(0o700)
        done = subprocess.run(
            [sys.executable, "-c", code, tree / "root"], capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines() == [
            "The server may not read '/1.txt'.",
            "The server may not read '/holiday/2.txt'.",
            "['-version.txt']",
        ]
        return
    (tree / "root" / "1.txt").chmod(0)
    sources = Sources(mounts(tree))
    with pytest.raises(Forbidden, match="may not read"):
        sources.open("/1.txt")
    sources.close()


def test_a_server_without_descriptors_says_so_and_keeps_none(sources):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with pytest.raises(Unavailable) as caught:
            sources.open("/1.txt")
        with pytest.raises(Unavailable):
            sources.list("/")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert caught.value.headers() == {"Retry-After": "1"}
    assert text_of(sources, "/1.txt") == "one"


def test_nothing_is_opened_after_the_end(tree):
    sources = Sources(mounts(tree))
    sources.close()
    with pytest.raises(Unavailable):
        sources.open("/1.txt")


def test_a_playlist_behind_a_long_tag_is_seen(sources, tree):
    (tree / "root" / "a.mp3").write_bytes(b"ID3\4\0\0\0\0\x7f\x00" + bytes(127 * 128) + b"#EXTM3U\n")
    with sources.open("/a.mp3") as source:
        assert source.facts.media_type == "application/vnd.apple.mpegurl"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (2, "application/vnd.apple.mpegurl"),
        (4, "application/vnd.apple.mpegurl"),
        (5, "application/octet-stream"),
    ],
)
def test_a_playlist_behind_several_tags_is_seen(sources, tree, tags, expected):
    tag = b"ID3\4\0\0\0\0\x7f\x00" + bytes(127 * 128)
    (tree / "root" / "a.mp3").write_bytes(tag * tags + b"#EXTM3U\n")
    with sources.open("/a.mp3") as source:
        assert source.facts.media_type == expected


# -- mounts ---------------------------------------------------------------------------------------------


def test_a_mount_that_is_not_there_is_named(tree):
    for root in (tree / "nothing", tree / "secret.txt"):
        with pytest.raises(ValueError, match=rf"source holiday: .*{root.name}"):
            Sources([*mounts(tree), Mount("holiday", "/h/", str(root), True)])
    with pytest.raises(ValueError, match="source holiday: "):
        Sources([Mount("holiday", "/", "a\0b", True)])


def test_two_mounts_have_two_prefixes(tree):
    with pytest.raises(ValueError, match="source b: another one is mounted at /x/ too"):
        Sources([Mount("a", "/x", str(tree), True), Mount("b", "/x/", str(tree), True)])
    with pytest.raises(ValueError, match="source a: the prefix 'x/' has no slash"):
        Sources([Mount("a", "x/", str(tree), True)])


def test_a_prefix_ends_at_a_slash(tree):
    sources = Sources([Mount("a", "/photos", str(tree / "root"), True)])
    assert text_of(sources, "/photos/1.txt") == "one"
    for path in ("/photos-private/1.txt", "/photos1.txt", "/1.txt"):
        with pytest.raises(NotFound):
            sources.open(path)
    sources.close()


def test_folders_on_the_way_to_a_mount(tree):
    sources = Sources(
        [Mount("a", "/x/y/z/", str(tree / "other"), True), Mount("b", "/x/b", str(tree / "root"), False)]
    )
    for folder in ("/", "/x", "/x/y/"):
        with pytest.raises(SourceIsFolder):
            sources.open(folder)
    assert [entry.path for entry in sources.list("/").folders] == ["/x/"]
    assert [entry.path for entry in sources.list("/x/").folders] == ["/x/y/"]
    assert [entry.path for entry in sources.list("/x/y").folders] == ["/x/y/z/"]
    assert [entry.path for entry in sources.list("/x/y/z/").files] == ["/x/y/z/3.txt"]
    for folder in ("/y", "/x/z"):
        with pytest.raises(NotFound):
            sources.list(folder)
    with pytest.raises(Forbidden):
        sources.list("/x/b")
    sources.close()


def test_no_mounts_at_all():
    sources = Sources([])
    for call in (sources.open, sources.list):
        with pytest.raises(NotFound):
            call("/")
    sources.close()


# -- listing --------------------------------------------------------------------------------------------


def test_a_listing_names_what_can_be_opened(sources, picture, tree):
    picture("10.jpg", 8, 8, folder=tree / "root")
    picture("2.jpg", 8, 8, folder=tree / "root")
    names = ["back\\slash.txt", "line\nfeed.txt", "é.txt", "x" * 255]
    for name in names:
        (tree / "root" / name).write_text("x")
    (tree / "root" / os.fsdecode(b"\xff.txt")).write_text("no URL can spell it")
    listing = sources.list("/")
    assert listing.folder == "/"
    assert listing.next is None
    assert [(entry.name, entry.path) for entry in listing.folders] == [
        ("holiday", "/holiday/"),
        ("in", "/in/"),
    ]
    assert {entry.media_type for entry in listing.folders} == {None}
    assert [entry.name for entry in listing.files] == [
        "-version.txt", "1.txt", "2.jpg", "10.jpg", "in.txt", "x" * 255, "é.txt",
    ]  # fmt: skip
    types = {entry.name: entry.media_type for entry in listing.files}
    assert types["10.jpg"] == "image/jpeg"
    assert types["in.txt"] == "text/plain"
    for entry in listing.files:
        with sources.open(parse_target(format_target(entry.path)).path) as source:
            assert (entry.media_type, entry.size) == (source.facts.media_type, source.facts.size)
            assert entry.modified == source.facts.mtime_ns // 10**9


def test_a_mount_shadows_what_is_below_it(sources):
    listing = sources.list("/holiday")
    assert [entry.path for entry in listing.folders] == ["/holiday/more/"]
    assert [entry.path for entry in listing.files] == ["/holiday/2.txt"]
    assert [entry.path for entry in sources.list("/holiday/more").files] == ["/holiday/more/3.txt"]


def test_a_mount_without_listing_is_neither_listed_nor_named(tree):
    sources = Sources(mounts(tree, listing=False))
    for folder in ("/", "/holiday/", "/nothing/"):
        with pytest.raises(Forbidden, match="switched off"):
            sources.list(folder)
    assert text_of(sources, "/1.txt") == "one"
    assert [entry.name for entry in sources.list("/holiday/more/").files] == ["3.txt"]
    sources.close()
    quiet = Sources(
        [Mount("a", "/", str(tree / "root"), True), Mount("b", "/holiday", str(tree / "other"), False)]
    )
    assert [entry.name for entry in quiet.list("/").folders] == ["in"]
    quiet.close()


@pytest.mark.parametrize(
    ("folder", "error"),
    [
        ("/1.txt", NotFound),
        ("/nothing", NotFound),
        ("/.git", NotFound),
        ("/-", NotFound),
        ("/etc", Forbidden),
        ("/private/", Forbidden),
        ("/pipe", NotFound),
    ],
)
def test_folders_that_are_not_listed(sources, folder, error):
    with pytest.raises(error):
        sources.list(folder)


def test_pages_of_a_listing(sources, tree):
    for number in range(25):
        (tree / "other" / f"{number}.txt").write_text("x")
    whole = [entry.name for entry in sources.list("/holiday/more/").files]
    assert len(whole) == 25
    found, cursor = [], None
    while cursor is not None or not found:
        listing = sources.list("/holiday/more/", after=cursor, limit=10)
        found += [entry.name for entry in listing.files]
        cursor = listing.next
    assert found == whole
    first = sources.list("/", limit=1)
    assert [entry.name for entry in first.folders] == ["holiday"]
    assert first.files == ()
    assert [entry.name for entry in sources.list("/", after=first.next, limit=2).files] == ["-version.txt"]


# -- anything that is asked -----------------------------------------------------------------------------

PIECES = [
    "/",
    "..",
    ".",
    "%2e",
    "%2f",
    "etc",
    "passwd",
    "private",
    "4.txt",
    "out.txt",
    "in",
    "1.txt",
    "-",
    "\\",
    "%00",
    "~",
]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    base = tmp_path_factory.mktemp("guarded")
    for name in ("root/in", "root/etc", "private"):
        (base / name).mkdir(parents=True)
    for name in ("root/1.txt", "root/in/1.txt", "root/etc/passwd"):
        (base / name).write_text("inside")
    (base / "private" / "4.txt").write_text("outside")
    (base / "root" / "private").symlink_to("../private")
    (base / "root" / "out.txt").symlink_to("../private/4.txt")
    sources = Sources([Mount("root", "/", str(base / "root"), True)])
    yield sources, f"{base}/root/"
    sources.close()


@given(text=st.lists(st.sampled_from(PIECES), max_size=9).map("/".join) | st.text())
@example(text="private/4.txt")
@example(text="in/../out.txt")
def test_nothing_that_is_asked_leads_out(guarded, text):
    sources, root = guarded
    for path in {"/" + text, text}:
        for asked in {path, _parsed(path)} - {None}:
            try:
                with sources.open(asked) as source:
                    assert source.facts.absolute_path.startswith(root)
                    assert os.pread(source.file, 100, 0) == b"inside"
            except (NotFound, Forbidden):
                pass


def _parsed(path):
    try:
        return parse_target(path).path
    except BadRequest:
        return None


# -- open_at_once: on the server's loop, before a thread is asked -----------------------------------------


@pytest.mark.parametrize("path", ["/1.txt", "/holiday/2.txt", "/holiday/more/3.txt", "/in.txt", "/in/2.txt"])
def test_at_once_it_opens_the_same(sources, facts, path):
    expected = facts(path)
    with sources.open_at_once(path) as source:
        assert source.facts == expected
        assert os.get_blocking(source.file)
        assert os.read(source.file, 10) == os.pread(source.file, 10, 0) != b""


@pytest.mark.parametrize(
    "path",
    [
        "/", "/1.txt/", "/.env", "/.git/config", "/-/own.txt", "/none.txt", "/holiday", "/holiday/",
        "/out.txt", "/private/4.txt", "/etc/passwd", "/loop", "/broken", "/pipe", "/null", "1.txt",
        "/../secret.txt",
    ],
)  # fmt: skip
def test_at_once_it_opens_nothing_else(sources, facts, path):
    with contextlib.suppress(MediaError), sources.open(path):
        pass
    assert sources.open_at_once(path) is None


def test_at_once_a_tag_is_looked_behind(sources, facts, tree):
    tag = b"ID3\x04\0\0\0\0\x40\0" + bytes(8192)
    (tree / "root" / "tagged.mp3").write_bytes(tag + b"#EXTM3U\n")
    expected = facts("/tagged.mp3")
    with sources.open_at_once("/tagged.mp3") as source:
        assert source.facts == expected


def test_what_is_not_in_memory_is_left_to_a_thread(sources, facts, monkeypatch):
    facts("/1.txt")

    def waits(*_):
        raise BlockingIOError(errno.EAGAIN, "")

    monkeypatch.setattr(local.os, "preadv", waits)
    before = len(os.listdir("/proc/self/fd"))
    assert sources.open_at_once("/1.txt") is None
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_filesystem_that_may_wait_is_left_to_a_thread(tree, facts, monkeypatch):
    facts("/1.txt")
    monkeypatch.setattr(mounts_module, "keeps_names_in_memory", lambda path: False)
    slow = Sources(mounts(tree))
    monkeypatch.setattr(beneath, "_syscall", lambda: pytest.fail("it was asked"))
    assert slow.open_at_once("/1.txt") is None
    slow.close()


# -- unchanged: asked on the server's loop, before a kept result is sent again ----------------------------


@pytest.fixture
def facts(sources, tree, clock_goes_on):
    if not beneath.has_cached_lookup():
        pytest.skip("not here: openat2 with RESOLVE_CACHED")
    if not keeps_names_in_memory(str(tree)):
        pytest.skip("the folder for tests lies on a filesystem that may wait")

    clock_goes_on()

    def facts(path):
        with sources.open(path) as source:
            return source.facts

    return facts


@pytest.mark.parametrize("path", ["/1.txt", "/holiday/2.txt", "/holiday/more/3.txt", "/in.txt", "/in/2.txt"])
def test_a_source_that_is_as_it_was(sources, facts, path):
    assert sources.unchanged(facts(path)) is True


def rewritten(root):
    (root / "holiday" / "2.txt").write_text("two, longer")


def touched(root):
    os.utime(root / "holiday" / "2.txt", ns=(1, 1))


def replaced(root):
    status = os.stat(root / "holiday" / "2.txt")
    (root / "new").write_text("owt")
    os.utime(root / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
    os.rename(root / "new", root / "holiday" / "2.txt")


def deleted(root):
    (root / "holiday" / "2.txt").unlink()


def moved_with_its_folder(root):
    os.rename(root / "holiday", root / "elsewhere")


def a_link_that_leads_out(root):
    os.rename(root / "holiday" / "2.txt", root.parent / "2.txt")  # the same file, but not served any more
    (root / "holiday" / "2.txt").symlink_to("../../2.txt")


def a_folder_in_its_place(root):
    (root / "holiday" / "2.txt").unlink()
    (root / "holiday" / "2.txt").mkdir()


def a_fifo_in_its_place(root):
    (root / "holiday" / "2.txt").unlink()
    os.mkfifo(root / "holiday" / "2.txt")


@pytest.mark.parametrize(
    "change",
    [
        rewritten, touched, replaced, deleted, moved_with_its_folder, a_link_that_leads_out,
        a_folder_in_its_place, a_fifo_in_its_place,
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/holiday/2.txt", "/in.txt"])
def test_a_source_that_changed(sources, facts, tree, change, path):
    before = facts(path)
    assert sources.unchanged(before) is True
    change(tree / "root")
    # None where the kernel has to look: for a new name, and for a link that climbs out of the folder.
    assert sources.unchanged(before) in (False, None)
    with contextlib.suppress(MediaError), sources.open(path):
        pass
    assert sources.unchanged(before) in ((None,) if change is a_link_that_leads_out else (False,))


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.EACCES, False), (errno.ENOENT, False), (errno.EMFILE, None), (errno.EAGAIN, None)],
)
def test_a_source_that_cannot_be_opened(sources, facts, monkeypatch, number, expected):
    def fails(*_):
        ctypes.set_errno(number)
        return -1

    before = facts("/1.txt")
    monkeypatch.setattr(beneath, "_syscall", lambda: fails)
    assert sources.unchanged(before) is expected


def test_a_name_that_the_kernel_has_to_look_for(sources, facts, monkeypatch):
    before = facts("/1.txt")
    monkeypatch.setattr(beneath, "has_cached_lookup", lambda: False)
    assert sources.unchanged(before) is None


def test_a_filesystem_that_may_wait_is_not_asked(sources, facts, monkeypatch):
    before = facts("/1.txt")
    monkeypatch.setattr(local, "answers_from_memory", lambda device, path: False)
    monkeypatch.setattr(beneath, "_syscall", lambda: pytest.fail("it was asked"))
    assert sources.unchanged(before) is None


def test_unchanged_after_close(sources, facts):
    before = facts("/1.txt")
    sources.close()
    assert sources.unchanged(before) is False


@pytest.mark.skipif(not beneath.has_cached_lookup(), reason="no openat2 with RESOLVE_CACHED")
def test_a_permission_is_looked_at_again_after_a_while(sources, facts, monkeypatch):
    before, opened = facts("/holiday/2.txt"), []
    look = Sources._look
    monkeypatch.setattr(Sources, "_look", lambda *args: opened.append(1) or look(*args))
    clock = [1000.0]
    monkeypatch.setattr(local.time, "monotonic", lambda: clock[0])
    for now, times in ((1000.0, 1), (1000.9, 1), (1001.1, 2), (1002.0, 2), (1002.2, 3)):
        clock[0] = now
        assert sources.unchanged(before) is True
        assert len(opened) == times
