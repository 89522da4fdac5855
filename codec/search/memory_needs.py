"""How much memory each step takes for a pixel, as measured, so that none is begun in vain.

Bytes per pixel of address space, measured with photographs of 12 to 200 megapixels; for
transcoding, of what is touched of it. ``python -m bench.memory`` measures whole jobs.
"""

from typing import Final

from config.policy import Codec

_MIB: Final = 1 << 20

RESTORING: Final = 24
"""For making the file that GET serves: the rendition's pixels (JPEG XL takes 18 for a transcoded
JPEG file; AVIF, WebP and Pillow's copies less), and the encoder's copies of them."""

TRANSCODING: Final = 24
"""For turning a JPEG file into JPEG XL and back. libjxl reserves more, and never touches that."""

RESERVED: Final = 3
"""How many times what it touches libjxl reserves for transcoding: 54 to 58 bytes per pixel."""

_UPLOAD: Final = 4
"""For the upload's own pixels, as long as candidates compete for it."""

_JUDGING: Final = 20
"""For restoring a candidate, the file that GET would serve, decoding that, and comparing."""

_ENCODING: Final[dict[Codec, dict[str, int]]] = {
    "avif": {"4:4:4": 54, "4:2:2": 46, "4:2:0": 38},
    "jxl": {},
    "webp": {},
    "jpeg": {},
}
_ENCODING_OTHERS: Final = 12


ORDINARY: Final = 2 << 30
"""Bytes that any number of jobs may take at a time; one that needs more has to be alone."""


def is_large(pixels: int) -> bool:
    """Return whether storing an image may take more than ``ORDINARY``: from 37 megapixels on."""
    return pixels * (_UPLOAD + _ENCODING["avif"]["4:4:4"]) > ORDINARY


def to_restore(pixels: int) -> int:
    """Return the bytes of memory that restoring an image takes at most."""
    return RESTORING * pixels


def to_transcode(pixels: int) -> int:
    """Return the bytes of memory that storing a JPEG file of so many pixels as it is takes."""
    return TRANSCODING * pixels


def to_try(pixels: int, codec: Codec, subsampling: str, scale: int) -> int:
    """Return the bytes of memory that a candidate takes.

    Args:
        pixels: Of the upload.
        codec: What it is written with.
        subsampling: Of chroma.
        scale: What it is shrunk by.
    """
    encoding = _ENCODING[codec].get(subsampling, _ENCODING_OTHERS) // scale**2
    shrinking = _UPLOAD + 4 if scale > 1 else 0
    return pixels * (_UPLOAD + max(encoding + shrinking, _JUDGING + shrinking))


def least_to_try(pixels: int) -> int:
    """Return the bytes of memory that the candidate takes that needs the least."""
    return pixels * (_UPLOAD + _JUDGING)


def mib(size: int) -> str:
    """Render a number of bytes for people."""
    return f"{-(-size // _MIB):,}"
