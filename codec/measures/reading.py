"""What was measured of an image, in part or in full."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How much of an image survived.

    Attributes:
        psnr_db: Peak signal-to-noise ratio over all samples, dB; at most ``psnr.PERFECT_DB``.
        ssim: Mean structural similarity of luma, at most 1.
        orb: Share of ORB key points found again, 0 to 1.
        ssimulacra2: Score, at most 100; None: not measured.
        ssimulacra2_worst: Score of the worst region; None: not measured.
    """

    psnr_db: float
    ssim: float
    orb: float
    ssimulacra2: float | None = None
    ssimulacra2_worst: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """As much of an image's fidelity as was measured; None: not measured.

    Attributes:
        psnr_db: Of all samples.
        block_psnr_db: Of the worst block.
        ssim: Mean structural similarity.
        orb: Share of key points found again.
        ssimulacra2: Score, at most 100.
        ssimulacra2_worst: Score of the worst region.
        text: Share of words read again.
    """

    psnr_db: float | None = None
    block_psnr_db: float | None = None
    ssim: float | None = None
    orb: float | None = None
    ssimulacra2: float | None = None
    ssimulacra2_worst: float | None = None
    text: float | None = None
