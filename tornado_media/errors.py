"""What can go wrong, which status it has, and what may be said of it.

Every station of a request raises a class from here; the web edge turns it into a response. `detail` is
public: one sentence that helps whoever wrote the URL. `private` is for the log only: argv, paths, stderr.

    MediaError                   status  raised by
    ├── BadRequest               400     urls, presets: the URL asks for what cannot be
    ├── Forbidden                403     sources: there, but not to be served
    ├── NotFound                 404     sources
    ├── MethodNotAllowed         405     web
    ├── RequestTimedOut          408     web: the client stopped sending
    ├── ContentTooLarge          413     web: a body above the preset's bound
    ├── UnsupportedContent       415     web: a form, or a coded body
    ├── ExpectationFailed        417     web
    ├── SourceUnusable           422     presets, engines: this source cannot be made into that
    │   ├── SourceCrashed                processes: a signal ended the worker that decoded it
    │   └── SourceTooCostly              processes, engines: more memory than a job may have
    ├── ProgramFailed            502     processes, jobs: before its first byte
    ├── Unavailable              503     jobs, presets: a full queue, a program that is not installed
    └── ProgramTimedOut          504     jobs: a deadline passed before the first byte

The statuses are those of RFC 9110 section 15. After the headers are out none of these can be shown any
more: the connection is aborted instead.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar


class MediaError(Exception):
    """A failure with a status and two texts.

    Args:
        detail: the public text, one sentence; it never holds a path of the machine, an argv or stderr.
        private: what the log shows beside it.
    """

    status_code: ClassVar[int] = 500

    def __init__(self, detail: str, *, private: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.private = private

    @property
    def title(self) -> str:
        """The phrase of the status, as RFC 9110 has it."""
        return HTTPStatus(self.status_code).phrase

    def headers(self) -> dict[str, str]:
        """Response fields that belong to this failure."""
        return {}


class BadRequest(MediaError):
    """The URL cannot mean anything here (400)."""

    status_code = 400


class Forbidden(MediaError):
    """The source is there but is not served (403)."""

    status_code = 403


class NotFound(MediaError):
    """No such source (404)."""

    status_code = 404


class MethodNotAllowed(MediaError):
    """This resource does not know the method (405).

    Args:
        detail: the public text.
        allow: the methods that it knows, for the Allow field.
    """

    status_code = 405

    def __init__(self, detail: str, *, allow: tuple[str, ...]) -> None:
        super().__init__(detail)
        self.allow = allow

    def headers(self) -> dict[str, str]:
        """The Allow field, which RFC 9110 section 15.5.6 requires."""
        return {"Allow": ", ".join(self.allow)}


class RequestTimedOut(MediaError):
    """The client did not send its body in time (408)."""

    status_code = 408


class ContentTooLarge(MediaError):
    """The body of the request is larger than the preset allows (413)."""

    status_code = 413


class UnsupportedContent(MediaError):
    """The body is not the bytes of a source as they are: a form, or compressed (415).

    Args:
        detail: the public text.
        coding: the body has a Content-Encoding: the response says that it must have none.
    """

    status_code = 415

    def __init__(self, detail: str, *, coding: bool = False) -> None:
        super().__init__(detail)
        self.coding = coding

    def headers(self) -> dict[str, str]:
        """The Accept-Encoding field that RFC 9110 section 15.5.16 asks for after a content coding."""
        return {"Accept-Encoding": "identity"} if self.coding else {}


class ExpectationFailed(MediaError):
    """The request's Expect has something that nobody here knows (417)."""

    status_code = 417


class SourceUnusable(MediaError):
    """The source cannot be made into what was asked (422)."""

    status_code = 422


class SourceCrashed(SourceUnusable):
    """The worker that decoded the source crashed: any other result of it may do the same (422)."""


class SourceTooCostly(SourceUnusable):
    """What was asked of the source needs more memory than a job may have (422)."""


class ProgramFailed(MediaError):
    """A program ended badly before its first byte (502)."""

    status_code = 502


class Unavailable(MediaError):
    """Not now, or not on this machine (503).

    Args:
        detail: the public text.
        retry_after: seconds until it is worth asking again, or None when waiting does not help.
        private: what the log shows beside it.
    """

    status_code = 503

    def __init__(self, detail: str, *, retry_after: int | None = None, private: str = "") -> None:
        super().__init__(detail, private=private)
        self.retry_after = retry_after

    def headers(self) -> dict[str, str]:
        """The Retry-After field (RFC 9110 section 10.2.3) where waiting helps."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


class ProgramTimedOut(MediaError):
    """A program let its deadline pass before its first byte (504)."""

    status_code = 504
