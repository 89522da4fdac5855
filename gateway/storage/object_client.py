"""The store as one caller or one job sees it: all that is asked about objects goes through here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final, Protocol

from multidict import CIMultiDict

from gateway.s3 import xml as s3xml
from gateway.s3.access_control import Acl, Tags, read_acl, read_tags
from gateway.s3.canonical import escaped
from gateway.s3.identity import Identity
from gateway.s3.routing import Target
from gateway.storage.connection_pool import Client, Holder
from gateway.storage.errors import CONFLICT, Changed, Denied, check_available
from gateway.storage.messages import Request, Sending, read_bounded
from gateway.storage.streamed_upload import Streamed, streamed
from gateway.storage.upstream import Upstream

_MAX_BYTES: Final = 1 << 16

# Stores that know no tags or ACLs, or say of an object without tags that it has none.
_NONE: Final = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}
)


class ObjectClient(Protocol):
    """Objects of the store, on behalf of one caller or of one job.

    An implementation supplies :meth:`send` and :attr:`passed_along`; the other methods send what
    they say. Any of them may be called any number of times, also at once. All raise
    ``S3Error``: ServiceUnavailable when the store cannot be reached or breaks off, SlowDown when no
    connection to it gets free in time.
    """

    @property
    def passed_along(self) -> Mapping[str, str]:
        """Return the caller's headers that every request on its behalf carries; none for a job."""
        ...

    def send(self, request: Request) -> Sending:
        """Send a request exactly as it is, whatever the store answers.

        Args:
            request: What to send, with all its headers.

        Returns:
            What is entered once; the answer's body can be read inside it, and is closed with it.
        """
        ...

    def head(self, target: Target, version_id: str | None = None) -> Sending:
        """Send HEAD for an object.

        Args:
            target: Which object.
            version_id: Which version; None: the current one.
        """
        return self.send(self._about("HEAD", target, version_id))

    def get(
        self, target: Target, version_id: str | None = None, *, etag: str | None = None
    ) -> Sending:
        """Send GET for an object.

        Args:
            target: Which object.
            version_id: Which version; None: the current one.
            etag: Without quotes; the store answers with 412 when the object has another.
        """
        request = self._about("GET", target, version_id)
        if etag is not None:
            request = _with(request, {"If-Match": f'"{etag}"'})
        return self.send(request)

    async def put_if_match(self, request: Request, etag: str) -> Mapping[str, str]:
        """Write an object on condition that it is still the one that is replaced.

        Args:
            request: A PUT with its body in memory.
            etag: Of what is replaced, without quotes.

        Returns:
            The headers of the answer.

        Raises:
            Changed: It is another object now, or gone; nothing was written.
            Denied: The store does not take it; nothing was written.
            S3Error: ServiceUnavailable; it may have been written.
        """
        # Ceph takes the quotes of a PUT's If-Match for a part of the ETag; others take both forms.
        async with self.send(_with(request, {"If-Match": etag})) as response:
            status = str(response.status)
            if response.status in CONFLICT:
                raise Changed(f"PUT was answered with {status}", status)
            check_available(response)
            if response.status != HTTPStatus.OK:
                raise Denied(f"PUT was answered with {status}: may this key write it?", status)
            return response.headers

    def delete(self, target: Target, version_id: str | None = None) -> Sending:
        """Send DELETE for an object or for one version of it."""
        return self.send(self._about("DELETE", target, version_id))

    async def tags(self, target: Target, version_id: str | None = None) -> Tags:
        """Return the tags of an object; none from a store that knows no tags.

        Raises:
            Denied: They cannot be read.
        """
        answer = await self._subresource("tagging", target, version_id)
        return [] if answer is None else read_tags(answer)

    async def acl(self, target: Target, version_id: str | None = None) -> Acl | None:
        """Return the ACL of an object; None from a store that knows no ACLs.

        Raises:
            Denied: It cannot be read.
        """
        answer = await self._subresource("acl", target, version_id)
        return None if answer is None else read_acl(answer)

    async def lock(self, bucket: str) -> bool:
        """Return whether a bucket puts new objects under retention.

        A caller who may not ask is taken to use an ordinary bucket: should it lock after all, the
        store refuses what cannot be done.
        """
        request = self._about("GET", Target(bucket, "", ""), subresource="object-lock")
        async with self.send(request) as response:
            if response.status != HTTPStatus.OK:
                return False
            root = s3xml.parse(await read_bounded(response, _MAX_BYTES))
        return any(s3xml.name(element) == "DefaultRetention" for element in root.iter())

    async def _subresource(
        self, name: str, target: Target, version_id: str | None
    ) -> s3xml.Element | None:
        request = self._about("GET", target, version_id, subresource=name)
        async with self.send(request) as response:
            if response.status in _NONE:
                return None
            check_available(response)
            if response.status != HTTPStatus.OK:
                message = f"its {name} cannot be read ({response.status}): allow this key to"
                raise Denied(message, name)
            return s3xml.parse(await read_bounded(response, _MAX_BYTES))

    def _about(
        self, method: str, target: Target, version_id: str | None = None, *, subresource: str = ""
    ) -> Request:
        version = f"versionId={escaped(version_id)}" if version_id else ""
        query = "&".join(filter(None, (subresource, version)))
        return Request(method, target, query, CIMultiDict(self.passed_along))


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf the store is used.

    Attributes:
        identity: Whose key signs the requests; None sends them unsigned.
        client: The address whose share of the connections bounds them; None: no share does.
        holder: What loses a connection while its client is silent and others wait for one.
        passed_along: Headers of the caller's request that say who pays and whose bucket it is.
    """

    identity: Identity | None
    client: Client = None
    holder: Holder | None = None
    passed_along: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpstreamClient(ObjectClient):
    """The configured store, used on behalf of a caller; for a job, its identity alone.

    Attributes:
        upstream: Already open.
        caller: On whose behalf.
    """

    upstream: Upstream
    caller: Caller

    @property
    def passed_along(self) -> Mapping[str, str]:
        """Return the caller's headers that every request on its behalf carries."""
        return self.caller.passed_along

    def send(self, request: Request) -> Sending:
        """Send a request; see :meth:`gateway.storage.upstream.Upstream.send`.

        An error in a body that a client sends is raised as such.
        """
        body = request.body
        if isinstance(body, Streamed):
            return streamed(self._send, request, body, self.upstream.expectation)
        return self._send(request)

    def _send(self, request: Request) -> Sending:
        by = self.caller
        return self.upstream.send(request, by.identity, by.client, by.holder)


def _with(request: Request, more: Mapping[str, str]) -> Request:
    headers = CIMultiDict(request.headers)
    headers.update(more)
    return replace(request, headers=headers)
