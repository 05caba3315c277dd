"""Third station, with what must be looked up: a target and an open source become a plan.

Facts are what only a decoder knows of a source: duration, streams. They are the result of the preset `info`,
made by its engine through the same door as any result, and kept by the same cache: a source that changes has
another key. Further sources, such as a watermark, are opened as the first one was. `make_plan` stays pure.
"""

from __future__ import annotations

import json

from tornado_media.errors import NotFound, SourceUnusable
from tornado_media.formats.facts import VideoFacts
from tornado_media.http.account import Account
from tornado_media.http.hints import SILENT, Client
from tornado_media.jobs.table import Jobs
from tornado_media.presets.make_plan import Draft, draft, make_plan
from tornado_media.presets.plan import Plan, SourceFacts
from tornado_media.presets.recent import Recent
from tornado_media.presets.registry import Presets
from tornado_media.sources.local import Source, Sources
from tornado_media.sources.opening import open_source
from tornado_media.store.cache import Cache
from tornado_media.store.representation import read_all
from tornado_media.urls import Target

_MOST_KNOWN = 64
"""Films whose facts are held ready."""


class Planning:
    """Makes plans.

    Args:
        presets: what may be asked.
        sources: the mounted folders.
        cache: where facts are kept, as any result is.
        jobs: the door to the job that finds facts.
    """

    def __init__(self, presets: Presets, sources: Sources, cache: Cache, jobs: Jobs) -> None:
        self._presets = presets
        self._sources = sources
        self._cache = cache
        self._jobs = jobs
        # Each segment of a film is planned with them, and a long film has a hundred KiB of them.
        self._known: Recent[VideoFacts] = Recent(_MOST_KNOWN)

    async def plan(self, target: Target, source: Source, client: Client = SILENT) -> Plan:
        """What a target wants done with a source.

        Args:
            target: what the URL says.
            source: the open source; further ones that the plan needs become its `others`.
            client: what the client says besides the URL.

        Raises:
            MediaError: it cannot be done.
        """
        asked = draft(target, self._presets, source.facts, client)
        facts = await self._facts(source) if asked.needs_facts else None
        return make_plan(asked, self._presets, facts, await self._open_others(asked, source))

    async def _open_others(self, asked: Draft, source: Source) -> dict[str, SourceFacts]:
        for name, path in asked.others.items():
            try:
                source.others[name] = await open_source(self._sources, path)
            except NotFound as error:
                raise NotFound(f"The parameter {name}: {error.detail}", private=error.private) from None
        return {name: other.facts for name, other in source.others.items()}

    async def _facts(self, source: Source) -> VideoFacts:
        asked = draft(Target(source.facts.path, (("preset", "info"),)), self._presets, source.facts)
        info = make_plan(asked, self._presets)
        return self._known.get(info.key) or self._known.keep(info.key, await self._probed(info, source))

    async def _probed(self, info: Plan, source: Source) -> VideoFacts:
        account = Account(began=0.0)
        made = await self._cache.get(info) or await self._jobs.join(info, source, account)
        facts = json.loads(await read_all(made))
        if not isinstance(facts, dict):
            raise SourceUnusable("The preset info did not give a JSON object.")
        return VideoFacts.from_info(facts)
