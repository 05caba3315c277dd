"""Fourth station: a target and an open source become a plan, with facts where a planner asks for them.

Facts are what only a decoder knows of a source: duration, streams. They are the result of the preset `info`,
made by its engine through the same door as any result, and kept by the same cache: a source that changes has
another key. `make_plan` itself stays pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from tornado_media.errors import SourceUnusable
from tornado_media.http.account import Account
from tornado_media.jobs.table import Jobs
from tornado_media.presets.make_plan import make_plan, needs_facts
from tornado_media.presets.plan import Plan
from tornado_media.presets.registry import Presets
from tornado_media.sources.local import Source
from tornado_media.store.cache import Cache
from tornado_media.store.representation import read_all
from tornado_media.urls import Target


class Planning:
    """Makes plans.

    Args:
        presets: what may be asked.
        cache: where facts are kept, as any result is.
        jobs: the door to the job that finds facts.
    """

    def __init__(self, presets: Presets, cache: Cache, jobs: Jobs) -> None:
        self._presets = presets
        self._cache = cache
        self._jobs = jobs

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
        account = Account(began=0.0)
        made = await self._cache.get(info) or await self._jobs.join(info, source, account)
        facts = json.loads(await read_all(made))
        if not isinstance(facts, dict):
            raise SourceUnusable("The preset info did not give a JSON object.")
        return facts
