"""Tests of renditions as AVIF files."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from codec import avif, fidelity
from codec.pixels import Pixels, Undecodable
from tests.codec.pictures import crop

_SIZE = {"width": 65, "height": 49}  # odd, as chroma is not


def _encode(pixels: Pixels, quality: int = 80, **parameters: object) -> bytes:
    defaults: dict[str, object] = {"subsampling": "4:4:4", "speed": 9}
    return avif.encode(pixels, quality, **{**defaults, **parameters})  # type: ignore[arg-type]  # a table


def _profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_pixels_survive(mode: str, subsampling: str) -> None:
    """What was encoded in any mode and subsampling is decoded in that mode, and much alike."""
    pixels = crop(mode, 65, 49)
    decoded = avif.read(_encode(pixels, 90, subsampling=subsampling), mode=mode, **_SIZE)
    assert pixels.shape == decoded.shape
    assert np.uint8 == decoded.dtype
    assert fidelity.psnr(pixels, decoded) > (36 if subsampling == "4:4:4" else 28)


def test_quality_trades_bytes_for_fidelity() -> None:
    """A higher quality costs bytes and gains fidelity."""
    pixels = crop("RGB", 65, 49)
    files = [_encode(pixels, quality) for quality in (20, 50, 80, 95)]
    sizes = [len(data) for data in files]
    measured = [fidelity.psnr(pixels, avif.read(data, mode="RGB", **_SIZE)) for data in files]
    assert sorted(set(sizes)) == sizes
    assert sorted(set(measured)) == measured


def test_opaque_rgba_comes_back_as_rgba() -> None:
    """An alpha channel that is opaque throughout is there after decoding, though not stored."""
    pixels = crop("RGBA", 65, 49)
    pixels[..., 3] = 255
    decoded = avif.read(_encode(pixels), mode="RGBA", **_SIZE)
    assert pixels.shape == decoded.shape
    assert {255} == set(decoded[..., 3].flat)


def test_encoding_is_reproducible() -> None:
    """The same pixels and parameters give the same file."""
    pixels = crop("RGBA", 65, 49)
    assert _encode(pixels) == _encode(pixels.copy())


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_profiles_are_embedded(mode: str) -> None:
    """A colour profile is read back byte for byte, and none is none."""
    pixels = crop(mode, 65, 49)
    assert _profile() == avif.icc_profile(_encode(pixels, icc=_profile()))
    assert avif.icc_profile(_encode(pixels)) is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_leaves_pixels_alone(orientation: int) -> None:
    """Viewers are told how to turn the image; the decoded pixels are the unturned ones."""
    pixels = crop("RGB", 65, 49)
    data = _encode(pixels, orientation=orientation)
    decoded = avif.read(data, mode="RGB", **_SIZE)
    np.testing.assert_array_equal(avif.read(_encode(pixels), mode="RGB", **_SIZE), decoded)
    with Image.open(io.BytesIO(data)) as image:
        assert orientation == image.getexif().get(0x0112, 1)


@pytest.mark.parametrize(
    ("stored", "mode", "width", "height"),
    [
        ("RGB", "RGB", 64, 49),
        ("RGB", "RGB", 65, 50),
        ("RGB", "RGB", 49, 65),
        ("RGB", "L", 65, 49),
        ("RGB", "RGBA", 65, 50),
        ("RGBA", "RGB", 65, 49),
        ("RGBA", "L", 65, 49),
        ("L", "RGBA", 65, 49),
        ("L", "RGB", 65, 49),
    ],
)
def test_other_images_than_expected_are_refused(
    stored: str, mode: str, width: int, height: int
) -> None:
    """A rendition of another size or with other channels than the manifest says is refused."""
    data = _encode(crop(stored, 65, 49))
    with pytest.raises(Undecodable):
        avif.read(data, mode=mode, width=width, height=height)


def _ask(data: bytes) -> None:
    """Read a file in every way, through nothing but documented errors."""
    for mode in ("RGB", "RGBA"):
        try:
            avif.read(data, mode=mode, **_SIZE)
        except (OSError, ValueError, SyntaxError):
            continue
    try:
        avif.icc_profile(data)
    except (OSError, ValueError, SyntaxError):
        return


def test_truncated_files_raise_what_is_documented() -> None:
    """Wherever a rendition ends too early, reading raises one of the documented errors."""
    data = _encode(crop("RGB", 65, 49), icc=_profile())
    for end in range(0, len(data), 5):
        with pytest.raises((OSError, ValueError, SyntaxError)):
            avif.read(data[:end], mode="RGB", **_SIZE)


@pytest.mark.parametrize("flipped", [0x01, 0x80, 0xFF])
def test_damaged_files_raise_what_is_documented(flipped: int) -> None:
    """Whichever byte of a rendition is wrong, no other error than a documented one gets out."""
    data = _encode(crop("RGBA", 65, 49), 30)
    for position in range(0, len(data), 3):
        damaged = bytearray(data)
        damaged[position] ^= flipped
        _ask(bytes(damaged))


def test_large_renditions_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's global pixel limit does not keep a rendition or its profile from being read."""
    data = _encode(crop("RGB", 65, 49), icc=_profile())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert (49, 65, 4) == avif.read(data, mode="RGBA", **_SIZE).shape
    assert _profile() == avif.icc_profile(data)
