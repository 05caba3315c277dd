"""The main loop of a worker process: one call of an engine at a time, until the server closes the socket.

Requests come over the Unix socket that is descriptor 0: one line of JSON with the sources' descriptors beside
it (SCM_RIGHTS), so the bytes are those of the files that the server opened, whatever has their names now. The
answer is one line of JSON and the result's bytes, in one piece. A worker that crashes takes one call with it.

    at its start  {"jailed": true}\\n
    request       {"engine": "thumbnail", "media_type": "image/jpeg", "arguments": {...},
                   "others": [["watermark", "image/png"]], "memory": 1073741824, "cpu": 20}\\n  + descriptors
    answer        {"length": 1234, "resident": 90000000}\\n + 1234 bytes
                  {"error": "SourceUnusable", "detail": "...", "private": "...", "resident": 90000000}\\n

`others`, `memory` and `cpu` may be left out. `resident` is what the worker had in memory at rest, before it.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tornado_media import errors
from tornado_media.engines import ENGINES
from tornado_media.engines.bounds import Bounds, keep_memory
from tornado_media.engines.jail import confine
from tornado_media.formats.shortage import tells_of_memory, too_much

_LINE = 64 * 1024
_SOURCES = 16
_PRIVATE = 8192


@functools.cache
def load(name: str) -> Callable[..., bytes]:
    """Import an engine by its name in `ENGINES`."""
    module, function = ENGINES[name].split(":")
    engine: Callable[..., bytes] = getattr(importlib.import_module(module), function)
    return engine


def answer(request: Mapping[str, Any], sources: Sequence[int]) -> tuple[dict[str, object], bytes]:
    """Run one call.

    Args:
        request: as the head of this module says.
        sources: descriptors of the source and of `others`, in this order; they stay open.

    Returns:
        The answer's line and the result.
    """
    try:
        content = _run(request, sources)
    except errors.MediaError as error:
        return _refusal(_explained(error, request.get("memory"))), b""
    except MemoryError as error:
        detail = "To make this of the source needs more memory than there is."
        failure = errors.SourceUnusable(detail, private=repr(error))
        return _refusal(_explained(failure, request.get("memory"))), b""
    except Exception:  # noqa: BLE001 (the edge of the worker process: a defect costs one call)
        detail = f"The engine {request['engine']} failed."
        return _refusal(errors.ProgramFailed(detail, private=traceback.format_exc())), b""
    return {"length": len(content)}, content


def serve(server: socket.socket, bounds: Bounds) -> None:
    """Answer calls until the server has gone."""
    while True:
        line, descriptors, _, _ = socket.recv_fds(server, _LINE, _SOURCES)
        if not line:
            return
        while not line.endswith(b"\n"):
            line += server.recv(_LINE)
        request = json.loads(line)
        try:
            bounds.set(request.get("memory"), request.get("cpu"))
            head, content = answer(request, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        head["resident"] = bounds.resident
        _send(server, json.dumps(head).encode() + b"\n", content)
        # Nothing of a call is held while the next one is waited for.
        del request, head, content
        bounds.rest()


def main() -> None:
    """Load the engines named in argv, give up what a call does not need, then serve descriptor 0."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Read by libvips when it first needs room. A large picture stays in memory, where the call's bound is: a
    # worker may write no file.
    os.environ["VIPS_DISC_THRESHOLD"] = "1000g"
    keep_memory()
    # A library that reads stdin finds an end, not the next request.
    with socket.socket(fileno=os.dup(0)) as server:
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        for name in sys.argv[1:]:
            try:
                load(name)
            except (ImportError, OSError):
                # A library that is not there costs the engines that need it; a call of them is told.
                traceback.print_exc()
        # What is there now stays: no collection looks at it again.
        gc.collect()
        gc.freeze()
        try:
            with Bounds() as bounds:
                server.sendall(json.dumps({"jailed": confine()}).encode() + b"\n")
                serve(server, bounds)
        except (BrokenPipeError, ConnectionResetError):
            return


def _run(request: Mapping[str, Any], sources: Sequence[int]) -> bytes:
    engine = load(request["engine"])
    others = zip(request.get("others", ()), sources[1:], strict=True)
    further = {name: (file, kind) for (name, kind), file in others}
    return engine(sources[0], request["media_type"], **request["arguments"], **further)


def _explained(error: errors.MediaError, memory: int | None) -> errors.MediaError:
    """The same error; or, where a library says that there was no memory, that it was the call's bound."""
    if memory is not None and isinstance(error, errors.SourceUnusable) and tells_of_memory(error.private):
        return errors.SourceTooCostly(too_much(memory), private=error.private)
    return error


def _refusal(error: errors.MediaError) -> dict[str, object]:
    return {"error": type(error).__name__, "detail": error.detail, "private": error.private[-_PRIVATE:]}


def _send(server: socket.socket, head: bytes, content: bytes) -> None:
    sent = server.sendmsg([head, content]) - len(head)
    if sent < 0:
        raise BrokenPipeError
    if sent < len(content):
        server.sendall(memoryview(content)[sent:])


if __name__ == "__main__":
    main()
