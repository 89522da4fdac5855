"""The words of a competition: subject, candidates, trials, winner."""

from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from codec.containers import Container
from codec.encoders import Tune
from codec.encoders.coding import level
from codec.image import resample
from codec.image.content_kind import Kind
from codec.image.pixels import Pixels
from codec.manifest import Output, Stored
from codec.measures import ocr
from codec.measures.ocr import Words
from codec.measures.reading import Reading
from codec.restore.restore import Upscalers
from codec.search.effort import Work
from codec.search.steps import Steps
from codec.search.verdicts import Verdict
from config import Floor
from config.policy import Codec

REFUSED: Final = -1
"""Quality of a trial that ended before anything was encoded."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to store an image, all but its quality.

    Attributes:
        tier: What the served file has in common with the upload.
        codec: What it is written with.
        scale: What it is shrunk by.
        restorer: Content hash of what enlarges it.
        subsampling: Of chroma.
        tune: Which measure the encoder looks at.
    """

    tier: Literal["exact", "lossless", "recode", "downscale"]
    codec: Codec
    scale: int
    restorer: str | None
    subsampling: str
    tune: Tune = "ssim"

    def stored(self, quality: int) -> Stored:
        """Say it in the manifest's words."""
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
    """What became of one encoding.

    Attributes:
        candidate: What was tried.
        quality: Of the rendition, 0 to 100; ``REFUSED``: out before any encoding.
        size: Bytes of the rendition; 0 when none was made. Estimated for a sampled trial.
        verdict: Why it won or lost.
        reading: As much as was measured; a measure that failed ends the measuring.
        seconds: Time that it took.
        sampled: Whether only a sample of the image was tried.
        note: More about the verdict, for people.
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
class Subject:
    """The image that candidates compete for.

    Attributes:
        pixels: The decoded upload, uint8, (height, width[, channels]).
        upload: The parsed container.
        size: Bytes of the upload.
        blob: Header segments as they travel in the rendition.
        orientation: EXIF orientation.
        max_stored: Bytes that a rendition may have to be worth storing.
    """

    pixels: Pixels
    upload: Container
    size: int
    blob: bytes
    orientation: int
    max_stored: int


@dataclass(frozen=True, slots=True)
class Winner:
    """The smallest rendition that holds the floor, and the file that GET will serve from it."""

    rendition: bytes
    stored: Stored
    output: Output
    served: bytes
    content: str
    reading: Reading


@dataclass(slots=True)
class Contest:
    """The state of one competition.

    Attributes:
        work: What was done, and what may be.
        kind: What the image seems to be.
        steps: What it may do.
        trials: Everything that was tried, in order.
        best: The winner so far.
    """

    subject: Subject
    floor: Floor
    upscalers: Upscalers
    work: Work
    kind: Kind
    steps: Steps = field(default_factory=Steps)
    trials: list[Trial] = field(default_factory=list)
    best: Winner | None = None
    _words: Words | None = None
    _shrunk: tuple[int, Pixels] | None = None

    @property
    def max_stored(self) -> int:
        """Give the bytes that a rendition may have to become the best."""
        return len(self.best.rendition) - 1 if self.best else self.subject.max_stored

    @property
    def is_over(self) -> bool:
        """Return whether there is no work left for another trial."""
        return self.work.is_searched

    def lose(self, candidate: Candidate, verdict: Verdict, note: str, *, sampled: bool) -> None:
        """Note that a candidate is out, for a reason that is not its fidelity."""
        trial = Trial(candidate, REFUSED, 0, verdict, Reading(), 0.0, sampled=sampled, note=note)
        self.trials.append(trial)

    @property
    def failed_codecs(self) -> frozenset[str]:
        """Name the codecs of which a candidate failed."""
        return frozenset(t.candidate.codec for t in self.trials if t.verdict.is_failure)

    def shrunk(self, scale: int) -> Pixels:
        """Give what a candidate of that scale encodes; the last one is kept for the next trial."""
        if self._shrunk is None or self._shrunk[0] != scale:
            self._shrunk = scale, resample.shrunk(self.subject.pixels, scale)
        return self._shrunk[1]

    def forget_pixels(self) -> None:
        """Let go of the upload's pixels: nothing competes any more."""
        nothing = np.empty((0, 0), np.uint8)
        self.subject = replace(self.subject, pixels=nothing)
        self._shrunk = None

    @property
    def words(self) -> Words:
        """Read what is written in the upload, once.

        Raises:
            CannotRead: See :func:`codec.measures.ocr.words`.
        """
        if self._words is None:
            self._words = self.read(self.subject.pixels, sure=ocr.SURE)
        return self._words

    def read(self, pixels: Pixels, *, sure: float = 0.0) -> Words:
        """Read what is written in pixels; see :func:`codec.measures.ocr.words`."""
        self.work.read(pixels.shape[0] * pixels.shape[1])
        return ocr.words(pixels, timeout_s=ocr.HANGS_S, sure=sure)
