"""One documented way to log: the standard library's logging, one line an event, to stderr.

Loggers: `tornado_media` (what went wrong and why, with the private texts), `tornado_media.access` (one line
a request). In somebody else's application nothing is configured here; their logging has it.
"""

from __future__ import annotations

import logging


def configure(level: str) -> None:
    """Log to stderr.

    Args:
        level: the name of the lowest level that is shown, `INFO`.
    """
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Half the cost of a line, and none of it is shown (logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
