"""Degrade images randomly before coding: blur, resizing, noise and JPEG, once or twice.

The recipe is that of Real-ESRGAN (Wang et al. 2021, "Real-ESRGAN: Training Real-World Blind
Super-Resolution with Pure Synthetic Data", section 3): networks trained on such pairs repair damage
of other programs, at the cost of fidelity to clean renditions.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from slimgate.models.training.data_settings import Degradations

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_KERNELS: Final = (7, 9, 11, 13, 15, 17, 19, 21)
_RESIZING: Final = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
_WEAKER: Final = 0.5
_ANGLES: Final = 128
_LEAST_SIDE: Final = 8  # minimum side after any resizing, pixels
_GAUSSIAN_NOISE: Final = 0.5  # probability; otherwise Poisson


def degrade(
    pixels: Pixels, size: tuple[int, int], how: Degradations, random: np.random.Generator
) -> Pixels:
    """Degrade an image and shrink it.

    Args:
        pixels: original, uint8, (h, w, 3).
        size: height and width of the result.
        how: degradations.
        random: random generator.

    Returns:
        uint8, (size[0], size[1], 3).
    """
    values: Floats = pixels.astype(np.float32)
    values = _once(values, how, random, strength=1.0)
    if random.random() < how.second:
        values = _once(values, how, random, strength=_WEAKER)
    values = _resized(values, size, random)
    if random.random() < how.sinc:
        values = _filtered(values, sinc_kernel(random))
    return _rounded(values)


def _once(
    values: Floats, how: Degradations, random: np.random.Generator, *, strength: float
) -> Floats:
    values = blurred(values, how, random, strength=strength)
    low, high = how.resize
    # Uniform on a logarithmic axis: halving and doubling are equally likely.
    factor = float(np.exp(random.uniform(np.log(low), np.log(high))) ** strength)
    height, width = values.shape[:2]
    target = (max(_LEAST_SIDE, round(height * factor)), max(_LEAST_SIDE, round(width * factor)))
    values = _resized(values, target, random)
    values = noisy(values, how, random, strength=strength)
    return compressed(values, how, random)


def blurred(
    values: Floats, how: Degradations, random: np.random.Generator, *, strength: float = 1.0
) -> Floats:
    """Blur with a Gaussian kernel, isotropic or not, or a sinc kernel."""
    if random.random() < how.sinc:
        kernel = sinc_kernel(random)
    else:
        sigmas = random.uniform(*how.blur_sigma, 2) * strength
        if random.random() < 0.5:
            sigmas[1] = sigmas[0]
        kernel = gaussian_kernel(random, sigmas, float(random.uniform(0, np.pi)))
    return _filtered(values, kernel)


def gaussian_kernel(
    random: np.random.Generator, sigmas: npt.NDArray[np.float64], angle: float
) -> Floats:
    """Return a rotated Gaussian kernel with two standard deviations: (side, side)."""
    x, y = _grid(random)
    turned = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    wide, narrow = np.maximum(sigmas, 1e-3)
    return _normal(np.exp(-0.5 * ((turned[0] / wide) ** 2 + (turned[1] / narrow) ** 2)))


def sinc_kernel(random: np.random.Generator) -> Floats:
    """Return a circular low-pass kernel with a sharp cutoff, which rings: (side, side).

    The kernel is ``cutoff * J1(cutoff * r) / (2 * pi * r)``, equation 6 of the paper.
    """
    x, y = _grid(random)
    cutoff = random.uniform(np.pi / 3, np.pi)
    radius = np.hypot(x, y)
    far = np.where(radius == 0, 1, radius)
    values = cutoff * _bessel(cutoff * far) / (2 * np.pi * far)
    return _normal(np.where(radius == 0, cutoff**2 / (4 * np.pi), values))


def noisy(
    values: Floats, how: Degradations, random: np.random.Generator, *, strength: float = 1.0
) -> Floats:
    """Add Gaussian or Poisson noise, in colour or gray."""
    shape = values.shape[:2] + ((1,) if random.random() < how.gray else (3,))
    if random.random() < _GAUSSIAN_NOISE:
        noise = random.standard_normal(shape) * random.uniform(*how.noise_sigma) * strength
    else:
        scale = random.uniform(*how.poisson) * strength
        light = np.clip(values if shape[2] == 3 else values.mean(axis=2, keepdims=True), 0, 255)
        noise = (random.poisson(light / scale**2) * scale**2 - light).reshape(shape)
    result: Floats = np.clip(values + noise, 0, 255).astype(np.float32)
    return result


def compressed(values: Floats, how: Degradations, random: np.random.Generator) -> Floats:
    """Encode as JPEG and decode."""
    quality = int(random.integers(how.jpeg[0], how.jpeg[1] + 1))
    _, data = cv2.imencode(
        ".jpg",
        np.ascontiguousarray(_rounded(values)[..., ::-1]),
        [cv2.IMWRITE_JPEG_QUALITY, quality],
    )
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return decoded[..., ::-1].astype(np.float32)


def _filtered(values: Floats, kernel: Floats) -> Floats:
    filtered = cv2.filter2D(values, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(filtered, np.float32)


def _resized(values: Floats, size: tuple[int, int], random: np.random.Generator) -> Floats:
    how = _RESIZING[int(random.integers(len(_RESIZING)))]
    resized = cv2.resize(values, (size[1], size[0]), interpolation=how)
    return np.asarray(resized, np.float32)


def _grid(random: np.random.Generator) -> list[npt.NDArray[np.float64]]:
    side = int(random.choice(_KERNELS))
    middle = np.arange(side, dtype=np.float64) - side // 2
    return list(np.meshgrid(middle, middle))


def _bessel(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return J1 by Bessel's integral; the integrand is periodic, so the midpoint rule is exact."""
    angles = (np.arange(_ANGLES) + 0.5) * np.pi / _ANGLES
    phases = angles - x[..., np.newaxis] * np.sin(angles)
    values: npt.NDArray[np.float64] = np.cos(phases).mean(axis=-1)
    return values


def _normal(kernel: npt.NDArray[np.float64]) -> Floats:
    scaled: Floats = (kernel / kernel.sum()).astype(np.float32)
    return scaled


def _rounded(values: Floats) -> Pixels:
    rounded: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded
