"""How alike two pictures look: SSIM, computed with libvips, which is a dependency (numpy is none).

Wang, Bovik, Sheikh, Simoncelli: Image quality assessment: from error visibility to structural similarity,
IEEE Transactions on Image Processing 13 (2004). A Gaussian window with a sigma of 1.5 pixels, the constants
of the paper, the mean over all pixels. Luminance is compared, as there.
"""

from __future__ import annotations

from typing import Any

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def _window(image: Any) -> Any:
    return image.gaussblur(1.5, precision="float", min_ampl=0.02)


def _luma(image: Any) -> Any:
    image = image.flatten(background=255) if image.hasalpha() else image
    if image.bands == 3:  # ITU-R BT.601, as in JPEG
        image = image.recomb([[0.299, 0.587, 0.114]])
    return image.cast("float").copy_memory()


def ssim(one: Any, other: Any) -> float:
    """1.0 for equal pictures; two that nobody can tell apart have more than 0.98.

    Args:
        one: an image of libvips, 8 bits. Transparent pixels become white.
        other: one of the same size.
    """
    assert (one.width, one.height) == (other.width, other.height)
    x, y = _luma(one), _luma(other)
    mean_x, mean_y = _window(x), _window(y)
    variance_x, variance_y = _window(x * x) - mean_x * mean_x, _window(y * y) - mean_y * mean_y
    covariance = _window(x * y) - mean_x * mean_y
    likeness = ((2 * mean_x * mean_y + C1) * (2 * covariance + C2)) / (
        (mean_x * mean_x + mean_y * mean_y + C1) * (variance_x + variance_y + C2)
    )
    return float(likeness.avg())
