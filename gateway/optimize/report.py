"""Record the results of uploads in metrics, log and ledger."""

from dataclasses import dataclass
from typing import Final

import structlog

from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Policy
from slimgate.gateway.optimize.byte_exact import ByteExact
from slimgate.gateway.optimize.shadow_log import optimizable, staying
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.telemetry.ledger import Ledger
from slimgate.gateway.workers.pool import Busy

_log = structlog.get_logger(__name__)

_OUTCOMES: Final = {"optimize": "optimized", "shadow": "shadow"}

_UNLOGGED: Final = frozenset({Reason.TYPE, Reason.KIND, Reason.SIZE, Reason.DIRECTORY})
"""Reasons that are only counted: most uploads to buckets of mixed content have one of them."""


@dataclass(frozen=True, slots=True)
class Report:
    """Records the result of one upload.

    Attributes:
        ledger: Ledger of shadow policies.
        policy: Policy of the upload.
        target: Bucket and key.
        size: Size of the upload, bytes; None: unknown.
    """

    ledger: Ledger
    policy: Policy
    target: Target
    size: int | None

    def found(self, optimized: Optimized, exact_because: ByteExact | None, seconds: float) -> None:
        """Record the rendition of an upload.

        Args:
            optimized: The rendition.
            exact_because: Why it must come back byte for byte; None: it need not.
            seconds: Duration of the search.
        """
        policy, manifest = self.policy, optimized.manifest
        stored, measured = manifest.stored, manifest.measured
        _log.info(
            "optimized" if policy.mode == "optimize" else "would have been optimized",
            bucket=self.target.bucket,
            key=self.target.key,
            policy=policy.name,
            tier=stored.tier,
            scale=stored.scale,
            uploaded_bytes=manifest.size,
            stored_bytes=len(optimized.rendition),
            psnr_db=measured.psnr_db,
            ssim=measured.ssim,
            **measured.scores,
            **({"guard": manifest.guard} if manifest.guard else {}),
            seconds=round(seconds, 3),
            **({"exact_because": exact_because} if exact_because else {}),
        )
        metrics.UPLOADS.labels(policy.name, _OUTCOMES[policy.mode]).inc()
        if policy.mode == "optimize":
            metrics.UPLOADED_BYTES.labels(policy.name, stored.tier).inc(manifest.size)
            metrics.STORED_BYTES.labels(policy.name, stored.tier).inc(len(optimized.rendition))
        if policy.mode == "shadow":
            self.ledger.write(
                optimizable(policy.name, self._name, len(optimized.rendition), manifest)
            )

    def stays(self, why: Refused | Busy) -> None:
        """Record why an upload is stored unchanged."""
        policy = self.policy
        metrics.UPLOADS.labels(policy.name, "plain").inc()
        metrics.PLAIN.labels(policy.name, why.reason).inc()
        if why.reason not in _UNLOGGED:
            _log.info(
                "stored as uploaded",
                bucket=self.target.bucket,
                key=self.target.key,
                policy=policy.name,
                label=why.reason,
                reason=str(why),
            )
        if policy.mode == "shadow":
            self.ledger.write(staying(policy.name, self._name, self.size, why))

    @property
    def _name(self) -> tuple[str, str]:
        return self.target.bucket, self.target.key
