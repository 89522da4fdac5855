"""The steps from an upload to a stored rendition; each may refuse with a reason."""

import time
from dataclasses import replace

from slimgate.codec.containers import SNIFFED
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.search.eligibility import check_head
from slimgate.gateway.optimize import byte_exact
from slimgate.gateway.optimize.candidate import Candidate, StoredCandidate
from slimgate.gateway.optimize.screening import refusal
from slimgate.gateway.optimize.search import rendition
from slimgate.gateway.optimize.stored_request import stored_request
from slimgate.gateway.telemetry import metrics, tracing


async def screen_request(candidate: Candidate) -> None:
    """Check key, headers and query: some uploads must not be changed.

    Raises:
        Refused: As :func:`slimgate.gateway.optimize.screening.refusal`, or QUERY.
    """
    why = refusal(candidate.target.key, candidate.headers, signed=candidate.signed)
    if why is not None:
        raise why
    if candidate.asks_more:
        raise Refused(Reason.QUERY)


async def bound_size(candidate: Candidate) -> None:
    """Check the size before reading.

    Raises:
        Refused: SIZE.
    """
    if not 0 < candidate.source.size <= candidate.policy.limits.max_bytes:
        raise Refused(Reason.SIZE)


async def sniff_type(candidate: Candidate) -> None:
    """Check the type by the first bytes, never by name or Content-Type.

    Raises:
        Refused: TYPE or KIND.
    """
    check_head((await candidate.source.peek())[:SNIFFED], candidate.policy)


async def check_lock(candidate: Candidate) -> None:
    """Check the bucket's default retention.

    Raises:
        Refused: LOCKED.
    """
    if await candidate.locks():
        raise Refused(Reason.LOCKED)


async def read(candidate: Candidate) -> None:
    """Read the image into bounded memory.

    Raises:
        Refused: BUFFERS or READ_BACK.
    """
    candidate.data = await candidate.source.read()


async def find_byte_exact(candidate: Candidate) -> None:
    """Determine whether the image must come back byte for byte."""
    why = await byte_exact.reason(candidate.target.key, candidate.data, candidate.headers)
    candidate.exact_because = why


async def reuse(candidate: Candidate) -> None:
    """Reuse the rendition that the image was restored from: copying must not cost fidelity."""
    known = await candidate.known(candidate.data)
    if known is None or (candidate.exact_because and known.manifest.stored.tier != "exact"):
        return
    candidate.found, candidate.reused = known, True


async def search(candidate: Candidate) -> None:
    """Search for the smallest rendition that the policy accepts.

    Raises:
        Refused: The image stays as it is; the reason is the codec's.
        Busy: The queue is full.
    """
    if candidate.reused:
        return
    policy, data, started = candidate.policy, candidate.data, time.monotonic()
    timed = metrics.OPTIMIZE_SECONDS.labels(policy.name).time()
    with timed, tracing.span("optimize", policy=policy.name, size=len(data)):
        candidate.found = await rendition(
            candidate.workers,
            policy,
            data,
            candidate.headers.get("Content-Type"),
            exact_because=candidate.exact_because,
        )
    candidate.seconds = time.monotonic() - started


async def record(candidate: Candidate) -> None:
    """Record the rendition in metrics, log and, for a shadow policy, the ledger."""
    if candidate.report is not None and not candidate.reused:
        candidate.report.found(candidate.rendition, candidate.exact_because, candidate.seconds)


async def write_manifest(stored: StoredCandidate) -> None:
    """Add the manifest to the metadata of the request that stores the rendition.

    Raises:
        Refused: MANIFEST or METADATA.
    """
    request = await stored.plain()
    # A rendition that was known before has the time of its source.
    update: dict[str, object] = {"uploaded": stored.uploaded()}
    if stored.upload_etag is not None:
        update["upload_etag"] = stored.upload_etag
    manifest = stored.rendition.manifest.model_copy(update=update)
    stored.found = replace(stored.rendition, manifest=manifest)
    stored.small = await stored_request(request, stored.rendition, stored.seals)


async def keep_original(stored: StoredCandidate) -> None:
    """Archive the upload if the policy says so.

    Raises:
        Refused: ESCROW or KEY_LENGTH.
    """
    originals, manifest = stored.policy.originals, stored.rendition.manifest
    await stored.archive.keep(stored.client, originals, stored.request, manifest, stored.data)


async def store(stored: StoredCandidate) -> None:
    """Store rendition and manifest.

    Raises:
        Refused: REFUSED or REPLACED; the store did not accept it.
    """
    await stored.destination(stored.request, stored.rendition)
