"""The grammar of our URLs: a request-target becomes a path and parameters, or a 400 that says why.

    target     = path [ "?" parameter *( "&" parameter ) ]
    path       = 1*( "/" name )           decoded once; a slash at its end means a folder
    parameter  = name "=" value           decoded; "+" is a space

First station. One text, one meaning: what two programs could read in two ways is refused here, so that
nothing behind has to think of it (RFC 3986 section 6, CVE-2021-41773). This module must not look at files,
mounts or presets: whether a path leads anywhere is for `sources`, what a parameter means for `presets`.

Decisions where the RFCs leave room:
- `.` and `..` are refused, not resolved: browsers and curl resolve them before they send.
- A name is never normalized: a file whose name is NFD is found by its NFD spelling only.
- Bytes above 127 that came without percent-encoding are taken for UTF-8, as nginx does: curl sends them so.
- `+` in the query is a space, as forms and URLSearchParams write it; a plus sign is `%2B`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from tornado_media.errors import BadRequest

MAX_TARGET = 8 * 1024
"""Bytes of a request-target. RFC 9112 section 3 recommends that at least 8000 are supported."""

MAX_NAME = 255
"""Bytes of one name in a path: NAME_MAX of Linux file systems."""

MAX_PARAMETERS = 64
"""Parameters of one target; no preset has that many."""

# https://www.rfc-editor.org/rfc/rfc9112.html#section-3.2
#
#    request-target = origin-form / absolute-form / authority-form / asterisk-form
#
# The authority of an http URL (RFC 9110 section 4.2.1) has a host, and no userinfo: section 4.2.4 wants
# that treated as an error.
_absolute_form = re.compile(r"https?://([^/?#@\\\x00-\x20]+)(?=[/?#]|\Z)", re.IGNORECASE)
_no_escape = re.compile(rb"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_control = re.compile("[\x00-\x1f\x7f-\x9f]")
_escaped_slash = re.compile(r"%2f", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL asks for.

    Args:
        path: the source: decoded, absolute, `/holiday/1.jpg`; with a slash at its end, a folder.
        parameters: names and values, decoded, in the order asked; no name is there twice.
    """

    path: str
    parameters: tuple[tuple[str, str], ...] = ()


def parse_target(target: str) -> Target:
    """Read a request-target in origin-form or absolute-form (RFC 9112 section 3.2).

    Args:
        target: as it came, one character for each byte (latin-1), not decoded.

    Raises:
        BadRequest: it is not of our grammar; the text says where and what would be.
    """
    if len(target) > MAX_TARGET:
        raise BadRequest(f"The URL is longer than {MAX_TARGET} bytes.")
    if "#" in target:
        raise BadRequest('A "#" is not sent to a server; in a name or a value write it as %23.')
    path, _, query = _origin_form(target).partition("?")
    return Target(_path(path), _parameters(query))


def format_target(path: str, parameters: Mapping[str, str] | None = None) -> str:
    """The canonical spelling of a target, in origin-form: parameters in the order of their names.

    Every byte of UTF-8 but the unreserved characters (RFC 3986 section 2.3) and the slashes of the path is
    percent-encoded, in upper case, so any language can spell it the same way.

    Args:
        path: as in `Target`.
        parameters: names and values, decoded.
    """
    pairs = sorted((parameters or {}).items())
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    return quote(path, safe="/") + ("?" if query else "") + query


def is_name(name: str) -> bool:
    """Whether a folder or a file of this name can have a URL: `parse_target` accepts it in a path.

    Args:
        name: as the operating system gives it: what is not UTF-8 is there as surrogates.
    """
    try:
        _check_name(name)
    except BadRequest:
        return False
    return True


def check_path(path: str) -> None:
    """Check a decoded path of a source: absolute, of names that `parse_target` accepts, none of them empty.

    Raises:
        BadRequest: it is none.
    """
    if not path.startswith("/"):
        raise BadRequest("The path of a source begins with a slash.")
    if path != "/":
        for name in path[1:].split("/"):
            _check_name(name)


def shown(text: str) -> str:
    """Text of a client in quotes, short and printable, for a public text."""
    return ascii(text if len(text) <= 40 else text[:40] + "...")


def _origin_form(target: str) -> str:
    if target.startswith("/"):
        return target
    if (absolute := _absolute_form.match(target)) is not None:
        rest = target[absolute.end() :]
        # An empty path is "/" (RFC 9110 section 4.2.3).
        return rest if rest.startswith("/") else f"/{rest}"
    raise BadRequest(
        "The target of a request begins with a slash, as in /holiday/1.jpg, or is a whole http URL."
    )


def _path(text: str) -> str:
    if _escaped_slash.search(text):
        raise BadRequest("A name in the path cannot contain a slash, not as %2F either.")
    names = _decoded(text, "The path").split("/")[1:]
    folder = names[-1] == ""
    if folder:
        names.pop()
    for name in names:
        _check_name(name)
    return "/" + "/".join(names) + ("/" if folder and names else "")


def _check_name(name: str) -> None:
    if name == "":
        raise BadRequest("Two slashes follow each other in the path; write one.")
    if name in {".", ".."}:
        raise BadRequest('The path must not have "." or ".." as a name; write where it leads.')
    if "\\" in name or "/" in name:
        raise BadRequest(
            "A name in the path cannot contain a slash or a backslash; folders are divided by /."
        )
    if _control.search(name):
        raise BadRequest(f"The name {shown(name)} in the path contains a control character.")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise BadRequest(f"The name {shown(name)} in the path is not UTF-8.") from None
    if size > MAX_NAME:
        raise BadRequest(f"The name {shown(name)} in the path is longer than {MAX_NAME} bytes.")


@lru_cache(maxsize=512)
def _parameters(query: str) -> tuple[tuple[str, str], ...]:
    # Nothing between two "&" is what templates leave behind; it cannot mean anything, so it means nothing.
    elements = [element for element in query.split("&") if element]
    if len(elements) > MAX_PARAMETERS:
        raise BadRequest(f"There are more than {MAX_PARAMETERS} parameters.")
    found: dict[str, str] = {}
    for element in elements:
        name, value = _parameter(element)
        if name in found:
            raise BadRequest(f"The parameter {shown(name)} is there twice; say it once.")
        found[name] = value
    return tuple(found.items())


def _parameter(element: str) -> tuple[str, str]:
    encoded_name, equals, encoded_value = element.replace("+", " ").partition("=")
    name = _decoded(encoded_name, "The name of a parameter")
    if name == "":
        raise BadRequest(f"A parameter has no name before {shown(element)}; write NAME=VALUE.")
    if _control.search(name):
        raise BadRequest(f"The name of the parameter {shown(name)} contains a control character.")
    if not equals:
        raise BadRequest(f"The parameter {shown(name)} has no value; write {shown(name)[1:-1]}=VALUE.")
    value = _decoded(encoded_value, f"The value of the parameter {shown(name)}")
    if _control.search(value):
        raise BadRequest(f"The value of the parameter {shown(name)} contains a control character.")
    return name, value


def _decoded(text: str, what: str) -> str:
    """Percent-decode, once and strictly: CVE-2021-41773 was a second pass, overlong UTF-8 is an old `../`."""
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        raise BadRequest(f"{what} is not percent-encoded UTF-8.") from None
    if (wrong := _no_escape.search(raw)) is not None:
        escape = shown(wrong.group().decode("latin-1"))
        raise BadRequest(f"{what} has {escape}, which is no percent-encoding; write a percent sign as %25.")
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise BadRequest(f"{what} is not percent-encoded UTF-8.") from None
