"""Results that need no job, and what a result is called when somebody saves it."""

from __future__ import annotations

from tornado_media.http.conditional import Validators
from tornado_media.http.fields import content_disposition
from tornado_media.presets.plan import Original, Plan, Text
from tornado_media.sources.local import Source
from tornado_media.store.representation import Representation, of_bytes, of_file
from tornado_media.urls import Target


def without_job(plan: Plan, source: Source) -> Representation | None:
    """The result of a plan that needs no job; None for one that does."""
    match plan.work:
        case Original():
            return original(source, plan.media_type, plan.cache_control)
        case Text():
            return of_bytes(plan.work.content.encode(), plan.media_type, plan.cache_control)
        case _:
            return None


def original(source: Source, media_type: str, cache_control: str) -> Representation:
    """The representation of a source's own bytes."""
    validators = Validators(source.entity_tag, source.last_modified)
    # What is called text by its content is UTF-8; a browser that is not told guesses something else.
    told = f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
    return of_file(source.file, source.facts.size, told, validators, cache_control, source.changed)


_ENDINGS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/avif": "avif",
    "image/gif": "gif",
    "video/mp4": "mp4",
}


def name_of_result(target: Target, plan: Plan) -> dict[str, str]:
    """Content-Disposition with a fitting name for who saves a result: `1.png?format=webp` is not a PNG."""
    if isinstance(plan.work, Original) or plan.media_type not in _ENDINGS:
        return {}
    stem = target.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return {"Content-Disposition": content_disposition("inline", f"{stem}.{_ENDINGS[plan.media_type]}")}
