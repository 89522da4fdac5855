"""Store PNG files of every kind as tier ``exact``, identical, or ``lossless``, identical pixels."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from slimgate.codec.containers import ContainerError, Malformed, Unsupported, png_parts
from slimgate.codec.containers.png_parts import Header, Parts
from slimgate.codec.image.pixels import Undecodable
from slimgate.codec.manifest import Output, Stored
from slimgate.codec.restore import png_verbatim
from slimgate.codec.restore.png_verbatim import Encoding, Found
from slimgate.codec.restore.restore import content_digest
from slimgate.codec.search import memory_needs
from slimgate.codec.search.allowed_steps import LOSSLESS, AllowedSteps
from slimgate.codec.search.effort import Work
from slimgate.codec.search.eligibility import check_size
from slimgate.codec.search.failures import reason
from slimgate.codec.search.lossless import Attempt, failed_attempt, trial_of
from slimgate.codec.search.omissions import Omission
from slimgate.codec.search.presets import preset_of
from slimgate.codec.search.result import IDENTICAL, ChosenRendition
from slimgate.codec.search.state import Trial
from slimgate.codec.search.verdicts import Verdict
from slimgate.config import Policy

_SLOW: Final = 4  # speed of JPEG XL, effort 9

_MODES: Final[dict[int, Literal["L", "LA", "P", "RGB", "RGBA"]]] = {
    0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Limits:
    """Limits of an attempt: only identical bytes, maximum stored bytes, encoder speed, and work."""

    exact: bool
    max_stored: int
    speed: int
    work: Work


def attempt(data: bytes, policy: Policy, steps: AllowedSteps, work: Work, most: int) -> Attempt:
    """Store a PNG file so that pixels, chunks and mostly all bytes are restored.

    Any PNG file will do, even one whose pixels lossy tiers cannot hold.

    Args:
        data: upload, untrusted.
        policy: its policy.
        steps: allowed steps.
        work: work done and allowed.
        most: maximum size of a rendition, bytes.

    Returns:
        Nothing chosen if it cannot be reproduced, or is not small enough.

    Raises:
        Refused: the image is outside the policy's limits.
    """
    if not {"exact", "lossless"}.intersection(policy.tiers):
        return Attempt(None, ())
    if LOSSLESS in steps.ruled_out:
        return _omitted(steps, Omission.LOST)
    try:
        parts = png_parts.split(data)
    except Unsupported as error:
        return _omitted(steps, Omission.UNSUPPORTED, str(error))
    pixels = parts.header.width * parts.header.height
    check_size(parts.header.width, parts.header.height, policy)
    lacking = steps.lacks(memory_needs.to_store_samples(pixels, parts.header.step))
    if lacking:
        return failed_attempt("exact", "jxl", Verdict.NEEDS_MEMORY, lacking)
    steps.mark(LOSSLESS)
    exact, speed = "lossless" not in policy.tiers, preset_of(policy.effort, policy.floor).speed
    limits = _Limits(exact, most, speed, work)
    try:
        return _stored(data, parts, limits)
    except Malformed as error:  # there are no pixels to store
        return _omitted(steps, Omission.UNSUPPORTED, str(error))


def _omitted(steps: AllowedSteps, why: Omission, detail: str = "") -> Attempt:
    steps.omit("exact", why, detail)
    steps.omit("lossless", why, detail)
    return Attempt(None, ())


def _stored(data: bytes, parts: Parts, limits: _Limits) -> Attempt:
    try:
        found = png_verbatim.find(data, parts, exact=limits.exact, work=limits.work)
    except Malformed:
        raise
    except (ContainerError, Undecodable) as error:
        return failed_attempt("exact", "jxl", Verdict.DOES_NOT_RETURN, str(error))
    tier: Literal["exact", "lossless"] = "exact" if found.served == data else "lossless"
    tried = list(_renditions(found, tier, limits))
    held = [each for each in tried if each.trial.verdict is Verdict.HOLDS]
    trials = tuple(each.trial for each in tried)
    if not held:
        return Attempt(None, trials)
    smallest = min(held, key=lambda each: len(each.rendition))
    return Attempt(_chosen(smallest, found, tier, parts.header), trials)


class _Tried(NamedTuple):
    trial: Trial
    encoding: Encoding
    rendition: bytes


def _renditions(found: Found, tier: str, limits: _Limits) -> Iterator[_Tried]:
    """Yield renditions at the policy's speed; if none is small enough, the smallest of JPEG XL."""
    held = False
    for encoding in png_verbatim.encodings(found):
        for tried in _encoded(encoding, tier, limits, limits.speed):
            held = held or tried.trial.verdict is Verdict.HOLDS
            yield tried
    if not held and limits.speed > _SLOW:
        for encoding in png_verbatim.encodings(found):
            if encoding.codec == "jxl":
                yield from _encoded(encoding, tier, limits, _SLOW)


def _encoded(encoding: Encoding, tier: str, limits: _Limits, speed: int) -> Iterator[_Tried]:
    if not limits.work.afford_lossless(encoding.samples.nbytes // 3):
        return
    began = time.perf_counter()
    try:
        rendition = encoding.rendition(speed)
    except Exception as error:  # noqa: BLE001  # the library may raise any exception; try the others
        failed = failed_attempt(tier, encoding.codec, Verdict.FAILED, reason(error))
        yield _Tried(failed.trials[0], encoding, b"")
        return
    verdict = Verdict.TOO_BIG if len(rendition) > limits.max_stored else Verdict.HOLDS
    seconds = time.perf_counter() - began
    trial = trial_of(tier, encoding.codec, len(rendition), verdict, seconds)
    yield _Tried(trial, encoding, rendition)


def _chosen(
    tried: _Tried, found: Found, tier: Literal["exact", "lossless"], header: Header
) -> ChosenRendition:
    return ChosenRendition(
        rendition=tried.rendition,
        size=(header.width, header.height),
        stored=Stored(tier=tier, codec=tried.encoding.codec, quality=100, scale=1, restorer=None),
        output=Output(
            format="PNG",
            mode=_MODES[header.colour],
            quality=100,
            subsampling=None,
            progressive=False,
            verbatim=True,
        ),
        sha256=hashlib.sha256(found.served).hexdigest(),
        content=content_digest(tried.encoding.layout.dumps(), tried.encoding.samples),
        fidelity=IDENTICAL,
    )
