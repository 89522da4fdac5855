"""Tests of the HDR pictures that gain maps make, against the formula in floating point."""

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from slimgate.codec.containers import gain_map
from slimgate.codec.image.pixels import Pixels, Undecodable
from slimgate.codec.measures import ssimulacra2, xyb
from slimgate.codec.measures.hdr import HdrPicture, HdrReference
from slimgate.codec.measures.psnr import psnr
from slimgate.config import Floor
from tests.codec.gain_maps import VALUES, behind, xmp
from tests.codec.pictures import crop, worsened

_SIZE = (240, 200)
_PICTURE = crop("RGB", *_SIZE)
_BRIGHTEST = 65 / 64 * 2**2.5


def _picture(values: dict[str, str], pixels: Pixels | None = None) -> HdrPicture:
    found = gain_map.find(behind(xmp(values), pixels=pixels))
    assert found is not None
    return HdrPicture(found, _SIZE)


def _expected() -> npt.NDArray[np.float64]:
    """Apply the map of ``VALUES`` as Ultra HDR 1.1 says, and code the result."""
    coded = _PICTURE / 255
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    with Image.open(io.BytesIO(behind(xmp(VALUES)))) as image:
        stops = -0.5 + 3 * (np.asarray(image) / 255) ** (1 / 0.8)
    whole = np.asarray(Image.fromarray(stops.astype(np.float32)).resize(_SIZE, 2))[..., None]
    return np.asarray(np.round(255 * _code((light + 1 / 64) * 2**whole) / _code(_BRIGHTEST)))


def _code(light: Any) -> Any:
    """Code cube roots of light, and logarithms above white, as sRGB codes light."""
    root = np.where(light < 1, np.cbrt(light), 1 + np.log(np.maximum(light, 1)) / 3)
    return np.where(root**3 < 0.0031308, 12.92 * root**3, 1.055 * root**1.25 - 0.055)


def test_pictures_are_those_of_the_formula() -> None:
    """Every sample is within one step of the formula's, in strips as in one piece."""
    found = _picture(VALUES).of(_PICTURE)
    assert np.abs(found - _expected()).max() <= 1


def test_without_gain_the_picture_is_itself() -> None:
    """A map of nothing leaves every value and its light."""
    plain = {"GainMapMax": "0", "OffsetSDR": "0", "OffsetHDR": "0"}
    steps = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None], (256, 240, 3))
    found = _picture(plain)
    assert np.array_equal(found.of(steps), steps)
    assert np.allclose(found.light(steps, slice(0, 256)), xyb.linear(steps), atol=1e-4)
    assert found.headroom_db == pytest.approx(0)


def test_errors_below_white_count_as_in_the_first_picture() -> None:
    """A map that adds no light anywhere, but could, does not change scores."""
    values = {"GainMapMax": "2", "OffsetSDR": "0", "OffsetHDR": "0"}
    found = _picture(values, np.zeros((50, 60, 3), np.uint8))
    worse = worsened(_PICTURE, 12)
    first = ssimulacra2.Reference(_PICTURE).compare(worse)
    read = HdrReference(found, _PICTURE).read(Floor(psnr_db=30, ssimulacra2=70), worse)
    assert read.ssimulacra2 == pytest.approx(first.whole, abs=0.02)
    assert read.psnr_db == pytest.approx(psnr(_PICTURE, worse), abs=0.2)


def test_light_above_white_counts_by_contrast() -> None:
    """The logarithm goes on where the cube root ends."""
    found = _picture(VALUES, np.full((50, 60, 3), 255, np.uint8))
    steps = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None], (256, 240, 3))
    seen = np.cbrt(found.light(steps, slice(0, 256))[:, 0, 0].astype(float))
    assert np.all(np.diff(seen) > 0)
    assert seen[-1] == pytest.approx(1 + math.log(_BRIGHTEST) / 3, rel=1e-3)
    assert np.array_equal(found.light(steps, slice(7, 20)), found.light(steps, slice(0, 256))[7:20])


def test_channels_have_their_own_map() -> None:
    """A coloured map brightens each channel by its own sample."""
    flat = np.zeros((50, 60, 3), np.uint8)
    flat[..., 0] = 255
    values = {"GainMapMax": "1", "OffsetSDR": "0", "OffsetHDR": "0"}
    found = _picture(values, flat).of(np.full((200, 240, 3), 128, np.uint8))
    assert int(found[..., 0].min()) - int(found[..., 2].max()) > 20


def test_maps_larger_than_the_picture_are_refused() -> None:
    """A map costs no more memory than its picture."""
    with pytest.raises(Undecodable, match="another kind or size"):
        _picture(VALUES, np.zeros((300, 300), np.uint8))
