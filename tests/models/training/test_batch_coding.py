"""Tests of coding batches with the real encoders."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from slimgate.models.training import renditions  # noqa: E402
from slimgate.models.training.batch_coding import code  # noqa: E402
from slimgate.models.training.pairs import Choice, coded  # noqa: E402
from tests.models.training.samples import picture  # noqa: E402

pytestmark = pytest.mark.torch

_CHOICE = Choice(70, "4:4:4", "ssimulacra2")
_BATCH = torch.from_numpy(np.stack([picture(32, seed=seed) for seed in range(3)]))
_IMAGES = _BATCH.permute(0, 3, 1, 2).float() / 256


@pytest.mark.parametrize("codec", ["avif", "jxl", "webp", "jpeg"])
def test_each_patch_comes_back_to_its_place(codec: str) -> None:
    """Decoded patches resemble their own, and come with level and bytes."""
    found = code(_IMAGES, codec, _CHOICE)
    apart = (found.images[:, None] - _IMAGES).abs().mean(dim=(2, 3, 4)) * 256
    assert float(apart.diagonal().max()) < 10
    assert float((apart + 99 * torch.eye(3)).min()) > 40
    assert found.level == renditions.level(codec, 70)
    assert found.size > 100
    assert not torch.equal(found.images, _IMAGES)


def test_one_image_is_coded_like_a_rendition() -> None:
    """A batch of one has the pixels that pairs and the gateway have."""
    found = code(_IMAGES[:1], "avif", _CHOICE)
    expected = coded(picture(32, seed=0), "avif", 70, "4:4:4", tune="ssimulacra2")
    pixels = (found.images[0] * 256).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(pixels, expected.pixels)
    assert found.small.shape == (1, 4, 32, 32)
    assert set((found.small[:, 3] * 256).unique().tolist()) == {expected.level}


def test_lossless_batches_stay_as_they_are() -> None:
    """Without a codec pixels are the same, at level 0."""
    found = code(_IMAGES, "lossless", _CHOICE)
    assert torch.equal(found.images, _IMAGES)
    assert (found.level, found.size) == (0, 0)
