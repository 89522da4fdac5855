"""Measures of an image, complete or partial."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Fidelity of a restored image.

    Attributes:
        psnr_db: peak signal-to-noise ratio over all samples, dB; at most ``psnr.PERFECT_DB``.
        ssim: mean structural similarity of luma, at most 1.
        orb: share of ORB key points matched, 0 to 1.
        ssimulacra2: SSIMULACRA2 score, at most 100; None: not measured.
        ssimulacra2_worst: SSIMULACRA2 score of the worst region; None: not measured.
    """

    psnr_db: float
    ssim: float
    orb: float
    ssimulacra2: float | None = None
    ssimulacra2_worst: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """Measures taken so far; None: not measured.

    Attributes:
        psnr_db: PSNR of all samples, dB.
        block_psnr_db: PSNR of the worst block, dB.
        ssim: mean structural similarity.
        orb: share of key points matched.
        ssimulacra2: SSIMULACRA2 score, at most 100.
        ssimulacra2_worst: SSIMULACRA2 score of the worst region.
        text: share of words still recognized.
    """

    psnr_db: float | None = None
    block_psnr_db: float | None = None
    ssim: float | None = None
    orb: float | None = None
    ssimulacra2: float | None = None
    ssimulacra2_worst: float | None = None
    text: float | None = None

    def worse(self, other: "Reading") -> "Reading":
        """Return the lower value of each measure that was taken."""
        both = {name: (getattr(self, name), getattr(other, name)) for name in self.__slots__}
        return Reading(
            **{
                name: min((value for value in values if value is not None), default=None)
                for name, values in both.items()
            }
        )
