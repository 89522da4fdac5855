"""S3 errors as HTTP answers."""

import secrets

from aiohttp import web

from gateway.s3.errors import S3Error
from gateway.telemetry import metrics


def new_request_id() -> str:
    """Give a name by which log and client call one request."""
    return secrets.token_hex(8).upper()


def refusal(failure: S3Error, *, resource: str, request_id: str) -> web.Response:
    """Render an error as S3 does.

    Args:
        failure: What is wrong.
        resource: The path that was asked for, as sent.
        request_id: Of the request that is refused.
    """
    if failure.code == "SlowDown":
        metrics.SLOW_DOWNS.inc()
    return web.Response(
        status=failure.status,
        headers={**failure.headers, "x-amz-request-id": request_id, "Server": "slimgate"},
        body=failure.to_xml(resource=resource, request_id=request_id),
        content_type="application/xml",
    )
