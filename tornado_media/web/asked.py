"""What a POST asks: the preset, what its header fields tell of the body, and what the first bytes are.

For `web/upload.py`, which reads the body. What is refused here costs no job.
"""

from __future__ import annotations

from tornado.httputil import HTTPHeaders, HTTPServerRequest

from tornado_media.errors import BadRequest, ExpectationFailed, UnsupportedContent
from tornado_media.formats.media_types import SNIFF_LENGTH, UNKNOWN, media_type, tag_length
from tornado_media.formats.pictures import may_be_animated, may_have_alpha
from tornado_media.presets.make_plan import check_target
from tornado_media.presets.plan import SourceFacts
from tornado_media.presets.preset import Preset
from tornado_media.presets.registry import Presets
from tornado_media.urls import Target, shown
from tornado_media.web.body import Body
from tornado_media.web.handlers import SOURCE_METHODS

MAX_TAG = 1024 * 1024
"""Bytes of an ID3v2 tag that are held to see what is behind it; a sound with a longer one is not accepted."""


def asked_preset(target: Target, presets: Presets) -> Preset:
    """The preset that a target names for the body; what is wrong with its parameters is found here.

    Raises:
        BadRequest: it names none, one that is not there, or parameters that cannot be.
        MethodNotAllowed: the preset does not take POST.
        Unavailable: a program of it is not installed.
    """
    name = dict(target.parameters).get("preset")
    preset = None if name is None else presets.presets.get(name)
    if name is None or preset is None:
        names = ", ".join(name for name, one in presets.presets.items() if "POST" in one.methods)
        what = "A body needs a preset" if name is None else f"There is no preset {shown(name)}"
        raise BadRequest(f"{what}: POST to /?preset=NAME; there are {names}.")
    presets.check_method(target, "POST", SOURCE_METHODS)
    check_target(target, name, presets)
    return preset


async def facts_of(body: Body) -> SourceFacts:
    """What the first bytes of a body tell; they are still to be read then.

    Raises:
        BadRequest: there are none.
        Exception: as `Body.read`.
    """
    head = await body.look(SNIFF_LENGTH)
    if not head:
        raise BadRequest("The source is the body of the request, and it is empty: curl --data-binary @FILE")
    kind, tag = UNKNOWN, tag_length(head)
    # ffmpeg skips a tag whatever follows, so what follows has to be seen: it could be a playlist.
    if tag <= MAX_TAG:
        tagged = (await body.look(tag + SNIFF_LENGTH))[tag:] if tag else b""
        kind = media_type(head, tagged=tagged)
    return SourceFacts(
        path="/",
        media_type=kind,
        absolute_path="",
        size=body.length or 0,
        mtime_ns=0,
        inode=0,
        alpha=may_have_alpha(head, kind),
        animated=may_be_animated(head, kind),
    )


def check_fields(request: HTTPServerRequest) -> None:
    """Look at Expect, Content-Type and Content-Encoding.

    Raises:
        ExpectationFailed: another expectation than 100-continue.
        UnsupportedContent: the body is a form, or coded.
    """
    headers = request.headers
    if (expect := headers.get("Expect")) is not None:
        if request.version == "HTTP/1.0":
            # RFC 9110 section 10.1.1: it MUST be ignored.
            del headers["Expect"]
        elif expect.lower() != "100-continue":
            raise ExpectationFailed("Expect takes 100-continue and nothing else.")
        else:
            # Tornado knows it in small letters only.
            headers["Expect"] = "100-continue"
    if headers.get("Content-Type", "").lower().startswith("multipart/form-data"):
        raise UnsupportedContent("The body is a form; send the bytes as they are: curl --data-binary @FILE")
    if headers.get("Content-Encoding", "").strip().lower() not in ("", "identity"):
        raise UnsupportedContent("The body has a Content-Encoding; send the bytes as they are.", coding=True)


def content_length(headers: HTTPHeaders) -> int | None:
    """What the client announces; None where it is not told, and where Tornado will refuse it."""
    first = headers.get("Content-Length", "").split(",")[0].strip()
    # So many digits are more than anybody has.
    return int(first[:20]) if first.isascii() and first.isdigit() else None
