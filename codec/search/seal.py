"""Seal a rendition: write its manifest, and prove that it restores."""

import hashlib
import math

from slimgate.codec import manifest
from slimgate.codec.manifest import Manifest
from slimgate.codec.notes import LOWEST_SCORE, Measured
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.restore.restore import DamagedRendition, DigestMismatch, Upscalers, verify
from slimgate.codec.search.allowed_steps import EXACT, LEPTON, LOSSLESS, RECIPE
from slimgate.codec.search.omissions import LOSSY
from slimgate.codec.search.result import ChosenRendition


def step(chosen: ChosenRendition) -> str:
    """Return the step that created a rendition."""
    if chosen.stored.tier in LOSSY:
        return chosen.stored.codec
    if chosen.output is not None:
        return LOSSLESS
    if chosen.stored.recipe:
        return RECIPE
    return LEPTON if chosen.stored.codec == "lepton" else EXACT


def seal(
    data: bytes,
    chosen: ChosenRendition,
    *,
    content_type: str,
    policy: str,
    gateway: str,
    view: str | None = None,
) -> Manifest:
    """Return the manifest of a rendition.

    Args:
        data: upload.
        chosen: rendition.
        content_type: Content-Type from the client.
        policy: digest of the policy.
        gateway: version to record.
        view: digest of a rendition that may be served; see :mod:`slimgate.codec.search.view`.
    """
    width, height = chosen.size
    return Manifest(
        version=manifest.VERSION,
        size=len(data),
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        content_type=content_type,
        width=width,
        height=height,
        stored=chosen.stored,
        output=chosen.output,
        sha256=chosen.sha256,
        content=chosen.content,
        measured=Measured(
            psnr_db=rounded_down(chosen.fidelity.psnr_db, 100),
            ssim=rounded_down(chosen.fidelity.ssim, 10_000),
            orb=rounded_down(chosen.fidelity.orb, 1_000),
            ssimulacra2=_score(chosen.fidelity.ssimulacra2),
            ssimulacra2_worst=_score(chosen.fidelity.ssimulacra2_worst),
        ),
        guard=chosen.guard,
        view=view,
        policy=policy,
        gateway=gateway,
    )


def _score(value: float | None) -> float | None:
    return None if value is None else rounded_down(max(value, LOWEST_SCORE), 100)


def rounded_down(value: float, steps: int) -> float:
    """Round down, so that recorded values never exceed measured ones."""
    return math.floor(value * steps) / steps


def prove(rendition: bytes, note: Manifest, upscalers: Upscalers, threads: int) -> None:
    """Restore from the stored data alone, as GET does.

    Raises:
        Refused: what is restored is not what was recorded.
    """
    try:
        verify(rendition, manifest.loads(note.dumps()), upscalers, threads)
    except (DamagedRendition, DigestMismatch) as error:
        raise Refused(Reason.PROOF, str(error)) from error
