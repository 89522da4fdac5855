"""Fidelity by scikit-image, OpenCV, Pillow and `ssimulacra2`: the reference for our own.

Benchmarks check served files with it, and tests check :mod:`slimgate.codec.measures` with it.
Pixels are uint8, (height, width) or (height, width, channels); luma ignores alpha. Only regions are
scored by our own code: no package does that, and a region that is cut out scores up to 30 points
lower.
"""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from ssimulacra2 import compute_ssimulacra2

from slimgate.codec.measures.ssimulacra2 import Reference
from slimgate.config import Floor

Pixels = npt.NDArray[np.uint8]
Luma = npt.NDArray[np.float64]

_LUMA: Final = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_KEY_POINTS: Final = 500
_NEAR: Final = 50  # bits of 256
_ENOUGH: Final = 50  # key points
_STABLE: Final = 0.8
_BLOCK: Final = 64
_FEATURELESS_DB: Final = 43.0
_BACKGROUNDS: Final = (0.1, 0.9)  # sRGB, of libjxl's tools/ssimulacra2.cc
# The two libraries round differently.
_SLACK_DB: Final = 1e-9
_SLACK_SSIM: Final = 1e-6


def decoded(data: bytes) -> Pixels:
    """Return the pixels of an image file, as Pillow reads them."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def decoded_plainly(data: bytes) -> Pixels:
    """Return the pixels of an image file as gray, RGB or, where any is transparent, RGBA."""
    with Image.open(io.BytesIO(data)) as image:
        if image.has_transparency_data:
            pixels = np.asarray(image.convert("RGBA"))
            return pixels if (pixels[..., 3] < 255).any() else pixels[..., :3].copy()
        return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))


def luma(pixels: Pixels) -> Luma:
    """Return luma, unrounded; gray pixels as they are."""
    return pixels.astype(np.float64) if pixels.ndim == 2 else pixels[..., :3] @ _LUMA


def psnr(before: Pixels | Luma, after: Pixels | Luma) -> float:
    """Return the PSNR, dB; infinite for equal arrays."""
    if np.array_equal(before, after):
        return float("inf")
    measure: Callable[..., float] = peak_signal_noise_ratio
    return float(measure(before, after, data_range=255))


def ssim(before: Luma, after: Luma, *, k1: float = 0.01) -> float:
    """Return the mean SSIM of two images of luma, by the window of its authors.

    Args:
        before: At least 11 pixels on either side.
        after: Same shape.
        k1: Constant of its luminance term.
    """
    measure: Callable[..., float] = structural_similarity
    options: dict[str, Any] = {"gaussian_weights": True, "sigma": 1.5, "data_range": 255, "K1": k1}
    return float(measure(before, after, use_sample_covariance=False, **options))


def block_psnr(before: Pixels, after: Pixels) -> float:
    """Return the PSNR of the worst block of 64x64 pixels, dB."""
    return min(psnr(before[b], after[b]) for b in _blocks(*before.shape[:2]))


def orb(before: Pixels, after: Pixels) -> float | None:
    """Return the share of key points of the larger set with a cross-checked match; None if too few.

    FAST lowers its threshold if there are few key points.
    """
    pair = _gray(before), _gray(after)
    for threshold in (20, 10, 5, 3):
        detector = cv2.ORB.create(_KEY_POINTS, fastThreshold=threshold)
        if len(detector.detect(pair[0], None)) >= _ENOUGH:
            break
    else:
        return None
    sets: list[Any] = [detector.detectAndCompute(each, None)[1] for each in pair]
    counts = [0 if each is None else len(each) for each in sets]
    if not min(counts):
        return 0.0
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(*sets)
    return sum(match.distance <= _NEAR for match in matches) / max(counts)


def ssimulacra2(before: Pixels, after: Pixels) -> float:
    """Return the SSIMULACRA2 score by the package of that name, which takes a second a megapixel.

    Args:
        before: Gray, RGB or RGBA; with alpha, the worse of two backgrounds counts, as in libjxl.
        after: Same shape.
    """
    pair = before, after
    if all(each.ndim == 2 or each.shape[2] == 3 or (each[..., 3] == 255).all() for each in pair):
        return _ssimulacra2(*pair)
    return min(_ssimulacra2(*(_over(each, level) for each in pair)) for level in _BACKGROUNDS)


def _over(pixels: Pixels, background: float) -> Pixels:
    """Blend pixels with a gray background."""
    alpha = pixels[..., 3:] / 255
    blended = pixels[..., :3] * alpha + 255 * background * (1 - alpha)
    return np.rint(blended).astype(np.uint8)


def _ssimulacra2(before: Pixels, after: Pixels) -> float:
    with TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ("before.png", "after.png")]
        for path, pixels in zip(paths, (before, after), strict=True):
            Image.fromarray(pixels).convert("RGB").save(path, compress_level=1)
        return float(compute_ssimulacra2(*paths))


def shortfalls(floor: Floor, before: Pixels, after: Pixels) -> Iterator[str]:
    """Return each measure that is below a floor, and its value.

    Args:
        floor: All of its measures but text count.
        before: The upload.
        after: What is served; same shape.
    """
    if before.tobytes() == after.tobytes():
        return
    if (db := psnr(before, after)) < (floor.psnr_db or 0) - _SLACK_DB:
        yield f"PSNR {db:.3f} dB"
    if (similarity := ssim(luma(before), luma(after))) < (floor.ssim or 0) - _SLACK_SSIM:
        yield f"SSIM {similarity:.4f}"
    least = floor.block_psnr_db or 0
    if floor.orb is not None:
        found = orb(before, after)
        if found is None:
            least = max(least, _FEATURELESS_DB)
        elif found < floor.orb and not (floor.ssimulacra2 and _has_unstable_points(before)):
            yield f"ORB {found:.3f}"
    if (worst := block_psnr(before, after)) < least - _SLACK_DB:
        yield f"PSNR of a block {worst:.3f} dB"
    yield from _scores(floor, before, after)


def _scores(floor: Floor, before: Pixels, after: Pixels) -> Iterator[str]:
    if floor.ssimulacra2 is not None and (score := ssimulacra2(before, after)) < floor.ssimulacra2:
        yield f"SSIMULACRA2 {score:.3f}"
    if (least_worst := floor.ssimulacra2_worst) is not None:
        region = Reference(before).compare(after).worst
        if region < least_worst:
            yield f"SSIMULACRA2 of a region {region:.3f}"


def _has_unstable_points(before: Pixels) -> bool:
    """Return whether a change that cannot be seen loses a fifth of the key points."""
    target = io.BytesIO()
    Image.fromarray(_gray(before)).save(target, "JPEG", quality=95)
    found = orb(_gray(before), decoded(target.getvalue()))
    return found is not None and found < _STABLE


def _blocks(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    for top in range(0, height, _BLOCK):
        for left in range(0, width, _BLOCK):
            y, x = max(0, min(top, height - _BLOCK)), max(0, min(left, width - _BLOCK))
            yield slice(y, y + _BLOCK), slice(x, x + _BLOCK)


def _gray(pixels: Pixels) -> Pixels:
    if pixels.ndim == 2:
        return pixels
    gray = cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY)
    return np.asarray(gray, np.uint8)
