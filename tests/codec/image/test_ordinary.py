import io
from typing import Final

import numpy as np
import pytest
from PIL import Image

from slimgate.codec.image.ordinary import ordinary_copy
from tests.codec.pictures import crop

_PHOTO: Final = Image.fromarray(crop("RGB", 64, 48))


def _saved(image: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    image.save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(
    ("image", "form", "mode"),
    [
        (_PHOTO.convert("CMYK"), "JPEG", "RGB"),
        (_PHOTO.convert("P"), "PNG", "RGB"),
        (_PHOTO.convert("RGBA"), "PNG", "RGB"),
        (_PHOTO, "TIFF", "RGB"),
        (_PHOTO.convert("L"), "GIF", "L"),
    ],
)
def test_odd_files_become_ordinary(image: Image.Image, form: str, mode: str) -> None:
    """The copy is a JPEG file of the same picture."""
    copy = ordinary_copy(_saved(image, form), max_pixels=10_000)
    assert copy is not None
    with Image.open(io.BytesIO(copy)) as opened:
        assert (opened.format, opened.size) == ("JPEG", (64, 48))
        assert opened.mode in {mode, "RGB"}
        found = np.asarray(opened.convert("RGB"), np.float64)
    expected = np.asarray(image.convert("RGB"), np.float64)
    assert np.abs(found - expected).mean() < 16  # JPEG blurs what a palette dithers


def test_deep_gray_is_scaled() -> None:
    """The upper eight of sixteen bits are the picture."""
    deep = Image.fromarray(np.full((20, 20), 0x8000, np.uint16))
    copy = ordinary_copy(_saved(deep, "PNG"), max_pixels=10_000)
    assert copy is not None
    with Image.open(io.BytesIO(copy)) as opened:
        assert np.abs(np.asarray(opened.convert("L"), np.int16) - 0x80).max() <= 1


@pytest.mark.parametrize("data", [b"", b"text", _saved(_PHOTO, "JPEG")[:100]])
def test_what_cannot_be_read_has_no_copy(data: bytes) -> None:
    """A file without pixels has none to copy."""
    assert ordinary_copy(data, max_pixels=10_000) is None


def test_large_files_are_not_decoded() -> None:
    """Pixels are bounded before any are decoded."""
    assert ordinary_copy(_saved(_PHOTO, "PNG"), max_pixels=64 * 48 - 1) is None
