import pytest

from slimgate.codec.containers.description import described
from tests.codec.pictures import crop, save

_PHOTO = crop("RGB", 64, 48)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (save(_PHOTO, "JPEG"), "JPEG, 64x48"),
        (save(_PHOTO, "PNG"), "PNG, 64x48"),
        (save(_PHOTO, "WEBP"), "WebP, 64x48"),
        (save(_PHOTO, "TIFF"), "TIFF, 64x48"),
        (save(_PHOTO, "PNG")[:40], "PNG"),
        (save(_PHOTO, "AVIF"), "AVIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"text", "not an image of a known type"),
        (b"", "not an image of a known type"),
    ],
)
def test_files_are_called_what_they_are(data: bytes, expected: str) -> None:
    """The bytes say what a file is, and how large, as far as it can be read."""
    assert described(data) == expected
