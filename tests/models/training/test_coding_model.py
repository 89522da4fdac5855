"""Tests of the model of AV1, against the real encoder."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from torch import Tensor  # noqa: E402

from slimgate.models.training import coding_model  # noqa: E402
from slimgate.models.training.batch_coding import code  # noqa: E402
from slimgate.models.training.pairs import Choice  # noqa: E402
from tests.models.training.samples import Pixels, picture  # noqa: E402

pytestmark = pytest.mark.torch


def _batch(*images: Pixels) -> Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 256


def _choice(quality: int) -> Choice:
    return Choice(quality, "4:4:4", "ssimulacra2")


def _pattern(side: int, frequency: float) -> Pixels:
    """Return a texture of cosines, from -1 to 1: (side, side, 1)."""
    wave = np.cos(np.pi * (np.arange(side) + 0.5) * frequency)
    return (wave[:, None] * wave)[..., None]  # type: ignore[no-any-return]  # numpy's stubs


@pytest.mark.parametrize(
    ("height", "quality", "kept"),
    [(2, 40, False), (2, 95, True), (40, 40, True)],
    ids=["faint, low quality", "faint, high quality", "strong, low quality"],
)
def test_gradients_pass_where_the_encoder_keeps_something(
    height: int, quality: int, *, kept: bool
) -> None:
    """Of a texture that the encoder drops nothing survives, nor do its gradients; else both do."""
    texture = _pattern(64, 0.875)
    image = _batch(np.rint(128 + height * texture).astype(np.uint8).repeat(3, axis=2))
    pattern = torch.from_numpy(texture).permute(2, 0, 1).float().expand(1, 3, 64, 64)
    pattern = pattern / pattern.square().sum()

    def share(images: Tensor) -> float:
        return float((images.detach() * pattern).sum() / (image.detach() * pattern).sum())

    image.requires_grad_()
    survivors = coding_model.survivors(image, quality)
    (survivors * pattern).sum().backward()
    gradient = image.grad
    assert gradient is not None
    passed = float((gradient * pattern).sum() / pattern.square().sum())
    decoded = code(image, "avif", _choice(quality)).images
    for found in (share(decoded), share(survivors), passed):
        assert (found > 0.8) if kept else (abs(found) < 0.2)


def test_means_always_survive() -> None:
    """Flat images come back, at any quality, with the gradient of every pixel."""
    image = torch.full((1, 3, 16, 24), 100 / 256, requires_grad=True)
    survivors = coding_model.survivors(image, 1)
    torch.testing.assert_close(survivors, image, rtol=0, atol=1e-5)
    survivors.sum().backward()
    torch.testing.assert_close(image.grad, torch.ones_like(image), rtol=0, atol=1e-4)


def test_strong_detail_survives_in_its_place() -> None:
    """At the highest quality an image comes back: blocks and colours are put together again."""
    random = np.random.default_rng(1)
    image = _batch(random.integers(0, 256, (32, 48, 3), dtype=np.uint8))
    torch.testing.assert_close(coding_model.survivors(image, 100), image, rtol=0, atol=6 / 256)


def test_estimates_go_with_the_sizes_of_files() -> None:
    """Sharper, softer and noisier versions take more or fewer bytes by about the estimate."""
    real, estimated = [], []
    for seed in range(4):
        plain = picture(128, seed=seed)
        versions = [plain, *_versions(plain, seed)]
        for quality in (60, 80):
            batches = [_batch(version) for version in versions]
            sizes = [code(batch, "avif", _choice(quality)).size for batch in batches]
            real += np.log(np.array(sizes[1:]) / sizes[0]).tolist()
            for batch in batches[1:]:
                growth = coding_model.growth(batch, batches[0], quality)
                estimated.append(float(growth))
    assert np.ptp(real) > 0.3
    assert np.corrcoef(real, estimated)[0, 1] > 0.9


def _versions(plain: Pixels, seed: int) -> list[Pixels]:
    values = plain.astype(np.float64)
    near = (np.roll(values, 1, 0) + np.roll(values, 1, 1) + 2 * values) / 4
    noise = np.random.default_rng(seed).normal(0, 2, values.shape)
    changed = (near, 0.5 * (values + near), 1.3 * values - 0.3 * near, values + noise)
    return [np.clip(np.rint(each), 0, 255).astype(np.uint8) for each in changed]


def test_equal_images_grow_by_nothing() -> None:
    """The estimate is a ratio to another image; flat ones have a finite one."""
    image, flat = _batch(picture(32, seed=1)), torch.full((1, 3, 32, 32), 0.5)
    assert float(coding_model.growth(image, image, 60)) == 0
    assert float(coding_model.growth(flat, flat, 60)) == 0
    assert float(coding_model.growth(image, flat, 60)) > 1
