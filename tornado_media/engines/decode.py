"""Opening a picture safely and cheaply: what its header says, then its pixels. Runs in worker processes only.

The first step of every engine for pictures. It decodes what strangers sent, so libvips is told to keep to
its hardened loaders, each picture is read by the loader of its media type and no other, and sizes are looked
at before a pixel is. This module must not know what the picture is for.

SVG is the one loader that libvips does not count among its hardened ones and that is used all the same. It
gets bytes and no address, so whatever the picture refers to outside of itself is not looked for.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from functools import partial
from types import TracebackType
from typing import Any, NoReturn

# Read by libvips when it is loaded. Workers are the parallelism: two threads for each picture would only
# make all of them wait.
os.environ.setdefault("VIPS_CONCURRENCY", "1")

import pyvips

from tornado_media.engines import png_quick, reopen, vips_texts
from tornado_media.engines.apng_decode import draw
from tornado_media.engines.header import SWAPPED, Header, read_header
from tornado_media.engines.loading import Content, content_of, load_jpeg, load_vectors, load_webp
from tornado_media.engines.patience import Patience
from tornado_media.engines.refusal import check_count, check_frames, check_scans, check_size
from tornado_media.engines.scaling import Size
from tornado_media.engines.shrinking import Load, Loaded, reduce_picture
from tornado_media.errors import BadRequest, SourceUnusable
from tornado_media.formats.apng import SIGNATURE, Animation, read_animation

pyvips.block_untrusted_set(True)
pyvips.operation_block_set("VipsForeignLoadSvg", False)
vips_texts.tolerate()
pyvips.cache_set_max(0)  # no picture comes twice here: that is what the result cache is for
logging.getLogger("pyvips").setLevel(logging.ERROR)  # a warning of libvips is no news of ours

__all__ = ["FAIL_ON", "LOADERS", "Header", "Picture", "open_picture", "unusable"]

LOADERS = {
    "image/jpeg": "jpegload",
    "image/png": "pngload",
    "image/apng": "pngload",
    "image/webp": "webpload",
    "image/gif": "gifload",
    "image/tiff": "tiffload",
    "image/avif": "heifload",
    "image/heif": "heifload",
    "image/heic": "heifload",
    "image/svg+xml": "svgload",
}
"""Which loader of libvips a media type means. Other types are refused."""

FAIL_ON = "error"
"""Truncated and corrupt sources fail; what libjpeg merely warns of (bytes after the end) does not. A picture
with a grey lower half looks like ours was the mistake, and a cache would keep it."""

_JPEG = b"\xff\xd8\xff"

_HEAD = 1 << 20
"""Bytes of a PNG in which it must say that it is animated."""


_DRAWING = 0.7
"""Seconds of processor time to draw vectors."""


class Picture:
    """An opened picture; a context manager that owns its descriptor.

    Args:
        descriptor: of the source; it is closed when the context is left.
        media_type: one of `LOADERS`.
        pixels: pictures with more than that, in one frame, are refused.
        frames: how many frames of an animation are used, at most.
        metadata: whether the images that it gives have those of the file. Without, they may have some.

    Raises:
        SourceUnusable: not a picture of this type, or too large.
    """

    def __init__(
        self, descriptor: int, media_type: str, pixels: int, frames: int, *, metadata: bool = True
    ) -> None:
        self._descriptor, self._pixels, self._metadata = descriptor, pixels, metadata
        self._loader = LOADERS[media_type]
        self._content: Content = b""
        self._animation: Animation | None = None
        self._patience = Patience(_DRAWING)
        if self._loader in ("webpload", "tiffload"):
            check_count(content_of(descriptor), media_type)
        try:
            if self._loader == "jpegload":
                self._content = content_of(descriptor)
                if self._content[: len(_JPEG)] != _JPEG:
                    raise pyvips.Error("no JPEG")
            elif self._loader == "pngload":
                self._animation = self._read_animation()
            self.image: Any = self._load_vectors() if self._loader == "svgload" else self._load()
            """The image of libvips of which only the header was read: for its metadata, not its pixels."""
        except pyvips.Error as error:
            self._refuse(error, media_type)
        self.header = read_header(self.image, media_type, self._animation, frames)
        if self._loader != "svgload":  # it has no pixels yet
            check_size(self.header.width, self.header.height, pixels)
        if self._loader == "jpegload" and self.image.get("jpeg-multiscan"):
            check_scans(self._content, self.header.width * self.header.height)

    def __enter__(self) -> Picture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def decode(
        self, least: tuple[float, float] | None = None, *, frame: int = 0, animated: bool = False
    ) -> Any:
        """An upright 8-bit image of one frame, sRGB or grey, with the whole field of view.

        Most pixels are computed when somebody asks for them: a `pyvips.Error` then means a damaged picture.
        A transparency channel in which nothing is transparent may be left out.

        Args:
            least: width and height in upright pixels. A picture that is larger comes in just this size (the
                next whole number), made by whatever is cheapest and looks like Lanczos; none is enlarged.
                Vectors are drawn so that they fill both. None: in its own size.
            frame: of an animation or page of a document, from 0.
            animated: all frames that are used, below each other, with `page-height`, `delay` and `loop`;
                of a picture that does not move, the one image.

        Raises:
            BadRequest: there is no such frame.
            SourceUnusable: damaged, or this frame is too large.
        """
        if not 0 <= frame < self.header.frames:
            raise BadRequest(
                f"There is no frame {frame}: this picture has {self.header.frames}, the first is 0."
            )
        animated = animated and bool(self.header.delays)
        if self._loader != "tiffload":
            count = len(self.header.delays) if animated else frame + 1
            check_frames(count, self.header.width, self.header.height, self._pixels)
        try:
            if animated:
                return self._strip(list(self._frames(least)))
            return self._still(least, frame)
        except pyvips.Error as error:
            raise unusable(error, self.header.media_type) from error

    def _still(self, least: tuple[float, float] | None, frame: int) -> Any:
        if self._animation is not None and frame:
            *_, drawn = draw(self._content, self._animation, fail_on=FAIL_ON, last=frame)
            return self._finish(partial(_whole, drawn), self._size(least, drawn))
        if self._loader == "svgload":
            return self._finish(
                lambda: load_vectors(self._load_vectors, self.image, least, self._pixels), None
            )
        page = self.image
        if frame and self._loader == "tiffload":  # each page may have another size
            page = self._load(page=frame)
            check_size(page.width, page.height, self._pixels)
        size = self._size(least, page)
        how = {"page": frame} if frame else {}
        if self._loader == "jpegload":
            return self._finish(
                lambda: load_jpeg(self._load, self._content, page, size, metadata=self._metadata), size
            )
        if self._loader == "webpload":
            content = content_of(self._descriptor)
            return self._finish(lambda: load_webp(self._load, content, page, size, how), size)
        if self._loader == "pngload":
            whole = png_quick.decode(self._descriptor, page, metadata=self._metadata)
            if whole is not None:
                return self._finish(partial(_whole, whole), size)
        return self._finish(lambda: _whole(self._load(**how)), size)

    def _finish(self, load: Load, size: Size | None) -> Any:
        image = reduce_picture(load, size, streams=self._loader in ("pngload", "tiffload"))
        return image.copy_memory().autorot() if self.header.orientation > 1 else image

    def _frames(self, least: tuple[float, float] | None) -> Iterator[Any]:
        """The frames that are used, each finished."""
        if self._animation is not None:
            last = len(self.header.delays) - 1
            for drawn in draw(self._content, self._animation, fail_on=FAIL_ON, last=last):
                yield self._finish(partial(_whole, drawn), self._size(least, drawn)).copy_memory()
            return
        count = len(self.header.delays)
        size = self._size(least, self.image)
        how = {"n": count}
        strip = (
            load_webp(self._load, b"", self.image, size, how)[0]
            if self._loader == "webpload"
            else self._load(**how)
        )
        height = strip.height // count
        for number in range(count):
            one = strip.crop(0, number * height, strip.width, height)
            yield self._finish(partial(_whole, one), size)

    def _strip(self, frames: list[Any]) -> Any:
        alike = (
            frames if len({one.bands for one in frames}) == 1 else [_with_all_channels(one) for one in frames]
        )
        joined = pyvips.Image.arrayjoin(alike, across=1).copy()
        for name in ("n-pages", "orientation"):
            joined.remove(name)
        joined.set_type(pyvips.GValue.gint_type, "page-height", frames[0].height)
        joined.set_type(pyvips.GValue.array_int_type, "delay", list(self.header.delays))
        joined.set_type(pyvips.GValue.gint_type, "loop", self.header.loop)
        return joined

    # -- what is read ---------------------------------------------------------------------------------

    def _load(self, **how: Any) -> Any:
        how = {"access": "sequential", "fail_on": FAIL_ON} | how
        if self._loader == "jpegload":
            # The loader for bytes would copy them, and to touch new memory is what costs most. Only
            # `new_from_source` keeps the bytes alive as long as the image and all that is made of it; the
            # header does not outlive the picture, and this way it is had sooner.
            content = how.pop("content", None)
            if content is None:
                return pyvips.Image.jpegload_source(pyvips.Source.new_from_memory(self._content), **how)
            return pyvips.Image.new_from_source(pyvips.Source.new_from_memory(content), "", **how)
        source = pyvips.Source.new_from_descriptor(self._descriptor)
        return getattr(pyvips.Image, self._loader + "_source")(source, **how)

    def _load_vectors(self, **how: Any) -> Any:
        """The header; where something is asked for, all pixels: drawing them later would not be timed."""
        with self._patience:
            image = self._load(**how)
            return image.copy_memory() if how else image

    def _read_animation(self) -> Animation | None:
        head = os.pread(self._descriptor, _HEAD, 0)
        if not head.startswith(SIGNATURE) or b"acTL" not in head.partition(b"IDAT")[0]:
            return None
        self._content = content_of(self._descriptor)
        return read_animation(memoryview(self._content))

    def _refuse(self, error: pyvips.Error, media_type: str) -> NoReturn:
        try:
            source = pyvips.Source.new_from_descriptor(self._descriptor)
            found = pyvips.Image.new_from_source(source, "").get("vips-loader")
        except pyvips.Error:
            raise unusable(error, media_type) from error
        if found.startswith(self._loader):
            raise unusable(error, media_type) from error
        raise SourceUnusable(f"This is not a picture of the type {media_type}.", private=f"{found}: {error}")

    def _size(self, least: tuple[float, float] | None, image: Any) -> Size | None:
        """Down to which size, as in the file, the image goes; None where it stays as it is."""
        if least is None:
            return None
        across, down = reversed(least) if self.header.orientation in SWAPPED else least
        size = min(image.width, _ceil(across)), min(image.height, _ceil(down))
        return None if size == (image.width, image.height) else size


def open_picture(source: int, media_type: str, *, pixels: int, frames: int, metadata: bool = True) -> Picture:
    """Open a picture and look at its header; no pixel is decoded.

    Args:
        source: open descriptor of the picture, which stays open and where it is.
        media_type: of the source, by its content.
        pixels: pictures with more than that (width times height of one frame) are refused.
        frames: how many frames of an animation are used, at most.
        metadata: whether the images that it gives have those of the file. Without, they may have some.

    Raises:
        SourceUnusable: not a picture, of an unsupported kind, or too large.
    """
    if media_type not in LOADERS:
        raise SourceUnusable(f"Pictures of the type {media_type} cannot be read.")
    descriptor = reopen(source)
    try:
        return Picture(descriptor, media_type, pixels, frames, metadata=metadata)
    except BaseException:
        os.close(descriptor)
        raise


def unusable(error: pyvips.Error, media_type: str = "") -> SourceUnusable:
    """What an error of libvips means to who asked for the picture."""
    if media_type in ("image/heic", "image/heif") and "codec" in str(error).lower():
        sentence = "Pictures of the type image/heic that are coded with HEVC cannot be read here."
    else:
        sentence = "This picture is damaged or of a kind that cannot be read."
    return SourceUnusable(sentence, private=str(error))


def _whole(image: Any) -> Loaded:
    return image, (float(image.width), float(image.height))


def _with_all_channels(image: Any) -> Any:
    image = image.colourspace("srgb")
    return image if image.hasalpha() else image.addalpha()


def _ceil(side: float) -> int:
    # 300.0000001 comes from a division
    return max(1, math.ceil(side - 1e-6))
