"""Fourth station: a target and an open source become a plan, with facts where a planner asks for them.

Facts are what only a decoder knows of a source: duration, streams. They are the result of the preset `info`,
made by its engine through the same door as any result, and remembered by the key of its plan: a source that
changes has another key. `make_plan` itself stays pure.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping

from tornado_media.errors import SourceUnusable
from tornado_media.jobs.table import Jobs
from tornado_media.presets.make_plan import make_plan, needs_facts
from tornado_media.presets.plan import Plan
from tornado_media.presets.registry import Presets
from tornado_media.sources.local import Source
from tornado_media.store.representation import read_all
from tornado_media.urls import Target

SOURCES = 1024
"""Sources whose facts are remembered; a few kilobytes each."""


class Planning:
    """Makes plans, and remembers facts.

    Args:
        presets: what may be asked.
        jobs: the door to the job that finds facts.
    """

    def __init__(self, presets: Presets, jobs: Jobs) -> None:
        self._presets = presets
        self._jobs = jobs
        self._known: OrderedDict[str, Mapping[str, object]] = OrderedDict()

    async def plan(self, target: Target, source: Source) -> Plan:
        """What a target wants done with a source.

        Raises:
            MediaError: it cannot be done.
        """
        if not needs_facts(target, self._presets, source.facts):
            return make_plan(target, self._presets, source.facts)
        info = make_plan(Target(target.path, (("preset", "info"),)), self._presets, source.facts)
        return make_plan(target, self._presets, source.facts, await self._facts(info, source))

    async def _facts(self, info: Plan, source: Source) -> Mapping[str, object]:
        known = self._known.get(info.key)
        if known is not None:
            self._known.move_to_end(info.key)
            return known
        facts = json.loads(await read_all(await self._jobs.join(info, source)))
        if not isinstance(facts, dict):
            raise SourceUnusable("The preset info did not give a JSON object.")
        self._known[info.key] = facts
        if len(self._known) > SOURCES:
            self._known.popitem(last=False)
        return facts
