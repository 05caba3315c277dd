"""The steps one by one, on pixels, against Pillow or against arithmetic."""

from __future__ import annotations

import math
import random

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from tornado_media.engines import filters, transform, watermark
from tornado_media.engines.transform import pyvips
from tornado_media.engines.wish import Wish
from tornado_media.formats.boxes import Box
from tornado_media.formats.geometry import Asked, arrange

BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


def vips(image):
    """An image of Pillow as libvips has it."""
    bands = BANDS[image.mode]
    found = pyvips.Image.new_from_memory(image.tobytes(), *image.size, bands, "uchar")
    return found.copy(interpretation="b-w" if bands < 3 else "srgb")


def pillow(image):
    """And back."""
    assert image.format == "uchar"
    assert image.interpretation == ("b-w" if image.bands < 3 else "srgb")
    mode = next(mode for mode, bands in BANDS.items() if bands == image.bands)
    return Image.frombytes(mode, (image.width, image.height), image.write_to_memory())


def noise(size=(24, 16), mode="RGB", seed=1):
    chance = random.Random(seed)
    return Image.frombytes(mode, size, chance.randbytes(size[0] * size[1] * BANDS[mode]))


def smooth(size=(64, 48), mode="RGB"):
    """Gradients and one disc: something like a photograph."""
    across, down = Image.linear_gradient("L").rotate(90).resize(size), Image.linear_gradient("L").resize(size)
    disc = Image.new("L", size)
    ImageDraw.Draw(disc).ellipse((size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2), fill=200)
    layers = [across, down, disc, ImageChops.lighter(ImageOps.invert(across), disc)]
    return Image.merge(mode, layers[: BANDS[mode]]) if mode != "LA" else Image.merge("LA", layers[:2])


def difference(one, other):
    """The largest and the mean difference of two images of Pillow."""
    assert (one.size, one.mode) == (other.size, other.mode)
    values = ImageChops.difference(one, other).tobytes()
    return max(values), sum(values) / len(values)


# -- size and place -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", BANDS)
@pytest.mark.parametrize("size", [(32, 24), (17, 40), (1, 1), (64, 48)])
def test_a_smaller_picture_is_that_of_lanczos(mode, size):
    image = smooth(mode=mode)
    wanted = image.resize(size, Image.Resampling.LANCZOS)
    found = pillow(transform.resize(vips(image), size))
    if found.mode in ("LA", "RGBA"):  # what cannot be seen has no colour
        found, wanted = (one.convert("RGBa") if one.mode == "RGBA" else one for one in (found, wanted))
    assert difference(found, wanted)[1] < 1.5


@pytest.mark.parametrize("size", [(128, 96), (65, 49), (64, 200), (640, 480)])
def test_a_larger_picture_is_smooth(size):
    image = smooth()
    found = pillow(transform.resize(vips(image), size))
    assert difference(found, image.resize(size, Image.Resampling.BICUBIC))[1] < 0.1


def test_hidden_colours_do_not_shine_through():
    image = Image.new("RGBA", (64, 64), (0, 255, 0, 0))
    ImageDraw.Draw(image).rectangle((0, 0, 30, 63), (200, 0, 0, 255))
    found = pillow(transform.resize(vips(image), (16, 16)))
    for x in range(16):
        red, green, _, alpha = found.getpixel((x, 8))
        assert alpha < 8 or (red > 190 and green < 8)


@pytest.mark.parametrize("mode", BANDS)
def test_linear_light(mode):
    """Black and white lines look from afar as grey as half of the light: 188, not 128."""
    image = Image.new("L", (64, 64))
    for x in range(0, 64, 2):
        image.paste(255, (x, 0, x + 1, 64))
    if mode != "L":
        image = image.convert("LA").convert(mode)
    plain = pillow(transform.resize(vips(image), (8, 8))).getpixel((4, 4))
    linear = pillow(transform.resize(vips(image), (8, 8), linear=True)).getpixel((4, 4))
    plain, linear = ((one,) if isinstance(one, int) else one for one in (plain, linear))
    colours = len(plain) - (mode in ("LA", "RGBA"))
    assert all(abs(value - 128) < 6 for value in plain[:colours])
    assert all(abs(value - 188) < 6 for value in linear[:colours])
    assert plain[colours:] == linear[colours:] == ((255,) if mode in ("LA", "RGBA") else ())


def planned(size, width=None, height=None, fit="inside", **more):
    return arrange(size, Box(0, 0, *size), Asked(width=width, height=height, fit=fit, **more))


TURNS = {
    90.0: Image.Transpose.ROTATE_270,  # Pillow counts the other way round
    180.0: Image.Transpose.ROTATE_180,
    270.0: Image.Transpose.ROTATE_90,
}


@pytest.mark.parametrize("rotate", [0.0, *TURNS, -90.0, 450.0])
@pytest.mark.parametrize("flip", [None, "horizontal", "vertical", "both"])
@pytest.mark.parametrize("mode", BANDS)
def test_quarter_turns_are_exact(rotate, flip, mode):
    image = noise(mode=mode)
    wanted = image.transpose(TURNS[rotate % 360]) if rotate % 360 else image
    if flip in ("horizontal", "both"):
        wanted = ImageOps.mirror(wanted)
    if flip in ("vertical", "both"):
        wanted = ImageOps.flip(wanted)
    plan = planned(image.size, rotate=rotate)
    found = pillow(transform.turn(vips(image), plan, flip))
    assert found.tobytes() == wanted.tobytes()
    assert found.size == plan.turned


@pytest.mark.parametrize("angle", [10, 45, 100, 200, -30])
@pytest.mark.parametrize("mode", BANDS)
def test_any_angle(angle, mode):
    image = smooth(mode=mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(255)
    plan = planned(image.size, rotate=float(angle))
    found = pillow(transform.turn(vips(image), plan, None))
    assert found.size == plan.turned
    # Pillow wants to know which point of the picture comes to a point of the result
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    x, y = plan.turned[0] / 2, plan.turned[1] / 2
    moved = [cosine, sine, 32 - x * cosine - y * sine, -sine, cosine, 24 + x * sine - y * cosine]
    around = image.convert("RGBA").transform(
        plan.turned, Image.Transform.AFFINE, moved, Image.Resampling.BICUBIC, fillcolor=(0, 0, 0, 0)
    )
    found = found.convert("RGBA")
    white = Image.new("RGBA", found.size, "white")
    _, mean = difference(Image.alpha_composite(white, found), Image.alpha_composite(white, around))
    assert mean < 2
    corners = [found.getpixel((x, y))[3] for x in (0, found.width - 1) for y in (0, found.height - 1)]
    assert sum(alpha == 0 for alpha in corners) >= 2


def test_a_rotated_picture_is_in_the_middle_and_clockwise():
    image = Image.new("RGB", (101, 101), "black")
    image.putpixel((50, 50), (255, 255, 255))
    ImageDraw.Draw(image).rectangle((80, 45, 95, 55), "red")
    found = pillow(transform.turn(vips(image), planned(image.size, rotate=45.0), None))
    middle = (found.width - 1) / 2
    brightest = max(
        ((x, y) for x in range(found.width) for y in range(found.height)),
        key=lambda point: found.getpixel(point)[1],
    )
    assert all(abs(place - middle) <= 1 for place in brightest)
    # what was on the right is below on the right now
    assert found.getpixel((round(middle + 26), round(middle + 26)))[:2] == (255, 0)


@pytest.mark.parametrize(
    ("box", "size"), [((0, 0, 24, 16), (24, 16)), ((3, 4, 5, 6), (5, 6)), ((23, 15, 1, 1), (1, 1))]
)
def test_take(box, size):
    image = noise()
    wanted = image.crop((box[0], box[1], box[0] + box[2], box[1] + box[3]))
    assert difference(pillow(transform.take(vips(image), Box(*box))), wanted) == (0, 0)
    assert wanted.size == size


# -- trim ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", BANDS)
@pytest.mark.parametrize("border", [(250, 240, 230), (0, 0, 0)])
def test_a_border_is_found(mode, border):
    image = Image.new("RGB", (60, 50), border)
    ImageDraw.Draw(image).rectangle((7, 11, 40, 30), (10, 120, 90))
    image.putpixel((50, 40), (10, 120, 90))
    assert transform.border(vips(image.convert(mode)), 10) == Box(7, 11, 44, 30)


def test_a_transparent_border_around_black():
    image = Image.new("RGBA", (60, 50), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((7, 11, 40, 30), (0, 0, 0, 255))
    assert transform.border(vips(image), 0) == Box(7, 11, 34, 20)
    # and hidden colours in it are no content
    image.putpixel((0, 49), (255, 255, 255, 0))
    assert transform.border(vips(image), 0) == Box(7, 11, 34, 20)


@pytest.mark.parametrize(("tolerance", "left"), [(0, 1), (5, 2), (19, 2), (20, 3), (255, None)])
def test_the_tolerance_of_trim(tolerance, left):
    image = Image.new("L", (9, 9), 100)
    for x, value in enumerate((100, 105, 120, 200, 200)):
        image.paste(value, (x, 1, x + 1, 9))
    found = transform.border(vips(image), tolerance)
    assert found == (None if left is None else Box(left, 1, 5 - left, 8))


# -- colours: the functions of CSS ---------------------------------------------------------------------------


def recoloured(image, **more):
    return pillow(filters.recolour(vips(image), Wish(**more)))


def each(image, function):
    """Apply a function of colours (0 to 1, by three) to each pixel, as the specification is written."""
    alpha = image.getchannel("A").tobytes() if image.mode == "RGBA" else b""
    result = bytearray()
    content = image.convert("RGB").tobytes() if image.mode != "RGBA" else image.tobytes()
    step = len(image.mode)
    for at in range(0, len(content), step):
        colours = function(*(value / 255 for value in content[at : at + 3]))
        result += bytes(round(min(1, max(0, value)) * 255) for value in colours)
        result += alpha[at // step : at // step + 1]
    return Image.frombytes(image.mode, image.size, bytes(result))


def saturated(amount):
    """https://www.w3.org/TR/filter-effects-1/#saturateEquivalent."""
    s = amount
    return lambda r, g, b: (
        (0.213 + 0.787 * s) * r + (0.715 - 0.715 * s) * g + (0.072 - 0.072 * s) * b,
        (0.213 - 0.213 * s) * r + (0.715 + 0.285 * s) * g + (0.072 - 0.072 * s) * b,
        (0.213 - 0.213 * s) * r + (0.715 - 0.715 * s) * g + (0.072 + 0.928 * s) * b,
    )


COLOURS = {
    "brightness-0.5": ({"brightness": 0.5}, lambda *c: [v * 0.5 for v in c]),
    "brightness-1.7": ({"brightness": 1.7}, lambda *c: [v * 1.7 for v in c]),
    "brightness-0": ({"brightness": 0.0}, lambda *c: [0, 0, 0]),
    "contrast-0.4": ({"contrast": 0.4}, lambda *c: [v * 0.4 + 0.3 for v in c]),
    "contrast-2": ({"contrast": 2.0}, lambda *c: [v * 2 - 0.5 for v in c]),
    "saturation-0": ({"saturation": 0.0}, saturated(0)),
    "saturation-0.5": ({"saturation": 0.5}, saturated(0.5)),
    "saturation-2.5": ({"saturation": 2.5}, saturated(2.5)),
    "invert": ({"invert": True}, lambda *c: [1 - v for v in c]),
    "in-order": (
        {"brightness": 2.0, "contrast": 0.5, "invert": True},
        lambda *c: [1 - (min(1, v * 2) * 0.5 + 0.25) for v in c],
    ),
}


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours(name, mode):
    wishes, function = COLOURS[name]
    image = noise(mode=mode)
    assert difference(recoloured(image, **wishes), each(image, function))[0] <= 1


def test_colours_as_pillow_has_them():
    image = noise()
    found = recoloured(image, brightness=0.6)
    assert difference(found, ImageEnhance.Brightness(image).enhance(0.6))[0] <= 1
    assert difference(recoloured(image, invert=True), ImageOps.invert(image)) == (0, 0)
    # CSS mixes with the luminance of Rec. 709, Pillow with that of Rec. 601: greys agree
    grey = noise(mode="L")
    assert difference(recoloured(grey.convert("RGB"), saturation=3.0), grey.convert("RGB"))[0] <= 1


@pytest.mark.parametrize(
    ("wishes", "colour", "wanted"),
    [
        # the colours that Chromium 156 shows for a div with this background and the same filter
        ({"hue": 90.0}, (255, 0, 0), (0, 91, 0)),
        ({"hue": 180.0}, (255, 0, 0), (0, 109, 109)),
        ({"hue": 270.0}, (200, 100, 50), (185, 89, 200)),
        ({"hue": 45.0}, (30, 200, 120), (41, 187, 222)),
        ({"hue": 45.0}, (128, 128, 128), (128, 128, 128)),
        ({"hue": 360.0}, (200, 100, 50), (200, 100, 50)),
        ({"saturation": 2.5}, (200, 100, 50), (255, 73, 0)),
        ({"saturation": 0.3}, (30, 200, 120), (120, 171, 147)),
        ({"brightness": 1.5}, (200, 100, 50), (255, 150, 75)),
        ({"contrast": 1.7}, (200, 100, 50), (251, 81, 0)),
        ({"grayscale": True}, (200, 100, 50), (118, 118, 118)),
        ({"invert": True}, (200, 100, 50), (55, 155, 205)),
        (
            {"brightness": 0.8, "contrast": 1.2, "saturation": 1.5, "hue": 60.0},
            (30, 200, 120),
            (11, 168, 225),
        ),
    ],
)
def test_colours_as_a_browser_has_them(wishes, colour, wanted):
    found = recoloured(Image.new("RGB", (2, 2), colour), **wishes).convert("RGB").getpixel((0, 0))
    assert all(abs(a - b) <= 2 for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize(("mode", "result"), [("RGB", "L"), ("RGBA", "LA"), ("L", "L"), ("LA", "LA")])
def test_grayscale(mode, result):
    image = noise(mode=mode)
    found = recoloured(image, grayscale=True)
    assert found.mode == result
    if mode in ("RGB", "RGBA"):
        rows = each(image, lambda r, g, b: [0.2126 * r + 0.7152 * g + 0.0722 * b] * 3)
        wanted = rows.getchannel("R")
    else:
        wanted = image.getchannel("L")
    assert difference(found.getchannel("L"), wanted)[0] <= 1
    if "A" in mode:
        assert found.getchannel("A").tobytes() == image.getchannel("A").tobytes()


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_pictures_have_colours_changed_too(mode):
    image = Image.new(mode, (4, 4), 100 if mode == "L" else (100, 77))
    found = recoloured(image, brightness=1.5, invert=True, hue=90.0, saturation=2.0)
    assert found.getpixel((1, 1)) == (105 if mode == "L" else (105, 77))


# -- neighbours ---------------------------------------------------------------------------------------------


def gaussian(sigma):
    """Weights of the pixels around one, which is in the middle: the formula."""
    reach = int(sigma * 5) + 1
    values = [math.exp(-(x**2) / (2 * sigma**2)) for x in range(-reach, reach + 1)]
    return [value / sum(values) for value in values]


@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0, 10.0, 16.0, 17.0, 40.0, 90.0])
@pytest.mark.parametrize("mode", BANDS)
def test_blur_is_gaussian(sigma, mode):
    length = int(sigma * 8) | 1
    edge = Image.new("L", (length, 8))
    edge.paste(255, (length // 2, 0, length, 8))
    image = edge.convert("LA").convert(mode) if mode != "L" else edge
    found = pillow(filters.blur(vips(image), sigma)).convert("L")
    for x in range(0, length, max(1, length // 20)):
        weights = gaussian(sigma)
        start = max(0, len(weights) // 2 + length // 2 - x)
        assert abs(found.getpixel((x, 4)) - 255 * sum(weights[start:])) < 3, x


def test_blur_of_pillow():
    image = smooth((120, 90))
    wanted = image.filter(ImageFilter.GaussianBlur(4))
    _, mean = difference(pillow(filters.blur(vips(image), 4.0)), wanted)
    assert mean < 1


@pytest.mark.parametrize("strength", [0.5, 1.0, 3.0])
def test_sharpen_is_an_unsharp_mask(strength):
    image, row = smooth((64, 48)), gaussian(1.0)[3:-3]
    weights = [[across * down for across in row] for down in row]
    assert len(row) == 7
    found = pillow(filters.sharpen(vips(image), strength))
    for x in range(3, 61, 3):
        for y in range(3, 45, 3):
            for band in range(3):
                mean = sum(
                    weights[j][i] * image.getpixel((x + i - 3, y + j - 3))[band]
                    for i in range(7)
                    for j in range(7)
                )
                value = image.getpixel((x, y))[band]
                wanted = min(255, max(0, value + strength * (value - mean)))
                assert abs(found.getpixel((x, y))[band] - wanted) <= 1 + strength
    assert difference(found, image)[0] > 20


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_sharpen_leaves_transparency_alone(mode):
    image = smooth(mode=mode)
    found = pillow(filters.sharpen(vips(image), 2.0))
    assert found.getchannel("A").tobytes() == image.getchannel("A").tobytes()


@pytest.mark.parametrize(("size", "block"), [((24, 16), 8), ((25, 17), 8), ((5, 3), 100), ((9, 9), 2)])
@pytest.mark.parametrize("mode", BANDS)
def test_pixelate(size, block, mode):
    image = noise(size, mode)
    if "A" in mode:
        image.putalpha(255)
    found = pillow(filters.pixelate(vips(image), block))
    assert found.size == size
    for left in range(0, size[0], block):
        for top in range(0, size[1], block):
            box = left, top, min(size[0], left + block), min(size[1], top + block)
            part = found.crop(box)
            assert len(part.getcolors(1 << 16)) == 1
            wanted = image.crop(box).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
            both = ([one] if isinstance(one, int) else one for one in (part.getpixel((0, 0)), wanted))
            assert all(abs(a - b) <= 1 for a, b in zip(*both, strict=True))


# -- corners, canvas, background ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(40, 30), (41, 31), (7, 7), (1, 1), (2, 9)])
@pytest.mark.parametrize("corner", [1, 3, 7.5, 15])
@pytest.mark.parametrize("mode", BANDS)
def test_round_corners(size, corner, mode):
    corner = min(corner, min(size) / 2)
    image = Image.new(mode, size, "white")
    alpha = pillow(transform.round_corners(vips(image), corner)).getchannel("A")
    # the same eight times as large, without smooth edges, and shrunk
    large = Image.new("L", (size[0] * 8, size[1] * 8))
    ImageDraw.Draw(large).rounded_rectangle((0, 0, large.width - 1, large.height - 1), corner * 8, fill=255)
    largest, mean = difference(alpha, large.resize(size, Image.Resampling.BOX))
    assert largest <= 60
    assert mean < 255 * 0.6 / min(size)
    assert alpha.transpose(Image.Transpose.ROTATE_180).tobytes() == alpha.tobytes()
    if min(size) > 2 * corner:
        assert alpha.getpixel((size[0] // 2, 0)) == alpha.getpixel((0, size[1] // 2)) == 255


def test_round_corners_keep_what_is_transparent():
    image = Image.new("RGBA", (20, 20), (9, 9, 9, 100))
    found = pillow(transform.round_corners(vips(image), 10.0))
    assert found.getpixel((10, 10)) == (9, 9, 9, 100)
    assert found.getpixel((0, 0))[3] == 0


RED, CLEAR = (255.0, 0.0, 0.0, 255.0), None


@pytest.mark.parametrize(
    ("mode", "colour", "result", "corner"),
    [
        ("RGB", CLEAR, "RGBA", (0, 0, 0, 0)),
        ("RGB", RED, "RGB", (255, 0, 0)),
        ("RGBA", RED, "RGBA", (0, 0, 0, 0)),
        ("L", CLEAR, "LA", (0, 0)),
        ("L", RED, "RGB", (255, 0, 0)),
        ("L", (9.0, 9.0, 9.0, 255.0), "L", 9),
        ("LA", RED, "LA", (0, 0)),
    ],
)
def test_canvas(mode, colour, result, corner):
    image = noise((20, 10), mode)
    plan = planned(image.size, 20, 20, "contain", padding="1,2,3,4")
    found = pillow(transform.put_on_canvas(vips(image), plan, colour))
    assert (found.size, found.mode) == ((26, 24), result)
    assert found.getpixel((0, 0)) == found.getpixel((25, 23)) == found.getpixel((3, 6)) == corner
    assert found.crop((4, 6, 24, 16)).tobytes() == image.convert(result).tobytes()
    untouched = planned(image.size)
    assert pillow(transform.put_on_canvas(vips(image), untouched, colour)).tobytes() == image.tobytes()


@pytest.mark.parametrize("colour", [(255, 0, 0, 255), (10, 20, 30, 128), (1, 2, 3, 0), (7, 7, 7, 255)])
@pytest.mark.parametrize("mode", BANDS)
def test_a_colour_behind(colour, mode):
    image = smooth(mode=mode)
    found = pillow(transform.put_on_colour(vips(image), tuple(map(float, colour))))
    wanted = Image.alpha_composite(Image.new("RGBA", image.size, colour), image.convert("RGBA"))
    if mode in ("L", "RGB"):
        assert found.tobytes() == image.tobytes()
    else:
        assert ("A" in found.mode) == (colour[3] != 255)
        both = [one.convert("RGBA").convert("RGBa") for one in (found, wanted)]
        assert difference(*both)[0] <= 2


@pytest.mark.parametrize(
    ("text", "colour"),
    [("#ff8000", (255, 128, 0, 255)), ("#01020380", (1, 2, 3, 128)), ("102030", (16, 32, 48, 255))],
)
def test_colours_in_text(text, colour):
    assert transform.parse_colour(text) == colour


@pytest.mark.parametrize("mode", BANDS)
def test_a_layer_over_a_picture(mode):
    image, layer = smooth(mode=mode), smooth(mode="RGBA")
    found = pillow(watermark.put_on(vips(image), vips(layer)))
    assert ("A" in found.mode) == ("A" in mode)
    wanted = Image.alpha_composite(image.convert("RGBA"), layer)
    both = [one.convert("RGBA").convert("RGBa") for one in (found, wanted)]
    assert difference(*both)[0] <= 2
    assert watermark.put_on(image, None) is image
