"""Requests as bytes: for what no client library would send.

The signatures are botocore's.
"""

import datetime
import hashlib
import http.client
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from unittest import mock

from botocore.auth import UNSIGNED_PAYLOAD, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.servers.server import Keys, S3Server

REGION: Final = "us-east-1"
_TIMEOUT_S: Final = 30.0
_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as it came.

    Attributes:
        status: HTTP status.
        headers: Without regard to case.
        body: All of it.
    """

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def code(self) -> str:
        """Return the code of an S3 error; empty for another body."""
        found = _CODE.search(self.body)
        return found[1].decode() if found else ""

    @property
    def failure(self) -> tuple[int, str]:
        """Return status and code of a refusal."""
        return self.status, self.code


class _Signer(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    def payload(self, request: AWSRequest) -> str:
        declared: str = request.context["payload_hash"]
        return declared


def signed(
    server: S3Server,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    *,
    payload_hash: str = UNSIGNED_PAYLOAD,
    age: datetime.timedelta = datetime.timedelta(),
    keys: Keys | None = None,
) -> dict[str, str]:
    """Return the headers of a signed request.

    Args:
        server: Whom it is for.
        method: HTTP method.
        path: As it is sent, with the query.
        headers: More headers; all of them are signed. ``Host`` may be among them.
        payload_hash: The value of x-amz-content-sha256.
        age: How long ago it is signed.
        keys: Key pair that signs; None: the owner's.
    """
    keys = keys or server.main
    wanted = {"Host": server.host, **(headers or {})}
    request = AWSRequest(method, f"{server.endpoint}{path}", headers=wanted)
    request.context["payload_hash"] = payload_hash
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - age
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        _Signer(Credentials(keys.access, keys.secret, keys.token), "s3", REGION).add_auth(request)
    return dict(request.headers.items())


def presigned(
    server: S3Server,
    path: str,
    *,
    expires_s: int = 300,
    age: datetime.timedelta = datetime.timedelta(),
    method: str = "GET",
    keys: Keys | None = None,
) -> str:
    """Return path and query of a presigned request.

    Args:
        server: Whom it is for.
        path: As it is sent; its query is signed, too.
        expires_s: How long it claims to be valid.
        age: How long ago it is signed.
        method: HTTP method.
        keys: Key pair that signs; None: the owner's.
    """
    request = AWSRequest(method, f"{server.endpoint}{path}")
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - age
    by = keys or server.main
    credentials = Credentials(by.access, by.secret, by.token)
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        S3SigV4QueryAuth(credentials, "s3", REGION, expires=expires_s).add_auth(request)
    url: str = request.url
    return url.removeprefix(server.endpoint)


def send(
    server: S3Server,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes | Iterable[bytes] = b"",
) -> Answer:
    """Send exactly these headers and this body; Content-Length comes from a body of bytes."""
    connection = http.client.HTTPConnection(server.host, timeout=_TIMEOUT_S)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if isinstance(body, bytes) and (body or method == "PUT") and not _has_length(headers):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        for piece in [body] if isinstance(body, bytes) else body:
            connection.send(piece)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def ask(
    server: S3Server,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """Send a request that the owner has signed, its body included."""
    digest = hashlib.sha256(body).hexdigest()
    return send(server, method, path, signed(server, method, path, headers, payload_hash=digest),
                body)  # fmt: skip


def _has_length(headers: Mapping[str, str]) -> bool:
    return any(name.lower() == "content-length" for name in headers)
