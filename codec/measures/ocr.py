"""Recognize words with Tesseract, to compare what is legible before and after.

Tesseract is a separate program; a policy that needs it is refused at startup if it is missing. It
gets decoded pixels, never the upload, and its memory is limited like the calling worker's.
"""

import os
import subprocess
from collections import Counter
from typing import Final

import cv2
import numpy as np

from slimgate.codec.image.pixels import Pixels

PROGRAM: Final = "tesseract"
MAX_PIXELS: Final = 40_000_000
"""Larger images are not read: that would take minutes."""

HANGS_S: Final = 600.0
"""Timeout after which the program is considered hung, wall-clock seconds. Callers have their own,
earlier limit; the load of a machine must not change the result."""

_MAX_SIDE: Final = 32_767  # Tesseract's own limit
_MAX_OUTPUT: Final = 8 << 20  # far more than there are words in the largest image
SURE: Final = 50.0
"""Minimum confidence of Tesseract, of 100, for words of the upload."""

_ENLARGED: Final = 2_000  # longest side of images that are enlarged before reading, for small print
_SHORTEST: Final = 2  # single letters are found in any texture
_INHERITED: Final = ("PATH", "TESSDATA_PREFIX", "LD_LIBRARY_PATH")

Words = Counter[str]


class CannotRead(Exception):
    """The text cannot be compared; the message says why."""


def words(pixels: Pixels, *, timeout_s: float, sure: float = 0.0) -> Words:
    """Count the words of an image, ignoring their positions.

    Args:
        pixels: uint8, (height, width[, channels]); alpha is ignored.
        timeout_s: timeout of the program, seconds.
        sure: minimum confidence of a word, of 100.

    Raises:
        CannotRead: the image is too large, or the program failed or timed out.
    """
    height, width = pixels.shape[:2]
    if height * width > MAX_PIXELS or max(height, width) > _MAX_SIDE:
        raise CannotRead(f"{width}x{height} is too large for {PROGRAM}")
    found: Words = Counter()
    for line in _table(_portable_graymap(pixels), timeout_s).splitlines()[1:]:
        # Columns 11 and 12 of the TSV output are confidence and text.
        *_, confidence, text = line.split("\t")
        word = "".join(filter(str.isalnum, text.casefold()))
        if len(word) >= _SHORTEST and float(confidence) >= sure:
            found[word] += 1
    return found


def share_recognized(before: Words, after: Words) -> float:
    """Return the share of words before that are recognized after; 1 without any words before."""
    return (before & after).total() / before.total() if before else 1.0


def _portable_graymap(pixels: Pixels) -> bytes:
    gray = pixels
    if pixels.ndim == 3:
        colour = np.ascontiguousarray(pixels[..., :3])
        gray = np.asarray(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY))
    if max(gray.shape) < _ENLARGED:
        gray = np.asarray(cv2.resize(gray, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))
    height, width = gray.shape
    return b"P5 %d %d 255\n" % (width, height) + np.ascontiguousarray(gray).tobytes()


def _table(image: bytes, timeout_s: float) -> str:
    # Page segmentation 3 is the default; 11, for sparse text, repeats less on receipts.
    command = [PROGRAM, "stdin", "stdout", "--psm", "3", "tsv"]
    kept_back = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603  # a fixed command; the image goes to its input
            command,
            input=image,
            capture_output=True,
            timeout=timeout_s,
            check=True,
            env={**kept_back, "OMP_THREAD_LIMIT": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise CannotRead(f"{PROGRAM} took longer than {timeout_s:.0f} s") from error
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotRead(f"{PROGRAM} failed; run it by hand to see why: {error}") from error
    if len(done.stdout) > _MAX_OUTPUT:
        raise CannotRead(f"{PROGRAM} wrote more than {_MAX_OUTPUT} bytes")
    return done.stdout.decode("utf-8", "replace")
