"""Which quality each format gets, and how hard its encoder tries: measured, and pure constants.

The figures are rough: CPU milliseconds of one core of a shared machine, the least of three; libvips 8.18 with
mozjpeg, libwebp and libaom. `benchmarks/qualities.py FOLDER` prints the first table for other photographs.

What looks alike. Medians over 37 photographs at 300 x 200 and 12 at 1200 x 800: the lowest quality that has
the SSIM (and, second, the score of ssimulacra2) of our JPEG, and its bytes as a part of the JPEG's:

    JPEG    format   300 x 200                   1200 x 800
    80      WebP     83 (0.86)   83 (0.82)       88 (0.95)   90 (1.11)
    80      AVIF     67 (0.82)   71 (0.93)       69 (0.79)   68 (0.75)
    60      WebP     57 (0.81)   66 (0.83)       68 (0.89)   70 (0.81)
    60      AVIF     49 (0.72)   56 (0.91)       46 (0.58)   48 (0.64)

So WebP saves bytes in small pictures only, AVIF in large ones more than in small ones. Half of the
photographs lie within 5 of these figures.

What an effort costs, CPU ms (and bytes at the same SSIM, as a part of the JPEG's):

    format           300 x 200     1200 x 800
    JPEG 80          1.2           7
    WebP, effort 2   3.5 (0.85)    33 (1.00)
    WebP, effort 4   6.6 (0.74)    75 (0.85)
    AVIF, effort 0   4.8 (0.78)    38 (0.84)
    AVIF, effort 1   14 (0.71)     110 (0.75)
    AVIF, effort 2   22 (0.66)     220 (0.74)
"""

from __future__ import annotations

from collections.abc import Mapping

QUALITY: Mapping[str, int] = {"jpeg": 80, "webp": 85, "avif": 69}
"""Qualities that look alike."""

SAVE_DATA: Mapping[str, int] = {"jpeg": 60, "webp": 65, "avif": 50}
"""Qualities that look alike for a client that wants fewer bytes (Save-Data): a third less."""

LOWEST = 10
"""The quality below which no picture is worth its bytes: `max_bytes` does not go there by itself."""

STEP = 4
"""Between the qualities that `max_bytes` tries: about 5 % of the bytes."""

FULL_CHROMA = 90
"""The quality from which a JPEG has all pixels of its colours (4:4:4), below every fourth (4:2:0). libvips
has the same limit for AVIF; a lossy WebP is always 4:2:0."""

JPEG_TABLE = 3
"""Quantisation tables of mozjpeg: those that ImageMagick uses, by N. Robidoux. They cost nothing, and at the
same likeness need 10 % (SSIM) to 33 % (ssimulacra2) fewer bytes than those of annex K of the standard at
300 x 200, 17 % and 5 % at 1200 x 800. (Trellis quantisation takes 3 to 5 times as long for another 5 %.)"""

WEBP_EFFORT = 2
"""0 to 6. 4, which is usual, takes twice as long for a tenth of the bytes."""

LOSSLESS_WEBP_EFFORT = 1
"""0 to 6. A drawing has half the bytes of effort 0; more effort is only slower."""

AVIF_EFFORT = 0
"""0 to 9, in all sizes: one and a half times the CPU of WebP. Effort 1 takes three times as long for a
tenth of the bytes, effort 4 thirty times."""

PNG_COMPRESSION = 4
"""0 to 9; with `sub` it takes as long as libvips usually does (6, `none`), for 20 % fewer bytes of
photographs and drawings alike. 6 takes twice as long for 3 % (photographs) to 7 % (drawings)."""

PNG_FILTER = "sub"

PALETTE: Mapping[str, float] = {"effort": 1, "dither": 0.5}
"""How colours of a GIF, or of a PNG with a quality, are chosen. It takes 25 ms for 300 x 200 pixels, where
the usual effort of 7 takes 220, with 10 % more bytes and an SSIM that is lower by 0.01 to 0.03."""

PNG_PALETTES = ((90, 8), (60, 8), (30, 8), (60, 4), (60, 2))
"""Quality of the palette and bits for each pixel: what `max_bytes` tries when a whole PNG does not fit."""

SLOW_PIXELS = 4_000_000
"""Pixels of a result above which AVIF is not worth waiting for. 4 megapixels take 350 ms (WebP 270) and
70 MiB beside the picture; 16 take 1.3 s and 290 MiB, more than a worker may have."""
