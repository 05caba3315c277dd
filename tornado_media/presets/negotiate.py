"""Which of several results a client gets from one URL: the format that it can show, as many pixels as its
screen has, fewer bytes where it asks for that.

What is chosen here are values of parameters, before the plan has a key. So two clients that get the same
share one result, and a URL that says the same itself shares it too. Part of the third station; pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tornado_media.formats.qualities import QUALITY, SLOW_PIXELS
from tornado_media.formats.qualities import SAVE_DATA as SAVING
from tornado_media.http.hints import ACCEPT, DPR, SAVE_DATA, WIDTH, Client
from tornado_media.http.negotiation import best_named
from tornado_media.presets.parameter import Choice, Parameter, Size, Value
from tornado_media.presets.plan import SourceFacts

AUTO = "auto"
"""The value of a choice named `format` that means: what suits the client."""


@dataclass(frozen=True, slots=True)
class Negotiation:
    """What may depend on the client.

    Args:
        formats: that `auto` prefers, in this order, where the client names them in Accept.
        avif_pixels: width times height of a result above which AVIF takes too long.
        hints: Sec-CH-DPR, Sec-CH-Width and Save-Data are heeded.
        dprs: steps that a hint of the device's pixels is rounded up to; not empty.
        widths: steps that a hint of a width is rounded up to, in pixels; not empty.
    """

    formats: tuple[str, ...] = ("avif", "webp")
    avif_pixels: int = SLOW_PIXELS
    hints: bool = False
    dprs: tuple[float, ...] = (1.0, 1.5, 2.0, 3.0)
    widths: tuple[int, ...] = (160, 320, 480, 640, 800, 1024, 1280, 1600, 2000)


def negotiate(
    parameters: Mapping[str, Parameter],
    values: Mapping[str, Value],
    given: Collection[str],
    client: Client,
    rules: Negotiation,
    source: SourceFacts,
) -> tuple[dict[str, Value], tuple[str, ...]]:
    """The values for this client, and the names of the fields that they depend on (RFC 9110 section 12.5.5).

    Args:
        parameters: of the preset.
        values: of the parameters that have one.
        given: names of those that the URL says: a hint never changes them.
        client: what it says.
        rules: what may depend on it.
        source: a picture.
    """
    chosen, vary = dict(values), []
    if rules.hints:
        vary += _use_hints(parameters, chosen, given, client, rules)
    if chosen.get("format") == AUTO:
        chosen["format"] = _format(parameters["format"], chosen, client, rules, source)
        vary.insert(0, ACCEPT)
    if "quality" in parameters and "quality" not in chosen and not chosen.get("lossless"):
        if rules.hints:
            vary.append(SAVE_DATA)
        usual = SAVING if rules.hints and client.save_data else QUALITY
        if (quality := usual.get(str(chosen.get("format")))) is not None:
            _set(chosen, parameters, "quality", quality)
    return chosen, tuple(vary)


def _use_hints(
    parameters: Mapping[str, Parameter],
    chosen: dict[str, Value],
    given: Collection[str],
    client: Client,
    rules: Negotiation,
) -> list[str]:
    vary = []
    if "dpr" in parameters and "dpr" not in given:
        vary.append(DPR)
        if client.dpr is not None:
            _set(chosen, parameters, "dpr", _step(client.dpr, rules.dprs))
    if "size" in parameters and "size" not in given:
        vary.append(WIDTH)
        if client.width is not None:
            # The hint counts pixels of the device already.
            _set(chosen, parameters, "size", Size(int(_step(client.width, rules.widths)), None))
            chosen.pop("dpr", None)
    return vary


def _set(chosen: dict[str, Value], parameters: Mapping[str, Parameter], name: str, value: Value) -> None:
    """Set a value that its parameter accepts; another one leaves it as it was."""
    parameter = parameters[name]
    try:
        chosen[name] = parameter.parse(parameter.canonical(value))
    except ValueError:
        return


def _step(wanted: float, steps: Sequence[float]) -> float:
    """The smallest step that is enough, or the largest of all."""
    return min((step for step in steps if step >= wanted), default=max(steps))


def _format(
    parameter: Parameter, values: Mapping[str, Value], client: Client, rules: Negotiation, source: SourceFacts
) -> str:
    there = [name for name in parameter.values if name != AUTO] if isinstance(parameter, Choice) else []
    moving, exact = source.animated and bool(values.get("animated")), bool(values.get("lossless"))
    offered = [name for name in rules.formats if name in there]
    if "avif" in offered and (moving or exact or _pixels(values) > rules.avif_pixels):
        offered.remove("avif")  # it cannot move here, and is larger than WebP where it is exact
    plain = "gif" if moving and not exact else "png" if source.alpha or exact else "jpeg"
    if plain not in there:
        plain = "jpeg" if "jpeg" in there else there[0]
    found = best_named(client.accept, [f"image/{name}" for name in offered], f"image/{plain}")
    return found.removeprefix("image/")


def _pixels(values: Mapping[str, Value]) -> float:
    """Pixels of the result, at most; without a size nobody knows before the source is opened."""
    size, dpr = values.get("size"), values.get("dpr", 1.0)
    if not isinstance(size, Size) or not isinstance(dpr, int | float):
        return float("inf")
    width, height = size.width or size.height or 0, size.height or size.width or 0
    return width * height * dpr * dpr
