"""Search for the smallest rendition of an image under a policy."""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Final

import structlog

from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.search.state import Trial
from slimgate.config import Policy
from slimgate.gateway.optimize import byte_exact
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.workers.pool import Workers

_log = structlog.get_logger(__name__)

_VERSION: Final = version("slimgate")
_DEFAULT_TYPE: Final = "binary/octet-stream"  # the default of S3
_MAX_TYPE_LENGTH: Final = 100


def is_recordable(content_type: str) -> bool:
    """Return whether a manifest can record a content type."""
    printable = content_type.isascii() and content_type.isprintable()
    return printable and len(content_type) <= _MAX_TYPE_LENGTH


async def rendition(
    workers: Workers,
    policy: Policy,
    data: bytes,
    content_type: str | None,
    *,
    exact_because: byte_exact.ByteExact | None = None,
) -> Optimized:
    """Return the smallest rendition of an image.

    Args:
        workers: Run the search.
        policy: The policy.
        data: The whole image.
        content_type: Content type that the client sent.
        exact_because: Why it must come back byte for byte; None: the policy decides.

    Raises:
        Refused: It stays as it is.
        Busy: The queue is full.
    """
    if not is_recordable(content_type or ""):
        raise Refused(Reason.CONTENT_TYPE)
    allowed = byte_exact.narrowed(policy, exact_because) if exact_because else policy
    try:
        found = await workers.optimize(
            data, allowed, content_type=content_type or _DEFAULT_TYPE, version=_VERSION
        )
    except Refused as refused:
        _note_failures(policy, refused.trials)
        if not exact_because:
            raise
        raise byte_exact.refusal(exact_because, refused, policy) from refused
    _note_failures(policy, found.trials)
    return byte_exact.by_policy(found, policy) if exact_because else found


def _note_failures(policy: Policy, trials: Iterable[Trial]) -> None:
    """Log and count candidates that failed for reasons other than the image."""
    for trial in trials:
        if trial.verdict.is_failure:
            metrics.CANDIDATES_FAILED.labels(trial.candidate.codec).inc()
            _log.warning(
                "candidate failed",
                policy=policy.name,
                tier=trial.candidate.tier,
                codec=trial.candidate.codec,
                subsampling=trial.candidate.subsampling,
                reason=trial.note or trial.verdict,
            )
