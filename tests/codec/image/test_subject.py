"""Tests of recognizing medical images and maps."""

from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from PIL import Image, ImageDraw

from slimgate.codec.image import content_kind, subject
from slimgate.codec.image.pixels import Pixels
from tests.codec import smooth_images
from tests.codec.pictures import noise, opened, photo, save

_EVAL: Final = Path(__file__).parents[3] / "../shared/data/eval"


def _subject(pixels: Pixels) -> subject.Subject | None:
    return subject.subject(pixels, content_kind.kind(pixels))


def _map(width: int = 800, height: int = 600) -> Pixels:
    """Draw woods, water, roads with borders, and names."""
    image = Image.new("RGB", (width, height), (242, 239, 233))
    draw = ImageDraw.Draw(image)
    for x in range(0, width, 160):
        draw.ellipse([x, x // 3, x + 120, x // 3 + 150], fill=(200, 220, 170))
    draw.polygon([(0, height), (width, height), (width, height // 2)], fill=(170, 211, 223))
    for at in range(-height, width, 46):
        for colour, thick in (((160, 150, 140), 5), ((252, 214, 164), 3)):
            draw.line([(at, 0), (at + height, height)], fill=colour, width=thick)
            draw.line([(at, height), (at + height, 0)], fill=colour, width=thick)
    for y in range(20, height, 70):
        for x in range(30 + y % 50, width, 130):
            draw.text((x, y), "Newtown", fill=(60, 60, 60))
    return np.asarray(image)


@pytest.mark.parametrize(
    "pixels",
    [
        smooth_images.faint_xray(),
        smooth_images.faint_xray(contrast=40),
        np.dstack([smooth_images.faint_xray()] * 3),
        opened(save(smooth_images.faint_xray(), "JPEG", quality=85)),
        smooth_images.tomogram(),
        smooth_images.fundus(),
        opened(save(smooth_images.fundus(), "JPEG", quality=85)),
        photo("retina.jpg"),
    ],
)
def test_medical_images_are_recognized(pixels: Pixels) -> None:
    """X-rays, tomograms and fundus photographs are medical, in gray, in RGB and as JPEG."""
    assert _subject(pixels) == "medical"


def test_alpha_is_ignored() -> None:
    """An alpha channel changes nothing."""
    retina = smooth_images.fundus()
    assert _subject(np.dstack([retina, np.full_like(retina[..., 0], 255)])) == "medical"


@pytest.mark.parametrize("quality", [None, 90])
def test_maps_are_recognized(quality: int | None) -> None:
    """Roads and names on flat colours are a map, as drawn and as JPEG."""
    pixels = _map()
    shown = opened(save(pixels, "JPEG", quality=quality)) if quality else pixels
    assert _subject(shown) == "map"


@pytest.mark.parametrize("name", ["astronaut.png", "chelsea.png", "coffee.png", "ihc.png"])
def test_photographs_are_neither(name: str) -> None:
    """Photographs in colour are neither medical nor maps."""
    assert _subject(photo(name)) is None


@pytest.mark.parametrize("name", ["camera.png", "coins.png", "grass.png", "gravel.png"])
def test_edged_gray_photographs_are_not_medical(name: str) -> None:
    """Gray alone does not make an image medical."""
    assert _subject(photo(name, "L")) is None


def test_a_page_is_no_map() -> None:
    """Lines of text on blank paper are not a map."""
    image = Image.new("RGB", (900, 1200), "white")
    draw = ImageDraw.Draw(image)
    for y in range(10, 1190, 16):
        draw.text((12, y), "the quick brown fox jumps over the lazy dog " * 3, fill=(20, 20, 20))
    assert _subject(np.asarray(image)) is None


@pytest.mark.parametrize("shape", [(2, 2), (16, 16, 3), (16, 9000), (9000, 16, 4), (31, 33, 3)])
def test_every_shape_is_accepted(shape: tuple[int, ...]) -> None:
    """Images of all shapes, of noise or of nothing, are looked at without error."""
    seen = {_subject(noise(*shape)), _subject(np.full(shape, 200, np.uint8))}
    assert seen <= {"map", "medical", None}


def test_statistics_are_shares() -> None:
    """Shares of an image of one colour, and of a map, are between 0 and 1."""
    blank = subject.MapStatistics.of(np.full((300, 300, 3), 250, np.uint8))
    assert blank == subject.MapStatistics(lined=0.0, paper=1.0)
    drawn = subject.MapStatistics.of(_map())
    assert drawn.lined == 1
    assert 0 < drawn.paper < 0.5


_FEW: Final = {"phone_trailer": 1, "texture": 2, "urban_structure": 1}
_FEW_MORE: Final = {"product": 1, "document": 1, "chart": 1}
"""Images of a class that may be taken for another: it costs them bytes."""


@pytest.mark.slow  # 125 images
def test_recognition_by_class() -> None:
    """Every X-ray is medical, and few images of other classes are taken for medical or maps."""
    if not _EVAL.exists():
        pytest.skip(f"needs {_EVAL}")
    taken, xrays = Counter[str](), Counter[str | None]()
    for path in sorted(_EVAL.glob("*/*")):
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
        found = _subject(pixels)
        if path.parent.name == "xray":
            xrays[found] += 1
        elif found is not None:
            taken[path.parent.name] += 1
    assert xrays == {"medical": 7}
    assert taken == _FEW | _FEW_MORE
