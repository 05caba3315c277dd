"""Response fields that need more care than a value: names of files, and types that a browser would run.

Used by `delivery` for original bytes. This module must not decide whether a source is served, only how a
browser is told to treat it.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

# https://www.rfc-editor.org/rfc/rfc6266.html#section-4.1
#
#    content-disposition = "Content-Disposition" ":" disposition-type *( ";" disposition-parm )
#    filename-parm       = "filename" "=" value / "filename*" "=" ext-value
#
# https://www.rfc-editor.org/rfc/rfc8187.html#section-3.2.1
#
#    ext-value  = charset "'" [ language ] "'" value-chars
#    attr-char  = ALPHA / DIGIT / "!" / "#" / "$" / "&" / "+" / "-" / "." / "^" / "_" / "`" / "|" / "~"
_disposition_type = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ATTR_CHARS = "!#$&+-.^_`|~"

# Of no use in a name: separators of folders, controls, lone surrogates, and the characters that turn the
# direction of text, with which `gpj.exe` can be shown as `exe.jpg`.
_unsafe = re.compile("[\x00-\x1f\x7f-\x9f/\\\\\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# Not in the fallback either: a quote would end it, and some browsers decode %XX in it (RFC 6266 appendix D).
# The separators once more, because taking a full-width one apart makes a plain one of it.
_not_plain = re.compile(r'[^ -~]|["%/\\]')

# A browser that opens one of these as a document runs the script in it. PDF is not here: its viewer runs
# outside of the origin. JavaScript is not here: opened, it is shown as text.
_ACTIVE = frozenset(
    {
        "text/html",
        "text/xml",
        "text/xsl",
        "application/xml",
        "application/xml-dtd",
        "application/xml-external-parsed-entity",
        "text/xml-external-parsed-entity",
        "message/rfc822",
        "multipart/related",
        "multipart/x-mixed-replace",
    }
)
_media_type = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+/[!#$%&'*+\-.^_`|~0-9a-z]+")
_UNKNOWN = frozenset({"unknown/unknown", "application/unknown", "*/*"})


def content_disposition(disposition: str, file_name: str) -> str:
    """The value of a Content-Disposition field (RFC 6266), for any name that a file can have.

    The plain `filename` is what ASCII can say of the name. `filename*`, which every browser of today
    prefers, follows where that is not the whole name.

    Args:
        disposition: `inline` or `attachment`.
        file_name: the last segment of a path; what could leave a folder or the field becomes `_`.
    """
    if not _disposition_type.fullmatch(disposition):
        raise ValueError(f"not a disposition type: {disposition!r}")
    name = _unsafe.sub("_", file_name)
    if not name:
        return disposition
    plain = _not_plain.sub("_", _without_accents(name))
    value = f'{disposition}; filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"
    return value


def is_active(media_type: str) -> bool:
    """Whether a browser would run script in a document of this type, so that it belongs in a sandbox.

    HTML, SVG and whatever else is XML (a stylesheet can turn any of it into HTML). A type that says
    nothing counts too, since a browser may guess HTML.

    Args:
        media_type: of the content, with or without parameters.
    """
    essence = media_type.partition(";")[0].strip(" \t").lower()
    if not _media_type.fullmatch(essence) or essence in _UNKNOWN:
        return True
    return essence in _ACTIVE or essence.endswith("+xml")


def _without_accents(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(character for character in decomposed if not unicodedata.combining(character))
