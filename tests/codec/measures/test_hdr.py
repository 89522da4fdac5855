"""Tests of the HDR pictures that gain maps make, against the formula in floating point."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from codec.containers import gain_map
from codec.image.pixels import Pixels, Undecodable
from codec.measures.hdr import HdrPicture
from tests.codec.gain_maps import VALUES, behind, xmp
from tests.codec.pictures import crop

_SIZE = (240, 200)
_PICTURE = crop("RGB", *_SIZE)


def _picture(values: dict[str, str], pixels: Pixels | None = None) -> HdrPicture:
    found = gain_map.find(behind(xmp(values), pixels=pixels))
    assert found is not None
    return HdrPicture(found, _SIZE)


def _expected() -> npt.NDArray[np.float64]:
    """Apply the map of ``VALUES`` as Ultra HDR 1.1 says, and code the result by PQ."""
    coded = _PICTURE / 255
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    with Image.open(io.BytesIO(behind(xmp(VALUES)))) as image:
        stops = -0.5 + 3 * (np.asarray(image) / 255) ** (1 / 0.8)
    whole = np.asarray(Image.fromarray(stops.astype(np.float32)).resize(_SIZE, 2))[..., None]
    return np.asarray(np.round(255 * _pq((light + 1 / 64) * 2**whole) / _pq(65 / 64 * 2**2.5)))


def _pq(light: Any) -> Any:
    powered = (light * 203 / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * powered) / (1 + 18.6875 * powered)) ** 78.84375


def test_pictures_are_those_of_the_formula() -> None:
    """Every sample is within one step of the formula's, in strips as in one piece."""
    found = _picture(VALUES).of(_PICTURE)
    assert np.abs(found - _expected()).max() <= 1


def test_without_gain_the_picture_is_itself() -> None:
    """A map of nothing leaves black, white and the order between them."""
    plain = {"GainMapMax": "0", "OffsetSDR": "0", "OffsetHDR": "0"}
    steps = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None], (256, 240, 3))
    found = _picture(plain).of(steps)[:, 0, 0].astype(int)
    assert (found[0], found[255]) == (0, 255)
    assert np.all(np.diff(found) >= 0)


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
