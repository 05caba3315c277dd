"""What a worker gives up before it takes its first call: files, programs, the network, privileges.

It decodes what strangers sent, so a decoder that is taken over must find nothing to take. The source comes
as an open descriptor and the result goes out by one, so a worker opens nothing but what its libraries read
late: modules of Python, shared libraries, fonts. It writes no file, starts no program, makes and takes no
TCP connection, signals no other process and has no privilege that it could use.

The files and the network are Landlock's (landlock(7)), which needs no root and no program. The kernel is
asked which rights it knows; where it knows none, a worker runs without and says so. What was open before
stays open, and /proc/self/fd/N can not be opened anew.

Not kept from it: UDP and Unix sockets that have a path.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

import tornado_media

# asm-generic/unistd.h: the same on every architecture but alpha
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1

# linux/landlock.h
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""Rights of files that a version of Landlock knows, from that version on."""
_TCP = {4: 0b11}
_SCOPES = {6: 0b11}
"""Abstract Unix sockets, and signals, to processes outside."""

_SET_PDEATHSIG, _SET_NO_NEW_PRIVS = 1, 38
_CAPABILITY_VERSION_3 = 0x20080522

_FILES = 64
"""Descriptors that a worker may have; a call needs about ten."""

_READABLE = (
    "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache",
    "/etc/fonts", "/usr/share/fontconfig", "/usr/share/fonts", "/usr/local/share/fonts",
    "/var/cache/fontconfig", "/dev/urandom",
)  # fmt: skip
"""What shared libraries open at run time: others of their kind, and what fontconfig looks through."""


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("tcp", ctypes.c_uint64), ("scopes", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def confine() -> bool:
    """Give up all that a call does not need. It cannot be taken back.

    To be called after the imports, while there is one thread: Landlock holds for the thread that asks for
    it and for those that it starts.

    Returns:
        Whether files and network are closed; False where the kernel has no Landlock, or switched off.
    """
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _FILES if most == resource.RLIM_INFINITY else min(_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    # A call that never ends would outlive a server that was killed: nobody closes its socket.
    libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    # Asked while /proc can be read.
    alone = _threads() == 1
    jailed = _landlock(libc) and alone
    _drop_capabilities(libc)
    return jailed


def readable() -> list[str]:
    """Files and folders that a worker may read once it is confined."""
    python = [path for path in sys.path if os.path.basename(path) in {"site-packages", "dist-packages"}]
    own = os.path.dirname(os.path.abspath(tornado_media.__file__))
    return [*_READABLE, os.path.dirname(os.__file__), *python, own]


def landlock_version() -> int:
    """The version of Landlock that the kernel has; 0 for none."""
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, _call(libc, _CREATE_RULESET, None, 0, _VERSION))


def _landlock(libc: ctypes.CDLL) -> bool:
    version = landlock_version()
    if not version:
        return False
    files, tcp, scopes = (_known(rights, version) for rights in (_FILE_RIGHTS, _TCP, _SCOPES))
    attributes = _Ruleset(files, tcp, scopes)
    # An older kernel knows only the first fields.
    size = 24 if scopes else 16 if tcp else 8
    ruleset = _call(libc, _CREATE_RULESET, ctypes.byref(attributes), size, 0)
    if ruleset < 0:
        return False
    try:
        for path in readable():
            _allow(libc, ruleset, path, _READ_FILE | _READ_DIR)
        _allow(libc, ruleset, os.devnull, _READ_FILE | _WRITE_FILE)
        return _call(libc, _RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0


def _known(rights: dict[int, int], version: int) -> int:
    return next((known for since, known in reversed(rights.items()) if since <= version), 0)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # not on this machine
    try:
        if not os.path.isdir(path):
            rights &= ~_READ_DIR
        rule = _PathBeneath(rights, place)
        _call(libc, _ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(place)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    # capset(2): where the server is root, a worker is so in name only.
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    libc.capset(header, (ctypes.c_uint32 * 6)())


def _call(libc: ctypes.CDLL, number: int, *arguments: object) -> int:
    # Variadic: without a width of their own, integers would be passed as 32 bits.
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result: int = libc.syscall(ctypes.c_long(number), *wide)
    return result
