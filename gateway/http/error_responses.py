"""S3 errors as HTTP answers."""

import random

from aiohttp import web

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.telemetry import metrics


def new_request_id() -> str:
    """Return a new request ID, as it appears in logs and responses."""
    return f"{random.getrandbits(64):016X}"


def refusal(failure: S3Error, *, resource: str, request_id: str) -> web.Response:
    """Return an S3 error as an HTTP response.

    Args:
        failure: The error.
        resource: Request path as sent.
        request_id: Request ID.
    """
    if failure.code == "SlowDown":
        metrics.SLOW_DOWNS.inc()
    return web.Response(
        status=failure.status,
        headers={**failure.headers, "x-amz-request-id": request_id, "Server": "slimgate"},
        body=failure.to_xml(resource=resource, request_id=request_id),
        content_type="application/xml",
    )
