"""Which filesystems answer from memory once a name is in the kernel's cache.

Below `local`. openat2 can be told not to wait for a disk, but fstat(2) of a file on a network's filesystem,
or on one that a program implements (FUSE), asks the other side and waits. So these are not asked at all on
the server's loop. This module must not touch the filesystem that it is asked about.
"""

from __future__ import annotations

import re

# Those whose attributes are in memory with the inode. What is not here counts as slow.
_IN_MEMORY = frozenset(
    {
        "bcachefs", "btrfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "iso9660", "jfs", "nilfs2",
        "ntfs3", "overlay", "ramfs", "reiserfs", "squashfs", "tmpfs", "udf", "vfat", "xfs", "zfs",
    }
)  # fmt: skip

_known: dict[int, bool] = {}

_octal = re.compile(r"\\([0-7]{3})")


def answers_from_memory(device: int, path: str) -> bool:
    """As `keeps_names_in_memory`, looked up once for each device.

    Args:
        device: that the file is on, as fstat(2) has it.
        path: of the file, absolute, without links.
    """
    known = _known.get(device)
    if known is None:
        known = _known[device] = keeps_names_in_memory(path)
    return known


def keeps_names_in_memory(path: str, mountinfo: str = "/proc/self/mountinfo") -> bool:
    """Whether a file's attributes can be read without waiting, once its name is in the kernel's cache.

    Args:
        path: absolute, without links.
        mountinfo: the table of mounts, proc_pid_mountinfo(5); another one for tests.

    Returns:
        False also where there is no such table.
    """
    best, kind = "", ""
    try:
        with open(mountinfo, encoding="utf-8", errors="surrogateescape") as table:
            for line in table:
                point, its_kind = _mount(line)
                # Of two at the same place the later one hides the earlier.
                if len(point) >= len(best) and path.startswith(point.rstrip("/") + "/"):
                    best, kind = point, its_kind
    except FileNotFoundError:
        return False
    return kind in _IN_MEMORY


def _mount(line: str) -> tuple[str, str]:
    """Where a line of the table says something is mounted, and what kind of filesystem it is."""
    # 36 35 98:0 /root /mnt\040point rw,noatime master:1 - ext3 /dev/root rw
    place, _, device = line.partition(" - ")
    point = _octal.sub(lambda match: chr(int(match[1], 8)), place.split(" ")[4])
    return point, device.split(" ")[0]
