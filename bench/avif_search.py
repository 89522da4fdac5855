"""The smallest bare AVIF at a SSIMULACRA2 score: Pillow and a search of all qualities, no more.

It is what a script without slimgate would store: libaom at speed 8, tuned for SSIM, the better of
4:2:0 and 4:4:4 (4:0:0 for gray), no metadata. A container of 250 to 450 bytes is not counted.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from PIL import Image

from bench import reference
from slimgate.codec.containers import bmff
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import ssimulacra2
from slimgate.codec.measures.ssimulacra2 import Reference
from slimgate.eval.compare import quality_search
from slimgate.eval.compare.quality_search import HIGHEST, LOWEST

# Pillow divides images into tiles for its threads, which costs a few percent of the bytes.
_OPTIONS: Final[Mapping[str, Any]] = {
    "speed": 8,
    "advanced": {"tune": "ssim"},
    "max_threads": 1,
    "autotiling": False,
}

_NEIGHBOURS: Final = 4
"""Qualities below the lowest sufficient one that are tried as well. Libaom has 64 quantizers for
100 qualities, and neither bytes nor scores rise at every step."""

_COARSE: Final = range(10, 100, 10)
"""Qualities to try first: scores of drawn images rise and fall by several points."""

_STEP: Final = 0.135  # gain of a score in decibels per step of quality


@dataclass(frozen=True, slots=True)
class Bare:
    """The smallest file that has a score.

    Attributes:
        quality: its quality, 1 to 100.
        chroma: its chroma subsampling.
        coded: bytes of coded image data.
        size: bytes of the file.
        score: SSIMULACRA2 by the package of that name.
    """

    quality: int
    chroma: str
    coded: int
    size: int
    score: float


@dataclass(frozen=True, slots=True)
class Encodings:
    """Files of one image with one chroma subsampling, encoded and scored once.

    Attributes:
        pixels: image, uint8: gray, RGB or RGBA.
        original: the same, prepared for comparisons.
        chroma: chroma subsampling.
    """

    pixels: Pixels
    original: Reference
    chroma: str
    _files: dict[int, bytes] = field(default_factory=dict)
    _scores: dict[bytes, float] = field(default_factory=dict)

    def file(self, quality: int) -> bytes:
        """Encode."""
        if quality not in self._files:
            file = io.BytesIO()
            options = {**_OPTIONS, "quality": quality, "subsampling": self.chroma}
            Image.fromarray(self.pixels).save(file, "AVIF", **options)
            self._files[quality] = file.getvalue()
        return self._files[quality]

    def shown(self, quality: int) -> Pixels:
        """Decode."""
        with Image.open(io.BytesIO(self.file(quality))) as image:
            mode = Image.fromarray(self.pixels).mode
            return np.asarray(image if image.mode == mode else image.convert(mode))

    def score(self, quality: int) -> float:
        """Return the score of a quality."""
        file = self.file(quality)
        if file not in self._scores:
            self._scores[file] = self.original.compare(self.shown(quality)).whole
        return self._scores[file]

    def sufficient(self, score: float, *, thorough: bool) -> Sequence[int]:
        """Return qualities with at least a score, among them that with the smallest file.

        Args:
            score: lowest score.
            thorough: try all qualities; else, those that bisection leads to and their neighbours.
        """
        tried = range(LOWEST, HIGHEST + 1) if thorough else self._near(score)
        return [quality for quality in tried if self.score(quality) >= score]

    def _near(self, score: float) -> Sequence[int]:
        demanded = ssimulacra2.decibels(score)

        def steps(quality: int) -> float:
            return (ssimulacra2.decibels(self.score(quality)) - demanded) / _STEP

        known = {quality: steps(quality) for quality in {*_COARSE, *self._files}}
        found = quality_search.lowest(steps, known, start=60)
        if found is None:
            return ()
        return sorted({*known, *range(max(LOWEST, found - _NEIGHBOURS), found)})


@dataclass(frozen=True, slots=True)
class Search:
    """The search of one image, whose trials serve all scores.

    Attributes:
        pixels: image, as :func:`bench.reference.decoded_plainly` returns it.
        thorough: try all qualities.
    """

    pixels: Pixels
    thorough: bool = False
    _encodings: list[Encodings] = field(default_factory=list)

    def smallest(self, score: float) -> Bare | None:
        """Return the smallest file with at least a score; None if there is none.

        The search scores files by slimgate's own measure; the result has the score by the package.
        """
        for size, encoding, quality in sorted(self._sufficient(score), key=lambda each: each[0]):
            found = reference.ssimulacra2(self.pixels, encoding.shown(quality))
            if found >= score:
                file = encoding.file(quality)
                return Bare(quality, encoding.chroma, size, len(file), found)
        return None

    def _sufficient(self, score: float) -> Iterator[tuple[int, Encodings, int]]:
        for encoding in self._all():
            for quality in encoding.sufficient(score, thorough=self.thorough):
                yield coded_size(encoding.file(quality)), encoding, quality

    def _all(self) -> Sequence[Encodings]:
        if not self._encodings:
            chromas = ("4:0:0",) if self.pixels.ndim == 2 else ("4:2:0", "4:4:4")
            original = Reference(self.pixels)
            self._encodings.extend(Encodings(self.pixels, original, each) for each in chromas)
        return self._encodings


def coded_size(file: bytes) -> int:
    """Return the size of the coded data in an AVIF file, without its container."""
    return sum(box.end - box.body for box in bmff.boxes(file) if box.type == b"mdat")
