"""SSIMULACRA2 against the package of that name, and against itself."""

import io
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image
from ssimulacra2 import compute_ssimulacra2

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import regions, ssimulacra2, ssimulacra2_weights
from slimgate.codec.measures.ssimulacra2 import Reference
from slimgate.codec.threads import Threads

_IMAGES = Path(skimage.__file__).parent / "data"
PHOTO: Pixels = np.asarray(Image.open(_IMAGES / "rocket.jpg"))[:300, 100:401]
DRAWING: Pixels = np.asarray(Image.open(_IMAGES / "logo.png"))[100:400, 100:380, :3].copy()


def _coded(pixels: Pixels, format_: str, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format_, quality=quality)
    return np.asarray(Image.open(file).convert("L" if pixels.ndim == 2 else "RGB"))


def _by_package(folder: Path, original: Pixels, restored: Pixels) -> float:
    paths = [str(folder / name) for name in ("original.png", "restored.png")]
    for path, pixels in zip(paths, (original, restored), strict=True):
        Image.fromarray(pixels).save(path)
    return float(compute_ssimulacra2(*paths))


@pytest.mark.parametrize("quality", [10, 50, 90])
@pytest.mark.parametrize("format_", ["AVIF", "JPEG", "WEBP"])
@pytest.mark.parametrize("original", [PHOTO, DRAWING], ids=["photo", "drawing"])
def test_score_is_that_of_the_package(
    tmp_path: Path, original: Pixels, format_: str, quality: int
) -> None:
    """Scores are within half a point of those of an independent implementation."""
    restored = _coded(original, format_, quality)
    expected = _by_package(tmp_path, original, restored)
    assert Reference(original).compare(restored).whole == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("side", [8, 15, 16, 31, 100, 255])
def test_small_images_have_the_scales_of_the_package(tmp_path: Path, side: int) -> None:
    """Images with fewer scales than six score as they do in the package."""
    original = PHOTO[:side, : side + 3]
    restored = np.clip(original.astype(np.int16) + 3, 0, 255).astype(np.uint8)
    expected = _by_package(tmp_path, original, restored)
    assert Reference(original).compare(restored).whole == pytest.approx(expected, abs=0.5)


def test_gray_scores_as_the_same_gray_in_colour() -> None:
    """Gray images score as their copies with three equal channels."""
    gray = PHOTO[..., 1]
    restored = _coded(gray, "JPEG", 40)
    actual = Reference(gray).compare(restored)
    expected = Reference(_colours(gray)).compare(_colours(restored))
    assert actual == pytest.approx(expected, abs=0.05)


def _colours(gray: Pixels) -> Pixels:
    return np.repeat(gray[..., None], 3, axis=2)


def test_identical_images_score_100() -> None:
    """An unchanged image scores 100 everywhere."""
    assert Reference(PHOTO).compare(PHOTO.copy()) == (100.0, 100.0)


def test_strips_do_not_change_the_score(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large image that is compared strip by strip scores as it does in one piece."""
    original = np.tile(PHOTO, (4, 2, 1))[:1111]
    restored = _coded(original, "WEBP", 50)
    expected = Reference(original).compare(restored)
    monkeypatch.setattr(ssimulacra2, "STRIP_PIXELS", 100_000)
    monkeypatch.setattr(ssimulacra2, "KEPT_PIXELS", 0)
    assert Reference(original).compare(restored) == pytest.approx(expected, abs=0.001)


@pytest.mark.parametrize("shape", [(1111, 602), (150, 2600), (700, 9)])
def test_tiles_and_threads_do_not_change_the_score(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts compared beside each other score as the image in one piece."""
    original = np.tile(PHOTO, (4, 9, 1))[: shape[0], : shape[1]].copy()
    restored = _coded(original, "WEBP", 50)
    with Threads(3) as threads:
        actual = Reference(original, threads=threads).compare(restored)
    assert actual == Reference(original).compare(restored)
    monkeypatch.setattr(regions, "_TILE", (100, 100))
    assert actual == pytest.approx(Reference(original).compare(restored), abs=1e-6)


def test_negligible_weights_are_negligible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps that are not computed would move the score by less than 0.01."""
    restored = _coded(PHOTO, "AVIF", 30)
    actual = Reference(PHOTO).compare(restored)
    monkeypatch.setattr(ssimulacra2_weights, "NEGLIGIBLE", -1.0)
    ssimulacra2_weights.table.cache_clear()
    try:
        assert actual == pytest.approx(Reference(PHOTO).compare(restored), abs=0.01)
    finally:
        ssimulacra2_weights.table.cache_clear()


def test_a_lost_detail_shows_in_the_worst_region() -> None:
    """One destroyed word costs the whole image little, and its region much."""
    original = np.tile(PHOTO, (3, 3, 1))
    word = np.s_[400:420, 300:360]
    original[word] = np.where(np.indices((20, 60)).sum(axis=0)[..., None] // 3 % 2, 20, 230)
    spoiled = original.copy()
    spoiled[word] = 125
    score = Reference(original).compare(spoiled)
    assert score.whole > 45
    assert score.worst < 0
    assert Reference(original).worst_region(spoiled) == (384, 256)


def test_transparent_images_are_judged_before_dark_and_light() -> None:
    """A change of alpha that no background of one brightness shows is found."""
    dark = np.zeros((64, 64, 4), np.uint8)
    dark[..., 3] = 255
    dark[16:48, 16:48, 3] = 128
    faded = dark.copy()
    faded[16:48, 16:48, 3] = 0
    opaque = Reference(dark[..., :3]).compare(faded[..., :3])
    assert opaque.whole == 100.0
    assert Reference(dark).compare(faded).whole < 70


def test_opaque_alpha_changes_nothing() -> None:
    """RGBA without transparency scores as RGB."""
    alpha = np.full((*PHOTO.shape[:2], 1), 255, np.uint8)
    restored = _coded(PHOTO, "JPEG", 60)
    actual = Reference(np.dstack([PHOTO, alpha])).compare(np.dstack([restored, alpha]))
    assert actual == Reference(PHOTO).compare(restored)


def test_tiny_images_are_refused() -> None:
    """Images with less than eight pixels on a side have no score."""
    with pytest.raises(ValueError, match="40x7"):
        Reference(PHOTO[:7, :40])
