import io
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from slimgate.codec.upscale_file import FORMATS, FileFormat, NotEnlarged, TooLarge, enlarge_file
from slimgate.models.engines.interpolation import Interpolation
from tests.e2e import images

_MANY = 10**9


def _enlarged(data: bytes, scale: int = 2, format_: FileFormat = "png", **more: Any) -> Image.Image:
    settings = {"max_pixels": _MANY, **more}
    return images.opened(
        enlarge_file(data, Interpolation("lanczos"), scale=scale, format_=format_, **settings)
    )


def _file(image: Image.Image, format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


@pytest.mark.parametrize("sample", images.samples(), ids=lambda sample: sample.name)
def test_every_kind_is_enlarged(sample: images.Sample) -> None:
    """Each format and mode becomes a PNG, with every pixel enlarged like the restorer's."""
    before, after = images.opened(sample.bytes), _enlarged(sample.bytes, 3)
    assert (before.width * 3, before.height * 3) == after.size
    assert ("PNG", before.mode) == (after.format, after.mode)
    colour = np.asarray(before.convert("L" if before.mode == "L" else "RGB"))
    expected = Interpolation("lanczos").upscale(colour, 3)
    assert np.array_equal(expected, np.asarray(after.convert("L" if after.mode == "L" else "RGB")))


@pytest.mark.parametrize("format_", FORMATS)
def test_profile_and_orientation_stay(format_: FileFormat) -> None:
    """In each format of the result, colours mean the same and up is where it was."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    data = _file(images.photo(40, 30), "JPEG", icc_profile=profile, exif=exif)
    after = _enlarged(data, format_=format_)
    assert after.format == FORMATS[format_].name
    assert profile == after.info["icc_profile"]
    assert after.getexif()[ExifTags.Base.Orientation] == 6


def test_what_cannot_be_done_is_told() -> None:
    """Damaged and unhandled files, and results that are too large, are refused with a reason."""
    jpeg = images.jpeg(64, 48)
    alpha = _file(images.photo(32, 32).convert("RGBA"), "PNG")
    with pytest.raises(TooLarge, match="128x96 pixels are more than the 12,287 allowed"):
        _enlarged(jpeg, max_pixels=128 * 96 - 1)
    with pytest.raises(TooLarge, match="webp cannot hold"):
        _enlarged(_file(Image.new("L", (9000, 16)), "PNG"), format_="webp")
    with pytest.raises(NotEnlarged, match="no transparency"):
        _enlarged(alpha, format_="jpeg")
    with pytest.raises(NotEnlarged, match="not handled"):
        _enlarged(_file(images.photo(32, 32).quantize(8), "PNG"))
    with pytest.raises(NotEnlarged, match=r"not handled|cannot be decoded"):
        _enlarged(jpeg[: len(jpeg) // 2])
    with pytest.raises(NotEnlarged):
        _enlarged(b"no image at all")
