"""Keeps results in the folder argv[1] until it is killed; a line for each that is kept, by its number."""

import asyncio
import os
import sys
from pathlib import Path

from tornado_media.presets.plan import EngineCall, Limits, Plan, SourceFacts
from tornado_media.store.cache import Cache


async def main() -> None:
    cache = Cache(Path(sys.argv[1]), capacity=10**9, memory=0, share=1.0)
    number = int(sys.argv[2])
    while True:
        number += 1
        facts = SourceFacts(f"/{number % 3}.jpg", "image/jpeg", "/srv", 1, 1, 1)
        work = EngineCall("thumbnail", {})
        plan = Plan(
            "thumbnail", facts, work, "image/png", Limits(), False, True, "no-cache", f"{number:032x}"
        )
        length = 40_000 if number % 2 else 2_000_000
        content = number.to_bytes(4) * (length // 4)
        if number % 2:
            await cache.keep(plan, content, f'"tag-{number}"')
        else:
            room = cache.room()
            file = room.new_file()
            os.pwrite(file, content, 0)
            await cache.keep_file(plan, file, length, f'"tag-{number}"')
            os.close(file)
            room.close()
        print(number, flush=True)


asyncio.run(main())
