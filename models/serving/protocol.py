"""The protocol between gateways and engines on other machines, over HTTP.

``POST /v1/upscale`` takes an image as :mod:`slimgate.models.engine.wire` packs it, a header and
pixels, and answers with pixels alone. ``GET /v1/info`` says what the engine has. Both want the
token. ``GET /healthz``, ``/readyz`` and ``/metrics`` do not.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import Any, Final, Self

from awscrt import checksums

from slimgate.models.engine import wire

VERSION: Final = 1
UPSCALE: Final = "/v1/upscale"
INFO: Final = "/v1/info"
LIVE: Final = "/healthz"
READY: Final = "/readyz"
METRICS: Final = "/metrics"
PORT: Final = 9100

TIMEOUT: Final = "Slimgate-Timeout"
"""Request: seconds until its sender gives up. Clocks of machines differ, so no point in time."""

CHECKSUM: Final = "Slimgate-Checksum"
"""CRC64NVME, 16 hex digits. Request: of the body. Response: of both bodies, so that it fits no
other request."""

CHECK: Final = "Slimgate-Check"
"""Response: self-check digest of the network that computed it; see
:mod:`slimgate.models.engine.selfcheck`."""

STATUS: Final = "Slimgate-Status"
"""Response: :class:`wire.Status` of an error, in decimal."""

QUEUE: Final = "Slimgate-Queue"
"""Response: images that the engine has accepted and not finished."""

RETRY_AFTER_S: Final = 1
MAX_INFO: Final = 1 << 16

_HTTP: Final = {
    wire.Status.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
    wire.Status.TOO_LATE: HTTPStatus.GATEWAY_TIMEOUT,
    wire.Status.UNKNOWN: HTTPStatus.NOT_FOUND,
    wire.Status.CANNOT_RUN: HTTPStatus.NOT_IMPLEMENTED,
}
"""HTTP status of errors; of others, 500."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A response, for any HTTP server.

    Attributes:
        status: HTTP status.
        headers: header fields.
        body: content.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | memoryview


@dataclass(frozen=True, slots=True)
class Info:
    """What an engine says of itself.

    Attributes:
        protocol: version of the protocol.
        version: version of slimgate.
        ready: whether it takes images, if its queue has room.
        queue: images that it has accepted and not finished.
        checks: self-check digest of each network, by hash; empty: results differ between machines.
    """

    protocol: int
    version: str
    ready: bool
    queue: int
    checks: Mapping[str, str] = field(default_factory=dict)

    def dumps(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def loads(cls, data: bytes) -> Self:
        """Read it from JSON; fields of later versions are ignored.

        Raises:
            Broken: it is not such a document.
        """
        try:
            document: dict[str, Any] = json.loads(data)
            info = cls(**{name: document[name] for name in cls.__dataclass_fields__})
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise wire.Broken("no engine answers there") from error
        if not (isinstance(info.checks, dict) and type(info.queue) is type(info.protocol) is int):
            raise wire.Broken("no engine answers there")
        return info


def checksum(*parts: bytes | bytearray | memoryview, before: str = "0") -> str:
    """Return the CRC64NVME of bytes, 16 hex digits.

    Args:
        parts: the bytes, in pieces.
        before: checksum of the bytes that precede them.
    """
    value = int(before, 16)
    for part in parts:
        value = checksums.crc64nvme(part, value)
    return f"{value:016x}"


def bearer(token: str | None) -> dict[str, str]:
    """Return the header fields that carry a token."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def is_authorized(headers: Mapping[str, str], token: str | None) -> bool:
    """Return whether a request carries the token; the time taken does not depend on its value."""
    if token is None:
        return True
    sent = headers.get("Authorization", "").encode("utf-8", "surrogateescape")
    return hmac.compare_digest(sent, f"Bearer {token}".encode())


def error_reply(error: Exception) -> Reply:
    """Return the response for an error."""
    status = wire.status_of(error)
    headers = {STATUS: str(int(status)), "Content-Type": "text/plain; charset=utf-8"}
    if status == wire.Status.BUSY:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    code = HTTPStatus.BAD_REQUEST if isinstance(error, wire.Broken) else _HTTP.get(status, 500)
    return Reply(code, headers, str(error).encode()[: wire.MAX_MESSAGE])


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> Exception:
    """Return the error that a response reports, also one of a proxy in between."""
    known = headers.get(STATUS, "")
    if known.isdecimal():
        return wire.error_of(int(known), body)
    name = wire.Status.BUSY if status == HTTPStatus.SERVICE_UNAVAILABLE else wire.Status.FAILED
    return wire.error_of(name, f"HTTP status {status}".encode())
