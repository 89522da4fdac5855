"""Tests of telling colour profiles that need not be kept in renditions."""

import pytest
from PIL import ImageCms

from slimgate.codec.image.profiles import is_srgb
from tests.codec.containers import samples

_LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def test_srgb_is_recognized() -> None:
    """A profile of sRGB changes nothing."""
    assert is_srgb(samples.srgb())


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.0])
def test_other_curves_are_not_srgb(gamma: float) -> None:
    """Another tone curve shows other colours."""
    assert not is_srgb(samples.with_gamma(samples.srgb(), gamma))


@pytest.mark.parametrize(
    "profile",
    [b"", b"no profile", _LAB, samples.srgb()[:200], bytes(128), samples.srgb() + bytes(65_536)],
)
def test_anything_else_is_kept(profile: bytes) -> None:
    """Profiles that are damaged, long or for other colours are not taken for sRGB."""
    assert not is_srgb(profile)
