"""Estimate how much better a sample scores than its image, at the same quality."""

import math
from dataclasses import dataclass
from typing import Final, Self

from slimgate.codec.search.quality_model import Activity

_SEAMS_DB: Final = 0.25
"""PSNR by which a sample seems easier because of gradients at its seams: mean over 60 photographs.
With it, the PSNR of samples agrees with that of their images to 0.37 dB."""

_SSIM: Final = 1.05
"""Ratio of 1 - SSIM of an image to that of its sample, measured likewise."""

# Fitted to nine photographs and crops (bench.fits).
_SCORE_DB: Final = 0.21
"""What a sample's SSIMULACRA2 lacks less to 100, at all scales, dB per natural logarithm of the
image's size to that of its sample."""

_WORST_DB: Final = 0.45
"""The same of the worst region: the more regions a sample leaves out, the worse is the worst of
them."""


@dataclass(frozen=True, slots=True)
class Ease:
    """How much easier a sample is than its image.

    Attributes:
        psnr_db: PSNR, dB.
        ssim: factor on the distance of SSIM to 1.
        score_db: distance of SSIMULACRA2 to 100, dB.
        worst_db: the same of the worst region.
    """

    psnr_db: float = 0.0
    ssim: float = 1.0
    score_db: float = 0.0
    worst_db: float = 0.0

    @classmethod
    def of(cls, part: Activity, whole: Activity, share: float) -> Self:
        """Estimate.

        Args:
            part: activity of the sample, without seams.
            whole: activity of the image.
            share: share of the image that the sample is; 1: the sample is the image.
        """
        if share == 1:
            return cls()
        left_out = -math.log(share)
        return cls(
            psnr_db=part.psnr_db - whole.psnr_db + _SEAMS_DB,
            ssim=_SSIM,
            score_db=_SCORE_DB * left_out,
            worst_db=_WORST_DB * left_out,
        )
