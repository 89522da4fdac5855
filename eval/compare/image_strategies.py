"""Compare all strategies on one image: from its bytes to its rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from slimgate.codec.containers import parse
from slimgate.codec.encoders import by_name, jxl
from slimgate.codec.image.ordinary import ordinary_copy
from slimgate.codec.measures.psnr import PERFECT_PSNR_DB
from slimgate.codec.restore import exact
from slimgate.codec.restore.restore import Upscalers
from slimgate.codec.search.omissions import LOSSY
from slimgate.codec.search.search import EFFORT_PRESETS
from slimgate.config import Policy
from slimgate.eval.compare.coders import RESTORER, Clock, Coder
from slimgate.eval.compare.outcomes import Outcome, outcome
from slimgate.eval.compare.restricted_policy import restricted
from slimgate.eval.compare.row_builder import RowBuilder, timed
from slimgate.eval.compare.rows import PLAIN, Row
from slimgate.eval.compare.strategies import POLICY, STRATEGIES, Strategy, of_family
from slimgate.eval.corpus.inspection import Inspection
from slimgate.eval.measure.measures import Original

LATER: Final = frozenset(strategy.name for strategy in of_family("fixed"))
"""Strategies that depend on the results of all images."""

_FIDELITY: Final = frozenset({"psnr", "ssimulacra2"})
"""Families that match the policy's fidelity."""

_MATCHING: Final = _FIDELITY | {"bytes"}
"""Families that match the policy in some way."""

_NOT_SMALLER: Final = "not smaller than the upload"
_IDENTITY: Final = ("exact", "lossless")
_ALL_SCALES: Final = (2, 3, 4)


@dataclass
class Comparison:
    """One image, with the state that its strategies share.

    Attributes:
        data: upload.
        seen: result of inspecting the upload.
        policy: policy as configured.
        upscalers: source of restorers.
        make: builder of rows.
        chosen: result of the policy, once known.
    """

    data: bytes
    seen: Inspection
    policy: Policy
    upscalers: Upscalers
    make: RowBuilder
    chosen: Outcome | None = None
    _coders: dict[tuple[str, int], Coder] = field(default_factory=dict)

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all strategies except the later ones, the policy's first."""
        self.chosen = self._under()
        policy = replace(self._of(POLICY, self.chosen), **self._obstacle(self.chosen))
        yield policy
        for strategy in STRATEGIES:
            if strategy.name not in {POLICY, *LATER}:
                yield self._row(strategy, policy)

    def later(self, qualities: Mapping[str, int]) -> Iterator[Row]:
        """Yield the rows of strategies with one quality for all images.

        Args:
            qualities: quality by name of strategy.
        """
        for strategy in of_family("fixed"):
            if refusal := self._refusal(strategy):
                yield self.make.problem(strategy.name, refusal)
            elif strategy.name not in qualities:
                yield self.make.problem(strategy.name, "no image of the corpus can hold the floor")
            else:
                yield self._coded(strategy, qualities[strategy.name], at_most=True)

    def _row(self, strategy: Strategy, policy: Row) -> Row:
        if strategy.family == "tier":
            return self._of(strategy.name, self._tier(strategy.name.removeprefix("tier-")))
        if strategy.family == "transcode":
            return self._transcoded(strategy.name)
        if refusal := self._refusal(strategy) or _pointless(strategy, policy):
            return self.make.problem(strategy.name, refusal)
        quality = self._sought(strategy, policy)
        if quality is None:
            return self.make.same(strategy.name, note="no quality holds the floor")
        row = self._coded(strategy, quality, at_most=strategy.family == "floor")
        if strategy.family == "ssimulacra2":
            return replace(row, curve=self._coder(strategy).curve())
        return row

    def _sought(self, strategy: Strategy, policy: Row) -> int | None:
        """Return the quality that a strategy needs; None if no quality qualifies."""
        coder = self._coder(strategy)
        if strategy.family == "bytes":
            return coder.at_bytes(policy.stored)
        if strategy.family == "psnr":
            return coder.at_psnr(policy.psnr_db or 0.0)
        if strategy.family == "ssimulacra2":
            return coder.at_ssimulacra2(policy.ssimulacra2 or 0.0)
        return coder.at_floor()

    def _coded(self, strategy: Strategy, quality: int, *, at_most: bool = False) -> Row:
        """Measure a codec at a quality.

        Args:
            strategy: strategy to measure.
            quality: quality of its codec.
            at_most: store the upload itself if that is smaller.
        """
        coder = self._coder(strategy)
        file = coder.file(quality)
        if at_most and len(file.data) >= len(self.data):
            return self.make.same(strategy.name, note=_NOT_SMALLER)
        clock = Clock()
        shown = coder.shown(quality)
        get = clock.taken()
        return self.make.measured(
            strategy.name,
            self._original.measure(shown),
            stored=len(file.data),
            tier="recode" if strategy.scale == 1 else "downscale",
            codec=strategy.codec,
            quality=quality,
            scale=strategy.scale,
            restorer=RESTORER if strategy.scale > 1 else "",
            **timed(file.put, get),
        )

    def _of(self, name: str, found: Outcome) -> Row:
        """Measure what the gateway would serve, then release its pixels."""
        if found.manifest is None:
            return self.make.same(name, note=found.note, **timed(found.put))
        how = found.manifest.stored
        fields = {
            "stored": found.stored,
            "tier": how.tier,
            "codec": how.codec,
            "quality": how.quality,
            "scale": how.scale,
            "restorer": found.restorer,
            "note": found.note,
            **timed(found.put, found.get),
        }
        shown, found.shown = found.shown, None
        if shown is None:
            return self.make.same(name, **fields)
        measures = self._original.measure(shown, natural=found.is_natural)
        return self.make.measured(name, measures, **fields)

    def _obstacle(self, found: Outcome) -> dict[str, Any]:
        """Return the fields about what kept the image from a tier with loss."""
        if found.obstacle is None:
            return {}
        return {"obstacle": found.obstacle.why, "could": self._could(found)}

    def _could(self, found: Outcome) -> int | None:
        """Return the bytes that the policy would store of the same pixels in an ordinary file."""
        lossy = LOSSY.intersection(self.policy.tiers)
        if found.obstacle is None or not found.obstacle.is_form or not lossy:
            return None
        copy = ordinary_copy(self.data, max_pixels=self.policy.limits.max_pixels)
        if copy is None:
            return None
        other = outcome(copy, parse(copy), self.policy, self.upscalers)
        return other.stored if other.tier in LOSSY and other.stored < found.stored else None

    def _tier(self, tier: str) -> Outcome:
        """Run the policy with one tier; `exact` and `lossless` share one search."""
        if tier not in _IDENTITY:
            scales = (self.policy.scales or _ALL_SCALES) if tier == "downscale" else ()
            return self._under(tiers=(tier,), scales=scales)
        whole = self._whole
        # A PNG that restores byte for byte counts for both; a JPEG has no other lossless tier.
        serves = whole.tier == "exact" if tier == "exact" else self.seen.format == "PNG"
        if whole.manifest is None or serves:
            return whole
        note = "its very bytes do not return" if tier == "exact" else "only for PNG files"
        return Outcome(len(self.data), whole.put, note=note)

    @cached_property
    def _whole(self) -> Outcome:
        return self._under(tiers=_IDENTITY, scales=())

    @cached_property
    def _original(self) -> Original:
        if self.seen.source is None:
            raise ValueError(f"no pixels to compare with: {self.seen.reason}")
        return Original(self.seen.source.pixels)

    def _under(self, **changes: object) -> Outcome:
        policy = restricted(self.policy.model_dump(), **changes)
        upload = self.seen.source.upload if self.seen.source else None
        return outcome(self.data, upload, policy, self.upscalers)

    def _transcoded(self, name: str) -> Row:
        """Store as JPEG XL without loss: JPEG files by transcoding, others by their pixels."""
        clock = Clock()
        try:
            stored = self._as_jxl()
        except _NotApplicable as why:
            return self.make.problem(name, str(why))
        if len(stored) >= len(self.data):
            return self.make.same(name, note=_NOT_SMALLER)
        tier = "exact" if self.seen.format == "JPEG" else "lossless"
        fields = {"stored": len(stored), "tier": tier, "codec": "jxl", "quality": 100}
        return self.make.same(name, **fields, **timed(clock.taken()))

    def _as_jxl(self) -> bytes:
        if self.seen.format == "JPEG":
            stored = exact.transcode(self.data)
            if stored is None:
                raise _NotApplicable("JPEG XL cannot reproduce this JPEG file")
            return stored
        source = self.seen.source
        if source is None:
            raise _NotApplicable(f"not compared: {self.seen.reason}")
        upload = source.upload
        if not upload.lossless:
            raise _NotApplicable("transcodes only JPEG files and lossless images")
        size = upload.width, upload.height
        if not by_name("jxl").takes(upload.mode, size, icc=upload.icc, orientation=1):
            raise _NotApplicable("JPEG XL is written without colour profiles")
        image = jxl.encode_lossless(source.pixels, speed=self._speed)
        return by_name("jxl").attach(image, source.payload) if source.payload else image

    def _refusal(self, strategy: Strategy) -> str:
        if self.seen.source is None:
            return f"not compared: {self.seen.reason}"
        return self._coder(strategy).refusal()

    def _coder(self, strategy: Strategy) -> Coder:
        if self.seen.source is None:
            raise ValueError(f"no pixels to encode: {self.seen.reason}")
        codec, scale = strategy.codec, strategy.scale
        if (codec, scale) not in self._coders:
            self._coders[codec, scale] = Coder(
                self.seen.source, codec, scale, self._speed, self.make.floor
            )
        return self._coders[codec, scale]

    @property
    def _speed(self) -> int:
        return EFFORT_PRESETS[self.policy.effort].speed


class _NotApplicable(Exception):
    """A strategy does not apply to an image; the message says why."""


def _pointless(strategy: Strategy, policy: Row) -> str:
    """Return why there is no target to match; empty if there is one."""
    if strategy.family in _MATCHING and policy.tier == PLAIN:
        return "the policy stores it as uploaded"
    if strategy.family in _FIDELITY and policy.psnr_db == PERFECT_PSNR_DB:
        return "the policy stores it without loss"
    if strategy.family == "ssimulacra2" and policy.ssimulacra2 is None:
        return "too small for SSIMULACRA2"
    return ""
