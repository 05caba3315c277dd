"""A result without HTTP: the same sources, plan and job as a request, written to a file or stdout."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tornado_media.app import Media
from tornado_media.config import Config
from tornado_media.errors import BadRequest
from tornado_media.http.account import Account
from tornado_media.presets.plan import Plan
from tornado_media.store.blocks import read_block
from tornado_media.store.representation import Representation
from tornado_media.store.threads import in_thread
from tornado_media.urls import Target
from tornado_media.web.results import without_job

_BLOCK = 256 * 1024


async def render(
    config: Config,
    preset: str,
    source: Path,
    parameters: tuple[tuple[str, str], ...],
    output: Path | None,
    show: Callable[[Plan], None] | None,
) -> None:
    """Make one result.

    Args:
        config: with the source's folder mounted at `/`.
        preset: its name.
        source: absolute path of the source.
        parameters: names and values as in a URL.
        output: absolute path of a file to write, complete or not at all; None is stdout.
        show: gets the plan instead of running it.

    Raises:
        MediaError: what a request would be answered with.
    """
    if len({name for name, _ in parameters}) != len(parameters):
        raise BadRequest("A parameter is given twice.")
    # What is asked for here is made: another server's cache is not looked into and not filled.
    media = Media(replace(config, cache=config.cache.model_copy(update={"bytes": 0, "memory": 0})))
    try:
        target = Target(f"/{source.name}", (("preset", preset), *parameters))
        with media.sources.open(target.path) as opened:
            plan = await media.planning.plan(target, opened)
            if show is not None:
                show(plan)
                return
            result = without_job(plan, opened) or await media.jobs.join(plan, opened, Account(began=0.0))
            try:
                await _write(result, output)
            finally:
                await result.close()
    finally:
        await media.close()


async def _write(result: Representation, output: Path | None) -> None:
    if output is None:
        await _copy(result, sys.stdout.buffer.fileno())
        return
    # Complete or not at all: a failed job leaves no half file behind.
    descriptor, temporary = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    try:
        try:
            await _copy(result, descriptor)
            umask = os.umask(0)
            os.umask(umask)
            os.fchmod(descriptor, 0o666 & ~umask)
        finally:
            os.close(descriptor)
        os.replace(temporary, output)
    except BaseException:
        os.unlink(temporary)
        raise


async def _copy(result: Representation, descriptor: int) -> None:
    reader, buffer = result.open(0), memoryview(bytearray(_BLOCK))
    try:
        while block := await reader.next(len(buffer)):
            rest = buffer[: await read_block(block, buffer)]
            while rest:
                rest = rest[await in_thread(os.write, descriptor, rest) :]
    finally:
        await reader.close()
