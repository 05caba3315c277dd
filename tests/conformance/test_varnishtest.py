"""Scripts in vtc/, run by varnishtest (Debian's varnish) as a client that looks at every byte.

There is no Varnish in between. Each script has the macros `server` (address and port) and `etag`, the
entity tag of /eleven.txt without its quotes. The language: varnishtest(1), vtc(7).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parent / "vtc").glob("*.vtc"))


def varnishtest(server, tool, script, tmp_path):
    etag = server.get("/eleven.txt").headers["ETag"].strip('"')
    macros = [f"-Dserver=127.0.0.1 {server.port}", f"-Detag={etag}"]
    command = [tool("varnishtest"), "-b", "32m", "-t", "30", *macros, str(script)]
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin", "TMPDIR": str(tmp_path)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


# What the script provokes is told in the server's log.
PROVOKED = {"broken_stream": "preset=broken"}


@pytest.mark.needs("varnishtest")
@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script(serving_folder, folder, tool, tmp_path, script):
    with serving_folder(folder, expected=PROVOKED.get(script.stem, "(?!)")) as server:
        done = varnishtest(server, tool, script, tmp_path)
    assert done.returncode == 0, "\n".join(line[:200] for line in done.stdout.splitlines()[-40:])
