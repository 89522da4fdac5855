"""Measured memory per pixel of each step, so that no step starts without enough.

Bytes per pixel of address space, measured with photographs of 12 to 200 megapixels; for
transcoding, of memory touched. ``python -m bench.memory`` measures whole jobs.
"""

from typing import Final

from slimgate.codec.manifest import Manifest
from slimgate.codec.measures import ssimulacra2

_MIB: Final = 1 << 20

RESTORING: Final = 24
"""Encoding the served file: pixels of the rendition (18 for a transcoded JPEG in JPEG XL; less for
AVIF, WebP and Pillow's copies), and the encoder's copies."""

RESTORING_SAMPLES: Final = 34
"""Encoding a PNG file of samples of any depth: 33 for RGBA of 16 bits, interlaced."""

TRANSCODING: Final = 24
"""Transcoding a JPEG file to JPEG XL and back. libjxl reserves more, but never touches it. Lepton
needs 6."""

COMPRESSING: Final = 3
"""Bytes per byte of a file for compressing it with Zstandard and back, and its own."""

_COMPRESSOR: Final = 128 << 20
"""The compressor itself, bytes."""

_CODING: Final = 12
"""Bytes per byte of a picture for coding it as lossless JPEG XL and back."""

RESERVED: Final = 3
"""Ratio of memory that libjxl reserves for transcoding to what it touches: 54 to 58 bytes."""

_STORING_SAMPLES: Final = 34
"""Storing a PNG file without loss; 3 more for each byte of a pixel. Measured: 35 for a palette, 41
for RGB of 8 bits and 50 for RGBA of 16 bits, both interlaced."""

_UPLOAD: Final = 4
"""The upload's own pixels, as long as candidates compete."""

_JUDGING: Final = 20
"""Restoring a candidate, encoding and decoding the served file, and comparing."""

_SCORE_KEPT: Final = 28
"""The upload's side of SSIMULACRA2, kept up to ``ssimulacra2.KEPT_PIXELS``."""

_SCORE_STRIP: Final = {True: 56, False: 130}
"""Comparing a strip by SSIMULACRA2, with that side kept and without."""

TO_SCORE_LARGE: Final = _SCORE_STRIP[False] * ssimulacra2.STRIP_PIXELS
"""Comparing an image of any size beyond ``ssimulacra2.KEPT_PIXELS``, bytes."""

_ENCODING: Final[dict[str, dict[str, int]]] = {
    "avif": {"4:4:4": 54, "4:2:2": 46, "4:2:0": 38},
}
_ENCODING_OTHERS: Final = 12


ORDINARY: Final = 2 << 30
"""Memory that any number of jobs may use at a time, bytes; larger jobs run alone."""


def is_large(pixels: int, size: int) -> bool:
    """Return whether storing an image may need more than ``ORDINARY``.

    Args:
        pixels: pixels of the upload; from 37 megapixels.
        size: its size, bytes; from 640 MiB.
    """
    need = pixels * (_UPLOAD + _ENCODING["avif"]["4:4:4"])
    return max(need, to_compress(size)) > ORDINARY


def to_restore(manifest: Manifest) -> int:
    """Return the maximum memory for restoring an object, bytes."""
    of_pixels = RESTORING * manifest.width * manifest.height
    if manifest.stored.recipe:
        return to_compress(manifest.size) + of_pixels
    if manifest.stored.codec == "zstd":
        return to_compress(manifest.size)
    samples = manifest.output is not None and manifest.output.verbatim
    return RESTORING_SAMPLES * manifest.width * manifest.height if samples else of_pixels


def to_compress(size: int) -> int:
    """Return the memory for compressing a file of that many bytes with Zstandard, bytes."""
    return COMPRESSING * size + _COMPRESSOR


def to_store_samples(pixels: int, sample_bytes: int) -> int:
    """Return the memory for storing a PNG file without loss, bytes.

    Args:
        pixels: pixels of the upload.
        sample_bytes: bytes of a pixel, 1 to 8.
    """
    return (_STORING_SAMPLES + 3 * sample_bytes) * pixels


def to_take_apart(picture: int, size: int) -> int:
    """Return the memory for taking a file apart into pictures and a recipe, bytes.

    Args:
        picture: samples of the largest picture, bytes.
        size: size of the file, bytes.
    """
    return COMPRESSING * size + _CODING * picture + _COMPRESSOR


def to_transcode(pixels: int) -> int:
    """Return the memory for transcoding a JPEG file of that many pixels, bytes."""
    return TRANSCODING * pixels


def to_try(pixels: int, codec: str, subsampling: str, scale: int, *, scores: int = 0) -> int:
    """Return the memory for trying a candidate, bytes.

    Args:
        pixels: pixels of the upload.
        codec: codec.
        subsampling: chroma subsampling.
        scale: downscale factor.
        scores: how often SSIMULACRA2 compares it, 0 to 2.
    """
    encoding = _ENCODING.get(codec, {}).get(subsampling, _ENCODING_OTHERS) // scale**2
    shrinking = _UPLOAD + 4 if scale > 1 else 0
    kept, strip = _to_score(pixels, scores)
    most = max(pixels * encoding, pixels * _JUDGING + strip)
    return pixels * (_UPLOAD + shrinking) + kept + most


def least_to_try(pixels: int, *, scores: int = 0) -> int:
    """Return the memory for the candidate that needs the least, bytes.

    Args:
        pixels: pixels of the upload.
        scores: how often SSIMULACRA2 compares it, 0 to 2.
    """
    return pixels * (_UPLOAD + _JUDGING) + sum(_to_score(pixels, scores))


def _to_score(pixels: int, scores: int) -> tuple[int, int]:
    """Return the memory that SSIMULACRA2 keeps of an upload, and that of a comparison, bytes."""
    if not scores:
        return 0, 0
    keeps = pixels <= ssimulacra2.KEPT_PIXELS
    strip = _SCORE_STRIP[keeps] * min(pixels, ssimulacra2.STRIP_PIXELS)
    return (scores * _SCORE_KEPT * pixels if keeps else 0), strip


def mib(size: int) -> str:
    """Return a number of bytes in MiB, as text."""
    return f"{-(-size // _MIB):,}"
