"""Compress whole files with Zstandard (RFC 8878)."""

from typing import Final

from imagecodecs import ZSTD, zstd_decode, zstd_encode

from slimgate.codec.image import memory
from slimgate.codec.image.pixels import Undecodable

MIME: Final = "application/zstd"

_LEVELS: Final = ((19, 0.8), (9, 0.03), (3, 0.008))
"""Levels, and core-seconds per megabyte."""


FASTEST: Final = 1
"""The level for a first guess."""

_LONGEST_S: Final = 10.0
"""Core-seconds that compressing a file may take."""


def installed() -> bool:
    """Return whether imagecodecs was built with Zstandard."""
    return bool(ZSTD.available)


def level(size: int, seconds: float = _LONGEST_S) -> int:
    """Return the highest level that compresses within a time.

    Args:
        size: bytes to compress.
        seconds: core-seconds.
    """
    affordable = (found for found, cost in _LEVELS if 1e-6 * size * cost <= seconds)
    return next(affordable, _LEVELS[-1][0])


def compress(data: bytes, level: int = _LEVELS[0][0]) -> bytes:
    """Return a Zstandard frame.

    Raises:
        MemoryError: not enough memory.
    """
    try:
        return bytes(zstd_encode(data, level))
    except RuntimeError as error:
        if memory.is_exhausted(error):
            raise MemoryError from error
        raise


def decompress(frame: bytes, length: int) -> bytes:
    """Return the content of a frame.

    Args:
        frame: result of :func:`compress`, from the bucket.
        length: its length, bytes; no more is written.

    Raises:
        Undecodable: the frame is damaged, or its content has another length.
        MemoryError: not enough memory.
    """
    try:
        content = bytes(zstd_decode(frame, out=length))
    except (RuntimeError, ValueError) as error:
        if memory.is_exhausted(error):
            raise MemoryError from error
        raise Undecodable(f"no content of {length} bytes: {error}") from error
    if len(content) != length:
        raise Undecodable(f"has {len(content)} bytes, not {length}")
    return content
