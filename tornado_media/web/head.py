"""Header sections that are made once: what the responses of `web/hot.py` begin with."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Written for each response, or a matter of one connection; the entity tag is the result's own.
_NOT_FIXED = frozenset(
    {
        "cache-status", "connection", "content-length", "date", "etag", "keep-alive", "server-timing",
        "transfer-encoding",
    }
)  # fmt: skip

# https://www.rfc-editor.org/rfc/rfc9110.html#section-15.4.5
_OF_NOT_MODIFIED = frozenset({"cache-control", "content-location", "expires", "server", "vary"})

_control = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def heads(fields: Mapping[str, str], entity_tag: str, length: int) -> tuple[bytes, bytes]:
    """Status line and fields of a 200 and of a 304, without those that each response has of its own.

    Args:
        fields: of a 200 response to a GET.
        entity_tag: of its content.
        length: of its content, bytes.

    Raises:
        ValueError: a field has a control character or one that is not Latin-1.
    """
    fixed = {name: value for name, value in fields.items() if name.lower() not in _NOT_FIXED}
    few = {name: value for name, value in fixed.items() if name.lower() in _OF_NOT_MODIFIED}
    return (
        _head("200 OK", {**fixed, "ETag": entity_tag, "Content-Length": str(length)}),
        _head("304 Not Modified", {**few, "ETag": entity_tag}),
    )


def _head(status: str, fields: Mapping[str, str]) -> bytes:
    """A status line and the fields that do not change, ready for those that do."""
    lines = [f"HTTP/1.1 {status}"]
    for name, value in {**fields, "Cache-Status": "tornado_media; hit"}.items():
        if _control.search(value):
            raise ValueError(f"a control character in the field {name}")
        lines.append(f"{name}: {value}")
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")
