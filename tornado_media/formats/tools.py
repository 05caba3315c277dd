"""What an ffmpeg can do, as a value, and how it says so. Pure: `config/ffmpeg_tools.py` asks the program."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tornado_media.formats.safety import THREADS

# "ffmpeg version n9.0.2-17-g2a571b6068-20260930", "5.1.9-0+deb12u1", "7.1". A build of an unreleased state
# is named by a commit (N-109421-g9adf02247c) or by a date (2026-01-05-git-...), which is no version.
_version = re.compile(r"^ffmpeg version n?(\d{1,2})\.(\d{1,3})(?:\.(\d{1,3}))?(?![\d.])", re.MULTILINE)
_year = re.compile(r"^ffmpeg version .*Copyright \(c\) (?:2\d{3}-)?(2\d{3})", re.MULTILINE)
_filter = re.compile(r"^ [T.][S.][C.]? +(\w+) +\S*->\S*", re.MULTILINE)
_encoder = re.compile(r"^ [VAS][F.][S.][X.][B.][D.] +(?!=)(\S+)", re.MULTILINE)

_PIXELSMASH_FIXED = ((7, 1, 5), (8, 0, 3), (8, 1, 2))
"""The first versions of their branches without it; 9.0 never had it, older branches got no release."""

_PIXELSMASH_YEAR = 2026
"""When it was found and mended: a build of an earlier year has it."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the ffmpeg of this machine has.

    Args:
        version: numbers of a release, `(9, 0, 2)`; None for a build of something else.
        filters: their names; empty when nobody asked.
        encoders: likewise.
        encoder: the H.264 encoder to use, a name of `encoders.ENCODERS`.
        device: of a hardware encoder that needs one, an absolute path.
        threads: that decode, and that encode: no more for each command.
        hole: a sentence about one that it is known to have; None when none is known.
    """

    version: tuple[int, ...] | None = None
    filters: frozenset[str] = frozenset()
    encoders: frozenset[str] = frozenset()
    encoder: str = "libx264"
    device: str = "/dev/dri/renderD128"
    threads: int = THREADS
    hole: str | None = None


def version_of(banner: str) -> tuple[int, ...] | None:
    """The release that `ffmpeg -version` names; None where it names none.

    Args:
        banner: what it says; only the line `ffmpeg version ...` is looked at.
    """
    found = _version.search(banner)
    return None if found is None else tuple(int(number) for number in found.groups() if number is not None)


def filters_of(listing: str) -> frozenset[str]:
    """The names in what `ffmpeg -filters` says."""
    return frozenset(_filter.findall(listing))


def encoders_of(listing: str) -> frozenset[str]:
    """The names in what `ffmpeg -encoders` says."""
    return frozenset(_encoder.findall(listing))


def known_hole(version: tuple[int, ...] | None, banner: str = "") -> str | None:
    """A sentence about a hole that this ffmpeg is known to have; None when none is known.

    PixelSmash, CVE-2026-8461: a crafted AVI, MKV or MOV writes outside the memory of the MagicYUV decoder.
    Our commands do not let that decoder run (`safety.DECODERS`), but presets of others may. A distribution
    may have mended an old version without saying so in its number.

    Args:
        version: of `version_of`.
        banner: tells the year of a build that has no version.
    """
    if version is None:
        year = _year.search(banner)
        if year is None or int(year[1]) >= _PIXELSMASH_YEAR:
            return None
        name = f"This build of ffmpeg of {year[1]}"
    elif _mended(version):
        return None
    else:
        name = f"ffmpeg {'.'.join(map(str, version))}"
    return (
        f"{name} has the hole CVE-2026-8461 (PixelSmash), through which a video can run code, unless your "
        "distribution has mended it; 7.1.5, 8.0.3, 8.1.2 and 9.0 are without it."
    )


def _mended(version: tuple[int, ...]) -> bool:
    branch, full = version[:2], (*version, 0, 0)[:3]
    fixed = next((first for first in _PIXELSMASH_FIXED if first[:2] == branch), None)
    return full >= fixed if fixed is not None else branch > _PIXELSMASH_FIXED[-1][:2]
