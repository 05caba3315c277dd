"""Asks an ffmpeg what it can do, once when a server starts, and tries which hardware encoder works here.

That an encoder is in the program says nothing: h264_nvenc is in most of them, and few machines have the card,
the driver and a free session. So each is tried with a tenth of a second of a picture.
"""

from __future__ import annotations

import glob
import logging
import os
import subprocess

from tornado_media.formats.encoders import ENCODERS, HARDWARE, SOFTWARE, probe_command
from tornado_media.formats.tools import Tools, encoders_of, filters_of, known_hole, version_of

log = logging.getLogger("tornado_media")

ANSWER_SECONDS = 10.0
"""How long a program may take to say what it can; from a slow disk a large one takes seconds."""

TRIAL_SECONDS = 10.0
"""How long an encoder may take for a tenth of a second. A driver that is broken may hang."""

MOST_THREADS = 8
"""More of them gain little for one film, and there are others."""

_DEVICES = "/dev/dri/renderD*"


def ask(program: str, encoder: str = "software") -> Tools:
    """What an ffmpeg can do. Blocks; a program that does not answer is one of which nothing is known.

    Args:
        program: its absolute path.
        encoder: `software`; `auto`: the first in hardware that works, else software; or a name of
            `encoders.ENCODERS`, which is taken whether or not it works now.

    Raises:
        ValueError: there is no such encoder, or the program has it not; the text is for who configures it.
    """
    banner = _says(program, "-version")
    encoders = encoders_of(_says(program, "-hide_banner", "-encoders"))
    version, device = version_of(banner), _device()
    return Tools(
        version=version,
        filters=filters_of(_says(program, "-hide_banner", "-filters")),
        encoders=encoders,
        encoder=_choose(program, encoder, encoders, device),
        device=device,
        threads=min(MOST_THREADS, max(2, len(os.sched_getaffinity(0)))),
        hole=known_hole(version, banner),
    )


def works(program: str, encoder: str, device: str) -> bool:
    """Whether an encoder makes a tenth of a second of a film.

    Args:
        program: the absolute path of an ffmpeg.
        encoder: of `encoders.ENCODERS`.
        device: the absolute path of the one that it would use.
    """
    _, *arguments = probe_command(encoder, device)
    try:
        tried = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TRIAL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.info("the encoder %s does not work here: %s", encoder, error)
        return False
    if tried.returncode != 0:
        said = tried.stderr.decode(errors="replace").strip().splitlines()
        log.info("the encoder %s does not work here: %s", encoder, said[-1] if said else tried.returncode)
    return tried.returncode == 0


def _choose(program: str, wish: str, there: frozenset[str], device: str) -> str:
    if wish == "auto":
        names = (name for name in HARDWARE if name in there and works(program, name, device))
        return next(names, SOFTWARE)
    name = SOFTWARE if wish == "software" else wish
    if name not in ENCODERS:
        known = ", ".join(("software", "auto", *ENCODERS))
        raise ValueError(f"There is no encoder {name!r}. There are {known}.")
    # Where nobody knows what there is, the first film will tell.
    if there and name not in there:
        raise ValueError(f"{program} has no encoder {name}.")
    return name


def _device() -> str:
    return next(iter(sorted(glob.glob(_DEVICES))), Tools().device)


def _says(program: str, *arguments: str) -> str:
    try:
        said = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("cannot ask ffmpeg what it can do: %s", error)
        return ""
    return said.stdout.decode(errors="replace")
