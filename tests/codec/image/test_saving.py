import io

import numpy as np
import pytest
from PIL import Image, ImageFile

from slimgate.codec.image.saving import save
from tests.codec.pictures import noise


@pytest.mark.parametrize("quality", [95, 100])
@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_saved(quality: int, channels: int) -> None:
    """The best progressive JPEG file of noise needs more bytes than Pillow expects."""
    usual = ImageFile.MAXBLOCK
    pixels = noise(300, 300, 3)
    image = Image.fromarray(pixels if channels == 3 else np.ascontiguousarray(pixels[..., 0]))
    options = {} if channels == 1 else {"subsampling": "4:4:4"}
    data = save(image, "JPEG", quality=quality, progressive=True, **options)
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.size == (300, 300)
        opened.load()
    assert usual == ImageFile.MAXBLOCK


def test_other_failures_are_raised() -> None:
    """What no buffer mends is an error."""
    with pytest.raises(OSError, match="cannot write mode"):
        save(Image.new("RGBA", (4, 4)), "JPEG")
