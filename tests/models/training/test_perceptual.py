"""SSIMULACRA2 with gradients: the score that floors demand, and slopes that are true."""

import io
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from torch import Tensor  # noqa: E402

from slimgate.codec.image.pixels import Pixels  # noqa: E402
from slimgate.codec.measures.ssimulacra2 import Reference  # noqa: E402
from slimgate.models.training import perceptual  # noqa: E402
from tests.models.training.samples import picture  # noqa: E402

pytestmark = pytest.mark.torch

_IMAGES = Path(skimage.__file__).parent / "data"
_PHOTOS = {
    "rocket": np.asarray(Image.open(_IMAGES / "rocket.jpg"))[:300, 100:401],
    "faces": np.asarray(Image.open(_IMAGES / "astronaut.png"))[:257, 90:400],
    "still life": np.asarray(Image.open(_IMAGES / "coffee.png"))[60:320, 100:421],
}


def _tensor(pixels: Pixels) -> Tensor:
    """Return pixels as a batch of one, in 1/256."""
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None].float() / 256


def _coded(pixels: Pixels, format_: str, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format_, quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def _by_codec(original: Pixels, restored: Pixels) -> float:
    return Reference(original).compare(restored).whole


@pytest.mark.parametrize("quality", [5, 40, 95])
@pytest.mark.parametrize("format_", ["AVIF", "JPEG", "WEBP"])
@pytest.mark.parametrize("name", _PHOTOS)
def test_scores_are_those_of_files(name: str, format_: str, quality: int) -> None:
    """Photographs, coded coarsely or finely, score within 0.05 points of the search's measure."""
    original = _PHOTOS[name]
    restored = _coded(original, format_, quality)
    actual = float(perceptual.score(_tensor(restored), _tensor(original)))
    assert actual == pytest.approx(_by_codec(original, restored), abs=0.05)


def test_gray_images_score_as_in_files() -> None:
    """Channels without any difference cost nothing: no bound of a root adds up."""
    gray = np.repeat(_PHOTOS["faces"][..., :1], 3, axis=2)
    restored = np.repeat(_coded(gray, "JPEG", 95)[..., 1:2], 3, axis=2)
    actual = float(perceptual.score(_tensor(restored), _tensor(gray)))
    assert actual == pytest.approx(_by_codec(gray, restored), abs=0.01)


def test_images_of_a_batch_are_scored_alone() -> None:
    """A batch has the errors of its images, one by one."""
    originals = torch.cat([_tensor(_PHOTOS[name][:250, :250]) for name in _PHOTOS])
    restored = (originals + 0.02).clamp(0, 1)
    each = [perceptual.error(restored[[n]], originals[[n]]) for n in range(len(originals))]
    torch.testing.assert_close(perceptual.error(restored, originals), torch.cat(each))


@pytest.mark.parametrize("side", [24, 60, 111])
def test_slopes_are_those_of_differences(side: int) -> None:
    """The gradient predicts what small changes in any direction do to the error."""
    full = _tensor(picture(side, seed=1)).double()
    torch.manual_seed(side)
    restored = (full + 0.03 * torch.randn_like(full)).clamp(0.02, 0.97).requires_grad_()
    (slope,) = torch.autograd.grad(perceptual.error(restored, full).sum(), restored)
    for _ in range(4):
        way = torch.randn_like(full)
        tiny = 1e-6 * way
        with torch.no_grad():
            risen = perceptual.error(restored + tiny, full) - perceptual.error(
                restored - tiny, full
            )
        assert float(risen) / 2e-6 == pytest.approx(float((slope * way).sum()), rel=1e-3)


def test_perfect_and_clipped_pixels_have_finite_slopes() -> None:
    """Nothing is wrong with what is right, in black, in white, and beyond both."""
    full = _tensor(picture(40, seed=2))
    full[..., :10], full[..., 30:] = 0.0, 255 / 256
    for restored in (full.clone(), full - 0.1, full + 0.1):
        restored.requires_grad_()
        (slope,) = torch.autograd.grad(perceptual.error(restored, full).sum(), restored)
        assert torch.isfinite(slope).all()
    assert float(perceptual.error(full, full)) == pytest.approx(0, abs=1e-4)


def test_small_patches_lack_scales_and_keep_the_weights_of_others() -> None:
    """A patch with fewer scales costs less than one with all, and never nothing."""
    full = _tensor(_PHOTOS["faces"][:256, :256])
    restored = (full + 0.05 * torch.rand_like(full)).clamp(0, 1)
    errors = [
        float(perceptual.error(restored[..., :side, :side], full[..., :side, :side]).detach())
        for side in (8, 16, 256)
    ]
    assert min(errors[:2]) > 0
    assert errors[0] < errors[2]


def test_images_below_all_scales_are_refused() -> None:
    """Fewer than eight pixels on a side have no score."""
    with pytest.raises(ValueError, match="too small"):
        perceptual.error(torch.zeros(1, 3, 7, 30), torch.zeros(1, 3, 7, 30))


def test_steps_downhill_raise_the_score_of_files() -> None:
    """A few steps along the slope raise the score that the search measures."""
    original = _PHOTOS["rocket"][:230, :230]
    coded = _coded(original, "JPEG", 20)
    full, restored = _tensor(original), _tensor(coded).requires_grad_()
    optimizer = torch.optim.Adam([restored], lr=0.003)
    for _ in range(10):
        optimizer.zero_grad()
        torch.autograd.backward(perceptual.error(restored, full).sum())
        optimizer.step()
    pixels = restored.detach()[0].mul(256).round().clamp(0, 255).to(torch.uint8)
    better = np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())
    assert _by_codec(original, better) > _by_codec(original, coded) + 2
