import io
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from slimgate.eval.demo.phone_photos import Phone, photograph

ROCKET = Path(str(resources.files("skimage").joinpath("data", "rocket.jpg")))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_viewers_show_photographs_upright(orientation: int) -> None:
    """However the pixels lie in the file, the orientation turns them to the same picture."""
    size = (320, 240) if orientation < 5 else (240, 320)
    with Image.open(io.BytesIO(photograph(ROCKET, Phone(size, orientation)))) as image:
        assert (image.size, image.getexif()[ExifTags.Base.Orientation]) == (size, orientation)
        shown = ImageOps.exif_transpose(image)
    with Image.open(ROCKET) as source:
        expected = source.resize((320, 240), box=(35, 0, 605, 427))
    difference = np.asarray(shown, np.float64) - np.asarray(expected)
    assert shown.size == (320, 240)
    assert np.abs(difference).mean() < 5


def test_photographs_are_made_alike() -> None:
    """The same photograph has the same bytes, so that figures can be compared."""
    phone = Phone((64, 48), appended="gain map")
    assert photograph(ROCKET, phone) == photograph(ROCKET, phone)
