"""Tests of the first guess of a quality."""

import numpy as np
import pytest

from slimgate.codec.encoders import NAMES
from slimgate.codec.search import quality_model
from slimgate.codec.search.quality_model import Activity
from slimgate.config import Floor
from tests.codec.pictures import noise, photo


def _quality(pixels: object, **demanded: float | None) -> int:
    return quality_model.quality(Activity.of(np.asarray(pixels)), Floor(**demanded), "avif")


def test_what_is_demanded_raises_the_guess() -> None:
    """A higher floor and a busier image are guessed to need a higher quality."""
    pixels = photo("astronaut.png")
    demands = [_quality(pixels, psnr_db=psnr, ssim=None) for psnr in (30, 34, 38)]
    assert sorted(set(demands)) == demands
    assert _quality(pixels[::4, ::4]) > _quality(pixels)
    assert _quality(pixels, psnr_db=None, ssim=0.99) > _quality(pixels, psnr_db=None, ssim=0.9)


def test_higher_scores_need_higher_qualities() -> None:
    """A higher SSIMULACRA2 score raises the guess and asks for an encoder that looks at SSIM."""
    pixels = photo("astronaut.png")
    alone = {"psnr_db": None, "ssim": None, "orb": None}
    guesses = [_quality(pixels, **alone, ssimulacra2=score) for score in (55, 70, 80, 90)]
    assert sorted(set(guesses)) == guesses
    assert quality_model.tune(Activity.of(pixels), Floor(**alone, ssimulacra2=70.0)) == "ssim"


@pytest.mark.parametrize("codec", sorted(NAMES))
@pytest.mark.parametrize("pixels", [np.full((20, 20), 7, np.uint8), noise(30, 20, 4)])
def test_guesses_are_qualities(codec: str, pixels: object) -> None:
    """The emptiest and the busiest image get a quality that every codec knows."""
    for floor in (Floor(), Floor(psnr_db=None, ssim=None, orb=0.5), Floor(psnr_db=99, ssim=1)):
        assert 10 <= quality_model.quality(Activity.of(np.asarray(pixels)), floor, codec) <= 95


def test_gray_and_alpha_do_not_matter() -> None:
    """An image of grays is as active as its gray, and alpha counts for nothing."""
    gray = photo("camera.png", "L")
    colour = np.dstack([gray, gray, gray])
    assert Activity.of(gray) == Activity.of(colour)
    assert Activity.of(gray) == Activity.of(np.dstack([colour, noise(*gray.shape)]))
