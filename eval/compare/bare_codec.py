"""The policy against files of one codec alone, for images that both can store at the floor."""

from dataclasses import dataclass
from typing import Final

from slimgate.eval.compare.rows import PLAIN, Study

_AVIF: Final = "avif-floor"


@dataclass(frozen=True, slots=True)
class BareCodec:
    """Sums over the images that both store small.

    Attributes:
        images: number of images.
        bytes: size of the files of the codec.
        stored: bytes that the policy stores of the same images.
    """

    images: int
    bytes: int
    stored: int


def against_avif(study: Study) -> BareCodec | None:
    """Return the policy against AVIF with a quality per image; None without such images."""
    alone = {row.image: row for row in study.of(_AVIF) if row.measured and row.tier != PLAIN}
    both = [row for row in study.of() if row.measured and row.image in alone]
    if not both:
        return None
    return BareCodec(
        images=len(both),
        bytes=sum(alone[row.image].stored for row in both),
        stored=sum(row.stored for row in both),
    )
