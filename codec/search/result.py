"""What was chosen to be stored of an upload, from whichever tier."""

from dataclasses import dataclass
from typing import Final

from codec.manifest import Output, Stored
from codec.measures.psnr import PERFECT_PSNR_DB
from codec.measures.reading import Fidelity

IDENTICAL: Final = Fidelity(psnr_db=PERFECT_PSNR_DB, ssim=1.0, orb=1.0)
"""Fidelity of a file with the upload's own pixels."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A rendition, and everything that its manifest says of it.

    Attributes:
        rendition: What to store.
        size: Width and height of the upload.
        stored: How it becomes pixels.
        output: How the served file is made of them; None: the codec gives back the file itself.
        sha256: Digest of the served file, 64 hex digits.
        content: Digest of what is in it, whatever encoder writes it, 32 hex digits.
        fidelity: Of the served file.
    """

    rendition: bytes
    size: tuple[int, int]
    stored: Stored
    output: Output | None
    sha256: str
    content: str
    fidelity: Fidelity
