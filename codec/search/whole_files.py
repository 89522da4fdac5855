"""Store files whose pixels the search does not judge: they return byte for byte or not at all."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from slimgate.codec.containers import Unsupported, kinds
from slimgate.codec.encoders import zstd
from slimgate.codec.manifest import Stored
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.recipes import build, build_strips, jpeg_strips, pictures, tiff_plans
from slimgate.codec.recipes.plan import Plan, banded
from slimgate.codec.recipes.plans import plans
from slimgate.codec.recipes.rebuilt import MAX_SAMPLES, is_plausible
from slimgate.codec.search import lossless, memory_needs
from slimgate.codec.search.allowed_steps import EXACT, RECIPE, AllowedSteps
from slimgate.codec.search.eligibility import max_stored, whole_sides
from slimgate.codec.search.failures import reason as reason_of
from slimgate.codec.search.lossless import Attempt
from slimgate.codec.search.omissions import Omission
from slimgate.codec.search.result import IDENTICAL, ChosenRendition
from slimgate.codec.search.verdicts import Verdict
from slimgate.config import Policy
from slimgate.config.policy import Effort

_SHARES: Final = MappingProxyType[Effort, float]({"fast": 0.05, "balanced": 0.3, "best": 0.6})
"""Share of the work for encoding pictures."""

_HOPELESS: Final = 1.25
"""Size at the fastest level, relative to the limit, from which no level is tried."""


_TRANSCODING: Final = 2e-7
"""Core-seconds per pixel of JPEG data, to JPEG XL and back."""


@dataclass(frozen=True, slots=True)
class _File:
    data: bytes
    mime: str
    size: tuple[int, int]
    most: int


def attempts(
    data: bytes, mime: str, policy: Policy, steps: AllowedSteps, *, work_s: float
) -> Iterator[Attempt]:
    """Yield byte-exact renditions of a file, best first: by a recipe, then compressed whole.

    Args:
        data: upload, untrusted.
        mime: its type, one of :data:`slimgate.codec.containers.WHOLE`.
        policy: the policy.
        steps: allowed steps and memory.
        work_s: limit of work, core-seconds.

    Raises:
        Refused: the policy does not allow the tier, or the file has no size in pixels.
    """
    steps.omit("lossless", Omission.FORMAT, mime)
    steps.omit("lossy", Omission.FORMAT, mime)
    if "exact" not in policy.tiers:
        raise Refused(Reason.UNSUPPORTED, f"{mime} needs the tier exact, which the policy lacks")
    file = _File(data, mime, whole_sides(data, mime, policy), max_stored(data, policy))
    if RECIPE not in steps.ruled_out:
        steps.mark(RECIPE)
        seconds = work_s * _SHARES[policy.effort]
        if mime == kinds.TIFF:
            yield _by_strips(file, steps, seconds)
        yield _by_recipe(file, steps, seconds)
    if EXACT in steps.ruled_out:
        steps.omit("exact", Omission.LOST)
        raise Refused(Reason.WORKER_LOST, "process died compressing it")
    steps.mark(EXACT)
    yield _compressed(file, steps)


def _compressed(file: _File, steps: AllowedSteps) -> Attempt:
    """Compress a file whole."""
    lacking = steps.lacks(memory_needs.to_compress(len(file.data)))
    if lacking:
        return lossless.failed_attempt("exact", "zstd", Verdict.NEEDS_MEMORY, lacking)
    note = tiff_plans.unusual(file.data) if file.mime == kinds.TIFF else ""
    if len(zstd.compress(file.data, zstd.FASTEST)) > _HOPELESS * file.most:
        return lossless.failed_attempt("exact", "zstd", Verdict.TOO_BIG, note)
    found = lossless.of_file(file.data, file.size, "zstd", max_stored=file.most)
    return found._replace(trials=tuple(replace(trial, note=note) for trial in found.trials))


def _by_strips(file: _File, steps: AllowedSteps, seconds: float) -> Attempt:
    """Take JPEG data out of a TIFF file."""
    began = time.perf_counter()
    try:
        image = file.size[0] * file.size[1]
        found = [each for each in jpeg_strips.find(file.data) if is_plausible(each.area, image)]
        lacking = steps.lacks(memory_needs.to_transcode(max((e.area for e in found), default=0)))
        if lacking:
            return lossless.failed_attempt("exact", "jxl", Verdict.NEEDS_MEMORY, lacking)
        affordable = _TRANSCODING * sum(each.area for each in found) <= seconds
        built = build_strips.build(file.data, found) if affordable else None
    except Unsupported:
        built = None
    except Exception as error:  # noqa: BLE001  # libraries raise any exception; try other ways
        return lossless.failed_attempt("exact", "jxl", Verdict.FAILED, reason_of(error))
    return _attempt(file, built, time.perf_counter() - began)


def _by_recipe(file: _File, steps: AllowedSteps, seconds: float) -> Attempt:
    """Take a file apart into pictures and a recipe."""
    began = time.perf_counter()
    try:
        found = tuple(band for plan in plans(file.data, file.mime) for band in banded(plan))
        lacking, effort = _limits(found, len(file.data), steps, seconds)
        if lacking:
            return lossless.failed_attempt("exact", "jxl", Verdict.NEEDS_MEMORY, lacking)
        built = build.build(file.data, found, effort=effort) if effort else None
    except Unsupported:
        built = None
    except Exception as error:  # noqa: BLE001  # libraries raise any exception; compress it whole
        return lossless.failed_attempt("exact", "jxl", Verdict.FAILED, reason_of(error))
    return _attempt(file, built, time.perf_counter() - began)


def _attempt(file: _File, built: build.Built | None, seconds: float) -> Attempt:
    """Return whether a rendition by a recipe is small enough."""
    if built is None:
        return Attempt(None, ())
    stored = Stored(
        tier="exact", codec=built.codec, quality=100, scale=1, restorer=None, recipe=True
    )
    holds = len(built.rendition) <= file.most
    verdict = Verdict.HOLDS if holds else Verdict.TOO_BIG
    tried = (lossless.trial_of("exact", built.codec, len(built.rendition), verdict, seconds),)
    if not holds:
        return Attempt(None, tried)
    sha256 = hashlib.sha256(file.data).hexdigest()
    return Attempt(
        ChosenRendition(built.rendition, file.size, stored, None, sha256, built.content, IDENTICAL),
        tried,
    )


def _limits(
    found: tuple[Plan, ...], size: int, steps: AllowedSteps, seconds: float
) -> tuple[str | None, int]:
    """Return the memory that is lacking, and the effort for which there is time."""
    largest = max((plan.samples * plan.layout.sample for plan in found), default=0)
    samples = sum(plan.samples for plan in found)
    effort = pictures.effort(samples, seconds) if samples <= MAX_SAMPLES else 0
    if 1e-6 * sum(plan.samples for plan in found if plan.layout.family == "gif") > seconds:
        effort = 0
    return steps.lacks(memory_needs.to_take_apart(largest, size)), effort
