"""What is asked of a picture: the parameters of the engines that make one, with their defaults.

A preset's canonical values become keyword arguments of an engine, and these a `Wish`. `image.py` fulfils it
for a still or an animation, `frame.py` for a frame of a video: both are something `Decodable`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from tornado_media.formats.geometry import Asked


class HasSize(Protocol):
    """What must be known before anything is decoded."""

    @property
    def media_type(self) -> str:
        """By the content."""

    @property
    def width(self) -> int:
        """Of one frame, upright, in pixels."""

    @property
    def height(self) -> int:
        """Of one frame, upright, in pixels."""

    @property
    def frames(self) -> int:
        """How many there are."""

    @property
    def delays(self) -> tuple[int, ...]:
        """How long each frame of an animation is shown, milliseconds; () for what does not move."""


class Decodable(Protocol):
    """Something with a header that gives images: a `decode.Picture`, or a frame of a video."""

    @property
    def header(self) -> HasSize:
        """What is known before anything is decoded."""

    def decode(
        self, least: tuple[float, float] | None = None, *, frame: int = 0, animated: bool = False
    ) -> Any:
        """An upright 8-bit image (`pyvips.Image`), sRGB or grey, of at least that size where it can be.

        With `animated` it is the strip of all frames, with `page-height`, `delay` and `loop`.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked of one picture; sizes are in CSS pixels.

    Args:
        width: of the result, or None: it follows from the height.
        height: of the result. With both None the picture keeps its size.
        fit: `inside` width x height and never enlarged; `contain`: inside, and padded to width x height;
            `cover`: all of width x height, what stands out is cut off; `fill`: stretched. The last three
            enlarge where they must. With one side None they only enlarge.
        position: what `cover` keeps and where `contain` puts it: one of nine places, `attention`, `entropy`,
            or a point such as `0.3,0.7` in parts of the sides.
        dpr: pixels for one CSS pixel: multiplies width, height, padding, blur and round.
        crop: `left,top,width,height` of the upright source, which is all that is used: whole numbers are its
            pixels, numbers with a point are parts of its sides.
        rotate: degrees clockwise.
        flip: `horizontal`, `vertical` or `both`; after the rotation.
        background: `#rrggbb` or `#rrggbbaa`: what is seen through transparent pixels, round corners, the
            corners of a rotated picture, padding. Without it these are transparent, in JPEG white.
        padding: `10`, `10,20` or `10,20,30,40`, in the order of CSS.
        trim: tolerance, 0 to 255: a border of the colour of the upper left corner is cut off.
        blur: standard deviation of a Gaussian blur.
        sharpen: strength of an unsharp mask: which part of the difference to a blur of 1 pixel is added.
        grayscale: without colours.
        brightness: factor, as `brightness()` of CSS.
        contrast: factor, as `contrast()` of CSS.
        saturation: factor, as `saturate()` of CSS.
        hue: degrees, as `hue-rotate()` of CSS.
        invert: as `invert(1)` of CSS.
        pixelate: side of the blocks in pixels of the result.
        round: radius of the corners; a large one gives a circle or a pill.
        watermark: open descriptor and media type of a second picture, which is laid over the result.
        watermark_position: one of nine places, or `repeat`.
        watermark_opacity: 0 to 1.
        watermark_scale: its width, as part of the result's.
        format: `jpeg`, `png`, `webp`, `avif` or `gif`.
        quality: 1 to 100, or None: the usual one of the format.
        lossless: of WebP and AVIF.
        max_bytes: the result is at most so large, at the price of its quality.
        progressive: it can be shown before all of it has come.
        strip: which metadata go: `all`, all but `copyright`, `none`.
        frame: of an animation, from 0; the result is a still then.
        page: of a document, from 0; the same as `frame`.
        animated: an animation stays one, where the format can be animated (GIF, WebP).
        linear: resize in linear light.
        pixels: pictures with more of them (width times height of one frame) are refused.
        frames: how many of an animation are used at most.
        output_pixels: results with more of them are refused.
    """

    width: int | None = None
    height: int | None = None
    fit: str = "inside"
    position: str = "center"
    dpr: float = 1.0
    crop: str | None = None
    rotate: float = 0.0
    flip: str | None = None
    background: str | None = None
    padding: str | None = None
    trim: int | None = None
    blur: float = 0.0
    sharpen: float = 0.0
    grayscale: bool = False
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    invert: bool = False
    pixelate: int = 0
    round: int = 0
    watermark: tuple[int, str] | None = None
    watermark_position: str = "bottom-right"
    watermark_opacity: float = 1.0
    watermark_scale: float = 0.25
    format: str = "jpeg"
    quality: int | None = None
    lossless: bool = False
    max_bytes: int | None = None
    progressive: bool = False
    strip: str = "all"
    frame: int | None = None
    page: int | None = None
    animated: bool = False
    linear: bool = False
    pixels: int = 50_000_000
    frames: int = 250
    output_pixels: int = 25_000_000

    @property
    def asked(self) -> Asked:
        """What decides the geometry."""
        return Asked(
            width=self.width,
            height=self.height,
            fit=self.fit,
            position=self.position,
            dpr=self.dpr,
            rotate=self.rotate,
            padding=self.padding,
            output_pixels=self.output_pixels,
        )

    @property
    def still(self) -> int | None:
        """The frame that was asked for, from 0; None if none was."""
        return self.frame if self.frame is not None else self.page

    @property
    def recolours(self) -> bool:
        """Whether the colours change."""
        factors = (self.brightness, self.contrast, self.saturation)
        return self.grayscale or self.invert or self.hue % 360 != 0 or factors != (1.0, 1.0, 1.0)
