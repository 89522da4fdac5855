"""Measure served files, once per distinct file."""

import hashlib
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import psnr, ssim, ssimulacra2, structure
from slimgate.codec.measures.block import block_psnr
from slimgate.codec.measures.orb import KeyPoints
from slimgate.eval.measure import perceptual

_BAND_ROWS: Final = 256


@dataclass(frozen=True, slots=True)
class Measures:
    """All measures of one served file, named as in rows."""

    psnr_db: float
    psnr_luma_db: float
    ssim: float | None
    ms_ssim: float | None
    orb: float
    orb_matched: float | None
    block_psnr_db: float
    ssimulacra2: float | None = None
    ssimulacra2_worst: float | None = None
    lpips: float | None = None
    niqe: float | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """An upload's pixels and the measures taken against them.

    Attributes:
        pixels: uint8, (height, width[, channels]).
    """

    pixels: Pixels
    _key_points: list[KeyPoints] = field(default_factory=list)
    _seen: list[ssimulacra2.Reference] = field(default_factory=list)
    _known: dict[bytes, Measures] = field(default_factory=dict)

    def measure(self, shown: Pixels, *, natural: bool = False) -> Measures:
        """Return all installed measures.

        Args:
            shown: served pixels, in the original's shape and dtype.
            natural: also measure naturalness (NIQE).
        """
        digest = hashlib.blake2b(np.ascontiguousarray(shown).data, digest_size=16).digest()
        if digest not in self._known:
            self._known[digest] = self._taken(shown, natural=natural)
        return self._known[digest]

    @property
    def key_points(self) -> KeyPoints:
        """Return the key points, detected once."""
        if not self._key_points:
            self._key_points.append(KeyPoints.of(self.pixels))
        return self._key_points[0]

    def _taken(self, shown: Pixels, *, natural: bool) -> Measures:
        similar = structure.compare(self.pixels, shown)
        found = self.key_points.found_in(shown)
        looks = self._looks(shown)
        return Measures(
            psnr_db=psnr.psnr(self.pixels, shown),
            psnr_luma_db=psnr_luma(self.pixels, shown),
            ssim=similar.ssim,
            ms_ssim=similar.ms_ssim,
            orb=found.share,
            orb_matched=found.matched,
            block_psnr_db=block_psnr(self.pixels, shown),
            ssimulacra2=looks.whole if looks else None,
            ssimulacra2_worst=looks.worst if looks else None,
            lpips=perceptual.lpips(self.pixels, shown),
            niqe=perceptual.niqe(shown) if natural else None,
        )

    def _looks(self, shown: Pixels) -> ssimulacra2.Score | None:
        """Return SSIMULACRA2; None for images that are too small."""
        if min(self.pixels.shape[:2]) < ssimulacra2.SMALLEST:
            return None
        if not self._seen:
            self._seen.append(ssimulacra2.Reference(self.pixels))
        return self._seen[0].compare(shown)


def psnr_luma(original: Pixels, restored: Pixels) -> float:
    """Return the PSNR of luma in dB, at most 99.99; of alpha if that is lower.

    Args:
        original: uint8, (height, width[, channels]).
        restored: same shape and dtype.
    """
    if original.ndim == 3 and original.shape[2] == 4:
        alpha = psnr.psnr(original[..., 3], restored[..., 3])
        return min(alpha, psnr_luma(original[..., :3], restored[..., :3]))
    squares = 0.0
    for top in range(0, original.shape[0], _BAND_ROWS):
        band = slice(top, top + _BAND_ROWS)
        difference = ssim.EXACT.luma(original[band]) - ssim.EXACT.luma(restored[band])
        squares += float(np.square(difference).sum())
    return psnr.decibels(squares, original.shape[0] * original.shape[1])
