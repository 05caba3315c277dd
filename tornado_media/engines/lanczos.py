"""A picture of Pillow made smaller by Lanczos with three lobes, by whoever is soonest done.

The Rust library fast_image_resize needs a fifth of the processor time of Pillow and about half of that of
libvips, and comes as near to the sums without rounding as they do. The extra `speed` brings it, in
cykooz.resizer. It is given bytes and gives bytes: it can work in Pillow's pictures too, but would have to
know how each version of Pillow lays them out. Without it Pillow resizes what is small, and the rest is
libvips' (`scaling`), which takes a millisecond to begin.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from PIL import Image

from tornado_media.engines.scaling import Extent, Size

_SMALL = 200_000
"""Pixels up to which Pillow resizes: alone libvips is faster from 140,000 on, but where all processors have
work its thread waits for one."""

_LARGEST = 2_000_000
"""Pixels that the library is given. They are in memory three times meanwhile, so larger pictures stream."""

_RAW = {"L": "L", "RGB": "RGBX"}
"""By a picture's mode, the bytes that are its own: Pillow has four for a pixel that has three."""


def most() -> int:
    """Pixels up to which `shrink` makes a picture smaller."""
    return _SMALL if _quick is None else _LARGEST


def shrink(picture: Image.Image, extent: Extent, size: Size) -> Image.Image | None:
    """The picture in another size, or None where libvips is the better one for it.

    Args:
        picture: RGB or grey.
        extent: of what it shows, in its pixels, from its upper left corner: see `scaling`.
        size: not larger than that.
    """
    if extent[0] * extent[1] > most():
        return None
    if _quick is None:
        return picture.resize(size, Image.Resampling.LANCZOS, (0, 0, *extent))
    return _quick.shrink(picture, extent, size)


class _Quick(NamedTuple):
    """The library, and what is made once."""

    library: Any
    resizer: Any
    filter: Any

    def shrink(self, picture: Image.Image, extent: Extent, size: Size) -> Image.Image:
        library, raw = self.library, _RAW[picture.mode]
        kind = library.PixelType.U8 if raw == "L" else library.PixelType.U8x4
        source = library.ImageData(*picture.size, kind, picture.tobytes("raw", raw))
        result = library.ImageData(*size, kind)
        box = library.CropBox(0.0, 0.0, *extent)
        # Without: the fourth byte means nothing.
        self.resizer.resize(source, result, library.ResizeOptions(self.filter, use_alpha=False, crop_box=box))
        return Image.frombytes(picture.mode, size, result.get_buffer(), "raw", raw)


def _load() -> _Quick | None:
    try:
        import cykooz_resizer as library
    except ImportError:
        return None
    lanczos3 = library.ResizeAlg.convolution(library.FilterType.lanczos3)
    return _Quick(library, library.Resizer(), lanczos3)


# Here and not at the first picture: most want it, and a worker may take little memory once it has a call.
_quick = _load()
