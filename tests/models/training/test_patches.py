"""Tests of drawing patches."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from slimgate.models.training.errors import NoImages  # noqa: E402
from slimgate.models.training.pairs import Small, Source  # noqa: E402
from slimgate.models.training.patches import Patches, as_tensors  # noqa: E402
from tests.models.training.samples import picture  # noqa: E402

pytestmark = pytest.mark.torch


def _source(scale: int, *, seed: int = 0, side: int = 40) -> Source:
    """Make an original each of whose small pixels is repeated: a patch shows where it was cut."""
    small = picture(side, seed=seed)
    full = small.repeat(scale, axis=0).repeat(scale, axis=1)
    return Source(f"{seed}", full, (Small(small, 77, "lossless"),))


def _patches(scale: int, *, seed: int = 0, patch: int = 16) -> Patches:
    return Patches([_source(scale)], scale=scale, batch=8, patch=patch, seed=seed)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_patches_are_aligned(scale: int) -> None:
    """Small and full patches show the same place, however rotated or mirrored."""
    small, full = _patches(scale).draw()
    assert (
        tuple(small.shape),
        tuple(full.shape),
    ) == ((8, 4, 16, 16), (8, 3, 16 * scale, 16 * scale))
    expected = small[:, :3].repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    assert torch.equal(expected, full)


def test_patches_carry_the_level() -> None:
    """The fourth channel is the level, in the unit of the pixels."""
    small, _ = _patches(2).draw()
    assert torch.equal(torch.full((8, 16, 16), 77 / 256), small[:, 3])


def test_the_same_seed_draws_the_same() -> None:
    """The seed determines all batches; another seed yields others."""
    one, same, other = (_patches(2, seed=seed).draw()[0] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_all_eight_views_are_drawn() -> None:
    """A place is seen turned and mirrored in every way."""
    patches = _patches(1, patch=40)
    views = {patch.numpy().tobytes() for _ in range(12) for patch in patches.draw()[0]}
    assert len(views) == 8


def test_images_below_a_patch_are_left_out() -> None:
    """A small image is never drawn, and nothing but small images is an error."""
    sources = [_source(2, seed=1, side=8), _source(2, seed=2)]
    Patches(sources, scale=2, batch=8, patch=16, seed=0).draw()
    with pytest.raises(NoImages, match="16 small pixels"):
        Patches(sources[:1], scale=2, batch=1, patch=16, seed=0)


def test_images_are_drawn_by_their_weights() -> None:
    """The longest beginning of a name that has a weight counts; all others have 1."""
    dark, bright = np.zeros((20, 20, 3), np.uint8), np.full((20, 20, 3), 255, np.uint8)
    sources = [
        Source(name, pixels, (Small(pixels, 0, "lossless"),))
        for name, pixels in (("camera--1", dark), ("camera--raw", bright), ("scan", bright))
    ]
    weights = {"camera--": 6.0, "camera--r": 2.0}
    patches = Patches(sources, scale=1, batch=900, patch=16, seed=0, weights=weights)
    shares = float((patches.draw()[1].mean(dim=(1, 2, 3)) < 0.5).float().mean())
    assert shares == pytest.approx(6 / 9, abs=0.05)
    with pytest.raises(NoImages, match=r"data\.weights"):
        Patches(sources[:2], scale=1, batch=1, patch=16, seed=0, weights={"camera": 0.0})


def test_whole_pairs_become_tensors() -> None:
    """A pair as a batch of one holds all pixels, in 1/256."""
    source = _source(2)
    small, full = as_tensors(source.smalls[0], source.original)
    np.testing.assert_array_equal(
        source.original, (full[0] * 256).numpy().transpose(1, 2, 0).astype(np.uint8)
    )
    assert tuple(small.shape) == (1, 4, 40, 40)
