"""Tests of finding and matching key points."""

import cv2
import numpy as np
import pytest

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import floors
from slimgate.codec.measures.floors import FEATURELESS_DB
from slimgate.codec.measures.orb import ENOUGH, KeyPoints, orb
from slimgate.codec.measures.prepared import Prepared
from slimgate.config import Floor
from tests.codec import smooth_images
from tests.codec.pictures import crop, noise, photo, worsened

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
    """Key points invented at the upload's threshold count against the restored image."""
    mosaic = noise(25, 25).repeat(8, axis=0).repeat(8, axis=1) // 16 + 80
    assert len(KeyPoints.of(mosaic).descriptors) >= ENOUGH
    assert orb(_FLAT, mosaic) == 0.0


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
    floor = floors.applied(Floor(), Prepared(pixels))
    assert (floor.orb, floor.block_psnr_db, floor.ssim) == (None, FEATURELESS_DB, 0.93)
    stricter = floors.applied(Floor(block_psnr_db=50, psnr_db=55), Prepared(pixels))
    assert (stricter.block_psnr_db, stricter.psnr_db) == (50, 55)


@pytest.mark.parametrize(
    ("floor", "pixels"),
    [(Floor(orb=None), _FLAT), (Floor(), photo("camera.png", "L")), (Floor(), noise(200, 200))],
)
def test_other_floors_apply_as_they_are(floor: Floor, pixels: Pixels) -> None:
    """An image with key points, and a policy that does not ask for them, change nothing."""
    assert floors.applied(floor, Prepared(pixels)) == floor


def _reference_orb(original: Pixels, restored: Pixels) -> float:
    detector = cv2.ORB_create(500)  # type: ignore[attr-defined]  # missing in the stubs
    sets = [detector.detectAndCompute(p, None)[1] for p in (original, restored)]
    before, after = (np.unpackbits(descriptors, axis=1).astype(np.int64) for descriptors in sets)
    distances = before @ (1 - after.T) + (1 - before) @ after.T
    nearest, back = distances.argmin(axis=1), distances.argmin(axis=0)
    mutual = [i for i, j in enumerate(nearest) if back[j] == i and distances[i, j] <= 50]
    return len(mutual) / max(len(before), len(after))


@pytest.mark.parametrize("name", ["camera.png", "coins.png", "astronaut.png"])
@pytest.mark.parametrize("by", [4, 25, 90])
def test_orb_is_the_share_of_mutual_matches(name: str, by: int) -> None:
    """ORB similarity equals a brute-force count of mutual matches within 50 bits."""
    original = photo(name, "L")
    restored = worsened(original, by)
    assert _reference_orb(original, restored) == orb(original, restored)


@pytest.mark.parametrize("columns", [50, 70, 90])
def test_orb_is_the_share_of_the_larger_set(columns: int) -> None:
    """Where one image has more key points than the other, the share is of the larger set."""
    whole = photo("camera.png", "L")[100:250, 150:330].copy()
    part = whole.copy()
    part[:, columns:] = 128
    detector = cv2.ORB_create(500)  # type: ignore[attr-defined]  # missing in the stubs
    assert len(detector.detect(part)) < len(detector.detect(whole)) < 500
    assert _reference_orb(whole, part) == orb(whole, part)
    assert _reference_orb(part, whole) == orb(part, whole)


def test_lost_key_points_count_against_orb() -> None:
    """The share is of the larger set, so it does not matter on which side points are missing."""
    whole = photo("camera.png", "L")
    half = whole.copy()
    half[:, 256:] = 0
    assert orb(whole, half) < 0.75
    assert pytest.approx(orb(half, whole), abs=0.02) == orb(whole, half)


def test_orb_without_key_points() -> None:
    """Two images without key points are alike; one without is nothing like one with them."""
    flat = np.full((200, 200), 90, np.uint8)
    detailed = photo("camera.png", "L")[150:350, 150:350]
    found = [orb(flat, flat), orb(flat, detailed), orb(detailed, flat)]
    assert found == [1.0, 0.0, 0.0]


def test_orb_sees_colours_as_gray() -> None:
    """Alpha does not matter to ORB, and an RGB image of grays counts as gray."""
    gray = crop("L", 120, 120)
    worse = worsened(gray, 20)
    expected = orb(gray, worse)
    opaque = np.full_like(gray, 255)
    pairs = [
        [np.dstack([p, p, p]) for p in (gray, worse)],
        [np.dstack([p, p, p, opaque]) for p in (gray, worse)],
    ]
    assert [orb(*pair) for pair in pairs] == [expected, expected]
