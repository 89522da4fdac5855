"""A store that knows roles: temporary credentials expire, and what they do not sign is refused.

Moto's STS makes the credentials, and moto's S3 takes every signature. In between, this server
gives credentials a lifetime, and checks signature, session token and expiry of each request. It is
also the metadata service of an instance (IMDSv2) and of a container (ECS, EKS Pod Identity).
"""

import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import parse_qs

from aiohttp import web
from multidict import CIMultiDict

from slimgate.gateway.s3.client_keys import ClientKey, ClientKeys
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.sigv4 import WireRequest, verify
from tests.servers.faulty import FaultyStore
from tests.servers.server import S3Server

ROLE: Final = "arn:aws:iam::123456789012:role/gateway"

_INSTANCE: Final = "/latest/meta-data/iam/security-credentials/"
_SESSION: Final = secrets.token_hex(8)
_FIELD: Final = "<{0}>([^<]*)</{0}>"


@dataclass(frozen=True, slots=True)
class Issued:
    """Temporary credentials.

    Attributes:
        role: Role that they are of.
        access_key: Access key.
        secret_key: Secret key.
        token: Session token.
        expires: Seconds since the epoch.
    """

    role: str
    access_key: str
    secret_key: str
    token: str
    expires: float

    @property
    def expiration(self) -> str:
        """Return when they expire, as AWS writes it."""
        return datetime.fromtimestamp(self.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class RoleStore(FaultyStore):
    """Stand before moto, within a ``with`` block.

    Attributes:
        lifetime_s: Lifetime of credentials, seconds.
        web_tokens: Web identity tokens that are accepted.
        external_id: What AssumeRole has to send; None: nothing.
        works: STS and metadata services answer.
        permits: Returns whether a role may send a request of that method and path.
        issued: All temporary credentials by access key.
        checked: Methods and paths of the requests that have begun.
        refusals: Codes of refused requests.
    """

    def __init__(self, server: S3Server) -> None:
        super().__init__(server)
        self._users = {user.access: ClientKey(user.secret) for user in server.users}
        self.lifetime_s = 3600.0
        self.web_tokens: set[str] = {"web-token"}
        self.external_id: str | None = None
        self.works = True
        self.permits: Callable[[str, str, str], bool] = lambda *_: True
        self.issued: dict[str, Issued] = {}
        self.checked: list[tuple[str, str]] = []
        self.refusals: list[str] = []

    def revoke_all(self) -> None:
        """Let all temporary credentials expire now."""
        now = time.time()
        self.issued = {key: replace(each, expires=now) for key, each in self.issued.items()}

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    async def _answer(self, request: web.Request) -> web.Response:
        if request.path.startswith(("/latest/", "/container")):
            return self._metadata(request)
        if request.method == "POST" and request.path == "/":
            return await self._assume(request, await request.read())
        try:
            self._check(request)  # as S3 does, before the body arrives
        except S3Error as error:
            self.refusals.append(error.code)
            shown = {"Content-Type": "application/xml"}
            text = error.to_xml(resource=request.path, request_id="1")
            return web.Response(status=error.status, body=text, headers=shown)
        return await super()._answer(request)

    def _check(self, request: web.Request) -> None:
        """Check signature, token, expiry and rights.

        Raises:
            S3Error: They do not permit the request.
        """
        path, _, query = request.raw_path.partition("?")
        self.checked.append((request.method, path))
        wire = WireRequest(request.method, path, query, tuple(request.headers.items()))
        verified = verify(wire, ClientKeys(self._key), datetime.now(UTC))
        issued = self.issued.get(verified.access_key) if verified else None
        if issued is None:
            return
        if issued.expires <= time.time():
            raise S3Error("ExpiredToken")
        if not self.permits(issued.role, request.method, path):
            raise S3Error("AccessDenied")

    def _key(self, access_key: str) -> ClientKey | None:
        issued = self.issued.get(access_key)
        if issued is None:
            return self._users.get(access_key)
        return ClientKey(issued.secret_key, issued.token)

    async def _assume(self, request: web.Request, body: bytes) -> web.Response:
        """Let moto make credentials for a role, and give them a lifetime."""
        asked = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        by_token = asked["Action"] == "AssumeRoleWithWebIdentity"
        if not self.works:
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable")
        if by_token and asked.get("WebIdentityToken") not in self.web_tokens:
            return _refused(HTTPStatus.BAD_REQUEST, "InvalidIdentityToken")
        if not by_token and asked.get("ExternalId") != self.external_id:
            return _refused(HTTPStatus.FORBIDDEN, "AccessDenied")
        status, headers, content = await self._asked(request, body)
        text = content.decode()
        access, secret, token = (
            _text(text, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")
        )
        issued = self.keep(asked["RoleArn"], access, secret, token)
        text = re.sub(
            _FIELD.format("Expiration"), f"<Expiration>{issued.expiration}</Expiration>", text
        )
        kept = CIMultiDict(headers)
        kept.popall("Content-Length", None)
        return web.Response(status=status, headers=kept, body=text.encode())

    def _metadata(self, request: web.Request) -> web.Response:
        """Answer as the metadata service of an instance or a container."""
        if not self.works:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        if request.path == "/latest/api/token":
            has_ttl = "X-aws-ec2-metadata-token-ttl-seconds" in request.headers
            known = request.method == "PUT" and has_ttl
            return web.Response(text=_SESSION) if known else web.Response(status=400)
        of_instance = request.path.startswith("/latest/")
        name = "X-aws-ec2-metadata-token" if of_instance else "Authorization"
        if request.headers.get(name) != _SESSION:
            return web.Response(status=HTTPStatus.UNAUTHORIZED)
        if request.path == _INSTANCE:
            return web.Response(text="instance")
        access, secret = secrets.token_hex(10), secrets.token_hex(20)
        issued = self.keep(request.path, access, secret, secrets.token_hex(40))
        shown = {
            "Code": "Success",
            "AccessKeyId": issued.access_key,
            "SecretAccessKey": issued.secret_key,
            "Token": issued.token,
            "Expiration": issued.expiration,
        }
        return web.Response(text=json.dumps(shown), content_type="application/json")

    def keep(self, role: str, access_key: str, secret_key: str, token: str) -> Issued:
        """Accept temporary credentials from now on."""
        expires = float(int(time.time() + self.lifetime_s))
        issued = self.issued[access_key] = Issued(role, access_key, secret_key, token, expires)
        return issued

    @property
    def container_token(self) -> str:
        """Return what a container has to send in Authorization."""
        return _SESSION


def _text(xml: str, name: str) -> str:
    found = re.search(_FIELD.format(name), xml)
    assert found is not None, xml
    return found.group(1)


def _refused(status: int, code: str) -> web.Response:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>No.</Message></Error>"
    text = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
    return web.Response(status=status, text=text, content_type="text/xml")


@contextmanager
def role_store(server: S3Server) -> Iterator[tuple[RoleStore, S3Server]]:
    """Run such a store; yield it, and the server as seen through it."""
    with RoleStore(server) as store:
        yield store, server.at(store.endpoint)
