"""Explain what a policy would do with one image, and why."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from slimgate import models
from slimgate.codec.containers.description import described
from slimgate.codec.manifest import Manifest, Stored
from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Refused
from slimgate.codec.search import guards, obstacles
from slimgate.codec.search.omissions import Omitted
from slimgate.codec.search.state import Trial
from slimgate.config import Policies, Policy
from slimgate.gateway.jobs.address import SCHEME, Place, object_place
from slimgate.gateway.jobs.kept_back import kept_back
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.optimize import pipeline, trial_rows
from slimgate.gateway.optimize.candidate import Candidate, InMemory
from slimgate.gateway.optimize.summary import fates
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage import snapshot

_NOWHERE: Final = Target("", "", "")
_TYPES: Final = {
    ".bmp": "image/bmp", ".gif": "image/gif", ".jpeg": "image/jpeg", ".jpg": "image/jpeg",
    ".png": "image/png", ".psd": "image/vnd.adobe.photoshop", ".tif": "image/tiff",
    ".tiff": "image/tiff", ".webp": "image/webp",
}  # fmt: skip


class CannotExplain(Exception):
    """There is nothing to explain; the message says why."""


async def explain(tools: Tools, image: str, policy_name: str | None) -> Iterator[str]:
    """Run the search on an image, and return lines that explain the result.

    Args:
        tools: Client, workers and policies.
        image: A file, or ``s3://bucket/key``.
        policy_name: Policy to use; None: the object's own, or the only one.

    Raises:
        CannotExplain: The policy is ambiguous, the file does not exist, or nothing is searched.
        Busy: The queue is full.
        Refused, Changed, Denied, S3Error: The object cannot be read.
    """
    place = object_place(image) if image.startswith(SCHEME) else None
    policy = _policy(tools.policies, place, policy_name)
    if place is None:
        data, said = _read_file(Path(image), policy.limits.max_bytes)
    else:
        data, said = await _read_object(tools, place, policy.limits.max_bytes)
    candidate = Candidate(
        policy=policy,
        target=_NOWHERE if place is None else place.target,
        headers=said,
        source=InMemory(data),
        workers=tools.workers,
    )
    file = f"{described(data)}, {len(data):,} bytes"
    try:
        await pipeline.run(pipeline.FIND, candidate)
    except Refused as reason:
        guard = _guard(policy, reason.guard)
        tried = _tried(reason.trials, reason.omitted, None)
        why = (f"stays as it is: {reason}", f"  {reason.reason.advice}")
        costs = await kept_back(candidate, obstacles.of_refused(reason), len(data))
        return iter([file, _demanded(candidate), *guard, *tried, *why, *costs])
    found = candidate.rendition
    guard = _guard(policy, found.manifest.guard)
    tried = _tried(found.trials, found.omitted, found.manifest.stored)
    obstacle = obstacles.of_stored(found.manifest.stored.tier, found.trials, found.omitted)
    costs = await kept_back(candidate, obstacle, len(found.rendition))
    won = _won(found, len(data))
    return iter([file, _demanded(candidate), *guard, *tried, *won, *costs])


def _policy(policies: Policies, place: Place | None, name: str | None) -> Policy:
    own = policies.match(place.bucket, place.key) if place else None
    if name is None and own is not None:
        return own
    found = [each for each in policies if name in {None, each.name}]
    if len(found) != 1:
        names = ", ".join(each.name for each in policies) or "none"
        raise CannotExplain(f"choose a policy with --policy: {names}")
    return found[0]


def _read_file(path: Path, max_bytes: int) -> tuple[bytes, Mapping[str, str]]:
    """Read a file, and guess the Content-Type it would be uploaded with."""
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise CannotExplain(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > max_bytes:
        raise CannotExplain(f"{path} is larger than the policy allows: it would stay as it is")
    guess = _TYPES.get(path.suffix.lower())
    return data, {} if guess is None else {"Content-Type": guess}


async def _read_object(
    tools: Tools, place: Place, max_bytes: int
) -> tuple[bytes, Mapping[str, str]]:
    """Read an object and its headers; fail if it is already optimized."""
    seen = await snapshot.take(tools.client, place.target, tools.seals)
    if seen.manifest is not None:
        kept = "\n".join(_stored(seen.manifest, seen.size))
        hint = "pass the original file to see the other trials"
        raise CannotExplain(f"{place} is already optimized; {hint}\n{kept}")
    if seen.size > max_bytes:
        raise CannotExplain(f"{place} is larger than the policy allows: it would stay as it is")
    return await snapshot.read(tools.client, seen), seen.headers


def _demanded(candidate: Candidate) -> str:
    policy, why = candidate.policy, candidate.exact_because
    measures = policy.floor.model_dump().items()
    shown = ", ".join(f"{name} {least:g}" for name, least in measures if least is not None)
    exact = f"; only byte for byte: {why}" if why else ""
    named = f"fidelity {policy.fidelity}, " if policy.fidelity else ""
    least_saved = f"at least {policy.min_saving:.0%} saved"
    return f"policy {policy.name}: {named}floor {shown}; {least_saved}{exact}"


def _guard(policy: Policy, guard: str | None) -> Iterator[str]:
    """Yield the line of the guard that raised the policy's floor for this image, if one did."""
    if guard is not None:
        yield guards.described(policy, guard)


def _won(found: Optimized, size: int) -> Iterator[str]:
    stored = len(found.rendition)
    saved = 100 * (1 - stored / size)
    yield f"won, the smallest that holds: {size:,} bytes become {stored:,} ({saved:.1f} % saved)"
    yield from _stored(found.manifest, stored)


def _stored(manifest: Manifest, size: int) -> Iterator[str]:
    stored, measured, output = manifest.stored, manifest.measured, manifest.output
    restorer = f", restorer {_name(stored.restorer)}" if stored.restorer else ""
    file = "the very file that was uploaded" if output is None else output.format
    yield (
        f"  {stored.tier}, {stored.codec} quality {stored.quality}, scale {stored.scale}{restorer},"
        f" {size:,} bytes for {manifest.size:,}"
    )
    yield (
        f"  GET gives {file}, {manifest.width}x{manifest.height}:"
        f" PSNR {measured.psnr_db:.2f} dB, SSIM {measured.ssim:.4f}, ORB {measured.orb:.3f}"
        f"{''.join(f', {name} {score:.2f}' for name, score in measured.scores.items())}"
        f"{f', guarded as {guards.name(manifest.guard)}' if manifest.guard else ''}"
    )


def _name(content_hash: str) -> str:
    """Return the name of a restorer; its hash if this version does not have it."""
    try:
        return models.hashed(content_hash).name
    except LookupError:
        return content_hash


def _tried(
    trials: Sequence[Trial], omitted: Sequence[Omitted], winner: Stored | None
) -> Iterator[str]:
    """Yield the table of trials, and the fate of each tier."""
    yield from _table(trials, winner)
    for what, text in fates(trials, omitted, winner):
        yield f"{what:>10}  {text}"


def _table(trials: Sequence[Trial], winner: Stored | None) -> Iterator[str]:
    """Yield a line per trial; the winner may also be a transcoding, which is not a trial."""
    if not trials:
        return
    yield _line(*trial_rows.columns(trials), "verdict")
    for row in trial_rows.rows(trials, winner):
        sampled = " (of a sample)" if row.sampled else ""
        yield _line(*row.cells, f"{row.verdict}{sampled}{' <- won' if row.won else ''}")


def _line(*cells: str) -> str:
    *columns, milliseconds, verdict = cells
    widths = (10, 7, 6, 8, 12, 7, 8, 7, 13, 13)  # the last two only where they were measured
    shown = "".join(f"{cell:>{width}}" for cell, width in zip(columns, widths, strict=False))
    shown += f"{milliseconds:>7}"
    return f"{shown}  {verdict}"
