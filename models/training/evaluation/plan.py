"""The plan of an evaluation: images by class, and every way to store each of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from slimgate.models.training import pairs

NONE: Final = "none"
"""Label of full-size renditions without a restorer."""

INTERPOLATIONS: Final = ("bicubic", "lanczos")
"""Baselines of every network."""

_BOTH_CHROMAS: Final = frozenset({"avif", "jpeg"})  # the other codecs offer no choice


class Coding(NamedTuple):
    """One rendition of an image.

    Attributes:
        codec: codec.
        chroma: ``4:2:0`` or ``4:4:4``.
        quality: 0 to 100.
        scale: downscale factor.
    """

    codec: str
    chroma: str
    quality: int
    scale: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        codecs: codecs; the first at full size is the reference.
        qualities: qualities of each codec.
        scales: downscale factors; full size is always measured.
        restorers: names in the catalog, and ONNX files.
        max_pixels: larger images are cropped to this many pixels at their centre.
    """

    codecs: tuple[str, ...]
    qualities: tuple[int, ...]
    scales: tuple[int, ...]
    restorers: tuple[str, ...]
    max_pixels: int

    def codings(self) -> Iterator[Coding]:
        """Yield all renditions of an image, grouped by scale."""
        for scale in (1, *self.scales):
            for codec in self.codecs:
                for chroma in _chromas(codec, scale):
                    for quality in self.qualities:
                        yield Coding(codec, chroma, quality, scale)


@dataclass(frozen=True, slots=True)
class Point:
    """One rendition, restored and measured.

    Attributes:
        coding: rendition.
        restorer: label of the restorer.
        bits: bits per pixel of the image.
        psnr_db: PSNR of the restored image, dB.
        ssim: SSIM of the restored image.
    """

    coding: Coding
    restorer: str
    bits: float
    psnr_db: float
    ssim: float


def classes(folder: Path, limit: int | None) -> dict[str, list[Path]]:
    """Return images by class, the name of their folder.

    Args:
        folder: folder of folders; images directly in it form a class named after it.
        limit: maximum images per class; None: all.

    Raises:
        NoImages: no images.
    """
    found: dict[str, list[Path]] = {}
    for path in pairs.originals(folder):
        inside = path.relative_to(folder).parts
        found.setdefault(inside[0] if len(inside) > 1 else folder.name, []).append(path)
    return {name: _spread(found[name], limit) for name in sorted(found)}


def _spread(paths: Sequence[Path], limit: int | None) -> list[Path]:
    """Return an evenly spaced subset: neighbours in a folder are often similar."""
    if limit is None or len(paths) <= limit:
        return list(paths)
    return [paths[index * len(paths) // limit] for index in range(limit)]


def _chromas(codec: str, scale: int) -> tuple[str, ...]:
    """Downscaled renditions keep full chroma, as in the gateway; at full size the better counts."""
    if scale == 1 and codec in _BOTH_CHROMAS:
        return ("4:2:0", "4:4:4")
    return ("4:4:4",) if scale > 1 else ("4:2:0",)
