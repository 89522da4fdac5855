"""Turn an upload into a rendition and its manifest, or report why it stays as it is."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from slimgate.codec.containers import SNIFFED, WHOLE, Container, c2pa, sniff
from slimgate.codec.image.pixels import decode_as, orientation
from slimgate.codec.image.profiles import is_srgb
from slimgate.codec.manifest import Manifest
from slimgate.codec.measures import floors
from slimgate.codec.measures.hdr import HdrPicture
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.restore import payload
from slimgate.codec.restore.lossless import Task
from slimgate.codec.restore.restore import Upscalers
from slimgate.codec.search import (
    jpeg_files,
    lossless,
    memory_needs,
    png_files,
    seal,
    search,
    view,
    whole_files,
)
from slimgate.codec.search.allowed_steps import (
    DECODE,
    LOSSLESS,
    LOSSY_STEPS,
    AllowedSteps,
)
from slimgate.codec.search.effort import Work
from slimgate.codec.search.eligibility import check_type, jpeg_sides, max_stored, parse_eligible
from slimgate.codec.search.failures import refusal
from slimgate.codec.search.lossless import Attempt
from slimgate.codec.search.omissions import LOSSY, TIERS, Omission, Omitted, Tier, What
from slimgate.codec.search.presets import preset_of
from slimgate.codec.search.result import ChosenRendition
from slimgate.codec.search.state import SearchState, SourceImage, Trial
from slimgate.codec.search.trials import holds_alone
from slimgate.codec.search.verdicts import Verdict
from slimgate.config import Policy
from slimgate.config.policy import Effort

__all__ = ["LOSSY_STEPS", "OptimizeOptions", "Optimized", "Refused", "optimize"]

_NOT_FOR: Final[Mapping[str, tuple[Tier, ...]]] = {
    "image/jpeg": ("lossless",), "image/webp": ("exact", "lossless")
}  # fmt: skip
"""Tiers that files of a type never have."""

_LEAST: Final = {"JPEG": 0.6, "PNG": 0.4, "WEBP": 0.0}
"""Size relative to a JPEG or a photographic PNG below which no lossless rendition exists."""


@dataclass(frozen=True, slots=True)
class Optimized:
    """A rendition that provably holds its policy's floor.

    Attributes:
        rendition: file to store.
        manifest: how to restore it.
        trials: trials of the search.
        omitted: what the search left out.
    """

    rendition: bytes
    manifest: Manifest
    trials: tuple[Trial, ...]
    omitted: tuple[Omitted, ...] = ()


@dataclass(frozen=True, slots=True)
class OptimizeOptions:
    """Options of an optimization.

    Attributes:
        policy: policy of the object.
        content_type: Content-Type from the client.
        restorers: content hash of the policy's restorer by scale; 1: artefact removal at full size.
        gateway: version to record.
        work_s: limit of work after which the best so far is stored, in core-seconds as charged by
            :mod:`slimgate.codec.search.effort`.
        steps: allowed steps and memory.
    """

    policy: Policy
    content_type: str
    restorers: Mapping[int, str]
    gateway: str
    work_s: float
    steps: AllowedSteps = field(default_factory=AllowedSteps)


def optimize(data: bytes, options: OptimizeOptions, upscalers: Upscalers) -> Optimized:
    """Find the smallest rendition of an upload, and prove that it restores.

    Args:
        data: upload, untrusted.
        options: options.
        upscalers: source of restorers.

    Raises:
        Refused: the upload is unsupported, or nothing smaller holds the floor.
        MemoryError: not enough memory to decode the upload.
        OSError, ValueError, SyntaxError: the upload cannot be decoded.
    """
    options = replace(options, steps=options.steps.begun())
    try:
        if c2pa.is_signed(data):
            return _byte_exact(data, options, upscalers)
        return _optimized(data, options, upscalers)
    except Refused as refused:
        refused.omitted = tuple(options.steps.omitted.values())
        raise


def _byte_exact(data: bytes, options: OptimizeOptions, upscalers: Upscalers) -> Optimized:
    """Optimize a file whose signature covers every byte."""
    policy = options.policy
    check_type(data, policy)
    for tier in policy.tiers:
        if tier != "exact":
            options.steps.omit(tier, Omission.C2PA)
    if "exact" not in policy.tiers:
        options.steps.omit("exact", Omission.TIER)
        raise Refused(Reason.C2PA, "the policy does not allow the tier exact")
    only = policy.model_copy(update={"tiers": ("exact",), "scales": ()})
    try:
        found = _optimized(data, replace(options, policy=only), upscalers)
    except Refused as refused:
        if refused.reason in (Reason.FLOOR, Reason.UNSUPPORTED):
            raise refused.because(Reason.C2PA, str(refused)) from refused
        raise
    return replace(found, manifest=found.manifest.model_copy(update={"policy": policy.digest}))


def _optimized(data: bytes, options: OptimizeOptions, upscalers: Upscalers) -> Optimized:
    mime = check_type(data, options.policy)
    for tier in TIERS:
        if tier not in options.policy.tiers:
            options.steps.omit(tier, Omission.TIER)
    for tier in _NOT_FOR.get(mime, ()):
        options.steps.omit(tier, Omission.FORMAT, mime)
    if mime in WHOLE:
        return _as_bytes(data, mime, options, upscalers)
    return _as_image(data, mime, options, upscalers)


def _as_bytes(data: bytes, mime: str, options: OptimizeOptions, upscalers: Upscalers) -> Optimized:
    """Store a file of a type that only the tier ``exact`` is for."""
    policy, steps, trials = options.policy, options.steps, list[Trial]()
    problem: Refused | None = None
    for found in whole_files.attempts(data, mime, policy, steps, work_s=options.work_s):
        trials += found.trials
        if found.chosen is not None:
            try:
                return _stored(data, found.chosen, options, upscalers, tuple(trials))
            except Refused as refused:
                trials[-1] = replace(trials[-1], verdict=Verdict.DOES_NOT_RETURN, note=str(refused))
            except Exception as error:  # noqa: BLE001  # of any library; try the next one
                problem = refusal(error)
                trials[-1] = replace(trials[-1], verdict=Verdict.FAILED, note=str(problem))
    if problem is not None:
        raise Refused(problem.reason, problem.detail, tuple(trials))
    raise _in_vain(trials)


def _as_image(data: bytes, mime: str, options: OptimizeOptions, upscalers: Upscalers) -> Optimized:
    """Store a JPEG, PNG or WebP file."""
    if mime == "image/jpeg" and not _may_lose(data, options):
        whole = jpeg_files.attempt(
            data, options.policy, options.steps, max_stored(data, options.policy)
        )
        if whole.chosen is not None:
            return _stored(data, whole.chosen, options, upscalers, whole.trials)
        if LOSSY.intersection(options.policy.tiers):
            raise _in_vain(whole.trials)
    try:
        state = _lossy_search(data, options, upscalers)
    except Exception as error:  # noqa: BLE001  # decoders raise any exception
        what: tuple[What, ...] = ("lossy", *TIERS) if mime == "image/webp" else ("lossy",)
        for each in what:
            options.steps.omit(each, Omission.UNSUPPORTED, refusal(error).detail)
        return _as_a_whole(data, options, upscalers)
    try:
        return _best(data, state, options, upscalers)
    except Refused as refused:
        refused.guard = state.guard
        raise


def _may_lose(data: bytes, options: OptimizeOptions) -> bool:
    """Return whether a JPEG file must be decoded, because a lossy rendition is allowed."""
    policy, steps = options.policy, options.steps
    if not LOSSY.intersection(policy.tiers):
        return False
    if DECODE in steps.ruled_out or not set(policy.codecs) - steps.ruled_out:
        steps.omit("lossy", Omission.LOST)
        return False
    try:
        width, height = jpeg_sides(data, policy)
    except Refused:
        return True  # decode to find the reason
    need = memory_needs.least_to_try(width * height, scores=floors.comparisons(policy.floor, "RGB"))
    lacking = steps.lacks(need)
    if lacking:
        steps.omit("lossy", Omission.MEMORY, lacking)
    return lacking is None


def _as_a_whole(data: bytes, options: OptimizeOptions, upscalers: Upscalers) -> Optimized:
    """Store a file without loss that cannot be parsed; call this in an exception handler.

    Raises:
        Exception: the handled exception, if that fails.
    """
    policy, steps = options.policy, options.steps
    mime, attempt = sniff(data[:SNIFFED]), Attempt(None, ())
    most = max_stored(data, policy)
    if mime == "image/jpeg":
        attempt = jpeg_files.attempt(data, policy, steps, most)
    elif mime == "image/png":
        attempt = png_files.attempt(data, policy, steps, Work(options.work_s), most)
    if attempt.chosen is not None:
        return _stored(data, attempt.chosen, options, upscalers, attempt.trials)
    if attempt.trials and mime == "image/png":
        raise _in_vain(attempt.trials)
    raise  # noqa: PLE0704  # see above


def _lossy_search(data: bytes, options: OptimizeOptions, upscalers: Upscalers) -> SearchState:
    """Run the lossy search."""
    if DECODE in options.steps.ruled_out:
        raise Refused(Reason.WORKER_LOST, "process died decoding it")
    options.steps.mark(DECODE)
    return search.find_rendition(
        _source(data, options.policy, options.steps),
        options.policy,
        restorers=options.restorers,
        upscalers=upscalers,
        work=Work(options.work_s),
        steps=options.steps,
    )


def _best(
    data: bytes, state: SearchState, options: OptimizeOptions, upscalers: Upscalers
) -> Optimized:
    """Return the smallest rendition that provably restores; on failure, try the next.

    Raises:
        Refused: none does.
    """
    trials, problems = [*state.trials], list[Refused]()
    ways = [_without_loss, _best_lossy]
    beyond = _is_beyond(state, options.policy.effort)
    for find in reversed(ways) if beyond else ways:
        try:
            found = find(data, state, options)
            trials += found.trials
            if found.chosen is not None:
                if beyond and find is _best_lossy:
                    options.steps.omit("exact", Omission.WITHOUT_LOSS_IS_LARGER)
                    options.steps.omit("lossless", Omission.WITHOUT_LOSS_IS_LARGER)
                chosen = replace(found.chosen, guard=state.guard)
                return _stored(data, chosen, options, upscalers, tuple(trials))
        except Exception as error:  # noqa: BLE001  # of any library; try the other one
            problems.append(refusal(error))
            state.best = None if find is _best_lossy else state.best
    if problems:
        raise Refused(problems[0].reason, problems[0].detail, tuple(trials))
    raise _in_vain(trials, late=state.is_over)


def _in_vain(trials: Sequence[Trial], *, late: bool = False) -> Refused:
    """Return the refusal if no trial can be stored."""
    # A sample may hold although the image does not.
    lost = [t for t in trials if t.verdict is not Verdict.HOLDS]
    verdicts = {f"{t.verdict}: {t.note}" if t.note else str(t.verdict) for t in lost}
    if late:
        verdicts.add("no work left: see limits.timeout_s")
    shown = ", ".join(sorted(verdicts)) or str(Verdict.TOO_BIG)
    return Refused(Reason.FLOOR, shown, tuple(trials))


def _source(data: bytes, policy: Policy, steps: AllowedSteps) -> SourceImage:
    upload = parse_eligible(data, policy)
    icc = None if upload.icc is None or is_srgb(upload.icc) else upload.icc
    area = upload.width * upload.height
    packed = payload.pack(
        upload.metadata, icc, pixels=0 if steps.lacks(memory_needs.to_transcode(area)) else area
    )
    return SourceImage(
        pixels=decode_as(upload, data),
        upload=upload,
        size=len(data),
        payload=packed,
        orientation=orientation(data, upload),
        max_stored=max_stored(data, policy),
        hdr=_hdr(upload),
        icc=icc,
    )


def _hdr(upload: Container) -> HdrPicture | None:
    if upload.gain_map is None:
        return None
    return HdrPicture(upload.gain_map, (upload.width, upload.height))


def _without_loss(data: bytes, state: SearchState, options: OptimizeOptions) -> Attempt:
    """Look for a lossless rendition that is smaller than the best lossy one."""
    source, policy, steps = state.source, options.policy, options.steps
    if source.upload.format == "JPEG":
        if state.best is None:
            state.forget_pixels()  # lossless encoding needs memory, but not the pixels
        held = state.source.pixels.nbytes
        return jpeg_files.attempt(data, options.policy, options.steps, state.max_stored, held=held)
    if source.upload.format != "PNG" or LOSSLESS in steps.ruled_out:
        steps.omit("exact", Omission.LOST)
        steps.omit("lossless", Omission.LOST)
        return Attempt(None, ())
    if source.upload.deep or source.upload.palette:
        return png_files.attempt(data, policy, steps, state.work, state.max_stored)
    steps.mark(LOSSLESS)
    task = Task(
        data=data,
        upload=source.upload,
        icc=source.icc,
        pixels=source.pixels,
        orientation=source.orientation,
        speed=preset_of(policy.effort, policy.floor).speed,
        max_stored=state.max_stored,
        work=state.work,
    )
    return lossless.of_png(task, policy.tiers)


def _is_beyond(state: SearchState, effort: Effort) -> bool:
    """Return whether a lossless rendition cannot be smaller than the best."""
    best, upload = state.best, state.source.upload
    if best is None or effort == "best":
        return False
    if upload.format == "PNG" and state.kind != "photo":
        return False
    return len(best.rendition) < _LEAST[upload.format] * state.source.size


def _best_lossy(_: bytes, state: SearchState, options: OptimizeOptions) -> Attempt:
    """Return the best lossy rendition."""
    winner, source = state.best, state.source
    if winner is None:
        return Attempt(None, ())
    chosen = ChosenRendition(
        rendition=winner.rendition,
        size=(source.upload.width, source.upload.height),
        stored=winner.stored,
        output=winner.output,
        sha256=hashlib.sha256(winner.served).hexdigest(),
        content=winner.content,
        fidelity=floors.complete(winner.reading, state.original, lambda: winner.shown),
        alone=winner.stored.codec in options.policy.serve.negotiate and holds_alone(state, winner),
    )
    return Attempt(chosen, ())


def _stored(
    data: bytes,
    chosen: ChosenRendition,
    options: OptimizeOptions,
    upscalers: Upscalers,
    trials: tuple[Trial, ...],
) -> Optimized:
    note = seal.seal(
        data,
        chosen,
        content_type=options.content_type,
        policy=options.policy.digest,
        gateway=options.gateway,
        view=view.digest(data, chosen, options.policy.serve),
    )
    options.steps.mark(seal.step(chosen))
    seal.prove(chosen.rendition, note, upscalers, options.steps.threads.count)
    return Optimized(chosen.rendition, note, trials, tuple(options.steps.omitted.values()))
