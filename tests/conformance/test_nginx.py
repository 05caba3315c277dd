"""nginx (Debian) in front of us as a client that checks: lengths, chunks, entity tags across slices.

It cuts a file into slices of 256 KiB, asks us for each by Range and keeps them. In its error log it says
when a slice is not what was asked for, has another entity tag than the one before, or ends too early.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("nginx")

# %(user)s: as root its workers would be another user, who cannot write into our folder.
CONFIGURATION = """
%(user)s
daemon off;
worker_processes 1;
pid %(prefix)s/pid;
error_log %(prefix)s/error.log info;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path %(prefix)s/body;
    proxy_temp_path %(prefix)s/proxy;
    fastcgi_temp_path %(prefix)s/fastcgi;
    uwsgi_temp_path %(prefix)s/uwsgi;
    scgi_temp_path %(prefix)s/scgi;
    proxy_cache_path %(prefix)s/kept keys_zone=kept:1m;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    upstream server { server 127.0.0.1:%(port)d; keepalive 8; }
    server {
        listen unix:%(prefix)s/socket;
        location / {
            slice 256k;
            proxy_cache kept;
            proxy_cache_key $uri$is_args$args$slice_range;
            proxy_cache_valid 200 206 1h;
            proxy_set_header Range $slice_range;
            proxy_pass http://server;
            add_header X-Kept $upstream_cache_status;
        }
        location /plain/ { proxy_pass http://server/; }
    }
}
"""

COMPLAINTS = re.compile(r"mismatch|unexpected|upstream prematurely|invalid|\[(error|alert|crit|emerg)\]")


class ThroughSocket(http.client.HTTPConnection):
    """A connection to nginx, which listens on a socket in its folder: there is no port to be lost."""

    def __init__(self, path: Path) -> None:
        super().__init__("nginx", timeout=30)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Nginx:
    """A running nginx."""

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix

    def get(self, target: str, **fields: str):
        """Status, fields and content of a response."""
        with contextlib.closing(ThroughSocket(self.prefix / "socket")) as connection:
            headers = {name.replace("_", "-"): value for name, value in fields.items()}
            connection.request("GET", target, headers=headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read()

    def complaints(self) -> list[str]:
        """The lines of its error log about what we sent."""
        lines = (self.prefix / "error.log").read_text().splitlines()
        return [line for line in lines if COMPLAINTS.search(line)]


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as end:
        return end.connect_ex(str(path)) == 0


@contextlib.contextmanager
def running(program, server, prefix):
    values = {"user": "user root;" if os.geteuid() == 0 else "", "prefix": prefix, "port": server.port}
    (prefix / "nginx.conf").write_text(CONFIGURATION % values)
    command = [program, "-p", prefix, "-c", prefix / "nginx.conf", "-e", prefix / "error.log"]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    with subprocess.Popen(command) as process:
        try:
            # The socket is there before nginx listens on it.
            while not listens(prefix / "socket"):
                assert process.poll() is None, (prefix / "error.log").read_text()
            yield Nginx(prefix)
        finally:
            process.terminate()


@pytest.fixture
def nginx(tool, server, tmp_path_factory):
    # The path of a socket has at most 107 bytes, and tmp_path has the name of the test in it.
    with running(tool("nginx"), server, tmp_path_factory.mktemp("n")) as nginx:
        yield nginx


def test_a_file_in_slices(nginx, big):
    for kept in ("MISS", "HIT"):
        status, fields, content = nginx.get("/big.bin")
        assert (status, fields["X-Kept"], fields["Content-Length"]) == (200, kept, str(len(big)))
        assert content == big
    assert nginx.complaints() == []


@pytest.mark.parametrize(
    ("first", "last"), [(0, 0), (262_143, 262_144), (1_000_000, 3_999_999), (5_999_999, 5_999_999)]
)
def test_a_range_across_slices(nginx, big, first, last):
    status, fields, content = nginx.get("/big.bin", Range=f"bytes={first}-{last}")
    assert (status, fields["Content-Range"]) == (206, f"bytes {first}-{last}/{len(big)}")
    assert content == big[first : last + 1]
    assert nginx.complaints() == []


def test_many_at_once(nginx, big):
    def fetch(number):
        first = 250_000 * number
        _, _, content = nginx.get("/big.bin", Range=f"bytes={first}-")
        return content == big[first:]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(fetch, range(24)))
    assert nginx.complaints() == []


def test_a_thumbnail_in_slices(nginx, server):
    whole = server.get("/1.jpg?size=1600x1200&quality=95").content
    assert len(whole) > 256 * 1024
    for kept in ("MISS", "HIT"):
        status, fields, content = nginx.get("/1.jpg?size=1600x1200&quality=95")
        assert (status, fields["X-Kept"]) == (200, kept)
        assert content == whole
    assert nginx.complaints() == []


def test_a_large_result_in_slices_from_its_first_request_on(nginx, server):
    # Its length is not known when the first slice is asked for: the answer waits for it.
    for kept in ("MISS", "HIT"):
        status, fields, content = nginx.get("/hello.txt?preset=large")
        assert (status, fields["X-Kept"], len(content)) == (200, kept, 3_000_000)
    assert content == server.get("/hello.txt?preset=large").content
    assert nginx.complaints() == []


def test_a_file_that_changes_between_slices_is_noticed(nginx, folder, big):
    """That the log stays empty says nothing unless nginx would have told: here it must."""
    changing = folder / "changing.bin"
    changing.write_bytes(big)
    # Its first slice is kept only once all of it is there, which may be after the client has its ten bytes.
    while nginx.get("/changing.bin", Range="bytes=0-9")[1]["X-Kept"] != "HIT":
        pass
    changing.write_bytes(big[:-1] + b"x")
    with pytest.raises(http.client.IncompleteRead):
        nginx.get("/changing.bin", Range="bytes=0-999999")
    assert any("etag mismatch" in line for line in nginx.complaints())


@pytest.mark.slow
def test_a_stream_through(nginx, server):
    direct = server.get("/hello.txt?preset=sized").content
    assert len(direct) == 300_000
    assert nginx.get("/plain/hello.txt?preset=sized")[2] == direct
    status, fields, film = nginx.get("/plain/clip.mkv?preset=mp4&height=144&start=50")
    assert (status, fields["Content-Type"]) == (200, "video/mp4")
    assert film[4:8] == b"ftyp"
    assert nginx.complaints() == []


@pytest.mark.slow
def test_a_program_that_fails_is_seen_by_nginx(serving_folder, folder, tool, tmp_path_factory):
    prefix = tmp_path_factory.mktemp("n")
    with (
        serving_folder(folder, expected="preset=broken") as server,
        running(tool("nginx"), server, prefix) as nginx,
    ):
        with pytest.raises(http.client.IncompleteRead):
            nginx.get("/plain/hello.txt?preset=broken")
        assert any("prematurely closed connection" in line for line in nginx.complaints())
