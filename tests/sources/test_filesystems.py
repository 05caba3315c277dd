import pytest

from tornado_media.sources import filesystems
from tornado_media.sources.filesystems import keeps_names_in_memory

TABLE = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
36 27 0:40 / /srv/far rw shared:1 master:2 - nfs4 server:/export rw
37 27 0:41 / /srv/with\040space rw - fuse.sshfs host: rw
38 27 0:42 / /srv/far/near rw - tmpfs tmpfs rw
39 27 0:43 / /srv/hidden rw - tmpfs tmpfs rw
40 39 0:44 / /srv/hidden rw - cifs //server/share rw
41 27 0:45 / /srv/new rw - afs2030 x rw
""".lstrip()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/1.jpg", True),
        ("/srv/1.jpg", True),
        ("/srv/far/1.jpg", False),
        ("/srv/farther/1.jpg", True),
        ("/srv/far/near/1.jpg", True),
        ("/srv/with space/1.jpg", False),
        ("/srv/hidden/1.jpg", False),
        ("/srv/new/1.jpg", False),
    ],
)
def test_the_filesystem_of_a_path(tmp_path, path, expected):
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    assert keeps_names_in_memory(path, str(table)) is expected


def test_without_a_table_nothing_is_known(tmp_path):
    assert keeps_names_in_memory("/1.jpg", str(tmp_path / "none")) is False


def test_the_table_of_this_machine():
    assert keeps_names_in_memory("/proc/1/status") is False


def test_a_device_is_looked_up_once(monkeypatch):
    asked = []
    monkeypatch.setattr(filesystems, "_known", {})
    monkeypatch.setattr(filesystems, "keeps_names_in_memory", lambda path: not asked.append(path))
    assert [filesystems.answers_from_memory(device, f"/{device}/1.jpg") for device in (1, 2, 1)] == [True] * 3
    assert asked == ["/1/1.jpg", "/2/1.jpg"]
