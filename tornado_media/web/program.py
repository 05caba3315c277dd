"""One line for somebody else's handler: the output of any program as the response.

    class Report(tornado.web.RequestHandler):
        async def get(self):
            await tornado_media.send_program(self, ["make-report", "--pdf"], media_type="application/pdf")

Behind it is all that a preset has: late headers, back-pressure, deadlines, a process group that goes with
the client, an end that is earned.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence

from tornado.web import Application, RequestHandler

from tornado_media.errors import Unavailable
from tornado_media.jobs.slots import STREAMS_PER_JOB, Slots, default_jobs
from tornado_media.jobs.table import Jobs
from tornado_media.presets.plan import Limits, Pipeline
from tornado_media.processes.pipeline import RunningPipeline
from tornado_media.processes.running import Running
from tornado_media.processes.workers import Workers
from tornado_media.web.delivery import deliver, deliver_head, refuse_range
from tornado_media.web.edge import answer
from tornado_media.web.exchange import WRITE_TIMEOUT, Exchange

_JOBS = "tornado_media.jobs"

STREAM_LIMITS = Limits(first_byte=30.0, idle=60.0, total=6 * 3600.0, output=2**62)
"""Limits of a program whose output streams: a client may read it for hours."""


async def send_program(
    handler: RequestHandler,
    argv: Sequence[str] | Sequence[Sequence[str]],
    *,
    media_type: str,
    stdin: int | None = None,
    streams: bool = True,
    limits: Limits | None = None,
    fields: Mapping[str, str] = {},
    cache_control: str = "no-store",
    write_timeout: float = WRITE_TIMEOUT,
) -> None:
    """Send the output of a program, or of programs joined by pipes, as the response.

    Returns when the response is complete, or aborted because the program failed or the client left; the
    program's whole process group is gone then. A program that fails before its first byte gives 502, one
    that is too slow 504, one that is not installed or a full queue 503; later failures abort the
    connection, so that no client takes a part for the whole.

    Args:
        handler: of the request; it must not have sent anything.
        argv: the program and its arguments, or a sequence of these for a pipeline. Never a shell line.
            A program without a slash is looked for on PATH.
        media_type: of the output.
        stdin: descriptor of an open file that the first program reads, else /dev/null; stays the caller's.
        streams: send headers at the first block; False collects up to 1 MiB first, for a Content-Length and
            an entity tag.
        limits: deadlines in seconds and the bound of output in bytes; None takes `STREAM_LIMITS` for a
            stream and the defaults of `Limits` else.
        fields: more header fields of the response.
        cache_control: the response's Cache-Control.
        write_timeout: seconds that the client may take nothing.

    Raises:
        ValueError: argv is empty.
    """
    commands = _commands(argv)
    bounds = limits or (STREAM_LIMITS if streams else Limits())
    jobs = _jobs_of(handler.application)

    async def start() -> Running:
        work = Pipeline(
            tuple((_program(command[0]), *command[1:]) for command in commands), stdin is not None
        )
        return RunningPipeline(work, stdin, bounds, guard=jobs.guard)

    async def respond(exchange: Exchange) -> None:
        if streams and await refuse_range(exchange, handler):
            return
        if handler.request.method == "HEAD":
            await deliver_head(exchange, media_type, cache_control, streams)
            return
        slots = jobs.streams if streams else jobs.jobs
        name = os.path.basename(commands[0][0])
        result = await jobs.run(
            name, start, bounds, slots, streams, media_type, cache_control, exchange.account
        )
        await deliver(exchange, handler, result, fields)

    await answer(handler, respond, write_timeout)


def _commands(argv: Sequence[str] | Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    if isinstance(argv, str):
        raise TypeError("argv is a list of arguments, not a shell line")
    commands = [argv] if argv and isinstance(argv[0], str) else argv
    result = tuple(tuple(str(argument) for argument in command) for command in commands)
    if not result or not all(result):
        raise ValueError("argv names no program")
    return result


def _program(name: str) -> str:
    if os.path.isabs(name):
        return name
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"The program {os.path.basename(name)} is not installed on this server.")
    return os.path.abspath(found)


def _jobs_of(application: Application) -> Jobs:
    """The slots of an application: bounded without anybody having to think of it."""
    jobs = application.settings.get(_JOBS)
    if not isinstance(jobs, Jobs):
        size = default_jobs()
        jobs = Jobs(Slots(size, 100, 30.0), Slots(STREAMS_PER_JOB * size, 100, 30.0), Workers(size, ()))
        application.settings[_JOBS] = jobs
    return jobs
