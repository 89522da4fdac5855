"""Build the rows of one image, filling in the fields that they share."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from slimgate.codec.measures import floors, ssimulacra2, structure
from slimgate.codec.measures.psnr import PERFECT_PSNR_DB
from slimgate.codec.measures.reading import Reading
from slimgate.codec.measures.ssim import MIN_SIDE
from slimgate.config import Floor
from slimgate.eval.compare.coders import Elapsed
from slimgate.eval.compare.rows import Row
from slimgate.eval.corpus.corpus import Item
from slimgate.eval.corpus.inspection import Inspection
from slimgate.eval.measure import perceptual
from slimgate.eval.measure.measures import Measures


@dataclass(frozen=True, slots=True)
class RowBuilder:
    """Builds the rows of one image.

    Attributes:
        item: image in the corpus.
        kind: class of the image.
        seen: result of inspecting the upload.
        size: size of the upload, bytes.
        floor: floor that applies to the image.
    """

    item: Item
    kind: str
    seen: Inspection
    size: int
    floor: Floor

    def problem(self, strategy: str, why: str) -> Row:
        """Return a row of a strategy that does not apply."""
        return replace(self._base(strategy), problem=why)

    def same(self, strategy: str, **fields: Any) -> Row:
        """Return a row with identical pixels; without further fields, the upload itself."""
        return self.measured(strategy, self._perfect(), **fields)

    def measured(self, strategy: str, measures: Measures, **fields: Any) -> Row:
        """Return a row with measures.

        Args:
            strategy: name of the strategy.
            measures: measures of the served file.
            fields: further fields of the row.
        """
        reading = Reading(
            psnr_db=measures.psnr_db,
            block_psnr_db=measures.block_psnr_db,
            ssim=measures.ssim,
            orb=measures.orb,
            ssimulacra2=measures.ssimulacra2,
            ssimulacra2_worst=measures.ssimulacra2_worst,
        )
        holds = floors.holds(self.floor, reading)
        return replace(self._base(strategy), holds=holds, **asdict(measures), **fields)

    def _base(self, strategy: str) -> Row:
        return Row(
            image=self.item.name,
            kind=self.kind,
            strategy=strategy,
            uploaded=self.size,
            stored=self.size,
            width=self.seen.width,
            height=self.seen.height,
            format=self.seen.format,
        )

    def _perfect(self) -> Measures:
        side = min(self.seen.width, self.seen.height)
        return Measures(
            psnr_db=PERFECT_PSNR_DB,
            psnr_luma_db=PERFECT_PSNR_DB,
            ssim=1.0 if side >= MIN_SIDE else None,
            ms_ssim=1.0 if side >= structure.MIN_SIDE else None,
            orb=1.0,
            orb_matched=1.0,
            block_psnr_db=PERFECT_PSNR_DB,
            ssimulacra2=100.0 if side >= ssimulacra2.SMALLEST else None,
            ssimulacra2_worst=100.0 if side >= ssimulacra2.SMALLEST else None,
            lpips=0.0 if perceptual.installed("lpips") else None,
        )


def timed(put: Elapsed | None = None, get: Elapsed | None = None) -> dict[str, float]:
    """Return times under the names of row fields."""
    taken = {"put": put, "get": get}
    return {
        f"{name}_{clock}_s": getattr(each, f"{clock}_s")
        for name, each in taken.items()
        if each is not None
        for clock in ("wall", "cpu")
    }
