"""Opening a file that lies beneath a folder, whatever links lie on the way and however fast they change.

Below `local`. Linux does it in one system call, openat2(2), that follows links as long as they stay beneath
the folder. Where that call is missing or forbidden, the path is walked name by name and every symbolic link
is refused. Either way no check is followed by a use of the same name: what is opened is what was checked.
This module must not decide what may be served, and it raises OSError, as `os.open` does.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import stat
from collections.abc import Callable

# linux/openat2.h. The number is the same on every architecture but Alpha (asm-generic/unistd.h).
_SYS_OPENAT2 = 437
_RESOLVE_NO_XDEV = 0x01
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_BENEATH = 0x08
_RESOLVE_CACHED = 0x20

_O_PATH = getattr(os, "O_PATH", 0)

# The kernel gives up with EAGAIN when anything was renamed while it followed a ".." in a link. Beside a
# process that renamed without end, 20,000 opens of such a link took 3 tries at most (Linux 6.18).
_TRIES = 100


class _OpenHow(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


def open_beneath(root: int, relative: str, flags: int) -> int:
    """Open what lies at a path beneath a folder.

    Args:
        root: descriptor of the folder; O_PATH is enough.
        relative: path from there, `holiday/1.jpg`; "." or nothing is the folder itself.
        flags: as for `os.open`, without O_CREAT. O_CLOEXEC is added.

    Returns:
        A descriptor, the caller's to close.

    Raises:
        OSError: EXDEV when the path or a link on it leads out of the folder; ELOOP for a link that is not
            followed: by the walk every one, by openat2 one that goes round or that /proc made up; else as
            `os.open`. EAGAIN when the tree is moving too much.
    """
    path = _name(relative)
    flags |= os.O_CLOEXEC
    return _openat2(root, path, flags) if has_openat2() else walk(root, relative, flags)


def open_cached(root: int, relative: str, flags: int, *, one_filesystem: bool = False) -> int:
    """As `open_beneath`, but only when no disk has to be waited for: for the server's loop.

    The kernel looks into its cache of names and nowhere else (RESOLVE_CACHED, openat2(2)).

    Args:
        root: as `open_beneath` has it, and `relative` and `flags`.
        one_filesystem: refuse what lies on another filesystem, mounted below the folder (RESOLVE_NO_XDEV).

    Raises:
        OSError: EAGAIN when the names are not in the cache, or when this kernel cannot tell; one of EXDEV and
            EAGAIN for another filesystem; else as `open_beneath` with openat2.
    """
    path = _name(relative)
    if not has_cached_lookup():
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), relative)
    resolve = _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS | _RESOLVE_CACHED
    if one_filesystem:
        resolve |= _RESOLVE_NO_XDEV
    return _openat2(root, path, flags | os.O_CLOEXEC, resolve, tries=1)


@functools.cache
def has_cached_lookup() -> bool:
    """Whether openat2 can be told not to wait for a disk (since Linux 5.12); asked once."""
    if not has_openat2():
        return False
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(_openat2(root, b".", os.O_PATH | os.O_CLOEXEC, _RESOLVE_BENEATH | _RESOLVE_CACHED))
    except OSError:  # EINVAL: an older kernel does not know the flag
        return False
    finally:
        os.close(root)
    return True


@functools.cache
def has_openat2() -> bool:
    """Whether the kernel has openat2 (since Linux 5.6) and lets us call it; asked once.

    A container's seccomp filter that does not know the call answers EPERM or ENOSYS.
    """
    if not _O_PATH:
        return False
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(_openat2(root, b".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    except OSError:
        return False
    finally:
        os.close(root)
    return True


def walk(root: int, relative: str, flags: int) -> int:
    """As `open_beneath`, name by name: for systems without openat2.

    Raises:
        OSError: as `open_beneath`, but ELOOP for every symbolic link.
    """
    names = [name for name in relative.split("/") if name not in ("", ".")]
    if relative.endswith("/") or not names:
        flags |= os.O_DIRECTORY
    folder = root
    try:
        for name in names[:-1]:
            below = _open_unlinked(folder, name, _O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            if folder != root:
                os.close(folder)
            folder = below
        return _open_unlinked(folder, names[-1] if names else ".", flags)
    finally:
        if folder != root:
            os.close(folder)


def _open_unlinked(folder: int, name: str, flags: int) -> int:
    """Open one name, not following it if it is a symbolic link."""
    try:
        file = os.open(name, flags | os.O_NOFOLLOW, dir_fd=folder)
    except NotADirectoryError:
        # O_DIRECTORY wins over O_NOFOLLOW. This look decides about the text of the refusal only.
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name) from None
        raise
    # With O_PATH a link is not an error: the descriptor is of the link itself.
    if flags & _O_PATH and stat.S_ISLNK(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
    return file


def _name(relative: str) -> bytes:
    """A relative path as openat2 takes it."""
    if relative.startswith("/") or ".." in relative.split("/"):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), relative)
    try:
        path = os.fsencode(relative)
    except UnicodeEncodeError:  # a lone surrogate is no byte of any name
        raise OSError(errno.EILSEQ, os.strerror(errno.EILSEQ), relative) from None
    if b"\0" in path:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), relative)
    return path or b"."


def _openat2(
    root: int,
    path: bytes,
    flags: int,
    resolve: int = _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS,
    tries: int = _TRIES,
) -> int:
    how = _how(flags, resolve)
    number = 0
    for _ in range(tries):
        # An interrupted call (EINTR, network file systems) is made again, as Python's own do (PEP 475).
        file = _syscall()(_SYS_OPENAT2, root, path, how, _SIZE_OF_HOW)
        if file >= 0:
            return file
        number = ctypes.get_errno()
        if number not in (errno.EAGAIN, errno.EINTR):
            break
    raise OSError(number, os.strerror(number), os.fsdecode(path))


_SIZE_OF_HOW = ctypes.sizeof(_OpenHow)


@functools.lru_cache(maxsize=64)
def _how(flags: int, resolve: int) -> object:
    # The kernel only reads it, so that one serves all calls.
    return ctypes.byref(_OpenHow(flags, 0, resolve))


@functools.cache
def _syscall() -> Callable[..., int]:
    function = ctypes.CDLL(None, use_errno=True).syscall
    function.restype = ctypes.c_long
    function.argtypes = [
        ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t,
    ]  # fmt: skip
    return function
