"""The rendition chosen for an upload, of any tier."""

from dataclasses import dataclass
from typing import Final

from slimgate.codec.manifest import Output, Stored
from slimgate.codec.measures.psnr import PERFECT_PSNR_DB
from slimgate.codec.measures.reading import Fidelity
from slimgate.config.floor import Guard

IDENTICAL: Final = Fidelity(psnr_db=PERFECT_PSNR_DB, ssim=1.0, orb=1.0)
"""Fidelity of a file with identical pixels."""


@dataclass(frozen=True, slots=True)
class ChosenRendition:
    """A rendition, and its data for the manifest.

    Attributes:
        rendition: file to store.
        size: width and height of the upload.
        stored: how it becomes pixels.
        output: how to encode the served file; None: the codec returns the file itself.
        sha256: SHA-256 of the served file, 64 hex digits.
        content: digest of its content, independent of encoders, 32 hex digits.
        fidelity: fidelity of the served file.
        guard: guard that raised the policy's floor.
        alone: the decoded rendition is known to hold the floor, without being encoded again.
    """

    rendition: bytes
    size: tuple[int, int]
    stored: Stored
    output: Output | None
    sha256: str
    content: str
    fidelity: Fidelity
    guard: Guard | None = None
    alone: bool = True
