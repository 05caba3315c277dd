"""From a plan to work that runs: programs, or a call of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from tornado_media.presets.plan import Command, EngineCall, Limits, Original, Pipeline, Plan, Segment, Text
from tornado_media.processes.fallback import WithFallback
from tornado_media.processes.guard import Guard
from tornado_media.processes.pipeline import RunningPipeline
from tornado_media.processes.running import Running
from tornado_media.processes.workers import Workers


class Starting:
    """Starts work.

    Args:
        workers: where engines run.
        guard: ends programs when the server is gone.
    """

    def __init__(self, workers: Workers, guard: Guard) -> None:
        self._workers, self._guard = workers, guard

    async def start(self, plan: Plan, files: Sequence[int]) -> Running:
        """Start the work of a plan.

        Args:
            plan: what to run.
            files: descriptors of its sources; they may be closed when this has returned.

        Raises:
            MediaError: it could not be started.
        """
        match plan.work:
            case Pipeline():
                return self._pipeline(plan.work, files[0], plan.limits)
            case Segment():
                return self._pipeline(plan.work.pipeline(plan.work.number or 0), None, plan.limits)
            case EngineCall():
                return await self._workers.call(plan.work, plan.source.media_type, files, plan.limits)
            case Original() | Text():
                raise AssertionError("this needs no job")

    def _pipeline(self, work: Pipeline, source: int | None, limits: Limits) -> Running:
        def start(commands: tuple[Command, ...]) -> Running:
            return RunningPipeline(replace(work, commands=commands), source, limits, guard=self._guard)

        first = start(work.commands)
        return first if work.otherwise is None else WithFallback(first, partial(start, work.otherwise))
