"""From an upload to the request that stores its rendition, by PUT or in parts."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Final

import structlog
from multidict import CIMultiDict

from codec.encoders import mime_of
from codec.optimize import Optimized
from codec.reasons import Reason, Refused
from codec.search.contest import Trial
from config import Policy
from gateway.exchange import Exchange
from gateway.optimize import byte_exact
from gateway.optimize.shadow_log import optimizable, staying
from gateway.s3 import headers
from gateway.s3.digests import sha256_hex
from gateway.storage.manifest_seals import Seals
from gateway.storage.upstream import Request
from gateway.telemetry import metrics, tracing
from gateway.workers.pool import Busy, Workers

_log = structlog.get_logger(__name__)

SNIFFED: Final = 32
"""Bytes of the beginning that tell an image by its magic."""

_UNLOGGED: Final = frozenset({Reason.TYPE, Reason.SIZE, Reason.DIRECTORY})
"""Reasons that are counted alone: most uploads to a bucket of mixed content have one of them."""

_VERSION: Final = version("slimgate")
_OUTCOMES: Final = {"optimize": "optimized", "shadow": "shadow"}
_DEFAULT_TYPE: Final = "binary/octet-stream"  # what S3 gives an object without a Content-Type
_MAX_TYPE_LENGTH: Final = 100
_MAX_USER_METADATA: Final = 2048  # bytes of keys and values together, S3 user guide
_META: Final = "x-amz-meta-"

# Uploads with any of these are stored as they are: the bytes are not ours to change.
_UNTOUCHABLE: Final = {
    "x-amz-object-lock-": Reason.OBJECT_LOCK,
    "x-amz-server-side-encryption-customer-": Reason.CUSTOMER_KEY,
    "x-amz-write-offset-bytes": Reason.OFFSET,
}


def policy_for(exchange: Exchange) -> Policy | None:
    """Find the policy that is for this upload; one that is off is none."""
    target = exchange.target
    policy = exchange.policies.match(target.bucket, target.key)
    return None if policy is None or policy.mode == "off" else policy


def refusal(exchange: Exchange) -> Refused | None:
    """Return why an upload stays as it is, judged by its key and its headers; None: it may not."""
    sent_headers = exchange.headers
    if exchange.identity is None:
        # An unknown client may not make the gateway work before the store has said yes.
        return Refused(Reason.ANONYMOUS)
    if exchange.target.key.endswith("/"):
        return Refused(Reason.DIRECTORY)
    for beginning, reason in _UNTOUCHABLE.items():
        if any(name.lower().startswith(beginning) for name in sent_headers):
            return Refused(reason)
    encoding = headers.forwardable(sent_headers.items()).get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        return Refused(Reason.ENCODED)
    if not _recordable(sent_headers.get("Content-Type", "")):
        return Refused(Reason.CONTENT_TYPE)
    return None


def _recordable(content_type: str) -> bool:
    printable = content_type.isascii() and content_type.isprintable()
    return printable and len(content_type) <= _MAX_TYPE_LENGTH


async def optimize(
    exchange: Exchange, policy: Policy, data: bytes, said: Mapping[str, str]
) -> Optimized:
    """Find the smallest rendition of an image, and log what was found.

    Args:
        exchange: The request that brought it.
        policy: What is demanded.
        data: The whole upload.
        said: Its headers, as the client gave them.

    Raises:
        Refused: It stays as it is.
        Busy: Too much is waiting already.
    """
    started = time.monotonic()
    timed = metrics.OPTIMIZE_SECONDS.labels(policy.name).time()
    with timed, tracing.span("optimize", policy=policy.name, size=len(data)):
        exact_because = await byte_exact.reason(exchange.target.key, data, said)
        optimized = await rendition(
            exchange.compute.workers,
            policy,
            data,
            said.get("Content-Type"),
            exact_because=exact_because,
        )
    stored, measured = optimized.manifest.stored, optimized.manifest.measured
    _log.info(
        "optimized" if policy.mode == "optimize" else "would have been optimized",
        bucket=exchange.target.bucket,
        key=exchange.target.key,
        policy=policy.name,
        tier=stored.tier,
        scale=stored.scale,
        uploaded_bytes=len(data),
        stored_bytes=len(optimized.rendition),
        psnr_db=measured.psnr_db,
        ssim=measured.ssim,
        seconds=round(time.monotonic() - started, 3),
        **({"exact_because": exact_because} if exact_because else {}),
    )
    metrics.UPLOADS.labels(policy.name, _OUTCOMES[policy.mode]).inc()
    if policy.mode == "optimize":
        metrics.UPLOADED_BYTES.labels(policy.name, stored.tier).inc(len(data))
        metrics.STORED_BYTES.labels(policy.name, stored.tier).inc(len(optimized.rendition))
    if policy.mode == "shadow":
        line = optimizable(
            policy.name, _name(exchange), len(optimized.rendition), optimized.manifest
        )
        exchange.telemetry.ledger.write(line)
    return optimized


async def rendition(
    workers: Workers,
    policy: Policy,
    data: bytes,
    content_type: str | None,
    *,
    exact_because: str = "",
) -> Optimized:
    """Find the smallest rendition of an image.

    Args:
        workers: Who looks for it.
        policy: What is demanded.
        data: The whole image.
        content_type: As the client gave it.
        exact_because: Why it has to come back byte for byte; empty when the policy decides.

    Raises:
        Refused: It stays as it is.
        Busy: Too much is waiting already.
    """
    if not _recordable(content_type or ""):
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
    """Log and count candidates that lost for a reason that is not the image."""
    for trial in trials:
        if trial.verdict.is_failure:
            metrics.CANDIDATES_FAILED.labels(trial.candidate.codec).inc()
            _log.warning(
                "a candidate failed",
                policy=policy.name,
                tier=trial.candidate.tier,
                codec=trial.candidate.codec,
                subsampling=trial.candidate.subsampling,
                reason=trial.note or trial.verdict,
            )


def stays(exchange: Exchange, policy: Policy, why: Refused | Busy) -> None:
    """Count an upload that is stored as it came, and log why; of a shadow policy, in the ledger."""
    metrics.UPLOADS.labels(policy.name, "plain").inc()
    metrics.PLAIN.labels(policy.name, why.reason).inc()
    if why.reason not in _UNLOGGED:
        _log.info(
            "stored as uploaded",
            bucket=exchange.target.bucket,
            key=exchange.target.key,
            policy=policy.name,
            label=why.reason,
            reason=str(why),
        )
    if policy.mode != "shadow":
        return
    # What completes an upload in parts does not say how large that is.
    size = exchange.upload.length if exchange.request.method == "PUT" else None
    exchange.telemetry.ledger.write(staying(policy.name, _name(exchange), size, why))


def _name(exchange: Exchange) -> tuple[str, str]:
    return exchange.target.bucket, exchange.target.key


async def stored_request(request: Request, optimized: Optimized, seals: Seals) -> Request:
    """Turn the upload of an image into that of its rendition.

    Args:
        request: As it would store the image, with everything that is said of the object.
        optimized: What to store instead.
        seals: Who writes the manifest.

    Raises:
        Refused: The manifest does not fit into the metadata.
    """
    try:
        note = seals.write(optimized.manifest)
    except ValueError as error:
        raise Refused(Reason.MANIFEST, str(error)) from error
    kept = headers.without_body_digests(request.headers)
    kept["Content-Type"] = mime_of(optimized.manifest.stored.codec)
    kept[headers.MANIFEST] = note
    if _user_metadata(kept) > _MAX_USER_METADATA:
        raise Refused(Reason.METADATA)
    return replace(
        request,
        headers=CIMultiDict(kept),
        body=optimized.rendition,
        length=len(optimized.rendition),
        payload_hash=await sha256_hex(optimized.rendition),
    )


def _user_metadata(kept: Mapping[str, str]) -> int:
    return sum(
        len(name) - len(_META) + len(value.encode())
        for name, value in kept.items()
        if name.lower().startswith(_META)
    )
