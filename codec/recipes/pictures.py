"""Code the samples of a picture without loss: JPEG XL for images, Zstandard for the rest."""

from typing import Final, NamedTuple

import numpy as np
from imagecodecs import jpegxl_decode, jpegxl_encode

from slimgate.codec.containers import jxl_header
from slimgate.codec.encoders import zstd
from slimgate.codec.image import memory
from slimgate.codec.image.pixels import Samples, Undecodable
from slimgate.codec.recipes.layout import as_samples

_MIN_SIDE: Final = 8
_COLOURS: Final = 3  # channels coded together; each further one is coded alone
_EFFORTS: Final = ((7, 0.4), (3, 0.05), (1, 0.01))
"""Efforts of libjxl, and core-seconds per million samples."""

_DRAWN: Final = 0.25
"""Size relative to the samples below which Zstandard may be smaller still."""


class Shape(NamedTuple):
    """Height, width, channels and bytes per sample of a picture."""

    height: int
    width: int
    channels: int
    sample: int

    @property
    def size(self) -> int:
        """Return the size of its samples, bytes."""
        return self.height * self.width * self.channels * self.sample


def effort(samples: int, seconds: float) -> int:
    """Return the highest effort that encodes that many samples in a time; 0: none.

    Args:
        samples: number of samples.
        seconds: core-seconds.
    """
    affordable = (found for found, cost in _EFFORTS if 1e-6 * samples * cost <= seconds)
    return next(affordable, 0)


def encode(samples: Samples, *, effort: int, is_image: bool) -> tuple[bytes, ...]:
    """Encode a picture.

    Args:
        samples: uint8 or uint16, (height, width, channels).
        effort: effort of libjxl.
        is_image: neighbours resemble each other.

    Returns:
        One JPEG XL file per group of channels, or one Zstandard frame.
    """
    best: tuple[bytes, ...] = ()
    if is_image and min(samples.shape[:2]) >= _MIN_SIDE:
        best = tuple(_to_jxl(group, effort) for group in _groups(samples))
        if sum(map(len, best)) > _DRAWN * samples.nbytes:
            return best
    data = np.ascontiguousarray(samples, f"<u{samples.itemsize}").tobytes()
    frame = zstd.compress(data, zstd.level(len(data)))
    return best if best and sum(map(len, best)) <= len(frame) else (frame,)


def decode(parts: tuple[bytes, ...], shape: Shape) -> Samples:
    """Decode a picture.

    Args:
        parts: result of :func:`encode`, from the bucket.
        shape: shape of the picture.

    Raises:
        Undecodable: not a picture of that shape.
        ContainerError: not a JPEG XL file.
    """
    if not is_jxl(parts[0]):
        frame = zstd.decompress(parts[0], shape.size)
        return as_samples(np.frombuffer(frame, f"<u{shape.sample}")).reshape(shape[:3])
    groups = [_from_jxl(part, shape) for part in parts]
    samples = groups[0] if len(groups) == 1 else as_samples(np.concatenate(groups, axis=2))
    if samples.shape != shape[:3]:
        raise Undecodable(f"has {samples.shape[2]} channels, not {shape.channels}")
    return samples


def is_jxl(part: bytes) -> bool:
    """Return whether a part is a JPEG XL file, not a Zstandard frame."""
    return part[4:8] == b"JXL "


def _groups(samples: Samples) -> list[Samples]:
    channels = samples.shape[2]
    first = _COLOURS if channels >= _COLOURS else 1
    return [
        samples[..., :first],
        *(samples[..., each : each + 1] for each in range(first, channels)),
    ]


def _to_jxl(group: Samples, effort: int) -> bytes:
    pixels = group[..., 0] if group.shape[2] == 1 else group
    try:
        return bytes(
            jpegxl_encode(
                np.ascontiguousarray(pixels),
                effort=effort,
                lossless=True,
                usecontainer=True,  # a box holds the recipe
                numthreads=1,  # there is one worker process per core
            )
        )
    except RuntimeError as error:
        if memory.is_exhausted(error):
            raise MemoryError from error
        raise


def _from_jxl(part: bytes, shape: Shape) -> Samples:
    if jxl_header.read_size(part) != (shape.width, shape.height):
        raise Undecodable(f"is not a picture of {shape.width}x{shape.height}")
    try:
        found = np.asarray(jpegxl_decode(part, numthreads=1, keeporientation=True))
    except (RuntimeError, ValueError) as error:
        if memory.is_exhausted(error):
            raise MemoryError from error
        raise Undecodable(f"damaged: {error}") from error
    if found.dtype.itemsize != shape.sample or found.shape[:2] != shape[:2]:
        raise Undecodable("the decoded picture differs from its header")
    return found[..., None] if found.ndim == 2 else found
