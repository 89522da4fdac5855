"""Tests of the restorers without a network."""

import hashlib

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from slimgate.models.engines.interpolation import Interpolation

_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "lanczos": Image.Resampling.LANCZOS}

# Objects in buckets depend on these bytes: a restorer that gives others is another restorer.
_GOLDEN = {
    ("lanczos", 2): "7fec7a3fd30a70ad9fc8b4c1ae6da97bc67a34ab76afe2a9b65589dde7fbee32",
    ("lanczos", 3): "9f0f2660ed1677b387a2e35b3a144b4e8495508a26b15dfa43d9a8c7024ee5b5",
    ("lanczos", 4): "8e3b41aaf7b95ad8935b4a5932fbe016764f5c00700c65c7c23a8a736447734d",
    ("bicubic", 2): "c24e7374a8ba7c2ab5c5db735ea536ca6525b8e20a60430b5b2733ff534ac6a5",
    ("bicubic", 3): "40fefecea74c5b40261baae3e2b5136e6c6b4024a01dcd38b0b5e047122582da",
    ("bicubic", 4): "74c3f9a4b8c4ad57c3bcb2b8dfd17c221028d225bdae1ffd8f67508f8e40dbb6",
}


def _pixels(*shape: int) -> npt.NDArray[np.uint8]:
    """Make pseudo-random pixels that depend on no library's random numbers."""
    count = int(np.prod(shape))
    stream = hashlib.shake_128(b"slimgate").digest(count)
    return np.frombuffer(stream, np.uint8).reshape(shape)


@pytest.mark.parametrize("name", _FILTERS)
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(13, 17), (13, 17, 3), (1, 1), (1, 9, 3)])
def test_results_are_those_of_pillow(name: str, scale: int, shape: tuple[int, ...]) -> None:
    """The result equals Pillow's filter of that name, in the scaled size."""
    pixels = _pixels(*shape)
    size = (shape[1] * scale, shape[0] * scale)
    expected = np.asarray(Image.fromarray(pixels).resize(size, _FILTERS[name]))
    actual = Interpolation(name).upscale(pixels, scale)
    assert (size[1], size[0], *shape[2:]) == actual.shape
    assert actual.dtype == np.uint8
    np.testing.assert_array_equal(expected, actual)


@pytest.mark.parametrize(("name", "scale"), _GOLDEN)
def test_results_are_the_same_for_ever(name: str, scale: int) -> None:
    """The bytes for a fixed image, gray and RGB, are those of the first version."""
    restorer = Interpolation(name)
    digest = hashlib.sha256()
    for shape in ((37, 41), (37, 41, 3)):
        digest.update(restorer.upscale(_pixels(*shape), scale).tobytes())
    assert digest.hexdigest() == _GOLDEN[name, scale]


@pytest.mark.parametrize("name", _FILTERS)
def test_channels_do_not_mix(name: str) -> None:
    """Each channel of an RGB image is enlarged as if it were alone."""
    pixels = _pixels(11, 7, 3)
    restorer = Interpolation(name)
    alone = [restorer.upscale(np.ascontiguousarray(pixels[..., c]), 3) for c in range(3)]
    np.testing.assert_array_equal(np.dstack(alone), restorer.upscale(pixels, 3))


@pytest.mark.parametrize("name", _FILTERS)
def test_the_input_is_left_alone(name: str) -> None:
    """Enlarging does not write into the small pixels, at scale 1 neither."""
    pixels = _pixels(8, 8, 3).copy()
    before = pixels.copy()
    result = Interpolation(name).upscale(pixels, 1)
    np.testing.assert_array_equal(before, pixels)
    assert not np.shares_memory(result, pixels)


def test_unknown_filters_are_an_error() -> None:
    """A name that stands for no filter is refused at once."""
    with pytest.raises(KeyError):
        Interpolation("nearest")
