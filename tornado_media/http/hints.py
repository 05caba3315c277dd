"""What a client says of itself besides the URL: Accept, Save-Data, and client hints.

Asked where the result may depend on them. The fields: Accept (RFC 9110 section 12.5.1), Sec-CH-DPR and
Sec-CH-Width (https://wicg.github.io/responsive-image-client-hints/), Save-Data
(https://wicg.github.io/savedata/). A field that cannot be read is a client that says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

ACCEPT = "Accept"
DPR = "Sec-CH-DPR"
WIDTH = "Sec-CH-Width"
SAVE_DATA = "Save-Data"

# https://www.rfc-editor.org/rfc/rfc9651.html#section-3.3.2
_decimal = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,3})?")
_MOST_DPR = 16.0


@dataclass(frozen=True, slots=True)
class Client:
    """What a client says.

    Args:
        accept: the value of Accept, or None.
        dpr: device pixels for each CSS pixel, or None.
        width: of the picture in the page, in device pixels, or None.
        save_data: it wants fewer bytes.
    """

    accept: str | None = None
    dpr: float | None = None
    width: int | None = None
    save_data: bool = False


SILENT = Client()
"""A client that says nothing."""


def client_of(fields: Mapping[str, str]) -> Client:
    """What the fields of a request say; their names in any case where the mapping allows it."""
    dpr, width = _number(fields.get(DPR)), _number(fields.get(WIDTH))
    return Client(
        accept=fields.get(ACCEPT),
        dpr=None if dpr is None else min(dpr, _MOST_DPR),
        width=None if width is None else -int(-width // 1),
        save_data=fields.get(SAVE_DATA, "").strip().lower() == "on",
    )


def _number(text: str | None) -> float | None:
    if text is None or not _decimal.fullmatch(text.strip()):
        return None
    return float(text) or None
