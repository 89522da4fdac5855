"""The measures of benches and of the search are the same, though computed by other code."""

import numpy as np
import pytest

from bench import reference
from slimgate.codec.measures import floors
from slimgate.codec.measures.block import block_psnr
from slimgate.codec.measures.orb import orb
from slimgate.codec.measures.prepared import Prepared
from slimgate.codec.measures.ssimulacra2 import Reference
from slimgate.config import Floor
from tests.codec.pictures import photo, worsened

_PHOTO = photo("astronaut.png")


@pytest.mark.parametrize("by", [5, 40])
def test_key_points_and_blocks_are_those_of_the_search(by: int) -> None:
    """ORB similarity and the worst block agree with our own to nine digits."""
    spoiled = worsened(_PHOTO, by)
    assert reference.orb(_PHOTO, spoiled) == pytest.approx(orb(_PHOTO, spoiled), abs=1e-9)
    expected = block_psnr(_PHOTO, spoiled)
    assert reference.block_psnr(_PHOTO, spoiled) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("by", [0, 3, 40])
def test_what_is_below_a_floor_is_named(by: int) -> None:
    """An image has shortfalls exactly where the search finds it below the floor."""
    spoiled = worsened(_PHOTO, by) if by else _PHOTO
    original = Prepared(_PHOTO)
    reading = floors.read(floors.applied(Floor(), original), original, spoiled, thorough=True)
    found = list(reference.shortfalls(Floor(), _PHOTO, spoiled))
    assert bool(found) != floors.holds(Floor(), reading)


def test_scores_are_those_of_the_search() -> None:
    """A score that is demanded and missed is a shortfall, by another implementation."""
    spoiled = worsened(_PHOTO[:200, :200], 20)
    score = Reference(_PHOTO[:200, :200]).compare(spoiled).whole
    alone = Floor(psnr_db=None, ssim=None, orb=None, block_psnr_db=None, ssimulacra2=score + 0.1)
    assert list(reference.shortfalls(alone, _PHOTO[:200, :200], spoiled)) != []
    held = alone.model_copy(update={"ssimulacra2": score - 0.1})
    assert list(reference.shortfalls(held, _PHOTO[:200, :200], spoiled)) == []


def test_a_worst_region_is_named() -> None:
    """A floor of the worst region is missed by it alone, not by the whole image."""
    spoiled = _PHOTO.copy()
    spoiled[:64, :64] = worsened(_PHOTO[:64, :64], 60)
    score = Reference(_PHOTO).compare(spoiled)
    alone = {"psnr_db": None, "ssim": None, "orb": None, "block_psnr_db": None}
    floor = Floor(**alone, ssimulacra2=score.whole - 1, ssimulacra2_worst=score.worst + 1)
    assert list(reference.shortfalls(floor, _PHOTO, spoiled)) == [
        f"SSIMULACRA2 of a region {score.worst:.3f}"
    ]


def test_an_image_without_key_points_keeps_its_worst_block() -> None:
    """Where ORB says nothing, 43 dB of the worst block are demanded."""
    flat = np.full((128, 128), 90, np.uint8)
    spoiled = flat.copy()
    spoiled[:64, :64:8] += 6  # 41.6 dB
    assert reference.orb(flat, spoiled) is None
    assert [text[:15] for text in reference.shortfalls(Floor(ssim=None), flat, spoiled)] == [
        "PSNR of a block"
    ]
