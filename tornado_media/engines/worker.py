"""The main loop of a worker process: one call of an engine at a time, until the server closes the socket.

Requests come over the Unix socket that is descriptor 0: one line of JSON with the source's descriptor beside
it (SCM_RIGHTS), so the bytes are those of the file that the server opened, whatever has its name now. The
answer is one line of JSON, then the result's bytes. A worker that crashes takes one call with it.

    request   {"engine": "thumbnail", "media_type": "image/jpeg", "arguments": {...}}\\n  + descriptor
    answer    {"length": 1234}\\n + 1234 bytes
              {"error": "SourceUnusable", "detail": "...", "private": "..."}\\n
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable

from tornado_media import errors
from tornado_media.engines import ENGINES

_LINE = 64 * 1024


def load(name: str) -> Callable[..., bytes]:
    """Import an engine by its name in `ENGINES`."""
    module, function = ENGINES[name].split(":")
    engine: Callable[..., bytes] = getattr(importlib.import_module(module), function)
    return engine


def answer(line: bytes, source: int) -> tuple[bytes, bytes]:
    """Run one call; the answer's line and the result."""
    request = json.loads(line)
    try:
        content = load(request["engine"])(source, request["media_type"], **request["arguments"])
    except errors.MediaError as error:
        reply = {"error": type(error).__name__, "detail": error.detail, "private": error.private}
        return json.dumps(reply).encode() + b"\n", b""
    except Exception:  # noqa: BLE001 (the edge of the worker process: a defect costs one call)
        reply = {
            "error": "ProgramFailed",
            "detail": f"The engine {request['engine']} failed.",
            "private": traceback.format_exc(),
        }
        return json.dumps(reply).encode() + b"\n", b""
    return json.dumps({"length": len(content)}).encode() + b"\n", content


def serve(server: socket.socket) -> None:
    """Answer calls until the server has gone."""
    while True:
        line, descriptors, _, _ = socket.recv_fds(server, _LINE, 1)
        if not line:
            return
        while not line.endswith(b"\n"):
            line += server.recv(_LINE)
        try:
            head, content = answer(line, descriptors[0])
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        server.sendall(head)
        server.sendall(content)


def main() -> None:
    """Load the engines named in argv, then serve descriptor 0."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in sys.argv[1:]:
        load(name)
    with socket.socket(fileno=0) as server:
        try:
            serve(server)
        except (BrokenPipeError, ConnectionResetError):
            return


if __name__ == "__main__":
    main()
