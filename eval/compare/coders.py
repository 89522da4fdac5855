"""Encode one image with one codec, as a user would: each quality is encoded and measured once."""

import math
import time
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from slimgate import models
from slimgate.codec.containers import Container
from slimgate.codec.encoders import EncoderSettings, by_name
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.image.resample import join_planes, shrunk, small_size, split_planes
from slimgate.codec.measures import floors, psnr, ssimulacra2
from slimgate.codec.measures.prepared import Prepared
from slimgate.config import Floor
from slimgate.eval.compare import quality_search

RESTORER: Final = "bicubic"
"""Interpolation that users enlarge with."""

_STARTS: Final = {"avif": 60, "webp": 85, "jpeg": 85}
_STEPS: Final = {
    "psnr_db": 0.18,
    "ssim": 0.165,
    "orb": 0.012,
    "block_psnr_db": 0.15,
    "ssimulacra2": 0.135,
    "ssimulacra2_worst": 0.135,
}
"""Approximate gain of each ``slimgate.codec.measures.floors.margins`` per step of quality."""

_LADDER: Final = {
    "avif": (10, 35, 65, 88, 100),
    "webp": (1, 30, 75, 95, 100),
    "jpeg": (5, 30, 75, 92, 100),
}
"""Qualities of the curve of bytes against score, beside those that searches try."""

_NEAR: Final = 0.5
"""Differences that count as equal, in steps of quality: 0.09 dB, or 1.7 % of the bytes."""

_BYTES_STEP: Final = 0.034  # logarithm of file size per step of quality


class Elapsed(NamedTuple):
    """Wall-clock and CPU time, seconds."""

    wall_s: float
    cpu_s: float


class Clock:
    """A stopwatch that starts when created."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def taken(self) -> Elapsed:
        """Return the time since creation."""
        return Elapsed(time.perf_counter() - self._wall, time.process_time() - self._cpu)


class File(NamedTuple):
    """An encoded image and its encoding time."""

    data: bytes
    put: Elapsed


@dataclass(frozen=True, slots=True)
class Source:
    """An upload to encode.

    Attributes:
        upload: parsed container.
        pixels: decoded pixels.
        payload: header segments that every rendition carries.
        size: size of the upload, bytes.
    """

    upload: Container
    pixels: Pixels
    payload: bytes
    size: int
    _prepared: list[Prepared] = field(default_factory=list)

    @property
    def original(self) -> Prepared:
        """Return the upload as measures compare with it."""
        if not self._prepared:
            self._prepared.append(Prepared(self.pixels))
        return self._prepared[0]


@dataclass(frozen=True, slots=True)
class Coder:
    """A codec at a scale, applied to one image.

    Attributes:
        source: image to encode.
        codec: name of the codec.
        scale: factor of shrinking before encoding, and of enlarging afterwards.
        speed: encoder speed, 0 to 10.
        floor: minimum fidelity.
    """

    source: Source
    codec: str
    scale: int
    speed: int
    floor: Floor
    _files: dict[int, File] = field(default_factory=dict)
    _psnr: dict[int, float] = field(default_factory=dict)
    _margins: dict[int, float] = field(default_factory=dict)
    _scores: dict[int, float] = field(default_factory=dict)
    _shrunk: list[Pixels] = field(default_factory=list)

    def refusal(self) -> str:
        """Return why the codec cannot encode this image; empty if it can."""
        upload = self.source.upload
        size = upload.width, upload.height
        if by_name(self.codec).takes(upload.mode, size, icc=upload.icc, orientation=1):
            return ""
        return f"{self.codec} cannot write {upload.mode} of {size[0]}x{size[1]} pixels unchanged"

    def file(self, quality: int) -> File:
        """Encode."""
        if quality not in self._files:
            clock = Clock()
            codec, upload = by_name(self.codec), self.source.upload
            settings = EncoderSettings(
                quality=quality,
                subsampling=_chroma(upload),
                speed=self.speed,
                icc=upload.icc,
            )
            image = codec.encode(self._small(), settings)
            data = codec.attach(image, self.source.payload) if self.source.payload else image
            self._files[quality] = File(data, clock.taken())
        return self._files[quality]

    def shown(self, quality: int) -> Pixels:
        """Return the decoded, enlarged pixels: uint8 of the source's shape."""
        upload = self.source.upload
        width, height = small_size(upload.width, upload.height, self.scale)
        data = self.file(quality).data
        small = by_name(self.codec).read(data, mode=upload.mode, width=width, height=height)
        if self.scale == 1:
            return small
        enlarger = models.named(RESTORER).load()
        planes = [enlarger.upscale(plane, self.scale, level=0) for plane in split_planes(small)]
        return join_planes(planes)[: upload.height, : upload.width]

    def at_floor(self) -> int | None:
        """Return the lowest quality at or above the floor; None if none is."""
        return quality_search.lowest(self._margin, self._margins, start=_STARTS[self.codec])

    def at_bytes(self, size: int) -> int:
        """Return the quality whose file size is within 2 % of `size`, or nearest by ratio."""
        found = {q: _excess(len(file.data), size) for q, file in self._files.items()}
        return quality_search.nearest(
            lambda quality: _excess(len(self.file(quality).data), size),
            found,
            start=_STARTS[self.codec],
            near=_NEAR,
        )

    def at_psnr(self, psnr_db: float) -> int:
        """Return the quality whose PSNR is within 0.1 dB of `psnr_db`, or nearest."""
        step = _STEPS["psnr_db"]
        found = {quality: (known - psnr_db) / step for quality, known in self._psnr.items()}
        return quality_search.nearest(
            lambda quality: (self._psnr_of(quality) - psnr_db) / step,
            found,
            start=_STARTS[self.codec],
            near=_NEAR,
        )

    def at_ssimulacra2(self, score: float) -> int:
        """Return the quality whose SSIMULACRA2 is nearest to `score`, within half a step."""
        step, wanted = _STEPS["ssimulacra2"], ssimulacra2.decibels(score)

        def steps(quality: int) -> float:
            return (ssimulacra2.decibels(self._score_of(quality)) - wanted) / step

        found = {quality: steps(quality) for quality in self._scores}
        return quality_search.nearest(steps, found, start=_STARTS[self.codec], near=_NEAR)

    def curve(self) -> tuple[tuple[int, float], ...]:
        """Return file size and SSIMULACRA2 by quality, of a few qualities and all scored ones."""
        for quality in _LADDER[self.codec]:
            self._score_of(quality)
        return tuple(
            (len(self.file(q).data), round(self._scores[q], 3)) for q in sorted(self._scores)
        )

    def _score_of(self, quality: int) -> float:
        if quality not in self._scores:
            reference = self.source.original.reference
            self._scores[quality] = reference.compare(self.shown(quality)).whole
        return self._scores[quality]

    def _small(self) -> Pixels:
        if not self._shrunk:
            self._shrunk.append(shrunk(self.source.pixels, self.scale))
        return self._shrunk[0]

    def _psnr_of(self, quality: int) -> float:
        if quality not in self._psnr:
            self._margin(quality)
        return self._psnr[quality]

    def _margin(self, quality: int) -> float:
        """Return the approximate margin to the floor in steps of quality, and record PSNR."""
        shown = self.shown(quality)
        self._psnr[quality] = psnr.psnr(self.source.pixels, shown)
        reading = floors.read(self.floor, self.source.original, shown)
        if reading.ssimulacra2 is not None:
            self._scores[quality] = reading.ssimulacra2
        margins = floors.margins(self.floor, reading)
        steps = min(margin / _STEPS[name] for name, margin in margins.items())
        self._margins[quality] = steps
        return steps


def _excess(size: int, wanted: int) -> float:
    return math.log(size / wanted) / _BYTES_STEP


def _chroma(upload: Container) -> str:
    """Return the upload's chroma subsampling; drawings miss the floor with coarser chroma."""
    thin = upload.subsampling == "4:2:0" or (upload.format == "WEBP" and not upload.lossless)
    return "4:2:0" if thin else "4:4:4"
