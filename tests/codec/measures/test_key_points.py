"""Tests of finding and matching key points."""

import numpy as np
import pytest

from codec.image.pixels import Pixels
from codec.measures import fidelity, floors
from codec.measures.floors import FEATURELESS_DB
from codec.measures.key_points import ENOUGH, KeyPoints
from config import Floor
from tests.codec import smooth_images
from tests.codec.pictures import crop, noise, photo

_FLAT = np.full((200, 200), 90, np.uint8)


@pytest.mark.parametrize(
    ("pixels", "threshold"),
    [
        (photo("camera.png", "L"), 20),
        (smooth_images.faint_xray(contrast=24), 20),
        (smooth_images.faint_xray(contrast=14), 10),
        (smooth_images.faint_xray(contrast=10), 5),
        (smooth_images.faint_xray(contrast=6), 3),
        (_FLAT, 3),
    ],
)
def test_faint_images_are_searched_for_faint_key_points(pixels: Pixels, threshold: int) -> None:
    """The threshold sinks until there are enough key points, and no further."""
    assert KeyPoints.of(pixels).threshold == threshold


def test_both_images_are_searched_alike() -> None:
    """What was invented at the threshold of the upload counts against the restored image."""
    mosaic = noise(25, 25).repeat(8, axis=0).repeat(8, axis=1) // 16 + 80
    assert len(KeyPoints.of(mosaic).descriptors) >= ENOUGH
    assert fidelity.orb(_FLAT, mosaic) == 0.0


_FEATURELESS: list[Pixels] = [
    _FLAT,
    smooth_images.gradient(),
    smooth_images.gradient()[..., 0].copy(),
    crop("RGB", 60, 60),  # OpenCV finds nothing within 31 pixels of an edge
    crop("RGBA", 16, 300),
]


@pytest.mark.parametrize("pixels", _FEATURELESS)
def test_without_key_points_the_worst_block_counts(pixels: Pixels) -> None:
    """Where ORB has nothing to find, the floor asks for a good worst block in its place."""
    floor = floors.applied(Floor(), pixels)
    assert (floor.orb, floor.block_psnr_db, floor.ssim) == (None, FEATURELESS_DB, 0.93)
    stricter = floors.applied(Floor(block_psnr_db=50, psnr_db=55), pixels)
    assert (stricter.block_psnr_db, stricter.psnr_db) == (50, 55)


@pytest.mark.parametrize(
    ("floor", "pixels"),
    [(Floor(orb=None), _FLAT), (Floor(), photo("camera.png", "L")), (Floor(), noise(200, 200))],
)
def test_other_floors_apply_as_they_are(floor: Floor, pixels: Pixels) -> None:
    """An image with key points, and a policy that does not ask for them, change nothing."""
    assert floors.applied(floor, pixels) == floor
