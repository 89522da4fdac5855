"""Try candidates on a sample of the image, to predict which ones are worth a full encoding."""

import math
import time
from dataclasses import dataclass, field
from typing import Final, Literal, Self

from slimgate.codec.encoders import EncoderSettings, Tune, by_name
from slimgate.codec.encoders.coding import LOSSLESS
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.image.sample import Sample
from slimgate.codec.manifest import Stored
from slimgate.codec.measures import floors, psnr, ssim
from slimgate.codec.measures.prepared import Prepared
from slimgate.codec.measures.reading import Reading
from slimgate.codec.restore import indexed
from slimgate.codec.restore.restore import enlarge, pixels_of
from slimgate.codec.search import quality_model, scale_model
from slimgate.codec.search.quality_model import Activity
from slimgate.codec.search.sample_model import Ease
from slimgate.codec.search.shrinking import shrunk
from slimgate.codec.search.state import REFUSED, Candidate, SearchState, Trial
from slimgate.codec.search.verdicts import Verdict

_FRAME: Final = 300
"""Approximate bytes of a rendition that do not grow with the image: boxes and headers."""

_CODEC_COSTS: Final = {
    "block_psnr_db": 0.3,
    "orb": 0.03,
    "ssimulacra2": 0.3,
    "ssimulacra2_worst": 0.3,
}
"""What even a careful encoding of a downscaled image costs each measure of the whole."""

_DOUBT_DB: Final = 0.5
"""A scale whose ceiling is this far below the floor on the sample is below it on the image."""


_Way = tuple[int, str | None]
"""How to shrink and restore: scale and restorer."""


@dataclass(frozen=True, slots=True)
class SampleTrials:
    """A sample of the subject, and how it differs from the whole.

    Attributes:
        state: state of the search.
        sample: sample.
        inside: pixels of the sample to measure.
        ease: how much easier the sample is than the image.
        tune: measure expected to be hardest to hold.
    """

    state: SearchState
    sample: Sample
    inside: Prepared
    ease: Ease
    tune: Tune
    _small: dict[_Way, Pixels] = field(default_factory=dict)
    _ceilings: dict[_Way, Reading] = field(default_factory=dict)
    _whole_ceilings: dict[_Way, Reading] = field(default_factory=dict)

    @classmethod
    def of(cls, state: SearchState) -> Self:
        """Sample the subject of a search."""
        pixels = state.source.pixels
        sample = Sample.of(pixels)
        inside = sample.inside(sample.pixels)
        whole = Activity.of(pixels)
        ease = Ease.of(Activity.of(inside), whole, sample.share)
        tune = quality_model.tune(whole, state.floor)
        return cls(state, sample, Prepared(inside, threads=state.threads), ease, tune)

    def may_hold(self, candidate: Candidate) -> bool:
        """Return whether the ceiling, restoring uncoded pixels, is above the floor on the sample.

        Otherwise no quality can hold, and a trial is recorded.
        """
        if candidate.scale == 1:
            return True
        began = time.perf_counter()
        reading = self._ceiling(candidate)
        lacking = min(floors.margins(self.state.floor, reading).values(), default=0.0)
        return lacking >= -_DOUBT_DB or self._out(candidate, reading, began, sampled=True)

    def may_hold_whole(self, candidate: Candidate) -> bool:
        """Return the same for the whole image, for measures that a sample cannot predict."""
        floor = self.state.floor
        if candidate.scale == 1 or all(getattr(floor, name) is None for name in _CODEC_COSTS):
            return True
        began = time.perf_counter()
        way = candidate.scale, candidate.restorer
        if way not in self._whole_ceilings:
            whole = self.state.source.pixels
            small = self.state.shrunk(candidate.scale, candidate.restorer)
            restored = self._uncoded(candidate, small, whole)
            area = restored.shape[0] * restored.shape[1]
            self.state.work.score(area, self._comparisons)
            names = tuple(_CODEC_COSTS)
            self._whole_ceilings[way] = floors.read(
                floor, self.state.original, restored, names=names
            )
        reading = self._whole_ceilings[way]
        margins = floors.margins(floor, reading)
        hopeful = all(margin > _CODEC_COSTS[name] for name, margin in margins.items())
        return hopeful or self._out(candidate, reading, began, sampled=False)

    def guess(self, candidate: Candidate) -> int:
        """Return a quality predicted from statistics alone."""
        small = self._shrunk(candidate)
        floor = self.state.floor
        if candidate.scale > 1:
            # Detail lost by downscaling cannot be lost again.
            left = {
                "psnr_db": self._left_to_lose(candidate),
                "ssimulacra2": self._left_score(candidate),
            }
            floor = floor.model_copy(update=left)
        return quality_model.quality(Activity.of(small), floor, candidate.codec)

    def attempt(self, candidate: Candidate, quality: int, speed: int) -> Trial:
        """Try a quality on the sample; the size is extrapolated to the whole image."""
        began = time.perf_counter()
        self.state.steps.mark(candidate.codec)
        upload, mosaic = self.state.source.upload, self.sample.pixels
        area, work = mosaic.shape[0] * mosaic.shape[1], self.state.work
        work.encode(area // candidate.scale**2, candidate.codec, speed)
        work.restore(area, restored=candidate.restorer is not None)
        work.score(area, self._comparisons)
        settings = EncoderSettings(
            quality=quality,
            subsampling=candidate.subsampling,
            speed=speed,
            tune=candidate.tune,
        )
        rendition = by_name(candidate.codec).encode(self._shrunk(candidate), settings)
        restored = pixels_of(
            rendition,
            candidate.stored(quality),
            mode=upload.mode,
            size=(mosaic.shape[1], mosaic.shape[0]),
            upscalers=self.state.upscalers,
        )
        reading = self._read(restored)
        holds = floors.holds(self.state.floor, reading)
        verdict = Verdict.HOLDS if holds else Verdict.BELOW_FLOOR
        size = self._whole_size(len(rendition))
        seconds = time.perf_counter() - began
        return Trial(candidate, quality, size, verdict, reading, seconds, sampled=True)

    def _read(self, restored: Pixels) -> Reading:
        shown, pixels = self.sample.inside(restored), self.inside.pixels
        palette = self.state.source.upload.palette
        shown = indexed.shown(shown, palette) if palette else shown
        psnr_db = psnr.psnr(pixels, shown) - self.ease.psnr_db
        score, worst = self._scores(shown) if self._comparisons else (None, None)
        if min(pixels.shape[:2]) < ssim.MIN_SIDE:
            return Reading(psnr_db=psnr_db, ssimulacra2=score, ssimulacra2_worst=worst)
        lacking = 1 - ssim.quick(pixels, shown)
        similarity = 1 - lacking * self.ease.ssim
        return Reading(psnr_db=psnr_db, ssim=similarity, ssimulacra2=score, ssimulacra2_worst=worst)

    @property
    def _comparisons(self) -> int:
        return floors.comparisons(self.state.floor, self.state.source.upload.mode)

    def _scores(self, shown: Pixels) -> tuple[float, float]:
        """Return the scores that the whole image, and its worst region, would have."""
        score = self.inside.reference.compare(shown)
        return _lowered(score.whole, self.ease.score_db), _lowered(score.worst, self.ease.worst_db)

    def ceiling_score(self, candidate: Candidate) -> float:
        """Return the score of the sample, shrunk and restored without a codec."""
        return self._ceiling(candidate).ssimulacra2 or 0.0

    def _ceiling(self, candidate: Candidate) -> Reading:
        """Return the measures of the sample restored from uncoded pixels, once for all codecs."""
        way = candidate.scale, candidate.restorer
        if way not in self._ceilings:
            self._ceilings[way] = self._read(
                self._uncoded(candidate, self._shrunk(candidate), self.sample.pixels)
            )
        return self._ceilings[way]

    def _shrunk(self, candidate: Candidate) -> Pixels:
        """Return the sample shrunk for a candidate; shrunk once for all codecs."""
        way, pixels = (candidate.scale, candidate.restorer), self.sample.pixels
        if way not in self._small:
            if candidate.scale > 1:
                self.state.work.refine(pixels.shape[0] * pixels.shape[1])
            self._small[way] = shrunk(pixels, *way, self.state.upscalers)
        return self._small[way]

    def _uncoded(self, candidate: Candidate, small: Pixels, pixels: Pixels) -> Pixels:
        """Restore shrunk pixels without a codec."""
        area = pixels.shape[0] * pixels.shape[1]
        self.state.work.restore(area, restored=candidate.restorer is not None)
        return enlarge(
            small,
            _untouched(candidate),
            size=(pixels.shape[1], pixels.shape[0]),
            upscalers=self.state.upscalers,
        )

    def _out(
        self, candidate: Candidate, reading: Reading, began: float, *, sampled: bool
    ) -> Literal[False]:
        verdict = Verdict.CEILING
        seconds = time.perf_counter() - began
        trial = Trial(candidate, REFUSED, 0, verdict, reading, seconds, sampled=sampled)
        self.state.trials.append(trial)
        return False

    def _left_to_lose(self, candidate: Candidate) -> float | None:
        """Return the PSNR that the codec alone must keep for both losses to hold the floor."""
        demanded, ceiling = self.state.floor.psnr_db, self._ceiling(candidate).psnr_db
        if demanded is None or ceiling is None:
            return None
        left = 10 ** (-demanded / 10) - 10 ** (-ceiling / 10)
        return -10 * math.log10(left) if left > 0 else psnr.PERFECT_PSNR_DB

    def _left_score(self, candidate: Candidate) -> float | None:
        """Return the score that the codec alone must keep for both losses to hold the floor."""
        demanded, ceiling = self.state.floor.ssimulacra2, self._ceiling(candidate).ssimulacra2
        if demanded is None or ceiling is None:
            return None
        return scale_model.score_left(demanded, ceiling, candidate.scale)

    def _whole_size(self, size: int) -> int:
        payload = len(self.state.source.payload)
        return round(max(0, size - _FRAME) / self.sample.share) + _FRAME + payload


def _lowered(score: float, by_db: float) -> float:
    """Return a score that lacks more to 100, by some dB."""
    return 100 - (100 - score) * 10 ** (by_db / 10)


def _untouched(candidate: Candidate) -> Stored:
    """Describe a rendition that no codec has done any harm to."""
    return candidate.stored(100).model_copy(update={"level": LOSSLESS})
