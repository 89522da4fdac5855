"""Images for the tests, made on the spot and the same in every run."""

import io
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms
from skimage import data

from bench import reference

FLOOR_SCORE: Final = 70.0
"""SSIMULACRA2 score that a policy demands unless it says otherwise."""

MIMES: Final = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}

_CAMERA_TAG, _ORIENTATION_TAG = 0x0110, 0x0112

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Sample:
    """One image file.

    Attributes:
        name: For test ids and keys.
        format: Pillow's name.
        mode: Pillow's name.
        bytes: The file.
    """

    name: str
    format: str
    mode: str
    bytes: bytes

    @property
    def mime(self) -> str:
        """Return its media type."""
        return MIMES[self.format]


@cache
def photo(width: int = 192, height: int = 160) -> Image.Image:
    """Return a colour photograph."""
    pixels = data.astronaut()  # type: ignore[no-untyped-call]  # scikit-image has no types
    return Image.fromarray(pixels[:440, :500]).resize((width, height), Image.Resampling.LANCZOS)


@cache
def jpeg(width: int = 192, height: int = 160, quality: int = 92) -> bytes:
    """Return a colour photograph as a JPEG file."""
    return saved(photo(width, height), "JPEG", quality=quality)


@cache
def several(width: int = 192, height: int = 160) -> bytes:
    """Make a file of two pictures with an index (CIPA DC-007)."""
    target = io.BytesIO()
    first = photo(width, height)
    first.save(target, "MPO", quality=95, save_all=True, append_images=[first.rotate(180)])
    return target.getvalue()


def noise(side: int = 64) -> bytes:
    """Return a PNG file that is hard to make smaller; not tried below 16 pixels a side."""
    pixels = np.random.default_rng(7).integers(0, 256, (side, side, 3), np.uint8)
    return saved(Image.fromarray(pixels), "PNG")


@cache
def samples() -> tuple[Sample, ...]:
    """Return one image of each kind that is stored small."""
    rgb = photo()
    alpha = rgb.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(rgb.size))
    exif = Image.Exif()
    exif[_CAMERA_TAG], exif[_ORIENTATION_TAG] = "Camera", 6
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return (
        Sample("rgb.jpg", "JPEG", "RGB", saved(rgb, "JPEG", quality=92)),
        Sample("gray.jpg", "JPEG", "L", saved(rgb.convert("L"), "JPEG", quality=92)),
        Sample("exif.jpg", "JPEG", "RGB",
               saved(rgb, "JPEG", quality=92, exif=exif, icc_profile=icc, comment=b"hello")),
        Sample("progressive.jpg", "JPEG", "RGB",
               saved(rgb, "JPEG", quality=92, progressive=True, subsampling="4:4:4")),
        Sample("rgb.png", "PNG", "RGB", saved(rgb, "PNG", compress_level=1)),
        Sample("gray.png", "PNG", "L", saved(rgb.convert("L"), "PNG", compress_level=1)),
        Sample("alpha.png", "PNG", "RGBA", saved(alpha, "PNG", compress_level=1, icc_profile=icc)),
        Sample("rgb.webp", "WEBP", "RGB", saved(rgb, "WEBP", quality=95)),
        Sample("alpha.webp", "WEBP", "RGBA", saved(alpha, "WEBP", quality=95)),
    )  # fmt: skip


def opened(file: bytes) -> Image.Image:
    """Decode a file."""
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        return image


def fidelity(upload: bytes, restored: bytes) -> tuple[float, float]:
    """Measure PSNR in dB and SSIM with scikit-image; colour and alpha apart, the worse counts."""
    first, second = opened(upload), opened(restored)
    assert (first.size, first.mode) == (second.size, second.mode)
    if first.mode == "L":
        return _gray_fidelity(np.asarray(first), np.asarray(second))
    a, b = np.asarray(first.convert("RGB")), np.asarray(second.convert("RGB"))
    psnr, ssim = reference.psnr(a, b), reference.ssim(reference.luma(a), reference.luma(b))
    if first.mode != "RGBA":
        return psnr, ssim
    alpha = _gray_fidelity(np.asarray(first)[..., 3], np.asarray(second)[..., 3])
    return min(psnr, alpha[0]), min(ssim, alpha[1])


def score(upload: bytes, restored: bytes) -> float:
    """Return the SSIMULACRA2 score by the package of that name, which takes a second a megapixel.

    Args:
        upload: At least 8 pixels on either side.
        restored: Same format, mode and dimensions.
    """
    first, second = opened(upload), opened(restored)
    assert (first.size, first.mode) == (second.size, second.mode)
    return reference.ssimulacra2(np.asarray(first), np.asarray(second))


def saved(image: Image.Image, format_: str, **options: object) -> bytes:
    """Write an image, with the options of Pillow."""
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def _gray_fidelity(first: Pixels, second: Pixels) -> tuple[float, float]:
    ssim = reference.ssim(reference.luma(first), reference.luma(second))
    return reference.psnr(first, second), ssim
