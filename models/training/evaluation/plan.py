"""What is measured: images by class, and every way of storing each of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from models.training import pairs

NONE: Final = "none"
"""What a rendition of full size is restored with when nothing is to be restored."""

INTERPOLATIONS: Final = ("bicubic", "lanczos")
"""What every network is compared with."""

_BOTH_CHROMAS: Final = frozenset({"avif", "jpeg"})  # the other codecs leave no choice


class Coding(NamedTuple):
    """One rendition of an image.

    Attributes:
        codec: Of the rendition.
        chroma: ``4:2:0`` or ``4:4:4``.
        quality: 0 to 100.
        scale: By how much it is smaller than the image.
    """

    codec: str
    chroma: str
    quality: int
    scale: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides what is measured.

    Attributes:
        codecs: The first one is the one that small renditions are compared at full size with.
        qualities: Of each codec.
        scales: By how much renditions are smaller; full size is always measured.
        restorers: Names of the catalog, and ONNX files.
        max_pixels: Larger images are cut to this many pixels at their centre.
    """

    codecs: tuple[str, ...]
    qualities: tuple[int, ...]
    scales: tuple[int, ...]
    restorers: tuple[str, ...]
    max_pixels: int

    def codings(self) -> Iterator[Coding]:
        """List all renditions of an image, those of one scale next to each other."""
        for scale in (1, *self.scales):
            for codec in self.codecs:
                for chroma in _chromas(codec, scale):
                    for quality in self.qualities:
                        yield Coding(codec, chroma, quality, scale)


@dataclass(frozen=True, slots=True)
class Point:
    """One rendition, restored and measured.

    Attributes:
        coding: How it was stored.
        restorer: What restored it.
        bits: Per pixel of the image.
        psnr_db: Of the restored image, dB.
        ssim: Of the restored image.
    """

    coding: Coding
    restorer: str
    bits: float
    psnr_db: float
    ssim: float


def classes(folder: Path, limit: int | None) -> dict[str, list[Path]]:
    """List images by class: the name of the folder that they are in.

    Args:
        folder: Of folders; images that lie in it directly are a class of its name.
        limit: Most images of a class; None: all.

    Raises:
        NoImages: There are none.
    """
    found: dict[str, list[Path]] = {}
    for path in pairs.originals(folder):
        inside = path.relative_to(folder).parts
        found.setdefault(inside[0] if len(inside) > 1 else folder.name, []).append(path)
    return {name: _spread(found[name], limit) for name in sorted(found)}


def _spread(paths: Sequence[Path], limit: int | None) -> list[Path]:
    """Pick evenly: neighbours in a folder often look alike."""
    if limit is None or len(paths) <= limit:
        return list(paths)
    return [paths[index * len(paths) // limit] for index in range(limit)]


def _chromas(codec: str, scale: int) -> tuple[str, ...]:
    """Small renditions keep all chroma, as the gateway's do; at full size the better one counts."""
    if scale == 1 and codec in _BOTH_CHROMAS:
        return ("4:2:0", "4:4:4")
    return ("4:4:4",) if scale > 1 else ("4:2:0",)
