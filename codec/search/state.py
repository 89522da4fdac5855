"""The state of a search: subject, candidates, trials, winner."""

from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from slimgate.codec.containers import Container
from slimgate.codec.encoders import Tune
from slimgate.codec.encoders.coding import level
from slimgate.codec.image.content_kind import Kind
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.manifest import Output, Stored, WholeCodec
from slimgate.codec.measures import ocr
from slimgate.codec.measures.hdr import HdrPicture, HdrReference
from slimgate.codec.measures.ocr import Words
from slimgate.codec.measures.prepared import Prepared
from slimgate.codec.measures.reading import Reading
from slimgate.codec.restore.restore import Upscalers
from slimgate.codec.search.allowed_steps import AllowedSteps
from slimgate.codec.search.effort import Work
from slimgate.codec.search.shrinking import shrunk
from slimgate.codec.search.verdicts import Verdict
from slimgate.codec.threads import Threads
from slimgate.config import Floor
from slimgate.config.floor import Guard
from slimgate.config.policy import Codec

REFUSED: Final = -1
"""Quality of a trial that ended before encoding."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to store an image, except its quality.

    Attributes:
        tier: tier.
        codec: codec.
        scale: downscale factor.
        restorer: content hash of the restorer.
        subsampling: chroma subsampling.
        tune: measure that the encoder optimizes.
    """

    tier: Literal["exact", "lossless", "recode", "downscale"]
    codec: Codec | WholeCodec
    scale: int
    restorer: str | None
    subsampling: str
    tune: Tune = "ssim"

    def stored(self, quality: int) -> Stored:
        """Return the manifest's description."""
        return Stored(
            tier=self.tier,
            codec=self.codec,
            quality=quality,
            scale=self.scale,
            restorer=self.restorer,
            level=level(self.codec, quality) if self.restorer else 0,
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """Result of one encoding.

    Attributes:
        candidate: candidate.
        quality: quality of the rendition, 0 to 100; ``REFUSED``: ended before encoding.
        size: size of the rendition, bytes; 0 if none. Estimated if sampled.
        verdict: why it won or lost.
        reading: measures, as far as taken; the first failure ends measuring.
        seconds: duration.
        sampled: only a sample of the image was tried.
        note: details of the verdict, for people.
    """

    candidate: Candidate
    quality: int
    size: int
    verdict: Verdict
    reading: Reading
    seconds: float
    sampled: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class SourceImage:
    """The image to store.

    Attributes:
        pixels: decoded upload, uint8, (height, width[, channels]).
        upload: parsed container.
        size: size of the upload, bytes.
        payload: header segments, packed as the payload of a rendition.
        orientation: EXIF orientation.
        max_stored: maximum size of a rendition, bytes.
        hdr: computes HDR pictures with the upload's gain map.
        icc: colour profile that a rendition needs; None: viewers show it alike without one.
    """

    pixels: Pixels
    upload: Container
    size: int
    payload: bytes
    orientation: int
    max_stored: int
    hdr: HdrPicture | None = None
    icc: bytes | None = None

    @property
    def pictures(self) -> int:
        """Return the number of pictures that viewers may show: 2 with a gain map."""
        return 1 if self.hdr is None else 2


@dataclass(frozen=True, slots=True)
class BestRendition:
    """The smallest rendition that holds the floor, and the file that GET will serve.

    Attributes:
        rendition: file to store.
        stored: its description.
        output: parameters of the served file.
        served: file that GET will serve.
        shown: its pixels.
        content: digest of header segments and restored pixels.
        reading: measures taken.
    """

    rendition: bytes
    stored: Stored
    output: Output
    served: bytes
    shown: Pixels
    content: str
    reading: Reading


@dataclass(slots=True)
class SearchState:
    """State of one search.

    Attributes:
        work: work done and allowed.
        kind: detected kind of image.
        steps: allowed steps.
        trials: all trials, in order.
        best: best rendition so far.
        guard: guard that raised the policy's floor.
    """

    source: SourceImage
    floor: Floor
    upscalers: Upscalers
    work: Work
    kind: Kind
    steps: AllowedSteps = field(default_factory=AllowedSteps)
    trials: list[Trial] = field(default_factory=list)
    best: BestRendition | None = None
    guard: Guard | None = None
    _prepared: Prepared | None = None
    _original_hdr: HdrReference | None = None
    _words: Words | None = None
    _shrunk: tuple[tuple[int, str | None], Pixels] | None = None

    @property
    def threads(self) -> Threads:
        """Return the threads for parts of a trial."""
        return self.steps.threads

    @property
    def max_stored(self) -> int:
        """Return the maximum size of a rendition that would become the best, bytes."""
        return len(self.best.rendition) - 1 if self.best else self.source.max_stored

    @property
    def is_over(self) -> bool:
        """Return whether the work for trials is used up."""
        return self.work.is_searched

    def record_failure(
        self, candidate: Candidate, verdict: Verdict, note: str, *, sampled: bool
    ) -> None:
        """Record that a candidate is out, for a reason other than fidelity."""
        trial = Trial(candidate, REFUSED, 0, verdict, Reading(), 0.0, sampled=sampled, note=note)
        self.trials.append(trial)

    @property
    def failed_codecs(self) -> frozenset[str]:
        """Return the codecs with a failed candidate."""
        return frozenset(t.candidate.codec for t in self.trials if t.verdict.is_failure)

    def shrunk(self, scale: int, restorer: str | None) -> Pixels:
        """Return the pixels to encode at a scale; the last result is cached."""
        if self._shrunk is None or self._shrunk[0] != (scale, restorer):
            pixels = self.source.pixels
            if scale > 1:
                self.work.refine(pixels.shape[0] * pixels.shape[1])
            self._shrunk = (scale, restorer), shrunk(pixels, scale, restorer, self.upscalers)
        return self._shrunk[1]

    @property
    def original(self) -> Prepared:
        """Return the upload as measures compare with it."""
        if self._prepared is None:
            self._prepared = Prepared(self.source.pixels, threads=self.threads)
        return self._prepared

    @property
    def original_hdr(self) -> HdrReference | None:
        """Return the HDR picture of an upload with a gain map."""
        hdr = self.source.hdr
        if self._original_hdr is None and hdr is not None:
            self._original_hdr = HdrReference(hdr, self.source.pixels, self.threads)
        return self._original_hdr

    def forget_pixels(self) -> None:
        """Release the upload's pixels when the search is over."""
        nothing = np.empty((0, 0), np.uint8)
        self.source = replace(self.source, pixels=nothing)
        self._prepared = self._original_hdr = self._shrunk = None

    @property
    def words(self) -> Words:
        """Return the words in the upload, recognized once.

        Raises:
            CannotRead: see :func:`slimgate.codec.measures.ocr.words`.
        """
        if self._words is None:
            self._words = self.read(self.source.pixels, sure=ocr.SURE)
        return self._words

    def read(self, pixels: Pixels, *, sure: float = 0.0) -> Words:
        """Return the words in some pixels; see :func:`slimgate.codec.measures.ocr.words`."""
        self.work.read(pixels.shape[0] * pixels.shape[1])
        return ocr.words(pixels, timeout_s=ocr.HANGS_S, sure=sure)
