"""What a failed request is told, in the form that its client reads (RFC 9457).

Used by the handler for every response of 400 and above. The texts come from `errors.MediaError`, whose
`detail` is public; this module must not be given anything else, and it escapes all that it is given:
a detail quotes the URL.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from string import Template

from tornado_media.http.negotiation import best

_TEXT = "text/plain"
_HTML = "text/html"
_PROBLEM = "application/problem+json"
_JSON = "application/json"

# In the order of what is sent to a client without a wish: curl and <img> read one line best.
_OFFERED = (_TEXT, _HTML, _PROBLEM, _JSON)

_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>$status $title</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-content: center; }
main { max-width: 36rem; padding: 1.5rem; }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.2; }
h1 span { opacity: .7; font-variant-numeric: tabular-nums; }
p { margin: 0; overflow-wrap: anywhere; }
</style>
</head>
<body>
<main>
<h1><span>$status</span> $title</h1>
<p>$detail</p>
</main>
</body>
</html>
""")


def problem_body(
    status: int, title: str, detail: str, accept: str | None, extensions: Mapping[str, object] | None = None
) -> tuple[str, bytes]:
    """The media type and the content of a response that tells of a failure.

    JSON for clients that prefer it to text, a page for browsers, else one line of text. A client that
    accepts none of them gets the line: a failure has to be told (RFC 9110 section 12.4.1).

    Args:
        status: the status code.
        title: its phrase.
        detail: one public sentence.
        accept: the value of the request's Accept field, or None.
        extensions: further members of the JSON object, which cannot replace the standard ones.
    """
    chosen = best(accept, _OFFERED)
    if chosen in {_PROBLEM, _JSON}:
        # For application/json too: a problem has no other media type (RFC 9457 section 3).
        standard = {"status": status, "title": title, "detail": detail}
        members = {**standard, **(extensions or {}), **standard}
        return _PROBLEM, json.dumps(members, default=str).encode("ascii")
    title, detail = _one_line(title), _one_line(detail)
    if chosen == _HTML:
        page = _PAGE.substitute(status=status, title=html.escape(title), detail=html.escape(detail))
        return f"{_HTML}; charset=utf-8", page.encode()
    line = f"{status} {title}: {detail}" if detail else f"{status} {title}"
    return f"{_TEXT}; charset=utf-8", f"{line}\n".encode()


def _one_line(text: str) -> str:
    # A control character in a URL could drive the terminal of whoever reads the line, a bidirectional one
    # could turn it round, a lone surrogate has no UTF-8.
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
