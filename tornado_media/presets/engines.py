"""Engines by name and what they take: a plain table, so that a preset can be checked without loading one.

The functions themselves are in `tornado_media.engines` and run in worker processes only; this module must
not import them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tornado_media.presets.parameter import Size, SourcePath, Value
from tornado_media.presets.plan import Limits


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine.

    Args:
        takes: its parameters: the type each must have in a preset. Those that a preset does not declare have
            the value that the function has for them.
        limits: fields of `Limits` that it takes too.
        makes: the media types of its results by the values of its parameter `format`; the first is what it
            makes where that is not declared.
    """

    takes: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    makes: Mapping[str, str] = field(default_factory=dict)

    def arguments(self, values: Mapping[str, Value], limits: Limits) -> dict[str, object]:
        """The keyword arguments of a call; a size becomes `width` and `height`, each may be None.

        Args:
            values: of the parameters that have one; another source is none of the arguments.
            limits: of the job.
        """
        arguments: dict[str, object] = {}
        for name, value in values.items():
            if isinstance(value, Size):
                arguments |= {"width": value.width, "height": value.height}
            elif name in self.takes and not isinstance(value, SourcePath):
                arguments[name] = value
        return arguments | {name: getattr(limits, name) for name in self.limits}


_OF_A_PICTURE: Mapping[str, str] = {
    "size": "size",
    "fit": "choice",
    "position": "position",
    "dpr": "number",
    "crop": "box",
    "rotate": "number",
    "flip": "choice",
    "background": "color",
    "padding": "edges",
    "trim": "integer",
    "blur": "number",
    "sharpen": "number",
    "grayscale": "boolean",
    "brightness": "number",
    "contrast": "number",
    "saturation": "number",
    "hue": "number",
    "invert": "boolean",
    "pixelate": "integer",
    "round": "integer",
    "watermark": "source",
    "watermark_position": "choice",
    "watermark_opacity": "number",
    "watermark_scale": "number",
    "format": "choice",
    "quality": "integer",
    "lossless": "boolean",
    "max_bytes": "integer",
    "progressive": "boolean",
    "strip": "choice",
    "linear": "boolean",
}
_OF_FRAMES: Mapping[str, str] = {"frame": "integer", "page": "integer", "animated": "boolean"}

_PICTURES = {name: f"image/{name}" for name in ("jpeg", "png", "webp", "avif", "gif")}
_JSON = {"json": "application/json"}
_BOUNDS = ("pixels", "frames")

ENGINES: Mapping[str, Engine] = {
    "thumbnail": Engine({**_OF_A_PICTURE, **_OF_FRAMES}, (*_BOUNDS, "output_pixels"), _PICTURES),
    "poster": Engine({"time": "time", **_OF_A_PICTURE}, ("pixels", "output_pixels"), _PICTURES),
    "info": Engine({"exif": "choice", "play": "words"}, _BOUNDS, _JSON),
    "placeholder": Engine(
        {"size": "integer", "format": "choice"},
        _BOUNDS,
        {"webp": "image/webp", "thumbhash": "text/plain", **_JSON},
    ),
    "palette": Engine({"colors": "integer"}, _BOUNDS, _JSON),
    "storyboard": Engine(
        {"width": "integer", "tiles": "integer", "format": "choice", "quality": "integer"},
        ("pixels",),
        {"webp": "image/webp", "jpeg": "image/jpeg", "vtt": "text/vtt"},
    ),
    "preview": Engine(
        {"width": "integer", "seconds": "number", "quality": "integer"}, ("pixels",), {"webp": "image/webp"}
    ),
    "captions": Engine({"charset": "choice"}, (), {"vtt": "text/vtt"}),
}
