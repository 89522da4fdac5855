"""Tests of telling photographs from what is drawn or written."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from slimgate.codec.image import content_kind
from slimgate.codec.image.pixels import Pixels
from tests.codec.pictures import crop, noise, photo

_WORDS = "the quick brown fox jumps over the lazy dog and then some more"


def _page(width: int, height: int, *, ink: int = 20, paper: int = 250) -> Pixels:
    """Draw lines of text."""
    image = Image.new("L", (width, height), paper)
    draw = ImageDraw.Draw(image)
    for top in range(10, height - 10, 16):
        draw.text((12, top), _WORDS * (width // 200), fill=ink)
    return np.asarray(image.convert("RGB"))


def _bars(width: int, height: int) -> Pixels:
    """Draw a chart of bars on a grid, with figures."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for y in range(20, height, 24):
        draw.line([(0, y), (width, y)], fill="lightgray")
        draw.text((4, y), str(y), fill="black")
    for x in range(40, width - 30, 40):
        draw.rectangle([x, height - 3 * x % height, x + 24, height], fill=(31, 119, 180))
    return np.asarray(image)


def _scanned(page: Pixels) -> Pixels:
    """Add a little noise to paper, like a scanner."""
    grain = np.random.default_rng(3).normal(0, 2.5, page.shape)
    return np.asarray(np.clip(page + grain, 0, 255), dtype=np.uint8)


def _blots(width: int, height: int) -> Pixels:
    """Paint large smooth shapes of few colours."""
    image = Image.new("RGB", (width, height), (60, 40, 120))
    draw = ImageDraw.Draw(image)
    for x in range(0, width, 170):
        draw.ellipse([x, x // 2, x + 150, x // 2 + 150], fill=(90, 60, 140))
    return np.asarray(image)


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "rocket.jpg"])
def test_photographs(name: str) -> None:
    """Photographs are photographs, in colour, in gray and with an alpha channel."""
    colour, gray = photo(name), photo(name, "L")
    opaque = np.dstack([colour, np.full_like(gray, 255)])
    assert [content_kind.kind(pixels) for pixels in (colour, gray, opaque)] == ["photo"] * 3


@pytest.mark.parametrize(("ink", "paper"), [(20, 250), (235, 25)])
def test_screens_of_text_are_drawn(ink: int, paper: int) -> None:
    """Clean text is distinguished from photographs, dark on light and light on dark."""
    assert content_kind.kind(_page(1280, 700, ink=ink, paper=paper)) == "screenshot"
    assert content_kind.kind(_page(600, 400, ink=ink, paper=paper)) == "chart"


def test_scans_are_documents() -> None:
    """Text on paper that has a grain is a document."""
    assert content_kind.kind(_scanned(_page(900, 1200))) == "document"


def test_charts_are_charts() -> None:
    """Bars, lines and figures on white are a chart."""
    assert content_kind.kind(_bars(640, 400)) == "chart"


def test_smooth_shapes_are_illustrations() -> None:
    """Large flat shapes without text are an illustration."""
    assert content_kind.kind(_blots(900, 700)) == "illustration"


@pytest.mark.parametrize("shape", [(2, 2), (16, 16, 3), (16, 9000), (9000, 16, 4), (31, 33, 3)])
def test_every_shape_has_a_kind(shape: tuple[int, ...]) -> None:
    """Images of all shapes, of noise or of nothing, get one of the known kinds."""
    flat = np.full(shape, 200, np.uint8)
    kinds = {content_kind.kind(noise(*shape)), content_kind.kind(flat)}
    assert kinds <= {"photo", "document", "screenshot", "chart", "illustration"}


def test_traits_are_shares() -> None:
    """Steps between neighbours are counted once each, and shares lie between 0 and 1."""
    traits = content_kind.PixelStatistics.of(crop("RGB", 300, 300))
    assert traits.flat + traits.soft + traits.hard == pytest.approx(1)
    assert 0 <= traits.same <= traits.flat
    assert 0 <= traits.text <= traits.inked <= 1
