"""What the gateway would store of an upload under a policy, and serve from it."""

from dataclasses import dataclass
from typing import Final

from slimgate import models
from slimgate.codec.containers import Container
from slimgate.codec.image.pixels import Pixels, decode_as
from slimgate.codec.manifest import Manifest
from slimgate.codec.optimize import OptimizeOptions, Refused, optimize
from slimgate.codec.restore.restore import Upscalers, restore
from slimgate.codec.search import obstacles
from slimgate.codec.search.allowed_steps import AllowedSteps
from slimgate.codec.search.engine_costs import EngineCosts
from slimgate.codec.search.obstacles import Obstacle
from slimgate.config import Engine, Policy
from slimgate.eval.compare.coders import Clock, Elapsed
from slimgate.eval.compare.rows import PLAIN

NETWORK_TIMEOUT_S: Final = 600.0
"""Timeout of one image in a network, seconds."""


@dataclass(slots=True)
class Outcome:
    """Result of storing an upload.

    Attributes:
        stored: bytes stored.
        put: time to encode.
        get: time to restore; None if served as stored.
        rendition: stored rendition; None: the upload itself.
        manifest: how to restore it; None if there is nothing to restore.
        shown: pixels of the served file; None: those of the upload.
        note: why the upload is stored unchanged, or another remark.
        obstacle: what kept the upload from a tier with loss; None: nothing did.
    """

    stored: int
    put: Elapsed
    get: Elapsed | None = None
    rendition: bytes | None = None
    manifest: Manifest | None = None
    shown: Pixels | None = None
    note: str = ""
    obstacle: Obstacle | None = None

    @property
    def tier(self) -> str:
        """Return the tier of what is stored."""
        return self.manifest.stored.tier if self.manifest else PLAIN

    @property
    def restorer(self) -> str:
        """Return the name of the restorer; empty if none."""
        hashed = self.manifest.stored.restorer if self.manifest else None
        return models.hashed(hashed).name if hashed else ""

    @property
    def is_natural(self) -> bool:
        """Return whether the restorer synthesizes texture, so that naturalness (NIQE) matters."""
        hashed = self.manifest.stored.restorer if self.manifest else None
        return hashed is not None and models.hashed(hashed).kind == "float"


def _engine_costs(policy: Policy) -> EngineCosts:
    speed = models.speed_of(Engine())
    return EngineCosts(speed, models.costs(policy.restorer, speed))


def outcome(data: bytes, upload: Container | None, policy: Policy, upscalers: Upscalers) -> Outcome:
    """Optimize an upload and restore it, as PUT and GET do.

    Args:
        data: upload.
        upload: parsed container; None if slimgate does not parse it.
        policy: policy to apply.
        upscalers: source of restorers.

    Raises:
        DamagedRendition, DigestMismatch: the rendition does not restore.
        EngineError: a restorer cannot run.
    """
    clock = Clock()
    options = OptimizeOptions(
        policy=policy,
        content_type=upload.mime if upload else "application/octet-stream",
        restorers=models.chosen(policy.restorer),
        gateway="report",
        work_s=policy.limits.timeout_s,
        steps=AllowedSteps(engine=_engine_costs(policy)),
    )
    try:
        made = optimize(data, options, upscalers)
    except Refused as reason:
        why = obstacles.of_refused(reason)
        return Outcome(len(data), clock.taken(), note=str(reason), obstacle=why)
    put = clock.taken()
    clock = Clock()
    served = restore(made.rendition, made.manifest, upscalers)
    get = clock.taken()
    identical = upload is None or served == data or made.manifest.stored.tier == "lossless"
    return Outcome(
        stored=len(made.rendition),
        put=put,
        get=get,
        rendition=made.rendition,
        manifest=made.manifest,
        shown=None if identical or upload is None else decode_as(upload, served),
        note=_late(put, policy),
        obstacle=obstacles.of_stored(made.manifest.stored.tier, made.trials, made.omitted),
    )


def _late(put: Elapsed, policy: Policy) -> str:
    limit = policy.limits.wall_s
    if put.cpu_s <= limit:
        return ""
    return f"takes longer than six times timeout_s ({limit:g} s): would be stored as uploaded"
