"""HDR video to the range of ordinary pictures: tables of numbers, pure.

A signal in PQ or HLG is turned into light, the light that no ordinary picture can show is rolled off, and
what is left is brought from BT.2020's wide colours to those of sRGB. Each channel goes its own way, so bright
colours become paler, as on film. Up to half of white nothing is rolled off.

Films are taken for 1000 cd/m2 at most, which most are made for; what is brighter becomes white.
"""

from __future__ import annotations

from functools import lru_cache

TRANSFERS = {16: "pq", 18: "hlg"}
"""TransferCharacteristics of ITU-T H.273 that are HDR."""

LEVELS = 4096
"""Entries of a curve: twelve bits, the most that HDR video has."""

WHITE = 203.0
"""cd/m2 of a white sheet of paper in HDR video (ITU-R BT.2408 section 2.1): white in an ordinary picture."""

PEAK = 1000.0
"""cd/m2 above which all is white."""

MATRIX = (
    (1.6605, -0.5876, -0.0728),
    (-0.1246, 1.1329, -0.0083),
    (-0.0182, -0.1006, 1.1187),
)
"""Light in the primaries of BT.2020 to those of BT.709 and sRGB (ITU-R BT.2407 section 2.2)."""

# SMPTE ST 2084, and ITU-R BT.2100 table 4
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# ITU-R BT.2100 table 5: HLG
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_HLG_GAMMA = 1.2


@lru_cache(maxsize=4)
def curve(transfer: str) -> tuple[float, ...]:
    """What a channel of a signal becomes, for LEVELS numbers from 0 to the largest one.

    Args:
        transfer: `pq` or `hlg`.

    Returns:
        Light, 0 to 1 (white), in the primaries that it had.
    """
    to_nits = pq_to_nits if transfer == "pq" else hlg_to_nits
    return tuple(rolled_off(to_nits(level / (LEVELS - 1))) / WHITE for level in range(LEVELS))


def pq_to_nits(signal: float) -> float:
    """The light of a signal in PQ (SMPTE ST 2084), 0 to 1, in cd/m2."""
    power = signal ** (1 / _M2)
    return float(10_000 * (max(0.0, power - _C1) / (_C2 - _C3 * power)) ** (1 / _M1))


def nits_to_pq(nits: float) -> float:
    """The other way."""
    power = (nits / 10_000) ** _M1
    return float(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def hlg_to_nits(signal: float) -> float:
    """The light that a screen of 1000 cd/m2 gives for a signal in HLG (ITU-R BT.2100 table 5), 0 to 1.

    The gamma of the screen is applied to each channel, not to their sum: near enough for a small picture.
    """
    scene = signal * signal / 3 if signal <= 0.5 else (2.718281828459045 ** ((signal - _C) / _A) + _B) / 12
    return float(PEAK * scene**_HLG_GAMMA)


def rolled_off(nits: float) -> float:
    """Light of up to PEAK brought to at most WHITE: the EETF of ITU-R BT.2390 section 5.4.1.

    Args:
        nits: cd/m2.
    """
    whole, white = nits_to_pq(PEAK), nits_to_pq(WHITE)
    most = white / whole
    knee = 1.5 * most - 0.5
    signal = min(1.0, nits_to_pq(nits) / whole)
    if signal > knee:
        t = (signal - knee) / (1 - knee)
        t2, t3 = t * t, t * t * t
        signal = (2 * t3 - 3 * t2 + 1) * knee + (t3 - 2 * t2 + t) * (1 - knee) + (3 * t2 - 2 * t3) * most
    return min(WHITE, pq_to_nits(signal * whole))
