"""Signed URLs: only who has a key decides which pictures a server makes.

    /1.jpg?size=300x200&expires=1790000000&signature=BASE64URL

The signature is the HMAC-SHA256 (RFC 2104) of the target in its canonical spelling, `urls.format_target`,
without the signature itself; in base64url without padding (RFC 4648 section 5). So the order and the encoding
of the parameters do not matter, and whatever else is changed does. `expires` is part of what is signed:
seconds since 1970 UTC. This module must not read a clock.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence

from tornado_media.errors import BadRequest, Forbidden
from tornado_media.urls import Target, format_target, parse_target

SIGNATURE = "signature"
EXPIRES = "expires"

_seconds = re.compile(r"[0-9]{1,12}")
_max_age = re.compile(r"\b(max-age|s-maxage)=([0-9]+)")


def sign(target: str, key: str, expires: int | None = None) -> str:
    """A target with its signature.

    Args:
        target: `/1.jpg?size=300x200`, below the prefix that the server's routes have; percent-encoded.
        key: one of the keys of the server.
        expires: until when it is good, seconds since 1970 UTC; None for ever.

    Raises:
        BadRequest: the target is not of our grammar, or it is signed already.
    """
    asked = parse_target(target)
    parameters = dict(asked.parameters)
    if SIGNATURE in parameters or EXPIRES in parameters:
        raise BadRequest("This target is signed already.")
    if expires is not None:
        parameters[EXPIRES] = str(expires)
    text = format_target(asked.path, parameters)
    return f"{text}{'&' if parameters else '?'}{SIGNATURE}={_signature(text, key)}"


def verified(target: Target, keys: Sequence[str], now: float) -> tuple[Target, int | None]:
    """A target without its signature, which was found good, and until when it is.

    Args:
        target: what the URL asks for.
        keys: any of them may have signed; none: no target is signed, and none can be.
        now: seconds since 1970 UTC.

    Raises:
        Forbidden: the signature is missing, is another one, or the time has passed.
        BadRequest: a signature that nobody here can read.
    """
    parameters = dict(target.parameters)
    given, expires = parameters.pop(SIGNATURE, None), parameters.get(EXPIRES)
    if not keys:
        if given is not None or expires is not None:
            raise BadRequest("This server has no keys, so no URL of it is signed or expires.")
        return target, None
    if given is None:
        raise Forbidden("This server makes only what a signed URL asks for, and this one has no signature.")
    text = format_target(target.path, parameters)
    good = [hmac.compare_digest(_signature(text, key).encode(), given.encode()) for key in keys]
    if not any(good):
        raise Forbidden("The signature does not fit this URL.")
    parameters.pop(EXPIRES, None)
    asked = Target(target.path, tuple(parameters.items()))
    if expires is None:
        return asked, None
    if not _seconds.fullmatch(expires):
        raise BadRequest("The parameter expires takes seconds since 1970.")
    if int(expires) <= now:
        raise Forbidden("The time of this URL has passed.")
    return asked, int(expires)


def until(cache_control: str, seconds: int) -> str:
    """A Cache-Control that lets nobody keep a response longer than its URL is good.

    Args:
        cache_control: of the response.
        seconds: that the URL is still good for.
    """
    return _max_age.sub(lambda found: f"{found[1]}={min(int(found[2]), seconds)}", cache_control)


def _signature(text: str, key: str) -> str:
    digest = hmac.digest(key.encode(), text.encode(), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
