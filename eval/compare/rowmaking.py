"""Make the rows of one image: what they have in common is said once."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from codec.measures import floors, ssimulacra2
from codec.measures.psnr import PERFECT_PSNR_DB
from codec.measures.reading import Reading
from codec.measures.ssim import MIN_SIDE
from config import Floor
from eval.compare.coders import Taken
from eval.compare.rows import Row
from eval.corpus.corpus import Item
from eval.corpus.looking import Seen
from eval.measure import perceptual, structure
from eval.measure.measures import Measures


@dataclass(frozen=True, slots=True)
class RowMaker:
    """Makes the rows of one image.

    Attributes:
        item: Where the image comes from.
        kind: Its class.
        seen: What it is.
        size: Bytes of the upload.
        floor: What it is held against, as it applies to the image.
    """

    item: Item
    kind: str
    seen: Seen
    size: int
    floor: Floor

    def problem(self, strategy: str, why: str) -> Row:
        """Say that a strategy does not apply."""
        return replace(self._base(strategy), problem=why)

    def same(self, strategy: str, **fields: Any) -> Row:
        """Say that a reader gets the uploaded pixels; without further fields: the upload itself."""
        return self.measured(strategy, self._perfect(), **fields)

    def measured(self, strategy: str, measures: Measures, **fields: Any) -> Row:
        """Say what was measured.

        Args:
            strategy: Its name.
            measures: Of what a reader gets.
            fields: Of the row, beside what is known of the image.
        """
        reading = Reading(
            psnr_db=measures.psnr_db,
            block_psnr_db=measures.block_psnr_db,
            ssim=measures.ssim,
            orb=measures.orb,
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


def timed(put: Taken | None = None, get: Taken | None = None) -> dict[str, float]:
    """Name seconds as rows do."""
    taken = {"put": put, "get": get}
    return {
        f"{name}_{clock}_s": getattr(each, f"{clock}_s")
        for name, each in taken.items()
        if each is not None
        for clock in ("wall", "cpu")
    }
